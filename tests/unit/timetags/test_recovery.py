"""Recovery against a simulated pass: lock, track, coast, lock again, and never a wrong slot."""

import numpy as np
import pytest
from clock_truth import START_NS, Truth, random_pattern, ticks
from recovery_flight import PATTERN, SETTINGS, errors, fly, make_settings, rms

from terminal.quantum_messages import TimingCommand
from terminal.timetags import recovery
from terminal.timetags.recovery import COASTING, LOCKED, SEARCHING, TimingState


def test_a_minute_of_a_pass_without_a_slip() -> None:
    flown = fly(Truth(PATTERN), 60.0)
    assert flown.clicks_to_lock < 3500
    locked = flown.status == LOCKED
    first = int(np.argmax(locked))
    assert np.all(locked[first:])
    assert flown.wrong == 0
    # 80 % signal, all of it within the gate of 5 sigma.
    assert flown.right > 0.79 * 500 * np.count_nonzero(locked)
    error, sigma = flown.phase_error_s[first + 20 :], flown.phase_sigma_s[first + 20 :]
    print(f"phase error {rms(error) * 1e12:.1f} ps rms, filter says {rms(sigma) * 1e12:.1f}")
    assert 0.5 < rms(error / sigma) < 1.2  # The allowances may make the filter modest, not bold.
    assert flown.command.timing_rms_s == pytest.approx(200e-12, rel=0.05)
    assert flown.command.signal_fraction == pytest.approx(0.8, abs=0.03)
    assert flown.command.false_lock_probability <= 1e-6


