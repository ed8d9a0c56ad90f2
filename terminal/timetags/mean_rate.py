"""The mean rate of a phase over a time, from measured phases, and how sure it is.

A polynomial of degree 1 to 3 where that explains the phases; else a source that wanders, smoothed.
"""

import math
from typing import NamedTuple

import numpy as np

from terminal.timetags.clock_filter import likeliest_wander, smooth
from terminal.timetags.mixture import Array

_MOST_ORDER = 3
_ORDER_GAIN = 10.0
"""Of chi squared, for one more coefficient: chance gains this with 0.16 %."""
_WANDERS_SIGMA = 4.0
_TURN_S = 1e-8
"""The clock filter's scales are those of clocks in seconds; ten nanoseconds for a turn fit them."""


class MeanRate(NamedTuple):
    """Turns per second, one sigma."""

    value_hz: float
    sigma_hz: float


class _Polynomial(NamedTuple):
    """Legendre coefficients over begin..end, their covariance, whether they explain the phases."""

    coefficients: Array
    covariance: Array
    explains: bool


def mean_rate(t_s: Array, turns: Array, variance: Array, begin_s: float, end_s: float) -> MeanRate:
    """(phase(end) - phase(begin)) / (end - begin); NaN for a single phase.

    t_s, turns, variance (turns^2): (n,), t_s ascending, n >= 1.
    """
    span = end_s - begin_s
    if t_s.size < 2 or span <= 0.0:
        return MeanRate(math.nan, math.nan)
    fit = _polynomial(t_s, turns, variance, begin_s, end_s)
    if fit.explains:
        # P_k(1) - P_k(-1): 2 for odd k, 0 for even.
        rise = np.array([2.0 * (k % 2) for k in range(fit.coefficients.size)]) / span
        sigma = math.sqrt(float(rise @ fit.covariance @ rise))
        return MeanRate(float(rise @ fit.coefficients), sigma)
    ends, spread = _wandering(t_s, turns, variance, np.array([begin_s, end_s]))
    # The two ends taken as independent: a source that wanders has forgotten one at the other.
    return MeanRate(float(ends[1] - ends[0]) / span, math.sqrt(float(np.sum(spread))) / span)


def path_turns(t_s: Array, turns: Array, variance: Array) -> Array:
    """The phase as it truly goes, at t_s; arguments as for `mean_rate`."""
    if t_s.size < 2:
        return turns
    begin, end = float(t_s[0]), float(t_s[-1])
    fit = _polynomial(t_s, turns, variance, begin, end)
    if fit.explains:
        x = 2.0 * (t_s - begin) / (end - begin) - 1.0
        return np.asarray(np.polynomial.legendre.legval(x, fit.coefficients))
    return _wandering(t_s, turns, variance, t_s)[0]


def _polynomial(
    t_s: Array, turns: Array, variance: Array, begin_s: float, end_s: float
) -> _Polynomial:
    """Weighted least squares, of the degree that is worth its coefficients."""
    x = 2.0 * (t_s - begin_s) / (end_s - begin_s) - 1.0
    best, best_square = _Polynomial(np.zeros(2), np.zeros((2, 2)), False), math.inf
    for order in range(1, min(_MOST_ORDER, t_s.size - 1) + 1):
        design = np.polynomial.legendre.legvander(x, order)
        weighted = design / variance[:, None]
        covariance = np.asarray(np.linalg.inv(design.T @ weighted), dtype=np.float64)
        fit = np.asarray(covariance @ (weighted.T @ turns), dtype=np.float64)
        square = float(np.sum((turns - design @ fit) ** 2 / variance))
        if square > best_square - _ORDER_GAIN:
            continue
        degrees = t_s.size - order - 1
        explains = square < degrees + _WANDERS_SIGMA * math.sqrt(2.0 * max(degrees, 1))
        best, best_square = _Polynomial(fit, covariance, explains), square
    return best


def _wandering(t_s: Array, turns: Array, variance: Array, at_s: Array) -> tuple[Array, Array]:
    """Phase and its variance at the times at_s (m,), ascending, by the clock filter, with as much
    wander as the phases show."""
    spread = variance * _TURN_S**2
    slope = float(np.polynomial.polynomial.polyfit(t_s, turns, 1)[1])
    rest = (turns - slope * t_s) * _TURN_S
    wander = likeliest_wander(t_s, rest, spread, np.zeros(t_s.size))
    t, place = np.unique(np.concatenate([t_s, at_s]), return_inverse=True)
    phase, unsure = np.zeros(t.size), np.full(t.size, np.inf)
    phase[place[: t_s.size]], unsure[place[: t_s.size]] = rest, spread
    smoothed = smooth(t, phase, unsure, 0.0, wander)
    asked = place[t_s.size :]
    return (
        smoothed.state[asked, 0] / _TURN_S + slope * at_s,
        smoothed.covariance[asked, 0, 0] / _TURN_S**2,
    )
