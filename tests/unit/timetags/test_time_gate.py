"""The gate against what it is defined by, and its bounds."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from terminal.timetags.mixture import Mixture, responsibility
from terminal.timetags.time_gate import GateRule, following, half_width_s

T = 5e-9
RULE = GateRule(0.1e-9, 0.6e-9, 0.94)

fractions = st.floats(0.01, 0.99)
sigmas = st.floats(25e-12, 800e-12)


@given(fractions, sigmas, st.floats(0.05, 0.99))
def test_at_the_edge_a_click_is_signal_with_the_least_probability(
    fraction: float, sigma_s: float, least: float
) -> None:
    mixture = Mixture(fraction, sigma_s)
    edge_s = half_width_s(mixture, T, least)
    at_edge = float(responsibility(np.array(edge_s), mixture, T))
    if edge_s > 0.0:
        assert at_edge == pytest.approx(least, rel=1e-9)
    else:
        assert at_edge <= least * (1.0 + 1e-9)


@given(fractions, sigmas, st.floats(0.0, 1e-9))
def test_it_stays_within_its_bounds_and_near_what_the_rule_wants(
    fraction: float, sigma_s: float, gate_s: float
) -> None:
    mixture = Mixture(fraction, sigma_s)
    gate_s = following(gate_s, mixture, T, RULE)
    gate_s = following(gate_s, mixture, T, RULE)
    wanted_s = min(max(half_width_s(mixture, T, 0.94), 0.1e-9), 0.6e-9)
    assert gate_s == pytest.approx(wanted_s, rel=0.06)
    assert 0.95 * 0.1e-9 <= gate_s <= 1.06 * 0.6e-9


def test_small_changes_do_not_move_it() -> None:
    gate_s, steps = 0.0, 0
    for k in range(1000):
        wobbling = Mixture(0.9 + 0.005 * math.sin(0.1 * k), 150e-12)
        now_s = following(gate_s, wobbling, T, RULE)
        steps += now_s != gate_s
        gate_s = now_s
    assert steps == 1


def test_more_background_or_less_jitter_makes_it_narrower() -> None:
    usual = following(0.0, Mixture(0.9, 150e-12), T, RULE)
    assert following(usual, Mixture(0.7, 150e-12), T, RULE) < usual
    assert following(usual, Mixture(0.9, 100e-12), T, RULE) < usual


def test_without_a_signal_worth_its_errors_it_is_the_narrowest() -> None:
    assert following(0.4e-9, Mixture(0.01, 150e-12), T, RULE) == RULE.narrowest_s
