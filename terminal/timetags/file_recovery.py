"""The slot of every click of a stream that can be read more than once, whatever its length.

1. Find the clock and follow it (`terminal.timetags.stream_tracking`).
2. Measure the phase of each knot again about the path found, and smooth over the whole stretch, so
   that each click profits from those after it.
3. Give each click its slot, as long as the phase there is sure.
"""

import itertools
from collections.abc import Callable, Iterable

import numpy as np

from terminal.timetags.clock_filter import STATES, Smoothed
from terminal.timetags.clock_path import ClockPath
from terminal.timetags.formats.blocks import TagBlock
from terminal.timetags.knot_phases import KnotSums, Phases
from terminal.timetags.pattern import PublicPattern
from terminal.timetags.recovered import RecoveredStretch, Recovery
from terminal.timetags.stream_tracking import StreamTracker, Stretch
from terminal.timetags.stretch_smoothing import is_settled, smoothed_stretch

_ROUNDS = 3

Blocks = Callable[[], Iterable[TagBlock]]
"""Reads the stream from its start, in the order of time; channels 0..3 = H V D A."""


def recover(
    blocks: Blocks,
    pattern: PublicPattern,
    slot_period_s: float,
    first_clicks: int | None = None,
    searches: int = 0,
) -> Recovery:
    """The clock of a stream, from its clicks and the public pattern alone.

    first_clicks: lock on that many first clicks, or not at all. searches: attempts to lock that
    were made before, whose chances of a false lock count with those made here.

    Raises:
        ValueError: clicks not in order of time.
    """
    tracker = StreamTracker(pattern, slot_period_s, first_clicks, searches)
    clicks, first_ps, first_channel, last_ps = 0, 0, 0, 0
    for block in blocks():
        if not block.time_ps.size:
            continue
        if not clicks:
            first_ps, first_channel = int(block.time_ps[0]), int(block.channel[0])
        clicks += block.time_ps.size
        last_ps = int(block.time_ps[-1])
        tracker.feed(block.time_ps, block.channel)
    tracker.finish()
    found = tracker.stretches
    stretches = [
        _rough(stretch, begin, end, slot_period_s)
        for stretch, (begin, end) in zip(found, _bounds(found, first_ps, last_ps), strict=True)
    ]
    for _ in range(_ROUNDS if stretches else 0):
        before, stretches = stretches, _refined(blocks, found, stretches, slot_period_s)
        if all(is_settled(*pair) for pair in zip(before, stretches, strict=True)):
            break
    return Recovery(
        stretches,
        clicks,
        first_ps,
        first_channel,
        last_ps,
        tracker.failed_audits,
        tracker.last_attempt,
        tracker.searches,
        pattern.length,
        slot_period_s,
    )


def _bounds(found: list[Stretch], first_ps: int, last_ps: int) -> list[tuple[int, int]]:
    """Each stretch up to halfway to its neighbours, ps."""
    if not found:
        return []
    inner = [
        (_ps(before, before.knots[-1].end_s) + _ps(after, after.knots[0].begin_s)) // 2
        for before, after in itertools.pairwise(found)
    ]
    edges = [first_ps - 1, *inner, last_ps]
    return [(begin + 1, end) for begin, end in itertools.pairwise(edges)]


def _ps(stretch: Stretch, t_s: float) -> int:
    return stretch.lock.reference_time_ps + round(t_s * 1e12)


def _rough(stretch: Stretch, begin_ps: int, end_ps: int, slot_period_s: float) -> RecoveredStretch:
    """From what the filter knew at each knot."""
    knots = stretch.knots
    t = np.array([knot.time_s for knot in knots])
    state = np.zeros((t.size, STATES))
    state[:, 0] = [knot.phase_s for knot in knots]
    state[:, 1] = [knot.frequency for knot in knots]
    # Both ends, on a straight line: a path has two knots at least.
    ends = np.array([knots[0].begin_s - 1e-9, knots[-1].end_s + 1e-9])
    beyond = state[[0, -1]].copy()
    beyond[:, 0] += beyond[:, 1] * (ends - t[[0, -1]])
    t = np.concatenate([ends[:1], t, ends[1:]])
    state = np.concatenate([beyond[:1], state, beyond[1:]])
    path = ClockPath(
        stretch.lock.reference_time_ps,
        stretch.lock.offset_slots,
        t,
        Smoothed(state, np.zeros((t.size, STATES, STATES))),
    )
    phases = Phases(
        t_s=t[1:-1],
        phase_s=state[1:-1, 0],
        variance_s2=np.full(len(knots), np.inf),
        fraction=np.array([knot.fraction for knot in knots]),
        sigma_s=float(np.median([knot.sigma_s for knot in knots])),
        delay_s=np.zeros(4),
    )
    return RecoveredStretch(stretch.lock, path, phases, begin_ps, end_ps, stretch.late)


def _refined(
    blocks: Blocks,
    found: list[Stretch],
    stretches: list[RecoveredStretch],
    slot_period_s: float,
) -> list[RecoveredStretch]:
    sums = [
        KnotSums(
            raw.knots,
            stretch.path,
            stretch.phases.fraction,
            stretch.phases.sigma_s,
            stretch.phases.delay_s,
            slot_period_s,
        )
        for raw, stretch in zip(found, stretches, strict=True)
    ]
    for block in blocks():
        for stretch, its_sums in zip(stretches, sums, strict=True):
            begin = int(np.searchsorted(block.time_ps, stretch.begin_ps))
            end = int(np.searchsorted(block.time_ps, stretch.end_ps, side="right"))
            if begin < end:
                its_sums.feed(block.time_ps[begin:end], block.channel[begin:end])
    return [
        smoothed_stretch(stretch, its_sums.phases())
        for stretch, its_sums in zip(stretches, sums, strict=True)
    ]
