"""Which of a tick's clicks can be used, and whether their predicted delay goes on as before."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from terminal.quantum_messages import TimingSample
from terminal.timetags.delay import Delay, interpolate, mismatch_s
from terminal.timetags.mixture import Array

REACH_S = 1.0
"""Predictions further apart are not joined, clicks further from them are not used."""
_STEP_SHARE = 0.1
"""Of a slot: what a prediction may jump without a doubt about the slot."""


class Clicks(NamedTuple):
    """The clicks of a tick that may be used, and where they stand in the sample."""

    u_s: Array
    channel: NDArray[np.uint8]
    position: NDArray[np.int64]


def valid(sample: TimingSample, delay: Delay) -> bool:
    """Whether the sample has a prediction that can be one."""
    finite = abs(delay.delay_s) < REACH_S and abs(delay.rate) < 1e-3  # False for NaN as well.
    return bool(sample.pointing_valid) and finite


def stepped(before: Delay, after: Delay, slot_period_s: float) -> bool:
    """The prediction itself jumped, as after a navigation fix that was far off; over a gap too long
    to tell, it counts as one that did."""
    gap_s = after.t_s - before.t_s
    if not 0.0 < gap_s <= REACH_S:
        return gap_s > REACH_S
    return abs(mismatch_s(before, after)) > _STEP_SHARE * slot_period_s


def usable(before: Delay | None, delay: Delay, sample: TimingSample) -> Clicks | None:
    """None where nothing of this tick can be trusted. Raw times without a delay before."""
    if not sample.gate_open or sample.stream_defect or sample.time_ps.size == 0:
        return None
    x = sample.time_ps.astype(np.float64) * 1e-12
    index = np.flatnonzero((np.abs(x - delay.t_s) <= REACH_S) & (sample.channel < 4))
    if index.size == 0:
        return None
    x = x[index]
    u = x if before is None else x - interpolate(before, delay, x)
    return Clicks(u, sample.channel[index], index)
