"""Where recovered slots don't fit the pattern. A leap by whole slots shows nowhere else.

A hidden Markov chain with two states, right and wrong, over the bins of each stretch: its knots,
and shorter ones at the ends. With right slots a click is seen in the state that was sent, up to the
angle of the polarisation frames: if the Stokes vectors are complex numbers, z = received times
conjugate sent is one of 1, -1, i, -i with P(z) = (1 + 2 c w Re(z conj(u))) / 4; c: contrast; w:
probability that the click is signal; u: unit vector of the frame's angle, here from the
neighbouring bins, as the frame may turn. With wrong slots P(z) = 1/4.

So it is with right slots where there is no signal. Whether there is one is a chain of its own, for
which the clicks' distances from their slot centres speak.
"""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from terminal.timetags.mixture import Array
from terminal.timetags.pattern import PublicPattern
from terminal.timetags.recovered import Clicks, RecoveredStretch, Recovery
from terminal.timetags.two_states import log_odds

_TURN = np.array([0, 2, 1, 3])
"""Of the Stokes vectors of H V D A, in quarter turns."""
_LEAP = 1e-6
"""Chance that right slots become wrong from a knot to the next [?] ..."""
_RETURN = 1e-2
"""... and wrong ones right."""
_STATIONARY = math.log(_RETURN / _LEAP)
"""Log odds of the chain when nothing is known."""
_SURE = math.log(1e3)
"""Log odds from which on slots pass for right, of a bin and of both its neighbours, and, negative,
for wrong."""
_CHANGE = 1e-2
"""Chance that the signal begins or ends from a knot to the next [?]."""
_CERTAIN = 30.0
"""Log odds of the signal that no more is made of."""
_SIGNAL_SHARE = 0.5
"""Of the signal's usual share of the clicks: what there is of it must be seen in a fade too."""
_NEIGHBOUR_CLICKS = 100
"""Public clicks on either side that tell the frame's angle."""
_CONTRAST_SHARE = 0.9
"""Of the contrast measured: where it is lower than elsewhere, right slots must not seem wrong. From
0.49 down to 0.26, which is an error rate of 24 %, they do not."""
_MOST_CONTRAST = 0.49
"""To start from: 1 / 2 would be no errors at all, and give a wrong click no probability."""
_PULSES = 12.0
"""Background gets there with 6e-6."""
_LONE_KNOT_S = 0.02
"""Half the length of a knot that has no neighbour to tell it."""
_END_KNOTS = 4
"""At either end of a stretch, with finer bins: what is wrong there has no knots around it that are
wrong as a whole."""
_BINS_A_KNOT = 16
"""There and beyond the knots."""
_FINEST_PS = 10**9
"""A stretch of a few short knots would have too many."""
_ROUNDS = 4
"""The contrast is measured where slots are right, and tells where they are."""


class Span(NamedTuple):
    """Of time, both ends included, in which the slots of a stretch are not surely right."""

    stretch: int
    begin_ps: int
    end_ps: int
    is_leap: bool
    """Some are surely wrong."""


class Bins(NamedTuple):
    """Sums over the clicks of a stretch by bin, (k, ...)."""

    turns: Array
    """(k, 4): accepted clicks in public slots, by the angle of z in quarter turns."""
    sums: Array
    """(k, 3): the weight of these clicks; clicks with a slot; sum of these clicks' centrality,
    1 - 4 |residual| / slot: 0 on average for background, its variance 1/3."""


