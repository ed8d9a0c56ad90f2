"""Sifting: from announced clicks and the sender's answers to the counts that the key rests on.

States 0..3 are H, V, D, A, and so are the detectors. Key basis X = {H, V} has code 0, check basis
Z = {D, A} code 1; bit 0 is H or D, bit 1 is V or A. Only key slots are announced, no public ones.

Every check-basis click is asked for its bit. Of the key basis a share is asked for; its error
rate is used for the cost of error correction alone (the phase error comes from the check basis),
so it is no loss of secrecy that everybody can work out in advance which clicks are asked for.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from terminal.qkd.finite_key import SiftedCounts

X = 0
Z = 1
KEPT = 255
"""In place of a bit that the sender does not disclose."""


class Tally(NamedTuple):
    """All that has been sifted so far; numbers of clicks."""

    x: tuple[int, int, int] = (0, 0, 0)
    """Key bits per intensity: both ends in X, bit kept."""
    z: tuple[int, int, int] = (0, 0, 0)
    """Both ends in Z, bit disclosed, per intensity."""
    z_errors: tuple[int, int, int] = (0, 0, 0)
    disclosed_x: tuple[int, ...] = (0, 0, 0)
    """Both ends in X, bit disclosed: out of the key. Per intensity, or one number of all where a
    partner tells no more."""
    errors_disclosed_x: tuple[int, ...] = (0, 0, 0)
    """Wrong ones among these."""
    mismatched: int = 0
    """The ends took different bases."""
    unusable: int = 0
    """Answers with codes that do not exist, of the wrong length, or without a check-basis bit."""

    @property
    def sifted(self) -> int:
        """Both ends in one basis."""
        return sum(self.x) + self.disclosed

    @property
    def disclosed(self) -> int:
        """Of both bases."""
        return sum(self.disclosed_x) + sum(self.z)

    @property
    def qber(self) -> float:
        """Error rate of the disclosed key-basis bits; one half without any."""
        disclosed = sum(self.disclosed_x)
        return sum(self.errors_disclosed_x) / disclosed if disclosed else 0.5


def basis_of(state: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Basis code (0 = X, 1 = Z) of states or detectors 0..3; shape of input."""
    return state >> np.uint8(1)


