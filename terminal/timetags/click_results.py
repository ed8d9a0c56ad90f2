"""What the timing loop found of each click, from what is recorded of a tick.

A record holds slot and residual of each click, and gate, jitter and signal share of the tick. The
rest follows from these, so it is not recorded.
"""

import numpy as np
from numpy.typing import NDArray

from terminal.quantum_messages import TimingCommand
from terminal.timetags import mixture as mx
from terminal.timetags.mixture import Array, Mixture


def in_gate(residual_ps: NDArray[np.int64], gate_half_width_s: float) -> NDArray[np.bool_]:
    """Whether clicks lie in the gate, (n,); residual_ps: (n,), from the slot centres."""
    return np.asarray(np.abs(residual_ps) <= 1e12 * gate_half_width_s)


def accepted(command: TimingCommand) -> NDArray[np.bool_]:
    """Which of a tick's clicks count, (n,): they have a slot, and lie in the gate.

    For the key they count by their track quality too (`terminal.qkd.track_quality`).
    """
    return (command.slot >= 0) & in_gate(command.residual_ps, command.gate_half_width_s)


def signal_weight(command: TimingCommand, slot_period_s: float) -> Array:
    """Probability that each of a tick's clicks is signal, (n,); 0 without a slot.

    By the jitter and the signal share in the command; `recovered.Clicks` has the same of a file.
    """
    weight = np.zeros(command.slot.size)
    known = command.slot >= 0
    if not np.any(known):
        return weight
    mixture = Mixture(command.signal_fraction, command.timing_rms_s)
    residual_s = np.asarray(1e-12 * command.residual_ps[known], np.float64)
    weight[known] = mx.responsibility(residual_s, mixture, slot_period_s)
    return weight
