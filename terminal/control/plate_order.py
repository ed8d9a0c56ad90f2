"""What the wave plate is told: where to go, and whether it is worth a move."""

import math
from typing import NamedTuple

from config.polarization import Plate
from terminal.control.plate_drive import Drive
from terminal.control.plate_target import lead_s, target

SETTLED_RAD = math.radians(0.25)
"""Of the plate: half a degree of frame, 0.008 % of errors."""


class Wish(NamedTuple):
    """What the plate shall do."""

    axis_rad: float
    """Where its axis should stand now ..."""
    rate_rad_s: float
    """... and how fast that moves."""
    planned_rad: float | None
    """Encoder angle of the planned pass now; None: nothing is planned."""
    linked: bool


class PlateOrder(NamedTuple):
    """Encoder angle, counted on over turns."""

    target_rad: float = 0.0
    move: bool = False
    ends: bool = False
    """The travel ends before it."""
    settled: bool = False
    """It stands where it should now."""


def ordered(
    plate: Plate, deadband_rad: float, drive: Drive, wish: Wish, period_s: float, t_ns: int
) -> PlateOrder:
    """For a plate that has told its angle. period_s: of the loop."""
    axis, rate, planned, linked = wish
    now_rad, ends = target(plate, axis, drive.angle_rad, planned, linked)
    ahead_s = lead_s(plate, period_s, now_rad - drive.angle_rad)
    then_rad, _ = target(plate, axis + rate * ahead_s, drive.angle_rad, planned, linked)
    worth = abs(then_rad - drive.angle_rad) > deadband_rad
    near = abs(now_rad - drive.angle_rad) <= SETTLED_RAD
    return PlateOrder(
        then_rad,
        worth and drive.may_move(t_ns),
        ends,
        near and not ends and drive.steady(t_ns, t_ns),
    )
