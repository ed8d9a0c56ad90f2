"""How long the next frame is exposed, so that the beacon's peak is neither clipped nor faint."""

import math
from typing import NamedTuple

from terminal.control.image.centroid import FULL_SCALE_COUNTS, Spot

PEAK_LOW = 0.3
PEAK_HIGH = 0.8
"""Shares of full scale between which the peak is left alone: the place of the spot inside a pixel
and scintillation move it by some 20 %, and it shall not be followed."""

PEAK_AIM = math.sqrt(PEAK_LOW * PEAK_HIGH)

LARGEST_STEP = 4.0
"""Most change from one frame to the next, as a factor; also the step down from a clipped peak,
whose excess is not known."""


class ExposureLimits(NamedTuple):
    """All in whole microseconds."""

    search_us: int
    shortest_us: int
    longest_us: int


def next_exposure_us(limits: ExposureLimits, exposure_us: int, spot: Spot | None) -> int:
    """Exposure after a frame of `exposure_us` > 0 that showed the beacon as `spot`, or nothing.

    It follows from the frame's own exposure and from no memory, so a command that takes effect
    late, or is lost, makes no overshoot.
    """
    if spot is None:
        factor = limits.search_us / exposure_us
    elif spot.saturated:
        factor = 1.0 / LARGEST_STEP
    else:
        peak = spot.peak_counts / FULL_SCALE_COUNTS
        factor = 1.0 if PEAK_LOW <= peak <= PEAK_HIGH else PEAK_AIM / max(peak, 1e-3)
    factor = max(1.0 / LARGEST_STEP, min(LARGEST_STEP, factor))
    return max(limits.shortest_us, min(limits.longest_us, round(exposure_us * factor)))
