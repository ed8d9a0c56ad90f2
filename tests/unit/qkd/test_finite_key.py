"""Closed forms, limits, monotony and soundness of the finite-key length."""

import math
from decimal import Decimal, getcontext
from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom

from config.mission import Security, Source
from terminal.qkd.decoy_bounds import deviation_above, deviation_below, poisson_mixture
from terminal.qkd.expected import Receiver, detection_probability, error_probability
from terminal.qkd.finite_key import KeyParameters, SiftedCounts, key_length, key_parameters
from terminal.qkd.leakage import binary_entropy, binomial_quantile, leakage_bits

MU = (0.6, 0.15, 0.01)
P = (0.7, 0.2, 0.1)
PARAMS = KeyParameters(MU, P, 1e-9, 1e-15, 1.16)
SHANNON = PARAMS._replace(leakage="efficiency")
GOOD = SiftedCounts(
    (800_000.0, 60_000.0, 3_000.0),
    (90_000.0, 7_000.0, 350.0),
    8_000.0,
    (900.0, 80.0, 20.0),
)
NOTHING = SiftedCounts((0, 0, 0), (0, 0, 0), 0, (0, 0, 0))


@pytest.mark.parametrize("vacuum_bound", ["strict", "published"])
@pytest.mark.parametrize("bound", ["chernoff", "hoeffding"])
def test_one_case_written_out_with_50_digits(bound, vacuum_bound):
    """The formulas line by line, in another arithmetic."""
    getcontext().prec = 50
    mu, p = [Decimal(str(v)) for v in MU], [Decimal(str(v)) for v in P]
    secrecy = Decimal("1e-9")
    beta = (21 / secrecy).ln()
    x, z, wrong = ([Decimal(v) for v in n] for n in (GOOD.x, GOOD.z, GOOD.z_errors))

    def log2(v):
        return v.ln() / Decimal(2).ln()

    def low(n, k):
        chernoff = beta / 2 + (2 * beta * n[k] + beta**2 / 4).sqrt()
        spread = chernoff if bound == "chernoff" else (sum(n) * beta / 2).sqrt()
        return mu[k].exp() / p[k] * (n[k] - spread)

    def high(n, k):
        chernoff = beta + (2 * beta * n[k] + beta**2).sqrt()
        spread = chernoff if bound == "chernoff" else (sum(n) * beta / 2).sqrt()
        return mu[k].exp() / p[k] * (n[k] + spread)

    tau0 = sum(p[k] * (-mu[k]).exp() for k in range(3))
    tau1 = sum(p[k] * (-mu[k]).exp() * mu[k] for k in range(3))

    def vacuum(n):
        decoy = high(n, 1) if vacuum_bound == "strict" else low(n, 1)
        value = tau0 * (mu[1] * low(n, 2) - mu[2] * decoy) / (mu[1] - mu[2])
        return max(value, Decimal(0))

    def single(n):
        top = low(n, 1) - high(n, 2)
        top -= (mu[1] ** 2 - mu[2] ** 2) / mu[0] ** 2 * (high(n, 0) - vacuum(n) / tau0)
        return tau1 * mu[0] * top / (mu[0] * (mu[1] - mu[2]) - mu[1] ** 2 + mu[2] ** 2)

    def entropy(q):
        return -q * log2(q) - (1 - q) * log2(1 - q)

    v1 = min(tau1 * (high(wrong, 1) - low(wrong, 2)) / (mu[1] - mu[2]), sum(wrong))
    c, d = single(z), single(x)
    b = v1 / c
    inner = (c + d) / (c * d * (1 - b) * b) * 21**2 / secrecy**2
    gamma = ((c + d) * (1 - b) * b / (c * d * Decimal(2).ln()) * log2(inner)).sqrt()
    phase_error = min(b + gamma, Decimal("0.5"))
    leakage = Decimal("1.16") * sum(x) * entropy(Decimal(GOOD.x_errors) / sum(x))
    bits = vacuum(x) + d * (1 - entropy(phase_error)) - leakage
    bits -= 6 * log2(21 / secrecy) + log2(2 / Decimal("1e-15"))

    estimate = key_length(GOOD, SHANNON._replace(bound=bound, vacuum=vacuum_bound))
    assert estimate.vacuum_x == pytest.approx(float(vacuum(x)), rel=1e-12)
    assert estimate.single_photon_x == pytest.approx(float(d), rel=1e-12)
    assert estimate.phase_error_x == pytest.approx(float(phase_error), rel=1e-12)
    assert estimate.leakage_ec_bits == pytest.approx(float(leakage), rel=1e-12)
    assert estimate.unclipped_key_bits == pytest.approx(float(bits), rel=1e-10)


