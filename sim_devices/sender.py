"""What the partner sends, slot by slot: a counter-based generator, so that nothing is stored.

State and intensity of a slot follow from its number and a secret key by a hash. Public slots carry
the agreed pattern's state at signal intensity. Only `sim_devices.photons` (nature) and
`sim_devices.partner` (the sender's own memory) may ask; flight code never sees this.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from config.mission import Source
from config.pattern import public_pattern

NOT_PUBLIC = 255
NO_PULSE = 3
"""In place of an intensity, in a slot of a pair source."""


class SentSlots(NamedTuple):
    """state 0..3 = H V D A; intensity 0..2 = signal, decoy, vacuum, 3: no pulse; public: bool.
    Each (n,)."""

    state: NDArray[np.uint8]
    intensity: NDArray[np.uint8]
    public: NDArray[np.bool_]


def _mix(counter: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Finaliser of MurmurHash3 with Stafford's constants (variant 13): 64-bit avalanche."""
    x = counter.copy()
    x ^= x >> np.uint64(30)
    x *= np.uint64(0xBF58476D1CE4E5B9)
    x ^= x >> np.uint64(27)
    x *= np.uint64(0x94D049BB133111EB)
    x ^= x >> np.uint64(31)
    return x


class Sender:
    """The sender's choices, as a function of slot number."""

    def __init__(self, source: Source, seed: int) -> None:
        # Mixed, so that neighbouring seeds give streams that have nothing to do with each other.
        self._key = _mix(np.array([seed % 2**64], np.uint64))[0]
        self._pattern = public_pattern(
            source.pattern_length, source.public_share, source.pattern_seed
        )
        p0, p1, _ = source.intensity_probabilities
        # Independent choices take independent bit fields of the hash.
        self._intensity_edges = np.array([p0, p0 + p1]) * 2**24
        self._pairs = source.pairs is not None
        self._basis_edge = round(source.basis_x_probability * 2**24)

    def slots(self, slot: NDArray[np.int64]) -> SentSlots:
        """What was sent in these slots."""
        h = _mix(slot.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15) + self._key)
        bit = (h & np.uint64(1)).astype(np.uint8)
        in_z = ((h >> np.uint64(8)) & np.uint64(0xFFFFFF)) >= self._basis_edge
        choice = ((h >> np.uint64(36)) & np.uint64(0xFFFFFF)).astype(np.float64)
        if self._pairs:
            intensity = np.full(len(slot), NO_PULSE, np.uint8)
        else:
            intensity = np.searchsorted(self._intensity_edges, choice, side="right").astype(
                np.uint8
            )
        state = (2 * in_z + bit).astype(np.uint8)
        agreed = self._pattern[slot % len(self._pattern)]
        public = agreed != NOT_PUBLIC
        return SentSlots(
            np.where(public, agreed, state).astype(np.uint8),
            np.where(public, 0, intensity).astype(np.uint8),
            public,
        )
