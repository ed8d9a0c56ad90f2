"""The mean rate of a phase over a time, from measured phases, and how sure it is."""

import math
from typing import NamedTuple

import numpy as np

from terminal.timetags.clock_filter import likeliest_wander, smooth
from terminal.timetags.mixture import Array

_MOST_ORDER = 3
_ORDER_GAIN = 10.0
"""Of chi squared, for one more coefficient: chance gains this with 0.16 %."""
_WANDERS_SIGMA = 4.0


class MeanRate(NamedTuple):
    """Turns per second, one sigma."""

    value_hz: float
    sigma_hz: float


def mean_rate(t_s: Array, turns: Array, variance: Array, begin_s: float, end_s: float) -> MeanRate:
    """(phase(end) - phase(begin)) / (end - begin).

    t_s, turns, variance (turns^2): (n,), n >= 1. A polynomial of degree 1 to 3 where that
    explains the phases, by least squares; else a source that wanders, smoothed.
    """
    span = end_s - begin_s
    if t_s.size < 2 or span <= 0.0:
        return MeanRate(math.nan, math.nan)
    x = 2.0 * (t_s - begin_s) / span - 1.0
    best: MeanRate | None = None
    best_square, degrees = math.inf, 0
    for order in range(1, min(_MOST_ORDER, t_s.size - 1) + 1):
        design = np.polynomial.legendre.legvander(x, order)
        weighted = design / variance[:, None]
        covariance = np.linalg.inv(design.T @ weighted)
        fit = covariance @ (weighted.T @ turns)
        square = float(np.sum((turns - design @ fit) ** 2 / variance))
        if square > best_square - _ORDER_GAIN:
            continue
        # P_k(1) - P_k(-1): 2 for odd k, 0 for even.
        rise = np.array([2.0 * (k % 2) for k in range(order + 1)]) / span
        best = MeanRate(float(rise @ fit), math.sqrt(float(rise @ covariance @ rise)))
        best_square, degrees = square, t_s.size - order - 1
    assert best is not None
    if best_square < degrees + _WANDERS_SIGMA * math.sqrt(2.0 * max(degrees, 1)):
        return best
    return _of_wandering(t_s, turns, variance, begin_s, end_s)


def smooth_turns(t_s: Array, turns: Array, variance: Array, at_s: Array) -> tuple[Array, Array]:
    """Phase and its variance at the times at_s (m,), ascending, from those measured at t_s (n,).

    By the clock filter, with as much wander as the phases show.
    """
    # The filter's scales are those of clocks in seconds; ten nanoseconds for a turn fits them.
    turn_s = 1e-8
    spread = variance * turn_s**2
    slope = 0.0
    if t_s.size > 1:
        slope = float(np.polynomial.polynomial.polyfit(t_s, turns, 1)[1])
    rest = (turns - slope * t_s) * turn_s
    wander = likeliest_wander(t_s, rest, spread, np.zeros(t_s.size))
    t, place = np.unique(np.concatenate([t_s, at_s]), return_inverse=True)
    phase, unsure = np.zeros(t.size), np.full(t.size, np.inf)
    phase[place[: t_s.size]], unsure[place[: t_s.size]] = rest, spread
    smoothed = smooth(t, phase, unsure, 0.0, wander)
    asked = place[t_s.size :]
    return (
        smoothed.state[asked, 0] / turn_s + slope * at_s,
        smoothed.covariance[asked, 0, 0] / turn_s**2,
    )


def _of_wandering(
    t_s: Array, turns: Array, variance: Array, begin_s: float, end_s: float
) -> MeanRate:
    ends, spread = smooth_turns(t_s, turns, variance, np.array([begin_s, end_s]))
    # The two ends taken as independent: a source that wanders has forgotten one at the other.
    sigma = math.sqrt(float(np.sum(spread)))
    span = end_s - begin_s
    return MeanRate(float(ends[1] - ends[0]) / span, sigma / span)
