"""The slot of every click of a stream that can be read more than once, whatever its length.

1. Find the clock and follow it (`terminal.timetags.stream_tracking`).
2. Measure the phase of each knot again about the path found, and smooth over the whole stretch, so
   that each click profits from those after it.
3. Give each click its slot, as long as the phase there is sure.
"""

import itertools
import math
from collections.abc import Callable, Iterable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from terminal.timetags import mixture as mx
from terminal.timetags.blind import BlindLock
from terminal.timetags.clock_filter import (
    JERK_SIGMA_PER_S2,
    STATES,
    Smoothed,
    likeliest_wander,
    smooth,
)
from terminal.timetags.clock_following import UNSURE_SHARE
from terminal.timetags.clock_path import ClockPath
from terminal.timetags.formats.blocks import TagBlock
from terminal.timetags.knot_phases import KnotSums, Phases
from terminal.timetags.mixture import Array, Mixture
from terminal.timetags.pattern import PublicPattern
from terminal.timetags.stream_tracking import StreamTracker, Stretch

_ROUNDS = 3
_GAP_S = 0.5
"""Longer gaps between knots get more knots, so that the doubt within them is known ..."""
_GAP_STEP_S = 0.1
_BEYOND_S = 3.0
"""... and so do the ends, as long as this."""
_ACCEPTED = 0.5


Blocks = Callable[[], Iterable[TagBlock]]
"""Reads the stream from its start, in the order of time; channels 0..3 = H V D A."""


class Clicks(NamedTuple):
    """What is known of each click, (n,)."""

    slot: NDArray[np.int64]
    """Pattern index of the nearest slot, -1 where the slot is not sure."""
    residual_s: Array
    """From the slot's centre, detector delay taken off; 0 without a slot."""
    weight: Array
    """Probability that the click is signal; 0 without a slot."""
    accepted: NDArray[np.bool_]
    """More likely signal than background: the window follows both."""


class RecoveredStretch(NamedTuple):
    """The smoothed clock over one stretch."""

    lock: BlindLock
    path: ClockPath
    phases: Phases
    begin_ps: int
    end_ps: int
    """Clicks in between, both included, belong to it."""


class Recovery(NamedTuple):
    """The clock of a whole stream."""

    stretches: list[RecoveredStretch]
    """In order of time; none: no lock."""
    clicks: int
    first_ps: int
    first_channel: int
    last_ps: int
    failed_audits: int
    last_attempt: BlindLock | None
    """To lock, without success."""
    pattern_length: int
    slot_period_s: float

    def at_first_click(self) -> tuple[float, float, int | None]:
        """Frequency offset, drift per s, and pattern index (None: not sure), at the earliest click.

        f = rate / (1 - rate) for phase(t) of the given rate, and the derivative of that.

        Raises:
            ValueError: there is no lock.
        """
        if not self.stretches:
            raise ValueError("clock recovery: no lock")
        path = self.stretches[0].path
        t = (self.first_ps - path.reference_time_ps) * 1e-12
        # Outside of the knots, on from the nearest one.
        k = int(np.argmin(np.abs(path.t_s - t)))
        dt = t - float(path.t_s[k])
        _, rate, drift, jerk = path.clock.state[k].tolist()
        rate, drift = rate + dt * (drift + 0.5 * dt * jerk), drift + dt * jerk
        first = self.assign(np.array([self.first_ps]), np.array([self.first_channel], np.uint8))
        slot = int(first.slot[0])
        scale = 1.0 / (1.0 - rate)
        return rate * scale, drift * scale**2, slot if slot >= 0 else None

    def assign(self, time_ps: NDArray[np.int64], channel: NDArray[np.uint8]) -> Clicks:
        """Slots, residuals and weights of clicks of the stream, (n,), ascending in time."""
        n = time_ps.size
        slot = np.full(n, -1, dtype=np.int64)
        residual, weight = np.zeros(n), np.zeros(n)
        for stretch in self.stretches:
            begin = int(np.searchsorted(time_ps, stretch.begin_ps))
            end = int(np.searchsorted(time_ps, stretch.end_ps, side="right"))
            if begin == end:
                continue
            path, phases = stretch.path, stretch.phases
            its_ps = time_ps[begin:end]
            t = path.seconds(its_ps)
            index, offset = path.slots(
                its_ps, self.slot_period_s, phases.delay_s[channel[begin:end]]
            )
            knot = np.clip(np.searchsorted(phases.t_s, t), 0, phases.t_s.size - 1)
            ratio = mx.likelihood_ratio(offset, Mixture(0.5, phases.sigma_s), self.slot_period_s)
            p = phases.fraction[knot]
            sure = path.phase_sigma_s(t) <= UNSURE_SHARE * self.slot_period_s
            slot[begin:end] = np.where(sure, np.mod(index, self.pattern_length), -1)
            residual[begin:end] = np.where(sure, offset, 0.0)
            weight[begin:end] = np.where(sure, p * ratio / (p * ratio + 1.0 - p), 0.0)
        return Clicks(slot, residual, weight, weight >= _ACCEPTED)


