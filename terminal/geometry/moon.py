"""Where the Moon is, to keep its light out of the quantum channel.

Low-precision formulae of the Astronomical Almanac (page D46): 0.3 degree in ecliptic longitude,
0.2 in latitude, 0.003 in parallax. The Moon is near: from one side of the Earth to the other its
direction differs by two degrees. UT1 is taken as UTC; refraction is left out.
"""

from math import asin, cos, radians, sin

from terminal.geometry.earth import SEMI_MAJOR_M, gmst82_rad, turned
from terminal.geometry.time_scales import CENTURY_DAYS, J2000_JULIAN_DATE, utc_julian_date
from terminal.geometry.vector import Vec, scale, subtract, unit

PARALLAX_RAD = 0.0172
"""Most that the direction differs between the Earth's centre and a place near its surface."""

_OBLIQUITY_RAD = asin(0.3978)

# (amplitude, phase, rate per century), all in degrees.
_LONGITUDE = (
    (6.29, 135.0, 477_198.87),
    (-1.27, 259.3, -413_335.36),
    (0.66, 235.7, 890_534.22),
    (0.21, 269.9, 954_397.74),
    (-0.19, 357.5, 35_999.05),
    (-0.11, 186.5, 966_404.03),
)
_LATITUDE = (
    (5.13, 93.3, 483_202.02),
    (0.28, 228.2, 960_400.89),
    (-0.28, 318.3, 6_003.15),
    (-0.17, 217.6, -407_332.21),
)
_PARALLAX = (
    (0.0518, 135.0, 477_198.87),
    (0.0095, 259.3, -413_335.36),
    (0.0078, 235.7, 890_534.22),
    (0.0028, 269.9, 954_397.74),
)


def moon_position_ecef(t_ns: int) -> Vec:
    """The Moon's centre in ECEF, m, at a TAI time. Raises ValueError before 1972."""
    day, fraction = utc_julian_date(t_ns)
    centuries = (day - J2000_JULIAN_DATE + fraction) / CENTURY_DAYS

    def sines(terms: tuple[tuple[float, float, float], ...]) -> float:
        return sum(size * sin(radians(phase + rate * centuries)) for size, phase, rate in terms)

    longitude_rad = radians(218.32 + 481_267.881 * centuries + sines(_LONGITUDE))
    latitude_rad = radians(sines(_LATITUDE))
    parallax_rad = radians(
        0.9508 + sum(a * cos(radians(phase + rate * centuries)) for a, phase, rate in _PARALLAX)
    )
    across, north = cos(latitude_rad) * sin(longitude_rad), sin(latitude_rad)
    tilt_cos, tilt_sin = cos(_OBLIQUITY_RAD), sin(_OBLIQUITY_RAD)
    of_date = (
        cos(latitude_rad) * cos(longitude_rad),
        tilt_cos * across - tilt_sin * north,
        tilt_sin * across + tilt_cos * north,
    )
    return turned(scale(SEMI_MAJOR_M / sin(parallax_rad), of_date), -gmst82_rad(t_ns))


def moon_direction_ecef(t_ns: int, from_ecef_m: Vec = (0.0, 0.0, 0.0)) -> Vec:
    """Unit vector toward the Moon from an ECEF position (m); 100 km there are 0.015 degree here.

    Raises ValueError before 1972.
    """
    return unit(subtract(moon_position_ecef(t_ns), from_ecef_m))
