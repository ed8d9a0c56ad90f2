"""The Earth: its ellipsoid (WGS-84), its rotation, and the axes that go with them.

ECEF here is TEME turned by GMST82, as is the custom in SGP4 work, and then by polar motion (up to
0.6 arcsec, 18 m on the ground) where the pole is given. Angles in radians, lengths in metres.
"""

from math import atan2, cos, hypot, pi, sin, sqrt
from typing import NamedTuple

from terminal.geometry.time_scales import CENTURY_DAYS, J2000_JULIAN_DATE, utc_julian_date
from terminal.geometry.vector import Vec

# WGS-84 defining parameters (NGA.STND.0036).
SEMI_MAJOR_M = 6_378_137.0
FLATTENING = 1.0 / 298.257223563
_SEMI_MINOR_M = SEMI_MAJOR_M * (1.0 - FLATTENING)
_E2 = FLATTENING * (2.0 - FLATTENING)
_SECOND_E2 = _E2 / (1.0 - _E2)

_GMST_PER_CENTURY_S = 8_640_184.812866
EARTH_ROTATION_RAD_S = 2.0 * pi / 86_400.0 * (1.0 + _GMST_PER_CENTURY_S / (CENTURY_DAYS * 86400.0))
"""Rate of GMST82: what turns TEME into ECEF. Over the rate against the stars by 7e-12 rad/s."""

Basis = tuple[Vec, Vec, Vec]


class Geodetic(NamedTuple):
    latitude_rad: float
    longitude_rad: float
    """In (-pi, pi], east positive."""
    altitude_m: float
    """Above the ellipsoid."""


def curvature_radii_m(latitude_rad: float) -> tuple[float, float]:
    """Radii of curvature of the ellipsoid: (M along the meridian, N in the prime vertical)."""
    w2 = 1.0 - _E2 * sin(latitude_rad) ** 2
    prime_vertical_m = SEMI_MAJOR_M / sqrt(w2)
    return prime_vertical_m * (1.0 - _E2) / w2, prime_vertical_m


def ecef_from_geodetic(latitude_rad: float, longitude_rad: float, altitude_m: float) -> Vec:
    """ECEF position of a geodetic point."""
    sin_latitude, cos_latitude = sin(latitude_rad), cos(latitude_rad)
    prime_vertical_m = SEMI_MAJOR_M / sqrt(1.0 - _E2 * sin_latitude * sin_latitude)
    from_axis_m = (prime_vertical_m + altitude_m) * cos_latitude
    return (
        from_axis_m * cos(longitude_rad),
        from_axis_m * sin(longitude_rad),
        (prime_vertical_m * (1.0 - _E2) + altitude_m) * sin_latitude,
    )


def geodetic_from_ecef(position_ecef: Vec) -> Geodetic:
    """Geodetic point of an ECEF position, good to a micrometre from 10 km deep to beyond GEO.

    Bowring's iteration on the parametric latitude (Survey Review 23, 1976), three rounds. Within
    50 km of the Earth's centre the answer has no meaning.
    """
    x, y, z = position_ecef
    from_axis_m = hypot(x, y)
    parametric_rad = atan2(z, from_axis_m * (1.0 - FLATTENING))
    latitude_rad = parametric_rad
    for _ in range(3):
        latitude_rad = atan2(
            z + _SECOND_E2 * _SEMI_MINOR_M * sin(parametric_rad) ** 3,
            from_axis_m - _E2 * SEMI_MAJOR_M * cos(parametric_rad) ** 3,
        )
        parametric_rad = atan2((1.0 - FLATTENING) * sin(latitude_rad), cos(latitude_rad))
    sin_latitude = sin(latitude_rad)
    altitude_m = (
        from_axis_m * cos(latitude_rad)
        + z * sin_latitude
        - SEMI_MAJOR_M * sqrt(1.0 - _E2 * sin_latitude * sin_latitude)
    )
    return Geodetic(latitude_rad, atan2(y, x), altitude_m)


def enu_basis(latitude_rad: float, longitude_rad: float) -> Basis:
    """Unit vectors east, north and up (the ellipsoid's normal) at a geodetic point, in ECEF."""
    sin_latitude, cos_latitude = sin(latitude_rad), cos(latitude_rad)
    sin_longitude, cos_longitude = sin(longitude_rad), cos(longitude_rad)
    return (
        (-sin_longitude, cos_longitude, 0.0),
        (-sin_latitude * cos_longitude, -sin_latitude * sin_longitude, cos_latitude),
        (cos_latitude * cos_longitude, cos_latitude * sin_longitude, sin_latitude),
    )


