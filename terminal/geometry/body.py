"""Where the body is and how it lies: fixes, and points fixed to the body."""

from math import atan2, cos, hypot, pi, sin
from typing import NamedTuple

from terminal.geometry.quaternion import Quaternion, multiply, rotate
from terminal.geometry.vector import Vec, cross


class Fix(NamedTuple):
    """Position, velocity and attitude of the navigation unit's reference point at TAI `t_ns`."""

    t_ns: int
    latitude_rad: float
    longitude_rad: float
    altitude_m: float
    """Above the WGS-84 ellipsoid."""
    velocity_ned_m_s: Vec
    """Relative to the turning Earth."""
    q_ned_from_body: Quaternion
    """Body axes: x forward, y right, z down."""
    attitude_sigma_rad: float
    """1-sigma per axis, as the next one."""
    position_sigma_m: float


def q_ecef_from_ned(latitude_rad: float, longitude_rad: float) -> Quaternion:
    """Axes north, east, down at a geodetic point: turned by the longitude about z, then by
    -(latitude + 90 degrees) about the new y (Groves, Principles of GNSS, 2nd ed., 2.5.2)."""
    half_longitude, half_tilt = 0.5 * longitude_rad, -0.5 * latitude_rad - 0.25 * pi
    about_z = cos(half_longitude), 0.0, 0.0, sin(half_longitude)
    about_y = cos(half_tilt), 0.0, sin(half_tilt), 0.0
    return multiply(about_z, about_y)


def enu_from_ned(vector_ned: Vec) -> Vec:
    """East, north, up of a vector given as north, east, down; the other way round as well."""
    return vector_ned[1], vector_ned[0], -vector_ned[2]


def course_rad(velocity_enu_m_s: Vec, standing_rad: float) -> float:
    """Course over the ground, from north through east; `standing_rad` for a body without one."""
    east, north, _ = velocity_enu_m_s
    return atan2(east, north) if hypot(east, north) > 0.0 else standing_rad


def arm_enu(arm_body_m: Vec, q_ned_from_body: Quaternion, rate_body_rad_s: Vec) -> tuple[Vec, Vec]:
    """Offset (m) and velocity (m/s) of a point at `arm_body_m` against the reference point, in ENU.

    `rate_body_rad_s`: of the body against the local level, in body axes. That the level turns with
    the platform's travel (4e-6 rad/s at 25 m/s) is left out.
    """
    offset = rotate(q_ned_from_body, arm_body_m)
    velocity = rotate(q_ned_from_body, cross(rate_body_rad_s, arm_body_m))
    return enu_from_ned(offset), enu_from_ned(velocity)
