"""What a terminal will see of its partner, step by step."""

from collections.abc import Iterable
from itertools import pairwise
from math import cos, degrees, hypot, sin
from typing import NamedTuple

from msgspec import Struct

from terminal.control.guidance.keep_out import separation_rad
from terminal.geometry.earth import enu_basis, enu_from_ecef, inertial_velocity
from terminal.geometry.ephemeris import EphemerisError
from terminal.geometry.light_time import (
    PointingSolution,
    azimuth_elevation,
    point_ahead_rad,
    solve,
)
from terminal.geometry.moon import moon_direction_ecef
from terminal.geometry.polarization_frame import (
    frame_angle_rad,
    orbit_normal_ecef,
    vertical_ecef,
)
from terminal.geometry.refraction import Refraction
from terminal.geometry.sun import sun_direction_ecef
from terminal.geometry.time_scales import SECOND_NS, utc_text
from terminal.geometry.vector import Vec, add, cross, norm, scale, subtract, unit
from terminal.plan_link import RowLink
from terminal.plan_regard import Limit, violated
from terminal.plan_view import View

SPAN_NS = SECOND_NS // 10
"""Rates come from a parabola through three directions so far apart."""
_SPANS = ((-1, 0, 1), (0, 1, 2), (-2, -1, 0))
"""Where an ephemeris begins or ends, the three lie on the one side that it has."""
_UP: Vec = (0.0, 0.0, 1.0)
_AT_ZENITH = 1e-9


class PlanRow(Struct, frozen=True):
    """Pointing for light that arrives, and for light that leaves, at one time."""

    utc: str
    azimuth_deg: float
    """Of the arriving light in the terminal's rest frame, from north through east."""
    elevation_deg: float
    range_m: float
    """Length of the arriving light's path in the inertial frame."""
    range_rate_m_s: float
    """Change of range_m per second of UTC."""
    doppler: float
    """Received over sent optical frequency, minus one."""
    light_time_s: float
    point_ahead_urad: float
    """Angle from the arrival direction to the launch direction."""
    point_ahead_elevation_urad: float
    point_ahead_cross_elevation_urad: float
    """Positive toward growing azimuth."""
    sun_separation_deg: float
    """From the arrival direction, both without refraction."""
    sun_azimuth_deg: float
    sun_elevation_deg: float
    moon_separation_deg: float
    """As the Sun's."""
    moon_azimuth_deg: float
    moon_elevation_deg: float
    sky_rate_deg_s: float
    """Of the line of sight against the local level; this and the next without refraction."""
    azimuth_rate_deg_s: float
    """What the yaw axis of an azimuth mount has to turn."""
    elevation_rate_deg_s: float
    azimuth_acceleration_deg_s2: float
    elevation_acceleration_deg_s2: float
    field_of_regard: list[Limit]
    """The limits that are violated; none if empty."""
    polarization_frame_deg: float | None
    """At which the partner's H axis is seen in an azimuth mount, from right toward up; None where
    it leaves no angle."""
    ephemeris_sigma_m: float | None
    """1-sigma of the partner's place along its path; None: not known."""
    ephemeris_sigma_urad: float | None
    """The same on the sky, in the direction in which it is largest."""
    link: RowLink | None = None
    """What the photons do; None without a mission."""


class Motion(NamedTuple):
    """Of a line of sight against the local level, rad/s and rad/s2."""

    sky_rate: float
    azimuth_rate: float
    elevation_rate: float
    azimuth_acceleration: float
    elevation_acceleration: float


def plan_rows(view: View, times_tai_ns: Iterable[int]) -> list[PlanRow]:
    """A row for each TAI time.

    With refraction, arriving and launched light are bent alike; where the light would have to
    pass under the horizontal, both directions stay those of straight lines. Range, light time,
    Doppler and rates stay those of the vacuum (the air adds 2.4 m of optical path at the zenith).

    Raises EphemerisError where the ephemeris has no answer, RefractionError for a partner inside
    the atmosphere.
    """
    return [_row(view, t_ns) for t_ns in times_tai_ns]


