"""The way of a partner over the sky, as a picture: what is in its way, and when it is where."""

from collections.abc import Sequence
from math import atan2, ceil, cos, degrees, hypot, radians, sin
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from matplotlib.projections.polar import PolarAxes
from numpy.typing import NDArray

from terminal.geometry.time_scales import SECOND_NS, utc_text
from terminal.geometry.vector import Vec, cross, norm, unit
from terminal.output import save_plot
from terminal.plan_answer import Limits, PlanAnswer
from terminal.plan_course import Stretch
from terminal.plan_regard import Limit, keyhole_radius_deg
from terminal.plan_sky import Nearest, Sky

_MOST_MARKS = 9
_MARKS_EVERY_S = (1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200, 14400)
_LABEL_POINTS = 15.0
_MOTION_S = 0.5
"""Over so much before and after a mark its direction of motion is taken."""
_WAY = "tab:blue"
_STATES = (
    (Limit.PITCH, "tab:brown", "out of pitch range"),
    (Limit.SUN_AVOIDANCE, "tab:red", "too near to the Sun"),
    (Limit.SUN_KEEP_OUT, "tab:orange", "shutter shut for the Sun"),
    (Limit.MOON, "tab:gray", "shutter shut for the Moon"),
    (Limit.KEYHOLE, "tab:purple", "keyhole"),
)
"""How the way is drawn where a limit is violated: the first that is."""


def draw(answer: PlanAnswer, sky: Sky, file: Path) -> None:
    """A sky plot, azimuth clockwise from north at the top, the zenith in the middle.

    Raises InputError for a file that cannot be written or a kind of picture that is not known.
    """
    rows, extremes, limits = answer.rows, answer.extremes, answer.limits
    figure = Figure(figsize=(7.2, 7.9))
    axes = PolarAxes(figure, (0.09, 0.12, 0.82, 0.76))
    figure.add_axes(axes)
    axes.set(theta_zero_location="N", theta_direction=-1, rlim=(0.0, 90.0))
    axes.set_rgrids([30.0, 60.0, 90.0], ["60", "30", ""], color="0.5", fontsize=8)
    axes.set_thetagrids([0.0, 90.0, 180.0, 270.0], ["N", "E", "S", "W"])
    axes.grid(color="0.85")
    if extremes is not None:
        sun = [(row.sun_azimuth_deg, row.sun_elevation_deg) for row in rows]
        moon = [(row.moon_azimuth_deg, row.moon_elevation_deg) for row in rows]
        _body(axes, sun, "Sun", extremes.sun, limits)
        _body(axes, moon, "Moon", extremes.moon, limits)
        _keyhole(axes, limits.yaw_rate_deg_s, extremes.max_sky_rate_deg_s)
        # The rings' labels on the side of the sky that the partner leaves free.
        axes.set_rlabel_position(extremes.highest_azimuth_deg + 180.0)
    _way(axes, sky)
    _times(axes, sky)
    end_utc = utc_text(sky.courses[-1][-1].t_ns) if sky.courses else rows[-1].utc
    axes.set_title(
        f"{_name(answer)}\n{rows[0].utc[:19].replace('T', ' ')} to {end_utc[11:19]} UTC",
        fontsize=11,
    )
    if extremes is not None:
        axes.legend(
            loc="upper center", bbox_to_anchor=(0.5, -0.04), ncols=3, frameon=False, fontsize=9
        )
    save_plot(figure, file)


def _name(answer: PlanAnswer) -> str:
    if answer.scenario:
        return f"{answer.satellite}, {answer.scenario}"
    return f"{answer.satellite}, limits of {answer.terminal}"


def _way(axes: PolarAxes, sky: Sky) -> None:
    """Every course, and over it where a limit is violated, from crossing to crossing."""
    drawn = set()

    def line(stretch: Stretch, color: str, label: str, zorder: float) -> None:
        axes.plot(
            *_points([(degrees(at.azimuth_rad), degrees(at.elevation_rad)) for at in stretch]),
            color=color,
            linewidth=2.5,
            solid_capstyle="butt",
            label=None if label in drawn else label,
            zorder=zorder,
        )
        drawn.add(label)

    for course in sky.courses:
        line(course, _WAY, "partner", 3.0)
    for rank, (limit, color, label) in enumerate(_STATES):
        for violated, stretch in sky.broken:
            if violated is limit:
                line(stretch, color, label, 3.5 - 0.01 * rank)


def _times(axes: PolarAxes, sky: Sky) -> None:
    """Marks at round times, labels beside the way."""
    courses = [course for course in sky.courses if len(course) > 1]
    if not courses:
        return
    first_ns, last_ns = courses[0][0].t_ns, courses[-1][-1].t_ns
    span_s = (last_ns - first_ns) / SECOND_NS
    every_s = next((s for s in _MARKS_EVERY_S if span_s / s <= _MOST_MARKS), _MARKS_EVERY_S[-1])
    # Counted from the first midnight: a leap second would shift the marks, and harm nobody.
    first_s = _second_of_day(utc_text(first_ns))
    midnight_s = first_ns / SECOND_NS - first_s
    for number in range(ceil(first_s / every_s), int((first_s + span_s) / every_s) + 1):
        since_s = number * every_s
        for course in courses:
            _mark(axes, course, midnight_s + since_s, _clock(since_s, every_s))


