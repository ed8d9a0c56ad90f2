"""Where two streams of a pair source coincide: offset and rate between two free-running clocks.

A stretch of both is correlated over all offsets at once, by FFT, at every trial rate that the
stretch can tell apart, in bins that are halved until a peak stands out. Pairs, p a second among s
clicks a second, rise p / s sqrt(span / bin) standard deviations above the accidentals, however
long the stretch; rates to be tried, and the bins of each, go with span / bin too.
"""

import math
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from terminal.timetags.mixture import Array

_FEWEST_BINS = 1 << 16
"""Of the stretch, at first: as a rule a click or two in each."""
_FINEST_BIN_S = 20e-9
_CLICKS = 1 << 17
"""Of A in the stretch, where there are as many ..."""
_LONGEST_SPAN_S = 16.0
"""... within this: clocks that drift by 5e-7 a second move on by 16 us, a bin of a million."""
_MOST_CELLS = 3 << 27
"""Trial rates times bins: bounds the time that a search without result takes."""
_EMPTY = 1e-2
"""Accidental coincidences in two bins, below which a few pairs stand out: no finer ones needed."""
_PLACES = 16
_LIT_SHARE = 0.8
"""Of the most coincidences that any stretch has by chance, that the one searched must have."""
_LEVEL_BINS = 1024
"""Over which the accidental coincidences are averaged; rates change little within."""
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
    """Peaks that are worth a closer look, in ever finer bins.

    a_s, b_s: (n,), (m,), ascending, in s on the clocks of A and B.
    """
    # Only these can have a partner.
    a_s = a_s[np.searchsorted(a_s, b_s[0] - search.high_s) :] if b_s.size else a_s[:0]
    a_s = a_s[: np.searchsorted(a_s, b_s[-1] - search.low_s, side="right")] if b_s.size else a_s
    if a_s.size < 2 or b_s.size < 2 or a_s[0] == a_s[-1]:
        return
    length = float(a_s[-1] - a_s[0])
    width = search.high_s - search.low_s
    # In shorter ones than the offsets' width, transforms are of little else but that.
    span = min(max(length * _CLICKS / a_s.size, width), _LONGEST_SPAN_S, length)
    middle = _lit_place(a_s, b_s, span, search)
    bins, trials = _FEWEST_BINS, 0
    while True:
        bin_s = max(span / bins, _FINEST_BIN_S)
        rates = _rates(search.most_rate, bin_s / span)
        if trials and len(rates) * (span + width) / bin_s > _MOST_CELLS:
            return
        trials += len(rates)
        best = _peak(a_s, b_s, search, middle, span, bin_s, rates)
        if best is not None:
            # Every search pays for the ones before it.
            chance = min(1.0, best.chance * trials)
            if chance < _PROMISING:
                yield best._replace(chance=chance)
        clicks_a = a_s.size * span / length
        clicks_b = b_s.size / max(float(b_s[-1] - b_s[0]), span) * 2.0 * bin_s
        if bin_s <= _FINEST_BIN_S or clicks_a * clicks_b < _EMPTY:
            return
        bins *= 2


def _lit_place(a_s: Array, b_s: Array, span_s: float, search: Range) -> float:
    """Middle of the stretch nearest to the middle of A in which neither side is dark."""
    low, high = float(a_s[0]) + 0.5 * span_s, float(a_s[-1]) - 0.5 * span_s
    middles = np.linspace(low, max(low, high), _PLACES + 1)
    ends = middles[:, None] + 0.5 * span_s * np.array([-1.0, 1.0])
    clicks_a = np.diff(np.searchsorted(a_s, ends), axis=1)[:, 0]
    ends += [search.low_s, search.high_s]
    clicks_b = np.diff(np.searchsorted(b_s, ends), axis=1)[:, 0]
    lit = clicks_a * clicks_b >= _LIT_SHARE * float(np.max(clicks_a * clicks_b))
    return float(middles[lit][np.argmin(np.abs(middles[lit] - middles[_PLACES // 2]))])


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
        warped = warped[np.searchsorted(warped, 0.0) : np.searchsorted(warped, bins * bin_s)]
        spectrum = fft.rfft(_histogram(warped, bin_s, size))
        spectrum *= spectrum_a
        count = fft.irfft(spectrum, n=size, overwrite_x=True)[:offsets]
        place, log_chance = _highest(count)
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
    counts = np.bincount((t_s * (1.0 / bin_s)).astype(np.int64), minlength=size)
    return counts[:size].astype(np.float32)


def _highest(count: NDArray[np.float32]) -> tuple[int, float]:
    """Bin before the middle of the highest pair of bins, and the log probability of a Poisson
    variable to get there, widened where the counts scatter more than that."""
    both = count[:-1] + count[1:]
    blocks = both.size // _LEVEL_BINS
    if not blocks:
        return 0, 0.0
    edge = blocks * _LEVEL_BINS
    of_block = both[:edge].reshape(blocks, _LEVEL_BINS)
    mean = np.mean(of_block, axis=1, dtype=np.float64)
    highest = np.max(of_block, axis=1).astype(np.float64)
    # The few bins after the last block belong to it.
    highest[-1] = max(highest[-1], float(np.max(both[edge:], initial=0.0)))
    # The peak itself is no part of its level.
    mean -= (highest - mean) / _LEVEL_BINS
    # Where a stream begins or ends the level steps: the higher side counts.
    padded = np.pad(mean, 1, mode="edge")
    level = np.maximum(np.maximum(padded[:-2], padded[2:]), np.maximum(mean, 1e-6))
    block = int(np.argmax((highest - level) / np.sqrt(level + 1.0)))
    end = both.size if block == blocks - 1 else (block + 1) * _LEVEL_BINS
    place = block * _LEVEL_BINS + int(np.argmax(both[block * _LEVEL_BINS : end]))
    height, level_here = float(highest[block]), float(level[block])
    some = of_block[:: max(1, blocks // 64)]
    variance = float(np.mean(np.var(some, axis=1, dtype=np.float64)))
    scatter = max(1.0, variance / max(float(np.mean(mean)), 1e-6))
    height = level_here + (height - level_here) / math.sqrt(scatter)
    return place, log_poisson_tail(height, level_here)


def log_poisson_tail(count: float, mean: float) -> float:
    """Log of Chernoff's bound on the probability of a Poisson variable to be count or more:
    (e mean / count)^count exp(-mean)."""
    if count <= mean:
        return 0.0
    return count - mean - count * math.log(count / mean)
