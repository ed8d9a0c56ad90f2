"""The image axes behind the gimbal: where a direction or a field lies as the optics see it.

The gimbal's base has the axes forward, right, down. Yaw turns to the right, then roll about the
yawed forward axis turns the right side down, then pitch turns up; the image has x to the right and
y up, looking out along the boresight. Real joints are not where their encoders say, and their axes
not square: `AxisErrors`.
"""

import math
from typing import NamedTuple

from config.world import GimbalTruth
from sim_devices.randomness import stream

Vec = tuple[float, float, float]


class AxisErrors(NamedTuple):
    """What the encoders do not know of where the boresight looks."""

    yaw_scale: float = 0.0
    """A joint has turned by its encoder's angle times 1 + scale."""
    pitch_scale: float = 0.0
    nonorthogonality_rad: float = 0.0
    """The pitch axis is tilted by this about the yawed forward axis, its right end down."""
    flexure_rad: float = 0.0
    """A boresight at the base's level sags by this toward the base's down, others by the cosine."""


NO_ERRORS = AxisErrors()


def drawn_errors(truth: GimbalTruth, seed: int) -> AxisErrors:
    """The errors of the gimbal in the world with this seed; each from a stream of its own."""

    def normal(name: str, sigma: float) -> float:
        return sigma * float(stream(seed, name).normal())

    return AxisErrors(
        normal("yaw_encoder_scale", truth.yaw_encoder_scale),
        normal("pitch_encoder_scale", truth.pitch_encoder_scale),
        normal("axes_nonorthogonality", truth.axes_nonorthogonality_rad),
        normal("flexure", truth.flexure_rad),
    )


def axes(
    yaw_rad: float, pitch_rad: float, roll_rad: float = 0.0, errors: AxisErrors = NO_ERRORS
) -> tuple[Vec, Vec, Vec]:
    """Boresight, right and up, in the axes of the gimbal's base, at these encoder angles.

    Unit vectors at right angles, to the square of the flexure.
    """
    yaw = yaw_rad * (1.0 + errors.yaw_scale)
    pitch = pitch_rad * (1.0 + errors.pitch_scale)
    roll = roll_rad + errors.nonorthogonality_rad
    cy, sy = math.cos(yaw), math.sin(yaw)
    cp, sp = math.cos(pitch), math.sin(pitch)
    cr, sr = math.cos(roll), math.sin(roll)
    # About the roll axis (cy, sy, 0) turn the pitch axis, and what is above both.
    right = (-cr * sy, cr * cy, sr)
    above = (-sr * sy, sr * cy, -cr)
    ahead = (cp * cy + sp * above[0], cp * sy + sp * above[1], sp * above[2])
    up = (cp * above[0] - sp * cy, cp * above[1] - sp * sy, cp * above[2])
    if errors.flexure_rad:
        return _bent(ahead, right, up, errors.flexure_rad)
    return ahead, right, up


def _bent(ahead: Vec, right: Vec, up: Vec, flexure_rad: float) -> tuple[Vec, Vec, Vec]:
    """Turned by flexure times (ahead x down), a vector as long as the cosine of the elevation."""
    wx, wy = flexure_rad * ahead[1], -flexure_rad * ahead[0]

    def turned(v: Vec) -> Vec:
        x, y, z = v
        return x + wy * z, y - wx * z, z + wx * y - wy * x

    return turned(ahead), turned(right), turned(up)


def _dot(a: Vec, b: Vec) -> float:
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]


def across(
    direction_gimbal: Vec,
    yaw_rad: float,
    pitch_rad: float,
    roll_rad: float = 0.0,
    errors: AxisErrors = NO_ERRORS,
) -> tuple[float, float]:
    """(x right, y up) of a direction relative to the boresight, rad.

    `direction_gimbal` in the axes of the gimbal's base, of any length; joints as the encoders say.
    """
    ahead, right, up = axes(yaw_rad, pitch_rad, roll_rad, errors)
    depth = _dot(direction_gimbal, ahead)
    return (
        math.atan2(_dot(direction_gimbal, right), depth),
        math.atan2(_dot(direction_gimbal, up), depth),
    )


def frame_angle_rad(
    reference_gimbal: Vec,
    yaw_rad: float,
    pitch_rad: float,
    roll_rad: float = 0.0,
    errors: AxisErrors = NO_ERRORS,
) -> float:
    """The sender's H axis in the image, from right toward up, in (-pi, pi].

    `reference_gimbal` in the axes of the gimbal's base; what it has along the boresight is ignored.
    """
    _, right, up = axes(yaw_rad, pitch_rad, roll_rad, errors)
    return math.atan2(_dot(reference_gimbal, up), _dot(reference_gimbal, right))
