"""A simulated pass through the recovery: what it gives, against the truth."""

from typing import NamedTuple

import numpy as np
from clock_truth import START_NS, Tick, Truth, random_pattern, ticks
from numpy.typing import NDArray

from terminal.quantum_messages import TimingCommand, TimingSample
from terminal.timetags import recovery, tracking
from terminal.timetags.pattern import PublicPattern
from terminal.timetags.recovery import LOCKED, Settings, TimingState
from terminal.timetags.time_gate import GateRule
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
        gate=GateRule(0.1e-9, 1e-9, 0.94),
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


def without_prediction(tick: Tick) -> TimingSample:
    nan = float("nan")
    return tick.sample._replace(pointing_valid=0, light_time_s=nan, light_time_rate=nan)
