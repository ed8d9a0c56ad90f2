"""What two receivers of a pair source share: correlations, CHSH, visibility, fidelity.

Each end brings its clicks with slot numbers. Clicks of both ends in the same slot are a coincidence
where each end has exactly one. Nothing is subtracted from the counts: accidental coincidences lower
correlations, visibilities and fidelity as they lower what the pair is good for.

Channels 0..3 are H V D A, bases X = {H, V} and Z = {D, A}. The state that is meant is the Bell
state Phi+ = (HH + VV) / sqrt(2), whose correlation at analyser angles a and b is cos 2(a - b).

What the estimates rest on: the photons that click are a fair sample of all (the usual loophole: it
is not closed here). Unequal detectors matter little: if the two of a basis differ by d1 at one end
and by d2 at the other, relatively, E moves by d1 d2 (1 - E^2) / 4.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

CHANNELS = 4
BASIS_ANGLES_RAD = (0.0, math.pi / 4)
"""Of X and Z in the sender's frame."""
CHSH_TURN_RAD = math.pi / 8
"""Between the analysers, where |S| of Phi+ is largest: 2 sqrt(2)."""
NEAR_RAD = math.radians(1.0)
"""Turns closer than this are meant to be the same: a sine of twice that is 3.5 %."""

Table = NDArray[np.int64]
"""(4, 4) coincidences by channel of the first end (row) and of the second."""

_SIGN = np.array([1.0, -1.0])


class Clicks(NamedTuple):
    """Of one end, in slots that carry pairs; each (n,)."""

    slot: NDArray[np.int64]
    channel: NDArray[np.uint8]
    turn_rad: NDArray[np.float64]
    """How far the analyser was turned on from the sender's frame on purpose, from H toward D."""


class Coincidences(NamedTuple):
    """Slots in which each end has exactly one click; each (n,), by slot."""

    slot: NDArray[np.int64]
    first: NDArray[np.uint8]
    second: NDArray[np.uint8]
    turn_rad: NDArray[np.float64]
    """Of the first analyser over the second."""


class Correlation(NamedTuple):
    """E = (N same - N opposite) / N of two bases; 0 +- 1 without a coincidence."""

    value: float
    sigma: float
    coincidences: int


class Estimate(NamedTuple):
    """A figure and its standard deviation, by counting statistics alone."""

    value: float
    sigma: float


def checked(clicks: Clicks) -> Clicks:
    """The clicks. Raises ValueError for arrays that differ in length, and for numbers that are no
    slot or no channel."""
    slot, channel, turn_rad = clicks
    if not slot.shape == channel.shape == turn_rad.shape or slot.ndim != 1:
        raise ValueError(
            f"clicks: {slot.shape} slots, {channel.shape} channels, {turn_rad.shape} turns: need "
            "one of each for a click"
        )
    if slot.size and int(slot.min()) < 0:
        raise ValueError("clicks: negative slot: leave out clicks without a slot")
    if channel.size and int(channel.max()) >= CHANNELS:
        raise ValueError(f"clicks: channel {int(channel.max())}: need 0 to 3")
    if not np.all(np.isfinite(turn_rad)):
        raise ValueError("clicks: a turn is not finite")
    return clicks


def lone(clicks: Clicks) -> Clicks:
    """By slot, those that are alone in theirs. Raises ValueError as `checked`."""
    slot, channel, turn_rad = checked(clicks)
    order = np.argsort(slot, kind="stable")
    slot = slot[order]
    new = np.ones(slot.size + 1, bool)
    new[1:-1] = slot[1:] != slot[:-1]
    alone = new[:-1] & new[1:]
    return Clicks(slot[alone], channel[order][alone], turn_rad[order][alone])


def coincidences(first: Clicks, second: Clicks, lag_slots: int = 0) -> Coincidences:
    """Of clicks that are alone in their slots (`lone`), the second's taken to be a lag too late."""
    wanted = first.slot + lag_slots
    place = np.searchsorted(second.slot, wanted)
    at = np.flatnonzero(place < second.slot.size)
    at = at[second.slot[place[at]] == wanted[at]]
    other = place[at]
    return Coincidences(
        first.slot[at],
        first.channel[at],
        second.channel[other],
        first.turn_rad[at] - second.turn_rad[other],
    )


