"""Two streams of a pair source on one time scale: from a first peak to all coincidences.

From the stretch in which the peak was found, the span is doubled and the window halved in turn, so
that little is ever searched, and everything is used in the end.
"""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from terminal.timetags import mixture as mx
from terminal.timetags.mixture import Array, Mixture
from terminal.timetags.pair_search import Candidate, Range, candidates, log_poisson_tail

FALSE_LOCK_PROBABILITY = 1e-6
MAX_OFFSET_S = 1.0
MAX_RATE = 50e-6
_SHARPEST_S = 50e-12
"""Windows below this are narrower than any detector's jitter."""
_STILL_SHARE = 0.6
"""Of the coincidences, that a window half as wide must hold to be wide enough."""
_GROWS_SHARE = 1.4
"""By which a span twice as long must have more of them, else the clocks' rate has changed."""
_FIT_WINDOWS = 8.0
_ITERATIONS = 30
_NEIGHBOURS_S = 2e-6
_NEIGHBOURS = 30
"""Windows on either side, at least, whose accidentals a peak must exceed."""


class PairLock(NamedTuple):
    """Pairs lie at t_b = t_a + offset + frequency_offset (t_a - reference), the reference being the
    earliest click of A."""

    locked: bool
    false_lock_probability: float
    """Bound on the probability that streams without pairs would have led to a lock."""
    reference_time_ps: int
    offset_ps: float = math.nan
    offset_sigma_ps: float = math.nan
    frequency_offset: float = math.nan
    """Rate of B's clock over that of A's, minus 1."""
    frequency_sigma: float = math.nan
    coincidences: int = 0
    """Background discounted."""
    accidentals: float = 0.0
    """Expected within plus or minus two sigma of jitter."""
    jitter_ps: float = math.nan
    seconds_used: float = 0.0


class _Line(NamedTuple):
    """t_b = t_a + offset + rate (t_a - time), over span about time; window: full width."""

    offset_s: float
    rate: float
    time_s: float
    span_s: float
    window_s: float
    pairs: float = 0.0


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
    if not a_ps.size or not b_ps.size:
        return PairLock(False, 1.0, int(a_ps[0]) if a_ps.size else 0)
    reference = int(a_ps[0])
    a = np.asarray((a_ps - reference) * 1e-12)
    overlap = int(a_ps[-1]) >= int(b_ps[0]) and int(b_ps[-1]) >= reference
    shift_ps = 0 if overlap else int(b_ps[0]) - reference
    b = np.asarray((b_ps - reference - shift_ps) * 1e-12)
    probability = 1.0
    search = Range(-max_offset_s, max_offset_s, max_rate)
    for candidate in candidates(a, b, search):
        line = _grown(a, b, candidate)
        lock = _proved(a, b, line, search, reference, shift_ps)
        if lock.locked:
            return lock
        probability = min(probability, lock.false_lock_probability)
    return PairLock(False, probability, reference)


def _grown(a_s: Array, b_s: Array, found: Candidate) -> _Line:
    line = _Line(found.offset_s, found.rate, found.time_s, found.span_s, 4.0 * found.bin_s)
    line = _best_of(a_s, b_s, line, found.span_s, found.bin_s)
    longest = 2.0 * max(line.time_s - float(a_s[0]), float(a_s[-1]) - line.time_s)
    sharp = False
    while True:
        grown = line
        if line.span_s < longest:
            grown = _best_of(a_s, b_s, line, min(2.0 * line.span_s, longest), line.window_s)
            if grown.pairs < _GROWS_SHARE * line.pairs and grown.span_s < longest:
                return line
        if not sharp and grown.window_s > _SHARPEST_S:
            sharper = _best_of(a_s, b_s, grown, grown.span_s, 0.5 * grown.window_s)
            sharp = sharper.pairs < _STILL_SHARE * grown.pairs
            grown = grown if sharp else sharper
        elif line.span_s >= longest:
            return grown
        line = grown


def _best_of(a_s: Array, b_s: Array, line: _Line, span_s: float, window_s: float) -> _Line:
    """The fullest window of this width, over this span, near the line."""
    t, rest = _differences(a_s, b_s, line._replace(span_s=span_s), 1.5 * line.window_s)
    bin_s = 0.5 * window_s
    accidental = _accidentals(a_s, b_s, line.time_s, span_s) * window_s
    steps = math.ceil(1.5 * line.window_s / line.span_s * span_s / bin_s)
    step = bin_s / span_s
    best = line._replace(span_s=span_s, window_s=window_s, pairs=0.0)
    for k in range(-steps, steps + 1):
        turned = rest - k * step * (t - line.time_s)
        index = np.floor(turned / bin_s).astype(np.int64)
        if not index.size:
            continue
        first = int(np.min(index))
        counts = np.bincount(index - first)
        pairs = counts[:-1] + counts[1:] if counts.size > 1 else counts
        place = int(np.argmax(pairs))
        if float(pairs[place]) - accidental > best.pairs:
            best = best._replace(
                offset_s=line.offset_s + (first + place + 1) * bin_s,
                rate=line.rate + k * step,
                pairs=float(pairs[place]) - accidental,
            )
    return best