def enu_from_ecef(basis: Basis, vector_ecef: Vec) -> Vec:
    """Components of an ECEF vector on the axes of `enu_basis`."""
    (ex, ey, ez), (nx, ny, nz), (ux, uy, uz) = basis
    x, y, z = vector_ecef
    return ex * x + ey * y + ez * z, nx * x + ny * y + nz * z, ux * x + uy * y + uz * z


def ecef_from_enu(basis: Basis, vector_enu: Vec) -> Vec:
    """ECEF components of a vector given on the axes of `enu_basis`."""
    (ex, ey, ez), (nx, ny, nz), (ux, uy, uz) = basis
    e, n, u = vector_enu
    return ex * e + nx * n + ux * u, ey * e + ny * n + uy * u, ez * e + nz * n + uz * u


def gmst82_rad(tai_ns: int, ut1_minus_utc_s: float = 0.0) -> float:
    """Greenwich mean sidereal time of 1982, not reduced to one turn.

    Aoki et al., A&A 105 (1982) 359, in the form of AIAA 2006-6753 with UT1 throughout; whole turns
    of the day count are left out, which keeps the rest to 1e-14 rad. `ut1_minus_utc_s` belongs to
    the UTC of `tai_ns`: it jumps with a leap second. Raises ValueError before 1972.
    """
    day, fraction = utc_julian_date(tai_ns)
    fraction += ut1_minus_utc_s / 86_400.0
    centuries = (day - J2000_JULIAN_DATE + fraction) / CENTURY_DAYS
    seconds = (
        24_110.54841
        + 86_400.0 * fraction
        + centuries * (_GMST_PER_CENTURY_S + centuries * (0.093104 - 6.2e-6 * centuries))
    )
    return seconds * (2.0 * pi / 86_400.0)


def ecef_from_teme(
    position_teme: Vec,
    velocity_teme: Vec,
    tai_ns: int,
    ut1_minus_utc_s: float = 0.0,
    pole_x_rad: float = 0.0,
    pole_y_rad: float = 0.0,
) -> tuple[Vec, Vec]:
    """ECEF position and velocity relative to the turning frame, from those in TEME, any unit of
    length. Raises ValueError before 1972.

    `pole_x_rad`, `pole_y_rad`: the IERS pole, toward Greenwich and toward 90 degrees west.
    """
    gmst_rad = gmst82_rad(tai_ns, ut1_minus_utc_s)
    x, y, z = turned(position_teme, -gmst_rad)
    vx, vy, vz = turned(velocity_teme, -gmst_rad)
    position = x, y, z
    velocity = vx + EARTH_ROTATION_RAD_S * y, vy - EARTH_ROTATION_RAD_S * x, vz
    if pole_x_rad or pole_y_rad:
        position = _about_the_pole(position, pole_x_rad, pole_y_rad)
        velocity = _about_the_pole(velocity, pole_x_rad, pole_y_rad)
    return position, velocity


def _about_the_pole(vector: Vec, pole_x_rad: float, pole_y_rad: float) -> Vec:
    """From the axes of the turning pole to those of the crust: R2(-x) R1(-y) to first order (IERS
    Conventions 2010, 5.4.1), which leaves 0.2 mm at the distance of GEO."""
    x, y, z = vector
    return (
        x + pole_x_rad * z,
        y - pole_y_rad * z,
        z - pole_x_rad * x + pole_y_rad * y,
    )


def inertial_velocity(position_ecef: Vec, velocity_ecef: Vec) -> Vec:
    """Velocity against the stars, in the axes of ECEF at that instant, m/s.

    The Earth is taken to turn about the z axis of ECEF. With polar motion that is off by 7 mm/s at
    GEO, by the same turning for both ends of a link: range rate and point-ahead lose nothing.
    """
    x, y, _ = position_ecef
    vx, vy, vz = velocity_ecef
    return vx - EARTH_ROTATION_RAD_S * y, vy + EARTH_ROTATION_RAD_S * x, vz


def turned(vector: Vec, angle_rad: float) -> Vec:
    """`vector` turned eastward about the Earth's axis."""
    c, s = cos(angle_rad), sin(angle_rad)
    x, y, z = vector
    return c * x - s * y, s * x + c * y, z