def test_infinite_block_gives_the_asymptotic_two_decoy_rate():
    """Weak + vacuum decoy bounds of Ma et al., PRA 72, 012326 (2005), eqs 35 and 37."""
    mu, p, p_x, eta = (0.6, 0.1, 0.0), (0.5, 0.3, 0.2), 0.9, 1e-3
    receiver = Receiver(1e-6, 0.0, 0.01)
    pulses = 1e22
    gain = [float(detection_probability(eta, m, receiver)) for m in mu]
    wrong = [float(error_probability(eta, m, receiver)) for m in mu]
    counts = SiftedCounts(
        tuple(pulses * p_x**2 * a * g for a, g in zip(p, gain, strict=True)),
        tuple(pulses * (1 - p_x) ** 2 * a * g for a, g in zip(p, gain, strict=True)),
        pulses * p_x**2 * sum(a * w for a, w in zip(p, wrong, strict=True)),
        tuple(pulses * (1 - p_x) ** 2 * a * w for a, w in zip(p, wrong, strict=True)),
    )
    y0 = gain[2]
    y1 = gain[1] * math.exp(mu[1]) - gain[0] * math.exp(mu[0]) * mu[1] ** 2 / mu[0] ** 2
    y1 -= (mu[0] ** 2 - mu[1] ** 2) / mu[0] ** 2 * y0
    y1 *= mu[0] / (mu[0] * mu[1] - mu[1] ** 2)
    e1 = (wrong[1] * math.exp(mu[1]) - 0.5 * y0) / (y1 * mu[1])
    tau0 = sum(a * math.exp(-m) for a, m in zip(p, mu, strict=True))
    tau1 = sum(a * m * math.exp(-m) for a, m in zip(p, mu, strict=True))
    all_gain = sum(a * g for a, g in zip(p, gain, strict=True))
    qber = sum(a * w for a, w in zip(p, wrong, strict=True)) / all_gain
    rate = tau0 * y0 + tau1 * y1 * (1 - binary_entropy(e1))
    rate -= 1.16 * all_gain * binary_entropy(qber)

    params = KeyParameters(mu, p, 1e-9, 1e-15, 1.16, "efficiency")
    assert key_length(counts, params).secret_key_bits / pulses == pytest.approx(
        p_x**2 * rate, rel=1e-6
    )
    # No bound may exceed what the channel gives.
    assert y1 < 1 - (1 - y0) * (1 - eta)


def test_bounds_hold_for_channels_whose_photon_numbers_are_known():
    """Photon by photon: true single-photon counts and phase errors never pass the bounds."""
    rng = np.random.default_rng(5)
    eta, y0, flip = 3e-3, 2e-5, 0.015
    photons = np.arange(12)
    yields = 1 - (1 - y0) * (1 - eta) ** photons
    noise_share = y0 * (1 - eta) ** photons / yields
    error = 0.5 * noise_share + flip * (1 - noise_share)
    for pulses in (3e6, 3e7, 1e9):
        for _ in range(40):
            clicks = {}
            for basis, share in (("x", 0.81), ("z", 0.09)):
                mean = np.array(
                    [
                        pulses * share * p * np.exp(-m) * m**photons / _factorials(photons) * yields
                        for m, p in zip(MU, P, strict=True)
                    ]
                )
                clicks[basis] = rng.poisson(mean)
            # X and Z clicks come from the same channel, so phase errors in X follow Z's error rate.
            z_wrong = rng.binomial(clicks["z"], error)
            x_phase = rng.binomial(clicks["x"], error)
            counts = SiftedCounts(
                tuple(clicks["x"].sum(axis=1).tolist()),
                tuple(clicks["z"].sum(axis=1).tolist()),
                0.0,
                tuple(z_wrong.sum(axis=1).tolist()),
            )
            for bound in ("chernoff", "hoeffding"):
                estimate = key_length(counts, PARAMS._replace(bound=bound))
                single = clicks["x"][:, 1].sum()
                assert estimate.single_photon_x <= single
                assert estimate.vacuum_x <= clicks["x"][:, 0].sum()
                assert estimate.phase_error_x >= min(x_phase[:, 1].sum() / max(single, 1), 0.5)


