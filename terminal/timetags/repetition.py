"""The mean repetition rate of a pulsed source over a stream, from its photons alone.

1. Fold the first clicks at every rate of the search range, on ever longer spans, until one stands
   out.
2. Follow the phase of the fundamental through the stream: what is known predicts the next run of
   clicks to a small part of a turn.
3. The pulse's shape, from all clicks folded along that path, gives the likelihood of a phase, and
   each run's phase is measured again with it (one Fisher-scoring step).
"""

import itertools
import math
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from terminal.timetags.mean_rate import mean_rate, path_turns
from terminal.timetags.mixture import Array
from terminal.timetags.pulse_shape import PulseShape
from terminal.timetags.rate_search import FoundRate, search_rate

_SEARCH_CLICKS = 2_000_000
"""Of the first clicks, that the search may use."""
_RUN_POWER = 40.0
"""Power of the fundamental that a run should have: its phase errs by 0.018 turns then."""
_RUN_FEWEST = 64
_RUN_S = 0.005
"""A run is at least this long."""
_LONGEST_RUN_S = 10.0
_FREQUENCY_WANDER = 1e-9
"""Of the source, per square-root second [?]; a free-running laser in a laboratory does better."""
_ENDS_SHARE = 0.01
_BINS = 2048
_PASSES = 3

TimeBlocks = Callable[[], Iterable[NDArray[np.int64]]]
"""Reads click times in ps, ascending, from the start."""


class Repetition(NamedTuple):
    """Mean rate over the stream, on the tagger's clock."""

    locked: bool
    false_lock_probability: float
    clicks_used: int
    seconds_used: float
    frequency_hz: float = math.nan
    uncertainty_hz: float = math.nan
    """One sigma."""
    signal_share: float = math.nan
    """Modulus of the fundamental over all clicks."""
    breaks: int = 0
    """Gaps over which the count of pulses could not be carried; the rate is from the longest part
    without one."""


class _Runs(NamedTuple):
    """Per run of clicks: bounds, mean time (s after the first click), phase in turns."""

    begin_s: Array
    end_s: Array
    time_s: Array
    clicks: Array
    turns: Array
    variance: Array
    """Of the phase, turns^2."""


def repetition(blocks: TimeBlocks, near_hz: float) -> Repetition:
    """Mean rate of the source within 25 ppm of near_hz.

    Raises:
        ValueError: near_hz is not positive.
    """
    if not near_hz > 0.0:
        raise ValueError("repetition rate: must be positive")
    head, origin_ps = _head(blocks)
    found = search_rate(_seconds(head, origin_ps), near_hz)
    if not found.significant:
        span = float(head[-1] - origin_ps) * 1e-12 if head.size else 0.0
        return Repetition(False, found.false_alarm_probability, head.size, span)
    parts, last_s = _followed(blocks, origin_ps, found)
    longest = max(parts, key=lambda runs: float(runs.end_s[-1] - runs.begin_s[0]))
    base_hz = found.frequency_hz
    t, turns, variance = longest.time_s, longest.turns, longest.variance
    share = math.nan
    for _ in range(_PASSES):
        path = path_turns(t, turns, variance)
        shape = _shape(blocks, origin_ps, base_hz, longest, path)
        turns, variance = _measured(blocks, origin_ps, base_hz, longest, path, shape)
        share = shape.fundamental
    begin_s, end_s = float(longest.begin_s[0]), float(longest.end_s[-1])
    # The first and last clicks may be too few for a run of their own.
    near_s = _ENDS_SHARE * (end_s - begin_s)
    begin_s = 0.0 if begin_s < near_s else begin_s
    end_s = last_s if last_s - end_s < near_s else end_s
    rate = mean_rate(t, turns, variance, begin_s, end_s)
    return Repetition(
        locked=True,
        false_lock_probability=found.false_alarm_probability,
        clicks_used=int(np.sum(longest.clicks)),
        seconds_used=end_s - begin_s,
        # Whole pulses lie where base times t minus the phase is an integer.
        frequency_hz=base_hz - rate.value_hz,
        uncertainty_hz=rate.sigma_hz,
        signal_share=share,
        breaks=len(parts) - 1,
    )


def _head(blocks: TimeBlocks) -> tuple[NDArray[np.int64], int]:
    parts: list[NDArray[np.int64]] = []
    total = 0
    for time_ps in blocks():
        parts.append(time_ps)
        total += time_ps.size
        if total >= _SEARCH_CLICKS:
            break
    head = np.concatenate([np.empty(0, np.int64), *parts])[:_SEARCH_CLICKS]
    return head, int(head[0]) if head.size else 0


def _seconds(time_ps: NDArray[np.int64], origin_ps: int) -> Array:
    return np.asarray((time_ps - origin_ps) * 1e-12)


def _turns(t_s: Array, hz: float) -> Array:
    """Phase at the rate hz, modulo one turn, -0.5..0.5."""
    turns = t_s * hz
    return np.asarray(turns - np.rint(turns))


def _cut(blocks: TimeBlocks, origin_ps: int, clicks: int) -> Iterator[Array]:
    """The stream in runs of at least so many clicks and _RUN_S, none longer than _LONGEST_RUN_S."""
    held = np.empty(0)
    for time_ps in blocks():
        held = np.concatenate([held, _seconds(time_ps, origin_ps)])
        at = 0
        while at < held.size:
            begin = float(held[at])
            end = max(at + clicks, int(np.searchsorted(held, begin + _RUN_S)))
            end = min(end, int(np.searchsorted(held, begin + _LONGEST_RUN_S)))
            if end >= held.size:
                break
            yield held[at : max(end, at + 1)]
            at = max(end, at + 1)
        held = held[at:]
    if held.size:
        yield held


