"""The finite-key bounds of decoy-state BB84 with three intensities, over arrays.

Source: Lim et al., Phys. Rev. A 89, 022307 (2014), in the form of Sidhu et al., npj Quantum Inf.
8, 18 (2022): key basis X, check basis Z, Chernoff or Hoeffding bounds, 21 error terms. These are
the only formulas of the key: the live estimate, the plan and the optimiser all come here.
"""

import math
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from terminal.qkd.leakage import Leakage, binary_entropy, leakage_bits

Array = NDArray[np.float64]
Bound = Literal["chernoff", "hoeffding"]
VacuumBound = Literal["strict", "published"]
"""With which bound the decoy counts enter the vacuum bound: their upper one (Lim et al. 2014), or
their lower one, as the published code has it (SatQuMA 2.0), which overstates the key. With mu3 = 0
both are the same."""

PARTS = 21
"""Parts into which the secrecy failure probability is split (Lim et al. 2014)."""


class KeyRules(NamedTuple):
    """How much is proven, and by which bounds."""

    secrecy: float
    """Failure probability eps_s."""
    correctness: float
    """Failure probability eps_c."""
    efficiency: float
    """Error correction leaks this many times the Shannon limit; at least 1."""
    leakage: Leakage = "one_way_finite"
    bound: Bound = "chernoff"
    vacuum: VacuumBound = "strict"

    @property
    def beta(self) -> float:
        """ln(21 / eps_s): exp(-beta) is what each tail bound may fail by."""
        return math.log(PARTS) - math.log(self.secrecy)

    @property
    def overhead_bits(self) -> float:
        """What privacy amplification and verification cost any key."""
        return 6.0 * self.beta / math.log(2.0) + 1.0 - math.log2(self.correctness)


class Counts(NamedTuple):
    """Sifted clicks of many sets of parameters; the last axis, where there is one, is signal,
    decoy, vacuum. Expectations need not be whole."""

    x: Array
    """(..., 3), key basis."""
    z: Array
    """(..., 3), check basis."""
    x_errors: Array
    """(...): wrong bits among all of x."""
    z_errors: Array
    """(..., 3)."""


class KeyBounds(NamedTuple):
    """What the counts are worth; all (...). Fields as of `finite_key.KeyEstimate`."""

    unclipped_key_bits: Array
    qber_x: Array
    phase_error_x: Array
    single_photon_x: Array
    vacuum_x: Array
    leakage_ec_bits: Array
    sifted_x: Array
    sifted_z: Array


def bound_key(
    counts: Counts, intensities: Array, probabilities: Array, rules: KeyRules
) -> KeyBounds:
    """Secret bits that can be distilled from possible `counts`, before they are cut at 0.

    intensities, probabilities: (..., 3), broadcast against the counts; see `KeyParameters` for
    what they may be. Bounds are cut to what is possible (no more vacuum and single-photon counts
    than counts), so any possible counts, zeros included, give a finite answer.
    """
    mixture = _mixture(intensities, probabilities)
    clicks = np.stack(np.broadcast_arrays(counts.x, counts.z))
    sifted_x, sifted_z = clicks.sum(axis=-1)
    (vacuum_x, _), (single_x, single_z) = _photon_numbers(clicks, mixture, rules)
    phase_error = _phase_error(counts.z_errors, single_z, single_x, mixture, rules)
    qber = np.where(sifted_x > 0, counts.x_errors / np.where(sifted_x > 0, sifted_x, 1.0), 0.5)
    leakage = leakage_bits(sifted_x, qber, rules.correctness, rules.efficiency, rules.leakage)
    unclipped = vacuum_x + single_x * (1.0 - binary_entropy(phase_error)) - leakage
    return KeyBounds(
        unclipped - rules.overhead_bits,
        qber,
        phase_error,
        single_x,
        vacuum_x,
        leakage,
        sifted_x,
        sifted_z,
    )


def poisson_mixture(n: int, intensities: Array, probabilities: Array) -> Array:
    """tau_n (...): probability that a pulse holds `n` photons, over the choice of intensity."""
    chance = probabilities * np.exp(-intensities) * intensities**n
    share: Array = chance.sum(axis=-1) / math.factorial(n)
    return share


