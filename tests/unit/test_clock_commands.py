"""`qsky clock ...` as typed: answers, files, and what is refused."""

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from clock_case import SLOT_PS, Case, Run, answer
from numpy.typing import NDArray

RECOVER_FIELDS = {
    "locked",
    "frequency_offset",
    "drift_per_s",
    "offset_slots",
    "false_lock_probability",
    "clicks_used",
    "seconds_used",
    "timing_rms_ps",
}


@pytest.fixture
def case(tmp_path: Path) -> Case:
    return Case(tmp_path)


def test_recover_answers_the_contract(qsky: Run, case: Case, tmp_path: Path) -> None:
    slots = tmp_path / "slots.npy"
    got = answer(qsky, *case.arguments("--slots", str(slots)))
    assert set(got) >= RECOVER_FIELDS
    assert got["locked"] is True
    assert got["offset_slots"] == case.slot[0]
    bound = 212e-12 * math.sqrt(192.0 / (3000 * 0.72)) / 1.5
    assert abs(got["frequency_offset"] - 12e-6) < 5.0 * bound
    assert abs(got["drift_per_s"]) < 5.0 * 212e-12 * math.sqrt(720.0 / (3000 * 0.72)) / 1.5**2
    assert got["false_lock_probability"] < 1e-6
    assert got["timing_rms_ps"] == pytest.approx(212.0, rel=0.08)
    found = np.load(slots)
    assert found.dtype == np.int64
    np.testing.assert_array_equal(found[case.is_signal], case.slot[case.is_signal])


def test_unsorted_tags_get_their_slots_in_the_files_order(
    qsky: Run, case: Case, tmp_path: Path
) -> None:
    order = np.random.default_rng(1).permutation(case.time_ps.size)
    np.savez(case.tags, time_ps=case.time_ps[order], channel=case.channel[order])
    slots = tmp_path / "slots.npy"
    got = answer(qsky, *case.arguments("--slots", str(slots)))
    assert got["locked"] is True
    assert "not_in_order" in got["flags"]
    signal = case.is_signal[order]
    np.testing.assert_array_equal(np.load(slots)[signal], case.slot[order][signal])


def test_table_for_people(qsky: Run, case: Case) -> None:
    code, out, _ = qsky(*case.arguments())
    assert code == 0
    assert "frequency_offset" in out


def test_max_clicks_bounds_the_lock(qsky: Run, case: Case) -> None:
    assert answer(qsky, *case.arguments("--max-clicks", "400"))["clicks_used"] <= 400
    assert answer(qsky, *case.arguments("--max-clicks", "40"))["locked"] is False


def test_noise_is_an_answer(qsky: Run, case: Case, tmp_path: Path) -> None:
    rng = np.random.default_rng(2)
    np.savez(
        case.tags,
        time_ps=np.sort(rng.integers(0, 10**12, 2000)),
        channel=rng.integers(0, 4, 2000).astype(np.uint8),
    )
    slots = tmp_path / "slots.npy"
    got = answer(qsky, *case.arguments("--slots", str(slots)))
    assert got["locked"] is False
    assert set(got) >= RECOVER_FIELDS
    assert np.all(np.load(slots) == -1)


def test_no_clicks_is_an_answer(qsky: Run, case: Case, tmp_path: Path) -> None:
    np.savez(case.tags, time_ps=np.empty(0, np.int64), channel=np.empty(0, np.uint8))
    slots = tmp_path / "slots.npy"
    got = answer(qsky, *case.arguments("--slots", str(slots)))
    assert got["locked"] is False
    assert got["flags"] == ["no_clicks"]
    assert np.load(slots).size == 0
    assert answer(qsky, "clock", "period", str(case.tags), "--near-hz", "1e8")["locked"] is False
    assert answer(qsky, "clock", "pair", str(case.tags), str(case.tags))["locked"] is False


@pytest.mark.parametrize("channel", range(4))
def test_dead_channel_is_flagged_and_no_wrong_lock(qsky: Run, case: Case, channel: int) -> None:
    keep = case.channel != channel
    np.savez(case.tags, time_ps=case.time_ps[keep], channel=case.channel[keep])
    got = answer(qsky, *case.arguments())
    assert "dead_channel" in got["flags"]
    if got["locked"]:
        assert got["offset_slots"] == case.slot[keep][0]


@pytest.mark.parametrize("wiring", [[1, 0, 2, 3], [0, 1, 3, 2], [2, 3, 0, 1], [1, 0, 3, 2]])
def test_swapped_channels_are_flagged_or_no_lock(qsky: Run, case: Case, wiring: list[int]) -> None:
    swapped = np.array(wiring, dtype=np.uint8)[case.channel]
    np.savez(case.tags, time_ps=case.time_ps, channel=swapped)
    got = answer(qsky, *case.arguments())
    if got["locked"]:
        assert got["offset_slots"] == case.slot[0]
        assert "swapped_channels" in got["flags"]


