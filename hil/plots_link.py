"""Figures of photons, clock, polarisation and key, each a pure function of columns.

Everywhere: ink is the truth, blue what the terminal believes, dashed what theory says.
"""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from hil.plot_series import Array, Course, beside, binned, continuous, mode_at, windowed_qber
from hil.plot_style import (
    AHEAD,
    FONT_PT,
    GIMBAL,
    INK,
    MUTED,
    OWN,
    OWN_2,
    around_zero,
    from_zero,
    legend,
    limit,
    line,
    log_scale,
    panels,
    truth_below,
)
from hil.report_data import Table


def count_rates(course: Course, timing: Table, link: Table) -> Figure:
    """Clicks in and out of the gate, and sifted clicks, per second."""
    figure, (axes,) = panels(course, ("rate, 1/s",), (2.94,))

    def draw(t_s: Array, per_tick: Array, color: str, label: str) -> None:
        """Counts of each tick over the time since the last one."""
        dt_s = np.diff(t_s)
        rate_hz = np.where(dt_s > 0, per_tick[1:] / np.where(dt_s > 0, dt_s, 1.0), np.nan)
        at_s, mean_hz = binned(t_s[1:], rate_hz, course.duration_s)
        line(axes, at_s, np.where(mean_hz > 0, mean_hz, np.nan), color, label)

    sifted = link["sifted"]
    draw(timing.t_s, timing["clicks_out_of_gate"], MUTED, "out of gate")
    draw(timing.t_s, timing["clicks_in_gate"], OWN, "in gate")
    draw(link.t_s, np.concatenate([[0.0], np.diff(sifted)]), OWN_2, "sifted")
    log_scale(axes)
    legend(figure, 3)
    return figure