def deviation_below(count: Array, total: Array, beta: float, bound: Bound) -> Array:
    """How far the mean may lie under a `count` that is part of `total`, but for exp(-beta)."""
    if bound == "hoeffding":
        return np.sqrt(total * (beta / 2.0))
    return beta / 2.0 + np.sqrt(2.0 * beta * count + beta**2 / 4.0)


def deviation_above(count: Array, total: Array, beta: float, bound: Bound) -> Array:
    """How far the mean may lie over a `count` that is part of `total`, but for exp(-beta)."""
    if bound == "hoeffding":
        return np.sqrt(total * (beta / 2.0))
    return beta + np.sqrt(2.0 * beta * count + beta**2)


class _Mixture(NamedTuple):
    """What the sender mixes, taken apart."""

    mu1: Array
    mu2: Array
    mu3: Array
    tau0: Array
    tau1: Array
    per_pulse: Array
    """(..., 3): e^mu_k / p_k."""


def _mixture(intensities: Array, probabilities: Array) -> _Mixture:
    return _Mixture(
        intensities[..., 0],
        intensities[..., 1],
        intensities[..., 2],
        poisson_mixture(0, intensities, probabilities),
        poisson_mixture(1, intensities, probabilities),
        np.exp(intensities) / probabilities,
    )


def _limits(counts: Array, mixture: _Mixture, rules: KeyRules) -> tuple[Array, Array]:
    """(lower, upper) bounds on e^mu_k / p_k times the mean of `counts` (..., 3)."""
    total = counts.sum(axis=-1, keepdims=True)
    low = counts - deviation_below(counts, total, rules.beta, rules.bound)
    high = counts + deviation_above(counts, total, rules.beta, rules.bound)
    return mixture.per_pulse * low, mixture.per_pulse * high


def _photon_numbers(clicks: Array, mixture: _Mixture, rules: KeyRules) -> tuple[Array, Array]:
    """Lower bounds (...) on how many of the `clicks` (..., 3) came from 0 and from 1 photon."""
    mu1, mu2, mu3, tau0, tau1, _ = mixture
    low, high = _limits(clicks, mixture, rules)
    total = clicks.sum(axis=-1)
    decoy = high[..., 1] if rules.vacuum == "strict" else low[..., 1]
    s0 = tau0 * (mu2 * low[..., 2] - mu3 * decoy) / (mu2 - mu3)
    s0 = np.clip(s0, 0.0, total)
    multi = (mu2**2 - mu3**2) / mu1**2 * (high[..., 0] - s0 / tau0)
    s1 = tau1 * mu1 * (low[..., 1] - high[..., 2] - multi)
    s1 /= (mu2 - mu3) * (mu1 - mu2 - mu3)
    return s0, np.clip(s1, 0.0, total - s0)


def _phase_error(
    z_errors: Array, single_z: Array, single_x: Array, mixture: _Mixture, rules: KeyRules
) -> Array:
    """Upper bound on the phase error of the key basis' single-photon counts, at most 1/2.

    Errors among single photons are taken as at least one: the sampling term vanishes with the error
    rate, but a small sample without errors does not prove a rest without errors.
    """
    low, high = _limits(z_errors, mixture, rules)
    errors = mixture.tau1 * (high[..., 1] - low[..., 2]) / (mixture.mu2 - mixture.mu3)
    errors = np.maximum(np.minimum(errors, z_errors.sum(axis=-1)), 1.0)
    known = (single_x > 0) & (single_z > 2.0 * errors)
    rate = np.where(known, errors / np.where(known, single_z, 1.0), 0.25)
    sample, rest = np.where(known, single_z, 1.0), np.where(known, single_x, 1.0)
    phase_error = np.minimum(rate + _sampling(rules.beta, rate, sample, rest), 0.5)
    return np.where(known, phase_error, 0.5)


def _sampling(beta: float, rate: Array, sample: Array, rest: Array) -> Array:
    """gamma: how much worse the `rest` may be than a `sample` with error rate `rate` in (0, 1)."""
    spread = (1.0 - rate) * rate
    size = 1.0 / sample + 1.0 / rest
    odds = (np.log(size / spread) + 2.0 * beta) / math.log(2.0)
    # A block of many bits and a loose secrecy can make the bound's logarithm negative.
    return np.sqrt(size * spread / math.log(2.0) * np.maximum(odds, 0.0))
