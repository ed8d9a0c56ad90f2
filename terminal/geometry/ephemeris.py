"""Where the partner is at a time: one question, answered by elements or by an announced track."""

from math import cos, isfinite, radians, sin
from typing import Protocol

from sgp4.api import SGP4_ERRORS

from config.mission import Track
from terminal.geometry.earth import (
    Geodetic,
    curvature_radii_m,
    ecef_from_enu,
    ecef_from_geodetic,
    ecef_from_teme,
    enu_basis,
)
from terminal.geometry.eop import EarthOrientation, Eop, EopError, SteadyEarth
from terminal.geometry.time_scales import DAY_NS, utc_text
from terminal.geometry.tle import Tle
from terminal.geometry.vector import Vec

_DIFFERENCE_S = 0.1
_POLE_LIMIT_DEG = 89.0


class EphemerisError(ValueError):
    """The ephemeris has no answer for that time."""


class Ephemeris(Protocol):
    """Anything that knows where the partner is."""

    def state_ecef(self, t_ns: int) -> tuple[Vec, Vec]:
        """ECEF position (m) and velocity relative to the turning frame (m/s) at a TAI time.

        The velocity is the derivative of the position. Raises EphemerisError without an answer.
        """
        ...


class SatelliteEphemeris:
    """SGP4, then TEME to ECEF by GMST82 and polar motion.

    The time since the epoch is counted in TAI, so that a leap second in between counts. `earth`:
    a table of the Earth's orientation, or UT1 - UTC in seconds for all times without polar motion.
    """

    def __init__(self, tle: Tle, earth: EarthOrientation | float, useful_days: float) -> None:
        self._satrec = tle.satrec
        self._catalogue_number = tle.catalogue_number
        self._epoch_ns = tle.epoch_tai_ns
        self._useful_days = useful_days
        self._useful_ns = useful_days * DAY_NS
        self._earth = SteadyEarth(Eop(earth)) if isinstance(earth, int | float) else earth

    def state_ecef(self, t_ns: int) -> tuple[Vec, Vec]:
        since_epoch_ns = t_ns - self._epoch_ns
        if abs(since_epoch_ns) > self._useful_ns:
            raise EphemerisError(
                f"elements of {self._catalogue_number} have their epoch at "
                f"{utc_text(self._epoch_ns)} and are asked for {utc_text(t_ns)}: "
                f"{since_epoch_ns / DAY_NS:+.2f} days, the limit is {self._useful_days:g}"
            )
        since_epoch_s = since_epoch_ns * 1e-9
        # The velocity that SGP4 gives departs from the derivative of its own position by up to
        # 4.5 cm/s, so the difference over +-0.1 s is taken: good to 0.1 mm/s.
        position = self._position_teme_m(since_epoch_s)
        x0, y0, z0 = self._position_teme_m(since_epoch_s - _DIFFERENCE_S)
        x1, y1, z1 = self._position_teme_m(since_epoch_s + _DIFFERENCE_S)
        per_s = 0.5 / _DIFFERENCE_S
        velocity = (x1 - x0) * per_s, (y1 - y0) * per_s, (z1 - z0) * per_s
        try:
            eop = self._earth.at(t_ns)
        except EopError as error:
            raise EphemerisError(str(error)) from error
        return ecef_from_teme(position, velocity, t_ns, *eop)

    def _position_teme_m(self, since_epoch_s: float) -> Vec:
        error, (x, y, z), _ = self._satrec.sgp4_tsince(since_epoch_s / 60.0)
        if error or not isfinite(x + y + z):
            reason = SGP4_ERRORS.get(error, "the position is not finite")
            raise EphemerisError(
                f"SGP4 has no position of {self._catalogue_number} {since_epoch_s:.3f} s from its "
                f"epoch: {reason}"
            )
        return x * 1000.0, y * 1000.0, z * 1000.0


class TrackEphemeris:
    """Nominal level flight, as announced.

    Flat offsets from the centre, east e(t) and north n(t), give latitude = lat0 + n / (M + h) and
    longitude = lon0 + e / ((N + h) cos lat0) with the WGS-84 radii at lat0, at constant altitude. A
    line passes the centre at the start; a circle is flown clockwise as seen from above, so at the
    start it is where its course equals the given one: at azimuth course - 90 degrees from the
    centre. Raises EphemerisError for a centre beyond 89 degrees of latitude, where this is no map.
    """

    def __init__(self, track: Track, start_tai_ns: int) -> None:
        if abs(track.latitude_deg) > _POLE_LIMIT_DEG:
            raise EphemerisError(
                f"a track at latitude {track.latitude_deg} degrees: the limit is {_POLE_LIMIT_DEG}"
            )
        self._start_ns = start_tai_ns
        self._speed_m_s = track.speed_m_s
        self._course_rad = radians(track.course_deg)
        self._radius_m = track.radius_m
        self._centre = Geodetic(
            radians(track.latitude_deg), radians(track.longitude_deg), track.altitude_m
        )
        meridian_m, prime_vertical_m = curvature_radii_m(self._centre.latitude_rad)
        self._latitude_per_m = 1.0 / (meridian_m + track.altitude_m)
        self._longitude_per_m = 1.0 / (
            (prime_vertical_m + track.altitude_m) * cos(self._centre.latitude_rad)
        )

    def geodetic(self, t_ns: int) -> Geodetic:
        """Latitude, longitude and altitude at a TAI time."""
        (east_m, north_m), _ = self._flat(t_ns)
        return self._geodetic(east_m, north_m)

    def state_ecef(self, t_ns: int) -> tuple[Vec, Vec]:
        (east_m, north_m), (east_m_s, north_m_s) = self._flat(t_ns)
        latitude_rad, longitude_rad, altitude_m = self._geodetic(east_m, north_m)
        # Rates of latitude and longitude, back to lengths with the radii of where it really is.
        meridian_m, prime_vertical_m = curvature_radii_m(latitude_rad)
        velocity_enu = (
            east_m_s * self._longitude_per_m * (prime_vertical_m + altitude_m) * cos(latitude_rad),
            north_m_s * self._latitude_per_m * (meridian_m + altitude_m),
            0.0,
        )
        return (
            ecef_from_geodetic(latitude_rad, longitude_rad, altitude_m),
            ecef_from_enu(enu_basis(latitude_rad, longitude_rad), velocity_enu),
        )

    def _geodetic(self, east_m: float, north_m: float) -> Geodetic:
        return Geodetic(
            self._centre.latitude_rad + north_m * self._latitude_per_m,
            self._centre.longitude_rad + east_m * self._longitude_per_m,
            self._centre.altitude_m,
        )

    def _flat(self, t_ns: int) -> tuple[tuple[float, float], tuple[float, float]]:
        """Offsets (east, north) from the centre in metres, and their rates in m/s."""
        flown_m = self._speed_m_s * (t_ns - self._start_ns) * 1e-9
        if self._radius_m == 0.0:
            east, north = sin(self._course_rad), cos(self._course_rad)
            offset = flown_m * east, flown_m * north
        else:
            course_rad = self._course_rad + flown_m / self._radius_m
            east, north = sin(course_rad), cos(course_rad)
            # The platform lies to the left of its course as seen from the centre: 90 degrees back.
            offset = -self._radius_m * north, self._radius_m * east
        return offset, (self._speed_m_s * east, self._speed_m_s * north)
