"""What is in a partner's way over the sky, and how near it comes: the same for any rows."""

from collections.abc import Iterator
from math import degrees, pi
from typing import NamedTuple

import numpy as np
from msgspec import Struct

from terminal.geometry.light_time import azimuth_elevation
from terminal.geometry.time_scales import SECOND_NS, utc_text
from terminal.plan_course import Look, Stretch, courses, least, stretches_below
from terminal.plan_regard import Limit, Violation
from terminal.plan_sight import moon_enu, sun_enu
from terminal.plan_view import View


class Nearest(Struct, frozen=True):
    """Sun or Moon when the partner is nearest to it."""

    utc: str
    separation_deg: float
    azimuth_deg: float
    """Where it then stands, as the next."""
    elevation_deg: float


class Extremes(Struct, frozen=True):
    """While the partner is in sight, to 0.01 s."""

    highest_utc: str
    max_elevation_deg: float
    highest_azimuth_deg: float
    sun: Nearest
    moon: Nearest
    max_sky_rate_deg_s: float
    max_azimuth_rate_utc: str
    max_azimuth_rate_deg_s: float
    """This and the next without sign."""
    max_azimuth_acceleration_deg_s2: float
    polarization_turn_deg: float | None
    """From least to most, half turns followed through, over the stay with the highest point; None
    where there is no angle."""
    max_polarization_rate_deg_s: float | None


class Sky(NamedTuple):
    """All of a plan's way."""

    courses: list[Stretch]
    """One for each stay over the elevation at which the partner is sought."""
    broken: list[tuple[Limit, Stretch]]
    """Where a limit is violated, by limit and then by time; the horizon is left out."""
    highest: int | None
    """Which course has the highest point."""
    extremes: Extremes | None
    """None: never in sight."""


def survey(view: View, start_ns: int, end_ns: int) -> Sky:
    """Between two TAI times. Raises EphemerisError, RefractionError."""
    found = courses(view, start_ns, end_ns)
    broken: list[tuple[Limit, Stretch]] = []
    for limit in Limit:
        if limit is not Limit.HORIZON:
            broken += [(limit, stretch) for stretch in _over(view, found, limit)]
    if not found:
        return Sky(found, broken, None, None)
    top = least(view, found, lambda at: -at.elevation_rad)
    highest = next(i for i, c in enumerate(found) if c[0].t_ns <= top.t_ns <= c[-1].t_ns)
    return Sky(found, broken, highest, _extremes(view, found, top, found[highest]))


def _over(view: View, found: list[Stretch], limit: Limit) -> Iterator[Stretch]:
    for course in found:
        yield from stretches_below(view, course, lambda at: at.margins[limit])


def violations(sky: Sky) -> list[Violation]:
    """As the plan tells them."""
    return [
        Violation(
            limit,
            utc_text(stretch[0].t_ns),
            utc_text(stretch[-1].t_ns),
            (stretch[-1].t_ns - stretch[0].t_ns) / SECOND_NS,
        )
        for limit, stretch in sky.broken
    ]


def _extremes(view: View, found: list[Stretch], top: Look, course: Stretch) -> Extremes:
    sun = least(view, found, lambda at: at.sun_rad)
    moon = least(view, found, lambda at: at.moon_rad)
    fast = least(view, found, lambda at: -abs(at.motion.azimuth_rate))
    bent = least(view, found, lambda at: -abs(at.motion.azimuth_acceleration))
    swift = least(view, found, lambda at: -at.motion.sky_rate)
    turn_deg, turn_deg_s = _turning(course)
    return Extremes(
        highest_utc=utc_text(top.t_ns),
        max_elevation_deg=degrees(top.elevation_rad),
        highest_azimuth_deg=degrees(top.azimuth_rad),
        sun=_nearest(sun.t_ns, sun.sun_rad, azimuth_elevation(sun_enu(view, sun.t_ns))),
        moon=_nearest(moon.t_ns, moon.moon_rad, azimuth_elevation(moon_enu(view, moon.t_ns))),
        max_sky_rate_deg_s=degrees(swift.motion.sky_rate),
        max_azimuth_rate_utc=utc_text(fast.t_ns),
        max_azimuth_rate_deg_s=degrees(abs(fast.motion.azimuth_rate)),
        max_azimuth_acceleration_deg_s2=degrees(abs(bent.motion.azimuth_acceleration)),
        polarization_turn_deg=turn_deg,
        max_polarization_rate_deg_s=turn_deg_s,
    )


def _nearest(t_ns: int, apart_rad: float, direction: tuple[float, float]) -> Nearest:
    azimuth_rad, elevation_rad = direction
    return Nearest(utc_text(t_ns), degrees(apart_rad), degrees(azimuth_rad), degrees(elevation_rad))


def _turning(course: Stretch) -> tuple[float | None, float | None]:
    """(turn of the polarisation frame in deg, its fastest in deg/s)."""
    times_s, angles = [], []
    for at in course:
        if at.frame_rad is not None:
            times_s.append((at.t_ns - course[0].t_ns) / SECOND_NS)
            angles.append(at.frame_rad)
    if len(angles) < 2:
        return None, None
    # The sign of an axis means nothing.
    followed = np.degrees(np.unwrap(angles, period=pi))
    rates = np.diff(followed) / np.diff(times_s)
    return float(np.ptp(followed)), float(np.max(np.abs(rates)))
