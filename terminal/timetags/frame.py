"""What public slots say, once the clicks have slots: counts, and whether the slots are right."""

import numpy as np
from numpy.typing import NDArray

from config.pattern import NOT_PUBLIC
from terminal.timetags.pattern import PublicPattern

# Stokes vector (S1, S2) of H V D A as a complex number: turning the frame by an angle multiplies
# it by exp(2i angle), and its modulus does not see the turn.
_STOKES = np.array([1, -1, 1j, -1j])
_AGREEMENT = np.outer(np.conj(_STOKES), _STOKES).ravel()

CHECKED_CLICKS = 1000.0
"""Public clicks after which the slots of a clock are held against the pattern."""
LEAST_AGREEMENT = 12.0
"""Wrong slots get there once in 160,000 checks; right ones are far above."""


def counts_by_state(
    slot: NDArray[np.int64], channel: NDArray[np.uint8], pattern: PublicPattern
) -> NDArray[np.float64]:
    """Clicks in public slots, (16,): 4 * sent state + channel.

    slot: (n,), absolute; negative: no slot. channel: (n,), 0..3.
    """
    has_slot = slot >= 0
    state = pattern.state[np.mod(slot[has_slot], pattern.length)]
    public = state != NOT_PUBLIC
    cell = 4 * state[public].astype(np.int64) + channel[has_slot][public]
    return np.bincount(cell, minlength=16).astype(np.float64)


def agreement(counts: NDArray[np.float64]) -> float:
    """How surely the clicks show the states sent, whatever the angle of the polarisation frame.

    |sum of received times conjugate sent Stokes vector|^2 / clicks: with wrong slots this is
    Exp(1) distributed (random walk of unit steps), with right ones it grows with the clicks.
    """
    total = float(np.sum(counts))
    return float(abs(np.dot(counts, _AGREEMENT)) ** 2) / total if total > 0.0 else 0.0