def _accidentals(a_s: Array, b_s: Array, time_s: float, span_s: float) -> float:
    """Accidental coincidences in the span per second of window, from the mean rates."""
    ends = [time_s - 0.5 * span_s, time_s + 0.5 * span_s]
    clicks = int(np.diff(np.searchsorted(a_s, ends))[0])
    return clicks * b_s.size / max(float(b_s[-1] - b_s[0]), 1e-12)


def _differences(a_s: Array, b_s: Array, line: _Line, half_s: float) -> tuple[Array, Array]:
    """Times of A and distances from the line of all pairs within half_s, in the line's span."""
    low = np.searchsorted(a_s, line.time_s - 0.5 * line.span_s)
    high = np.searchsorted(a_s, line.time_s + 0.5 * line.span_s, side="right")
    a = a_s[low:high]
    expected = a + line.offset_s + line.rate * (a - line.time_s)
    first = np.searchsorted(b_s, expected - half_s)
    count = np.searchsorted(b_s, expected + half_s, side="right") - first
    which = np.repeat(np.arange(a.size), count)
    within = np.arange(which.size) - np.repeat(np.cumsum(count) - count, count)
    return a[which], b_s[first[which] + within] - expected[which]


def _proved(
    a_s: Array, b_s: Array, line: _Line, search: Range, reference_ps: int, shift_ps: int
) -> PairLock:
    """All coincidences on the line: fitted, and whether chance explains them."""
    width = _FIT_WINDOWS * line.window_s
    t, rest = _differences(a_s, b_s, line, 0.5 * width)
    if t.size < 3:
        return PairLock(False, 1.0, reference_ps)
    x = t - line.time_s
    centre, slope = 0.0, 0.0
    mixture = Mixture(mx.bounded(line.pairs / t.size), 0.25 * line.window_s)
    design = np.stack([np.ones_like(x), x])
    for _ in range(_ITERATIONS):
        offset = rest - centre - slope * x
        weight = mx.responsibility(offset, mixture, width)
        gram = (design * weight) @ design.T
        if np.linalg.det(gram) <= 0.0:
            return PairLock(False, 1.0, reference_ps)
        step = np.linalg.solve(gram, design @ (weight * offset))
        centre, slope = centre + float(step[0]), slope + float(step[1])
        total = max(float(np.sum(weight)), 1.0)
        sigma = math.sqrt(float(np.dot(weight, (rest - centre - slope * x) ** 2)) / total)
        mixture = Mixture(mx.bounded(total / t.size), max(sigma, 1e-12))
    rate = line.rate + slope
    fitted = line._replace(offset_s=line.offset_s + centre, rate=rate)
    probability = _chance(a_s, b_s, fitted, 2.0 * mixture.sigma_s, search)
    information = mx.information(mixture, width)
    sigmas = np.linalg.inv(t.size * information * np.diag([1.0, float(np.var(x))]))
    back = -line.time_s
    at_reference = fitted.offset_s + rate * back
    mean = float(np.mean(x))
    return PairLock(
        locked=probability <= FALSE_LOCK_PROBABILITY,
        false_lock_probability=probability,
        reference_time_ps=reference_ps,
        offset_ps=shift_ps + at_reference * 1e12,
        offset_sigma_ps=1e12 * math.sqrt(sigmas[0, 0] + (back - mean) ** 2 * sigmas[1, 1]),
        frequency_offset=rate,
        frequency_sigma=math.sqrt(sigmas[1, 1]),
        coincidences=round(total),
        accidentals=(1.0 - mixture.fraction) * t.size * 4.0 * mixture.sigma_s / width,
        jitter_ps=1e12 * mixture.sigma_s,
        seconds_used=float(np.ptp(t)),
    )


def _chance(a_s: Array, b_s: Array, line: _Line, half_s: float, search: Range) -> float:
    """Bound: so many coincidences by accident, anywhere in the range at any rate in it.

    Cells of the window's width in offset and, over the span, in rate. The expected number is that
    of the fullest other window nearby: pulsed sources make accidentals cluster.
    """
    width = 2.0 * half_s
    _, rest = _differences(a_s, b_s, line, max(_NEIGHBOURS_S, _NEIGHBOURS * width))
    index = np.floor((rest + half_s) / width).astype(np.int64)
    counts = np.bincount(index - int(np.min(index))) if index.size else np.zeros(1, dtype=np.int64)
    here = -int(np.min(index)) if index.size else 0
    count = float(counts[here]) if 0 <= here < counts.size else 0.0
    # The slopes of the peak lie in the next windows.
    others = np.delete(counts, range(max(0, here - 2), min(counts.size, here + 3)))
    level = float(np.max(others, initial=0))
    cells = (search.high_s - search.low_s) / width
    cells *= max(1.0, 2.0 * search.most_rate * line.span_s / width)
    log_chance = log_poisson_tail(count, max(level, 0.5)) + math.log(cells)
    return math.exp(min(0.0, log_chance))
