"""`qsky clock ...` as typed: answers, files, and what is refused."""

import json
import math
import sys
from collections.abc import Callable
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from terminal import cli

ENTRIES = [EntryPoint("clock", "terminal.clock_commands:app", cli.GROUP)]
SLOT_PS = 10_000
SLOTS = 1 << 16
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

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def qsky(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs the command as `main` does: exit code, standard output, standard error."""
    monkeypatch.setattr(cli, "entry_points", lambda group: ENTRIES)
    monkeypatch.delenv("QSKY_TRACEBACK", raising=False)

    def run(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["qsky", *arguments])
        with pytest.raises(SystemExit) as exit_info:
            cli.main()
        out, err = capsys.readouterr()
        return int(exit_info.value.code or 0), out, err

    return run


class Case:
    """A stream with a constant offset of 12 ppm, 20 % background, and its files."""

    ppm = 12.0
    first_slot = 4321

    def __init__(self, folder: Path, seed: int = 5, n: int = 3000, span_s: float = 1.5) -> None:
        rng = np.random.default_rng(seed)
        self.state = rng.integers(0, 4, SLOTS).astype(np.uint8)
        period_ps = SLOT_PS * (1.0 + self.ppm * 1e-6)
        slot = np.sort(rng.integers(0, int(span_s * 1e12 / period_ps), n))
        background = rng.random(n) < 0.2
        sent = self.state[(self.first_slot + slot) % SLOTS]
        basis = rng.integers(0, 2, n)
        bit = np.where(basis == sent // 2, sent % 2, rng.integers(0, 2, n))
        time = slot * period_ps + 212.0 * rng.standard_normal(n)
        time = np.where(background, rng.uniform(0.0, span_s * 1e12, n), time)
        self.channel = np.where(background, rng.integers(0, 4, n), 2 * basis + bit).astype(np.uint8)
        self.time_ps = np.rint(time).astype(np.int64)
        order = np.argsort(self.time_ps, kind="stable")
        self.time_ps, self.channel = self.time_ps[order], self.channel[order]
        self.is_signal = ~background[order]
        nearest = np.rint(self.time_ps / period_ps).astype(np.int64)
        self.slot = (self.first_slot + nearest) % SLOTS
        self.tags, self.pattern = folder / "tags.npz", folder / "pattern.npz"
        np.savez(self.tags, time_ps=self.time_ps, channel=self.channel)
        np.savez(self.pattern, state=self.state)

    def arguments(self, *more: str) -> list[str]:
        pattern = ["--pattern", str(self.pattern), "--slot-ps", str(SLOT_PS)]
        return ["clock", "recover", str(self.tags), *pattern, *more]


@pytest.fixture
def case(tmp_path: Path) -> Case:
    return Case(tmp_path)


def answer(run: Run, *arguments: str) -> dict[str, Any]:
    code, out, err = run(*arguments, "--json", "-")
    assert code == 0, err
    found: dict[str, Any] = json.loads(out)
    return found


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
    assert answer(qsky, *case.arguments("--slots", str(slots)))["locked"] is False
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
