"""What error correction tells the world of a sifted block. All arguments may be arrays."""

from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import betainc, entr, ndtri

Array = NDArray[np.float64]
Leakage = Literal["efficiency", "one_way_finite"]

_HALVINGS = 64
"""Enough for any whole number that a float holds."""


def binary_entropy(p: ArrayLike) -> Array:
    """Shannon entropy in bits of a coin that falls on one side with probability `p` in [0, 1]."""
    p = np.clip(p, 0.0, 1.0)
    bits: Array = (entr(p) + entr(1.0 - p)) / np.log(2.0)
    return bits


def leakage_bits(
    sifted: ArrayLike, qber: ArrayLike, correctness: float, efficiency: float, model: Leakage
) -> Array:
    """Bits of a block of `sifted` that error correction tells the world, at least.

    "efficiency": f n h(Q). "one_way_finite": the larger of that and the finite-size limit of
    one-way codes (Tomamichel et al., Quantum Inf. Process. 16, 280 (2017)). A `qber` over 1/2
    counts as 1/2: who errs more often than a coin has something else wrong than noise.
    """
    sifted = np.asarray(sifted, dtype=np.float64)
    qber = np.minimum(qber, 0.5)
    shannon = sifted * binary_entropy(qber)
    asymptotic: Array = efficiency * shannon
    if model == "efficiency":
        return asymptotic
    whole = np.floor(sifted)
    # At Q = 0 the finite term goes to minus infinity, and the larger one is the asymptotic.
    finite_size = (whole > 0) & (qber > 0)
    trials, wrong = np.where(finite_size, whole, 1.0), np.where(finite_size, qber, 0.5)
    failure = np.minimum(correctness * (1.0 + 1.0 / np.sqrt(trials)), 1.0)
    typical = sifted * (1.0 - wrong) - binomial_quantile(failure, trials, 1.0 - wrong) - 1.0
    finite = shannon + typical * (np.log2(1.0 - wrong) - np.log2(wrong))
    finite -= 0.5 * np.log2(np.where(finite_size, sifted, 1.0)) - np.log2(correctness)
    return np.where(finite_size, np.maximum(asymptotic, finite), asymptotic)


def binomial_quantile(probability: ArrayLike, trials: ArrayLike, success: ArrayLike) -> Array:
    """Least k with P(K <= k) >= `probability`, K binomial(`trials`, `success`), all broadcast.

    0 < probability <= 1, 0 < success < 1, trials whole. Bisection, begun at the Cornish-Fisher
    expansion, which is nearly always right to one or two.
    """
    probability, trials, success = np.broadcast_arrays(
        np.asarray(probability, dtype=np.float64),
        np.asarray(trials, dtype=np.float64),
        np.asarray(success, dtype=np.float64),
    )

    def reached(k: Array) -> NDArray[np.bool_]:
        inside = np.clip(k, 0.0, np.maximum(trials - 1.0, 0.0))
        below = betainc(trials - inside, inside + 1.0, 1.0 - success)
        return (k >= trials) | ((k >= 0.0) & (below >= probability))

    guess = np.floor(_cornish_fisher(probability, trials, success))
    low, high = np.clip(guess - 2.0, -1.0, trials), np.clip(guess + 2.0, 0.0, trials)
    low_is_high, high_is_high = reached(low), reached(high)
    low, high = (
        np.where(low_is_high, -1.0, np.where(high_is_high, low, high)),
        np.where(low_is_high, low, np.where(high_is_high, high, trials)),
    )
    for _ in range(_HALVINGS):
        if not np.any(high - low > 1.0):
            break
        middle = np.floor(0.5 * (low + high))
        is_high = reached(middle)
        low, high = np.where(is_high, low, middle), np.where(is_high, middle, high)
    return high


def _cornish_fisher(probability: Array, trials: Array, success: Array) -> Array:
    """The quantile's expansion about the normal one, up to 1 / sigma."""
    z = ndtri(np.clip(probability, 1e-300, 1.0 - 1e-16))
    skew = 1.0 - 2.0 * success
    variance = success * (1.0 - success)
    sigma = np.sqrt(np.maximum(trials * variance, 1e-300))
    third = (1.0 - 6.0 * variance) * (z**3 - 3.0 * z) / 24.0
    third -= skew**2 * (2.0 * z**3 - 5.0 * z) / 36.0
    guess: Array = trials * success + z * sigma + skew * (z**2 - 1.0) / 6.0 + third / sigma
    return guess
