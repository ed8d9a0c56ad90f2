"""The way of a partner over the sky, as a picture: what is in its way, and when it is where."""

from collections.abc import Iterator, Sequence
from itertools import groupby
from math import atan2, ceil, cos, degrees, hypot, radians, sin
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from matplotlib.projections.polar import PolarAxes
from numpy.typing import NDArray

from config.errors import InputError
from terminal.geometry.time_scales import SECOND_NS, tai_ns_from_utc
from terminal.geometry.vector import Vec, cross, norm, unit
from terminal.plan import PlanRow
from terminal.plan_answer import PlanAnswer
from terminal.plan_regard import Limit, keyhole_radius_deg

_MOST_MARKS = 9
_MARKS_EVERY_S = (1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200, 14400)
_LABEL_POINTS = 15.0
_WAY = "tab:blue"
_STATES = (
    (Limit.PITCH, "tab:brown", "out of pitch range"),
    (Limit.SUN_AVOIDANCE, "tab:red", "too near to the Sun"),
    (Limit.SUN_KEEP_OUT, "tab:orange", "shutter shut for the Sun"),
    (Limit.MOON, "tab:gray", "shutter shut for the Moon"),
    (Limit.KEYHOLE, "tab:purple", "keyhole"),
)
"""How the way is drawn where a limit is violated: the first that is."""


def draw(answer: PlanAnswer, file: Path) -> None:
    """A sky plot, azimuth clockwise from north at the top, the zenith in the middle.

    Raises InputError for a file that cannot be written or a kind of picture that is not known.
    """
    rows = answer.rows
    figure = Figure(figsize=(7.2, 7.9))
    axes = PolarAxes(figure, (0.09, 0.12, 0.82, 0.76))
    figure.add_axes(axes)
    axes.set(theta_zero_location="N", theta_direction=-1, rlim=(0.0, 90.0))
    axes.set_rgrids([30.0, 60.0, 90.0], ["60", "30", ""], color="0.5", fontsize=8)
    axes.set_thetagrids([0.0, 90.0, 180.0, 270.0], ["N", "E", "S", "W"])
    axes.grid(color="0.85")
    _body(axes, rows, "Sun", answer)
    _body(axes, rows, "Moon", answer)
    up = [row for row in rows if row.elevation_deg >= 0.0]
    if up:
        _keyhole(axes, up, answer)
        # The rings' labels on the side of the sky that the partner leaves free.
        axes.set_rlabel_position(max(up, key=lambda row: row.elevation_deg).azimuth_deg + 180.0)
    _way(axes, rows)
    _times(axes, rows)
    axes.set_title(
        f"{_name(answer)}\n{rows[0].utc[:19].replace('T', ' ')} to {rows[-1].utc[11:19]} UTC",
        fontsize=11,
    )
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.04), ncols=3, frameon=False, fontsize=9)
    try:
        figure.savefig(file, dpi=120)
    except OSError as error:
        raise InputError(f"--plot: {file}: cannot write: {error.strerror}") from error
    except ValueError as error:
        raise InputError(f"--plot: {file}: {error}") from error


def _name(answer: PlanAnswer) -> str:
    if answer.scenario:
        return f"{answer.satellite}, {answer.scenario}"
    return f"{answer.satellite}, limits of {answer.terminal}"


def _way(axes: PolarAxes, rows: Sequence[PlanRow]) -> None:
    """Stretches of one state, each up to where the next begins."""
    drawn = set()
    for state, stretch in _stretches(rows):
        color, label = _WAY, "partner"
        for limit, its_color, its_label in _STATES:
            if limit is state:
                color, label = its_color, its_label
        points = _points([(row.azimuth_deg, row.elevation_deg) for row in stretch])
        axes.plot(
            *points,
            color=color,
            linewidth=2.5,
            solid_capstyle="round",
            marker="." if len(stretch) == 1 else None,
            label=None if label in drawn else label,
            zorder=3,
        )
        drawn.add(label)


