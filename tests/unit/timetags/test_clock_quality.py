"""Jitter under background, and Allan deviations of processes whose deviation is known."""

import math

import numpy as np
import pytest

from terminal.timetags.quality import BINS, allan_deviation, signal_in_histogram


@pytest.mark.parametrize(("fraction", "sigma_s"), [(0.9, 200e-12), (0.3, 400e-12)])
def test_rms_discounts_the_background(fraction: float, sigma_s: float) -> None:
    rng = np.random.default_rng(4)
    n = 200_000
    period = 10e-9
    offset = np.where(
        rng.random(n) < fraction,
        sigma_s * rng.standard_normal(n),
        rng.uniform(-period / 2, period / 2, n),
    )
    counts, _ = np.histogram(offset, BINS, (-period / 2, period / 2))
    found = signal_in_histogram(counts.astype(float), period)
    # sigma / sqrt(2 n p) for the jitter were there no background; twice that with it.
    assert found.sigma_s == pytest.approx(sigma_s, rel=5 * 2 / math.sqrt(2 * n * fraction))
    assert found.fraction == pytest.approx(fraction, abs=0.01)


def test_allan_deviation_of_white_frequency_noise() -> None:
    """Phase random walk of density q: sigma(tau) = sqrt(q / tau)."""
    rng = np.random.default_rng(5)
    n, tau0, q = 20_000, 0.1, 1e-20
    phase = np.cumsum(math.sqrt(q * tau0) * rng.standard_normal(n))
    points = allan_deviation(tau0 * np.arange(n), phase)
    for point in points[:6]:
        assert point.deviation == pytest.approx(math.sqrt(q / point.tau_s), rel=0.1)


def test_allan_deviation_of_white_phase_noise() -> None:
    """sigma(tau) = sqrt(3) sigma_x / tau."""
    rng = np.random.default_rng(6)
    n, tau0, sigma = 5000, 0.5, 1e-11
    points = allan_deviation(tau0 * np.arange(n), sigma * rng.standard_normal(n))
    for point in points[:4]:
        assert point.deviation == pytest.approx(math.sqrt(3) * sigma / point.tau_s, rel=0.1)


def test_allan_deviation_sees_no_drift_and_needs_points() -> None:
    t = np.arange(100) * 0.1
    smooth = allan_deviation(t, 1e-6 * t + 3e-9 * t**2 + 1e-9 * t**3)
    assert max(point.deviation for point in smooth) < 1e-13
    assert allan_deviation(t[:5], t[:5]) == []
