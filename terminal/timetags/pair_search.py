"""Where two streams of a pair source coincide: offset and rate between two free-running clocks.

Short stretches of both are correlated over all offsets at once, by FFT, at every trial rate that
the stretch can tell apart; longer stretches follow until a peak stands out.
"""

import math
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from terminal.timetags.mixture import Array

_MOST_BINS = 1 << 22
_FINEST_BIN_S = 20e-9
_FIRST_SPAN_S = 2e-3
_LONGEST_SPAN_S = 2.0
_GROWTH = 4.0
_MOST_TRANSFORMS = 64
"""Of the longest stretch: bounds the time that a search without result takes, and by that the
longest stretch."""
_LEVEL_BINS = 2001
"""Over which the accidental coincidences are averaged; rates change little within."""
_WORTH_SIGMA = 4.5
_PROMISING = 1e-2
"""Only saves useless work: a lock is proved by all coincidences, later."""


class Candidate(NamedTuple):
    """A peak: t_b = t_a + offset_s + rate (t_a - time_s), each to within bin_s over span_s."""

    offset_s: float
    rate: float
    time_s: float
    span_s: float
    bin_s: float
    chance: float
    """That some accidental peak of the search so far is as high."""


class Range(NamedTuple):
    """What is searched: offsets of B behind A from low to high, rates up to most_rate."""

    low_s: float
    high_s: float
    most_rate: float


def candidates(a_s: Array, b_s: Array, search: Range) -> Iterator[Candidate]:
    """Peaks that are worth a closer look, from ever longer stretches about the middle of A.

    a_s, b_s: (n,), (m,), ascending, in s on the clocks of A and B.
    """
    if a_s.size < 2 or b_s.size < 2:
        return
    width = search.high_s - search.low_s
    middle = 0.5 * float(a_s[0] + a_s[-1])
    bin_s = max((width + _LONGEST_SPAN_S) / _MOST_BINS, _FINEST_BIN_S)
    # Longer stretches tell more rates apart than there is time to try.
    longest = min(float(a_s[-1] - a_s[0]), _LONGEST_SPAN_S)
    if search.most_rate > 0.0:
        longest = min(longest, _MOST_TRANSFORMS * bin_s / (2.0 * search.most_rate))
    span = min(_FIRST_SPAN_S, longest)
    trials = 0
    while True:
        rates = _rates(search.most_rate, bin_s / span)
        trials += len(rates)
        best = _peak(a_s, b_s, search, middle, span, bin_s, rates)
        if best is not None:
            # Every stretch pays for the ones before it.
            chance = min(1.0, best.chance * trials)
            if chance < _PROMISING:
                yield best._replace(chance=chance)
        if span >= longest:
            return
        span = min(_GROWTH * span, longest)


def _rates(most: float, step: float) -> list[float]:
    """Zero first, then outward."""
    count = math.ceil(most / step - 0.5)
    if count <= 0:
        return [0.0]
    return [0.0, *(sign * k * step for k in range(1, count + 1) for sign in (1.0, -1.0))]


def _peak(
    a_s: Array,
    b_s: Array,
    search: Range,
    middle_s: float,
    span_s: float,
    bin_s: float,
    rates: list[float],
) -> Candidate | None:
    """The most significant peak of all rates."""
    from scipy import fft

    begin = middle_s - 0.5 * span_s
    a = a_s[np.searchsorted(a_s, begin) : np.searchsorted(a_s, begin + span_s)] - begin
    low, high = begin + search.low_s, begin + span_s + search.high_s
    margin = search.most_rate * (span_s + abs(search.low_s) + abs(search.high_s))
    b = b_s[np.searchsorted(b_s, low - margin) : np.searchsorted(b_s, high + margin)]
    if not a.size or not b.size:
        return None
    bins = math.ceil((high - low) / bin_s)
    size = fft.next_fast_len(bins, real=True)
    offsets = math.ceil((search.high_s - search.low_s) / bin_s)
    spectrum_a = np.conj(fft.rfft(_histogram(a, bin_s, size)))
    # Where B's clock stands when A's shows the middle of the stretch is the offset: rates turn
    # about there, for a signal whose offset is not known yet as well as that goes.
    best: Candidate | None = None
    for rate in rates:
        warped = (b - middle_s) / (1.0 + rate) + middle_s - low
        warped = warped[(warped >= 0.0) & (warped < bins * bin_s)]
        count = fft.irfft(spectrum_a * fft.rfft(_histogram(warped, bin_s, size)), n=size)[:offsets]
        found = _highest(count)
        if found is None:
            continue
        place, log_chance = found
        chance = math.exp(min(0.0, log_chance + math.log(offsets)))
        if best is None or chance < best.chance:
            lag = search.low_s + (place + 1) * bin_s
            # Undo the warp, which moved B by its distance from the middle.
            offset = lag * (1.0 + rate)
            best = Candidate(offset, rate, middle_s, span_s, bin_s, chance)
        if best.chance * len(rates) < 1e-9:
            break
    return best


def _histogram(t_s: Array, bin_s: float, size: int) -> NDArray[np.float32]:
    counts = np.bincount((t_s / bin_s).astype(np.int64), minlength=size)
    return counts[:size].astype(np.float32)


def _highest(count: NDArray[np.float32]) -> tuple[int, float] | None:
    """Bin before the middle of the highest pair of bins, and the log probability of a Poisson
    variable to get there, widened where the counts scatter more than that."""
    from scipy.ndimage import uniform_filter1d

    both = count[:-1] + count[1:]
    mean = float(np.mean(both))
    if both.size < _LEVEL_BINS or float(np.max(both)) < mean + _WORTH_SIGMA * math.sqrt(mean):
        return None
    pairs = both.astype(np.float64)
    # Where a stream begins or ends the level steps: the higher side counts.
    shift = _LEVEL_BINS // 2
    sides = [uniform_filter1d(pairs, _LEVEL_BINS, origin=at) for at in (-shift, shift)]
    level = np.maximum(*sides)
    excess = pairs - level
    place = int(np.argmax(excess / np.sqrt(np.maximum(level, 0.0) + 1.0)))
    height, level_here = float(pairs[place]), max(float(level[place]), 1e-6)
    # The peak itself is no part of its level, if it is high.
    level_here = max(level_here - (height - level_here) / _LEVEL_BINS, 1e-6)
    scatter = max(1.0, float(np.var(excess)) / max(mean, 1e-6))
    height = level_here + (height - level_here) / math.sqrt(scatter)
    return place, log_poisson_tail(height, level_here)


def log_poisson_tail(count: float, mean: float) -> float:
    """Log of Chernoff's bound on the probability of a Poisson variable to be count or more:
    (e mean / count)^count exp(-mean)."""
    if count <= mean:
        return 0.0
    return count - mean - count * math.log(count / mean)
