"""How good a recovered clock is: jitter with the background discounted, Allan deviation."""

import math
from typing import NamedTuple

import numpy as np

from terminal.timetags import mixture as mx
from terminal.timetags.mixture import Array, Mixture

BINS = 1 << 14
_ITERATIONS = 200


class AllanPoint(NamedTuple):
    """Allan deviation at one averaging time."""

    tau_s: float
    deviation: float


def signal_in_histogram(counts: Array, slot_period_s: float) -> Mixture:
    """Share and rms of the signal in a histogram of residuals: Gaussian on a uniform floor (EM).

    counts: (b,), of bins that divide the slot from -T/2 to T/2. The Gaussian is centred at zero.
    """
    n = float(np.sum(counts))
    if n <= 0.0:
        return Mixture(0.0, 0.0)
    offset = ((np.arange(counts.size) + 0.5) / counts.size - 0.5) * slot_period_s
    mixture = Mixture(0.5, slot_period_s / 20.0)
    for _ in range(_ITERATIONS):
        weight = counts * mx.responsibility(offset, mixture, slot_period_s)
        total = max(float(np.sum(weight)), 1e-9)
        sigma = math.sqrt(float(np.dot(weight, offset * offset)) / total)
        sigma = max(sigma, slot_period_s / (2.0 * counts.size))
        done = abs(sigma - mixture.sigma_s) < 1e-6 * sigma
        mixture = Mixture(mx.bounded(total / n), sigma)
        if done:
            break
    return mixture


def allan_deviation(t_s: Array, phase_s: Array) -> list[AllanPoint]:
    """Overlapping Allan deviation of phases (n,) at times t_s (n,), ascending, about a cubic.

    sigma^2(m tau0) = mean of (x[k+2m] - 2 x[k+m] + x[k])^2 / (2 (m tau0)^2) (IEEE Std 1139), of
    the phases interpolated to even steps. The cubic takes out what is Doppler for the most part.
    """
    if t_s.size < 8:
        return []
    middle = 0.5 * float(t_s[0] + t_s[-1])
    half = 0.5 * float(t_s[-1] - t_s[0])
    fit = np.polynomial.legendre.legfit((t_s - middle) / half, phase_s, 3)
    rest = phase_s - np.polynomial.legendre.legval((t_s - middle) / half, fit)
    tau0 = 2.0 * half / (t_s.size - 1)
    x = np.interp(t_s[0] + tau0 * np.arange(t_s.size), t_s, rest)
    points = []
    m = 1
    while 4 * m < x.size:
        second = x[2 * m :] - 2.0 * x[m:-m] + x[: -2 * m]
        tau = m * tau0
        points.append(AllanPoint(tau, math.sqrt(float(np.mean(second**2)) / 2.0) / tau))
        m *= 2
    return points
