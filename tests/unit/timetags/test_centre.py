"""What a block adds to a known phase: the posterior against its own statement, by Monte Carlo."""

import math

import numpy as np
import pytest

from terminal.timetags.centre import posterior
from terminal.timetags.mixture import Mixture, information, wrap

T = 10e-9
SIGMA_S = 212e-12


@pytest.mark.parametrize(
    ("fraction", "clicks", "known_s"),
    [
        (0.8, 32, 1e-11),  # Linear
        (0.8, 32, 1e-10),  # On a grid, as the two that follow
        (0.5, 32, 3e-10),
        (0.3, 10, 8e-10),
        (0.5, 2000, 1e-10),  # A Gaussian about the likeliest centre
        (0.5, 2000, 8e-10),
    ],
)
def test_the_doubt_left_is_the_error_made(fraction: float, clicks: int, known_s: float) -> None:
    """Phases drawn from what is known before: the error's mean square is the mean variance, and by
    the law of total variance the shift takes the rest."""
    rng = np.random.default_rng(1)
    trials = 500
    mixture = Mixture(fraction, SIGMA_S)
    error, shift, variance = np.empty((3, trials))
    for k in range(trials):
        phase = known_s * rng.standard_normal()
        signal = rng.random(clicks) < fraction
        pulse = phase + SIGMA_S * rng.standard_normal(clicks)
        offset = wrap(np.where(signal, pulse, T * rng.uniform(-0.5, 0.5, clicks)), T)
        found = posterior(offset, known_s**2, mixture, T)
        error[k], shift[k], variance[k] = found.shift_s - phase, found.shift_s, found.variance_s2
    # A mean of squares is known to the standard error of these very squares.
    for square, expected in ((error**2, variance), (shift**2, known_s**2 - variance)):
        scatter = np.std(square - expected) / math.sqrt(trials)
        assert np.mean(square) == pytest.approx(np.mean(expected), abs=4.0 * scatter)
    # Nothing beats the bound with what was known before (van Trees).
    bound = 1.0 / (clicks * information(mixture, T) + known_s**-2)
    assert np.mean(variance) > 0.999 * bound


def test_noise_looks_like_a_signal_no_oftener_than_its_odds_say() -> None:
    """A likelihood ratio reaches exp(t) under the other hypothesis with exp(-t) at most (Markov);
    a signal of 60 clicks gains some tens of nats."""
    rng = np.random.default_rng(2)
    mixture, trials = Mixture(0.5, SIGMA_S), 1000
    noise, signal = np.empty((2, trials))
    for k in range(trials):
        background = T * rng.uniform(-0.5, 0.5, 60)
        pulses = np.where(rng.random(60) < 0.5, SIGMA_S * rng.standard_normal(60), background)
        noise[k] = posterior(background, (1e-10) ** 2, mixture, T).evidence
        signal[k] = posterior(pulses, (1e-10) ** 2, mixture, T).evidence
    for limit in (1.0, 3.0):
        expected = trials * math.exp(-limit)
        assert np.count_nonzero(noise > limit) <= expected + 3.0 * math.sqrt(expected)
    assert np.median(signal) > 10.0
