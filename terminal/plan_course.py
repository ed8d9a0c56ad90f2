"""The way of a partner over the sky, whatever the rows of a plan: on a grid of its own, which is
fine where the partner is fast or near the zenith, and cut where it comes into sight and leaves."""

from collections.abc import Callable
from math import pi, radians
from typing import NamedTuple

from terminal.control.guidance.keep_out import separation_rad
from terminal.geometry.light_time import azimuth_elevation
from terminal.geometry.time_scales import SECOND_NS
from terminal.geometry.vector import norm, subtract
from terminal.plan_crossings import spans_below, turning_ns
from terminal.plan_motion import Motion, motion
from terminal.plan_regard import Limit, margins
from terminal.plan_sight import frame_rad, moon_enu, seen, sighted, sun_enu
from terminal.plan_view import View

_LARGEST_RAD = radians(0.5)
"""Between two looks. A circle that is touched by less is found by its turning point."""
_SHARE_OF_ZENITH = 0.2
"""A step is so much of the distance to the zenith: the azimuth turns by 11 degrees at most."""
_SHORTEST_S, _LONGEST_S = 0.05, 60.0
_SLOWEST_SEARCH_S = 1.0
"""Step at which a rise or a set is looked for."""


class Look(NamedTuple):
    """At one time."""

    t_ns: int
    azimuth_rad: float
    """This and the next of the arriving light, as the air shows it."""
    elevation_rad: float
    sun_rad: float
    """This and the next: separation, without refraction."""
    moon_rad: float
    motion: Motion
    frame_rad: float | None
    """Of polarisation, in (-pi/2, pi/2]."""
    margins: dict[Limit, float]


Stretch = list[Look]
"""Successive looks; the first and the last lie where it begins and ends."""


def look(view: View, t_ns: int) -> Look:
    """At a TAI time. Raises EphemerisError, RefractionError."""
    solution = sighted(view, t_ns)
    sun_rad = separation_rad(solution.los_enu, sun_enu(view, t_ns))
    moon_rad = separation_rad(solution.los_enu, moon_enu(view, t_ns))
    moving = motion(view, t_ns, solution.los_enu)
    los, _ = seen(view, solution)
    azimuth_rad, elevation_rad = azimuth_elevation(los)
    rates = moving.azimuth_rate, moving.azimuth_acceleration
    return Look(
        t_ns,
        azimuth_rad,
        elevation_rad,
        sun_rad,
        moon_rad,
        moving,
        frame_rad(view, t_ns, los),
        margins(view.gimbal, view.keep_out, elevation_rad, *rates, sun_rad, moon_rad),
    )


def courses(view: View, start_ns: int, end_ns: int) -> list[Stretch]:
    """Each stay of the partner over the elevation at which it is sought, between two TAI times.

    Raises EphemerisError, RefractionError.
    """

    def under_rad(t_ns: int) -> float:
        _, elevation_rad = azimuth_elevation(seen(view, sighted(view, t_ns))[0])
        return view.keep_out.horizon_rad - elevation_rad

    knots = [(start_ns, under_rad(start_ns))]
    while (t_ns := knots[-1][0]) < end_ns:
        # At the present speed over half of the angle to the horizon the partner cannot be there.
        step_s = max(0.5 * abs(knots[-1][1]) / _fastest_rad_s(view, t_ns), _SLOWEST_SEARCH_S)
        t_ns = min(t_ns + _step_ns(step_s), end_ns)
        knots.append((t_ns, under_rad(t_ns)))
    return [_course(view, *ends) for ends in spans_below(knots, under_rad)]


def _course(view: View, from_ns: int, to_ns: int) -> Stretch:
    found = [look(view, from_ns)]
    while (here := found[-1]).t_ns < to_ns:
        angle_rad = min(_LARGEST_RAD, _SHARE_OF_ZENITH * abs(0.5 * pi - here.elevation_rad))
        step_ns = _step_ns(angle_rad / _fastest_rad_s(view, here.t_ns))
        found.append(look(view, min(here.t_ns + step_ns, to_ns)))
    return found


def _fastest_rad_s(view: View, t_ns: int) -> float:
    """What the line of sight turns by at most, at the present speed and range."""
    (here, moving), (there, going) = view.own.state_ecef(t_ns), view.partner.state_ecef(t_ns)
    return max(norm(subtract(going, moving)) / norm(subtract(there, here)), 1e-9)


def _step_ns(step_s: float) -> int:
    return round(min(max(step_s, _SHORTEST_S), _LONGEST_S) * SECOND_NS)


def stretches_below(view: View, course: Stretch, value: Callable[[Look], float]) -> list[Stretch]:
    """Where a value of the looks is under 0, with ends that are good to 0.01 s."""

    def at(t_ns: int) -> float:
        return value(look(view, t_ns))

    found = []
    for from_ns, to_ns in spans_below([(one.t_ns, value(one)) for one in course], at):
        between = [one for one in course if from_ns < one.t_ns < to_ns]
        found.append([look(view, from_ns), *between, look(view, to_ns)])
    return found


def least(view: View, courses: list[Stretch], value: Callable[[Look], float]) -> Look:
    """The look at which a value is least, in time good to 0.01 s. At least one course."""
    best: Look | None = None
    for course in courses:
        n = min(range(len(course)), key=lambda i: value(course[i]))
        ends = course[max(n - 1, 0)].t_ns, course[min(n + 1, len(course) - 1)].t_ns
        turn = look(view, turning_ns(lambda t_ns: value(look(view, t_ns)), *ends))
        for one in (course[n], turn):
            if best is None or value(one) < value(best):
                best = one
    assert best is not None
    return best
