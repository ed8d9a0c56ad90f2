"""Against printed information factors, closed forms, and the Cramer-Rao bound by Monte Carlo."""

import math

import numpy as np
import pytest

from terminal.timetags.mixture import (
    Mixture,
    circular_mean,
    fit_centre,
    information,
    responsibility,
    wrap,
)

T = 5e-9


@pytest.mark.parametrize(
    ("fraction", "factor"), [(1.0, 1.0), (0.95, 0.92), (0.8, 0.72), (0.5, 0.38), (0.2, 0.11)]
)
def test_information_meets_the_tabulated_factors(fraction: float, factor: float) -> None:
    """F(p) for 212 ps in 10 ns slots, tabulated to two digits."""
    sigma = 212e-12
    found = information(Mixture(fraction, sigma), 10e-9) * sigma**2
    assert found == pytest.approx(factor, abs=0.0051)


def test_responsibility_is_bayes() -> None:
    p, sigma, x = 0.7, 2e-10, 3e-10
    signal = p * math.exp(-0.5 * (x / sigma) ** 2) / (sigma * math.sqrt(2 * math.pi))
    expected = signal / (signal + (1 - p) / T)
    assert responsibility(np.array([x]), Mixture(p, sigma), T)[0] == pytest.approx(expected)


def test_wrap_and_circular_mean_do_not_see_whole_slots() -> None:
    offset = np.array([-2.4e-9, 0.0, 1e-10, 2.4e-9])
    np.testing.assert_allclose(wrap(offset + 7 * T, T), offset, atol=1e-22)
    assert circular_mean(np.array([2.4e-9, 2.5e-9, -2.4e-9]), T) == pytest.approx(2.5e-9, rel=1e-9)


@pytest.mark.parametrize(("fraction", "clicks"), [(0.95, 50), (0.8, 500), (0.5, 500), (0.3, 5000)])
def test_centre_reaches_the_bound_it_states(fraction: float, clicks: int) -> None:
    rng = np.random.default_rng(5)
    sigma, shift, trials = 2e-10, 0.5e-10, 300
    known = Mixture(fraction, sigma)
    normalised = []
    for _ in range(trials):
        signal = rng.random(clicks) < fraction
        residual = np.where(
            signal, shift + sigma * rng.standard_normal(clicks), rng.uniform(-T / 2, T / 2, clicks)
        )
        fit = fit_centre(residual, T, known, 0.0)
        assert fit.evidence > 0.0
        normalised.append((fit.centre_s - shift) / math.sqrt(fit.variance_s2))
    # Three standard errors of the mean and of the root mean square of `trials` unit normals.
    assert abs(np.mean(normalised)) < 3 / math.sqrt(trials)
    assert np.std(normalised) == pytest.approx(1.0, abs=3 / math.sqrt(2 * trials))


def test_background_alone_is_not_taken_for_signal() -> None:
    rng = np.random.default_rng(6)
    accepted = [
        fit_centre(rng.uniform(-T / 2, T / 2, 50), T, Mixture(0.8, 2e-10), 0.0).evidence > 0.0
        for _ in range(500)
    ]
    assert sum(accepted) == 0
