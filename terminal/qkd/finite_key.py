"""Finite-key length of decoy-state BB84 with three intensities, from counts alone.

Source: Lim et al., Phys. Rev. A 89, 022307 (2014), in the form of Sidhu et al., npj Quantum Inf.
8, 18 (2022): key basis X, check basis Z, Chernoff or Hoeffding bounds, 21 error terms.
All numbers are plain floats; counts may be expectations, so they need not be whole.
"""

import math
from typing import Literal, NamedTuple

from config.mission import Security, Source

Triple = tuple[float, float, float]
"""One number per intensity: signal, decoy, vacuum."""

Bound = Literal["chernoff", "hoeffding"]
Leakage = Literal["efficiency", "one_way_finite"]

_PARTS = 21
"""Parts into which the secrecy failure probability is split (Lim et al. 2014)."""


class SiftedCounts(NamedTuple):
    """Clicks in slots where both ends took the same basis, key slots only."""

    x: Triple
    """Key basis, per intensity."""
    z: Triple
    """Check basis, per intensity."""
    x_errors: float
    """Wrong bits among all of x, over all intensities."""
    z_errors: Triple
    """Wrong bits among z, per intensity."""


class KeyParameters(NamedTuple):
    """What the two ends agreed on."""

    intensities: Triple
    """Mean photon numbers mu1 > mu2 + mu3, mu2 > mu3 >= 0."""
    probabilities: Triple
    """Of the intensities; sum 1."""
    secrecy: float
    """Failure probability eps_s."""
    correctness: float
    """Failure probability eps_c."""
    efficiency: float
    """Error correction leaks this many times the Shannon limit; at least 1."""
    leakage: Leakage = "one_way_finite"
    bound: Bound = "chernoff"


class KeyEstimate(NamedTuple):
    """What the counts are worth."""

    secret_key_bits: float
    """At least 0."""
    unclipped_key_bits: float
    """The same before it is cut at 0: what an optimiser should climb."""
    qber_x: float
    """1/2 without any count."""
    phase_error_x: float
    """Upper bound, at most 1/2."""
    single_photon_x: float
    vacuum_x: float
    """Lower bounds on the key-basis counts that came from one and from no photon."""
    leakage_ec_bits: float
    sifted_x: float
    sifted_z: float


def key_parameters(source: Source, security: Security) -> KeyParameters:
    """The parameters that a mission agreed on: Chernoff bounds, finite one-way leakage."""
    return KeyParameters(
        source.intensities,
        source.intensity_probabilities,
        security.secrecy,
        security.correctness,
        security.error_correction_efficiency,
    )


def key_length(counts: SiftedCounts, params: KeyParameters) -> KeyEstimate:
    """Secret bits that can be distilled from `counts`.

    Bounds are cut to what is possible (no more vacuum and single-photon counts than counts), so any
    possible counts, zeros included, give a finite answer. Raises ValueError naming the field for
    counts or parameters that cannot be.
    """
    check_counts(counts)
    check_parameters(params)
    beta = math.log(_PARTS / params.secrecy)
    sifted_x, sifted_z = sum(counts.x), sum(counts.z)

    vacuum_x, single_x = _photon_numbers(counts.x, params, beta)
    _, single_z = _photon_numbers(counts.z, params, beta)
    phase_error = _phase_error(counts.z_errors, single_z, single_x, params, beta)
    qber = counts.x_errors / sifted_x if sifted_x > 0 else 0.5
    leakage = leakage_bits(sifted_x, qber, params)
    unclipped = (
        vacuum_x
        + single_x * (1 - binary_entropy(phase_error))
        - leakage
        - 6 * math.log2(_PARTS / params.secrecy)
        - math.log2(2 / params.correctness)
    )
    return KeyEstimate(
        max(unclipped, 0.0),
        unclipped,
        qber,
        phase_error,
        single_x,
        vacuum_x,
        leakage,
        sifted_x,
        sifted_z,
    )


def binary_entropy(p: float) -> float:
    """Shannon entropy in bits of a coin that falls on one side with probability `p` in [0, 1]."""
    if p <= 0 or p >= 1:
        return 0.0
    return -p * math.log2(p) - (1 - p) * math.log2(1 - p)


def poisson_mixture(n: int, params: KeyParameters) -> float:
    """tau_n: probability that a pulse holds `n` photons, over the sender's choice of intensity."""
    pairs = zip(params.probabilities, params.intensities, strict=True)
    return sum(p * math.exp(-mu) * mu**n for p, mu in pairs) / math.factorial(n)


def deviation_below(count: float, total: float, beta: float, bound: Bound) -> float:
    """How far the mean may lie under a `count` that is part of `total`, but for exp(-beta)."""
    if bound == "hoeffding":
        return math.sqrt(total * beta / 2)
    return beta / 2 + math.sqrt(2 * beta * count + beta**2 / 4)


def deviation_above(count: float, total: float, beta: float, bound: Bound) -> float:
    """How far the mean may lie over a `count` that is part of `total`, but for exp(-beta)."""
    if bound == "hoeffding":
        return math.sqrt(total * beta / 2)
    return beta + math.sqrt(2 * beta * count + beta**2)


def leakage_bits(sifted: float, qber: float, params: KeyParameters) -> float:
    """Bits of a block of `sifted` that error correction tells the world, at least.

    "efficiency": f n h(Q). "one_way_finite": the larger of that and the finite-size limit of
    one-way codes (Tomamichel et al., Quantum Inf. Process. 16, 280 (2017)). A `qber` over 1/2
    counts as 1/2: who errs more often than a coin has something else wrong than noise.
    """
    qber = min(qber, 0.5)
    asymptotic = params.efficiency * sifted * binary_entropy(qber)
    whole = math.floor(sifted)
    # At Q = 0 the finite term goes to minus infinity, and the larger one is the asymptotic.
    if params.leakage == "efficiency" or whole == 0 or qber == 0:
        return asymptotic
    failure = params.correctness * (1 + 1 / math.sqrt(whole))
    typical = sifted * (1 - qber) - binomial_quantile(failure, whole, 1 - qber) - 1
    finite = (
        sifted * binary_entropy(qber)
        + typical * math.log2((1 - qber) / qber)
        - math.log2(sifted) / 2
        - math.log2(1 / params.correctness)
    )
    return max(asymptotic, finite)