def _mark(axes: PolarAxes, course: Stretch, time_s: float, label: str) -> None:
    """A point where a course is at a time, with a label to the right of the motion: all labels
    stay on one side of the way. Nothing where the course is elsewhere, or under the horizon."""
    times_s = np.array([at.t_ns / SECOND_NS for at in course])
    if not times_s[0] <= time_s <= times_s[-1]:
        return
    vectors = np.array(
        [_vector(degrees(at.azimuth_rad), degrees(at.elevation_rad)) for at in course]
    )
    # At the end of a course the motion is that up to it.
    near_s = [max(time_s - _MOTION_S, times_s[0]), time_s, min(time_s + _MOTION_S, times_s[-1])]
    before, here, after = (
        _flat([float(np.interp(at_s, times_s, column)) for column in vectors.T]) for at_s in near_s
    )
    if before is None or here is None or after is None:
        return
    dx, dy = after[0] - before[0], after[1] - before[1]
    length = hypot(dx, dy) or 1.0
    beside = _LABEL_POINTS * dy / length, -_LABEL_POINTS * dx / length
    place = atan2(*here), hypot(*here)
    axes.plot(*place, "o", color="black", markersize=3.5, zorder=4)
    axes.annotate(
        label,
        place,
        xytext=beside,
        textcoords="offset points",
        fontsize=8,
        ha="left" if beside[0] > 4 else "right" if beside[0] < -4 else "center",
        va="center",
        zorder=5,
    )


def _clock(since_midnight_s: int, every_s: int) -> str:
    hours, seconds = divmod(since_midnight_s % 86_400, 3600)
    text = f"{hours:02d}:{seconds // 60:02d}"
    return text if every_s >= 60 else f"{text}:{seconds % 60:02d}"


def _second_of_day(utc: str) -> float:
    hours, minutes, seconds = utc[11:].removesuffix("Z").split(":")
    return 3600.0 * float(hours) + 60.0 * float(minutes) + float(seconds)


def _vector(azimuth_deg: float, elevation_deg: float) -> Vec:
    """East, north, up."""
    azimuth_rad, elevation_rad = radians(azimuth_deg), radians(elevation_deg)
    level = cos(elevation_rad)
    return level * sin(azimuth_rad), level * cos(azimuth_rad), sin(elevation_rad)


def _flat(direction_enu: Sequence[float]) -> tuple[float, float] | None:
    """On the picture, right and up, in degrees from the zenith; None under the horizon."""
    e, n, u = direction_enu
    if u < 0.0:
        return None
    level = hypot(e, n)
    from_zenith = degrees(atan2(level, u))
    return (from_zenith * e / level, from_zenith * n / level) if level else (0.0, 0.0)


def _body(
    axes: PolarAxes, way: Sequence[tuple[float, float]], name: str, near: Nearest, limits: Limits
) -> None:
    """Sun or Moon where it stands when the partner is nearest, with its circles; both may lie
    partly under the horizon. way: its (azimuth, elevation) in degrees by the rows."""
    azimuth_deg, elevation_deg = near.azimuth_deg, near.elevation_deg
    if name == "Sun":
        color, size, edge = "gold", 13.0, "darkorange"
        circles = [(limits.sun_deg, "-"), (limits.sun_avoidance_deg, "--")]
    else:
        color, size, edge = "silver", 10.0, "0.5"
        circles = [(limits.moon_deg, "-")]
    if len(way) > 1:
        axes.plot(*_points(way), color=color, linewidth=1.0)
    for radius_deg, style in circles:
        circle = _circle(azimuth_deg, elevation_deg, radius_deg)
        axes.plot(*_points(circle), style, color=edge, linewidth=1.0)
    if elevation_deg >= 0.0:
        axes.plot(
            radians(azimuth_deg),
            90.0 - elevation_deg,
            "o",
            color=color,
            markersize=size,
            markeredgecolor="0.4",
            linestyle="none",
            label=f"{name}, nearest {near.separation_deg:.1f} deg",
            zorder=2,
        )


def _circle(
    azimuth_deg: float, elevation_deg: float, radius_deg: float
) -> list[tuple[float, float]]:
    """(azimuth, elevation) in degrees of a circle on the sphere about a direction."""
    middle = _vector(azimuth_deg, elevation_deg)
    sideways = cross(middle, (0.0, 0.0, 1.0))
    right = unit(sideways) if norm(sideways) > 1e-9 else (1.0, 0.0, 0.0)
    up = cross(right, middle)
    c, s = cos(radians(radius_deg)), sin(radians(radius_deg))
    points = []
    for turn in np.linspace(0.0, 2.0 * np.pi, 181).tolist():
        e, n, u = (
            c * m + s * (cos(turn) * r + sin(turn) * a)
            for m, r, a in zip(middle, right, up, strict=True)
        )
        points.append((degrees(atan2(e, n)), degrees(atan2(u, hypot(e, n)))))
    return points


def _keyhole(axes: PolarAxes, yaw_limit_deg_s: float, sky_rate_deg_s: float) -> None:
    """About the zenith, for the partner at its fastest."""
    radius_deg = keyhole_radius_deg(yaw_limit_deg_s, sky_rate_deg_s)
    turn = np.linspace(0.0, 2.0 * np.pi, 91)
    axes.fill(
        turn,
        np.full_like(turn, radius_deg),
        color="tab:purple",
        alpha=0.3,
        linewidth=0.8,
        label=f"keyhole, {radius_deg:.1f} deg about the zenith",
    )


def _points(
    directions_deg: Sequence[tuple[float, float]],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(azimuth in rad, degrees from the zenith), with a gap under the horizon."""
    azimuth_deg, elevation_deg = np.array(directions_deg, np.float64).T
    return np.radians(azimuth_deg), np.where(elevation_deg >= 0.0, 90.0 - elevation_deg, np.nan)
