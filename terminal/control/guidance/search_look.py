"""Where a search looks beside the partner: the joints for it, near those that look at the partner.

All vectors are in the axes of the gimbal's base, as its encoders have them.
"""

from math import asin, atan2, copysign, cos, hypot, pi, sin
from typing import NamedTuple

from config.terminal import GimbalRange
from terminal.control.guidance.bounds import Bounds
from terminal.control.guidance.joint_limits import (
    SMALLEST_COS_PITCH,
    THIRD_AXIS_COS_PITCH,
    JointRates,
    clamp,
    nearest_turn,
    roll_and_pitch,
)
from terminal.control.guidance.keep_out import separation_rad
from terminal.geometry.gimbal_frame import ImageAxes, Joints, image_axes, image_motion
from terminal.geometry.vector import Vec, add, dot, scale, subtract
from terminal.pointing_messages import GuidanceSample

SEARCH_RATE_RAD_S = 0.05
"""What looks beside the partner moves no faster, 30 mrad/s over the scan: where its way turns off
at the Sun's circle, a gimbal that is 50 ms late goes on by 2.5 mrad ..."""

SEARCHED_RAD = 0.3
"""... and no search looks farther beside it than this."""

BACK_RAD = 1e-6
"""A search that is over, and looks this near to the aim, is the aim again."""


class Look(NamedTuple):
    """Where the search looks (unit vector; None: where guidance aims), and the joints for it."""

    look: Vec | None
    joints: Joints
    rates: JointRates


def look_beside(
    gimbal: GimbalRange,
    bounds: Bounds,
    before: Vec | None,
    los: Vec,
    aim: Vec,
    at: Joints,
    rates: JointRates,
    s: GuidanceSample,
    dt_s: float,
) -> Look:
    """The next tick of a search; after it, back to the aim by the same rules.

    Args:
        before: the last tick's look, as the base has carried it.
        los, aim: where the partner is, and where guidance sends the boresight for it.
        at, rates: the joints for that.
    """
    # The search was told a tick ago where it looks.
    x_rad = s.scan_x_rad + s.scan_rate_x_rad_s * dt_s
    y_rad = s.scan_y_rad + s.scan_rate_y_rad_s * dt_s
    over = x_rad == y_rad == 0.0
    if over and before is None:
        return Look(None, at, rates)
    before = before or aim
    axes = image_axes(at)
    goal = bounds.above(turned(los, axes, x_rad, y_rad))
    far = separation_rad(before, goal) > SEARCHED_RAD
    step_rad = (gimbal.max_rate_rad_s if far else SEARCH_RATE_RAD_S) * dt_s
    look = bounds.toward(before, goal, step_rad)
    if over and separation_rad(look, aim) < BACK_RAD:
        return Look(None, at, rates)
    look_rate = scale(1.0 / dt_s, subtract(look, before))
    if look == goal:
        scan = scale(s.scan_rate_x_rad_s, axes.right), scale(s.scan_rate_y_rad_s, axes.up)
        look_rate = add((s.los_rate_x, s.los_rate_y, s.los_rate_z), add(*scan))
    joints, rates = joints_beside(gimbal, at, rates, look, look_rate)
    return Look(look, *bounds.outside(gimbal, joints, rates))


def turned(los: Vec, axes: ImageAxes, x_rad: float, y_rad: float) -> Vec:
    """The direction that lies an angle of (x, y) right and up of `los` in the image."""
    angle = hypot(x_rad, y_rad)
    if angle == 0.0:
        return los
    share = sin(angle) / angle
    aside = add(scale(x_rad * share, axes.right), scale(y_rad * share, axes.up))
    # About the boresight, which may stand a little beside the line of sight.
    aside = add(aside, scale(-dot(aside, los), los))
    return add(scale(cos(angle), los), aside)


def joints_beside(
    gimbal: GimbalRange, at: Joints, rates: JointRates, look: Vec, look_rate: Vec
) -> tuple[Joints, JointRates]:
    """Joints, and their rates, that look along `look` and stand near `at`, in the joints' limits.

    look_rate: change of the unit vector per second with the base standing still.
    """
    limit = gimbal.max_rate_rad_s
    if gimbal.roll_max_rad > 0.0 and abs(cos(at.pitch_rad) * cos(at.roll_rad)) < (
        THIRD_AXIS_COS_PITCH
    ):
        return roll_and_pitch(gimbal, True, at.yaw_rad, rates.yaw_rad_s, look, look_rate)
    x, y, z = look
    pitch = asin(clamp(-z / cos(at.roll_rad), -1.0, 1.0))
    if at.pitch_rad > 0.5 * pi:
        pitch = pi - pitch
    yaw = atan2(y, x) - atan2(sin(at.roll_rad) * sin(pitch), cos(pitch))
    joints = Joints(
        clamp(nearest_turn(yaw, at.yaw_rad), gimbal.yaw_min_rad, gimbal.yaw_max_rad),
        clamp(pitch, gimbal.pitch_min_rad, gimbal.pitch_max_rad),
        at.roll_rad,
    )
    axes, motion = image_axes(joints), image_motion(joints)
    lever = copysign(max(abs(motion.x_per_yaw), SMALLEST_COS_PITCH), motion.x_per_yaw)
    sideways = dot(look_rate, axes.right) - motion.x_per_roll * rates.roll_rad_s
    yaw_rate = clamp(sideways / lever, -limit, limit)
    pitch_rate = dot(look_rate, axes.up) - motion.y_per_yaw * yaw_rate
    return joints, JointRates(yaw_rate, clamp(pitch_rate, -limit, limit), rates.roll_rad_s)
