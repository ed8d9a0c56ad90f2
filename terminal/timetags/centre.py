"""What a block of clicks adds to a phase already known: the shift, and what is left of the doubt.

Many clicks, or few about a phase well known, are a Gaussian measurement of variance 1/(n J). Few
clicks about a phase known no better than their own jitter are not: their maximum likelihood
scatters by more than its bound. There the posterior itself is summed up, on a grid.
"""

import math
from typing import NamedTuple

import numpy as np

from terminal.timetags import mixture as mx
from terminal.timetags.mixture import Array, Mixture

_LINEAR_SHARE = 0.1
"""Of the jitter: doubt up to which the score is as good as linear (it bends by the square)."""
_MANY_CLICKS = 500
_REACH = 6.0
"""Of the grid, in sigmas of what was known."""
_WEAK_FRACTION = 0.3


class Posterior(NamedTuple):
    """After a block."""

    shift_s: float
    """Mean, from the phase known before."""
    variance_s2: float
    mixture: Mixture
    """Signal share and jitter of this block: one step of expectation maximisation."""
    evidence: float
    """Log likelihood ratio of a signal there, which may have become weak, against background
    alone; less the logarithm of how much the doubt shrank, since any noise has some peak."""


def posterior(
    offset_s: Array, variance_s2: float, known: Mixture, slot_period_s: float
) -> Posterior:
    """offset_s: (n,), n >= 1, from the nearest slot centres by the phase known before, whose
    standard error is well below half a slot; variance_s2: its square."""
    n = offset_s.size
    information = n * mx.information(known, slot_period_s)
    if variance_s2 < (_LINEAR_SHARE * known.sigma_s) ** 2:
        weight = mx.responsibility(offset_s, known, slot_period_s)
        variance = 1.0 / (1.0 / variance_s2 + information)
        shift = variance * float(np.dot(weight, offset_s)) / known.sigma_s**2
    elif n < _MANY_CLICKS:
        shift, variance = _on_grid(offset_s, variance_s2, known, slot_period_s)
    else:
        start = mx.circular_mean(offset_s, slot_period_s)
        fit = mx.fit_centre(offset_s, slot_period_s, known, start)
        variance = 1.0 / (1.0 / variance_s2 + 1.0 / fit.variance_s2)
        shift = variance * fit.centre_s / fit.variance_s2
    rest = mx.wrap(offset_s - shift, slot_period_s)
    weight = mx.responsibility(rest, known, slot_period_s)
    total = float(np.sum(weight))
    spread = math.sqrt(float(np.dot(weight, rest * rest)) / total) if total else known.sigma_s
    weak = Mixture(min(known.fraction, _WEAK_FRACTION), known.sigma_s)
    ratio = mx.likelihood_ratio(rest, weak, slot_period_s)
    evidence = float(np.sum(np.log1p(weak.fraction * (ratio - 1.0))))
    return Posterior(
        shift,
        variance,
        Mixture(mx.bounded(total / n), spread),
        evidence + 0.5 * math.log(min(1.0, variance / variance_s2)),
    )


def _on_grid(
    offset_s: Array, variance_s2: float, known: Mixture, slot_period_s: float
) -> tuple[float, float]:
    """Mean and variance of prior times likelihood."""
    reach = _REACH * math.sqrt(variance_s2)
    # The narrowest peak there can be is six steps of the grid wide or more.
    step = min(reach / 40.0, known.sigma_s / math.sqrt(offset_s.size) / 3.0)
    half = math.ceil(reach / step)
    shift = step * np.arange(-half, half + 1.0)
    offset = mx.wrap(offset_s[None, :] - shift[:, None], slot_period_s)
    ratio = mx.likelihood_ratio(offset, known, slot_period_s)
    log_density = np.sum(np.log1p(known.fraction * (ratio - 1.0)), axis=1)
    log_density -= 0.5 * np.square(shift) / variance_s2
    density = np.exp(log_density - np.max(log_density))
    density /= np.sum(density)
    mean = float(np.dot(density, shift))
    return mean, float(np.dot(density, np.square(shift - mean)))
