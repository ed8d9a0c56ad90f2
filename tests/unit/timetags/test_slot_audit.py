"""Leaps by whole slots near the ends of a stream, and none where the signal only comes or goes."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import pytest
from clock_stream import Stream, StreamTruth, make_stream
from numpy.typing import NDArray

from terminal.timetags.file_recovery import Blocks, recover
from terminal.timetags.formats import TagBlock
from terminal.timetags.leap_search import found_again
from terminal.timetags.pattern import PublicPattern
from terminal.timetags.slot_audit import SlotAudit, Span

SLOTS = 1 << 17
STATE = np.random.default_rng(0).integers(0, 4, SLOTS).astype(np.uint8)
LEAP_PS = 40_000 * 10_000


def public(share: float) -> PublicPattern:
    state = STATE.copy()
    state[np.random.default_rng(1).random(SLOTS) >= share] = 255
    return PublicPattern(state)


class Audited(NamedTuple):
    slot: NDArray[np.int64]
    """Of each click, after what did not fit was searched again."""
    first_slot: NDArray[np.int64]
    """Before that."""
    spans: list[Span]


def audited(stream: Stream, pattern: PublicPattern) -> Audited:
    def blocks() -> Iterator[TagBlock]:
        for k in range(0, stream.time_ps.size, 30_000):
            part = slice(k, min(k + 30_000, stream.time_ps.size))
            yield TagBlock(stream.time_ps[part], stream.channel[part], np.arange(stream.slot.size))

    read: Blocks = blocks
    recovery = recover(read, pattern, 10e-9)
    audit = SlotAudit(recovery, pattern)
    for block in blocks():
        clicks = recovery.assign(block.time_ps, block.channel)
        audit.feed(block.time_ps, block.channel, clicks)
    spans = audit.wrong()
    anew = found_again(read, pattern, recovery, spans)
    first, last = (r.assign(stream.time_ps, stream.channel).slot for r in (recovery, anew))
    return Audited(last, first, spans)


def wrong(slot: NDArray[np.int64], stream: Stream) -> NDArray[np.bool_]:
    return stream.is_signal & (slot >= 0) & (slot != stream.slot)


def leapt(stream: Stream, at_ps: int, by_ps: int = LEAP_PS) -> Stream:
    """The same with clicks later by whole slots from then on; earlier ones if they don't come
    before those that did not leap."""
    later = stream.time_ps > at_ps
    kept = ~later | (stream.time_ps > at_ps - min(by_ps, 0))
    time_ps = stream.time_ps + np.where(later, by_ps, 0)
    return stream._replace(
        time_ps=time_ps[kept],
        channel=stream.channel[kept],
        slot=stream.slot[kept],
        centre_s=stream.centre_s[kept],
        is_signal=stream.is_signal[kept],
    )


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("at_end", [False, True])
@pytest.mark.parametrize(
    ("rate_hz", "share", "apart_s"),
    [(20e3, 1.0, 0.01), (20e3, 1.0, 0.018), (1e5, 0.1, 0.019), (1e6, 0.1, 0.002)],
)
def test_a_leap_near_an_end_gives_no_wrong_slot(
    rate_hz: float, share: float, apart_s: float, at_end: bool, seed: int
) -> None:
    """With 150 public clicks or more of signal on the shorter side."""
    truth = StreamTruth(STATE, rate_hz, 0.2, speed_m_s=7500.0, culmination_s=0.1, seed=seed)
    apart_s = truth.duration_s - apart_s if at_end else apart_s
    stream = leapt(make_stream(truth), truth.start_ps + round(1e12 * apart_s))
    got = audited(stream, public(share))
    assert not np.any(wrong(got.slot, stream))
    t_s = (stream.time_ps - truth.start_ps) * 1e-12
    longer = stream.is_signal & (t_s < apart_s - 0.01 if at_end else t_s > apart_s + 0.01)
    assert np.mean(got.slot[longer] >= 0) > 0.9


@pytest.mark.parametrize("slots", [1, -1, -40_000, SLOTS - 1, SLOTS + 1])
@pytest.mark.parametrize(("rate_hz", "share"), [(5e3, 1.0), (5e4, 0.1)])
def test_a_leap_by_any_number_of_slots_gives_no_wrong_slot(
    rate_hz: float, share: float, slots: int
) -> None:
    """One, to either side, and nearly a pattern, in the middle of a stream."""
    truth = StreamTruth(STATE, rate_hz, 1.0, speed_m_s=7500.0, culmination_s=0.5)
    at_ps = truth.start_ps + 4 * 10**11
    stream = leapt(make_stream(truth), at_ps, slots * 10_000)
    got = audited(stream, public(share))
    assert not np.any(wrong(got.slot, stream))
    assert np.mean(got.slot[stream.is_signal] >= 0) > 0.9
    # And there was something to find: by one lock alone some are wrong or have no slot.
    assert any(span.is_leap for span in got.spans) or np.any(got.first_slot < 0)


def test_a_leap_by_a_whole_pattern_is_none() -> None:
    """The index of the pattern stays what it was."""
    truth = StreamTruth(STATE, 5e3, 1.0)
    stream = leapt(make_stream(truth), truth.start_ps + 4 * 10**11, SLOTS * 10_000)
    got = audited(stream, public(1.0))
    assert not np.any(wrong(got.slot, stream))
    assert np.mean(got.slot[stream.is_signal] >= 0) > 0.9


def test_a_leap_within_the_last_knots_is_seen_by_the_audit() -> None:
    """That of the stretch: nothing follows it, by which the tracker could see."""
    truth = StreamTruth(STATE, 1e5, 0.2)
    stream = leapt(make_stream(truth), truth.start_ps + 195 * 10**9)
    got = audited(stream, public(1.0))
    assert np.count_nonzero(wrong(got.first_slot, stream)) > 300
    assert [span.is_leap for span in got.spans] == [True]
    assert not np.any(wrong(got.slot, stream))


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("share", [1.0, 0.1])
@pytest.mark.parametrize(
    "silent_s", [(0.0, 1.5), (1.0, 2.5), (2.0, 3.5)], ids=["before", "between", "after"]
)
def test_background_alone_is_no_leap(
    silent_s: tuple[float, float], share: float, seed: int
) -> None:
    truth = StreamTruth(
        STATE, 5000.0, 3.5, speed_m_s=7500.0, culmination_s=1.0, silent_s=silent_s, seed=seed
    )
    stream = make_stream(truth)
    got = audited(stream, public(share))
    assert not any(span.is_leap for span in got.spans)
    assert not np.any(wrong(got.slot, stream))
    assert np.mean(got.slot[stream.is_signal] >= 0) > 0.97


@pytest.mark.parametrize("rate_hz", [1000.0, 1e5])
def test_of_a_sound_stream_nothing_is_unsure(rate_hz: float) -> None:
    truth = StreamTruth(STATE, rate_hz, 1.0, speed_m_s=7500.0, culmination_s=0.5)
    stream = make_stream(truth)
    got = audited(stream, public(1.0))
    assert got.spans == []
    assert np.all(got.slot[stream.is_signal] >= 0)
