"""What the figures compute and where they draw it."""

import math

import numpy as np
import pytest

from hil.plot_series import (
    Course,
    Span,
    beside,
    binned,
    continuous,
    mode_at,
    true_spans,
    windowed_qber,
)
from hil.plot_style import AHEAD, GIMBAL, INK, LIMIT, MUTED, OWN, OWN_2, THEME, svg
from hil.plots import sky_track
from hil.report_data import Table


def test_bins_hold_the_mean_and_the_root_mean_square() -> None:
    t_s = np.arange(0.0, 100.0, 0.01)
    wave = np.sin(2 * math.pi * 10 * t_s)
    centres_s, mean = binned(t_s, 3.0 + wave, 100.0)
    assert len(centres_s) == 400
    np.testing.assert_allclose(np.diff(centres_s), 0.25)
    # Bins of 2.5 periods: whole half periods leave the mean square exact, the mean within 2/(5 pi).
    np.testing.assert_allclose(mean, 3.0, atol=2 / (5 * math.pi) + 0.01)
    _, rms = binned(t_s, wave, 100.0, rms=True)
    np.testing.assert_allclose(rms, math.sqrt(0.5), rtol=0.03)


def test_bins_keep_gaps_and_drop_what_is_not_finite() -> None:
    t_s = np.array([0.5, 1.5, 3.5, 9.0])
    _, mean = binned(t_s, np.array([1.0, math.nan, 3.0, 7.0]), 4.0)
    assert mean[0] == 1.0
    assert mean[-1] == 3.0
    assert np.isnan(binned(np.empty(0), np.empty(0), 4.0)[1]).all()


def test_spans_of_a_flag() -> None:
    t_s = np.arange(6.0)
    assert true_spans(t_s, np.array([0, 1, 1, 0, 0, 1])) == [(1.0, 2.0), (5.0, 0.0)]
    assert true_spans(t_s, np.zeros(6)) == []
    assert true_spans(np.empty(0), np.empty(0)) == []


def test_error_rate_in_windows() -> None:
    t_s = np.arange(0.0, 20.0, 0.1)
    per_tick = np.zeros((4, 4))
    per_tick[:2, :2] = [[48, 2], [3, 47]]
    per_tick[2:, 2:] = 1000  # the other basis does not count
    per_tick[:2, 2:] = 1000
    counts = np.cumsum(np.repeat(per_tick[None], len(t_s), axis=0), axis=0)
    at_s, rate, sigma = windowed_qber(t_s, counts, 2.0)
    assert len(at_s) == 10
    np.testing.assert_allclose(rate, 0.05)
    np.testing.assert_allclose(sigma[:-1], math.sqrt(0.05 * 0.95 / 2000), rtol=0.01)


def test_angles_of_an_axis() -> None:
    true = np.linspace(0.0, 3 * math.pi, 100)
    wrapped = (true + math.pi / 2) % math.pi - math.pi / 2
    wrapped[50] = math.nan
    smooth = continuous(wrapped)
    assert np.isnan(smooth[50])
    keep = np.arange(100) != 50
    np.testing.assert_allclose(smooth[keep], true[keep], atol=1e-12)
    np.testing.assert_allclose(beside(true - 2 * math.pi + 0.1, true), true + 0.1)


def test_mode_at() -> None:
    course = Course(10.0, (Span("LINK", 2.0, 4.0), Span("LINK", 6.0, 7.0)))
    np.testing.assert_array_equal(
        mode_at(np.array([1.0, 3.0, 5.0, 6.5]), course, "LINK"), [0, 1, 0, 1]
    )


@pytest.mark.parametrize(
    ("azimuth_deg", "right", "up"), [(0, 0, 1), (90, 1, 0), (180, 0, -1), (270, -1, 0)]
)
def test_sky_has_north_up_and_east_right(azimuth_deg: float, right: int, up: int) -> None:
    truth = Table(
        np.array([0.0, 1.0, 2.0]),
        {
            "azimuth_rad": np.full(3, math.radians(azimuth_deg)),
            "elevation_rad": np.radians([60.0, 45.0, 30.0]),
        },
    )
    axes = sky_track(Course(2.0, (Span("LINK", 0.0, 2.0),)), truth).axes[0]
    place = axes.transData.transform
    centre, rim = place((0.0, 0.0)), place((0.0, 90.0))
    track = next(line for line in axes.get_lines() if len(line.get_xdata()) == 3)
    middle = np.column_stack([track.get_xdata(), track.get_ydata()])[1]
    offset = (place(middle) - centre) / np.linalg.norm(rim - centre)
    np.testing.assert_allclose(offset, [0.5 * right, 0.5 * up], atol=1e-9)


def test_svg_is_reproducible_and_themed() -> None:
    truth = Table(np.arange(3.0), {"azimuth_rad": np.ones(3), "elevation_rad": np.ones(3)})
    course = Course(2.0, (Span("LINK", 0.0, 2.0),))
    first = svg(sky_track(course, truth), "sky", "Sky")
    assert first == svg(sky_track(course, truth), "sky", "Sky")
    assert first.startswith("<svg viewBox=")
    assert "var(--ink)" in first
    assert not any(color in first for color in THEME)


def _luminance(color: str) -> float:
    """Relative luminance of sRGB, WCAG 2.1."""
    channels = [int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize(
    ("color", "least"),
    [(INK, 4.5), (MUTED, 4.5), *((line, 3.0) for line in (OWN, OWN_2, LIMIT, GIMBAL, AHEAD))],
)
def test_contrast_in_both_themes(color: str, least: float) -> None:
    # WCAG 2.1, success criteria 1.4.3 (text) and 1.4.11 (graphics).
    light, dark = _luminance(color), _luminance(THEME[color][1])
    assert 1.05 / (light + 0.05) >= least
    assert (dark + 0.05) / (_luminance("#1c2025") + 0.05) >= least