def binomial_quantile(probability: float, trials: int, success: float) -> int:
    """Least k with P(K <= k) >= `probability`, K binomial(`trials`, `success`); 0 < both < 1."""
    from scipy.special import betainc

    low, high = -1, trials
    while high - low > 1:
        k = (low + high) // 2
        if betainc(trials - k, k + 1, 1 - success) >= probability:
            high = k
        else:
            low = k
    return high


def check_counts(counts: SiftedCounts) -> None:
    """Raises ValueError naming the field: negative, not finite, or more errors than counts."""
    fields = {"x": counts.x, "z": counts.z, "z_errors": counts.z_errors}
    for name, values in {**fields, "x_errors": (counts.x_errors,)}.items():
        if not all(math.isfinite(v) and v >= 0 for v in values):
            raise ValueError(f"{name}: counts must be finite and not negative, got {values}")
    if counts.x_errors > sum(counts.x):
        raise ValueError(f"x_errors: {counts.x_errors} errors in {sum(counts.x)} counts")
    for k, (errors, count) in enumerate(zip(counts.z_errors, counts.z, strict=True)):
        if errors > count:
            raise ValueError(f"z_errors[{k}]: {errors} errors in {count} counts")


def check_parameters(params: KeyParameters) -> None:
    """Raises ValueError naming the field if the decoy bounds do not hold for `params`."""
    mu1, mu2, mu3 = params.intensities
    if not (mu2 > mu3 >= 0 and mu2 + mu3 < mu1 < math.inf):
        raise ValueError("intensities: need mu1 > mu2 + mu3 and mu2 > mu3 >= 0")
    if not all(p > 0 for p in params.probabilities) or abs(sum(params.probabilities) - 1) > 1e-6:
        raise ValueError("probabilities: need three positive numbers with sum 1")
    for name, value in (("secrecy", params.secrecy), ("correctness", params.correctness)):
        if not 0 < value < 1:
            raise ValueError(f"{name}: need a number between 0 and 1, got {value}")
    if not 1 <= params.efficiency < math.inf:
        raise ValueError(f"efficiency: need at least 1, got {params.efficiency}")


def _below(counts: Triple, k: int, params: KeyParameters, beta: float) -> float:
    """Lower bound on e^mu_k / p_k times the mean of counts[k]."""
    mean = counts[k] - deviation_below(counts[k], sum(counts), beta, params.bound)
    return mean * math.exp(params.intensities[k]) / params.probabilities[k]


def _above(counts: Triple, k: int, params: KeyParameters, beta: float) -> float:
    """Upper bound on e^mu_k / p_k times the mean of counts[k]."""
    mean = counts[k] + deviation_above(counts[k], sum(counts), beta, params.bound)
    return mean * math.exp(params.intensities[k]) / params.probabilities[k]


def _photon_numbers(counts: Triple, params: KeyParameters, beta: float) -> tuple[float, float]:
    """Lower bounds on the counts of one basis that came from 0 and from 1 photon.

    In the vacuum bound the decoy counts enter with their lower bound, as in the published code
    (SatQuMA 2.0); strictly it takes their upper bound. With mu3 = 0 they drop out.
    """
    mu1, mu2, mu3 = params.intensities
    tau0, tau1 = poisson_mixture(0, params), poisson_mixture(1, params)
    decoy_low = _below(counts, 1, params, beta)
    total = sum(counts)

    s0 = tau0 * (mu2 * _below(counts, 2, params, beta) - mu3 * decoy_low) / (mu2 - mu3)
    s0 = min(max(s0, 0.0), total)

    multi = (mu2**2 - mu3**2) / mu1**2 * (_above(counts, 0, params, beta) - s0 / tau0)
    s1 = tau1 * mu1 * (decoy_low - _above(counts, 2, params, beta) - multi)
    s1 /= mu1 * (mu2 - mu3) - mu2**2 + mu3**2
    return s0, min(max(s1, 0.0), total - s0)


def _phase_error(
    z_errors: Triple, single_z: float, single_x: float, params: KeyParameters, beta: float
) -> float:
    """Upper bound on the phase error of the key basis' single-photon counts, at most 1/2.

    Errors among single photons are taken as at least one: the sampling term vanishes with the error
    rate, but a small sample without errors does not prove a rest without errors.
    """
    if single_z <= 0 or single_x <= 0:
        return 0.5
    _, mu2, mu3 = params.intensities
    errors = _above(z_errors, 1, params, beta) - _below(z_errors, 2, params, beta)
    errors *= poisson_mixture(1, params) / (mu2 - mu3)
    rate = max(min(errors, sum(z_errors)), 1.0) / single_z
    if rate >= 0.5:
        return 0.5
    return min(rate + _sampling(params.secrecy, rate, single_z, single_x), 0.5)


def _sampling(secrecy: float, rate: float, sample: float, rest: float) -> float:
    """gamma: how much worse the `rest` may be than a `sample` with error rate `rate` in (0, 1)."""
    spread = (1 - rate) * rate
    size = (sample + rest) / (sample * rest)
    return math.sqrt(
        size * spread / math.log(2) * math.log2(size * _PARTS**2 / (spread * secrecy**2))
    )
