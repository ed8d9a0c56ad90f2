"""Where the pulses lie among clicks: a Gaussian of signal on a uniform floor of background.

Residuals are times from the nearest slot centre, so the floor is one slot period wide. The Fisher
information about the centre is the one that the Cramer-Rao bounds of clock recovery rest on.
"""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

_X = np.linspace(-6.0, 6.0, 193)
_GAUSS = np.exp(-0.5 * _X * _X) / math.sqrt(2.0 * math.pi)
_STEP = float(_X[1] - _X[0])

_ITERATIONS = 4
_PRIOR_CLICKS = 50.0
"""Weight of the fraction known from before against the clicks of one block."""
_FRACTION_RANGE = (0.01, 0.99)


class Mixture(NamedTuple):
    """Share of clicks that are signal, and their jitter (1 sigma)."""

    fraction: float
    sigma_s: float


class Fit(NamedTuple):
    """Centre of the signal in one block of clicks."""

    centre_s: float
    variance_s2: float
    mixture: Mixture
    evidence: float
    """Log likelihood ratio of signal at this centre against background alone."""


def information(mixture: Mixture, slot_period_s: float) -> float:
    """Fisher information of one click about the centre, 1/s^2: F(p) / sigma^2.

    J = integral of (p g')^2 / (p g + (1 - p)/T) over the slot, g Gaussian (by definition).
    """
    p, sigma = mixture
    floor = (1.0 - p) * sigma / slot_period_s
    inside = np.abs(_X) * sigma <= 0.5 * slot_period_s
    integrand = inside * (p * _X * _GAUSS) ** 2 / (p * _GAUSS + floor)
    return float(np.sum(integrand)) * _STEP / (sigma * sigma)


def likelihood_ratio(offset_s: Array, mixture: Mixture, slot_period_s: float) -> Array:
    """Density of signal at this offset from the centre, over that of background."""
    scale = slot_period_s / (mixture.sigma_s * math.sqrt(2.0 * math.pi))
    return np.asarray(scale * np.exp(-0.5 * np.square(offset_s / mixture.sigma_s)))


def responsibility(offset_s: Array, mixture: Mixture, slot_period_s: float) -> Array:
    """Probability that each click is signal."""
    signal = mixture.fraction * likelihood_ratio(offset_s, mixture, slot_period_s)
    return np.asarray(signal / (signal + (1.0 - mixture.fraction)))


def wrap(offset_s: Array, slot_period_s: float) -> Array:
    """Into half a slot period on either side of zero."""
    return np.asarray(offset_s - slot_period_s * np.rint(offset_s / slot_period_s))


def bounded(fraction: float) -> float:
    """A fraction kept off 0 and 1, where nothing could be learned any more."""
    return min(max(fraction, _FRACTION_RANGE[0]), _FRACTION_RANGE[1])


def circular_mean(residual_s: Array, slot_period_s: float) -> float:
    """Centre by the first harmonic: less precise than the likelihood, but needs no start."""
    z = complex(np.sum(np.exp(2j * math.pi / slot_period_s * residual_s)))
    return math.atan2(z.imag, z.real) * slot_period_s / (2.0 * math.pi)


def fit_centre(residual_s: Array, slot_period_s: float, known: Mixture, start_s: float) -> Fit:
    """Maximum-likelihood centre by Fisher scoring, with an EM step for the signal fraction.

    residual_s: (n,), n >= 1. `known` gives the jitter, and the fraction that a small block falls
    back on. The variance is the Cramer-Rao bound 1/(n J) at the fraction found.
    """
    n = residual_s.size
    sigma = known.sigma_s
    gain = 1.0 / (sigma * sigma * n * information(known, slot_period_s))
    mixture, centre = known, start_s
    for _ in range(_ITERATIONS):
        offset = wrap(residual_s - centre, slot_period_s)
        weight = responsibility(offset, mixture, slot_period_s)
        fraction = (float(np.sum(weight)) + _PRIOR_CLICKS * known.fraction) / (n + _PRIOR_CLICKS)
        mixture = Mixture(bounded(fraction), sigma)
        centre += min(max(gain * float(np.dot(weight, offset)), -sigma), sigma)
    offset = wrap(residual_s - centre, slot_period_s)
    ratio = likelihood_ratio(offset, mixture, slot_period_s)
    p = mixture.fraction
    evidence = float(np.sum(np.log1p(p * (ratio - 1.0))))
    weight = p * ratio / (p * ratio + 1.0 - p)
    total = float(np.sum(weight))
    spread = math.sqrt(float(np.dot(weight, offset * offset)) / total) if total > 0.0 else sigma
    variance = 1.0 / (n * information(mixture, slot_period_s))
    return Fit(centre, variance, Mixture(p, spread), evidence)
