"""Where recovered slots don't fit the pattern. A leap by whole slots shows nowhere else.

A hidden Markov chain with two states, right and wrong, over the knots of each stretch. With right
slots a click is seen in the state that was sent, up to the angle of the polarisation frames: if the
Stokes vectors are complex numbers, z = received times conjugate sent is one of 1, -1, i, -i with
P(z) = (1 + 2 c w Re(z conj(u))) / 4; c: contrast; w: probability that the click is signal; u: unit
vector of the frame's angle, here from the neighbouring knots, as the frame may turn. With wrong
slots P(z) = 1/4. Posterior by the forward-backward recursion (Rabiner 1989), in log odds.
"""

import math
from collections.abc import Iterator
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from terminal.timetags.file_recovery import Blocks, recover
from terminal.timetags.formats.blocks import TagBlock
from terminal.timetags.mixture import Array
from terminal.timetags.pattern import PublicPattern
from terminal.timetags.recovered import Clicks, RecoveredStretch, Recovery

_TURN = np.array([0, 2, 1, 3])
"""Of the Stokes vectors of H V D A, in quarter turns."""
_LEAP = 1e-6
"""Chance that right slots become wrong from a knot to the next [?] ..."""
_RETURN = 1e-2
"""... and wrong ones right."""
_STATIONARY = math.log(_RETURN / _LEAP)
"""Log odds of the chain when nothing is known."""
_SURE = math.log(1e3)
"""Log odds from which on slots pass for right, of a knot and of both its neighbours."""
_NEIGHBOUR_CLICKS = 100
"""Public clicks on either side that tell the frame's angle."""
_CONTRAST_SHARE = 0.75
"""Of the contrast measured: where it is lower than elsewhere, right slots must not seem wrong."""
_MOST_CONTRAST = 0.49
_PULSES = 12.0
"""Background gets there with 6e-6."""
_LONE_KNOT_S = 0.02
_ROUNDS = 4
_DEPTH = 3
"""Searches in what did not fit of the search before."""


class Span(NamedTuple):
    """Of time, both ends included, in which the slots of a stretch are not right."""

    stretch: int
    begin_ps: int
    end_ps: int


class SlotAudit:
    """Feed it the clicks of a recovered stream; memory is that of its knots."""

    def __init__(
        self,
        recovery: Recovery,
        pattern: PublicPattern,
        adjoins: tuple[bool, bool] = (False, False),
    ) -> None:
        """adjoins: whether the stream goes on before and after what is recovered."""
        self._recovery, self._pattern, self._adjoins = recovery, pattern, adjoins
        self._edges_ps = [_edges_ps(stretch) for stretch in recovery.stretches]
        self._beyond = np.zeros((len(self._edges_ps), 2), dtype=np.complex128)
        self._beyond_clicks = np.zeros((len(self._edges_ps), 2))
        """Before and after the knots of each stretch: sum of unit vectors of the clicks' phases
        about the slots extrapolated, and clicks."""
        self._turns = [np.zeros((edges.size + 1, 4)) for edges in self._edges_ps]
        """Public clicks by knot and angle of z in quarter turns."""
        self._weight = [np.zeros(edges.size + 1) for edges in self._edges_ps]

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
                clicks.accepted[part],
                clicks.weight[part],
                self._pattern.state,
                _TURN,
                self._edges_ps[k],
                self._turns[k],
                self._weight[k],
            )

    def _feed_beyond(self, time_ps: NDArray[np.int64], clicks: Clicks) -> None:
        for k, stretch in enumerate(self._recovery.stretches):
            edges = self._edges_ps[k]
            sides = ((stretch.begin_ps, edges[0]), (edges[-1], stretch.end_ps + 1))
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
            bool(k > 0 or late or self._adjoins[0] or goes_on[0]),
            bool(k < last or self._adjoins[1] or goes_on[1]),
        )

    def wrong(self) -> list[Span]:
        """After all clicks have been fed."""
        spans = []
        for k, stretch in enumerate(self._recovery.stretches):
            right = _right(self._turns[k], self._weight[k], *self._lost(k))
            edges = self._edges_ps[k]
            begins = np.concatenate([[stretch.begin_ps], edges])
            ends = np.concatenate([edges - 1, [stretch.end_ps]])
            change = np.flatnonzero(np.diff(np.concatenate([[True], right, [True]])))
            for first, after in change.reshape(-1, 2).tolist():
                begin_ps = max(int(begins[first]), stretch.begin_ps)
                end_ps = min(int(ends[after - 1]), stretch.end_ps)
                if begin_ps <= end_ps:
                    spans.append(Span(k, begin_ps, end_ps))
        return spans


def _edges_ps(stretch: RecoveredStretch) -> NDArray[np.int64]:
    """Between the knots, and half a knot before the first one and after the last one."""
    t = stretch.phases.t_s
    half = 0.5 * np.diff(t) if t.size > 1 else np.array([_LONE_KNOT_S])
    edges_s = np.concatenate([t[:1] - half[:1], t[:-1] + half[: t.size - 1], t[-1:] + half[-1:]])
    return stretch.path.reference_time_ps + np.rint(1e12 * edges_s).astype(np.int64)


