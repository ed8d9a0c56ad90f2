"""Joint angles and the image behind them, for a gimbal of yaw, roll and pitch.

The gimbal's base has the axes x forward, y right, z down. Yaw is the outermost axis (about z,
positive clockwise from above), then roll (about the yawed x, positive right side down), then pitch
(positive up): boresight = Rz(yaw) Rx(roll) Ry(pitch) x. A two-axis gimbal is one whose roll is 0.
In the image x is to the right and y up, looking out along the boresight.
"""

from math import asin, atan2, cos, sin
from typing import NamedTuple

from terminal.geometry.vector import Vec


class Joints(NamedTuple):
    """Joint angles, rad."""

    yaw_rad: float
    pitch_rad: float
    roll_rad: float = 0.0


class ImageAxes(NamedTuple):
    """Unit vectors in the axes of the gimbal's base."""

    boresight: Vec
    right: Vec
    up: Vec


class ImageMotion(NamedTuple):
    """How the boresight moves in the image (rad/s on the sky) for each rad/s of a joint.

    x = x_per_yaw yaw + x_per_roll roll, y = pitch + y_per_yaw yaw.
    """

    x_per_yaw: float
    x_per_roll: float
    y_per_yaw: float


def image_axes(joints: Joints) -> ImageAxes:
    """Boresight, right and up at these joint angles."""
    yaw, pitch, roll = joints
    cy, sy, cp, sp, cr, sr = cos(yaw), sin(yaw), cos(pitch), sin(pitch), cos(roll), sin(roll)

    def yawed(x: float, y: float, z: float) -> Vec:
        return cy * x - sy * y, sy * x + cy * y, z

    return ImageAxes(
        yawed(cp, sr * sp, -cr * sp), yawed(0.0, cr, sr), yawed(-sp, sr * cp, -cr * cp)
    )


def image_motion(joints: Joints) -> ImageMotion:
    """The Jacobian of the boresight's direction. At pitch 90 degrees the yaw axis moves nothing."""
    _, pitch, roll = joints
    return ImageMotion(cos(pitch) * cos(roll), sin(pitch), sin(roll))


def joints_toward(direction: Vec, roll_rad: float = 0.0) -> Joints:
    """Joints, with pitch within 90 degrees, that look along a unit vector in the base's axes.

    With a roll, directions nearer than it to the yaw axis can't be reached: the nearest pitch,
    90 degrees, is given then.
    """
    x, y, z = direction
    pitch = asin(max(-1.0, min(1.0, -z / cos(roll_rad))))
    yaw = atan2(y, x) - atan2(sin(roll_rad) * sin(pitch), cos(pitch))
    return Joints(yaw, pitch, roll_rad)
