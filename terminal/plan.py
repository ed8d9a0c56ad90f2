"""What a terminal at rest on the Earth will see of a satellite: step by step, and pass by pass."""

from collections.abc import Iterable
from math import atan2, cos, degrees, sin

from msgspec import Struct

from terminal.geometry.earth import Geodetic, ecef_from_geodetic, enu_basis, enu_from_ecef
from terminal.geometry.ephemeris import Ephemeris
from terminal.geometry.light_time import azimuth_elevation, point_ahead_rad, solve
from terminal.geometry.passes import Pass, find_passes
from terminal.geometry.refraction import Refraction
from terminal.geometry.sun import in_sunlight, sun_direction_ecef
from terminal.geometry.time_scales import SECOND_NS, utc_text
from terminal.geometry.vector import Vec, cross, dot, norm

_AT_REST = (0.0, 0.0, 0.0)
_NIGHT_BELOW_DEG = -12.0
"""Sun's elevation at the end of nautical twilight."""
_MOST_LOOKS = 600
"""At the Sun in one pass."""


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


class PassRow(Struct, frozen=True):
    """One pass. Rise, culmination and set are those of the geometric elevation."""

    rise_utc: str
    culmination_utc: str
    set_utc: str
    duration_s: float
    max_elevation_deg: float
    rise_azimuth_deg: float
    culmination_azimuth_deg: float
    set_azimuth_deg: float
    culmination_range_m: float
    sun_elevation_deg: float
    """At the site, at culmination."""
    night: bool
    """Sun more than 12 degrees below the horizon at culmination."""
    sunlit: bool
    """The satellite, at culmination."""
    min_sun_separation_deg: float


def plan_rows(
    ephemeris: Ephemeris,
    site: Geodetic,
    times_tai_ns: Iterable[int],
    refraction: Refraction | None = None,
) -> list[PlanRow]:
    """A row for each TAI time.

    With `refraction`, arriving and launched light are bent alike; where the light would have to
    pass under the horizontal, both directions stay those of straight lines. Range, light time and
    Doppler stay those of the vacuum (the air adds 2.4 m of optical path at the zenith).

    Raises EphemerisError where the ephemeris has no answer, RefractionError for a partner inside
    the atmosphere.
    """
    return [_row(ephemeris, site, t_ns, refraction) for t_ns in times_tai_ns]


def _row(ephemeris: Ephemeris, site: Geodetic, t_ns: int, refraction: Refraction | None) -> PlanRow:
    latitude_rad, longitude_rad, altitude_m = site
    position = ecef_from_geodetic(latitude_rad, longitude_rad, altitude_m)
    solution = solve(t_ns, position, _AT_REST, latitude_rad, longitude_rad, ephemeris)
    sun_enu = enu_from_ecef(enu_basis(latitude_rad, longitude_rad), sun_direction_ecef(t_ns))
    los, launch = solution.los_enu, solution.launch_enu
    sun_separation_rad = _angle_rad(los, sun_enu)
    if refraction is not None:
        seen, aimed = (_lifted(d, solution.range_m, refraction) for d in (los, launch))
        if seen is not None and aimed is not None:
            los, launch = seen, aimed
    azimuth_rad, elevation_rad = azimuth_elevation(los)
    sun_azimuth_rad, sun_elevation_rad = azimuth_elevation(sun_enu)
    ahead_across_rad, ahead_up_rad = point_ahead_rad(los, launch)
    return PlanRow(
        utc=exact_utc(t_ns),
        azimuth_deg=degrees(azimuth_rad),
        elevation_deg=degrees(elevation_rad),
        range_m=solution.range_m,
        range_rate_m_s=solution.range_rate_m_s,
        doppler=solution.doppler,
        light_time_s=solution.light_time_s,
        point_ahead_urad=_angle_rad(los, launch) * 1e6,
        point_ahead_elevation_urad=ahead_up_rad * 1e6,
        point_ahead_cross_elevation_urad=ahead_across_rad * 1e6,
        sun_separation_deg=degrees(sun_separation_rad),
        sun_azimuth_deg=degrees(sun_azimuth_rad),
        sun_elevation_deg=degrees(sun_elevation_rad),
    )


def pass_rows(
    ephemeris: Ephemeris,
    site: Geodetic,
    start_tai_ns: int,
    end_tai_ns: int,
    min_elevation_rad: float,
) -> list[PassRow]:
    """Passes over a site between two TAI times, in order; an end of the span may cut one short.

    Raises EphemerisError where the ephemeris has no answer, ValueError for an empty span.
    """
    found = find_passes(ephemeris, *site, start_tai_ns, end_tai_ns, min_elevation_rad)
    return [_pass_row(ephemeris, site, one) for one in found]


def _pass_row(ephemeris: Ephemeris, site: Geodetic, found: Pass) -> PassRow:
    turns_ns = found.rise_tai_ns, found.culmination_tai_ns, found.set_tai_ns
    rise, top, end = plan_rows(ephemeris, site, turns_ns)
    step_ns = max(SECOND_NS, (found.set_tai_ns - found.rise_tai_ns) // _MOST_LOOKS)
    looks = plan_rows(ephemeris, site, range(found.rise_tai_ns, found.set_tai_ns, step_ns))
    satellite, _ = ephemeris.state_ecef(found.culmination_tai_ns)
    return PassRow(
        rise_utc=utc_text(found.rise_tai_ns),
        culmination_utc=utc_text(found.culmination_tai_ns),
        set_utc=utc_text(found.set_tai_ns),
        duration_s=(found.set_tai_ns - found.rise_tai_ns) * 1e-9,
        max_elevation_deg=degrees(found.max_elevation_rad),
        rise_azimuth_deg=rise.azimuth_deg,
        culmination_azimuth_deg=top.azimuth_deg,
        set_azimuth_deg=end.azimuth_deg,
        culmination_range_m=top.range_m,
        sun_elevation_deg=top.sun_elevation_deg,
        night=top.sun_elevation_deg < _NIGHT_BELOW_DEG,
        sunlit=in_sunlight(satellite, found.culmination_tai_ns),
        min_sun_separation_deg=min(row.sun_separation_deg for row in (*looks, top, end)),
    )


def exact_utc(tai_ns: int) -> str:
    """UTC to the millisecond if that says it all, else to the nanosecond."""
    return utc_text(tai_ns, 9 if tai_ns % 1_000_000 else 3)


def _lifted(direction_enu: Vec, range_m: float, refraction: Refraction) -> Vec | None:
    """A direction of straight lines as refraction shows it."""
    azimuth_rad, elevation_rad = azimuth_elevation(direction_enu)
    apparent_rad = refraction.apparent_elevation_rad(elevation_rad, range_m)
    if apparent_rad is None:
        return None
    level = cos(apparent_rad)
    return level * sin(azimuth_rad), level * cos(azimuth_rad), sin(apparent_rad)


def _angle_rad(a: Vec, b: Vec) -> float:
    return atan2(norm(cross(a, b)), dot(a, b))