def test_truncated_file_gives_what_it_has(qsky: Run, case: Case, tmp_path: Path) -> None:
    words = (np.rint(case.time_ps * 0.256).astype(np.uint64) << np.uint64(10)) | (
        np.uint64(1) << case.channel.astype(np.uint64)
    )
    case.tags = tmp_path / "tags.a1"
    case.tags.write_bytes(words.astype("<u8").tobytes()[:-3])
    slots = tmp_path / "slots.npy"
    got = answer(qsky, *case.arguments("--slots", str(slots)))
    assert got["locked"] is True
    assert "truncated" in got["flags"]
    found = np.load(slots)
    signal = case.is_signal[:-1]
    np.testing.assert_array_equal(found[signal], case.slot[:-1][signal])


def bad_pattern(**arrays: NDArray[Any]) -> Callable[[Path], None]:
    return lambda path: np.savez(path, **arrays)


@pytest.mark.parametrize(
    ("write", "says"),
    [
        (lambda path: None, "no such file"),
        (lambda path: path.write_bytes(b"not an archive"), "no .npz"),
        (bad_pattern(other=np.zeros(5, np.uint8)), "no array `state`"),
        (bad_pattern(state=np.zeros((2, 2), np.uint8)), "row of integers"),
        (bad_pattern(state=np.zeros(4)), "row of integers"),
        (bad_pattern(state=np.array([0, 7], np.uint8)), "0..3"),
        (bad_pattern(state=np.array([-1, 2])), "0..3"),
        (bad_pattern(state=np.empty(0, np.uint8)), "slots"),
    ],
)
def test_bad_pattern_is_refused_in_one_line(
    qsky: Run, case: Case, tmp_path: Path, write: Callable[[Path], None], says: str
) -> None:
    case.pattern = tmp_path / "bad.npz"
    write(case.pattern)
    code, _, err = qsky(*case.arguments())
    assert code == 2
    assert says in err
    assert str(case.pattern) in err
    assert err.count("\n") == 1


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (["--slot-ps", "0"], "--slot-ps"),
        (["--slot-ps", "nan"], "--slot-ps"),
        (["--max-clicks", "0"], "--max-clicks"),
        (["--channels", "1,2,x"], "--channels"),
        (["--channels", "1,1,2,3"], "--channels"),
        (["--slots", "/no/such/folder/o.npy"], "--slots"),
    ],
)
def test_bad_options_are_refused_in_one_line(
    qsky: Run, case: Case, change: list[str], says: str
) -> None:
    code, _, err = qsky(*case.arguments(*change))
    assert code == 2
    assert says in err
    assert err.count("\n") == 1


def test_bad_tags_are_refused_in_one_line(qsky: Run, case: Case, tmp_path: Path) -> None:
    for name, content in (("gone.ptu", None), ("wrong.ptu", b"NOPTU" * 9), ("odd.xyz", b"abc")):
        path = tmp_path / name
        if content is not None:
            path.write_bytes(content)
        for words in (
            ["period", str(path), "--near-hz", "1e8"],
            ["pair", str(path), str(case.tags)],
        ):
            code, _, err = qsky("clock", *words)
            assert code == 2
            assert name in err
            assert err.count("\n") == 1


def test_period(qsky: Run, case: Case) -> None:
    got = answer(qsky, "clock", "period", str(case.tags), "--near-hz", "1e8")
    true_hz = 1e12 / (SLOT_PS * (1.0 + 12e-6))
    assert set(got) >= {"frequency_hz", "uncertainty_hz", "clicks_used"}
    assert abs(got["frequency_hz"] - true_hz) < 5.0 * got["uncertainty_hz"]
    bound = 1e8 * 212e-12 * math.sqrt(12.0 / (3000 * 0.72)) / 1.5
    assert got["uncertainty_hz"] < 1.3 * bound
    assert qsky("clock", "period", str(case.tags), "--near-hz", "-5")[0] == 2


def test_pair(qsky: Run, tmp_path: Path) -> None:
    rng = np.random.default_rng(7)
    common = rng.uniform(0.0, 0.5e12, 4000)
    a = np.sort(np.concatenate([common, rng.uniform(0.0, 0.5e12, 10_000)]))
    b = np.sort(np.concatenate([common, rng.uniform(0.0, 0.5e12, 10_000)])) * (1 + 1e-6) + 7e6
    for name, t in (("a", a), ("b", b)):
        time_ps = np.rint(t + 100.0 * rng.standard_normal(t.size)).astype(np.int64)
        np.savez(tmp_path / f"{name}.npz", time_ps=time_ps, channel=np.zeros(t.size, np.uint8))
    files = [str(tmp_path / "a.npz"), str(tmp_path / "b.npz")]
    got = answer(qsky, "clock", "pair", *files, "--max-offset-s", "0.001")
    assert set(got) >= {
        "locked",
        "offset_ps",
        "frequency_offset",
        "coincidences",
        "false_lock_probability",
    }
    assert got["locked"] is True
    assert abs(got["offset_ps"] - (7e6 + 1e-6 * a[0])) < 5.0 * 2.0 * 142.0 / math.sqrt(4000)
    assert abs(got["frequency_offset"] - 1e-6) < 1e-10


