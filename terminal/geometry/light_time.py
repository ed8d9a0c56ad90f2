"""Where the partner's light comes from, where ours must go, and what motion does to its colour.

ECEF turns while the light is under way, so the light paths are drawn in the inertial frame whose
axes are those of ECEF at the time asked for, and only then seen from the terminal's own motion.
Special relativity in full; gravity (1e-10 in frequency) and refraction are left out.
"""

from math import atan2, hypot, inf, pi, sqrt
from typing import NamedTuple

from terminal.geometry.earth import (
    EARTH_ROTATION_RAD_S,
    enu_basis,
    enu_from_ecef,
    inertial_velocity,
    turned,
)
from terminal.geometry.ephemeris import Ephemeris
from terminal.geometry.vector import Vec, add, dot, norm, scale, subtract, unit

SPEED_OF_LIGHT_M_S = 299_792_458.0


class PointingSolution(NamedTuple):
    """All that pointing at a moving partner needs, for light that arrives or leaves at one time."""

    los_enu: Vec
    """Unit vector toward where the arriving light comes from, in the terminal's rest frame."""
    launch_enu: Vec
    """Unit vector along which light must leave now to meet the partner, in the same frame."""
    range_m: float
    """Length of the arriving light's path in the inertial frame: c times its light time."""
    range_rate_m_s: float
    """Change of range_m per second of UTC at the terminal."""
    light_time_s: float
    doppler: float
    """Received over sent frequency of the arriving light, minus one."""


def solve(
    t_ns: int,
    position_ecef: Vec,
    velocity_ecef: Vec,
    latitude_rad: float,
    longitude_rad: float,
    ephemeris: Ephemeris,
) -> PointingSolution:
    """Pointing for a terminal at `position_ecef` (m) that moves at `velocity_ecef` (m/s, relative
    to the turning Earth) at TAI `t_ns`; the partner may be anywhere but at the same place.

    `latitude_rad` and `longitude_rad` (geodetic) only set the axes east, north, up of the answer.
    Raises EphemerisError where the ephemeris has no answer, ValueError for a partner at distance 0
    and for numbers that are not finite.
    """
    c = SPEED_OF_LIGHT_M_S
    own_velocity = inertial_velocity(position_ecef, velocity_ecef)
    there, moving = ephemeris.state_ecef(t_ns)
    offset, moving = subtract(there, position_ecef), inertial_velocity(there, moving)
    if not 0.0 < norm(offset) < inf:
        raise ValueError(f"no pointing from {position_ecef} to a partner at {there}")

    toward, range_m, partner_velocity = _meet(-1, t_ns, position_ecef, offset, moving, ephemeris)
    along, _, _ = _meet(+1, t_ns, position_ecef, offset, moving, ephemeris)

    beta = scale(1.0 / c, own_velocity)
    partner_beta = scale(1.0 / c, partner_velocity)
    own_radial, partner_radial = dot(toward, beta), dot(toward, partner_beta)
    # One photon, one four-vector: its frequency in a frame moving at b is gamma (1 + n.b) times
    # that in the inertial frame, n pointing against its flight.
    time_dilation = sqrt((1.0 - dot(partner_beta, partner_beta)) / (1.0 - dot(beta, beta)))
    basis = enu_basis(latitude_rad, longitude_rad)
    return PointingSolution(
        los_enu=enu_from_ecef(basis, aberrated(toward, beta)),
        launch_enu=enu_from_ecef(basis, aberrated(along, scale(-1.0, beta))),
        range_m=range_m,
        range_rate_m_s=c * (partner_radial - own_radial) / (1.0 + partner_radial),
        light_time_s=range_m / c,
        doppler=time_dilation * (1.0 + own_radial) / (1.0 + partner_radial) - 1.0,
    )


def aberrated(direction: Vec, beta: Vec) -> Vec:
    """Unit vector toward a source as an observer sees it who moves at `beta` (in units of c)
    through the frame in which it lies in `direction`.

    For light that leaves, against its flight: its own direction is turned by minus beta.
    Explanatory Supplement to the Astronomical Almanac, 3rd ed., 7.2.3.
    """
    radial = dot(direction, beta)
    inverse_gamma = sqrt(1.0 - dot(beta, beta))
    along = 1.0 + radial / (1.0 + inverse_gamma)
    return unit(add(scale(inverse_gamma, direction), scale(along, beta)))


def azimuth_elevation(direction_enu: Vec) -> tuple[float, float]:
    """(azimuth from north through east in [0, 2 pi], elevation) in radians."""
    e, n, u = direction_enu
    return atan2(e, n) % (2.0 * pi), atan2(u, hypot(e, n))


def point_ahead_rad(los_enu: Vec, launch_enu: Vec) -> tuple[float, float]:
    """(cross-elevation, elevation) of the launch direction as seen around the line of sight.

    Angles on the sky, positive toward growing azimuth and toward the zenith; both inputs are unit
    vectors. At the zenith, "up" is what it is for a mount at azimuth 0.
    """
    e, n, u = los_enu
    horizontal = hypot(e, n)
    sin_azimuth, cos_azimuth = (e / horizontal, n / horizontal) if horizontal else (0.0, 1.0)
    right = (cos_azimuth, -sin_azimuth, 0.0)
    up = (-u * sin_azimuth, -u * cos_azimuth, horizontal)
    depth = dot(launch_enu, los_enu)
    return atan2(dot(launch_enu, right), depth), atan2(dot(launch_enu, up), depth)


def _meet(
    sign: int, t_ns: int, position: Vec, offset: Vec, velocity: Vec, ephemeris: Ephemeris
) -> tuple[Vec, float, Vec]:
    """Where light between `position` at `t_ns` and the partner meets the latter: direction from
    here (unit), length of the path in metres, the partner's velocity there; all inertial.

    `sign` -1: light that arrives at t_ns; +1: light that leaves then. `offset` and `velocity` are
    the partner's at t_ns, from which one Newton step predicts the meeting to 10 ps even from GEO;
    one look at the ephemeris near there, and another step ends below a femtosecond.
    """
    predicted_s = _longer_s(offset, velocity, sign, 0.0)
    elapsed_ns = sign * round(predicted_s * 1e9)
    elapsed_s = elapsed_ns * 1e-9
    there, moving = ephemeris.state_ecef(t_ns + elapsed_ns)
    turn_rad = EARTH_ROTATION_RAD_S * elapsed_s
    velocity = turned(inertial_velocity(there, moving), turn_rad)
    offset = subtract(turned(there, turn_rad), position)
    rest_s = _longer_s(offset, velocity, sign, abs(elapsed_s))
    offset = add(offset, scale(sign * rest_s, velocity))
    return unit(offset), norm(offset), velocity


def _longer_s(offset: Vec, velocity: Vec, sign: int, light_time_s: float) -> float:
    """Newton's step: by how much the light time is longer than the one that gave `offset`."""
    distance_m = norm(offset)
    radial_m_s = sign * dot(offset, velocity) / distance_m
    return (distance_m - SPEED_OF_LIGHT_M_S * light_time_s) / (SPEED_OF_LIGHT_M_S - radial_m_s)