def sighted(view: View, t_ns: int) -> PointingSolution:
    """From where the terminal is at a TAI time. Raises EphemerisError."""
    latitude_rad, longitude_rad, _ = view.own.geodetic(t_ns)
    return solve(t_ns, *view.own.state_ecef(t_ns), latitude_rad, longitude_rad, view.partner)


def sun_enu(view: View, t_ns: int) -> Vec:
    """Unit vector toward the Sun."""
    latitude_rad, longitude_rad, _ = view.own.geodetic(t_ns)
    return enu_from_ecef(enu_basis(latitude_rad, longitude_rad), sun_direction_ecef(t_ns))


def _row(view: View, t_ns: int) -> PlanRow:
    solution = sighted(view, t_ns)
    latitude_rad, longitude_rad, _ = view.own.geodetic(t_ns)
    basis = enu_basis(latitude_rad, longitude_rad)
    sun = sun_enu(view, t_ns)
    moon = enu_from_ecef(basis, moon_direction_ecef(t_ns, view.own.state_ecef(t_ns)[0]))
    sun_rad, moon_rad = (separation_rad(solution.los_enu, body) for body in (sun, moon))
    motion = _motion(view, t_ns, solution.los_enu)
    sigma_m, sigma_urad = _sigmas(view, t_ns, solution.range_m)
    los, launch = _seen(view.refraction, solution)
    azimuth_rad, elevation_rad = azimuth_elevation(los)
    sun_azimuth_rad, sun_elevation_rad = azimuth_elevation(sun)
    moon_azimuth_rad, moon_elevation_rad = azimuth_elevation(moon)
    ahead_across_rad, ahead_up_rad = point_ahead_rad(los, launch)
    return PlanRow(
        utc=exact_utc(t_ns),
        azimuth_deg=degrees(azimuth_rad),
        elevation_deg=degrees(elevation_rad),
        range_m=solution.range_m,
        range_rate_m_s=solution.range_rate_m_s,
        doppler=solution.doppler,
        light_time_s=solution.light_time_s,
        point_ahead_urad=separation_rad(los, launch) * 1e6,
        point_ahead_elevation_urad=ahead_up_rad * 1e6,
        point_ahead_cross_elevation_urad=ahead_across_rad * 1e6,
        sun_separation_deg=degrees(sun_rad),
        sun_azimuth_deg=degrees(sun_azimuth_rad),
        sun_elevation_deg=degrees(sun_elevation_rad),
        moon_separation_deg=degrees(moon_rad),
        moon_azimuth_deg=degrees(moon_azimuth_rad),
        moon_elevation_deg=degrees(moon_elevation_rad),
        sky_rate_deg_s=degrees(motion.sky_rate),
        azimuth_rate_deg_s=degrees(motion.azimuth_rate),
        elevation_rate_deg_s=degrees(motion.elevation_rate),
        azimuth_acceleration_deg_s2=degrees(motion.azimuth_acceleration),
        elevation_acceleration_deg_s2=degrees(motion.elevation_acceleration),
        field_of_regard=violated(
            view.gimbal,
            view.keep_out,
            elevation_rad,
            motion.azimuth_rate,
            motion.azimuth_acceleration,
            sun_rad,
            moon_rad,
        ),
        polarization_frame_deg=_frame_deg(view, t_ns, los),
        ephemeris_sigma_m=sigma_m,
        ephemeris_sigma_urad=sigma_urad,
    )


