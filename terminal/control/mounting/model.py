"""How the gimbal really stands: from encoder readings to where the beacon sensor looks, and back.

The surveyed base has the axes of `terminal.geometry.gimbal_frame`, which also gives the kinematics
of perfect joints. What is not perfect has nine terms. For a level base their first order is that of
the terms of the same name in TPOINT (P. T. Wallace, "TPOINT Telescope Pointing Analysis System"),
up to the sign; E is the elevation, x cross-elevation on the sky:

| term | TPOINT | effect of 1 rad |
|---|---|---|
| rotation_x, rotation_y | AW, AN | the yaw axis leans |
| rotation_z | IA | x: cos E |
| pitch_index | IE | y: 1 |
| yaw_scale, pitch_scale | none | the encoder's reading, from its zero |
| non_orthogonality | NPAE | x: sin E |
| collimation | CA | x: 1 |
| flexure | TF | y: -cos E |

Two terms that one would expect are left out because nothing can tell them from one that is here, at
any angle: the yaw encoder's index is `rotation_z` (turning the base and then the joint about one
axis), the sensor's zero in elevation is `pitch_index`. Non-orthogonality is the index of the roll
joint, where there is one. The camera's own roll about its axis is not modelled: on the image of a
beacon that is held near the centre it has no effect.

Flexure pulls the boresight toward the nadir, so it needs to know where that is; the other terms are
fixed to the base.
"""

from math import asin, atan2, cos, pi, remainder, sin
from typing import NamedTuple

from terminal.geometry.gimbal_frame import ImageAxes, Joints, image_axes
from terminal.geometry.quaternion import (
    Quaternion,
    conjugate,
    from_rotation_vector,
    multiply,
    rotate,
)
from terminal.geometry.vector import Vec, add, cross, dot, scale, unit

LEVEL_UP: Vec = (0.0, 0.0, -1.0)
"""Up, in the axes of a base that stands level."""

_AHEAD = Joints(0.0, 0.0)


class MountingParameters(NamedTuple):
    """The nine terms. All zero: exactly as surveyed."""

    rotation_x_rad: float = 0.0
    rotation_y_rad: float = 0.0
    rotation_z_rad: float = 0.0
    """Rotation vector surveyed base <- true base: how the true axes lie turned in the surveyed."""
    pitch_index_rad: float = 0.0
    """The pitch joint stands this much higher than its encoder says."""
    yaw_scale: float = 0.0
    pitch_scale: float = 0.0
    """The joint turns 1 + scale times as far as its encoder says."""
    non_orthogonality_rad: float = 0.0
    """The pitch axis is rolled by this about the yawed x, right side down."""
    collimation_rad: float = 0.0
    """The boresight stands this far to the right of the normal to the pitch axis."""
    flexure_rad: float = 0.0
    """Sag of a horizontal boresight; cos(elevation) of it elsewhere."""


class MountingModel:
    """Both directions of the model for one set of parameters, in plain floats.

    `up_base`: unit vector away from the Earth in the axes of the surveyed base. All vectors are in
    those axes.
    """

    def __init__(self, parameters: MountingParameters) -> None:
        self.parameters = parameters
        self._q_surveyed_from_true = from_rotation_vector(parameters[:3])

    def axes(self, joints: Joints, up_base: Vec = LEVEL_UP) -> ImageAxes:
        """Where the sensor's boresight, right and up point for these encoder readings."""
        p = self.parameters
        nominal = image_axes(
            Joints(
                joints.yaw_rad * (1.0 + p.yaw_scale),
                joints.pitch_rad * (1.0 + p.pitch_scale) + p.pitch_index_rad,
                joints.roll_rad + p.non_orthogonality_rad,
            )
        )
        c, s = cos(p.collimation_rad), sin(p.collimation_rad)
        boresight = add(scale(c, nominal.boresight), scale(s, nominal.right))
        right = add(scale(-s, nominal.boresight), scale(c, nominal.right))
        q = self._q_surveyed_from_true
        if p.flexure_rad:
            # The sag turns about the horizontal axis at right angles to the boresight, by an angle
            # that is proportional to the sine of its distance from the zenith: the cross product.
            sag = scale(p.flexure_rad, cross(up_base, rotate(q, boresight)))
            q = multiply(from_rotation_vector(sag), q)
        return ImageAxes(rotate(q, boresight), rotate(q, right), rotate(q, nominal.up))

    def predict(
        self, joints: Joints, x_rad: float = 0.0, y_rad: float = 0.0, up_base: Vec = LEVEL_UP
    ) -> Vec:
        """Unit vector toward what stands at (x, y) in the image, for these encoder readings.

        x, y: tangents of the angles to the boresight (at 10 mrad 0.3 urad from the angles).
        """
        boresight, right, up = self.axes(joints, up_base)
        return unit(add(boresight, add(scale(x_rad, right), scale(y_rad, up))))

    def image(self, joints: Joints, direction: Vec, up_base: Vec = LEVEL_UP) -> tuple[float, float]:
        """Where in the image a direction stands: the inverse of `predict`.

        The direction is within 90 degrees of the boresight.
        """
        boresight, right, up = self.axes(joints, up_base)
        ahead = dot(direction, boresight)
        return dot(direction, right) / ahead, dot(direction, up) / ahead

    def correct(self, direction: Vec, near: Joints = _AHEAD, up_base: Vec = LEVEL_UP) -> Joints:
        """Encoder readings at which the boresight looks along a unit vector.

        The roll is that of `near`; the yaw is within half a turn of its yaw; with its pitch over
        90 degrees the gimbal looks over its shoulder. Directions so near to the yaw axis that no
        yaw and pitch reach them give the nearest pitch, as `joints_toward` does.

        Closed form, exact but for the cube of the flexure (1e-9 rad for 1 mrad).
        """
        p = self.parameters
        q: Quaternion = conjugate(self._q_surveyed_from_true)
        if p.flexure_rad:
            # From the zenith distance z' with sag to z without: z' = z + f sin z. One Newton step
            # from z = z' gives z' - z = f sin z' / (1 + f cos z').
            factor = -p.flexure_rad / (1.0 + p.flexure_rad * dot(up_base, direction))
            q = multiply(q, from_rotation_vector(scale(factor, cross(up_base, direction))))
        x, y, z = rotate(q, direction)
        # Before roll and yaw the boresight is (c cos pitch, s, -c sin pitch).
        c, s = cos(p.collimation_rad), sin(p.collimation_rad)
        roll = near.roll_rad + p.non_orthogonality_rad
        cos_roll, sin_roll = cos(roll), sin(roll)
        pitch = asin(max(-1.0, min(1.0, (sin_roll * s - z) / (cos_roll * c))))
        if near.pitch_rad > 0.5 * pi:
            pitch = pi - pitch
        yaw = atan2(y, x) - atan2(cos_roll * s + sin_roll * c * sin(pitch), c * cos(pitch))
        yaw_reading = yaw / (1.0 + p.yaw_scale)
        turn = 2.0 * pi / (1.0 + p.yaw_scale)
        return Joints(
            near.yaw_rad + remainder(yaw_reading - near.yaw_rad, turn),
            (pitch - p.pitch_index_rad) / (1.0 + p.pitch_scale),
            near.roll_rad,
        )


def up_in_base(q_base_from_ecef: Quaternion, latitude_rad: float, longitude_rad: float) -> Vec:
    """Unit vector along the geodetic vertical, in the axes of the surveyed base."""
    c = cos(latitude_rad)
    return rotate(
        q_base_from_ecef, (c * cos(longitude_rad), c * sin(longitude_rad), sin(latitude_rad))
    )
