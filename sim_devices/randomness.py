"""Independent random streams of one seed, by name: adding one never disturbs another."""

import zlib

import numpy as np

SENDERS = ("ephemeris", "time_bias", "sender_clock", "pairs")
"""What belongs to the sender, by the first word of the name."""

_OTHER_ARM = 1 << 63


def other_arm(seed: int) -> int:
    """Seed of a second terminal that receives from the same sender: what is the sender's is the
    same, all else is drawn anew. seed: below 2^63."""
    return seed + _OTHER_ARM


def stream(seed: int, name: str) -> np.random.Generator:
    """The generator called `name` of the world with this seed."""
    if name.startswith(SENDERS):
        seed %= _OTHER_ARM
    return np.random.Generator(
        np.random.PCG64(np.random.SeedSequence([seed, zlib.crc32(name.encode())]))
    )
