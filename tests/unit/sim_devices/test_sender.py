"""The sender's choices: frequencies against binomial scatter, and independence."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs
from scipy.stats import chi2_contingency, chisquare

from config.mission import Source
from config.pattern import public_pattern
from sim_devices.sender import NOT_PUBLIC, Sender

SOURCE = Source(
    wavelength_m=810e-9,
    pulse_rate_hz=200e6,
    intensities=(0.7, 0.15, 0.0),
    intensity_probabilities=(0.7, 0.2, 0.1),
    basis_x_probability=0.7,
    public_share=0.1,
    pattern_length=2**20,
    pattern_seed=20161219,
)
SLOT = np.arange(1_000_000)
# With a fixed seed each test passes or fails for good; 1e-4 leaves room for the number of tests.
P_LEAST = 1e-4


def cells(values: np.ndarray, n: int) -> np.ndarray:
    return np.bincount(values, minlength=n)


def test_states_bases_and_intensities_have_their_frequencies() -> None:
    sent = Sender(SOURCE, 1).slots(SLOT)
    own = ~sent.public
    n = int(own.sum())
    states = np.array([0.35, 0.35, 0.15, 0.15])
    assert chisquare(cells(sent.state[own], 4), states * n).pvalue > P_LEAST
    intensities = np.array(SOURCE.intensity_probabilities)
    assert chisquare(cells(sent.intensity[own], 3), intensities * n).pvalue > P_LEAST


def test_bit_basis_and_intensity_are_independent() -> None:
    sent = Sender(SOURCE, 1).slots(SLOT)
    own = ~sent.public
    table = np.bincount(sent.state[own] * 3 + sent.intensity[own], minlength=12).reshape(4, 3)
    assert chi2_contingency(table).pvalue > P_LEAST


def test_public_slots_carry_the_agreed_pattern_at_signal_intensity() -> None:
    slot = np.arange(3 * SOURCE.pattern_length - 5, 3 * SOURCE.pattern_length + 1000)
    sent = Sender(SOURCE, 1).slots(slot)
    agreed = public_pattern(SOURCE.pattern_length, SOURCE.public_share, SOURCE.pattern_seed)[
        slot % SOURCE.pattern_length
    ]
    assert np.array_equal(sent.public, agreed != NOT_PUBLIC)
    assert np.array_equal(sent.state[sent.public], agreed[sent.public])
    assert not sent.intensity[sent.public].any()


def test_public_share_is_binomial() -> None:
    public = int(Sender(SOURCE, 1).slots(SLOT).public.sum())
    n, p = len(SLOT), SOURCE.public_share
    assert public == pytest.approx(n * p, abs=4 * math.sqrt(n * p * (1 - p)))


@pytest.mark.parametrize("other_seed", [2, 3, 2**40])
def test_neighbouring_seeds_are_independent(other_seed: int) -> None:
    a, b = Sender(SOURCE, 1).slots(SLOT), Sender(SOURCE, other_seed).slots(SLOT)
    own = ~a.public
    table = np.bincount(4 * a.state[own] + b.state[own], minlength=16).reshape(4, 4)
    assert chi2_contingency(table).pvalue > P_LEAST
    table = np.bincount(3 * a.intensity[own] + b.intensity[own], minlength=9).reshape(3, 3)
    assert chi2_contingency(table).pvalue > P_LEAST


@pytest.mark.parametrize("lag", [1, 2, 64, 2**20])
def test_slots_are_independent_of_one_another(lag: int) -> None:
    sender = Sender(SOURCE, 1)
    a, b = sender.slots(SLOT), sender.slots(SLOT + lag)
    own = ~a.public & ~b.public
    table = np.bincount(4 * a.state[own] + b.state[own], minlength=16).reshape(4, 4)
    assert chi2_contingency(table).pvalue > P_LEAST


def test_the_key_is_independent_of_the_public_pattern() -> None:
    # Both come from one mixing function; their counters must not run in step.
    sent = Sender(SOURCE, SOURCE.pattern_seed).slots(SLOT)
    after = np.roll(sent.state, -1)
    own = sent.public & ~np.roll(sent.public, -1)
    table = np.bincount(4 * sent.state[own] + after[own], minlength=16).reshape(4, 4)
    assert chi2_contingency(table).pvalue > P_LEAST


@settings(deadline=None)
@given(st.lists(st.integers(0, 2**40), min_size=1, max_size=20), st.integers(0, 2**64))
def test_a_slot_is_what_it_is_in_any_company(slots: list[int], seed: int) -> None:
    sender = Sender(structs.replace(SOURCE, pattern_length=1024), seed)
    together = sender.slots(np.array(slots, np.int64))
    for i, slot in enumerate(slots):
        alone = sender.slots(np.array([slot], np.int64))
        assert [v[0] for v in alone] == [v[i] for v in together]
    assert together.state.dtype == together.intensity.dtype == np.uint8
