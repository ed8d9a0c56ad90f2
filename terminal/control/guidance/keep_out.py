"""Where the telescope must not look, and the way round the Sun.

Directions are unit vectors, all in one frame.
"""

from enum import IntFlag
from math import acos, asin, atan2, copysign, cos, hypot, pi, remainder, sin

from config.terminal import GimbalRange, KeepOut
from terminal.geometry.gimbal_frame import Joints, image_axes
from terminal.geometry.vector import Vec, add, cross, dot, norm, scale, subtract, unit

_ROUNDING = 1e-9


class KeepOutZone(IntFlag):
    """Why the shutter stays shut, or the boresight is not where the partner is."""

    SUN = 1
    """Near enough to the Sun for its light to reach the detectors."""
    SUN_AVOID = 2
    """The partner, or the boresight as it stands, is nearer to the Sun than the gimbal goes."""
    MOON = 4
    HORIZON = 8
    """The partner is under the elevation at which it is sought."""
    LIMIT = 16
    """Joint limits or rates keep the boresight off its aim by more than the link bears."""
    UNKNOWN = 32
    """Without a prediction nobody knows where the Sun stands: the other bits are the last ones."""


AVERTED = KeepOutZone.SUN_AVOID | KeepOutZone.HORIZON
"""The gimbal does not look at the partner: no beacon would reach it."""


def separation_rad(a: Vec, b: Vec) -> float:
    """Angle between two unit vectors; exact for small angles too."""
    return atan2(norm(cross(a, b)), dot(a, b))


def inside(direction: Vec, sun: Vec, radius_rad: float) -> bool:
    """Whether a direction lies in the Sun's circle; the rim, on which aims are kept, is outside."""
    return separation_rad(direction, sun) < radius_rad * (1.0 - 2.0 * _ROUNDING)


def zones(keep_out: KeepOut, boresight: Vec, sun: Vec, moon: Vec) -> KeepOutZone:
    """Those of SUN, SUN_AVOID and MOON in which the boresight stands."""
    found = KeepOutZone(0)
    if separation_rad(boresight, sun) < keep_out.sun_rad:
        found |= KeepOutZone.SUN
    if inside(boresight, sun, keep_out.sun_avoid_rad):
        found |= KeepOutZone.SUN_AVOID
    if separation_rad(boresight, moon) < keep_out.moon_rad:
        found |= KeepOutZone.MOON
    return found


def avoid(direction: Vec, sun: Vec, radius_rad: float) -> Vec:
    """`direction`, or the nearest one on the Sun's circle if it is inside."""
    if separation_rad(direction, sun) >= radius_rad:
        return direction
    across = subtract(direction, scale(dot(direction, sun), sun))
    outward = unit(across) if norm(across) > _ROUNDING else _perpendicular(sun)
    return add(scale(cos(radius_rad), sun), scale(sin(radius_rad), outward))


def toward(start: Vec, goal: Vec, sun: Vec, radius_rad: float, step_rad: float) -> Vec:
    """One step of at most `step_rad` from `start` to `goal`, never through the Sun's circle.

    Straight on where the way is clear; else about the Sun, at the distance that `start` has, by the
    shorter side. Goals inside the circle are replaced by `avoid`; from inside it the first step
    leads out, however far that is.
    """
    if separation_rad(start, sun) < radius_rad * (1.0 - _ROUNDING):
        return avoid(start, sun, radius_rad)
    goal = avoid(goal, sun, radius_rad)
    normal = cross(start, goal)
    if norm(normal) > _ROUNDING:
        normal = unit(normal)
    elif dot(start, goal) > 0.0:
        return goal
    else:
        normal = _perpendicular(start)
    if _crosses(start, goal, normal, sun, radius_rad):
        bearing_rad = atan2(
            dot(sun, cross(start, goal)), dot(start, goal) - dot(sun, start) * dot(sun, goal)
        )
        turn_rad = min(abs(bearing_rad), step_rad / max(norm(cross(start, sun)), _ROUNDING))
        return _turned(start, sun, copysign(turn_rad, bearing_rad))
    if separation_rad(start, goal) <= step_rad:
        return goal
    return _turned(start, normal, step_rad)


def lifted(direction: Vec, up: Vec, below_rad: float) -> Vec:
    """`direction`, or the one over it on the horizon if it lies `below_rad` > 0 under that."""
    # Written so that a number which is none lifts nothing.
    if not below_rad > 0.0:
        return direction
    axis = cross(direction, up)
    # Straight down there is no "over it".
    return _turned(direction, unit(axis), below_rad) if norm(axis) > _ROUNDING else direction


def pitch_outside(joints: Joints, gimbal: GimbalRange, sun: Vec, radius_rad: float) -> float:
    """The pitch nearest to that of `joints` which, at their yaw and roll, looks past the Sun.

    Of no use where the circle fills the whole range: the end of it farther from the Sun, then.
    """
    level = image_axes(joints._replace(pitch_rad=0.0))
    ahead, above = dot(sun, level.boresight), dot(sun, level.up)
    reach = hypot(ahead, above)
    if reach <= cos(radius_rad):
        return joints.pitch_rad
    sun_pitch_rad = atan2(above, ahead)
    half_rad = acos(cos(radius_rad) / reach) + _ROUNDING
    if abs(remainder(joints.pitch_rad - sun_pitch_rad, 2.0 * pi)) >= half_rad:
        return joints.pitch_rad
    low, high = gimbal.pitch_min_rad, gimbal.pitch_max_rad
    edges = [sun_pitch_rad + sign * half_rad + k * pi for sign in (-1, 1) for k in (-2, 0, 2)]
    reachable = [edge for edge in edges if low <= edge <= high]
    if reachable:
        return min(reachable, key=lambda edge: abs(edge - joints.pitch_rad))
    return max((low, high), key=lambda end: abs(remainder(end - sun_pitch_rad, 2.0 * pi)))


def _crosses(start: Vec, goal: Vec, normal: Vec, sun: Vec, radius_rad: float) -> bool:
    """Whether the arc about `normal` from start to goal, both outside, passes inside the circle."""
    beside = dot(sun, normal)
    if abs(asin(max(-1.0, min(1.0, beside)))) >= radius_rad * (1.0 - _ROUNDING):
        return False
    nearest = subtract(sun, scale(beside, normal))
    return dot(cross(start, nearest), normal) > 0.0 and dot(cross(nearest, goal), normal) > 0.0


def _turned(vector: Vec, axis: Vec, angle_rad: float) -> Vec:
    """Right-handed about a unit axis (Rodrigues)."""
    c, s = cos(angle_rad), sin(angle_rad)
    along = scale((1.0 - c) * dot(axis, vector), axis)
    return unit(add(add(scale(c, vector), scale(s, cross(axis, vector))), along))


def _perpendicular(vector: Vec) -> Vec:
    x, y, z = (abs(component) for component in vector)
    axis = (1.0, 0.0, 0.0) if x <= min(y, z) else (0.0, 1.0, 0.0) if y <= z else (0.0, 0.0, 1.0)
    return unit(cross(vector, axis))
