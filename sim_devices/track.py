"""The true flight path of a carrier, by another route than the terminal's estimate.

The ellipsoid is the image of its own normals: with S = diag(a^2, a^2, b^2), the point of the
surface whose outward normal is n lies at S n / sqrt(n.S n) (support function of a quadric), and the
carrier h above it along n. Velocities follow by the chain rule; no latitude is ever solved for.
"""

import math
from collections.abc import Sequence
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from config.mission import Track

Array = NDArray[np.float64]
Time = TypeVar("Time", float, Array)

# WGS-84 semi-axes (NGA.STND.0036).
_A_M = 6378137.0
_B_M = 6356752.314245179
_SQUARES_M2 = np.array([_A_M**2, _A_M**2, _B_M**2])


def _radii_m(latitude_rad: float) -> tuple[float, float]:
    """Radii of curvature (meridian, prime vertical) from the semi-axes."""
    q = math.hypot(_A_M * math.cos(latitude_rad), _B_M * math.sin(latitude_rad))
    return (_A_M * _B_M) ** 2 / q**3, _A_M**2 / q


class TruePath:
    """Level flight on a straight line or a circle, off the planned track by a constant offset.

    Flat offsets in metres from the track's centre become degrees by the ellipsoid's radii there:
    latitude = lat0 + north / (M + h), longitude = lon0 + east / ((N + h) cos lat0). A line passes
    the centre at t_s = 0; a circle is flown clockwise as seen from above, from where the course is
    the given one.

    Times are seconds since the start of the window, and may be negative.
    """

    def __init__(self, track: Track, offset_enu_m: Sequence[float] = (0.0, 0.0, 0.0)) -> None:
        """`offset_enu_m`: true minus planned position, constant. The centre is off the poles."""
        self._speed_m_s = track.speed_m_s
        self._radius_m = track.radius_m
        self._course_at_start_rad = math.radians(track.course_deg)
        circles = track.radius_m > 0.0
        self._turn_rate_rad_s = track.speed_m_s / track.radius_m if circles else 0.0
        self._offset_east_m, self._offset_north_m, up_m = (float(v) for v in offset_enu_m)
        self._altitude_m = track.altitude_m + up_m

        self._latitude0_rad = math.radians(track.latitude_deg)
        self._longitude0_rad = math.radians(track.longitude_deg)
        meridian_m, prime_vertical_m = _radii_m(self._latitude0_rad)
        self._metres_per_latitude = meridian_m + track.altitude_m
        self._metres_per_longitude = (prime_vertical_m + track.altitude_m) * math.cos(
            self._latitude0_rad
        )

    def course_rad(self, t_s: float) -> float:
        """Course from north through east; linear in time and not wrapped."""
        return self._course_at_start_rad + self._turn_rate_rad_s * t_s

    def geodetic(self, t_s: float) -> tuple[float, float, float]:
        """(latitude, longitude, altitude): rad, rad, m above the WGS-84 ellipsoid."""
        latitude, longitude = self._latitude_longitude(t_s)
        return float(latitude), float(longitude), self._altitude_m

    def velocity_ned_m_s(self, t_s: float) -> tuple[float, float, float]:
        """Relative to the Earth, in the axes of `ned_axes`."""
        latitude = float(self._latitude_longitude(t_s)[0])
        latitude_rate, longitude_rate = self._latitude_longitude_rates(t_s)
        meridian_m, prime_vertical_m = _radii_m(latitude)
        return (
            float(latitude_rate) * (meridian_m + self._altitude_m),
            float(longitude_rate) * (prime_vertical_m + self._altitude_m) * math.cos(latitude),
            0.0,
        )

    def position_ecef_m(self, t_s: Array) -> Array:
        """(n, 3) at times (n,)."""
        normal = -self.ned_axes(t_s)[:, 2]
        stretched = normal * _SQUARES_M2
        support_m = np.sqrt(np.sum(normal * stretched, axis=1))[:, None]
        return np.asarray(stretched / support_m + self._altitude_m * normal)

    def velocity_ecef_m_s(self, t_s: Array) -> Array:
        """(n, 3) at times (n,), relative to the rotating Earth."""
        axes = self.ned_axes(t_s)
        north, east, normal = axes[:, 0], axes[:, 1], -axes[:, 2]
        latitude_rate, longitude_rate = self._latitude_longitude_rates(t_s)
        # The normal turns toward north with the latitude, toward east with the longitude.
        cos_latitude = np.hypot(normal[:, 0], normal[:, 1])
        normal_rate = (
            latitude_rate[:, None] * north + (longitude_rate * cos_latitude)[:, None] * east
        )
        stretched, stretched_rate = normal * _SQUARES_M2, normal_rate * _SQUARES_M2
        support_m = np.sqrt(np.sum(normal * stretched, axis=1))[:, None]
        support_rate_m_s = np.sum(stretched * normal_rate, axis=1)[:, None] / support_m
        return np.asarray(
            stretched_rate / support_m
            - stretched * support_rate_m_s / support_m**2
            + self._altitude_m * normal_rate
        )

    def ned_axes(self, t_s: Array) -> Array:
        """(n, 3, 3): rows north, east, down (against the ellipsoid's normal) in ECEF axes."""
        latitude, longitude = self._latitude_longitude(t_s)
        sin_lat, cos_lat = np.sin(latitude), np.cos(latitude)
        sin_lon, cos_lon = np.sin(longitude), np.cos(longitude)
        north = np.stack([-sin_lat * cos_lon, -sin_lat * sin_lon, cos_lat], axis=1)
        east = np.stack([-sin_lon, cos_lon, np.zeros_like(sin_lon)], axis=1)
        down = np.stack([-cos_lat * cos_lon, -cos_lat * sin_lon, -sin_lat], axis=1)
        return np.stack([north, east, down], axis=1)

    def _latitude_longitude(self, t_s: Time) -> tuple[Time, Time]:
        if self._radius_m > 0.0:
            # Seen from the centre, a clockwise flier is 90 degrees behind its own course.
            bearing = self._course_at_start_rad + self._turn_rate_rad_s * t_s - 0.5 * math.pi
            east_m, north_m = self._radius_m * np.sin(bearing), self._radius_m * np.cos(bearing)
        else:
            flown_m = self._speed_m_s * t_s
            east_m = flown_m * math.sin(self._course_at_start_rad)
            north_m = flown_m * math.cos(self._course_at_start_rad)
        return (
            self._latitude0_rad + (north_m + self._offset_north_m) / self._metres_per_latitude,
            self._longitude0_rad + (east_m + self._offset_east_m) / self._metres_per_longitude,
        )

    def _latitude_longitude_rates(self, t_s: Time) -> tuple[Time, Time]:
        course = self._course_at_start_rad + self._turn_rate_rad_s * t_s
        return (
            self._speed_m_s * np.cos(course) / self._metres_per_latitude,
            self._speed_m_s * np.sin(course) / self._metres_per_longitude,
        )