@pytest.mark.parametrize(
    ("rate_hz", "duration_s"), [(100.0, 90.0), (1e3, 30.0), (1e4, 15.0), (5e4, 10.0), (1.5e6, 1.5)]
)
def test_filter_knows_its_error_at_every_rate(rate_hz: float, duration_s: float) -> None:
    flown = fly(Truth(PATTERN, rate_hz=rate_hz, seed=2), duration_s)
    assert flown.wrong == 0
    assert flown.status[-1] == LOCKED
    late = slice(-len(flown.status) // 3, None)
    error, sigma = flown.phase_error_s[late], flown.phase_sigma_s[late]
    print(f"{rate_hz:.0f}/s: {rms(error) * 1e12:.1f} ps rms, filter says {rms(sigma) * 1e12:.1f}")
    assert rms(error / sigma) < 1.5


def test_frequency_without_wander_is_what_the_filter_says() -> None:
    quiet = Truth(PATTERN, white_fm=0.0, random_walk_fm=0.0, delay_walk_s=0.0, seed=3)
    flown = fly(quiet, 20.0)
    late = slice(200, None)
    ratio = rms(flown.frequency_error[late] / flown.frequency_sigma[late])
    print(f"frequency error {rms(flown.frequency_error[late]):.2e}, of sigma {ratio:.2f}")
    assert ratio < 1.2


@pytest.mark.parametrize("silent_for_s", [1.0, 5.0, 15.0, 40.0])
def test_an_outage_ends_in_the_right_slots(silent_for_s: float) -> None:
    truth = Truth(PATTERN, silent_s=(5.0, 5.0 + silent_for_s), seed=4)
    flown = fly(truth, 5.0 + silent_for_s + 4.0)
    silent = flown.status[101 : round((5.0 + silent_for_s) / 0.05) - 1]
    assert np.all(silent == COASTING)
    assert flown.wrong == 0
    assert flown.status[-1] == LOCKED
    after = flown.status[round((5.0 + silent_for_s) / 0.05) :]
    print(f"{silent_for_s} s of silence: locked {np.argmax(after == LOCKED) * 0.05:.2f} s after")
    error = flown.phase_error_s[100:] / flown.phase_sigma_s[100:]
    assert np.max(np.abs(error)) < 5.0


def test_first_lock_late_in_a_flight_still_knows_the_slot() -> None:
    """After 700 s the own clock is off by 2 ms, nearly half a pattern of 2^20 slots (and six of
    this one's): the frequency found puts it right."""
    flown = fly(Truth(PATTERN, culmination_s=720.0, seed=5), 2.0, start_s=700.0)
    assert flown.status[-1] == LOCKED
    assert (flown.wrong, flown.right > 10_000) == (0, True)


def test_background_instead_of_signal_is_coasted_through() -> None:
    state = TimingState()
    bright = list(ticks(Truth(PATTERN, seed=6), 5.0))
    for tick in bright[:60]:
        state, command = recovery.step(SETTINGS, state, tick.sample)
    assert command.status == LOCKED
    rng = np.random.default_rng(1)
    for tick in bright[60:]:
        noise = np.sort(rng.integers(tick.sample.time_ps[0], tick.sample.time_ps[-1], 200))
        sample = tick.sample._replace(time_ps=noise, channel=rng.integers(0, 4, 200, np.uint8))
        state, command = recovery.step(SETTINGS, state, sample)
        assert command.status == COASTING
    sigma_s = command.phase_sigma_s
    assert sigma_s > 30e-12  # It has grown: nothing was learnt from background.
    assert abs(errors(state.track, bright[-1])[0]) < 4 * sigma_s


def test_slots_that_do_not_fit_the_pattern_are_found_out() -> None:
    """A track put one slot beside the truth, as no click could tell, is dropped and locked anew."""
    state = TimingState()
    given_wrong, statuses = 0, []
    for k, tick in enumerate(ticks(Truth(PATTERN, seed=7), 8.0)):
        state, command = recovery.step(SETTINGS, state, tick.sample)
        if k == 60:
            assert command.status == LOCKED
            state = state._replace(track=state.track._replace(phase_s=state.track.phase_s + 5e-9))
        signal = (command.slot >= 0) & (tick.slot >= 0)
        wrong = np.any(command.slot[signal] != tick.slot[signal])
        given_wrong += int(wrong)
        statuses.append((command.status, bool(wrong)))
    assert 0 < given_wrong < 100  # A second or two of slots; 1000 public clicks tell.
    assert (SEARCHING, False) in statuses[61:]
    assert statuses[-1] == (LOCKED, False)
    assert (command.audits_failed, command.relocks) == (1, 1)


@pytest.mark.parametrize("tick_s", [0.02, 0.1, 0.2, 0.5])
def test_locks_at_any_rate_of_ticks(tick_s: float) -> None:
    flown = fly(Truth(PATTERN, rate_hz=2e3, tick_s=tick_s, seed=12), 8.0)
    assert flown.status[-1] == LOCKED
    assert flown.wrong == 0
    assert flown.right > 4000


def test_a_hundred_clicks_a_second_lock() -> None:
    """A tenth of the slots public: more than the four seconds that a straight line is good for."""
    for seed in (1, 2, 3):
        flown = fly(Truth(PATTERN, rate_hz=100.0, seed=seed), 30.0)
        assert flown.wrong == 0
        assert flown.status[-1] == LOCKED
        known = np.isfinite(flown.phase_error_s)
        error = flown.phase_error_s[known] / flown.phase_sigma_s[known]
        assert np.max(np.abs(error)) < 5.0


def test_no_lock_where_the_prediction_cannot_tell_repetitions_apart() -> None:
    """2^12 slots are 20 us; after 300 s the own clock is not trusted to half of that."""
    short = random_pattern(2**12, 0.5, 1)
    for start_s, locks in ((10.0, True), (300.0, False)):
        state, settings_ = TimingState(), make_settings(short)
        for tick in ticks(Truth(short), 2.0, start_s):
            state, command = recovery.step(settings_, state, tick.sample)
        assert (command.status == LOCKED) == locks


def test_live_quality_is_that_of_the_world() -> None:
    state, u, phase = TimingState(), [], []
    for tick in ticks(Truth(PATTERN, seed=15), 61.0):
        state, command = recovery.step(SETTINGS, state, tick.sample)
        u.append(tick.u_s)
        phase.append(tick.phase_s)
    # 20 % of 10,000 a second; half of them are counted, over twice the memory of 5 s.
    assert command.background_hz == pytest.approx(2000.0, rel=4.0 / np.sqrt(0.5 * 2000.0 * 10.0))
    true = np.interp(np.arange(1.0, 61.0), u, phase)
    for tau, found in ((1, command.allan_deviation_1s), (10, command.allan_deviation_10s)):
        second = true[2 * tau :] - 2.0 * true[tau:-tau] + true[: -2 * tau]
        expected = np.std(second) / np.sqrt(2.0) / tau
        print(f"Allan deviation at {tau} s: {found:.2e}, of the true phases {expected:.2e}")
        # The filter's own error is 10 ps.
        assert found == pytest.approx(expected, rel=0.15)
    assert (command.audits_failed, command.relocks) == (0, 0)


@pytest.mark.parametrize("step_s", [17e-6, -3e-9, 0.6e-9])
def test_a_step_of_the_prediction_costs_time_and_no_slot(step_s: float) -> None:
    """The navigation found that it was 5 km off: the true light time did not change."""
    state, command = TimingState(), TimingCommand()
    at_s, right, wrong, locked_after = 6.0, 0, 0, False
    for tick in ticks(Truth(PATTERN, rate_hz=5e3), 14.0, 0.0):
        sample = tick.sample
        after = (sample.t_ns - START_NS) * 1e-9 > at_s
        if after:
            sample = sample._replace(light_time_s=sample.light_time_s + step_s)
        state, command = recovery.step(SETTINGS, state, sample)
        given = (command.slot >= 0) & (tick.slot >= 0)
        same = command.slot[given] == tick.slot[given]
        right += int(np.count_nonzero(same))
        wrong += int(np.count_nonzero(~same))
        locked_after = locked_after or (after and command.status == LOCKED)
    assert locked_after
    assert wrong == 0
    assert right > 0