class SlotAudit:
    """Feed it the clicks of a recovered stream; memory is that of its knots."""

    def __init__(
        self,
        recovery: Recovery,
        pattern: PublicPattern,
        adjoins: tuple[bool, bool] = (False, False),
    ) -> None:
        """adjoins: whether the stream goes on, after a leap, before and after what is recovered."""
        self._recovery, self._pattern, self._adjoins = recovery, pattern, adjoins
        self._knots_ps = [_knots_ps(stretch) for stretch in recovery.stretches]
        self._edges_ps = [
            _edges_ps(stretch, knots_ps)
            for stretch, knots_ps in zip(recovery.stretches, self._knots_ps, strict=True)
        ]
        self._beyond = np.zeros((len(self._edges_ps), 2), dtype=np.complex128)
        self._beyond_clicks = np.zeros((len(self._edges_ps), 2))
        """Before and after the knots of each stretch: sum of unit vectors of the clicks' phases
        about the slots extrapolated, and clicks."""
        self._bins = [
            Bins(np.zeros((edges.size + 1, 4)), np.zeros((edges.size + 1, 3)))
            for edges in self._edges_ps
        ]

    def feed(self, time_ps: NDArray[np.int64], channel: NDArray[np.uint8], clicks: Clicks) -> None:
        """All arrays (n,); ascending in time."""
        from terminal.timetags import tally_kernels

        self._feed_beyond(time_ps, clicks)
        for k, stretch in enumerate(self._recovery.stretches):
            begin = int(np.searchsorted(time_ps, stretch.begin_ps))
            end = int(np.searchsorted(time_ps, stretch.end_ps, side="right"))
            part = slice(begin, end)
            tally_kernels.add_turns(
                time_ps[part],
                channel[part],
                clicks.slot[part],
                clicks.residual_s[part],
                clicks.accepted[part],
                clicks.weight[part],
                self._pattern.state,
                _TURN,
                self._recovery.slot_period_s,
                self._edges_ps[k],
                *self._bins[k],
            )

    def _feed_beyond(self, time_ps: NDArray[np.int64], clicks: Clicks) -> None:
        for k, stretch in enumerate(self._recovery.stretches):
            knots = self._knots_ps[k]
            sides = ((stretch.begin_ps, knots[0]), (knots[-1], stretch.end_ps + 1))
            for side, (from_ps, to_ps) in enumerate(sides):
                begin, end = np.searchsorted(time_ps, (from_ps, to_ps)).tolist()
                sure = clicks.slot[begin:end] >= 0
                residual_s = clicks.residual_s[begin:end][sure]
                angle = 2.0 * math.pi / self._recovery.slot_period_s * residual_s
                self._beyond[k, side] += np.sum(np.exp(1j * angle))
                self._beyond_clicks[k, side] += residual_s.size

    def _lost(self, k: int) -> tuple[bool, bool]:
        """Whether the clock of a stretch was lost at its begin and at its end.

        It was where another stretch adjoins, where the first clicks did not lock, and where pulses
        go on beyond the knots: they would have been followed, had they not leapt. Rayleigh's test,
        Exp(1) distributed for background.
        """
        late = self._recovery.stretches[k].late
        power = np.abs(self._beyond[k]) ** 2 / np.maximum(self._beyond_clicks[k], 1.0)
        goes_on = power > _PULSES
        last = len(self._edges_ps) - 1
        return (
            bool(k > 0 or late or goes_on[0]),
            bool(k < last or goes_on[1]),
        )

    def _ends(self, k: int, shortest: float) -> tuple[float, float]:
        """Log odds before the first bin of a stretch and, as a likelihood ratio, after its last.

        shortest: length of a bin in knots. Where the stream goes on, it does so with other slots: a
        change just there is as likely as one bin further, and a bin is right by its own clicks.
        """
        lost_before, lost_after = self._lost(k)
        start = 0.0 if lost_before else _STATIONARY
        end = -_STATIONARY if lost_after else 0.0
        if self._adjoins[0]:
            start = math.log(_RETURN * shortest)
        if self._adjoins[1]:
            end = math.log(_LEAP * shortest)
        return start, end

    def wrong(self) -> list[Span]:
        """After all clicks have been fed."""
        spans = []
        for k, stretch in enumerate(self._recovery.stretches):
            edges = self._edges_ps[k]
            length = _lengths(edges, self._knots_ps[k])
            signal = _signal(self._bins[k], length, self._centrality(stretch))
            odds = _odds(self._bins[k], length, signal, *self._ends(k, float(np.min(length))))
            right = odds > _SURE
            # The bin in which the clock leapt may have been right for the most part.
            right[1:] &= odds[:-1] > _SURE
            right[:-1] &= odds[1:] > _SURE
            begins = np.concatenate([[stretch.begin_ps], edges])
            ends = np.concatenate([edges - 1, [stretch.end_ps]])
            change = np.flatnonzero(np.diff(np.concatenate([[True], right, [True]])))
            for first, after in change.reshape(-1, 2).tolist():
                begin_ps = max(int(begins[first]), stretch.begin_ps)
                end_ps = min(int(ends[after - 1]), stretch.end_ps)
                if begin_ps <= end_ps:
                    is_leap = bool(np.any(odds[first:after] < -_SURE))
                    spans.append(Span(k, begin_ps, end_ps, is_leap))
        return spans

    def _centrality(self, stretch: RecoveredStretch) -> float:
        """Mean of the clicks' centrality, see `Bins`, where there is signal: that of a Gaussian."""
        phases = stretch.phases
        mean_share = math.sqrt(2.0 / math.pi) * phases.sigma_s / self._recovery.slot_period_s
        return float(np.median(phases.fraction)) * (1.0 - 4.0 * mean_share)