def _motion(view: View, t_ns: int, los: Vec) -> Motion:
    """The vector's motion is as smooth at the zenith as elsewhere: the angles' follows from it."""
    rate, acceleration = _derivatives(view, t_ns, los)
    (e, n, u), (de, dn, du), (dde, ddn, ddu) = los, rate, acceleration
    level2 = e * e + n * n
    if level2 < _AT_ZENITH * _AT_ZENITH:
        # Every azimuth serves there: a mount that looks along the motion need not turn.
        return Motion(norm(rate), 0.0, hypot(de, dn), 0.0, 0.0)
    level = level2**0.5
    azimuth_rate = (n * de - e * dn) / level2
    spread = 2.0 * (e * de + n * dn) / level2
    azimuth_acceleration = (n * dde - e * ddn) / level2 - azimuth_rate * spread
    elevation_rate = du / level
    # sin(elevation) = u, twice differentiated.
    elevation_acceleration = (ddu + u * elevation_rate * elevation_rate) / level
    return Motion(
        norm(rate), azimuth_rate, elevation_rate, azimuth_acceleration, elevation_acceleration
    )


def _derivatives(view: View, t_ns: int, los: Vec) -> tuple[Vec, Vec]:
    """First and second derivative of the line of sight by time, from Newton's parabola."""
    refused: EphemerisError | None = None
    for spans in _SPANS:
        try:
            a, b, c = (los if k == 0 else sighted(view, t_ns + k * SPAN_NS).los_enu for k in spans)
        except EphemerisError as error:
            refused = refused or error
            continue
        per_s = SECOND_NS / SPAN_NS
        first, second = (scale(per_s, subtract(late, early)) for early, late in pairwise((a, b, c)))
        bend = scale(0.5 * per_s, subtract(second, first))
        # d/dt at 0 of a + first (t - t0) + bend (t - t0)(t - t1).
        return add(first, scale(-(spans[0] + spans[1]) / per_s, bend)), scale(2.0, bend)
    assert refused is not None
    raise refused


def _seen(refraction: Refraction | None, solution: PointingSolution) -> tuple[Vec, Vec]:
    """Arrival and launch direction as the air shows them, both or neither."""
    los, launch = solution.los_enu, solution.launch_enu
    if refraction is None:
        return los, launch
    seen, aimed = (_lifted(d, solution.range_m, refraction) for d in (los, launch))
    return (seen, aimed) if seen is not None and aimed is not None else (los, launch)


def _lifted(direction_enu: Vec, range_m: float, refraction: Refraction) -> Vec | None:
    """A direction of straight lines as refraction shows it."""
    azimuth_rad, elevation_rad = azimuth_elevation(direction_enu)
    apparent_rad = refraction.apparent_elevation_rad(elevation_rad, range_m)
    if apparent_rad is None:
        return None
    level = cos(apparent_rad)
    return level * sin(azimuth_rad), level * cos(azimuth_rad), sin(apparent_rad)


def _frame_deg(view: View, t_ns: int, los: Vec) -> float | None:
    position, velocity = view.partner.state_ecef(t_ns)
    try:
        if view.reference_axis == "vertical":
            axis = vertical_ecef(position)
        else:
            axis = orbit_normal_ecef(position, velocity)
        latitude_rad, longitude_rad, _ = view.own.geodetic(t_ns)
        axis_enu = enu_from_ecef(enu_basis(latitude_rad, longitude_rad), axis)
        return degrees(frame_angle_rad(los, axis_enu, _UP))
    except ValueError:
        return None


def _sigmas(view: View, t_ns: int, range_m: float) -> tuple[float | None, float | None]:
    """(m along the path, urad on the sky in the direction in which it is largest)."""
    if view.errors is None:
        return None, None
    along_m = view.errors.along_at_m(t_ns)
    there, moving = view.partner.state_ecef(t_ns)
    toward = unit(subtract(there, view.own.state_ecef(t_ns)[0]))
    # What lies along the line of sight does not show.
    shown = norm(cross(toward, unit(inertial_velocity(there, moving))))
    return along_m, max(view.errors.beside_m, along_m * shown) / range_m * 1e6


def exact_utc(tai_ns: int) -> str:
    """UTC to the millisecond if that says it all, else to the nanosecond."""
    return utc_text(tai_ns, 9 if tai_ns % 1_000_000 else 3)
