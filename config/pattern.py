"""The public slots that both ends agreed on: a pattern from a seed, the same in any language.

Slot i takes the i-th output (from 0) of SplitMix64 (Steele, Lea & Flood, OOPSLA 2014; constants of
S. Vigna's reference splitmix64.c) started with the seed. Its upper 53 bits decide whether the slot
is public, its lowest two bits which state is sent.
"""

import numpy as np
from numpy.typing import NDArray

NOT_PUBLIC = 255

_MASK64 = (1 << 64) - 1
_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_MIX_1 = np.uint64(0xBF58476D1CE4E5B9)
_MIX_2 = np.uint64(0x94D049BB133111EB)


def splitmix64(seed: int, count: int) -> NDArray[np.uint64]:
    """The first `count` outputs of SplitMix64, (count,); the seed counts modulo 2^64."""
    z = np.arange(1, count + 1, dtype=np.uint64)
    z *= _GOLDEN
    z += np.uint64(seed & _MASK64)
    z ^= z >> np.uint64(30)
    z *= _MIX_1
    z ^= z >> np.uint64(27)
    z *= _MIX_2
    z ^= z >> np.uint64(31)
    return z


def public_pattern(length: int, share: float, seed: int) -> NDArray[np.uint8]:
    """State per slot of the pattern, (length,): 0..3 = H V D A where public, else 255.

    `share` in 0..1 is the probability that a slot is public; the four states are equally likely.
    """
    bits = splitmix64(seed, length)
    # Times a power of two is exact in floating point: no language rounds it otherwise.
    public = (bits >> np.uint64(11)) < np.uint64(int(share * 2.0**53))
    return np.where(public, bits & np.uint64(3), np.uint64(NOT_PUBLIC)).astype(np.uint8)
