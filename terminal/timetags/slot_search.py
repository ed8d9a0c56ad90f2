"""The slot number of a stream whose clock already folds: soft correlation with the pattern.

A click is signal with a probability r that falls with its distance from the slot centre. In a slot
that the pattern knows, in the click's own basis, it is then 1 + x times as likely as by chance if
it shows the state sent, and 1 - x times if it shows the other: x = (1 - 2 e) r, error rate e. The
sum of the logarithms over all clicks is the score of a shift. Wrong shifts score far below zero.
"""

import math
from statistics import NormalDist
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from config.pattern import NOT_PUBLIC
from terminal.timetags import mixture as mx
from terminal.timetags import slot_correlation
from terminal.timetags.mixture import Array, Mixture
from terminal.timetags.pattern import PublicPattern
from terminal.timetags.slot_correlation import Correlation

_ERROR_RATE = 0.1
"""Assumed; on the high side, since a link with unaligned frames should lock too. A wrong one costs
some sensitivity (7 % at 2 %), what a lock is worth does not depend on it."""
_LEAST_CONTRAST = 1e-3
"""Clicks that say less are left out."""
_LEVELS = 2
"""Weight of the surest clicks in the first correlation: 0, 1 and 2 make it fast."""
_CANDIDATES = 200
"""Shifts with the best correlation that get the whole score ..."""
_LOOK_UPS = 150_000
"""... or fewer, of so many clicks that this would be exceeded."""
_HOPE_SIGMA = 1.0
"""A search is worth its time if with this much luck it could succeed."""
_LEAST_CLICKS = 4
_AGAINST = 6.0
"""Nats that successive clicks may speak against a shift that the others prove. More forbids the
lock: there a slot has slipped, which may be a step of the clock or a wrong frequency."""
_EPSILON = float(np.finfo(np.float64).eps)
_TINY = float(np.finfo(np.float64).tiny)
_STEEPEST = 8.0
"""Largest h of Chernoff's bound; 1 is the optimum for the error rate assumed."""
_SETTLED = 1e-2
_MOST_STEPS = 20
"""Of the search for h: the bound errs by half the square of its error."""
_MOST_NATS = 300.0
"""Of an exponent: a thousand clicks in one slot, as of a detector gone mad, would overflow."""


class SlotScore(NamedTuple):
    """The best shift: the true slot is slot + shift, modulo the length of the pattern."""

    shift: int
    log_false_probability: float
    """Natural logarithm of the bound for all shifts of one search; 0: certainly no lock."""


class SlotSearch(NamedTuple):
    """Clicks that say something, (n,), in order of time, and how far their correlation is."""

    slot: NDArray[np.int64]
    channel: NDArray[np.uint8]
    x: Array
    """Contrast."""
    weight: Array
    """In the correlation."""
    correlation: Correlation


class Evidence(NamedTuple):
    """What each pattern slot that was hit adds to a score, by the state that was sent in it."""

    by_state: Array
    """(4, m)."""
    share: Array
    """(4, 1): share of such slots in the pattern."""


def contrast(offset_s: Array, mixture: Mixture, slot_period_s: float) -> Array:
    """x of clicks at this offset from their slot centre, (n,)."""
    return (1.0 - 2.0 * _ERROR_RATE) * mx.responsibility(offset_s, mixture, slot_period_s)


def evidence(
    slot: NDArray[np.int64], channel: NDArray[np.uint8], x: Array, pattern: PublicPattern
) -> Evidence:
    """Clicks summed by pattern slot. slot, channel, x: (n,)."""
    return _by_slot(slot, channel, np.log1p(x), np.log1p(-x), pattern)


def _by_slot(
    slot: NDArray[np.int64],
    channel: NDArray[np.uint8],
    same: Array,
    other: Array,
    pattern: PublicPattern,
) -> Evidence:
    """same, other: (n,), what a click adds if the state of its channel was sent, or the other."""
    hit, place = np.unique(np.mod(slot, pattern.length), return_inverse=True)
    by_state = np.zeros((4, hit.size))
    np.add.at(by_state, (channel, place), same)
    np.add.at(by_state, (channel ^ 1, place), other)
    return Evidence(by_state, np.array(pattern.share_by_state)[:, None])


def log_chance(score: float, slots: Evidence) -> float:
    """Log of a bound on the probability that one wrong shift reaches this score (Chernoff).

    In a random pattern a wrong shift meets, in each slot hit, each state with the probability of
    its share: E[exp(h S)] = product over slots of (1 + sum over states of share (exp(h u) - 1)).
    Any h > 0 gives the bound exp(-h score) E[exp(h S)]; the best is found by Newton's method on its
    slope, kept within what is known to hold it.
    """
    if score <= 0.0:
        return 0.0
    largest = float(np.max(slots.by_state))
    low, high = 0.0, min(_STEEPEST, _MOST_NATS / max(largest, 1.0))
    rest = 1.0 - float(np.sum(slots.share))
    h = min(1.0, 0.5 * high)
    for _ in range(_MOST_STEPS):
        likely = slots.share * np.exp(h * slots.by_state)
        likely /= np.maximum(rest + np.sum(likely, axis=0), _TINY)
        by_slot = np.einsum("ij,ij->j", likely, slots.by_state)
        slope = float(np.sum(by_slot)) - score
        curvature = float(np.sum(likely * slots.by_state**2) - np.dot(by_slot, by_slot))
        low, high = (h, high) if slope < 0.0 else (low, h)
        step = -slope / curvature if curvature > 0.0 else math.inf
        before, h = h, h + step if low < h + step < high else 0.5 * (low + high)
        if abs(h - before) < _SETTLED:
            break
    added = np.sum(slots.share * np.expm1(h * slots.by_state), axis=0)
    # A click that no state of the pattern explains: -1, or a rounding below.
    added = np.maximum(added, -1.0 + _EPSILON)
    return min(0.0, float(np.sum(np.log1p(added))) - h * score)


