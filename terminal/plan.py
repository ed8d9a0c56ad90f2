"""What a terminal will see of its partner, step by step."""

from collections.abc import Iterable
from math import degrees

from terminal.control.guidance.keep_out import separation_rad
from terminal.geometry.earth import inertial_velocity
from terminal.geometry.light_time import azimuth_elevation, point_ahead_rad
from terminal.geometry.time_scales import utc_text
from terminal.geometry.vector import cross, norm, subtract, unit
from terminal.plan_motion import motion
from terminal.plan_regard import margins, violated
from terminal.plan_row import PlanRow
from terminal.plan_sight import frame_rad, moon_enu, seen, sighted, sun_enu
from terminal.plan_view import View


def plan_rows(view: View, times_tai_ns: Iterable[int]) -> list[PlanRow]:
    """A row for each TAI time.

    With refraction, arriving and launched light are bent each by its colour; where one would have
    to pass under the horizontal, both directions stay those of straight lines. Range, light time,
    Doppler and rates stay those of the vacuum (the air adds 2.4 m of optical path at the zenith).

    Raises EphemerisError where the ephemeris has no answer, RefractionError for a partner inside
    the atmosphere.
    """
    return [_row(view, t_ns) for t_ns in times_tai_ns]


def _row(view: View, t_ns: int) -> PlanRow:
    solution = sighted(view, t_ns)
    sun, moon = sun_enu(view, t_ns), moon_enu(view, t_ns)
    sun_rad, moon_rad = (separation_rad(solution.los_enu, body) for body in (sun, moon))
    moving = motion(view, t_ns, solution.los_enu)
    rates = moving.azimuth_rate, moving.azimuth_acceleration
    sigma_m, sigma_urad = _sigmas(view, t_ns, solution.range_m)
    los, launch = seen(view, solution)
    frame = frame_rad(view, t_ns, los)
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
        sky_rate_deg_s=degrees(moving.sky_rate),
        azimuth_rate_deg_s=degrees(moving.azimuth_rate),
        elevation_rate_deg_s=degrees(moving.elevation_rate),
        azimuth_acceleration_deg_s2=degrees(moving.azimuth_acceleration),
        elevation_acceleration_deg_s2=degrees(moving.elevation_acceleration),
        field_of_regard=violated(
            margins(view.gimbal, view.keep_out, elevation_rad, *rates, sun_rad, moon_rad)
        ),
        polarization_frame_deg=None if frame is None else degrees(frame),
        ephemeris_sigma_m=sigma_m,
        ephemeris_sigma_urad=sigma_urad,
    )


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
