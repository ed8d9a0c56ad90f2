"""Fidelity of a Poissonian pair source: against photons thrown one by one, and its limits."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from terminal.optics.fidelity import Arm, fidelity, paired_share, poissonian_fidelity

SHARES = st.floats(0.01, 1.0)


@pytest.mark.parametrize(
    ("mean", "eta", "background"),
    [
        (0.05, (0.5, 0.3), (0.0, 0.0)),
        (0.3, (0.9, 0.8), (0.02, 0.1)),
        (0.02, (0.2, 0.2), (0.05, 0.0)),
    ],
)
def test_of_single_photons_at_each_end_the_share_that_are_a_pair(
    mean: float, eta: tuple[float, float], background: tuple[float, float]
) -> None:
    rng = np.random.default_rng(7)
    slots = 8_000_000
    pair_slot = np.repeat(np.arange(slots), rng.poisson(mean, slots))
    come = [rng.random(len(pair_slot)) < e for e in eta]
    number = [
        np.bincount(pair_slot[c], minlength=slots) + rng.poisson(b, slots)
        for c, b in zip(come, background, strict=True)
    ]
    whole = np.bincount(pair_slot[come[0] & come[1]], minlength=slots)
    accepted = (number[0] == 1) & (number[1] == 1)
    seen = float(np.mean(whole[accepted] == 1))
    due = paired_share(mean, *(Arm(e, b) for e, b in zip(eta, background, strict=True)))
    sigma = math.sqrt(due * (1 - due) / np.count_nonzero(accepted))
    assert sigma < 0.01
    assert seen == pytest.approx(due, abs=4 * sigma)


@given(SHARES, SHARES, st.floats(1e-6, 1e-3), st.floats(0.25, 1.0))
def test_few_pairs_without_background_keep_the_sources_fidelity(
    eta1: float, eta2: float, mean: float, source: float
) -> None:
    known = poissonian_fidelity(mean, Arm(eta1, 0.0), Arm(eta2, 0.0), source)
    assert known == pytest.approx(source, abs=mean)


@given(st.floats(1e-4, 1e-3), st.floats(1e-4, 1e-3), st.floats(0.0, 1e-3), st.floats(0.0, 1e-3))
def test_few_pairs_are_slots_with_one_when_asked_among_empty_ones(
    eta1: float, eta2: float, n1: float, n2: float
) -> None:
    """With a pair in the share mu of the slots, the model of a pair when asked holds in these, and
    background meets background in all. Both are known here to 1e-3."""
    mean = 1e-3
    first, second = Arm(eta1, n1), Arm(eta2, n2)
    accepted = mean * (eta1 + n1) * (eta2 + n2), (1 - mean) * n1 * n2
    due = (accepted[0] * fidelity(first, second) + accepted[1] / 4) / sum(accepted)
    assert poissonian_fidelity(mean, first, second) == pytest.approx(due, abs=4e-3)


def test_drowned_in_background_nothing_is_left() -> None:
    assert poissonian_fidelity(0.01, Arm(1e-3, 1.0), Arm(1e-3, 1.0)) == pytest.approx(
        0.25, abs=1e-6
    )


def test_best_number_of_pairs_lies_where_they_are_as_many_as_the_background() -> None:
    """Alone / paired = (mu eta + n)^2 / (mu eta^2) for small eta, least at mu = n / eta."""
    eta, n = 1e-3, 2e-5
    values = [poissonian_fidelity(m * n / eta, Arm(eta, n), Arm(eta, n)) for m in (0.5, 1.0, 2.0)]
    assert values[1] > max(values[0], values[2])
    assert (1 - values[1]) * 4 / 3 == pytest.approx(4 * n / eta / (1 + 4 * n / eta), rel=1e-2)


@pytest.mark.parametrize(
    ("mean", "arm", "source"),
    [
        (0.0, Arm(0.1, 0.0), 1.0),
        (math.nan, Arm(0.1, 0.0), 1.0),
        (0.1, Arm(1.1, 0.0), 1.0),
        (0.1, Arm(0.1, -1e-9), 1.0),
        (0.1, Arm(0.1, math.inf), 1.0),
        (0.1, Arm(0.0, 0.0), 1.0),
        (0.1, Arm(0.1, 0.0), 1.5),
    ],
)
def test_what_cannot_be_is_refused(mean: float, arm: Arm, source: float) -> None:
    with pytest.raises(ValueError):
        poissonian_fidelity(mean, arm, arm, source)
