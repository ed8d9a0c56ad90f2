"""Two streams of a pair source on one time scale: offset and rate between two free-running clocks.

A peak is found by correlation, followed over all of the streams, and proved by all coincidences.
"""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from terminal.timetags.mixture import Array
from terminal.timetags.pair_curve import (
    MOST_DRIFT_PER_S,
    Curve,
    Fit,
    coincidences,
    grown,
    near_curve,
)
from terminal.timetags.pair_search import Range, candidates, log_poisson_tail

FALSE_LOCK_PROBABILITY = 1e-6
MAX_OFFSET_S = 1.0
MAX_RATE = 50e-6
_BURST_S = 1e-6
"""More clicks in this than chance gives are a detector's or a cable's doing."""
_NEIGHBOURS_S = 2e-6
_NEIGHBOURS = 30
"""Windows on either side, at least, whose accidentals a peak must exceed."""


class PairLock(NamedTuple):
    """Pairs lie at t_b = t_a + offset + frequency_offset x + drift_per_s / 2 x^2, x being t_a from
    the reference, the earliest click of A."""

    locked: bool
    false_lock_probability: float
    """Bound on the probability that streams without pairs would have led to a lock."""
    reference_time_ps: int
    offset_ps: float = math.nan
    offset_sigma_ps: float = math.nan
    frequency_offset: float = math.nan
    """Rate of B's clock over that of A's, minus 1, at the reference ..."""
    frequency_sigma: float = math.nan
    drift_per_s: float = math.nan
    """... and its slope."""
    drift_sigma_per_s: float = math.nan
    coincidences: int = 0
    """Background discounted."""
    accidentals: float = 0.0
    """Expected within plus or minus two sigma of jitter."""
    jitter_ps: float = math.nan
    seconds_used: float = 0.0


def find_pairs(
    a_ps: NDArray[np.int64],
    b_ps: NDArray[np.int64],
    max_offset_s: float = MAX_OFFSET_S,
    max_rate: float = MAX_RATE,
) -> PairLock:
    """a_ps, b_ps: (n,), (m,), ascending. Offsets are searched about zero, or, where the streams do
    not overlap, about that of their starts.

    Raises:
        ValueError: times go back.
    """
    if np.any(a_ps[1:] < a_ps[:-1]) or np.any(b_ps[1:] < b_ps[:-1]):
        raise ValueError("pairs: click times must ascend")
    if not a_ps.size or not b_ps.size or a_ps[0] == a_ps[-1]:
        return PairLock(False, 1.0, int(a_ps[0]) if a_ps.size else 0)
    reference = int(a_ps[0])
    a = _without_bursts(np.asarray((a_ps - reference) * 1e-12))
    overlap = int(a_ps[-1]) >= int(b_ps[0]) and int(b_ps[-1]) >= reference
    shift_ps = 0 if overlap else int(b_ps[0]) - reference
    b = _without_bursts(np.asarray((b_ps - reference - shift_ps) * 1e-12))
    probability = 1.0
    search = Range(-max_offset_s, max_offset_s, max_rate)
    for candidate in candidates(a, b, search):
        fit = grown(a, b, candidate)
        if fit is None:
            continue
        lock = _lock(a, b, fit, search, reference, shift_ps)
        if lock.locked:
            return lock
        probability = min(probability, lock.false_lock_probability)
    return PairLock(False, probability, reference)


def _without_bursts(t_s: Array) -> Array:
    """Each click of a burst would coincide with whatever is near on the other side."""
    mean = t_s.size / max(float(t_s[-1] - t_s[0]), _BURST_S) * _BURST_S
    most = math.ceil(mean + 10.0 * math.sqrt(mean) + 20.0)
    first = np.flatnonzero(t_s[most:] - t_s[:-most] < _BURST_S)
    if not first.size:
        return t_s
    edges = np.zeros(t_s.size + 1, dtype=np.int64)
    edges[first] += 1
    edges[first + most + 1] -= 1
    return np.asarray(t_s[np.cumsum(edges[:-1]) == 0])


def _lock(
    a_s: Array, b_s: Array, fit: Fit, search: Range, reference_ps: int, shift_ps: int
) -> PairLock:
    """What was found, and whether chance explains it."""
    sigma = fit.mixture.sigma_s
    probability = _chance(a_s, b_s, fit.curve, 2.0 * sigma, search)
    (offset, rate, drift), (offset_sigma, rate_sigma, drift_sigma) = fit.at(0.0)
    return PairLock(
        locked=probability <= FALSE_LOCK_PROBABILITY,
        false_lock_probability=probability,
        reference_time_ps=reference_ps,
        offset_ps=shift_ps + 1e12 * float(offset),
        offset_sigma_ps=1e12 * float(offset_sigma),
        frequency_offset=float(rate),
        frequency_sigma=float(rate_sigma),
        drift_per_s=float(drift),
        drift_sigma_per_s=float(drift_sigma),
        coincidences=round(fit.curve.pairs),
        accidentals=(1.0 - fit.mixture.fraction) * fit.coincidences * 4.0 * sigma / fit.width_s,
        jitter_ps=1e12 * sigma,
        seconds_used=fit.seconds,
    )


def _chance(a_s: Array, b_s: Array, curve: Curve, half_s: float, search: Range) -> float:
    """Bound: so many coincidences by accident, anywhere in the range at any rate in it.

    Cells of the window's width in offset and, over the span, in rate and drift. The expected number
    is that of the fullest other window nearby: pulsed sources make accidentals cluster.
    """
    from terminal.timetags import pair_kernels

    width = 2.0 * half_s
    away = max(math.ceil(_NEIGHBOURS_S / width), _NEIGHBOURS)
    near = near_curve(a_s, b_s, curve, (away + 0.5) * width)
    counts = np.empty((1, 1, 2 * away + 1), np.int64)
    pair_kernels.count_turned(*near, 0.0, 0.0, width, counts)
    # A burst on one side makes many coincidences with one click of the other: they count once.
    of_a, of_b = (np.sort(one) for one in coincidences(near, half_s))
    count = float(min(np.count_nonzero(np.diff(one, prepend=-1)) for one in (of_a, of_b)))
    # The slopes of the peak lie in the next windows.
    counts[0, 0, away - 2 : away + 3] = 0
    level = float(np.max(counts))
    cells = (search.high_s - search.low_s) / width
    cells *= max(1.0, 2.0 * search.most_rate * curve.span_s / width)
    cells *= max(1.0, MOST_DRIFT_PER_S * curve.span_s**2 / 4.0 / width)
    log_chance = log_poisson_tail(count, max(level, 0.5)) + math.log(cells)
    return math.exp(min(0.0, log_chance))
