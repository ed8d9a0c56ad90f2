"""Ways through the keyhole: the cone about the yaw axis in which yaw would have to turn too fast.

All from the line of sight as it is now in the base's axes (x forward, y right, z down): the great
circle on which it moves gives the heading of that motion, the side on which it passes the yaw axis
and the time until then. So a base that sways, and moves the keyhole, needs no new plan.

A way through is a strategy and its yaw ramp. At the closest approach, or somewhat later, the ramp
stands square to the motion (or, over the shoulder, along it); from there it goes with its rate in
both directions of time, until it meets the line of sight.
"""

from enum import StrEnum
from math import atan2, hypot, pi
from typing import NamedTuple

from config.terminal import GimbalRange
from terminal.control.guidance.joint_limits import (
    JointRates,
    approach,
    clamp,
    inside_cable,
    nearest_turn,
    roll_and_pitch,
)
from terminal.geometry.gimbal_frame import Joints
from terminal.geometry.vector import Vec, cross, dot, norm, scale

_SLOWEST_RAD_S = 1e-7
"""A partner slower than this goes nowhere, and through no keyhole."""
_SMALLEST_SINE = 1e-6
OVERHEAD_SINE = 0.97
"""Sine of the elevation from which yaw takes the shorter way round: from 76 degrees on."""


class Strategy(StrEnum):
    DIRECT = "direct"
    """Yaw follows the line of sight as fast as it can."""
    THIRD_AXIS = "third_axis"
    """Yaw turns slowly, early and late; roll looks sideways for it."""
    DETOUR = "detour"
    """Yaw starts early and arrives late; pitch does what can be done meanwhile."""
    OVER_THE_SHOULDER = "over_the_shoulder"
    """Yaw stays along the motion; pitch goes on over 90 degrees and comes down behind."""


class Course(NamedTuple):
    """A strategy, and the yaw ramp that belongs to it."""

    strategy: Strategy = Strategy.DIRECT
    ramp_rad_s: float = 0.0
    late_s: float = 0.0
    """How long after the closest approach the ramp stands square. At 0 the largest error is least,
    later the loss is shorter: before the closest approach the tolerance bears most of the lead."""


class Approach(NamedTuple):
    """How the line of sight passes the yaw axis."""

    heading_rad: float
    """Yaw in which it moves at its closest."""
    since_s: float
    """Since its closest; negative before."""
    along: float
    right: float
    """Its horizontal components along and right of the heading."""


class YawState(NamedTuple):
    """Yaw as commanded, the yaw aimed at (both count turns), and the side of a ramp under way: 1
    with the yaw axis left of the path, -1 right of it, 0 none."""

    yaw_rad: float
    rate_rad_s: float
    aim_rad: float
    side: int = 0


class Following(NamedTuple):
    state: YawState
    joints: Joints
    rates: JointRates


def closest_approach(los: Vec, los_rate: Vec) -> Approach | None:
    """From a unit vector and its change per second (1/s); None where there is no telling: no
    motion, or motion along the horizon of the base."""
    normal = cross(los, los_rate)
    speed = norm(normal)
    if speed < _SLOWEST_RAD_S:
        return None
    nx, ny, nz = scale(1.0 / speed, normal)
    level = hypot(nx, ny)
    if level < _SMALLEST_SINE:
        return None
    # Up is -z: the motion where it is closest is normal x up, and that place is motion x normal.
    tx, ty = -ny / level, nx / level
    place = (ty * nz, -tx * nz, tx * ny - ty * nx)
    along = los[0] * tx + los[1] * ty
    since_s = atan2(along, dot(los, place)) / speed
    return Approach(atan2(ty, tx), since_s, along, los[1] * tx - los[0] * ty)


def _line_of_sight_yaw(aim: Vec, aim_rate: Vec, last_rad: float) -> tuple[float, float]:
    """(yaw, its rate); straight up, where every yaw serves, the last one."""
    x, y, _ = aim
    level2 = x * x + y * y
    if level2 < _SMALLEST_SINE * _SMALLEST_SINE:
        return last_rad, 0.0
    return atan2(y, x), (x * aim_rate[1] - y * aim_rate[0]) / level2


