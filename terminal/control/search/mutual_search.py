"""Two terminals that search each other: one scans, one stares, and they swap by message.

An attempt: the first terminal scans with its beacon while the second stares. When the second has
seen it, it says so over the classical link and then scans, now from a known direction, while the
first stares. Success of that is told by message too. A part that takes longer than its timeout ends
the attempt on both sides by the clock, without a message, and the next attempt begins.
"""

from collections.abc import Sequence
from itertools import cycle
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from terminal.control.search.acquisition_time import TimeDistribution

Array = NDArray[np.float64]

UNDECIDED = 1e-9
"""With less probability than this left, no further attempt is reckoned."""


class Attempt(NamedTuple):
    """One exchange of roles; the times are those of the part alone."""

    first: TimeDistribution
    first_timeout_s: float
    second: TimeDistribution
    second_timeout_s: float


def plan_mutual_search(
    attempts: Sequence[Attempt], message_latency_s: float, limit_s: float, step_s: float = 0.01
) -> TimeDistribution:
    """Total time, attempts coming round and round until success.

    Distributions are masses on a grid of `step_s`, each split over its two neighbours so that its
    mean stays; times of independent parts add up by convolution.

    Raises ValueError for a timeout or a limit that is not positive.
    """
    if limit_s <= 0.0 or any(a.first_timeout_s <= 0 or a.second_timeout_s <= 0 for a in attempts):
        raise ValueError("limit and timeouts must be over 0")
    n = int(np.ceil(limit_s / step_s)) + 1
    message = _at(message_latency_s, n, step_s)
    start, success = _at(0.0, n, step_s), np.zeros(n)
    for a in cycle(attempts):
        seen = _convolve(start, _until(a.first, a.first_timeout_s, n, step_s))
        told = _convolve(seen, message)
        found = _convolve(told, _until(a.second, a.second_timeout_s, n, step_s))
        success += _convolve(found, message)
        first_fails = 1.0 - a.first.probability_within(a.first_timeout_s)
        second_fails = 1.0 - a.second.probability_within(a.second_timeout_s)
        start = first_fails * _convolve(start, _at(a.first_timeout_s, n, step_s))
        start += second_fails * _convolve(told, _at(a.second_timeout_s, n, step_s))
        if start.sum() < UNDECIDED:
            break
    # A mass at a grid point is spread half a step to either side.
    cdf = np.maximum.accumulate(np.cumsum(success) - 0.5 * success)
    return TimeDistribution(step_s * np.arange(n, dtype=np.float64), np.clip(cdf, 0.0, 1.0))


def _at(t_s: float, n: int, step_s: float) -> Array:
    """All mass at one time."""
    masses = np.zeros(n)
    whole, part = divmod(t_s / step_s, 1.0)
    for k, weight in ((int(whole), 1.0 - part), (int(whole) + 1, part)):
        if k < n:
            masses[k] += weight
    return masses


def _until(time: TimeDistribution, timeout_s: float, n: int, step_s: float) -> Array:
    """Masses of what is over before the timeout."""
    edges = np.minimum(step_s * np.arange(n + 1, dtype=np.float64), timeout_s)
    between = np.diff(np.interp(edges, time.t_s, time.cdf))
    masses = 0.5 * between
    masses[1:] += 0.5 * between[:-1]
    return masses


def _convolve(a: Array, b: Array) -> Array:
    """The first len(a) terms."""
    size = 2 * len(a)
    product = np.fft.rfft(a, size) * np.fft.rfft(b, size)
    return np.asarray(np.fft.irfft(product, size)[: len(a)], dtype=np.float64)
