"""Flags for what is known of the frame, and of the names of the states."""

from terminal.control.frame_tracking import Tracking
from terminal.control.plate_target import QUARTER
from terminal.control.polarization_flags import PolarizationFlag


def told(tracking: Tracking, trim_rad: float, names_tried: bool) -> PolarizationFlag:
    """names_tried: no clock has proved the names of now: nothing is said of them."""
    flags = PolarizationFlag(int(tracking.seen.flags) if tracking.seen else 0)
    if tracking.far:
        flags |= PolarizationFlag.FRAME_FAR
    if names_tried:
        return flags | PolarizationFlag.NAMES_TRIED
    if tracking.labels.swapped:
        flags |= PolarizationFlag.STATES_SWAPPED_D_A
    if tracking.labels.mirrored:
        flags |= PolarizationFlag.MIRROR_MISSING
    if is_quarter(trim_rad):
        flags |= PolarizationFlag.STATES_SWAPPED_H_V
    return flags


def is_quarter(trim_rad: float) -> bool:
    """Whether received states stand nearer to a quarter turn off than to where they should."""
    return bool(round(trim_rad / QUARTER) % 2)