def _followed(blocks: TimeBlocks, origin_ps: int, found: FoundRate) -> tuple[list[_Runs], float]:
    """Runs with phases relative to the rate found, a new part where the count is lost; the time
    of the last click in s."""
    clicks = max(_RUN_FEWEST, math.ceil(_RUN_POWER / found.share**2))
    wander = _FREQUENCY_WANDER * found.frequency_hz
    parts: list[list[tuple[float, ...]]] = [[]]
    # Phase in turns and rate in Hz about the rate found, as of the time `last`.
    state = np.array([found.turns, 0.0])
    covariance = np.diag([0.01, found.sigma_hz**2])
    last, last_s = found.time_s, 0.0
    for t in _cut(blocks, origin_ps, clicks):
        time_s, last_s = float(np.mean(t)), float(t[-1])
        folded = complex(np.sum(np.exp(2j * math.pi * _turns(t, found.frequency_hz))))
        power = abs(folded) ** 2 / t.size
        if power < _RUN_POWER / 4.0:
            continue  # Too little signal to tell a phase.
        # The run in which the rate was found lies before it in part: dt of either sign.
        dt = time_s - last
        f = np.array([[1.0, dt], [0.0, 1.0]])
        state = f @ state
        covariance = f @ covariance @ f.T
        q = wander**2 * abs(dt)
        covariance += q * np.array([[dt * dt / 3.0, dt / 2.0], [dt / 2.0, 1.0]])
        last = time_s
        if covariance[0, 0] > 0.1**2 and parts[-1]:
            parts.append([])
        angle = math.atan2(folded.imag, folded.real) / (2.0 * math.pi)
        innovation = angle - float(state[0])
        innovation -= round(innovation)
        # Variance of the angle of a sum of unit phasors, from its power.
        variance = 1.0 / (8.0 * math.pi**2 * power)
        gain = covariance[:, 0] / (covariance[0, 0] + variance)
        turns = float(state[0]) + innovation
        state = state + gain * innovation
        covariance = covariance - np.outer(gain, covariance[0])
        parts[-1].append((float(t[0]), float(t[-1]), time_s, float(t.size), turns, variance))
    return [_Runs(*np.array(part).T) for part in parts if part], last_s


def _along(
    blocks: TimeBlocks, origin_ps: int, hz: float, runs: _Runs, turns: Array
) -> Iterator[tuple[NDArray[np.int64], Array]]:
    """Block by block: number of the run of each click, and its phase about the path in turns."""
    for time_ps in blocks():
        t = _seconds(time_ps, origin_ps)
        run = np.searchsorted(runs.begin_s, t, side="right") - 1
        inside = (run >= 0) & (t <= runs.end_s[run])
        if not np.any(inside):
            continue
        t, run = t[inside], run[inside]
        about = _turns(t, hz) - np.interp(t, runs.time_s, turns)
        yield run, about - np.rint(about)


def _shape(blocks: TimeBlocks, origin_ps: int, hz: float, runs: _Runs, turns: Array) -> PulseShape:
    """Histogram of the phases about the path, which is straight between the runs' mean times."""
    from terminal.timetags import kernels

    counts = np.zeros((4, _BINS), dtype=np.int64)
    knot_ps = origin_ps + np.rint(runs.time_s * 1e12).astype(np.int64)
    slope_hz = np.zeros(knot_ps.size + 1)
    slope_hz[1:-1] = np.diff(turns) / np.diff(runs.time_s)
    for time_ps in blocks():
        t = _seconds(time_ps, origin_ps)
        run = np.searchsorted(runs.begin_s, t, side="right") - 1
        clicks = time_ps[(run >= 0) & (t <= runs.end_s[run])]
        if not clicks.size:
            continue
        first, last = np.searchsorted(knot_ps, clicks[[0, -1]]).tolist()
        edges = [0, *np.searchsorted(clicks, knot_ps[first:last]).tolist(), clicks.size]
        for k, (begin, end) in enumerate(itertools.pairwise(edges), first):
            # Half a turn, for the histogram begins at -0.5.
            knot = max(k - 1, 0)
            at_ps = int(knot_ps[knot]) - origin_ps
            phase = (at_ps * 1e-12 * hz - float(turns[knot]) + 0.5) % 1.0
            per_ps = (hz - float(slope_hz[k])) * 1e-12
            kernels.add_fold(clicks[begin:end], int(knot_ps[knot]), phase, per_ps, counts)
    return PulseShape(np.sum(counts, axis=0).astype(np.float64))


def _measured(
    blocks: TimeBlocks, origin_ps: int, hz: float, runs: _Runs, turns: Array, shape: PulseShape
) -> tuple[Array, Array]:
    """Phase of each run in turns, and its variance."""
    score, clicks = np.zeros(turns.size), np.zeros(turns.size)
    for run, about in _along(blocks, origin_ps, hz, runs, turns):
        score += np.bincount(run, shape.score(about), turns.size)
        clicks += np.bincount(run, minlength=turns.size)
    clicks = np.maximum(clicks, 1.0)
    return turns + score / (clicks * shape.slope), shape.variance / clicks
