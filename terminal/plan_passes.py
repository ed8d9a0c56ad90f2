"""What a terminal at rest on the Earth will see of a satellite, pass by pass."""

from math import degrees

from msgspec import Struct

from terminal.control.guidance.keep_out import separation_rad
from terminal.geometry.earth import Geodetic
from terminal.geometry.ephemeris import Ephemeris
from terminal.geometry.light_time import azimuth_elevation
from terminal.geometry.passes import Pass, find_passes
from terminal.geometry.sun import in_sunlight
from terminal.geometry.time_scales import SECOND_NS, utc_text
from terminal.plan_sight import sighted, sun_enu
from terminal.plan_view import Standing, View

_NIGHT_BELOW_DEG = -12.0
"""Sun's elevation at the end of nautical twilight."""
_MOST_LOOKS = 600
"""At the Sun in one pass."""


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
    view = View(Standing(site), ephemeris)
    return [_pass_row(view, one) for one in found]


def _pass_row(view: View, found: Pass) -> PassRow:
    rise_ns, top_ns, set_ns = found.rise_tai_ns, found.culmination_tai_ns, found.set_tai_ns
    rise, top, end = (sighted(view, t_ns) for t_ns in (rise_ns, top_ns, set_ns))
    sun_elevation_deg = degrees(azimuth_elevation(sun_enu(view, top_ns))[1])
    step_ns = max(SECOND_NS, (set_ns - rise_ns) // _MOST_LOOKS)
    nearest_rad = min(
        separation_rad(sighted(view, t_ns).los_enu, sun_enu(view, t_ns))
        for t_ns in (*range(rise_ns, set_ns, step_ns), top_ns, set_ns)
    )
    satellite, _ = view.partner.state_ecef(top_ns)
    return PassRow(
        rise_utc=utc_text(rise_ns),
        culmination_utc=utc_text(top_ns),
        set_utc=utc_text(set_ns),
        duration_s=(set_ns - rise_ns) * 1e-9,
        max_elevation_deg=degrees(found.max_elevation_rad),
        rise_azimuth_deg=degrees(azimuth_elevation(rise.los_enu)[0]),
        culmination_azimuth_deg=degrees(azimuth_elevation(top.los_enu)[0]),
        set_azimuth_deg=degrees(azimuth_elevation(end.los_enu)[0]),
        culmination_range_m=top.range_m,
        sun_elevation_deg=sun_elevation_deg,
        night=sun_elevation_deg < _NIGHT_BELOW_DEG,
        sunlit=in_sunlight(satellite, top_ns),
        min_sun_separation_deg=degrees(nearest_rad),
    )
