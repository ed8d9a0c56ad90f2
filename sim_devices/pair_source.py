"""A source of entangled photon pairs for two arms that are flown one after the other.

What both arms must agree on follows from the seed alone, block of slots by block: the pairs of
which each photon might still arrive. Their number is Poissonian, so thinning is exact: of all pairs
those whose two photons pass a bound of their arm's transmittance are drawn for both arms together,
and each arm keeps of them what its own transmittance leaves. A photon whose partner fails the other
arm's bound has nobody to be correlated with; each arm draws those for itself.

The arm that is flown first measures as if it were alone. Each of its outcomes leaves the partner's
polarisation in a definite state, in which the second arm finds it. By quantum mechanics the joint
probabilities are the same in the other order.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from config.mission import Pairs, Source
from config.pattern import NOT_PUBLIC, public_pattern
from sim_devices.randomness import stream

Array = NDArray[np.float64]
Slots = NDArray[np.int64]

BLOCK_SLOTS = 1 << 20

PHI_PLUS = np.diag([1.0, 1.0, -1.0])
"""Mean products of the Stokes parameters (S1, S2, S3) at both ends of (HH + VV) / sqrt(2)."""

LOST = 4
"""Channel of a photon that comes as far as the analyser and clicks nowhere."""


def correlations(fidelity: float) -> Array:
    """(3, 3) mean products of the Stokes parameters of Phi+ with this fidelity, the rest shared by
    the three other Bell states: Phi+ without noise, times (4 F - 1) / 3."""
    return (4.0 * fidelity - 1.0) / 3.0 * PHI_PLUS


class SharedPairs:
    """Pairs that might reach both ends; the same for whoever has the same seed."""

    def __init__(self, source: Source, pairs: Pairs, seed: int, bound: float) -> None:
        """bound: of either arm's transmittance, in (0, 1]."""
        self.key_slot = (
            public_pattern(source.pattern_length, source.public_share, source.pattern_seed)
            == NOT_PUBLIC
        )
        self._mean = pairs.mean_pairs_per_slot * bound**2 * BLOCK_SLOTS
        self._seed = seed
        self._latest: tuple[int, Slots] = (-1, np.empty(0, np.int64))

    def block(self, number: int) -> Slots:
        """(n,) ascending slots of the pairs in one block; two pairs may share a slot."""
        if self._latest[0] != number:
            rng = stream(self._seed, f"pairs_{number}")
            slot = np.sort(rng.integers(0, BLOCK_SLOTS, rng.poisson(self._mean)))
            slot += number * BLOCK_SLOTS
            self._latest = number, slot[self.key_slot[slot % len(self.key_slot)]]
        return self._latest[1]


class Left(NamedTuple):
    """What the measured photons of a block left of their partners' polarisation."""

    pair: Slots
    """(k,) ascending: which of the block."""
    stokes: Array
    """(k, 3): (S1, S2, S3) of the partner, in the sender's frame."""


class PairArm:
    """One end of the source."""

    def __init__(
        self,
        source: Source,
        pairs: Pairs,
        seed: int,
        bound: float,
        rng: np.random.Generator,
    ) -> None:
        """seed: of what both arms share. bound: both arms' transmittance stays under it. rng: what
        is this arm's alone."""
        self._shared = SharedPairs(source, pairs, seed, bound)
        self._bound = bound
        self._single_mean = pairs.mean_pairs_per_slot * (1.0 - bound)
        self._correlations = correlations(pairs.fidelity)
        self._rng = rng
        self.left: dict[int, list[Left]] = {}
        """By block: for `other` of the second arm."""
        self.other: dict[int, list[Left]] = {}
        """What the arm that has been flown before has left; empty for the first."""

    def signal(
        self, first_slot: int, transmittance: Array, slots_per_step: float, analyser: Array
    ) -> tuple[Slots, NDArray[np.uint8]]:
        """(slot, channel) of the pair photons that a detector absorbs in a block of slots.

        Args:
            first_slot: of the block.
            transmittance: (m,) sender to click, for m equal steps; cut off at the bound.
            slots_per_step: length of a step in slots.
            analyser: (4, 4) Stokes vector (1, S1, S2, S3) in the sender's frame to the probability
                of a channel (row).
        """
        n = round(len(transmittance) * slots_per_step)
        transmittance = np.minimum(transmittance, self._bound)
        slots, channels = [], []
        for number in range(first_slot // BLOCK_SLOTS, -(-(first_slot + n) // BLOCK_SLOTS)):
            slot = self._shared.block(number)
            begin, end = np.searchsorted(slot, [first_slot, first_slot + n])
            step = ((slot[begin:end] - first_slot) / slots_per_step).astype(np.int64)
            level = transmittance[np.minimum(step, len(transmittance) - 1)]
            kept = begin + np.flatnonzero(self._rng.random(end - begin) * self._bound < level)
            channel = self._measured(number, kept, analyser)
            slots.append(slot[kept])
            channels.append(channel)
        slot, channel = self._singles(first_slot, transmittance, slots_per_step, analyser)
        slot, channel = np.concatenate([*slots, slot]), np.concatenate([*channels, channel])
        clicked = channel != LOST
        return slot[clicked], channel[clicked]

    def _measured(self, number: int, pair: Slots, analyser: Array) -> NDArray[np.uint8]:
        """Channels of the photons of these shared pairs of a block; what that leaves is kept."""
        stokes = np.zeros((len(pair), 3))
        for known in self.other.get(number, ()):
            _, mine, theirs = np.intersect1d(
                pair, known.pair, assume_unique=True, return_indices=True
            )
            stokes[mine] = known.stokes[theirs]
        channel = self._drawn(stokes, analyser)
        # A photon that clicks nowhere is measured too: by the channel of no click.
        nowhere = np.array([1.0, 0.0, 0.0, 0.0]) - analyser.sum(axis=0)
        elements = np.vstack([analyser, nowhere])
        share = elements[:, :1]
        direction = np.divide(elements[:, 1:], share, out=np.zeros((5, 3)), where=share > 0.0)
        left = direction @ self._correlations
        self.left.setdefault(number, []).append(Left(pair, left[channel]))
        return channel

    def _singles(
        self, first_slot: int, transmittance: Array, slots_per_step: float, analyser: Array
    ) -> tuple[Slots, NDArray[np.uint8]]:
        """Photons whose partners cannot arrive: unpolarised."""
        expected = self._single_mean * transmittance * slots_per_step
        counts = self._rng.poisson(expected)
        step = np.repeat(np.arange(len(transmittance)), counts)
        place = (step + self._rng.random(len(step))) * slots_per_step
        n = round(len(transmittance) * slots_per_step)
        slot = first_slot + np.minimum(place.astype(np.int64), max(n - 1, 0))
        key_slot = self._shared.key_slot
        slot = slot[key_slot[slot % len(key_slot)]]
        return slot, self._drawn(np.zeros((len(slot), 3)), analyser)

    def _drawn(self, stokes: Array, analyser: Array) -> NDArray[np.uint8]:
        """A channel, or LOST, for each photon of Stokes parameters (n, 3)."""
        p = analyser[:, 0] + stokes @ analyser[:, 1:].T
        u = self._rng.random(len(stokes))[:, None]
        return np.asarray((u >= np.cumsum(p, axis=1)).sum(axis=1), np.uint8)
