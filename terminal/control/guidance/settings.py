"""What guidance knows before a pass."""

from typing import NamedTuple

import msgspec

from config.terminal import GimbalRange, KeepOut, TerminalConfig
from terminal.control.guidance.keyhole import Course
from terminal.control.guidance.keyhole_plan import KeyholePlan
from terminal.control.mounting.model import MountingModel
from terminal.geometry.moon import PARALLAX_RAD
from terminal.geometry.vector import Vec

DEFAULT_TOLERANCE_RAD = 1e-3
"""Without a plan: an error over this is a matter of limits."""


class GuidanceSettings(NamedTuple):
    """What a step needs besides state and sample."""

    gimbal: GimbalRange
    keep_out: KeepOut
    course: Course
    tolerance_rad: float
    plan: KeyholePlan | None
    plan_start_ns: int
    """TAI time at which the plan's times are 0."""
    position_ecef_m: Vec | None
    mounting: MountingModel | None
    """How the gimbal really stands, as calibrated; None: as surveyed."""


def make_settings(
    config: TerminalConfig,
    plan: KeyholePlan | None = None,
    plan_start_ns: int = 0,
    position_ecef_m: Vec | None = None,
    mounting: MountingModel | None = None,
) -> GuidanceSettings:
    """Settings of a pass; without a plan yaw follows directly, on the turn in the cable's middle.

    position_ecef_m: where the terminal is, to some 100 km, for the Moon's parallax. Without it the
    Moon's circle is widened by the one degree that it may be.
    """
    keep_out = config.keep_out
    if position_ecef_m is None:
        widened_rad = keep_out.moon_rad + PARALLAX_RAD
        keep_out = msgspec.structs.replace(keep_out, moon_rad=widened_rad)
    return GuidanceSettings(
        config.gimbal,
        keep_out,
        plan.course if plan else Course(),
        plan.tolerance_rad if plan else DEFAULT_TOLERANCE_RAD,
        plan,
        plan_start_ns,
        position_ecef_m,
        mounting,
    )
