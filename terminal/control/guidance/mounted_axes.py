"""Between encoder axes and true ones, for a gimbal whose mounting has been calibrated.

Encoder axes are those in which the joints are told where to look: the surveyed base's, with perfect
joints. Guidance works there; what the telescope may look at is judged in true axes.
"""

from typing import NamedTuple

from terminal.control.mounting.model import LEVEL_UP, MountingModel
from terminal.geometry.gimbal_frame import ImageAxes, Joints, image_axes
from terminal.geometry.quaternion import Quaternion, rotate
from terminal.geometry.vector import Vec, add, dot, scale, unit


def up_in_base(q_gimbal_from_ecef: Quaternion, position_ecef_m: Vec | None) -> Vec:
    """Unit vector away from the Earth, in the base's axes; that of a level base without a place.

    Of the sphere: up to 3 mrad off that of the ellipsoid.
    """
    return (
        LEVEL_UP if position_ecef_m is None else rotate(q_gimbal_from_ecef, unit(position_ecef_m))
    )


class MountedAxes(NamedTuple):
    """How the gimbal really stands at this moment."""

    model: MountingModel | None
    """As calibrated; None: as surveyed."""
    up: Vec
    """As of `up_in_base`."""

    def by_encoders(self, direction: Vec, near: Joints) -> Vec:
        """Where the encoders have the boresight when it really looks along a direction."""
        if self.model is None:
            return direction
        return image_axes(self.model.correct(direction, near, self.up)).boresight

    def axes(self, joints: Joints) -> ImageAxes:
        """Where boresight, right and up really point at these encoder readings."""
        return image_axes(joints) if self.model is None else self.model.axes(joints, self.up)

    def beside(self, direction: Vec, joints: Joints) -> Vec:
        """`direction` in encoder axes, so that it stands in the image behind these joints as it
        really does: what is not aimed at, and may lie where no joints look."""
        if self.model is None:
            return direction
        true, told = self.axes(joints), image_axes(joints)
        parts = [scale(dot(direction, t), e) for t, e in zip(true, told, strict=True)]
        return add(parts[0], add(parts[1], parts[2]))
