"""When the terminal flies: the window that a mission asks for, found from the ephemeris."""

import math
from typing import NamedTuple

from config.errors import InputError
from config.mission import FixedWindow, Mission, PassWindow, SatellitePartner
from terminal.geometry.ephemeris import Ephemeris, EphemerisError
from terminal.geometry.passes import Pass, find_passes
from terminal.geometry.sun import sun_elevation_rad
from terminal.geometry.time_scales import DAY_NS, SECOND_NS, tai_ns_from_utc, utc_text
from terminal.geometry.tle import parse_tle
from terminal.mission_ephemeris import partner_ephemeris

_MARGIN_NS = SECOND_NS
"""The prediction looks this far beyond the window at most: light time, and a span for rates."""

_LOOK_EVERY_NS = 10 * SECOND_NS
"""Between two checks that there is a position: a decaying orbit dips under the ground, and a file
may have a gap. What is shorter than this is left to the flight, which then has no prediction."""


class Window(NamedTuple):
    """From start to end, TAI ns."""

    start_tai_ns: int
    end_tai_ns: int

    @property
    def duration_s(self) -> float:
        return (self.end_tai_ns - self.start_tai_ns) * 1e-9


def _utc(text: str, key: str) -> int:
    try:
        return tai_ns_from_utc(text)
    except ValueError as error:
        raise InputError(f"{key}: {error}") from error


def _checked_ephemeris(mission: Mission, start_ns: int, span: Window) -> Ephemeris:
    """The partner's ephemeris; of elements, such as are good over the whole span.

    Raises InputError.
    """
    partner = mission.partner
    ephemeris = partner_ephemeris(mission, start_ns)
    if not isinstance(partner, SatellitePartner) or partner.ephemeris is not None:
        return ephemeris
    epoch_ns = parse_tle(*partner.tle).epoch_tai_ns
    far_ns = max(abs(t - epoch_ns) for t in span) + _MARGIN_NS
    if far_ns > partner.useful_days * DAY_NS:
        raise InputError(
            f"mission.window: {utc_text(span.start_tai_ns)} to {utc_text(span.end_tai_ns)} "
            f"is {far_ns / DAY_NS:.1f} days from the elements' epoch "
            f"{utc_text(epoch_ns)}; they are good for {partner.useful_days:g} "
            "days (mission.partner.useful_days): use newer elements"
        )
    return ephemeris


def _usable(found: Pass) -> Window:
    """The whole seconds of a pass; empty for one that holds none."""
    return Window(
        -(-found.rise_tai_ns // SECOND_NS) * SECOND_NS, found.set_tai_ns // SECOND_NS * SECOND_NS
    )


def resolve_window(mission: Mission) -> Window:
    """The span to fly: the one given, or the whole seconds of the best pass.

    Raises:
        InputError: elements that are broken or too far from their epoch, an ephemeris that ends
            within a second of the span, a time that is none, an empty span, or no pass that fits.
    """
    wanted, partner = mission.window, mission.partner
    if isinstance(wanted, FixedWindow):
        start = _utc(wanted.start_utc, "mission.window.start_utc")
        span = Window(start, start + round(wanted.duration_s * 1e9))
    else:
        start = _utc(wanted.search_start_utc, "mission.window.search_start_utc")
        span = Window(start, start + round(wanted.search_days * DAY_NS))
    if span.end_tai_ns <= span.start_tai_ns:
        raise InputError("mission.window: ends where it starts: make it longer")
    if not isinstance(partner, SatellitePartner):
        if isinstance(wanted, FixedWindow):
            return span
        raise InputError("mission.window.kind: best_pass needs a partner of kind satellite")
    ephemeris = _checked_ephemeris(mission, start, span)
    try:
        if not isinstance(wanted, FixedWindow):
            span = _best_pass(mission, wanted, ephemeris, span)
        _check_served(ephemeris, span)
        return span
    except EphemerisError as error:
        source = "tle" if partner.ephemeris is None else "ephemeris"
        raise InputError(f"mission.partner.{source}: {error}") from error


def _check_served(ephemeris: Ephemeris, span: Window) -> None:
    """Raises EphemerisError without a position for all that a flight asks for."""
    first_ns, last_ns = span.start_tai_ns - _MARGIN_NS, span.end_tai_ns + _MARGIN_NS
    for t_ns in (*range(first_ns, last_ns, _LOOK_EVERY_NS), last_ns):
        ephemeris.state_ecef(t_ns)


def _best_pass(mission: Mission, wanted: PassWindow, ephemeris: Ephemeris, span: Window) -> Window:
    """The whole seconds of the highest pass. Raises InputError without one."""
    latitude = math.radians(mission.track.latitude_deg)
    longitude = math.radians(mission.track.longitude_deg)
    found = find_passes(
        ephemeris,
        latitude,
        longitude,
        mission.track.altitude_m,
        span.start_tai_ns,
        span.end_tai_ns,
        math.radians(wanted.min_elevation_deg),
    )
    found = [p for p in found if _usable(p).duration_s > 0.0]
    dark = [
        p
        for p in found
        if wanted.sun_below_deg is None
        or sun_elevation_rad(p.culmination_tai_ns, latitude, longitude)
        < math.radians(wanted.sun_below_deg)
    ]
    if not dark:
        raise InputError(
            f"mission.window: no pass over {wanted.min_elevation_deg:g} degrees"
            + (f" by night (of {len(found)} in all)" if found else "")
            + f" from {utc_text(span.start_tai_ns)} in {wanted.search_days:g} days; "
            "widen search_days or lower min_elevation_deg"
        )
    return _usable(max(dark, key=lambda p: p.max_elevation_rad))