def bit_of(state: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Bit of states or detectors 0..3; shape of input."""
    return state & np.uint8(1)


def one_click_a_slot(slot: NDArray[np.int64], channel: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Index (m,) of one of the clicks (n,) of each slot, in the order of the slots.

    The security proofs ask that a double click becomes a random outcome, so that nobody can discard
    rounds by making them; which of a slot's clicks stays is a hash of the slot number.
    """
    order = np.lexsort((_uniform(slot * 4 + channel), slot))
    slot = slot[order]
    first = np.ones(len(slot), bool)
    first[1:] = slot[1:] != slot[:-1]
    return order[first]


def choose_disclosed(slots: NDArray[np.int64], share: float) -> NDArray[np.uint8]:
    """1 for each key-basis click whose bit is to be asked for, else 0; shape of `slots`.

    The choice is a hash of the slot number alone (splitmix64, Steele et al. 2014), never of what
    was measured, so it cannot bias the estimate. On average `share` of the slots is chosen.
    Raises ValueError for a share outside [0, 1].
    """
    if not 0 <= share <= 1:
        raise ValueError(f"share: must lie in [0, 1], got {share}")
    return (_uniform(slots) < share).astype(np.uint8)


def _uniform(number: NDArray[np.int64]) -> NDArray[np.float64]:
    """A number in [0, 1) for each whole number: splitmix64 (Steele et al. 2014)."""
    h = number.astype(np.uint64) + np.uint64(0x9E3779B97F4A7C15)
    h = (h ^ (h >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    h = (h ^ (h >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    h ^= h >> np.uint64(31)
    return np.asarray((h >> np.uint64(11)) * 2.0**-53)


def accumulate(
    tally: Tally,
    basis: NDArray[np.uint8],
    bit: NDArray[np.uint8],
    sender_basis: NDArray[np.uint8],
    sender_intensity: NDArray[np.uint8],
    sender_bit: NDArray[np.uint8],
) -> Tally:
    """The tally with one answered announcement added.

    All arrays are (n,), one entry per announced click in the same order: basis and bit measured
    here; basis, intensity (0, 1, 2) and bit (or KEPT) as the sender tells them. Whatever the sender
    disclosed is out of the key, asked for or not. The sender's arrays come from outside and may
    hold anything: what cannot be used is counted, never raised. Raises ValueError if our own two
    differ in length.
    """
    if basis.shape != bit.shape:
        raise ValueError(f"bit: {bit.size} entries for {basis.size} of basis")
    if any(a.shape != basis.shape for a in (sender_basis, sender_intensity, sender_bit)):
        return tally._replace(unusable=tally.unusable + basis.size)

    disclosed = sender_bit <= 1
    valid = _valid(sender_basis, sender_intensity, sender_bit)
    matched = valid & (basis == sender_basis)
    in_x, in_z = matched & (basis == X), matched & (basis == Z)
    wrong = disclosed & (bit != sender_bit)

    return Tally(
        _add(tally.x, sender_intensity[in_x & ~disclosed]),
        _add(tally.z, sender_intensity[in_z & disclosed]),
        _add(tally.z_errors, sender_intensity[in_z & wrong]),
        _add(tally.disclosed_x, sender_intensity[in_x & disclosed]),
        _add(tally.errors_disclosed_x, sender_intensity[in_x & wrong]),
        tally.mismatched + _count(valid & (basis != sender_basis)),
        tally.unusable + _count(~valid | (in_z & ~disclosed)),
    )


def _valid(
    sender_basis: NDArray[np.uint8],
    sender_intensity: NDArray[np.uint8],
    sender_bit: NDArray[np.uint8],
) -> NDArray[np.bool_]:
    """Where the sender's codes exist, (n,)."""
    bit = (sender_bit <= 1) | (sender_bit == KEPT)
    return np.asarray((sender_basis <= 1) & (sender_intensity <= 2) & bit)


def matching(
    basis: NDArray[np.uint8],
    sender_basis: NDArray[np.uint8],
    sender_intensity: NDArray[np.uint8],
    sender_bit: NDArray[np.uint8],
) -> NDArray[np.bool_]:
    """Which clicks `accumulate` counts as sifted, (n,): both ends in X, or in Z with its bit."""
    told = (basis == X) | (sender_bit <= 1)
    valid = _valid(sender_basis, sender_intensity, sender_bit)
    return np.asarray(valid & (basis == sender_basis) & told)


def disclosed_states(
    basis: NDArray[np.uint8],
    bit: NDArray[np.uint8],
    sender_basis: NDArray[np.uint8],
    sender_bit: NDArray[np.uint8],
) -> NDArray[np.float64]:
    """Clicks of one answer by sent state and detector: (16,), index 4 * sent state + detector.

    Arrays (n,) as in `accumulate`, the sender's of the same length; only disclosed bits count.
    """
    known = (sender_basis <= 1) & (sender_bit <= 1)
    sent = 2 * sender_basis[known].astype(np.int64) + sender_bit[known]
    detector = 2 * basis[known].astype(np.int64) + bit[known]
    return np.bincount(4 * sent + detector, minlength=16).astype(np.float64)


def counts_for_key(tally: Tally) -> SiftedCounts:
    """What the finite-key formula needs.

    The errors among the key bits are estimated from the disclosed sample; without one, half of the
    bits count as wrong. The estimate sets the cost of error correction alone.
    """
    return SiftedCounts(tally.x, tally.z, tally.qber * sum(tally.x), tally.z_errors)


def together(a: Tally, b: Tally) -> Tally:
    """Both; both have their counts per intensity."""
    return Tally(
        _sum(a.x, b.x),
        _sum(a.z, b.z),
        _sum(a.z_errors, b.z_errors),
        _sum(a.disclosed_x, b.disclosed_x),
        _sum(a.errors_disclosed_x, b.errors_disclosed_x),
        a.mismatched + b.mismatched,
        a.unusable + b.unusable,
    )


def _sum(a: tuple[int, ...], b: tuple[int, ...]) -> tuple[int, int, int]:
    signal, decoy, vacuum = (m + n for m, n in zip(a, b, strict=True))
    return signal, decoy, vacuum


def _count(mask: NDArray[np.bool_]) -> int:
    return int(np.count_nonzero(mask))


def _add(counts: tuple[int, ...], intensity: NDArray[np.uint8]) -> tuple[int, int, int]:
    signal, decoy, vacuum = np.bincount(intensity, minlength=3).tolist()
    return counts[0] + signal, counts[1] + decoy, counts[2] + vacuum
