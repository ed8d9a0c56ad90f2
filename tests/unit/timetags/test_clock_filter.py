"""Filter, smoother and wander against batch least squares and known processes."""

import math

import numpy as np
import pytest

from terminal.timetags.clock_filter import (
    DRIFT_SIGMA_PER_S,
    JERK_SIGMA_PER_S2,
    Wander,
    added_noise,
    likeliest_wander,
    smooth,
    transition,
)


def test_smoother_without_wander_is_the_least_squares_fit() -> None:
    rng = np.random.default_rng(1)
    t = np.sort(rng.uniform(0.0, 3.0, 60))
    variance = rng.uniform(0.5, 2.0, 60) * 1e-21
    phase = 3e-9 * t + 0.5 * 2e-9 * t**2 + np.sqrt(variance) * rng.standard_normal(60)
    got = smooth(t, phase, variance, 0.0, Wander(0.0, 0.0, has_jerk=True))
    # The same priors as rows of a batch problem, about the first time.
    x = t - t[0]
    design = np.stack([np.ones_like(x), x, x**2 / 2.0, x**3 / 6.0], axis=1)
    prior = np.diag([1e-7, 1e-6, DRIFT_SIGMA_PER_S, JERK_SIGMA_PER_S2])
    weighted = design / np.sqrt(variance)[:, None]
    scale = np.array([1e-10, 1e-9, 1e-8, 1e-8])
    rows = np.vstack([weighted, np.linalg.inv(prior)]) * scale
    mean = np.array([phase[0], 0.0, 0.0, 0.0])
    right = np.concatenate([phase / np.sqrt(variance), mean / np.diag(prior)])
    fit = np.linalg.lstsq(rows, right, rcond=None)[0] * scale
    covariance = np.linalg.inv(rows.T @ rows) * np.outer(scale, scale)
    sigma = np.sqrt(np.diag(covariance))
    np.testing.assert_allclose(got.state[0], fit, atol=1e-3 * sigma.max(), rtol=0)
    np.testing.assert_allclose((got.state[0] - fit) / sigma, 0.0, atol=1e-3)
    np.testing.assert_allclose(np.sqrt(np.diag(got.covariance[0])), sigma, rtol=1e-3)
    np.testing.assert_allclose(got.state[:, 0], design @ fit, atol=1e-3 * math.sqrt(1e-21))


def test_two_steps_add_the_noise_of_one() -> None:
    """Chapman-Kolmogorov: Q(a + b) = F(b) Q(a) F(b)^T + Q(b)."""
    wander = Wander(3e-22, 5e-20)
    a, b = 0.3, 0.7
    two = transition(b) @ added_noise(a, wander) @ transition(b).T + added_noise(b, wander)
    np.testing.assert_allclose(two, added_noise(a + b, wander), rtol=1e-12)
    np.testing.assert_allclose(transition(a) @ transition(b), transition(a + b), rtol=1e-12)


@pytest.mark.parametrize("has_jerk", [False, True])
def test_steady_clock_shows_no_wander(has_jerk: bool) -> None:
    rng = np.random.default_rng(2)
    t = np.arange(300) * 0.05
    variance = np.full(300, 4e-22)
    phase = 1e-9 * t**2 / 2.0 + has_jerk * 2.6e-9 * t**3 / 6.0
    phase = phase + np.sqrt(variance) * rng.standard_normal(300)
    wander = likeliest_wander(t, phase, variance, np.zeros(300))
    assert wander == Wander(0.0, 0.0, has_jerk=has_jerk)


def test_phase_wander_is_found_to_a_factor_of_ten() -> None:
    """The candidates are a factor of ten apart."""
    rng = np.random.default_rng(3)
    t = np.arange(800) * 0.02
    variance = np.full(800, 1e-22)
    walk = np.cumsum(math.sqrt(1e-21 * 0.02) * rng.standard_normal(800))
    phase = walk + np.sqrt(variance) * rng.standard_normal(800)
    assert 1e-22 <= likeliest_wander(t, phase, variance, np.zeros(800)).phase <= 1e-20


def test_gap_widens_the_doubt() -> None:
    t = np.array([0.0, 0.1, 0.2, 1.0, 1.8, 1.9, 2.0])
    variance = np.full(7, 1e-21)
    variance[3] = np.inf
    got = smooth(t, np.zeros(7), variance, 0.0, Wander(1e-20, 1e-19))
    sigma = np.sqrt(got.covariance[:, 0, 0])
    assert sigma[3] > 2.0 * max(sigma[2], sigma[4])