@pytest.mark.parametrize("tag_format", ["npz", "a1"])
def test_simulate_writes_a_stream_that_recover_explains(
    qsky: Run, tmp_path: Path, tag_format: str
) -> None:
    out = tmp_path / "sim"
    options = ["--flyby-km", "600", "--rate-hz", "2000", "--duration-s", "1.5"]
    options += ["--pattern-slots", "65536", "--format", tag_format, "--seed", "3"]
    code, _, err = qsky("clock", "simulate", "--out", str(out), *options)
    assert code == 0, err
    truth = json.loads((out / "truth.json").read_text())
    files = [str(out / f"tags.{tag_format}"), "--pattern", str(out / "pattern.npz")]
    got = answer(
        qsky, "clock", "recover", *files, "--slot-ps", "10000", "--slots", str(out / "found.npy")
    )
    assert got["locked"] is True
    assert got["offset_slots"] == truth["offset_slots"]
    bound = 212e-12 * math.sqrt(192.0 / (truth["clicks"] * 0.72)) / 1.5
    assert abs(got["frequency_offset"] - truth["frequency_offset"]) < 5.0 * bound
    # A slot nearest by the truth; background halfway between two may be called either way.
    differs = np.load(out / "found.npy") != np.load(out / "slots.npy")
    assert np.count_nonzero(differs) <= 0.2 * truth["clicks"] * 0.02


def test_simulate_refuses(qsky: Run, tmp_path: Path) -> None:
    for words in (["--format", "csv"], ["--background", "2"], ["--rate-hz", "1e8"]):
        code, _, err = qsky("clock", "simulate", "--out", str(tmp_path), *words)
        assert code == 2
        assert err.count("\n") == 1


def test_group_is_listed_and_helps(qsky: Run) -> None:
    code, out, _ = qsky("--help")
    assert code == 0
    assert "clock" in out
    code, out, _ = qsky("clock", "--help")
    assert code == 0
    for name in ("recover", "period", "pair", "simulate"):
        assert name in out


@pytest.mark.parametrize("background", [0.1, 0.6])
def test_quality_fields_are_the_truth(qsky: Run, tmp_path: Path, background: float) -> None:
    out, delays = tmp_path / "sim", np.array([250.0, -150.0, 0.0, 60.0])
    options = ["--rate-hz", "10000", "--duration-s", "3", "--pattern-slots", "65536"]
    options += ["--background", str(background), "--flyby-km", "600"]
    text = ",".join(str(delay) for delay in delays)
    code, _, err = qsky("clock", "simulate", "--out", str(out), *options, "--delays-ps", text)
    assert code == 0, err
    truth = json.loads((out / "truth.json").read_text())
    files = [str(out / "tags.npz"), "--pattern", str(out / "pattern.npz"), "--slot-ps", "10000"]
    got = answer(qsky, "clock", "recover", *files)
    clicks, signal = truth["clicks"], truth["signal_clicks"]
    # Five sigma, doubled for what the background takes from the information.
    assert got["timing_rms_ps"] == pytest.approx(212.0, rel=10.0 / math.sqrt(2.0 * signal))
    assert got["signal_fraction"] == pytest.approx(signal / clicks, abs=5.0 / math.sqrt(clicks))
    other = (clicks - signal) / 3.0
    assert got["background_hz"] == pytest.approx(other, abs=10.0 * math.sqrt(clicks) / 3.0)
    assert sum(got["channel_background_hz"]) == pytest.approx(
        other, abs=5.0 * math.sqrt(2.0 * other / 3.0)
    )
    relative = np.array(got["channel_delays_ps"]) - delays
    tolerance = 10.0 * 212.0 / math.sqrt(signal / 4.0)
    np.testing.assert_allclose(relative, np.mean(relative), atol=tolerance)
    total = got["clicks_accepted"] + got["clicks_rejected"] + got["clicks_without_slot"]
    assert total == got["clicks"] == clicks
    assert got["clicks_without_slot"] == 0
    assert got["slips"] == 0
    # No oscillator noise is simulated: what is left is that of the phases.
    first = got["allan_deviation"][0]
    assert 0.5 * first["floor"] < first["deviation"] < 1.5 * first["floor"]


@pytest.mark.parametrize("delays", ["1,2,3", "1,2,3,x", "0,0,0,9000", "nan,0,0,0"])
def test_simulate_refuses_delays(qsky: Run, tmp_path: Path, delays: str) -> None:
    code, _, err = qsky("clock", "simulate", "--out", str(tmp_path), "--delays-ps", delays)
    assert code == 2
    assert "--delays-ps" in err


def test_period_over_a_part_of_the_file_says_so(qsky: Run, tmp_path: Path) -> None:
    """The Doppler of a fly-by is more than a source in a laboratory wanders."""
    out = tmp_path / "sim"
    options = ["--flyby-km", "600", "--rate-hz", "1000", "--duration-s", "10"]
    qsky("clock", "simulate", "--out", str(out), *options, "--pattern-slots", "1024")
    got = answer(qsky, "clock", "period", str(out / "tags.npz"), "--near-hz", "1e8")
    assert not got["locked"] or "not_whole_file" in got["flags"] or got["seconds_used"] > 9.9
