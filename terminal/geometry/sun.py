"""Where the Sun is: to judge night and day, and to keep it out of the telescope.

Low-precision formula of the Astronomical Almanac (page C5): 0.01 degree from 1950 to 2050. UT1 is
taken as UTC and parallax (0.0024 degree) and refraction are left out.
"""

from math import asin, cos, radians, sin

from terminal.geometry.earth import SEMI_MAJOR_M, enu_basis, gmst82_rad, turned
from terminal.geometry.time_scales import J2000_JULIAN_DATE, utc_julian_date
from terminal.geometry.vector import Vec, dot, norm, scale, subtract


def sun_direction_ecef(t_ns: int) -> Vec:
    """Unit vector from the Earth's centre to the Sun in ECEF at a TAI time (from 1972 on)."""
    day, fraction = utc_julian_date(t_ns)
    days = day - J2000_JULIAN_DATE + fraction
    mean_anomaly_rad = radians(357.528 + 0.9856003 * days)
    ecliptic_longitude_rad = radians(
        280.460
        + 0.9856474 * days
        + 1.915 * sin(mean_anomaly_rad)
        + 0.020 * sin(2.0 * mean_anomaly_rad)
    )
    obliquity_rad = radians(23.439 - 0.0000004 * days)
    along = sin(ecliptic_longitude_rad)
    of_date = (
        cos(ecliptic_longitude_rad),
        cos(obliquity_rad) * along,
        sin(obliquity_rad) * along,
    )
    return turned(of_date, -gmst82_rad(t_ns))


def sun_elevation_rad(t_ns: int, latitude_rad: float, longitude_rad: float) -> float:
    """Geometric elevation of the Sun's centre over the horizontal plane of a geodetic point."""
    _, _, up = enu_basis(latitude_rad, longitude_rad)
    return asin(dot(up, sun_direction_ecef(t_ns)))


def in_sunlight(position_ecef: Vec, t_ns: int) -> bool:
    """Whether a satellite at an ECEF position (m) is outside the Earth's shadow.

    The shadow is a cylinder of the equator's radius: a low satellite crosses its true, soft edge
    within some 10 s of this one.
    """
    toward_sun = sun_direction_ecef(t_ns)
    along_m = dot(position_ecef, toward_sun)
    return along_m > 0.0 or norm(subtract(position_ecef, scale(along_m, toward_sun))) > SEMI_MAJOR_M
