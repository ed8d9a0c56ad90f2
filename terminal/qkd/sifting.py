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
    disclosed_x: int = 0
    """Both ends in X, bit disclosed: out of the key."""
    errors_disclosed_x: int = 0
    mismatched: int = 0
    """The ends took different bases."""
    unusable: int = 0
    """Answers with codes that do not exist, of the wrong length, or without a check-basis bit."""


def basis_of(state: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Basis code (0 = X, 1 = Z) of states or detectors 0..3; shape of input."""
    return state >> np.uint8(1)


def bit_of(state: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Bit of states or detectors 0..3; shape of input."""
    return state & np.uint8(1)


def one_click_a_slot(
    slot: NDArray[np.int64], channel: NDArray[np.uint8]
) -> tuple[NDArray[np.int64], NDArray[np.uint8]]:
    """The clicks (n,) with one kept of each slot, sorted by slot.

    The security proofs ask that a double click becomes a random outcome, so that nobody can discard
    rounds by making them; which of a slot's clicks stays is a hash of the slot number.
    """
    order = np.lexsort((_uniform(slot * 4 + channel), slot))
    slot, channel = slot[order], channel[order]
    first = np.ones(len(slot), bool)
    first[1:] = slot[1:] != slot[:-1]
    return slot[first], channel[first]


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
    valid = (sender_basis <= 1) & (sender_intensity <= 2) & (disclosed | (sender_bit == KEPT))
    matched = valid & (basis == sender_basis)
    in_x, in_z = matched & (basis == X), matched & (basis == Z)
    wrong = disclosed & (bit != sender_bit)

    return Tally(
        _add(tally.x, sender_intensity[in_x & ~disclosed]),
        _add(tally.z, sender_intensity[in_z & disclosed]),
        _add(tally.z_errors, sender_intensity[in_z & wrong]),
        tally.disclosed_x + _count(in_x & disclosed),
        tally.errors_disclosed_x + _count(in_x & wrong),
        tally.mismatched + _count(valid & (basis != sender_basis)),
        tally.unusable + _count(~valid | (in_z & ~disclosed)),
    )


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
    share = tally.errors_disclosed_x / tally.disclosed_x if tally.disclosed_x else 0.5
    return SiftedCounts(tally.x, tally.z, share * sum(tally.x), tally.z_errors)


def _count(mask: NDArray[np.bool_]) -> int:
    return int(np.count_nonzero(mask))


def _add(counts: tuple[int, int, int], intensity: NDArray[np.uint8]) -> tuple[int, int, int]:
    signal, decoy, vacuum = np.bincount(intensity, minlength=3).tolist()
    return counts[0] + signal, counts[1] + decoy, counts[2] + vacuum