def log_chance_hoped(slots: Evidence) -> float:
    """What `log_chance` gives for the right shift, with some luck; much cheaper than the search.

    Under the right shift a state is exp(u) times as likely as by chance, u being what it adds.
    """
    likely = slots.share * np.exp(np.minimum(slots.by_state, _MOST_NATS))
    mean = float(np.sum(likely * slots.by_state))
    square = float(np.sum(likely * slots.by_state**2))
    return log_chance(mean + _HOPE_SIGMA * math.sqrt(square), slots)


def search_slot(
    slot: NDArray[np.int64], channel: NDArray[np.uint8], x: Array, pattern: PublicPattern
) -> SlotScore:
    """Correlates with all shifts of the pattern, scores the best ones in full.

    slot: (n,), in order of time, up to an unknown shift; channel: (n,), 0..3; x: (n,), contrast.
    """
    search = begin(slot, channel, x, pattern)
    while not search.correlation.done:
        search = advance(search, pattern)
    return best_shift(search, pattern)


def begin(
    slot: NDArray[np.int64], channel: NDArray[np.uint8], x: Array, pattern: PublicPattern
) -> SlotSearch:
    """The same in parts: `advance` until its correlation is done, then `best_shift`."""
    used = x > _LEAST_CONTRAST
    slot, channel, x = slot[used], channel[used], x[used]
    # Of the two parts of a click's score, +-atanh x and ln(1 - x^2) / 2, the first does for now.
    surest = math.atanh(1.0 - 2.0 * _ERROR_RATE)
    weight = np.rint(np.arctanh(x) * (_LEVELS / surest))
    correlation = slot_correlation.begin(slot, channel, weight.astype(np.int64), pattern)
    return SlotSearch(slot, channel, x, weight, correlation)


def advance(search: SlotSearch, pattern: PublicPattern) -> SlotSearch:
    """One part further."""
    correlation = slot_correlation.advance(search.correlation, pattern)
    return search._replace(correlation=correlation)


def best_shift(search: SlotSearch, pattern: PublicPattern) -> SlotScore:
    """The bound holds for clicks without the pattern whatever their times and channels are, if the
    pattern is random. For one that is not, the shifts tell: their scatter weakens the bound, and a
    second shift as good as the best forbids the lock.
    """
    slot, channel, x, weight, correlation = search
    if slot.size < _LEAST_CLICKS:
        return SlotScore(0, 0.0)
    slots = evidence(slot, channel, x, pattern)
    most = max(min(_CANDIDATES, _LOOK_UPS // slot.size), 2)
    shifts, variance = _best_shifts(correlation.scores, most)
    each = _scores(slot, channel, x, shifts, pattern)
    total = np.sum(each, axis=1)
    best = int(np.argmax(total))
    if _deepest_fall(each[best]) > _AGAINST:
        return SlotScore(int(shifts[best]), 0.0)
    score = float(total[best])
    first, share = _by_slot(slot, channel, weight, -weight, pattern)
    expected = float(np.sum(share * first**2) - np.sum(np.sum(share * first, 0) ** 2))
    log_false = log_chance(score, slots) * min(1.0, expected / max(variance, 1e-300))
    # The scores are log likelihoods, so their difference is the odds of the two shifts.
    second = float(np.max(np.delete(total, best), initial=-math.inf))
    bound = max(log_false + math.log(pattern.length), second - score)
    return SlotScore(int(shifts[best]), min(0.0, bound))


def _deepest_fall(score: Array) -> float:
    """Largest loss over successive clicks (Page's test for a change), from scores in time order."""
    so_far = np.concatenate([[0.0], np.cumsum(score)])
    return float(np.max(np.maximum.accumulate(so_far) - so_far))


def _best_shifts(correlation: NDArray[np.float32], most: int) -> tuple[NDArray[np.int64], float]:
    """About `most` shifts (fewer than twice as many), and the variance over all shifts."""
    mean = float(np.mean(correlation))
    square = float(np.dot(correlation, correlation)) / correlation.size
    variance = max(square - mean * mean, 0.0)
    share = min(most / correlation.size, 0.5)
    limit = mean + NormalDist().inv_cdf(1.0 - share) * math.sqrt(variance)
    shifts = np.flatnonzero(correlation >= limit)
    if not most // 2 <= shifts.size < 2 * most:  # Not a Gaussian, as of a pattern with few slots.
        most = min(most, correlation.size)
        shifts = np.argpartition(correlation, correlation.size - most)[-most:]
    return shifts, variance


def _scores(
    slot: NDArray[np.int64],
    channel: NDArray[np.uint8],
    x: Array,
    shifts: NDArray[np.int64],
    pattern: PublicPattern,
) -> NDArray[np.float64]:
    """What each click adds to each shift, (shifts, clicks)."""
    state = pattern.state[np.mod(slot[None, :] + shifts[:, None], pattern.length)]
    same = np.where(state == channel, np.log1p(x), np.log1p(-x))
    known = (state != NOT_PUBLIC) & (state >> 1 == channel >> 1)
    return np.where(known, same, 0.0)