def _reference(
    course: Course, los: Vec, los_rate: Vec, last_rad: float, side: int
) -> tuple[float, float, int]:
    """(yaw to be at, modulo whole turns; its rate; side of a ramp under way)."""
    yaw, rate = _line_of_sight_yaw(los, los_rate, last_rad)
    if course.strategy is Strategy.DIRECT:
        return yaw, rate, 0
    path = closest_approach(los, los_rate)
    if path is None:
        return yaw, rate, 0
    # Once a ramp has begun its side is kept: half way there is no going back.
    on_side = side or (1 if path.right >= 0.0 else -1)
    # From -pi/2 far before the closest approach to pi/2 far after it.
    phase_rad = atan2(path.along, on_side * path.right)
    ramp_rad = course.ramp_rad_s * (path.since_s - course.late_s)
    after = path.since_s > 0.0
    if course.strategy is Strategy.OVER_THE_SHOULDER:
        if 0.5 * pi - abs(phase_rad) <= abs(ramp_rad):
            return (yaw + pi if after else yaw), rate, 0
        return path.heading_rad + pi + on_side * ramp_rad, on_side * course.ramp_rad_s, on_side
    ahead = ramp_rad >= phase_rad
    begun = side != 0 and ramp_rad > -0.5 * pi
    # It begins where it gets ahead of the line of sight, and ends where it is ahead of it again.
    under_way = not ahead if after else ahead or begun
    if not under_way:
        return yaw, rate, 0
    return path.heading_rad + on_side * (0.5 * pi - ramp_rad), -on_side * course.ramp_rad_s, on_side


def start_following(gimbal: GimbalRange, yaw_rad: float, aim_near_rad: float) -> YawState:
    """At rest at a yaw; the turn to be on is the one near `aim_near_rad`."""
    yaw_rad = clamp(yaw_rad, gimbal.yaw_min_rad, gimbal.yaw_max_rad)
    return YawState(yaw_rad, 0.0, aim_near_rad)


def follow(
    gimbal: GimbalRange, course: Course, state: YawState, aim: Vec, aim_rate: Vec, dt_s: float
) -> Following:
    """One tick: yaw goes to where the course has it, in its limits; roll and pitch do their best.

    aim, aim_rate: unit vector in the base's axes and its change per second with the base standing
    still. The rates are such: where yaw is on its way they are those of the way.
    """
    yaw, rate, side = _reference(course, aim, aim_rate, state.aim_rad, state.side)
    limit = gimbal.max_rate_rad_s
    rate = clamp(rate, -limit, limit)
    near_rad = state.aim_rad
    if course.strategy is Strategy.DIRECT and -aim[2] > OVERHEAD_SINE:
        # A sway may lead the line of sight all round the axis; a yaw that is late need not follow.
        near_rad = state.yaw_rad
    aim_rad = inside_cable(gimbal, nearest_turn(yaw, near_rad))
    at_rad, moving = approach(gimbal, state.yaw_rad, state.rate_rad_s, aim_rad, rate, dt_s)
    low, high = gimbal.yaw_min_rad, gimbal.yaw_max_rad
    if not low <= at_rad <= high:
        at_rad, moving, rate = clamp(at_rad, low, high), 0.0, 0.0
    # What a turning base adds to `moving` is not the gimbal's to be told.
    arrived = abs(at_rad - aim_rad) <= limit * dt_s
    told = rate if arrived else moving
    with_roll = course.strategy is Strategy.THIRD_AXIS
    joints, rates = roll_and_pitch(gimbal, with_roll, at_rad, told, aim, aim_rate)
    return Following(YawState(at_rad, moving, aim_rad, side), joints, rates)


def ramp_for_roll(speed_rad_s: float, roll_rad: float, most_rad_s: float) -> float:
    """Yaw rate at which a pass straight overhead needs no more roll than `roll_rad`.

    At a time t from the zenith the line of sight stands w t from it and yaw is pi/2 - R t off: the
    roll is about w t cos(R t), whose greatest value is 0.561 w / R (where x tan x = 1).
    """
    return min(0.561 * max(speed_rad_s, _SLOWEST_RAD_S) / roll_rad, most_rad_s)
