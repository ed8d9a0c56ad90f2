"""How far apart the turns of a scan may lie, and how fast it may go, for a sensor's footprint."""

import math
from typing import NamedTuple

JITTER_SIGMAS = 3.0
"""The path may be off by so much jitter to either side, and still leaves no gap."""


class ScanLimits(NamedTuple):
    """Geometry and pace of a scan."""

    spacing_rad: float
    """Between neighbouring turns or rows."""
    chord_rad: float
    """What a target midway between two of them crosses of the footprint."""
    speed_rad_s: float
    acceleration_rad_s2: float


def scan_limits(
    diameter_rad: float,
    overlap: float,
    jitter_rad: float,
    frame_period_s: float,
    confirm_frames: int,
    acceleration_rad_s2: float,
) -> ScanLimits:
    """Spacing without gaps, and the speed at which each place is seen for `confirm_frames` frames.

    A target midway between two turns crosses a disc of diameter d at half the spacing p from its
    middle, on a chord sqrt(d^2 - p^2); whatever the phase of the frames, n of them fall into a
    crossing of n periods. Jitter takes 3 sigma off either side of the disc.

    Args:
        diameter_rad: of the disc on the sky inside which a look sees the target: a camera's side.
        overlap: share of that diameter which neighbouring turns have in common.
        jitter_rad: 1-sigma per axis of the true path about the planned one.
        acceleration_rad_s2: of the gimbal, on the sky; a yaw axis has cos(pitch) of its own there.

    Raises ValueError where no scan can be sure of the target.
    """
    if not 0.0 < overlap < 1.0:
        raise ValueError(f"overlap: {overlap} is not in (0, 1)")
    diameter = diameter_rad - 2.0 * JITTER_SIGMAS * jitter_rad
    if diameter <= 0.0:
        raise ValueError(f"jitter_rad: {jitter_rad:g} is too much for a field of {diameter_rad:g}")
    spacing = (1.0 - overlap) * diameter
    chord = math.sqrt(diameter * diameter - spacing * spacing)
    speed = chord / (confirm_frames * frame_period_s)
    return ScanLimits(spacing, chord, speed, acceleration_rad_s2)
