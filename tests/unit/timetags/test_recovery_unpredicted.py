"""Without a prediction: the clock is known, the absolute slot is not, and none is given."""

import numpy as np
import pytest
from clock_truth import C_M_S, Truth, ticks
from recovery_flight import PATTERN, SETTINGS, without_prediction

from terminal.timetags import click_results, recovery
from terminal.timetags.frame import agreement
from terminal.timetags.recovery import COASTING, LOCKED, LOCKED_MODULO, TimingState


def doppler(truth: Truth, t_s: float) -> float:
    """Rate of the true light time."""
    along = truth.speed_m_s * (t_s - truth.culmination_s)
    return truth.speed_m_s * along / (float(np.hypot(truth.closest_m, along)) * C_M_S)


def test_without_a_prediction_the_clock_is_known_and_no_slot_is_given() -> None:
    truth = Truth(PATTERN, rate_hz=5e3, seed=13)
    state, right, statuses = TimingState(), 0, []
    for k, tick in enumerate(ticks(truth, 12.0)):
        predicted = k >= 120
        sample = tick.sample if predicted else without_prediction(tick)
        state, command = recovery.step(SETTINGS, state, sample)
        statuses.append(command.status)
        if not predicted:
            assert np.all(command.slot == -1)
        given = (command.slot >= 0) & (tick.slot >= 0)
        np.testing.assert_array_equal(command.slot[given], tick.slot[given])
        right += int(np.count_nonzero(given))
        if command.status == LOCKED_MODULO:
            t_s = (k + 0.5) * truth.tick_s
            # Over the true light time, which the own clock's offset stretches in its turn.
            expected = truth.oscillator_offset + doppler(truth, t_s)
            assert command.frequency_offset == pytest.approx(expected, abs=2e-9)
            counts = command.public_counts
            # Without a slot no click counts, near its centre or not.
            assert command.clicks_in_gate == 0
            assert command.clicks_out_of_gate == sample.time_ps.size
            assert not click_results.accepted(command).any()
    assert statuses[:120].count(LOCKED_MODULO) > 60
    # The pattern fits modulo its length: what the polarisation is trimmed by is right.
    assert agreement(counts) > 100.0
    assert statuses[-1] == LOCKED
    assert right > 10_000
    assert command.relocks == 1


def test_a_prediction_lost_and_found_again_costs_no_slot() -> None:
    """First the known clock coasts, then another is found without a prediction; it is not carried
    over."""
    state, statuses = TimingState(), []
    for k, tick in enumerate(ticks(Truth(PATTERN, rate_hz=2e3, seed=14), 45.0)):
        lost = 100 <= k < 800
        sample = without_prediction(tick) if lost else tick.sample
        state, command = recovery.step(SETTINGS, state, sample)
        statuses.append(command.status)
        given = (command.slot >= 0) & (tick.slot >= 0)
        assert not (lost and given.any())
        np.testing.assert_array_equal(command.slot[given], tick.slot[given])
    assert statuses[99] == LOCKED
    assert statuses[100] == COASTING
    assert statuses[799] == LOCKED_MODULO
    assert statuses[-1] == LOCKED


def test_a_tick_without_a_prediction_costs_the_search_nothing_else() -> None:
    """Every eighth tick has none."""
    state, collected, locked = TimingState(), [], 0
    for k, tick in enumerate(ticks(Truth(PATTERN, rate_hz=1e3, seed=17), 12.0)):
        sample = without_prediction(tick) if k % 8 == 7 else tick.sample
        state, command = recovery.step(SETTINGS, state, sample)
        if state.track is None:
            collected.append(state.collected.u_s.size)
        locked += command.status == LOCKED
        given = (command.slot >= 0) & (tick.slot >= 0)
        np.testing.assert_array_equal(command.slot[given], tick.slot[given])
    assert collected == sorted(collected)
    assert locked > 100