def _knots_ps(stretch: RecoveredStretch) -> NDArray[np.int64]:
    """Between the knots, and half a knot before the first one and after the last one."""
    t = stretch.phases.t_s
    half = 0.5 * np.diff(t) if t.size > 1 else np.array([_LONE_KNOT_S])
    edges_s = np.concatenate([t[:1] - half[:1], t[:-1] + half[: t.size - 1], t[-1:] + half[-1:]])
    return stretch.path.reference_time_ps + np.rint(1e12 * edges_s).astype(np.int64)


def _edges_ps(stretch: RecoveredStretch, knots_ps: NDArray[np.int64]) -> NDArray[np.int64]:
    """Between the bins, ascending: the knots, finer ones near the ends and beyond. None outside of
    the stretch, which may be a part of that of the knots: empty bins would know nothing."""
    fine_ps = max(int(np.median(np.diff(knots_ps))) // _BINS_A_KNOT, _FINEST_PS)
    begin_ps = max(stretch.begin_ps, stretch.path.begin_ps)
    end_ps = min(stretch.end_ps, stretch.path.end_ps)
    knots_ps = knots_ps[(knots_ps > begin_ps) & (knots_ps <= end_ps)]
    if not knots_ps.size:
        return np.arange(begin_ps + fine_ps, end_ps, fine_ps)
    near = min(_END_KNOTS, knots_ps.size - 1)
    before = np.arange(knots_ps[near], begin_ps, -fine_ps)
    after = np.arange(knots_ps[-1 - near], end_ps, fine_ps)
    return np.unique(np.concatenate([before, knots_ps, after]))


def _lengths(edges_ps: NDArray[np.int64], knots_ps: NDArray[np.int64]) -> Array:
    """Of the bins, in knots, one at most, (k + 1,) of k edges."""
    length = np.ones(edges_ps.size + 1)
    length[1:-1] = np.minimum(np.diff(edges_ps) / np.median(np.diff(knots_ps)), 1.0)
    return length


def _signal(bins: Bins, length: Array, centrality: float) -> Array:
    """Probability that there is signal in each bin, (k,).

    The sum of n centralities is taken for normal with variance n / 3, its mean 0 or n m: the log
    likelihood ratio is 3 m (sum - n m / 2).
    """
    _, clicks, central = bins.sums.T
    m = _SIGNAL_SHARE * centrality
    ratio = 3.0 * m * (central - 0.5 * m * clicks)
    change = _CHANGE * length
    odds = np.clip(log_odds(ratio, change, change, 0.0, 0.0), -_CERTAIN, _CERTAIN)
    return np.asarray(1.0 / (1.0 + np.exp(-odds)))


def _odds(bins: Bins, length: Array, signal: Array, start: float, end: float) -> Array:
    """Log odds that the slots of each bin are right, (k,).

    length: of the bins, in knots; start, end: see `two_states.log_odds`.
    """
    turns = bins.turns
    clicks = np.sum(turns, axis=1)
    z = turns @ np.array([1.0, 1j, -1.0, -1j])
    weight = bins.sums[:, 0]
    share = np.divide(weight, clicks, out=np.zeros_like(weight), where=clicks > 0.0)
    towards = _neighbours(signal * z, signal * clicks)
    # Cosine of the angle between z and the frame's, for the four values of z.
    cosine = np.real(np.outer(np.conj(towards), [1.0, 1j, -1.0, -1j]))
    along = signal * np.sum(turns * cosine, axis=1)
    contrast = _MOST_CONTRAST
    log_signal, log_none = np.log(signal), np.log1p(-signal)
    for _ in range(_ROUNDS):
        c = _CONTRAST_SHARE * min(max(contrast, 0.0), _MOST_CONTRAST)
        seen = np.sum(turns * np.log1p(2.0 * c * share[:, None] * cosine), axis=1)
        ratio = np.logaddexp(log_signal + seen, log_none)
        odds = log_odds(ratio, _LEAP * length, _RETURN * length, start, end)
        good = odds > 0.0
        contrast = float(np.sum(along[good])) / max(float(np.sum((signal * weight)[good])), 1.0)
    return odds


def _neighbours(z: NDArray[np.complex128], clicks: Array) -> NDArray[np.complex128]:
    """Direction of the sum of z over the clicks before and after each bin, itself left out."""
    total = np.concatenate([[0.0], np.cumsum(z)])
    count = np.concatenate([[0.0], np.cumsum(clicks)])
    first = np.searchsorted(count, count[:-1] - _NEIGHBOUR_CLICKS, side="right") - 1
    after = np.searchsorted(count, count[1:] + _NEIGHBOUR_CLICKS)
    around = total[np.minimum(after, z.size)] - total[np.maximum(first, 0)] - z
    size = np.abs(around)
    return np.asarray(np.divide(around, size, out=np.zeros_like(around), where=size > 0.0))
