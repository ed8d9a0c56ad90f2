"""Recovery against a simulated pass: lock, track, coast, lock again, and never a wrong slot."""

from typing import NamedTuple

import numpy as np
import pytest
from clock_truth import START_NS, Tick, Truth, random_pattern, ticks
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from terminal.quantum_messages import TimingCommand, TimingSample
from terminal.timetags import recovery, tracking
from terminal.timetags.pattern import PublicPattern
from terminal.timetags.recovery import COASTING, LOCKED, SEARCHING, Settings, TimingState
from terminal.timetags.tracking import Track, process_noise

PATTERN = random_pattern(2**16, 0.1, 1)
WANDER = 5e-11


def make_settings(pattern: NDArray[np.uint8] = PATTERN) -> Settings:
    return Settings(
        pattern=PublicPattern(pattern),
        slot_period_s=5e-9,
        start_tai_ns=START_NS,
        search_ppm=10.0,
        false_lock_probability=1e-6,
        acquire_clicks=4000,
        gate_half_width_s=1e-9,
        unsure_sigma_s=0.4e-9,
        noise=process_noise(WANDER),
    )


SETTINGS = make_settings()


class Flown(NamedTuple):
    status: NDArray[np.int64]
    clicks_to_lock: int
    right: int
    wrong: int
    phase_error_s: NDArray[np.float64]
    phase_sigma_s: NDArray[np.float64]
    """Both at the end of a tick, NaN while there is no track."""
    frequency_error: NDArray[np.float64]
    frequency_sigma: NDArray[np.float64]
    state: TimingState
    command: TimingCommand


def fly(truth: Truth, duration_s: float, start_s: float = 0.0) -> Flown:
    state, command = TimingState(), TimingCommand()
    rows: list[tuple[float, ...]] = []
    clicks = right = wrong = 0
    for tick in ticks(truth, duration_s, start_s):
        if state.track is None:
            clicks += tick.sample.time_ps.size
        state, command = recovery.step(SETTINGS, state, tick.sample)
        assert command.slot.size == command.residual_ps.size == tick.sample.time_ps.size
        if command.status != LOCKED:
            assert np.all(command.slot == -1)
        given_signal = (command.slot >= 0) & (tick.slot >= 0)
        same = command.slot[given_signal] == tick.slot[given_signal]
        right += int(np.count_nonzero(same))
        wrong += int(np.count_nonzero(~same))
        rows.append((float(command.status), *errors(state.track, tick)))
    table = np.array(rows)
    return Flown(
        table[:, 0].astype(np.int64), clicks, right, wrong, *table[:, 1:].T, state, command
    )


def errors(track: Track | None, tick: Tick) -> tuple[float, float, float, float]:
    if track is None:
        return (float("nan"),) * 4
    track = tracking.predict(track, tick.u_s, SETTINGS.noise)
    return (
        track.phase_s - tick.phase_s,
        track.phase_sigma_s,
        track.frequency - tick.frequency,
        track.frequency_sigma,
    )


def rms(values: NDArray[np.float64]) -> float:
    return float(np.sqrt(np.mean(np.square(values))))


def test_a_minute_of_a_pass_without_a_slip() -> None:
    flown = fly(Truth(PATTERN), 60.0)
    assert 1000 < flown.clicks_to_lock < 3500
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
    ("rate_hz", "duration_s"), [(1e3, 30.0), (1e4, 15.0), (5e4, 10.0), (1.5e6, 1.5)]
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


def test_only_open_gate_good_stream_and_valid_prediction_count() -> None:
    for change in ({"gate_open": 0}, {"stream_defect": 1}, {"pointing_valid": 0}):
        state = TimingState()
        for tick in ticks(Truth(PATTERN, seed=8), 1.0):
            sample = tick.sample._replace(**change)
            state, command = recovery.step(SETTINGS, state, sample)
            assert command.status == SEARCHING
            assert np.all(command.slot == -1)
        assert state.collected.u_s.size == 0


def test_same_input_gives_the_same_bits_and_nothing_is_changed_in_place() -> None:
    samples = [tick.sample for tick in ticks(Truth(PATTERN, seed=9), 2.0)]
    for sample in samples:
        sample.time_ps.flags.writeable = False
        sample.channel.flags.writeable = False

    def bits() -> list[bytes]:
        state, out = TimingState(), []
        for sample in samples:
            before = state
            frozen = [np.array(x) for x in (before.public_counts, before.collected.u_s)]
            state, command = recovery.step(SETTINGS, state, sample)
            np.testing.assert_array_equal(before.public_counts, frozen[0])
            np.testing.assert_array_equal(before.collected.u_s, frozen[1])
            out.append(b"".join(np.asarray(x).tobytes() for x in command))
        return out

    assert bits() == bits()


ANY_FLOAT = st.floats(allow_nan=True, allow_infinity=True)


@settings(max_examples=100, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.integers(0, 10**10),
            ANY_FLOAT | st.floats(0.0, 0.01),
            ANY_FLOAT | st.floats(-3e-5, 3e-5),
            st.lists(st.integers(-(2**63), 2**63 - 1) | st.integers(0, 10**12), max_size=40),
            st.integers(0, 255),
        ),
        max_size=8,
    ),
    st.booleans(),
)
def test_nothing_that_comes_in_raises(
    rows: list[tuple[int, float, float, list[int], int]], tracking_already: bool
) -> None:
    state = TimingState()
    if tracking_already:
        mixture = tracking.Mixture(0.8, 2e-10)
        covariance = np.diag([1e-22, 1e-20, 1e-20])
        state = state._replace(track=Track(0.0, 0.0, 0.0, 0.0, covariance, mixture))
    for after_ns, delay_s, rate, times, channel in rows:
        sample = TimingSample(
            START_NS + after_ns,
            1,
            delay_s,
            rate,
            1,
            0,
            np.array(times, dtype=np.int64),
            np.full(len(times), channel, dtype=np.uint8),
        )
        state, command = recovery.step(SETTINGS, state, sample)
        assert command.slot.size == len(times)
        assert np.isfinite(command.phase_sigma_s)


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