def _right(turns: Array, weight: Array, lost_before: bool, lost_after: bool) -> NDArray[np.bool_]:
    """Whether the slots of each knot are right, (k,).

    turns: (k, 4), clicks; weight: (k,), sum over them; lost_...: nothing is known at that end.
    """
    clicks = np.sum(turns, axis=1)
    z = turns @ np.array([1.0, 1j, -1.0, -1j])
    signal = np.divide(weight, clicks, out=np.zeros_like(weight), where=clicks > 0.0)
    towards = _neighbours(z, clicks)
    # Cosine of the angle between z and the frame's, for the four values of z.
    cosine = np.real(np.outer(np.conj(towards), [1.0, 1j, -1.0, -1j]))
    along = np.sum(turns * cosine, axis=1)
    odds = np.full(clicks.size, math.inf)
    for _ in range(_ROUNDS):
        good = odds > 0.0
        contrast = float(np.sum(along[good])) / max(float(np.sum(weight[good])), 1.0)
        c = _CONTRAST_SHARE * min(max(contrast, 0.0), _MOST_CONTRAST)
        ratio = np.sum(turns * np.log1p(2.0 * c * signal[:, None] * cosine), axis=1)
        odds = _smoothed(ratio, lost_before, lost_after)
    right = odds > _SURE
    # The knot in which the clock leapt may have been right for the most part.
    right[1:] &= odds[:-1] > _SURE
    right[:-1] &= odds[1:] > _SURE
    return right


def _neighbours(z: NDArray[np.complex128], clicks: Array) -> NDArray[np.complex128]:
    """Direction of the sum of z over the clicks before and after each knot, itself left out."""
    total = np.concatenate([[0.0], np.cumsum(z)])
    count = np.concatenate([[0.0], np.cumsum(clicks)])
    first = np.searchsorted(count, count[:-1] - _NEIGHBOUR_CLICKS, side="right") - 1
    after = np.searchsorted(count, count[1:] + _NEIGHBOUR_CLICKS)
    around = total[np.minimum(after, z.size)] - total[np.maximum(first, 0)] - z
    size = np.abs(around)
    return np.asarray(np.divide(around, size, out=np.zeros_like(around), where=size > 0.0))


def _smoothed(ratio: Array, lost_before: bool, lost_after: bool) -> Array:
    """Posterior log odds of right against wrong, from the log likelihood ratio of each knot."""
    forward, backward = np.empty(ratio.size), np.empty(ratio.size)
    odds = 0.0 if lost_before else _STATIONARY
    values = ratio.tolist()
    for k, value in enumerate(values):
        forward[k] = odds + value
        right = 1.0 / (1.0 + math.exp(-_limited(odds + value)))
        ahead = right * (1.0 - _LEAP) + (1.0 - right) * _RETURN
        odds = math.log(ahead / (1.0 - ahead))
    future = -_STATIONARY if lost_after else 0.0
    for k in range(ratio.size - 1, -1, -1):
        backward[k] = future
        r = math.exp(_limited(future + values[k]))
        future = math.log(((1.0 - _LEAP) * r + _LEAP) / (_RETURN * r + 1.0 - _RETURN))
    return forward + backward


def _limited(value: float) -> float:
    return min(max(value, -30.0), 30.0)


def _without(recovery: Recovery, wrong: list[Span]) -> Recovery:
    """The stretches less the wrong spans: what is left of them, in order of time."""
    stretches = []
    for k, stretch in enumerate(recovery.stretches):
        begin_ps = stretch.begin_ps
        for span in (span for span in wrong if span.stretch == k):
            if span.begin_ps > begin_ps:
                stretches.append(stretch._replace(begin_ps=begin_ps, end_ps=span.begin_ps - 1))
            begin_ps = span.end_ps + 1
        if begin_ps <= stretch.end_ps:
            stretches.append(stretch._replace(begin_ps=begin_ps))
    return replace(recovery, stretches=stretches)


def found_again(
    blocks: Blocks,
    pattern: PublicPattern,
    recovery: Recovery,
    wrong: list[Span],
    adjoins: tuple[bool, bool] = (False, False),
    depth: int = _DEPTH,
) -> Recovery:
    """The recovery without the wrong spans, and with the clock searched anew in each of them.

    adjoins: whether the stream goes on before and after the blocks.
    """
    stretches = _without(recovery, wrong).stretches
    for span in wrong if depth else []:
        within = _within(blocks, span)
        anew = recover(within, pattern, recovery.slot_period_s)
        its_adjoins = (
            adjoins[0] or span.begin_ps > recovery.first_ps,
            adjoins[1] or span.end_ps < recovery.last_ps,
        )
        audit = SlotAudit(anew, pattern, its_adjoins)
        for block in within() if anew.stretches else []:
            clicks = anew.assign(block.time_ps, block.channel)
            audit.feed(block.time_ps, block.channel, clicks)
        anew = found_again(within, pattern, anew, audit.wrong(), its_adjoins, depth - 1)
        stretches += anew.stretches
    return replace(recovery, stretches=sorted(stretches, key=lambda stretch: stretch.begin_ps))


def _within(blocks: Blocks, span: Span) -> Blocks:
    """The clicks of a span."""

    def cut() -> Iterator[TagBlock]:
        for block in blocks():
            begin = int(np.searchsorted(block.time_ps, span.begin_ps))
            end = int(np.searchsorted(block.time_ps, span.end_ps, side="right"))
            if begin < end:
                yield block.part(slice(begin, end))

    return cut
