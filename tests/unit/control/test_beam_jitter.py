"""Jitter from a simulated quad cell whose true error is known."""

import numpy as np
import pytest

from terminal.control.beam_jitter import LEAST_S, Jitter, measured

SPOT_RAD = 150e-6
SUM_COUNTS = 8000.0


def watched(
    error_rad: float, noise_counts: float, zeros: tuple[float, ...], seconds: float
) -> Jitter:
    """Looks ten times a second at rms values over 0.1 s of 500 scans."""
    rng = np.random.default_rng(3)
    slope = np.sqrt(8 / np.pi) / SPOT_RAD
    jitter = Jitter()
    for _ in range(round(10 * seconds)):
        true = error_rad * rng.normal(size=(500, 2))
        quadrants = noise_counts * rng.normal(size=(500, 4)) + np.array(zeros)
        a, b, c, d = quadrants.T
        seen_x = true[:, 0] + (a - b - c + d) / (slope * SUM_COUNTS)
        seen_y = true[:, 1] + (a + b - c - d) / (slope * SUM_COUNTS)
        rms = float(np.sqrt(np.mean(seen_x**2 + seen_y**2)))
        diagonal = float((a - b + c - d)[-1])
        jitter = measured(jitter, rms, SUM_COUNTS, diagonal, SPOT_RAD, 0.1, 5.0)
    return jitter


@pytest.mark.parametrize("noise_counts", [0.0, 8.0, 40.0])
def test_noise_is_taken_off(noise_counts: float) -> None:
    """Up to noise of 0.94 urad an axis beside an error of 1."""
    found = np.mean([watched(1e-6, noise_counts, (0.0,) * 4, 60.0).rad])
    # The noise's own mean square is known from 50 differences to a quarter or so.
    noise_rad = 2 * noise_counts / SUM_COUNTS * SPOT_RAD / 1.5958
    spread = 0.5 * noise_rad**2 / 1e-6 * np.sqrt(3.0 / 50)
    assert found == pytest.approx(1e-6, abs=3 * spread + 0.02e-6)


def test_unequal_zeros_are_no_noise() -> None:
    """A constant in the diagonal alone: +40 in two opposite quadrants."""
    assert watched(1e-6, 1.0, (40.0, 0.0, 40.0, 0.0), 20.0).rad == pytest.approx(1e-6, rel=0.03)


def test_a_moment_says_nothing() -> None:
    jitter = watched(1e-6, 8.0, (0.0,) * 4, 0.5 * LEAST_S)
    assert not jitter.known
    assert (jitter.rad, jitter.sigma_rad) == (0.0, 0.0)


def test_never_less_than_nothing() -> None:
    """Noise alone: what is left is small and real."""
    assert 0.0 < watched(0.0, 40.0, (0.0,) * 4, 20.0).rad < 0.5e-6