def _factorials(n):
    return np.array([math.factorial(k) for k in n], dtype=float)


def test_no_counts_are_worth_nothing():
    estimate = key_length(NOTHING, PARAMS)
    assert estimate.secret_key_bits == 0
    assert (estimate.qber_x, estimate.phase_error_x) == (0.5, 0.5)
    assert estimate.leakage_ec_bits == 0


@pytest.mark.parametrize(
    "counts",
    [
        GOOD._replace(z=(0, 0, 0), z_errors=(0, 0, 0)),
        GOOD._replace(x=(0, 0, 0), x_errors=0),
        GOOD._replace(z_errors=GOOD.z),
        GOOD._replace(z=(0, 0, 100_000), z_errors=(0, 0, 0)),
        GOOD._replace(x_errors=sum(GOOD.x)),
        GOOD._replace(x_errors=sum(GOOD.x) / 2),
    ],
    ids=["no z", "no x", "z all wrong", "z vacuum only", "x all wrong", "x coin"],
)
def test_degenerate_counts_are_worth_nothing(counts):
    estimate = key_length(counts, PARAMS)
    assert estimate.secret_key_bits == 0
    assert all(math.isfinite(v) for v in estimate)


def test_a_check_basis_without_errors_does_not_prove_perfection():
    clean = key_length(GOOD._replace(z_errors=(0, 0, 0)), SHANNON)
    assert clean.phase_error_x > 1 / sum(GOOD.z)


triples = st.tuples(*[st.floats(0, 1e9)] * 3)
shares = st.tuples(*[st.floats(0, 1)] * 4)


@st.composite
def any_counts(draw):
    x, z, share = draw(triples), draw(triples), draw(shares)
    return SiftedCounts(
        x, z, share[3] * sum(x), tuple(a * b for a, b in zip(z, share[:3], strict=True))
    )


@given(any_counts(), st.sampled_from(["chernoff", "hoeffding"]))
def test_possible_counts_never_give_more_key_than_sifted_bits(counts, bound):
    estimate = key_length(counts, PARAMS._replace(bound=bound))
    assert all(math.isfinite(v) for v in estimate)
    assert 0 <= estimate.secret_key_bits <= sum(counts.x)
    assert 0 <= estimate.phase_error_x <= 0.5
    assert estimate.vacuum_x + estimate.single_photon_x <= sum(counts.x) * (1 + 1e-12)


@given(st.floats(0, 0.5), st.floats(0, 0.5), st.sampled_from(["signal", "decoy", "key"]))
def test_more_errors_never_give_more_key(a, b, where):
    """Of the vacuum's errors this is not asked: they show how many of the others are background."""

    def key(share):
        if where == "key":
            return key_length(GOOD._replace(x_errors=share * sum(GOOD.x)), SHANNON)
        k = 0 if where == "signal" else 1
        errors = list(GOOD.z_errors)
        errors[k] = share * GOOD.z[k]
        return key_length(GOOD._replace(z_errors=tuple(errors)), SHANNON)

    few, many = key(min(a, b)), key(max(a, b))
    assert many.unclipped_key_bits <= few.unclipped_key_bits + 1e-6


def test_longer_blocks_give_more_key_per_bit():
    def per_bit(scale):
        counts = SiftedCounts(
            tuple(scale * v for v in GOOD.x),
            tuple(scale * v for v in GOOD.z),
            scale * GOOD.x_errors,
            tuple(scale * v for v in GOOD.z_errors),
        )
        return key_length(counts, PARAMS).unclipped_key_bits / scale

    rates = [per_bit(scale) for scale in (0.1, 0.3, 1, 3, 10, 100)]
    assert rates == sorted(rates)