def _stretches(rows: Sequence[PlanRow]) -> Iterator[tuple[Limit | None, list[PlanRow]]]:
    indexed = list(enumerate(rows))
    for state, group in groupby(indexed, key=lambda pair: _state(pair[1])):
        if state is Limit.HORIZON:
            continue
        members = list(group)
        after = members[-1][0] + 1
        stretch = [row for _, row in members]
        if after < len(rows) and rows[after].elevation_deg >= 0.0:
            stretch.append(rows[after])
        yield state, stretch


def _state(row: PlanRow) -> Limit | None:
    if row.elevation_deg < 0.0:
        return Limit.HORIZON
    return next((limit for limit, _, _ in _STATES if limit in row.field_of_regard), None)


def _times(axes: PolarAxes, rows: Sequence[PlanRow]) -> None:
    """Marks at round times, labels beside the way."""
    up = [row for row in rows if row.elevation_deg >= 0.0]
    if len(up) < 2:
        return
    times_s = np.array([tai_ns_from_utc(row.utc) / SECOND_NS for row in rows])
    first_s, last_s = (tai_ns_from_utc(row.utc) / SECOND_NS for row in (up[0], up[-1]))
    wanted = (s for s in _MARKS_EVERY_S if (last_s - first_s) / s <= _MOST_MARKS)
    every_s = next(wanted, _MARKS_EVERY_S[-1])
    vectors = np.array([_vector(row.azimuth_deg, row.elevation_deg) for row in rows])
    # Counted from the first midnight: a leap second would shift the marks, and harm nobody.
    midnight_s = times_s[0] - _second_of_day(rows[0].utc)
    number = ceil((first_s - midnight_s) / every_s)
    while midnight_s + number * every_s <= last_s:
        since_s = number * every_s
        number += 1
        here, after = (
            _flat([float(np.interp(midnight_s + at, times_s, column)) for column in vectors.T])
            for at in (since_s, since_s + 0.01 * every_s)
        )
        if here is None or after is None:
            continue
        dx, dy = after[0] - here[0], after[1] - here[1]
        length = hypot(dx, dy) or 1.0
        # To the right of the motion: all labels stay on one side of the way.
        beside = _LABEL_POINTS * dy / length, -_LABEL_POINTS * dx / length
        place = atan2(*here), hypot(*here)
        hours, seconds = divmod(since_s % 86_400, 3600)
        label = f"{hours:02d}:{seconds // 60:02d}"
        axes.plot(*place, "o", color="black", markersize=3.5, zorder=4)
        axes.annotate(
            label if every_s >= 60 else f"{label}:{seconds % 60:02d}",
            place,
            xytext=beside,
            textcoords="offset points",
            fontsize=8,
            ha="left" if beside[0] > 4 else "right" if beside[0] < -4 else "center",
            va="center",
            zorder=5,
        )


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


def _body(axes: PolarAxes, rows: Sequence[PlanRow], name: str, answer: PlanAnswer) -> None:
    """Sun or Moon where it stands when the partner is nearest, with its circles; both may lie
    partly under the horizon."""
    prefix = name.lower()

    def at(row: PlanRow) -> tuple[float, float]:
        return getattr(row, f"{prefix}_azimuth_deg"), getattr(row, f"{prefix}_elevation_deg")

    up = [row for row in rows if row.elevation_deg >= 0.0] or list(rows)
    near = min(up, key=lambda row: getattr(row, f"{prefix}_separation_deg"))
    azimuth_deg, elevation_deg = at(near)
    keep_out = answer.keep_out_deg
    if name == "Sun":
        color, size, edge = "gold", 13.0, "darkorange"
        circles = [(keep_out.sun, "-"), (keep_out.sun_avoidance, "--")]
    else:
        color, size, edge = "silver", 10.0, "0.5"
        circles = [(keep_out.moon, "-")]
    if len(rows) > 1:
        axes.plot(*_points([at(row) for row in rows]), color=color, linewidth=1.0)
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
            label=f"{name}, nearest {getattr(near, f'{prefix}_separation_deg'):.1f} deg",
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


def _keyhole(axes: PolarAxes, up: Sequence[PlanRow], answer: PlanAnswer) -> None:
    """About the zenith, for the partner at its fastest."""
    rate_deg_s = max(row.sky_rate_deg_s for row in up)
    radius_deg = keyhole_radius_deg(answer.keep_out_deg.yaw_rate_deg_s, rate_deg_s)
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
