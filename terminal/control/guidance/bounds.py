"""The bounds of every aim: the Sun's circle and the horizon."""

from math import asin
from typing import NamedTuple

from config.terminal import GimbalRange
from terminal.control.guidance.joint_limits import JointRates, clamp
from terminal.control.guidance.keep_out import inside, lifted, pitch_outside, toward
from terminal.geometry.gimbal_frame import Joints, image_axes
from terminal.geometry.vector import Vec, dot


def height_rad(direction: Vec, up: Vec) -> float:
    """Of a direction over the plane across `up`, both unit vectors."""
    return asin(clamp(dot(direction, up), -1.0, 1.0))


class Bounds(NamedTuple):
    """What no aim enters, in the base's axes as encoders have them."""

    sun: Vec
    radius_rad: float
    up: Vec
    lowest_rad: float
    """Of an aim against `up`."""

    def toward(self, before: Vec, goal: Vec, step_rad: float) -> Vec:
        """At most one step on to a goal, or to the horizon over it, and round the Sun."""
        goal = self.above(goal)
        return toward(before, goal, self.sun, self.radius_rad, step_rad)

    def above(self, goal: Vec) -> Vec:
        return lifted(goal, self.up, self.lowest_rad - height_rad(goal, self.up))

    def outside(
        self, gimbal: GimbalRange, joints: Joints, rates: JointRates
    ) -> tuple[Joints, JointRates]:
        """The joints, with another pitch if their boresight is in the Sun's circle."""
        if not inside(image_axes(joints).boresight, self.sun, self.radius_rad):
            return joints, rates
        pitch_rad = pitch_outside(joints, gimbal, self.sun, self.radius_rad)
        return joints._replace(pitch_rad=pitch_rad), rates._replace(pitch_rad_s=0.0)