def accidentals(first: Clicks, second: Clicks, lags_slots: Sequence[int]) -> Estimate:
    """Mean coincidences at these lags, where no pair can make any: what chance makes at lag 0.

    Slots that carry no pairs must fall onto such: lags are multiples of the pattern's length.
    Raises ValueError without lags, or with one of 0.
    """
    if not lags_slots or 0 in lags_slots:
        raise ValueError("lags_slots: need some, and none of 0, where the pairs are")
    counts = [coincidences(first, second, lag).slot.size for lag in lags_slots]
    mean = sum(counts) / len(counts)
    return Estimate(mean, math.sqrt(mean / len(counts)))


def tables(found: Coincidences) -> dict[float, Table]:
    """Coincidences by turn of the first analyser over the second, rad; ascending turns.

    Turns are told apart by steps of NEAR_RAD, and stand for themselves by their mean.
    """
    key = np.rint(found.turn_rad / NEAR_RAD)
    cell = CHANNELS * found.first.astype(np.int64) + found.second
    answer = {}
    for one in np.unique(key):
        mine = key == one
        counts = np.bincount(cell[mine], minlength=CHANNELS**2).reshape(CHANNELS, CHANNELS)
        answer[float(found.turn_rad[mine].mean())] = counts
    return answer


def correlation(table: Table, first_basis: int, second_basis: int) -> Correlation:
    """E of one basis (0 = X, 1 = Z) at each end.

    Sigma is that of the binomial, (1 - E^2) / N, and 1 / N in quadrature, so that few counts that
    agree by chance are not taken for certain.
    """
    block = table[2 * first_basis : 2 * first_basis + 2, 2 * second_basis : 2 * second_basis + 2]
    n = int(block.sum())
    if n == 0:
        return Correlation(0.0, 1.0, 0)
    value = float(_SIGN @ block @ _SIGN) / n
    return Correlation(value, math.sqrt((1.0 - value * value) / n + 1.0 / n**2), n)


def chsh(turned: dict[float, Table]) -> Estimate | None:
    """S of the tables whose turn is 22.5 degrees either way; None where one of its four
    correlations has no coincidence.

    S = E(X, X) + E(Z, Z) + s (E(X, Z) - E(Z, X)), s the sign of the turn: fixed beforehand, never
    the largest of several. Local realism allows |S| <= 2 (Clauser, Horne, Shimony & Holt, Phys.
    Rev. Lett. 23 (1969) 880), quantum mechanics 2 sqrt(2).
    """
    weighted, weight = 0.0, 0.0
    for turn_rad, table in turned.items():
        if abs(abs(turn_rad) - CHSH_TURN_RAD) > NEAR_RAD:
            continue
        xx, xz, zx, zz = (correlation(table, a, b) for a in range(2) for b in range(2))
        if not all(e.coincidences for e in (xx, xz, zx, zz)):
            continue
        s = xx.value + zz.value + math.copysign(1.0, turn_rad) * (xz.value - zx.value)
        variance = sum(e.sigma**2 for e in (xx, xz, zx, zz))
        weighted += s / variance
        weight += 1.0 / variance
    return Estimate(weighted / weight, 1.0 / math.sqrt(weight)) if weight else None


class Shared(NamedTuple):
    """What the coincidences with parallel analysers say of the state; assumptions: `shared`."""

    visibility_h_v: Correlation
    visibility_d_a: Correlation
    fidelity: Estimate
    least_fidelity: Estimate


def shared(parallel: Table) -> Shared | None:
    """Visibilities and fidelity with Phi+, from coincidences of analysers that stand alike; None
    without coincidences in both bases.

    The fidelity of any two-qubit state with Phi+ is (1 + <S1 S1> + <S2 S2> - <S3 S3>) / 4. The
    circular basis is not measured: -<S3 S3> is taken to be <S2 S2>, so that
    F = (1 + V_HV + 2 V_DA) / 4. That holds for background that is unpolarised and for a state that
    is mixed with the others alike or dephased between H and V; a phase between H and V of the
    paths counts twice. Without that assumption F >= (V_HV + V_DA) / 2, because the share of the
    state opposite in all three, (1 - V_HV - V_DA - <S3 S3>) / 4, is not negative.
    """
    h_v, d_a = correlation(parallel, 0, 0), correlation(parallel, 1, 1)
    if not (h_v.coincidences and d_a.coincidences):
        return None
    return Shared(
        h_v,
        d_a,
        Estimate(
            (1.0 + h_v.value + 2.0 * d_a.value) / 4.0,
            math.hypot(h_v.sigma, 2.0 * d_a.sigma) / 4.0,
        ),
        Estimate((h_v.value + d_a.value) / 2.0, math.hypot(h_v.sigma, d_a.sigma) / 2.0),
    )
