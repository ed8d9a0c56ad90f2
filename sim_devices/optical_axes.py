"""The image axes behind the gimbal: where a direction or a field lies as the optics see it.

The gimbal's base has the axes forward, right, down. Yaw turns to the right, pitch up; the image has
x to the right and y up, looking out along the boresight.
"""

import math

Vec = tuple[float, float, float]


def axes(yaw_rad: float, pitch_rad: float) -> tuple[Vec, Vec, Vec]:
    """Boresight, right and up: unit vectors in the axes of the gimbal's base."""
    cy, sy = math.cos(yaw_rad), math.sin(yaw_rad)
    cp, sp = math.cos(pitch_rad), math.sin(pitch_rad)
    return (cp * cy, cp * sy, -sp), (-sy, cy, 0.0), (-sp * cy, -sp * sy, -cp)


def _dot(a: Vec, b: Vec) -> float:
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]


def across(direction_gimbal: Vec, yaw_rad: float, pitch_rad: float) -> tuple[float, float]:
    """(x right, y up) of a direction relative to the boresight, rad.

    `direction_gimbal` in the axes of the gimbal's base, of any length.
    """
    ahead, right, up = axes(yaw_rad, pitch_rad)
    depth = _dot(direction_gimbal, ahead)
    return (
        math.atan2(_dot(direction_gimbal, right), depth),
        math.atan2(_dot(direction_gimbal, up), depth),
    )


def frame_angle_rad(reference_gimbal: Vec, yaw_rad: float, pitch_rad: float) -> float:
    """The sender's H axis in the image, from right toward up, in (-pi, pi].

    `reference_gimbal` in the axes of the gimbal's base; what it has along the boresight is ignored.
    """
    _, right, up = axes(yaw_rad, pitch_rad)
    return math.atan2(_dot(reference_gimbal, up), _dot(reference_gimbal, right))