def recover(
    blocks: Blocks,
    pattern: PublicPattern,
    slot_period_s: float,
    first_clicks: int | None = None,
) -> Recovery:
    """The clock of a stream, from its clicks and the public pattern alone.

    first_clicks: lock on that many first clicks, or not at all.

    Raises:
        ValueError: clicks not in order of time.
    """
    tracker = StreamTracker(pattern, slot_period_s, first_clicks)
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
        stretches = _refined(blocks, found, stretches, slot_period_s)
    return Recovery(
        stretches,
        clicks,
        first_ps,
        first_channel,
        last_ps,
        tracker.failed_audits,
        tracker.last_attempt,
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
    return RecoveredStretch(stretch.lock, path, phases, begin_ps, end_ps)


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
        _smoothed(stretch, its_sums.phases())
        for stretch, its_sums in zip(stretches, sums, strict=True)
    ]


def _smoothed(stretch: RecoveredStretch, phases: Phases) -> RecoveredStretch:
    path = stretch.path
    if not np.any(np.isfinite(phases.variance_s2)):
        return stretch
    rate = np.interp(phases.t_s, path.t_s, path.clock.state[:, 1])
    wander = likeliest_wander(phases.t_s, phases.phase_s, phases.variance_s2, rate)
    t = _times(phases.t_s, *path.seconds(np.array([stretch.begin_ps, stretch.end_ps])).tolist())
    at = np.searchsorted(t, phases.t_s)
    phase, variance = np.zeros(t.size), np.full(t.size, np.inf)
    phase[at], variance[at] = phases.phase_s, phases.variance_s2
    start = float(np.interp(t[0], path.t_s, path.clock.state[:, 1]))
    smoothed = smooth(t, phase, variance, start, wander)
    # Between and beyond the clicks, a jerk that they don't show may have come or gone.
    far = _distance(t, phases.t_s[np.isfinite(phases.variance_s2)])
    smoothed.covariance[:, 0, 0] += (JERK_SIGMA_PER_S2 * far**3 / 6.0) ** 2
    return stretch._replace(path=path._replace(t_s=t, clock=smoothed), phases=phases)


def _distance(t_s: Array, from_s: Array) -> Array:
    """To the nearest of from_s (ascending, not empty), (n,)."""
    right = np.clip(np.searchsorted(from_s, t_s), 0, from_s.size - 1)
    left = np.maximum(right - 1, 0)
    return np.asarray(np.minimum(np.abs(t_s - from_s[left]), np.abs(t_s - from_s[right])))


def _times(knots_s: Array, begin_s: float, end_s: float) -> Array:
    """The knots, more in the gaps and beyond the ends (begin_s, end_s: no further than these)."""
    begin = max(begin_s, float(knots_s[0]) - _BEYOND_S) - 1e-9
    end = min(end_s, float(knots_s[-1]) + _BEYOND_S) + 1e-9
    more = []
    edges = np.concatenate([[begin], knots_s, [end]])
    for left, right in zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True):
        if right - left > _GAP_S:
            count = math.ceil((right - left) / _GAP_STEP_S)
            more.append(np.linspace(left, right, count + 1)[1:-1])
    return np.unique(np.concatenate([edges, *more]))