@pytest.mark.parametrize("failure", [1e-3, 1e-6])
def test_chernoff_deviations_hold_for_poisson_counts(failure):
    """Of means from 0.1 to 1000, counts so far off are rarer than the stated failure."""
    from scipy.stats import poisson

    beta = math.log(1 / failure)
    for mean in np.geomspace(0.1, 1000, 60):
        counts = np.arange(int(mean + 20 * math.sqrt(mean) + 60))
        low = counts - deviation_below(counts, counts, beta, "chernoff")
        high = counts + deviation_above(counts, counts, beta, "chernoff")
        chance = poisson.pmf(counts, mean)
        assert chance[low > mean].sum() <= failure
        assert chance[high < mean].sum() <= failure


@given(st.floats(1e-20, 0.999), st.integers(1, 10**8), st.floats(0.001, 0.999))
def test_binomial_quantile_agrees_with_scipy_stats(probability, trials, success):
    ours = int(binomial_quantile(probability, trials, success))
    theirs = int(binom.ppf(probability, trials, success))
    if ours != theirs:
        # Only where a step of the distribution meets the probability asked for, to rounding.
        assert abs(ours - theirs) == 1
        assert binom.cdf(min(ours, theirs), trials, success) == pytest.approx(
            probability, rel=1e-12
        )


def test_binomial_quantile_by_counting():
    for probability in (1e-6, 0.01, 0.3, 0.5, 0.9):
        total, k = Fraction(0), -1
        while total < probability:
            k += 1
            total += math.comb(40, k) * Fraction(9, 10) ** k * Fraction(1, 10) ** (40 - k)
        assert binomial_quantile(probability, 40, 0.9) == k


def test_leakage_stays_above_shannon_and_meets_it_for_long_blocks():
    excess = []
    for n in (1e3, 1e4, 1e5, 1e6, 1e7, 1e9):
        shannon = n * binary_entropy(0.02)
        leaked = leakage_bits(n, 0.02, 1e-15, 1.0, "one_way_finite")
        assert leaked >= shannon
        excess.append(leaked / shannon)
    assert all(later < earlier for earlier, later in pairwise(excess))
    assert excess[-1] == pytest.approx(1, abs=1e-2)


def test_poisson_mixture_is_a_distribution():
    total = sum(poisson_mixture(n, np.array(MU), np.array(P)) for n in range(20))
    assert total == pytest.approx(1, abs=1e-14)


@pytest.mark.parametrize(
    ("counts", "field"),
    [
        (GOOD._replace(x=(-1, 0, 0)), "x"),
        (GOOD._replace(z=(math.nan, 0, 0)), "z"),
        (GOOD._replace(x_errors=math.inf), "x_errors"),
        (GOOD._replace(x_errors=1e7), "x_errors"),
        (GOOD._replace(z_errors=(0, 8_000, 0)), r"z_errors\[1\]"),
        (GOOD._replace(z_errors=(0, 0, -1)), "z_errors"),
    ],
)
def test_impossible_counts_are_refused_by_name(counts, field):
    with pytest.raises(ValueError, match=rf"^{field}:"):
        key_length(counts, PARAMS)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"intensities": (0.2, 0.15, 0.06)}, "intensities"),
        ({"intensities": (0.6, 0.1, 0.1)}, "intensities"),
        ({"intensities": (0.6, 0.1, math.nan)}, "intensities"),
        ({"probabilities": (0.7, 0.3, 0.0)}, "probabilities"),
        ({"probabilities": (0.7, 0.2, 0.2)}, "probabilities"),
        ({"secrecy": 0.0}, "secrecy"),
        ({"correctness": 1.0}, "correctness"),
        ({"efficiency": 0.9}, "efficiency"),
    ],
)
def test_impossible_parameters_are_refused_by_name(change, field):
    with pytest.raises(ValueError, match=rf"^{field}:"):
        key_length(GOOD, PARAMS._replace(**change))


def test_parameters_come_from_the_mission():
    source = Source(
        wavelength_m=810e-9,
        pulse_rate_hz=2e8,
        intensities=MU,
        intensity_probabilities=P,
        basis_x_probability=0.9,
        public_share=0.1,
        pattern_length=2**20,
        pattern_seed=1,
    )
    security = Security(
        secrecy=1e-9, correctness=1e-15, error_correction_efficiency=1.16, disclosed_x_share=0.1
    )
    assert key_parameters(source, security) == PARAMS
