"""What speaks against the counts that a key is estimated from, by name."""

import math
from enum import IntFlag

from terminal.qkd.sifting import Tally

_SURE = 5.0
"""Standard deviations."""


class EstimateFlag(IntFlag):
    """Each is told, none of them raises: with any of these the key is nil or falsely small."""

    NO_KEY_BASIS = 1
    """Not one key bit kept."""
    NO_CHECK_BASIS = 2
    """Not one bit of the check basis disclosed: the phase error is unbounded."""
    NO_SAMPLE = 4
    """Not one key-basis bit disclosed: half of the key bits count as wrong."""
    KEY_ERRORS_ABOVE_HALF = 8
    """Of the disclosed key-basis bits surely more than half are wrong: states are swapped."""
    CHECK_ERRORS_ABOVE_HALF = 16
    """The same of the check basis."""


def estimate_flags(tally: Tally) -> EstimateFlag:
    """All that hold."""
    flags = EstimateFlag(0)
    disclosed_x, check = sum(tally.disclosed_x), sum(tally.z)
    if not sum(tally.x):
        flags |= EstimateFlag.NO_KEY_BASIS
    if not check:
        flags |= EstimateFlag.NO_CHECK_BASIS
    if not disclosed_x:
        flags |= EstimateFlag.NO_SAMPLE
    if surely_above_half(sum(tally.errors_disclosed_x), disclosed_x):
        flags |= EstimateFlag.KEY_ERRORS_ABOVE_HALF
    if surely_above_half(sum(tally.z_errors), check):
        flags |= EstimateFlag.CHECK_ERRORS_ABOVE_HALF
    return flags


def surely_above_half(errors: int, bits: int) -> bool:
    """Whether a fair coin would hardly err so often: five of its standard deviations, sqrt(n)/2."""
    return errors - 0.5 * bits > _SURE * 0.5 * math.sqrt(bits)
