"""The figures of a report, each a pure function: columns in, figure out.

Everywhere: ink is the truth, blue what the terminal believes, dashed what theory says.
"""

import math
from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

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
    OWN_2,
    WIDTH_IN,
    Array,
    Course,
    legend,
    mode_bars,
    panels,
    plain,
)
from hil.report_data import Table

BINS = 400
"""Most points of a line: more than a screen shows."""
LOCKED = 1
_THIN = 1.1
_NICE_S = (1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1200, 1800, 3600)


def binned(t_s: Array, value: Array, duration_s: float, *, rms: bool = False) -> tuple[Array, Array]:
    """(centres s, mean or root mean square) in equal bins; NaN where a bin has no finite value."""
    good = np.isfinite(value) & np.isfinite(t_s) & (t_s >= 0) & (t_s < duration_s)
    typical_s = float(np.median(np.diff(t_s))) if len(t_s) > 1 else duration_s
    bins = max(1, min(BINS, int(duration_s / max(typical_s, 1e-3))))
    index = np.minimum((t_s[good] * (bins / duration_s)).astype(np.int64), bins - 1)
    count = np.bincount(index, minlength=bins)
    total = np.bincount(index, value[good] ** 2 if rms else value[good], bins)
    mean = np.where(count > 0, total / np.maximum(count, 1), np.nan)
    centres = (np.arange(bins) + 0.5) * (duration_s / bins)
    return centres, np.sqrt(mean) if rms else mean


def true_spans(t_s: Array, flag: Array) -> list[tuple[float, float]]:
    """(start, length) s of every stretch where the flag is set."""
    if len(t_s) < 2:
        return []
    on = np.concatenate([[0], flag > 0, [0]]).astype(np.int8)
    edges = np.flatnonzero(np.diff(on))
    end_s = np.append(t_s, t_s[-1])
    return [(float(t_s[a]), float(end_s[b] - t_s[a])) for a, b in edges.reshape(-1, 2).tolist()]


def _line(axes: Axes, t_s: Array, y: Array, color: str, label: str | None = None) -> None:
    axes.plot(t_s, y, color=color, linewidth=_THIN, label=label)


def _limit(axes: Axes, y: float | None, label: str) -> None:
    """A horizontal line of theory."""
    if y is not None and math.isfinite(y):
        axes.axhline(y, color=LIMIT, linewidth=_THIN, linestyle=(0, (5, 3)), label=label)


def _log(axes: Axes) -> None:
    """Logarithmic, if anything drawn is above zero."""
    drawn = [np.asarray(line.get_ydata(), float) for line in axes.get_lines()]
    values = np.concatenate([np.empty(0), *drawn])
    values = values[np.isfinite(values) & (values > 0)]
    if len(values):
        axes.set_yscale("log")
        axes.set_ylim(values.min() / 1.6, values.max() * 1.6)


def _from_zero(axes: Axes, least: float) -> None:
    """Up from zero, and up to `least` at least."""
    axes.set_ylim(0.0, max(least, axes.get_ylim()[1]))


def mode_at(t_s: Array, course: Course, mode: str) -> Array:
    """(n,) 1 where the mode held, else 0."""
    inside = np.zeros(len(t_s))
    for span in course.modes:
        if span.mode == mode:
            inside[(t_s >= span.start_s) & (t_s <= span.end_s)] = 1
    return inside


