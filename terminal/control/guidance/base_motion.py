"""What a base that turns does to the guidance: the payload stays, the joints turn, plans fall."""

from config.terminal import GimbalRange
from terminal.control.guidance.joint_limits import clamp
from terminal.control.guidance.keyhole import Course, Strategy, YawState
from terminal.geometry.vector import Vec, norm

SWAY_TIME_CONSTANT_S = 4.0
SWAY_SHARE = 0.5
"""Part of the partner's rate over which the base's makes a detour lose the link for longer than
none would, found by flying both with 0 to 30 mrad of sway."""

LEAST_LEVER = 0.02
"""Nearer than this to the yaw axis the board no longer turns yaw along with the base."""


def watched_sway2(sway2: float, turned_rad: float, dt_s: float) -> float:
    """Low-passed square of the rate at which the base turns, (rad/s)^2, after one more tick and the
    angle that it has turned by meanwhile."""
    rate_rad_s = turned_rad / dt_s
    return sway2 + min(1.0, dt_s / SWAY_TIME_CONSTANT_S) * (rate_rad_s * rate_rad_s - sway2)


def carried_yaw(gimbal: GimbalRange, yaw: YawState, aim: Vec, moved: Vec) -> YawState:
    """Yaw as the gimbal's own gyros have turned it while an aim moved in the base's axes, with the
    base turning under a payload that they hold still: no limit of what it is told applies to that.
    """
    x, y, _ = aim
    level = max(x * x + y * y, LEAST_LEVER * LEAST_LEVER)
    yaw_rad = yaw.yaw_rad + (x * moved[1] - y * moved[0]) / level
    return yaw._replace(yaw_rad=clamp(yaw_rad, gimbal.yaw_min_rad, gimbal.yaw_max_rad))


def course_on(course: Course, sway2: float, los_rate: Vec) -> Course:
    """The planned one, but for a detour on a base that sways about as fast as the partner moves:
    where that would pass the yaw axis, and when, is then not to be told in advance."""
    sways = sway2 > (SWAY_SHARE * norm(los_rate)) ** 2
    return Course() if course.strategy is Strategy.DETOUR and sways else course
