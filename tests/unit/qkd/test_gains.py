"""Gains and error rates against what a drawn sender truly sent; flags against plain statements."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import beta, binom

from config.loader import load_scenario
from terminal.qkd.estimate_flags import EstimateFlag, estimate_flags, surely_above_half
from terminal.qkd.gains import gains
from terminal.qkd.sifting import Tally

SOURCE = load_scenario("leo_haps_downlink").mission.source
P = np.array(SOURCE.intensity_probabilities)
P_X = SOURCE.basis_x_probability


def drawn(seed: int, slots: int) -> tuple[Tally, np.ndarray, np.ndarray]:
    """A tally of so many key slots; true gain (2, 3) and true error rate (2, 3)."""
    rng = np.random.default_rng(seed)
    gain = np.array([[2e-3, 5e-4, 2e-5], [9e-4, 2e-4, 1e-5]])
    error = np.array([[0.01, 0.02, 0.5], [0.012, 0.03, 0.5]])
    sent = rng.multinomial(slots, np.append(np.outer([P_X, 1 - P_X], P).ravel(), 0.0))[:6]
    clicks = rng.binomial(sent, gain.ravel()).reshape(2, 3)
    disclosed = np.array([rng.binomial(clicks[0], 0.2), clicks[1]])
    wrong = rng.binomial(disclosed, error)
    triples = [tuple(row.tolist()) for row in (clicks[0] - disclosed[0], clicks[1], wrong[1])]
    told = [tuple(row.tolist()) for row in (disclosed[0], wrong[0])]
    return Tally(*triples, *told), gain, error


def test_the_truth_lies_within_the_sigmas_as_often_as_it_should() -> None:
    """200 passes, each count over 20 in the mean: 68.3 % of 2400 figures within one sigma."""
    off = []
    for seed in range(200):
        tally, gain, error = drawn(seed, 200_000_000)
        g = gains(tally, 200_000_000, SOURCE, 0.2)
        off += [((g.gain - gain) / g.gain_sigma).ravel()]
        known = np.isfinite(g.error_rate)
        off += [((g.error_rate - error) / g.error_rate_sigma)[known]]
    pulls = np.concatenate(off)
    within = np.mean(np.abs(pulls) < 1.0)
    # Three standard errors of the share of 2400, which is of counts, not of a normal law.
    assert within == pytest.approx(0.683, abs=0.03)
    assert np.abs(pulls).max() < 5.5


def test_one_sigma_is_that_of_the_beta_posterior() -> None:
    tally = Tally((0, 7, 3), (40, 0, 2), (1, 0, 2), (5, 1, 0), (2, 0, 0))
    g = gains(tally, 1000, SOURCE, 0.2)
    sent = P_X * P[1]
    assert g.gain[0, 1] == 8 / 1000 / sent
    assert g.gain_sigma[0, 1] == pytest.approx(beta(9, 993).std() / sent)
    assert g.error_rate[1, 0] == 1 / 40
    assert g.error_rate_sigma[1, 0] == pytest.approx(beta(2, 40).std())
    # Nothing counted is not nothing known; nothing disclosed is.
    assert g.gain[1, 1] == 0.0 < g.gain_sigma[1, 1]
    assert np.isnan(g.error_rate[0, 2])
    assert np.isnan(g.error_rate_sigma[1, 1])


def test_a_partner_that_tells_its_disclosed_bits_in_one_number() -> None:
    """Kept bits stand for all by the agreed share: the gain is that of the whole tally."""
    tally, gain, _ = drawn(7, 50_000_000)
    pooled = tally._replace(
        disclosed_x=(sum(tally.disclosed_x),), errors_disclosed_x=(sum(tally.errors_disclosed_x),)
    )
    g = gains(pooled, 50_000_000, SOURCE, 0.2)
    assert np.all(np.abs(g.gain - gain) < 5.0 * g.gain_sigma)
    assert np.isnan(g.error_rate[0]).all()
    assert np.isfinite(g.error_rate[1]).all()


def test_more_clicks_than_slots_are_refused() -> None:
    with pytest.raises(ValueError, match="key_slots"):
        gains(Tally(x=(10, 0, 0)), 9, SOURCE, 0.2)


@pytest.mark.parametrize(
    ("tally", "flags"),
    [
        (Tally((9, 0, 0), (9, 0, 0), (1, 0, 0), (9, 0, 0), (1, 0, 0)), EstimateFlag(0)),
        (
            Tally(),
            EstimateFlag.NO_KEY_BASIS | EstimateFlag.NO_CHECK_BASIS | EstimateFlag.NO_SAMPLE,
        ),
        (Tally((9, 0, 0), (0, 0, 0), (0, 0, 0), (9, 0, 0)), EstimateFlag.NO_CHECK_BASIS),
        (Tally((9, 0, 0), (9, 0, 0)), EstimateFlag.NO_SAMPLE),
        (
            Tally((9, 0, 0), (100, 0, 0), (97, 0, 0), (100, 0, 0), (98, 0, 0)),
            EstimateFlag.KEY_ERRORS_ABOVE_HALF | EstimateFlag.CHECK_ERRORS_ABOVE_HALF,
        ),
    ],
)
def test_what_speaks_against_the_counts_has_a_name(tally: Tally, flags: EstimateFlag) -> None:
    assert estimate_flags(tally) == flags


@given(st.integers(1, 10**9), st.floats(3, 7))
def test_half_is_surely_passed_where_a_fair_coin_would_hardly_err_so_often(
    bits: int, sigmas: float
) -> None:
    """By the binomial law itself, within Hoeffding's bound exp(-5^2 / 2).

    All of 25 wrong, 2^-25, is the least likely that is not sure.
    """
    errors = min(bits, round(bits / 2 + sigmas * math.sqrt(bits) / 2))
    chance = binom.sf(errors - 1, bits, 0.5)
    if surely_above_half(errors, bits):
        assert chance < math.exp(-12.5)
    else:
        assert chance > 0.99 * 2.0**-25
