"""Compiled loops over coincidences: those of many curves at once, and the sums of a fit."""

import math

import numpy as np
from numpy.typing import NDArray

from terminal.compiled import compiled
from terminal.timetags.mixture import Array


@compiled
def count_turned(
    x: Array,
    expected_s: Array,
    b_s: Array,
    rate_step_s: float,
    drift_step_s: float,
    bin_s: float,
    counts: NDArray[np.int64],
) -> None:
    """Histograms of b - expected - r rate_step x - d drift_step x^2, r and d about zero.

    x, expected_s: (n,), b_s: (m,), ascending. counts: (2 r_most + 1, 2 d_most + 1, bins), the
    middle of the bins being zero, to be filled; what is further from expected is left out.
    """
    rates, drifts, bins = counts.shape
    counts[:] = 0
    per_bin = 1.0 / bin_s
    half_s = 0.5 * bins * bin_s
    first = 0
    for i in range(x.size):
        low = expected_s[i] - half_s
        while first < b_s.size and b_s[first] < low:
            first += 1
        rate_step = rate_step_s * per_bin * x[i]
        drift_step = drift_step_s * per_bin * x[i] * x[i]
        k = first
        while k < b_s.size and b_s[k] <= low + 2.0 * half_s:
            along = (b_s[k] - low) * per_bin + 1.0
            for r in range(rates):
                turned = along - (r - rates // 2) * rate_step
                for d in range(drifts):
                    # From 1: what is just below the first bin is not rounded up into it.
                    index = np.int64(turned - (d - drifts // 2) * drift_step) - 1
                    if 0 <= index < bins:
                        counts[r, d, index] += 1
            k += 1


@compiled
def fit_sums(
    x: Array, rest_s: Array, curve: Array, fraction: float, sigma_s: float, width_s: float
) -> Array:
    """Sums for one step of a fit of a parabola to a Gaussian on a uniform floor.

    x, rest_s: (n,); curve: (3,), by powers of x. w: probability of a click to be signal.
    Returns (9,): sums of w x^k, k = 0..4, of w y x^k, k = 0..2, and of w y^2, y being what rest
    is above the curve.
    """
    sums = np.zeros(9)
    peak = fraction * width_s / (sigma_s * math.sqrt(2.0 * math.pi))
    steepness, floor = -0.5 / (sigma_s * sigma_s), 1.0 - fraction
    for i in range(x.size):
        u = x[i]
        y = rest_s[i] - (curve[0] + u * (curve[1] + u * curve[2]))
        signal = peak * math.exp(steepness * y * y)
        w = signal / (signal + floor)
        sums[0] += w
        sums[5] += w * y
        sums[8] += w * y * y
        w *= u
        sums[1] += w
        sums[6] += w * y
        w *= u
        sums[2] += w
        sums[7] += w * y
        w *= u
        sums[3] += w
        sums[4] += w * u
    return sums
