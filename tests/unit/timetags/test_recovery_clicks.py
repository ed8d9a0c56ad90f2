"""Gate, delays and the result of each click in flight, against the truth of a simulated pass."""

from typing import NamedTuple

import numpy as np
import pytest
from clock_truth import Tick, Truth, ticks
from recovery_flight import PATTERN, SETTINGS, without_prediction

from terminal.quantum_messages import TimingCommand
from terminal.timetags import click_results, recovery
from terminal.timetags.mixture import Mixture
from terminal.timetags.recovery import LOCKED, LOCKED_MODULO, TimingState
from terminal.timetags.time_gate import half_width_s

T = SETTINGS.slot_period_s
JITTER_S = 200e-12
SHARE = 0.8
DELAYS_S = (150e-12, -120e-12, 60e-12, -200e-12)


class Flown(NamedTuple):
    """The locked ticks."""

    ticks: list[Tick]
    commands: list[TimingCommand]


def fly(truth: Truth, duration_s: float, *, predicted: bool = True) -> Flown:
    state, flown = TimingState(), Flown([], [])
    for tick in ticks(truth, duration_s):
        sample = tick.sample if predicted else without_prediction(tick)
        state, command = recovery.step(SETTINGS, state, sample)
        if command.status in (LOCKED, LOCKED_MODULO):
            flown.ticks.append(tick)
            flown.commands.append(command)
    return flown


@pytest.fixture(scope="module")
def noisy() -> Flown:
    return fly(Truth(PATTERN, signal_fraction=SHARE, channel_delay_s=DELAYS_S, seed=11), 12.0)


@pytest.mark.parametrize("predicted", [True, False])
def test_delays_of_the_detectors_are_found_and_taken_off(predicted: bool) -> None:
    """To the noise of the signal clicks so far; with a prediction or without."""
    truth = Truth(PATTERN, channel_delay_s=DELAYS_S, seed=12)
    flown = fly(truth, 10.0, predicted=predicted)
    error_s = flown.commands[-1].channel_delays_s - np.array(DELAYS_S)
    seconds = len(flown.commands) * truth.tick_s
    # A quarter of the clicks each; F = 0.72 of the information of signal alone, at 80 % signal.
    sigma_s = JITTER_S / np.sqrt(0.25 * 0.72 * truth.rate_hz * seconds)
    assert np.max(np.abs(error_s - error_s.mean())) < 5.0 * sigma_s
    assert sigma_s < 3e-12
    # What is left of the spread is the jitter, not sqrt(200^2 + 138^2).
    assert flown.commands[-1].timing_rms_s == pytest.approx(JITTER_S, rel=0.06)


def test_without_delays_none_is_taken_off() -> None:
    flown = fly(Truth(PATTERN, seed=13), 5.0)
    assert len(flown.commands) > 50
    assert not np.any([c.channel_delays_s for c in flown.commands])


def test_slots_are_right_in_the_gate_and_out_of_it(noisy: Flown) -> None:
    for tick, command in zip(noisy.ticks, noisy.commands, strict=True):
        signal = tick.slot >= 0
        assert np.all(command.slot >= 0)
        np.testing.assert_array_equal(command.slot[signal], tick.slot[signal])


def test_the_gate_is_that_of_the_true_jitter_and_background(noisy: Flown) -> None:
    due_s = half_width_s(Mixture(SHARE, JITTER_S), T, SETTINGS.gate.least_probability)
    settled = [c.gate_half_width_s for c in noisy.commands[40:]]
    # Signal share and jitter are means over 2000 clicks; the gate follows to 5 %.
    np.testing.assert_allclose(settled, due_s, rtol=0.15)
    assert len(set(settled)) < len(settled) / 10