def sky_track(course: Course, truth: Table) -> Figure:
    """Azimuth and elevation of the partner; zenith in the middle, north up, east right."""
    height_in = 3.55
    figure = Figure(figsize=(WIDTH_IN, height_in))
    size_in = height_in - 0.6
    axes = figure.add_axes(
        (0.3 / WIDTH_IN, 0.3 / height_in, size_in / WIDTH_IN, size_in / height_in),
        projection="polar",
    )
    axes.patch.set_visible(False)
    axes.set_theta_zero_location("N")  # type: ignore[attr-defined]
    axes.set_theta_direction(-1)  # type: ignore[attr-defined]
    axes.set_ylim(0.0, 90.0)
    axes.set_yticks([30, 60], ["60°", "30°"])
    axes.set_rlabel_position(135)  # type: ignore[attr-defined]
    axes.set_xticks(np.radians(range(0, 360, 45)), ["N", "NE", "E", "SE", "S", "SW", "W", "NW"])
    axes.tick_params(labelsize=FONT_PT, labelcolor=MUTED, pad=0)
    axes.grid(True, color=GRID, linewidth=0.6)
    axes.spines["polar"].set_color(MUTED)
    axes.spines["polar"].set_linewidth(0.6)

    t_s, azimuth = truth.t_s, truth["azimuth_rad"]
    zenith_deg = 90.0 - np.degrees(truth["elevation_rad"])
    zenith_deg[~(zenith_deg <= 90.0)] = np.nan
    handles = []
    step = max(1, len(t_s) // (2 * BINS))
    for mode, color in MODE_COLORS.items():
        here = mode_at(t_s, course, mode) > 0
        if here.any():
            along = np.where(here, zenith_deg, np.nan)[::step]
            axes.plot(azimuth[::step], along, color=color, linewidth=2.6, solid_capstyle="butt")
            handles.append(Line2D([], [], color=color, linewidth=2.6, label=mode))
    mark_s = next((s for s in _NICE_S if course.duration_s / s <= 6), _NICE_S[-1])
    for at_s in np.arange(0.0, course.duration_s + 1e-9, mark_s).tolist():
        i = int(np.searchsorted(t_s, at_s))
        if i < len(t_s) and math.isfinite(zenith_deg[i]) and t_s[i] - at_s < mark_s / 2:
            axes.plot(azimuth[i], zenith_deg[i], "o", color=INK, markersize=3)
            axes.annotate(
                f"{at_s:.0f} s",
                (float(azimuth[i]), float(zenith_deg[i])),
                (5, 3),
                textcoords="offset points",
                fontsize=FONT_PT - 1,
                color=INK,
            )
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


def mode_timeline(
    course: Course, truth: Table, timing: Table, events: Sequence[tuple[float, str]]
) -> Figure:
    """Stays in each mode, states that matter, safety events as (time s, what)."""
    figure, (axes, states) = panels(course, ("", ""), (1.75, 0.72))
    for row, mode in enumerate(MODE_COLORS):
        mode_bars(axes, [s for s in course.modes if s.mode == mode], (row - 0.32, 0.64))
    axes.set_yticks(range(len(MODE_COLORS)), list(MODE_COLORS))
    axes.set_ylim(len(MODE_COLORS) - 0.4, -0.6)
    rows = (
        ("shutter open", true_spans(truth.t_s, truth["shutter_open"]), MUTED),
        ("clock locked", true_spans(timing.t_s, timing["status"] == LOCKED), MUTED),
        ("beacon out", true_spans(truth.t_s, truth["beacon_on"] == 0), LIMIT),
    )
    for row, (_, bars, color) in enumerate(rows):
        states.broken_barh(bars, (row - 0.3, 0.6), facecolors=color, linewidth=0)
    states.set_yticks(range(len(rows)), [name for name, _, _ in rows])
    states.set_ylim(len(rows) - 0.4, -0.6)
    for part in (axes, states):
        part.tick_params(axis="y", length=0, labelsize=FONT_PT - 1.5)
        part.grid(False, axis="y")
    for at_s, what in events:
        for part in (axes, states):
            part.axvline(at_s, color=INK, linewidth=0.8)
        axes.annotate(
            what,
            (at_s, 1.0),
            (0, 6),
            xycoords=axes.get_xaxis_transform(),
            textcoords="offset points",
            fontsize=FONT_PT - 1,
            color=INK,
            ha="left" if at_s < course.duration_s / 2 else "right",
            parse_math=False,
        )
    return figure


def pointing_error(
    course: Course, truth: Table, modes: Table, bound_urad: float | None
) -> Figure:
    """What is left of the pointing error behind each stage, urad, both axes together."""
    figure, (axes,) = panels(course, ("error, µrad rms",), (2.75,), legend_rows=2)

    def draw(table: Table, error_rad: Array, color: str, label: str) -> None:
        t_s, error_urad = binned(table.t_s, 1e6 * error_rad, course.duration_s, rms=True)
        _line(axes, t_s, np.where(error_urad > 0, error_urad, np.nan), color, label)

    coarse = np.hypot(truth["coarse_error_x_rad"], truth["coarse_error_y_rad"])
    fine = np.hypot(truth["fine_error_x_rms_rad"], truth["fine_error_y_rms_rad"])
    ahead = np.hypot(truth["point_ahead_error_x_rad"], truth["point_ahead_error_y_rad"])
    own = np.where(modes["fine_closed"] > 0, modes["fine_rms_rad"], np.nan)
    draw(truth, coarse, GIMBAL, "gimbal alone")
    draw(truth, ahead, AHEAD, "point-ahead")
    draw(truth, fine, INK, "behind the mirror")
    draw(modes, own, OWN, "terminal's own figure")
    _limit(axes, bound_urad, "bound of any controller")
    _log(axes)
    legend(figure, 3)
    return figure


def loss_and_range(course: Course, truth: Table) -> Figure:
    """Loss from the sender's aperture to a click, and the length of the path."""
    figure, (loss, distance) = panels(course, ("loss, dB", "range, km"), (1.3, 1.3), legend_rows=0)
    transmittance = truth["transmittance"]
    with np.errstate(divide="ignore", invalid="ignore"):
        loss_db = np.where(transmittance > 0, -10.0 * np.log10(transmittance), np.nan)
    _line(loss, *binned(truth.t_s, loss_db, course.duration_s), INK)
    _line(distance, *binned(truth.t_s, 1e-3 * truth["range_m"], course.duration_s), INK)
    return figure


def count_rates(course: Course, timing: Table, link: Table) -> Figure:
    """Clicks in and out of the gate, and sifted clicks, per second."""
    figure, (axes,) = panels(course, ("rate, 1/s",), (2.75,))

    def draw(t_s: Array, per_tick: Array, color: str, label: str) -> None:
        """Counts of each tick over the time since the last one."""
        dt_s = np.diff(t_s)
        rate_hz = np.where(dt_s > 0, per_tick[1:] / np.where(dt_s > 0, dt_s, 1.0), np.nan)
        at_s, mean_hz = binned(t_s[1:], rate_hz, course.duration_s)
        _line(axes, at_s, np.where(mean_hz > 0, mean_hz, np.nan), color, label)

    sifted = link["sifted"]
    draw(timing.t_s, timing["clicks_out_of_gate"], MUTED, "out of gate")
    draw(timing.t_s, timing["clicks_in_gate"], OWN, "in gate")
    draw(link.t_s, np.concatenate([[0.0], np.diff(sifted)]), OWN_2, "sifted")
    _log(axes)
    legend(figure, 3)
    return figure


def windowed_qber(
    t_s: Array, counts: Array, window_s: float
) -> tuple[Array, Array, Array]:
    """(centre s, error rate, its 1-sigma) of the disclosed key-basis clicks in windows of time.

    counts: (n, 4, 4) so far, [sent state, channel] in the order H V D A. The sigma is binomial,
    of (errors + 1) / (clicks + 2), so that no error in a few clicks is not taken for certainty.
    """
    if len(t_s) < 2:
        return np.empty(0), np.empty(0), np.empty(0)
    edges_s = np.arange(t_s[0], t_s[-1] + window_s, window_s)
    at = np.minimum(np.searchsorted(t_s, edges_s), len(t_s) - 1)
    new = np.diff(counts[at], axis=0)
    wrong = new[:, 0, 1] + new[:, 1, 0]
    total = new[:, :2, :2].sum(axis=(1, 2))
    keep = total > 0
    p = (wrong + 1) / (total + 2)
    sigma = np.sqrt(p * (1 - p) / np.maximum(total, 1))
    centre_s = (edges_s[:-1] + edges_s[1:]) / 2
    return centre_s[keep], (wrong / np.maximum(total, 1))[keep], sigma[keep]


def error_rate(
    course: Course,
    link: Table,
    truth: Table,
    disclosed: tuple[Array, Array],
    qber_true: float | None,
) -> Figure:
    """Error rate of the key basis, percent."""
    figure, (axes,) = panels(course, ("error rate, %",), (2.75,), legend_rows=2)
    # A frame turned by d sends sin^2 d of the photons into the wrong port.
    linked = mode_at(truth.t_s, course, "LINK") > 0
    turned = np.where(linked, np.sin(truth["polarization_error_rad"]) ** 2, np.nan)
    t_s, share = binned(truth.t_s, 100 * turned, course.duration_s)
    axes.fill_between(
        t_s, share, color=MUTED, alpha=0.45, linewidth=0, label="from the frame error (truth)"
    )
    at_s, rate, sigma = windowed_qber(*disclosed, max(course.duration_s / 50, 1.0))
    axes.errorbar(
        at_s,
        100 * rate,
        100 * sigma,
        fmt="o",
        color=OWN,
        markersize=2.2,
        elinewidth=0.7,
        label="disclosed bits, in windows",
    )
    known = np.where(link["disclosed"] > 0, 100 * link["qber"], np.nan)
    _line(axes, *binned(link.t_s, known, course.duration_s), OWN, "disclosed bits, so far")
    _limit(axes, None if qber_true is None else 100 * qber_true, "whole pass, from the truth")
    settled = rate[len(rate) // 5 :]
    typical = 100 * float(np.median(settled)) if len(settled) else 0.0
    # The first seconds before the plate has converged may leave the frame at the top.
    axes.set_ylim(0.0, min(max(4 * typical, 200 * (qber_true or 0.0), 2.0), 55.0))
    legend(figure, 2)
    return figure


def clock(course: Course, timing: Table, truth: Table, gate_ps: float | None) -> Figure:
    """Estimate of the frequency offset less the truth; what the clock says of its own errors."""
    figure, (frequency, phase) = panels(
        course, ("offset error, 10⁻⁹", "time, ps"), (1.25, 1.4)
    )
    t_s = timing.t_s
    known = timing["status"] > 0
    offset = np.full(len(t_s), np.nan)
    if len(truth.t_s):
        offset = timing["frequency_offset"] - np.interp(
            t_s, truth.t_s, truth["oscillator_offset"]
        )
    error = binned(t_s, 1e9 * np.where(known, offset, np.nan), course.duration_s)
    _line(frequency, *error, OWN)
    frequency.axhline(0.0, color=INK, linewidth=0.8)
    _symmetric(frequency, error[1], least=0.01)
    for column, color, label in (
        ("timing_rms_s", OWN_2, "click timing rms"),
        ("phase_sigma_s", OWN, "recovered clock, 1σ"),
    ):
        own = np.where(known & (timing[column] > 0), 1e12 * timing[column], np.nan)
        _line(phase, *binned(t_s, own, course.duration_s), color, label)
    _limit(phase, gate_ps, "half width of the gate")
    _log(phase)
    legend(figure, 3)
    return figure


def _symmetric(axes: Axes, values: Array, least: float) -> None:
    """Limits about zero that hold the middle 96 % of the values."""
    finite = np.abs(values[np.isfinite(values)])
    reach = 1.5 * float(np.percentile(finite, 96)) if len(finite) else 0.0
    reach = max(reach, least)
    axes.set_ylim(-reach, reach)


def polarization(course: Course, pointing: Table, own: Table, truth: Table) -> Figure:
    """Angle of the polarisation frame as predicted, its trim, and what is left of it in truth."""
    figure, (frame, trim, error) = panels(
        course, ("frame, °", "trim, °", "error, °"), (0.95, 0.75, 0.95)
    )

    def draw(axes: Axes, table: Table, angle: Array, color: str, label: str | None = None) -> None:
        _line(axes, *binned(table.t_s, np.degrees(angle), course.duration_s), color, label)

    valid = pointing["valid"] > 0
    draw(frame, truth, _continuous(truth["frame_angle_rad"]), INK, "truth")
    predicted = _continuous(np.where(valid, pointing["frame_angle_rad"], np.nan))
    draw(frame, pointing, _beside(predicted, truth), OWN, "terminal")
    draw(trim, own, own["trim_rad"], OWN)
    left = np.where(mode_at(truth.t_s, course, "LINK") > 0, truth["polarization_error_rad"], np.nan)
    draw(error, truth, left, INK)
    error.axhline(0.0, color=MUTED, linewidth=0.6)
    _symmetric(error, np.degrees(left), least=0.5)
    legend(figure, 3)
    return figure


def _continuous(angle_rad: Array) -> Array:
    """The angle of an axis without its jumps of half a turn; NaN stays."""
    answer = angle_rad.copy()
    good = np.isfinite(answer)
    answer[good] = np.unwrap(answer[good], period=math.pi)
    return answer


def _beside(angle_rad: Array, truth: Table) -> Array:
    """Moved by the half turns that bring it next to the truth."""
    true = _continuous(truth["frame_angle_rad"])
    both = np.isfinite(angle_rad).any() and np.isfinite(true).any()
    if not both:
        return angle_rad
    turns = round((float(np.nanmedian(true)) - float(np.nanmedian(angle_rad))) / math.pi)
    return angle_rad + turns * math.pi


def secret_key(course: Course, link: Table, expected_bits: float | None) -> Figure:
    """Secret key if the pass ended now, kbit; bound of the phase error, percent."""
    figure, (key, phase) = panels(course, ("key, kbit", "phase error, %"), (1.7, 0.95))
    bits = binned(link.t_s, 1e-3 * link["secret_key_bits"], course.duration_s)
    _line(key, *bits, OWN, "terminal, so far")
    _limit(key, None if expected_bits is None else 1e-3 * expected_bits, "analytic, whole pass")
    _from_zero(key, 1.0)
    _line(phase, *binned(link.t_s, 100 * link["phase_error"], course.duration_s), OWN)
    phase.set_ylim(0.0, 52.0)
    legend(figure, 2)
    return figure
