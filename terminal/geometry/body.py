"""Where the body is and how it lies: fixes, what lies between two of them, points fixed to it."""

from bisect import bisect_left
from math import cos, pi, remainder, sin
from typing import NamedTuple

from terminal.geometry.quaternion import Quaternion, multiply, rotate, slerp
from terminal.geometry.vector import Vec, cross

KEPT_FIXES = 100
"""Two seconds at 50 Hz: older than any camera image on its way."""


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


class NavigationTrack(NamedTuple):
    """The last fixes, oldest first."""

    fixes: tuple[Fix, ...] = ()

    def add(self, fix: Fix) -> "NavigationTrack":
        """With one more; `fix` is younger than all."""
        return NavigationTrack((*self.fixes[1 - KEPT_FIXES :], fix))

    def at(self, t_ns: int) -> Fix:
        """Between two fixes: position and velocity on a straight line, attitude at a constant rate.

        Between fixes 20 ms apart an acceleration of 10 m/s2 bends the line by 0.5 mm, and one of
        1 rad/s2 the attitude by 50 urad. The sigmas are the larger ones of both. Raises ValueError
        for a time before the first or after the last: a track knows the past alone.
        """
        if not self.fixes or not self.fixes[0].t_ns <= t_ns <= self.fixes[-1].t_ns:
            raise ValueError(f"no navigation fixes around {t_ns} ns")
        i = bisect_left(self.fixes, t_ns, key=lambda fix: fix.t_ns)
        b = self.fixes[i]
        if b.t_ns == t_ns:
            return b
        a = self.fixes[i - 1]
        f = (t_ns - a.t_ns) / (b.t_ns - a.t_ns)
        east = remainder(b.longitude_rad - a.longitude_rad, 2.0 * pi)
        (an, ae, ad), (bn, be, bd) = a.velocity_ned_m_s, b.velocity_ned_m_s
        return Fix(
            t_ns,
            a.latitude_rad + f * (b.latitude_rad - a.latitude_rad),
            remainder(a.longitude_rad + f * east, 2.0 * pi),
            a.altitude_m + f * (b.altitude_m - a.altitude_m),
            (an + f * (bn - an), ae + f * (be - ae), ad + f * (bd - ad)),
            slerp(a.q_ned_from_body, b.q_ned_from_body, f),
            max(a.attitude_sigma_rad, b.attitude_sigma_rad),
            max(a.position_sigma_m, b.position_sigma_m),
        )


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


def arm_enu(arm_body_m: Vec, q_ned_from_body: Quaternion, rate_body_rad_s: Vec) -> tuple[Vec, Vec]:
    """Offset (m) and velocity (m/s) of a point at `arm_body_m` against the reference point, in ENU.

    `rate_body_rad_s`: of the body against the local level, in body axes. That the level turns with
    the platform's travel (4e-6 rad/s at 25 m/s) is left out.
    """
    offset = rotate(q_ned_from_body, arm_body_m)
    velocity = rotate(q_ned_from_body, cross(rate_body_rad_s, arm_body_m))
    return enu_from_ned(offset), enu_from_ned(velocity)
