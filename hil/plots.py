"""Figures of the pass and of its pointing, each a pure function: columns in, figure out.

Everywhere: ink is the truth, blue what the terminal believes, dashed what theory says.
"""

import math
from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.projections.polar import PolarAxes

from hil.plot_series import (
    BINS,
    Array,
    Course,
    binned,
    mode_at,
    true_spans,
)
from hil.plot_style import (
    AHEAD,
    FONT_PT,
    GIMBAL,
    GRID,
    INK,
    LIMIT,
    MODE_COLORS,
    MUTED,
    OWN,
    WIDTH_IN,
    from_zero,
    legend,
    limit,
    line,
    log_scale,
    mode_bars,
    panels,
    truth_below,
)
from hil.report_data import Table
from terminal.timetags.recovery import LOCKED

_MARK_APART_DEG = 10.0
_NICE_S = (1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1200, 1800, 3600)


def sky_track(course: Course, truth: Table) -> Figure:
    """Azimuth and elevation of the partner; zenith in the middle, north up, east right."""
    height_in = 3.55
    figure = Figure(figsize=(WIDTH_IN, height_in))
    size_in = height_in - 0.6
    axes = PolarAxes(
        figure, (0.3 / WIDTH_IN, 0.3 / height_in, size_in / WIDTH_IN, size_in / height_in)
    )
    figure.add_axes(axes)
    axes.patch.set_visible(False)
    axes.set_theta_zero_location("N")
    axes.set_theta_direction(-1)
    axes.set_ylim(0.0, 90.0)
    axes.set_yticks([30, 60], ["60°", "30°"])
    axes.set_xticks(np.radians(range(0, 360, 45)), ["N", "NE", "E", "SE", "S", "SW", "W", "NW"])
    axes.tick_params(labelsize=FONT_PT, labelcolor=MUTED, pad=0)
    axes.grid(True, color=GRID, linewidth=0.6)
    axes.spines["polar"].set_color(MUTED)
    axes.spines["polar"].set_linewidth(0.6)

    t_s, azimuth = truth.t_s, truth["azimuth_rad"]
    zenith_deg = 90.0 - np.degrees(truth["elevation_rad"])
    zenith_deg[~(zenith_deg <= 90.0)] = np.nan
    # The names of the rings on the side where the track is not.
    side = np.nansum(zenith_deg * np.exp(1j * azimuth))
    axes.set_rlabel_position(math.degrees(float(np.angle(-side))))
    handles = []
    step = max(1, len(t_s) // (2 * BINS))
    for mode, color in MODE_COLORS.items():
        here = mode_at(t_s, course, mode) > 0
        if here.any():
            along = np.where(here, zenith_deg, np.nan)[::step]
            axes.plot(azimuth[::step], along, color=color, linewidth=2.6, solid_capstyle="butt")
            handles.append(Line2D([], [], color=color, linewidth=2.6, label=mode))
    _time_marks(axes, t_s, azimuth, zenith_deg, course.duration_s)
    if handles:
        figure.legend(
            handles=handles,
            loc="center left",
            bbox_to_anchor=((size_in + 0.85) / WIDTH_IN, 0.5),
            frameon=False,
            fontsize=FONT_PT,
            labelcolor=INK,
            title="mode",
            title_fontproperties={"size": FONT_PT},
            alignment="left",
        ).get_title().set_color(MUTED)
    return figure


def _time_marks(
    axes: Axes, t_s: Array, azimuth_rad: Array, zenith_deg: Array, duration_s: float
) -> None:
    """Dots along the track with their seconds beside it, as many as do not touch."""
    step_s = next((s for s in _NICE_S if duration_s / s <= 8), _NICE_S[-1])
    at = np.searchsorted(t_s, np.arange(0.0, duration_s, step_s))
    at = at[at < len(t_s) - 1]
    x, y = zenith_deg * np.sin(azimuth_rad), zenith_deg * np.cos(azimuth_rad)
    last = (math.inf, math.inf)
    for i in at.tolist():
        dx, dy = x[i + 1] - x[i], y[i + 1] - y[i]
        length = math.hypot(dx, dy)
        if not length > 0 or math.hypot(x[i] - last[0], y[i] - last[1]) < _MARK_APART_DEG:
            continue
        last = (x[i], y[i])
        axes.plot(azimuth_rad[i], zenith_deg[i], "o", color=INK, markersize=3)
        axes.annotate(
            f"{t_s[i]:.0f} s",
            (float(azimuth_rad[i]), float(zenith_deg[i])),
            # To the right of the way it flies.
            (14 * dy / length, -9 * dx / length),
            textcoords="offset points",
            fontsize=FONT_PT - 1,
            color=INK,
            ha="center",
            va="center",
        )


def mode_timeline(
    course: Course, truth: Table, timing: Table, events: Sequence[tuple[float, str]]
) -> Figure:
    """Stays in each mode, states that matter, safety events as (time s, number or other mark)."""
    figure, (axes, states) = panels(course, ("", ""), (1.75, 0.72))
    for row, mode in enumerate(MODE_COLORS):
        mode_bars(axes, [s for s in course.modes if s.mode == mode], (row - 0.32, 0.64))
    axes.set_yticks(range(len(MODE_COLORS)), list(MODE_COLORS))
    axes.set_ylim(len(MODE_COLORS) - 0.4, -0.6)
    rows = (
        ("shutter", true_spans(truth.t_s, truth["shutter_open"]), MUTED),
        ("clock", true_spans(timing.t_s, timing["status"] == LOCKED), MUTED),
        ("outage", true_spans(truth.t_s, truth["beacon_on"] == 0), LIMIT),
    )
    for row, (_, bars, color) in enumerate(rows):
        states.broken_barh(bars, (row - 0.3, 0.6), facecolors=color, linewidth=0)
    states.set_yticks(range(len(rows)), [name for name, _, _ in rows])
    states.set_ylim(len(rows) - 0.4, -0.6)
    for part in (axes, states):
        part.tick_params(axis="y", length=0, labelsize=FONT_PT - 1.5)
        part.grid(False, axis="y")
    for at_s, mark in events:
        for part in (axes, states):
            part.axvline(at_s, color=INK, linewidth=0.8)
        axes.annotate(
            mark,
            (at_s, 1.0),
            (0, 6),
            xycoords=axes.get_xaxis_transform(),
            textcoords="offset points",
            fontsize=FONT_PT - 1,
            color=INK,
            ha="center",
        )
    return figure


def pointing_error(course: Course, truth: Table, modes: Table, bound_urad: float | None) -> Figure:
    """What each stage leaves of the pointing error, urad, both axes together; fine error again."""
    figure, (every, fine_only) = panels(
        course, ("error, µrad rms", "fine, µrad rms"), (1.75, 1.05), legend_rows=2
    )

    def urad(table: Table, error_rad: Array) -> tuple[Array, Array]:
        t_s, error_urad = binned(table.t_s, 1e6 * error_rad, course.duration_s, rms=True)
        return t_s, np.where(error_urad > 0, error_urad, np.nan)

    coarse = np.hypot(truth["coarse_error_x_rad"], truth["coarse_error_y_rad"])
    fine = np.hypot(truth["fine_error_x_rms_rad"], truth["fine_error_y_rms_rad"])
    ahead = np.hypot(truth["point_ahead_error_x_rad"], truth["point_ahead_error_y_rad"])
    own = np.where(modes["fine_closed"] > 0, modes["fine_rms_rad"], np.nan)
    left_s, left_urad = urad(truth, fine)
    line(every, *urad(truth, coarse), GIMBAL, "gimbal alone")
    line(every, *urad(truth, ahead), AHEAD, "point-ahead")
    line(every, left_s, left_urad, INK, "behind the mirror")
    # Before acquisition the error is beyond any beacon sensor and says nothing.
    log_scale(every, highest=1e4)

    truth_below(fine_only, left_s, left_urad)
    line(fine_only, *urad(modes, own), OWN, "terminal's own figure")
    limit(fine_only, bound_urad, "bound of any controller")
    finite = left_urad[np.isfinite(left_urad)]
    typical = float(np.median(finite)) if len(finite) else 0.0
    from_zero(fine_only, max(2.0 * (bound_urad or 0.0), min(1.4 * typical, 100.0)))
    legend(figure, 3)
    return figure


def loss_and_range(course: Course, truth: Table) -> Figure:
    """Loss from the sender's aperture to a click, and the length of the path."""
    figure, (loss, distance) = panels(
        course, ("loss, dB", "range, km"), (1.55, 1.55), legend_rows=0
    )
    transmittance = truth["transmittance"]
    with np.errstate(divide="ignore", invalid="ignore"):
        loss_db = np.where(transmittance > 0, -10.0 * np.log10(transmittance), np.nan)
    line(loss, *binned(truth.t_s, loss_db, course.duration_s), INK)
    line(distance, *binned(truth.t_s, 1e-3 * truth["range_m"], course.duration_s), INK)
    return figure
