"""`qsky clock` on files that are wrong: one line, or a flag; no wrong lock, nothing lost that was
good."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from clock_case import SLOT_PS, SLOTS, WRITERS, Case, Run, answer, write_ptu
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from config.errors import InputError
from terminal import clock_input
from terminal.clock_answers import recovery_answer
from terminal.clock_totals import settle
from terminal.timetags.file_recovery import recover

FORMATS = sorted(WRITERS)


@pytest.fixture
def case(tmp_path: Path) -> Case:
    return Case(tmp_path)


def no_wrong_slot(slots: NDArray[np.int64], case: Case, place: NDArray[Any] | None = None) -> float:
    """Asserts it for all signal clicks; the share of them that has a slot. place: (clicks of the
    file,), of each in the case."""
    place = np.arange(case.slot.size) if place is None else place
    signal = case.is_signal[place]
    found, true = slots[signal], case.slot[place][signal]
    sure = found >= 0
    np.testing.assert_array_equal(found[sure], true[sure])
    return float(np.mean(sure))


@pytest.mark.parametrize("tag_format", FORMATS)
def test_all_formats_give_the_same_slots(qsky: Run, case: Case, tag_format: str) -> None:
    case.write(tag_format, case.time_ps, case.channel)
    got, slots = case.recovered(qsky)
    assert got["flags"] == []
    assert no_wrong_slot(slots, case) == 1.0


@pytest.mark.parametrize("tag_format", FORMATS)
def test_of_a_truncated_file_the_rest_is_recovered(qsky: Run, case: Case, tag_format: str) -> None:
    case.write(tag_format, case.time_ps, case.channel)
    content = case.tags.read_bytes()
    case.tags.write_bytes(content[: int(0.7 * len(content)) + 1])
    got, slots = case.recovered(qsky)
    assert got["locked"] is True
    assert "truncated" in got["flags"]
    assert slots.size >= 0.6 * case.slot.size
    assert no_wrong_slot(slots, case, np.arange(slots.size)) == 1.0


@pytest.mark.parametrize("name", ["a.npz", "a.ptu", "a.a1", "a.qutag", "a.csv"])
def test_wrong_bytes_are_refused_or_no_lock(qsky: Run, case: Case, name: str) -> None:
    case.tags = case.folder / name
    case.tags.write_bytes(np.random.default_rng(8).bytes(20_000))
    code, out, err = qsky(*case.arguments("--json", "-"))
    if code == 0:
        assert '"locked": false' in out
    else:
        assert code == 2
        assert str(case.tags) in err
        assert err.count("\n") == 1


def test_a_lost_overflow_is_put_in(qsky: Run, tmp_path: Path) -> None:
    case = Case(tmp_path, n=20_000, span_s=0.1)
    case.tags = tmp_path / "tags.ptu"
    write_ptu(case.tags, case.time_ps, case.channel, lost=1000)
    got, slots = case.recovered(qsky)
    assert "overflow_lost" in got["flags"]
    assert no_wrong_slot(slots, case) == 1.0


def test_an_overflow_lost_between_few_clicks_is_found_by_the_pattern(
    qsky: Run, tmp_path: Path
) -> None:
    """The count does not fall by nearly a wrap: the file does not show it."""
    case = Case(tmp_path, n=12_000, span_s=6.0)
    case.tags = tmp_path / "tags.ptu"
    write_ptu(case.tags, case.time_ps, case.channel, lost=6000)
    got, slots = case.recovered(qsky)
    assert {"overflow_lost", "slot_leap", "relocked"} & set(got["flags"])
    assert no_wrong_slot(slots, case) > 0.95


LEAPS_PS = [-(1 << 25), 3 * (1 << 25), 10_000_000, 250_000_000, -2_500]


@pytest.mark.parametrize("tag_format", ["npz", "a1"])
@pytest.mark.parametrize("leap_ps", LEAPS_PS)
def test_a_leap_of_time_costs_no_right_slot(
    qsky: Run, tmp_path: Path, tag_format: str, leap_ps: int
) -> None:
    """Whole slots or parts of one: the clock is found again after it."""
    case = Case(tmp_path, n=12_000, span_s=6.0)
    after = case.time_ps > case.time_ps[6000] + abs(leap_ps)
    keep = after | (np.arange(after.size) < 6000)
    place = np.flatnonzero(keep)
    time_ps = case.time_ps + np.where(after, leap_ps, 0)
    case.write(tag_format, time_ps[place], case.channel[place])
    got, slots = case.recovered(qsky)
    assert got["offset_slots"] == case.slot[0]
    if abs(leap_ps) > SLOT_PS:
        assert "slot_leap" in got["flags"] or "relocked" in got["flags"]
    assert no_wrong_slot(slots, case, place) > 0.95


def test_clicks_somewhat_late_are_put_in_order(qsky: Run, case: Case) -> None:
    late = case.time_ps + np.random.default_rng(3).integers(0, 2_000_000_000, case.time_ps.size)
    place = np.argsort(late, kind="stable")
    case.write("npz", case.time_ps[place], case.channel[place])
    got, slots = case.recovered(qsky)
    assert "not_in_order" in got["flags"]
    assert no_wrong_slot(slots, case, place) == 1.0


def test_a_clock_set_back_is_flagged(qsky: Run, tmp_path: Path) -> None:
    case = Case(tmp_path, n=6000, span_s=3.0)
    half = case.time_ps.size // 2
    back_ps = np.where(np.arange(case.time_ps.size) < half, 0, -700_000_123_456)
    case.write("npz", case.time_ps + back_ps, case.channel)
    got, _ = case.recovered(qsky)
    assert "time_back" in got["flags"]
    if got["locked"]:
        assert got["offset_slots"] == case.slot[0]


@pytest.mark.parametrize("channel", range(4))
def test_hot_channel_costs_no_slot(qsky: Run, case: Case, channel: int) -> None:
    """Ten times the background of a detector, all in one."""
    rng = np.random.default_rng(9)
    more = int(9 * np.count_nonzero(~case.is_signal & (case.channel == channel)))
    time_ps = np.concatenate([case.time_ps, rng.integers(0, case.time_ps[-1], more)])
    place = np.argsort(time_ps, kind="stable")
    channels = np.concatenate([case.channel, np.full(more, channel, np.uint8)])
    case.write("npz", time_ps[place], channels[place])
    got, slots = case.recovered(qsky)
    assert got["locked"] is True
    assert "hot_channel" in got["flags"]
    background = got["channel_background_hz"]
    assert int(np.argmax(background)) == channel
    own = more / 0.9 / 1.5
    assert background[channel] == pytest.approx(own, abs=5.0 * (2.0 * own / 1.5) ** 0.5)
    case_first = np.flatnonzero(place < case.slot.size)
    assert no_wrong_slot(slots[case_first], case, place[case_first]) == 1.0


@pytest.mark.parametrize("wiring", [[1, 0, 2, 3], [0, 1, 3, 2], [2, 3, 0, 1], [1, 0, 3, 2]])
def test_swapped_channels_give_no_wrong_slot(qsky: Run, case: Case, wiring: list[int]) -> None:
    case.write("npz", case.time_ps, np.array(wiring, dtype=np.uint8)[case.channel])
    got, slots = case.recovered(qsky)
    assert "swapped_channels" in got["flags"] or not got["locked"]
    no_wrong_slot(slots, case)


@pytest.mark.parametrize(
    "time_ps", [[], [5], [7] * 1000, [0, 10**12], [-(1 << 63), (1 << 63) - 1], list(range(2000))]
)
@pytest.mark.parametrize("command", ["recover", "period", "pair"])
def test_too_little_is_no_lock(qsky: Run, case: Case, time_ps: list[int], command: str) -> None:
    channel = np.arange(len(time_ps)) % 4
    np.savez(case.tags, time_ps=np.array(time_ps, np.int64), channel=channel.astype(np.uint8))
    tags = str(case.tags)
    words = {
        "recover": case.arguments("--slots", str(case.slots)),
        "period": ["clock", "period", tags, "--near-hz", "1e8"],
        "pair": ["clock", "pair", tags, str(case.pattern.with_name("other.npz"))],
    }[command]
    np.savez(case.folder / "other.npz", time_ps=case.time_ps, channel=case.channel)
    got = answer(qsky, *words)
    assert got["locked"] is False
    if command == "recover":
        np.testing.assert_array_equal(np.load(case.slots), np.full(len(time_ps), -1))


@pytest.mark.parametrize("times", [2, 3])
def test_what_is_written_twice_counts_once(qsky: Run, case: Case, times: int) -> None:
    once = answer(qsky, *case.arguments())
    place = np.repeat(np.arange(case.slot.size), times)
    case.write("npz", case.time_ps[place], case.channel[place])
    got, slots = case.recovered(qsky)
    assert "repeated_clicks" in got["flags"]
    for name in ("clicks_used", "false_lock_probability", "frequency_offset"):
        assert got[name] == once[name]
    assert no_wrong_slot(slots, case, place) == 1.0


@pytest.mark.parametrize("state", [[255] * 64, [0], [255], [2, 2], [0, 1, 2, 3]])
def test_patterns_that_tell_no_slot(qsky: Run, case: Case, state: list[int]) -> None:
    np.savez(case.pattern, state=np.array(state, np.uint8))
    code, out, err = qsky(*case.arguments("--json", "-"))
    assert (code == 0 and '"locked": false' in out) or (code == 2 and err.count("\n") == 1)


@pytest.mark.parametrize("slot_ps", ["9000", "11000", "20000", "5000", "10001", "1000", "1e7"])
def test_wrong_slot_period_is_no_lock(qsky: Run, case: Case, slot_ps: str) -> None:
    got = answer(qsky, *case.arguments("--slot-ps", slot_ps))
    assert got["locked"] is False


def test_times_beyond_all_clocks_are_left_out(qsky: Run, case: Case) -> None:
    edges = np.iinfo(np.int64)
    wild = np.array([edges.min, edges.max, edges.min + 1, edges.max - 1])
    where = np.array([0, 700, 1500, 3000])
    time_ps = np.insert(case.time_ps, where, wild)
    channel = np.insert(case.channel, where, 0)
    np.savez(case.tags, time_ps=time_ps, channel=channel)
    got, slots = case.recovered(qsky)
    assert "time_out_of_range" in got["flags"]
    assert got["offset_slots"] == case.slot[0]
    is_wild = np.isin(time_ps, wild)
    assert np.all(slots[is_wild] == -1)
    assert no_wrong_slot(slots[~is_wild], case) == 1.0


@pytest.mark.parametrize("at_ps", [0, 3_600_000_000_000_000])
def test_a_lone_click_far_off_costs_nothing(qsky: Run, case: Case, at_ps: int) -> None:
    start_ps = 1_800_000_000_000_000
    time_ps = np.append(case.time_ps + start_ps, at_ps)
    np.savez(case.tags, time_ps=time_ps, channel=np.append(case.channel, 0).astype(np.uint8))
    got, slots = case.recovered(qsky)
    assert got["locked"] is True
    assert slots[-1] == -1
    # Rate and background are those where the signal is, not over the hour between.
    assert got["frequency_offset"] == pytest.approx(12e-6, abs=1e-9)
    assert got["background_hz"] == pytest.approx(0.2 * 3000 / 1.5, rel=0.3)
    if at_ps < start_ps:
        assert got["offset_slots"] is None
        assert "first_click_unsure" in got["flags"]
        assert got["reference_time_ps"] == start_ps + case.time_ps[0]
    assert no_wrong_slot(slots[:-1], case) == 1.0


def test_other_channels_are_left_out(qsky: Run, case: Case) -> None:
    channel = case.channel.copy()
    channel[::5] += 4
    case.write("npz", case.time_ps, channel)
    got, slots = case.recovered(qsky)
    assert "stray_channel" in got["flags"]
    assert np.all(slots[::5] == -1)
    others = np.flatnonzero(channel < 4)
    assert no_wrong_slot(slots[others], case, others) == 1.0


def test_rows_of_unequal_length_give_what_both_have(qsky: Run, case: Case) -> None:
    np.savez(case.tags, time_ps=case.time_ps, channel=case.channel[:2500])
    got, slots = case.recovered(qsky)
    assert "truncated" in got["flags"]
    assert no_wrong_slot(slots, case, np.arange(2500)) == 1.0


@pytest.mark.parametrize(
    "write",
    [
        lambda path, t, c: np.savez(path, time_ps=t.astype(float), channel=c),
        lambda path, t, c: np.savez(path, time_ps=t, channel=c.astype(float)),
        lambda path, t, c: np.savez(path, time_ps=t.reshape(-1, 1), channel=c),
        lambda path, t, c: np.savez(path, time_ps=t.astype(object), channel=c),
        lambda path, t, c: np.savez(path, time=t, channel=c),
        lambda path, t, c: path.write_bytes(b"\x1f\x8b\x08" + bytes(500)),
        lambda path, t, c: path.write_bytes(b""),
        lambda path, t, c: path.mkdir(),
    ],
)
def test_files_that_are_none_are_refused_in_one_line(
    qsky: Run, case: Case, write: Callable[[Path, NDArray[Any], NDArray[Any]], None]
) -> None:
    case.tags.unlink()
    write(case.tags, case.time_ps, case.channel)
    code, _, err = qsky(*case.arguments())
    assert code == 2
    assert str(case.tags) in err
    assert err.count("\n") == 1


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read(qsky: Run, case: Case) -> None:
    case.tags.chmod(0)
    code, _, err = qsky(*case.arguments())
    assert (code, err.count("\n")) == (2, 1)


def test_slots_are_whole_or_not_there(
    qsky: Run, case: Case, monkeypatch: pytest.MonkeyPatch
) -> None:
    case.slots.write_bytes(b"old")

    def broken(*_: object) -> None:
        raise InputError("the disk was taken away")

    monkeypatch.setattr("terminal.clock_totals.settle", broken)
    assert qsky(*case.arguments("--slots", str(case.slots)))[0] == 2
    assert case.slots.read_bytes() == b"old"
    assert sorted(path.name for path in case.folder.iterdir()) == [
        "pattern.npz",
        "slots.npy",
        "tags.npz",
    ]


def test_slots_never_replace_what_they_come_from(qsky: Run, case: Case) -> None:
    before = case.tags.read_bytes()
    for path in (case.tags, case.pattern, case.folder):
        code, _, err = qsky(*case.arguments("--slots", str(path)))
        assert (code, err.count("\n")) == (2, 1)
    assert case.tags.read_bytes() == before


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Case:
    return Case(tmp_path_factory.mktemp("small"), n=400, span_s=0.2)


EDITS = st.lists(
    st.tuples(st.floats(0.0, 1.0), st.integers(0, 255), st.booleans()), min_size=1, max_size=4
)


@pytest.mark.parametrize("tag_format", FORMATS)
@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(edits=EDITS, share=st.floats(0.0, 1.0))
def test_any_bytes_are_answered_or_refused(
    small: Case, tag_format: str, edits: list[tuple[float, int, bool]], share: float
) -> None:
    small.write(tag_format, small.time_ps, small.channel)
    content = bytearray(small.tags.read_bytes())
    for place, value, near_start in edits:
        content[int(place * (min(len(content), 200) if near_start else len(content) - 1))] ^= value
    small.tags.write_bytes(content[: 1 + int(max(share, 0.05) * 2 * len(content))])
    pattern = clock_input.read_pattern(small.pattern)
    refused = None
    try:
        stream = clock_input.TagStream(small.tags, None)
        recovery = recover(stream.distinct_blocks, pattern, SLOT_PS * 1e-12)
        slots = np.full(stream.clicks, -1, dtype=np.int64)
        got = recovery_answer(stream, settle(stream, recovery, pattern, slots))
    except InputError as error:
        refused = str(error)
    if refused is not None:
        assert "\n" not in refused
        return
    assert np.all((slots >= -1) & (slots < SLOTS))
    assert got["locked"] or np.all(slots == -1)


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(edits=EDITS, share=st.floats(0.0, 1.0), packed=st.booleans())
def test_any_pattern_is_read_or_refused(
    tmp_path: Path, edits: list[tuple[float, int, bool]], share: float, packed: bool
) -> None:
    path = tmp_path / "pattern.npz"
    (np.savez_compressed if packed else np.savez)(path, state=np.arange(600, dtype=np.uint8) % 4)
    content = bytearray(path.read_bytes())
    for place, value, near_start in edits:
        content[int(place * (200 if near_start else len(content) - 1))] ^= value
    path.write_bytes(content[: 1 + int(max(share, 0.05) * 2 * len(content))])
    refused = None
    try:
        assert clock_input.read_pattern(path).length > 0
    except InputError as error:
        refused = str(error)
    if refused is not None:
        assert str(path) in refused
        assert "\n" not in refused