def test_the_gate_follows_a_background_that_grows() -> None:
    """Five times the background from one tick to the next."""
    state, gates_s = TimingState(), []
    rng = np.random.default_rng(1)
    for k, tick in enumerate(ticks(Truth(PATTERN, signal_fraction=0.95, seed=14), 8.0)):
        sample = tick.sample
        if k >= 80:
            n = round(4 * 0.05 * sample.time_ps.size)
            more = rng.integers(sample.time_ps[0], sample.time_ps[-1], n)
            time_ps = np.concatenate([sample.time_ps, more])
            channel = np.concatenate([sample.channel, rng.integers(0, 4, n, np.uint8)])
            order = np.argsort(time_ps, kind="stable")
            sample = sample._replace(time_ps=time_ps[order], channel=channel[order])
        state, command = recovery.step(SETTINGS, state, sample)
        if command.status == LOCKED:
            gates_s.append(command.gate_half_width_s)
    least = SETTINGS.gate.least_probability
    before_s, after_s = (half_width_s(Mixture(p, JITTER_S), T, least) for p in (0.95, 0.95 / 1.2))
    assert gates_s[-81] == pytest.approx(before_s, rel=0.1)
    assert gates_s[-1] == pytest.approx(after_s, rel=0.1)


def test_the_gate_does_not_look_at_the_states_seen() -> None:
    """The same times and channels that tell another state: the same gates, to the last bit."""
    right, wrong = (list(ticks(Truth(PATTERN, error_rate=e, seed=15), 8.0)) for e in (0.0, 0.15))
    locked = TimingState()
    for tick in right[:40]:
        locked, command = recovery.step(SETTINGS, locked, tick.sample)
    assert command.status == LOCKED
    found = []
    for rest in (right[40:], wrong[40:]):
        state, gates_s = locked, []
        for tick in rest:
            state, command = recovery.step(SETTINGS, state, tick.sample)
            gates_s.append(command.gate_half_width_s)
        found.append((gates_s, command.public_counts))
    assert found[0][0] == found[1][0]
    assert not np.array_equal(found[0][1], found[1][1])


def test_weights_are_the_share_of_signal(noisy: Flown) -> None:
    """Of the clicks with a weight near w, the share w is signal in truth."""
    later = slice(40, None)
    weight = np.concatenate([click_results.signal_weight(c, T) for c in noisy.commands[later]])
    signal = np.concatenate([tick.slot >= 0 for tick in noisy.ticks[later]])
    assert weight.min() >= 0.0
    assert weight.max() <= 1.0
    for low, high in ((0.0, 0.1), (0.1, 0.5), (0.5, 0.9), (0.9, 1.0)):
        some = (weight >= low) & (weight < high)
        n, mean = int(some.sum()), float(weight[some].mean())
        assert n > 300
        # Jitter and share are known to a few per cent; so is the odds ratio.
        error = 4.0 * np.sqrt(mean * (1.0 - mean) / n) + 0.1 * mean * (1.0 - mean)
        assert signal[some].mean() == pytest.approx(mean, abs=error)


def test_what_counts_follows_from_the_record(noisy: Flown) -> None:
    for command in noisy.commands:
        taken = click_results.accepted(command)
        assert np.count_nonzero(taken) == command.clicks_in_gate
        assert np.count_nonzero(~taken) == command.clicks_out_of_gate
        residual_s = 1e-12 * np.abs(command.residual_ps)
        assert np.all(residual_s[taken] <= command.gate_half_width_s)
        assert np.all(residual_s[~taken] > command.gate_half_width_s)


def test_least_weight_that_counts_is_that_of_the_rule(noisy: Flown) -> None:
    weights = [
        click_results.signal_weight(c, T)[click_results.accepted(c)] for c in noisy.commands[40:]
    ]
    # The gate moves only where the rule wants it 5 % elsewhere.
    least = SETTINGS.gate.least_probability
    assert np.concatenate(weights).min() == pytest.approx(least, abs=0.02)


def test_without_a_clock_no_click_counts() -> None:
    tick = next(ticks(Truth(PATTERN, seed=16), 0.05))
    _, command = recovery.step(SETTINGS, TimingState(), tick.sample)
    assert not click_results.accepted(command).any()
    assert not click_results.signal_weight(command, T).any()
    assert command.gate_half_width_s == 0.0