def error_rate(
    course: Course,
    link: Table,
    truth: Table,
    disclosed: tuple[Array, Array],
    qber_true: float | None,
) -> Figure:
    """Error rate of the key basis, percent."""
    figure, (axes,) = panels(course, ("error rate, %",), (2.75,), legend_rows=2)
    # A frame turned by d sends sin^2 d of the photons into the wrong port, a phase some more.
    linked = mode_at(truth.t_s, course, "LINK") > 0
    turned = np.where(linked, 0.5 * (1.0 - truth["contrast_x"]), np.nan)
    t_s, share = binned(truth.t_s, 100 * turned, course.duration_s)
    axes.fill_between(
        t_s, share, color=MUTED, alpha=0.45, linewidth=0, label="from frame and phase (truth)"
    )
    inside = (disclosed[0] >= 0) & (disclosed[0] <= course.duration_s)
    window_s = max(course.duration_s / 50, 1.0)
    at_s, rate, sigma = windowed_qber(disclosed[0][inside], disclosed[1][inside], window_s)
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
    known = np.where(link["disclosed_key"] > 0, 100 * link["qber"], np.nan)
    line(axes, *binned(link.t_s, known, course.duration_s), OWN, "disclosed bits, so far")
    limit(axes, None if qber_true is None else 100 * qber_true, "whole pass, from the truth")
    settled = rate[len(rate) // 5 :]
    typical = 100 * float(np.median(settled)) if len(settled) else 0.0
    # The first seconds before the plate has converged may leave the frame at the top.
    axes.set_ylim(0.0, min(max(4 * typical, 200 * (qber_true or 0.0), 2.0), 55.0))
    legend(figure, 2)
    return figure


def clock(
    course: Course,
    timing: Table,
    truth: Table,
    delays_s: tuple[Array, Array],
    true_delays_ps: Sequence[float],
) -> Figure:
    """Estimate of the frequency offset less the truth; what the clock says of its own errors, and
    the gate that follows from it; delays of the detectors.

    delays_s: (t_s (n,), of H V D A (n, 4)). true_delays_ps: H V D A; none: unknown.
    """
    figure, (frequency, phase, delay) = panels(
        course, ("offset error, 10⁻⁹", "time, ps", "delay, ps"), (1.0, 1.25, 1.0)
    )
    t_s = timing.t_s
    # With status 3 the offset holds the whole Doppler.
    known = (timing["status"] > 0) & (timing["status"] < 3)
    offset = np.full(len(t_s), np.nan)
    if len(truth.t_s):
        offset = timing["frequency_offset"] - np.interp(t_s, truth.t_s, truth["oscillator_offset"])
    error = binned(t_s, 1e9 * np.where(known, offset, np.nan), course.duration_s)
    line(frequency, *error, OWN)
    frequency.axhline(0.0, color=INK, linewidth=0.8)
    around_zero(frequency, error[1], least=0.02)
    for column, color, label in (
        ("timing_rms_s", OWN_2, "click timing rms"),
        ("phase_sigma_s", OWN, "recovered clock, 1σ"),
        ("gate_half_width_s", MUTED, "half width of the gate"),
    ):
        own = np.where(known & (timing[column] > 0), 1e12 * timing[column], np.nan)
        line(phase, *binned(t_s, own, course.duration_s), color, label)
    log_scale(phase)
    legend(figure, 3)
    for true_ps in true_delays_ps:
        delay.axhline(true_ps, color=INK, alpha=0.4, linewidth=2.4)
    found_ps = 1e12 * delays_s[1]
    colors = (GIMBAL, AHEAD, OWN, OWN_2)
    for name, color, found in zip("HVDA", colors, found_ps.T, strict=True):
        line(delay, *binned(delays_s[0], found, course.duration_s), color, name)
    around_zero(delay, np.concatenate([found_ps.ravel(), true_delays_ps]), least=20.0)
    delay.legend(
        loc="upper left",
        ncols=4,
        frameon=False,
        fontsize=FONT_PT,
        labelcolor=INK,
        handlelength=1.5,
        borderaxespad=0.0,
        borderpad=0.1,
    )
    return figure


def clock_quality(
    course: Course,
    timing: Table,
    background_true_hz: float | None,
    oscillator_allan: tuple[float | None, float | None],
) -> Figure:
    """Background as the clock sees it, and the Allan deviation of the recovered clock.

    oscillator_allan: of our own oscillator in truth, at 1 and 10 s.
    """
    figure, (background, allan) = panels(course, ("background, 1/s", "Allan deviation"), (1.1, 1.5))

    def draw(axes: Axes, column: str, color: str, label: str) -> None:
        known = np.where(timing[column] > 0, timing[column], np.nan)
        line(axes, *binned(timing.t_s, known, course.duration_s), color, label)

    draw(background, "background_hz", OWN, "terminal")
    limit(background, background_true_hz, "from the truth, mean")
    drawn = timing["background_hz"]
    from_zero(background, max([background_true_hz or 0.0, *drawn[np.isfinite(drawn)].tolist()]))
    draw(allan, "allan_deviation_1s", OWN, "terminal")
    draw(allan, "allan_deviation_10s", OWN_2, "terminal, over 10 s")
    for true in oscillator_allan:
        limit(allan, true, "from the truth, mean")
    log_scale(allan)
    legend(figure, 3)
    return figure


def polarization(course: Course, guidance: Table, own: Table, truth: Table) -> Figure:
    """Angle of the polarisation frame as predicted, its trim, and what is left of frame and phase
    in truth."""
    figure, (frame, trim, error, phase) = panels(
        course, ("frame, °", "trim, °", "error, °", "phase, °"), (0.95, 0.7, 0.9, 0.7)
    )

    def draw(axes: Axes, table: Table, angle: Array, color: str, label: str | None = None) -> None:
        line(axes, *binned(table.t_s, np.degrees(angle), course.duration_s), color, label)

    valid = guidance["pointing_valid"] > 0
    true = continuous(truth["frame_angle_rad"])
    truth_below(frame, *binned(truth.t_s, np.degrees(true), course.duration_s), "truth")
    predicted = continuous(np.where(valid, guidance["frame_angle_rad"], np.nan))
    draw(frame, guidance, beside(predicted, true), OWN, "terminal")
    draw(trim, own, own["trim_rad"], OWN)
    linked = mode_at(truth.t_s, course, "LINK") > 0
    left = truth["polarization_error_rad"]
    if len(own.t_s):
        # What the analyser is turned by on purpose is no error; the newest command holds.
        turn = own["turn_rad"][np.maximum(np.searchsorted(own.t_s, truth.t_s, "right") - 1, 0)]
        off = left + np.where(np.isfinite(turn), turn, 0.0)
        left = np.where(np.isfinite(off), (off + np.pi / 2) % np.pi - np.pi / 2, np.nan)
    left = np.where(linked, left, np.nan)
    draw(error, truth, left, INK)
    error.axhline(0.0, color=MUTED, linewidth=0.6)
    around_zero(error, np.degrees(left), least=1.0)
    ellipse = np.where(linked, truth["phase_error_rad"], np.nan)
    draw(phase, truth, ellipse, INK)
    shown = np.degrees(ellipse[np.isfinite(ellipse)])
    from_zero(phase, max([1.0, *shown.tolist()]))
    legend(figure, 3)
    return figure


def secret_key(course: Course, link: Table, expected_bits: float | None) -> Figure:
    """Secret key if the pass ended now, kbit; bound of the phase error, percent."""
    figure, (key, phase) = panels(course, ("key, kbit", "phase error, %"), (1.7, 0.95))
    bits = binned(link.t_s, 1e-3 * link["secret_key_bits"], course.duration_s)
    line(key, *bits, OWN, "terminal, so far")
    limit(key, None if expected_bits is None else 1e-3 * expected_bits, "analytic, whole pass")
    from_zero(key, max([1e-3 * (expected_bits or 0.0), *bits[1][np.isfinite(bits[1])].tolist()]))
    line(phase, *binned(link.t_s, 100 * link["phase_error"], course.duration_s), OWN)
    phase.set_ylim(0.0, 52.0)
    legend(figure, 2)
    return figure
