"""A pass as it truly is, for tests of clock recovery: sender, light path, oscillator, detectors."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from terminal.quantum_messages import TimingSample

C_M_S = 299_792_458.0
START_NS = 1_800_000_000_000_000_000
TICK_S = 0.05
DETECTOR_ANGLE = np.radians([0.0, 90.0, 45.0, -45.0])


def random_pattern(length: int, share: float, seed: int) -> NDArray[np.uint8]:
    rng = np.random.default_rng(seed)
    state = rng.integers(0, 4, length).astype(np.uint8)
    state[rng.random(length) >= share] = 255
    return state


class Truth(NamedTuple):
    """Straight fly-by at constant speed: range^2 = closest^2 + (speed (t - culmination))^2."""

    pattern: NDArray[np.uint8]
    rate_hz: float = 10_000.0
    """All clicks."""
    signal_fraction: float = 0.8
    jitter_s: float = 200e-12
    slot_period_s: float = 5e-9
    clock_offset_s: float = 0.7e-6
    closest_m: float = 600e3
    speed_m_s: float = 7500.0
    culmination_s: float = 40.0
    radial_error_m: float = 200.0
    along_error_m: float = 500.0
    """By which the prediction misplaces the partner."""
    delay_walk_s: float = 1e-11
    """Of the true delay, per square-root second."""
    oscillator_offset: float = 3e-6
    white_fm: float = 5e-11
    random_walk_fm: float = 1e-11
    misalignment_rad: float = 0.1
    error_rate: float = 0.01
    channel_delay_s: tuple[float, float, float, float] = (0.0, 0.0, 0.0, 0.0)
    """Of the detectors H V D A."""
    silent_s: tuple[float, float] = (0.0, 0.0)
    """No clicks at all."""
    tick_s: float = TICK_S
    seed: int = 1


class Tick(NamedTuple):
    sample: TimingSample
    slot: NDArray[np.int64]
    """True slot of each click; -1: background."""
    u_s: float
    """Own time at the end of the tick, minus the delay predicted for it."""
    phase_s: float
    """What u_s is later than the (fractional) slot then received."""
    frequency: float
    """Slope of the phase over the last 20 ms."""


def _light_time_s(truth: Truth, t_s: NDArray[np.float64]) -> NDArray[np.float64]:
    along = truth.speed_m_s * (t_s - truth.culmination_s)
    return np.hypot(truth.closest_m, along) / C_M_S


def _predicted_s(truth: Truth, t_s: NDArray[np.float64]) -> NDArray[np.float64]:
    return _light_time_s(
        truth._replace(
            closest_m=truth.closest_m + truth.radial_error_m,
            culmination_s=truth.culmination_s + truth.along_error_m / truth.speed_m_s,
        ),
        t_s,
    )


def ticks(truth: Truth, duration_s: float, start_s: float = 0.0) -> Iterator[Tick]:
    """Ticks of the timing loop from start_s on; the oscillator has run since time 0."""
    rng = np.random.default_rng(truth.seed)
    n = round(duration_s / truth.tick_s)
    step = truth.tick_s / 10
    grid = start_s + step * np.arange(-10, 10 * n + 11)
    y = truth.oscillator_offset + truth.random_walk_fm * np.sqrt(step) * np.cumsum(
        rng.standard_normal(grid.size)
    )
    wander = np.cumsum(y * step + truth.white_fm * np.sqrt(step) * rng.standard_normal(grid.size))
    own_minus_true = truth.oscillator_offset * start_s + wander
    walk = truth.delay_walk_s * np.sqrt(step) * np.cumsum(rng.standard_normal(grid.size))

    def seen(s: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """True and own time at which light emitted at slot time s arrives."""
        arrival = s + truth.clock_offset_s
        sent = arrival
        for _ in range(5):
            arrival = sent + _light_time_s(truth, arrival) + np.interp(arrival, grid, walk)
        return arrival, arrival + np.interp(arrival, grid, own_minus_true)

    for k in range(n):
        begin = start_s + k * truth.tick_s
        end = begin + truth.tick_s
        silent = truth.silent_s[0] <= begin < truth.silent_s[1]
        count = 0 if silent else int(rng.poisson(truth.rate_hz * truth.tick_s))
        signal = rng.random(count) < truth.signal_fraction
        wanted = rng.uniform(begin, end, count)
        slot = np.rint((wanted - _light_time_s(truth, wanted)) / truth.slot_period_s).astype(
            np.int64
        )
        _, own = seen(slot * truth.slot_period_s)
        own += truth.jitter_s * rng.standard_normal(count)
        own[~signal] = (wanted + np.interp(wanted, grid, own_minus_true))[~signal]
        state = truth.pattern[slot % truth.pattern.size]
        state = np.where(state == 255, rng.integers(0, 4, count), state)
        basis = rng.integers(0, 2, count)
        turned = DETECTOR_ANGLE[state] + truth.misalignment_rad
        chance = np.cos(DETECTOR_ANGLE[2 * basis] - turned) ** 2
        first = rng.random(count) < chance * (1 - 2 * truth.error_rate) + truth.error_rate
        channel = np.where(signal, 2 * basis + ~first, rng.integers(0, 4, count)).astype(np.uint8)
        own += np.array(truth.channel_delay_s)[channel]
        order = np.argsort(own, kind="stable")
        around = np.array([end - 1e-3, end + 1e-3])
        delay = _predicted_s(truth, np.array([end - 1e-3, end, end + 1e-3]))
        probe = np.array([end - 0.02, end])
        sent = probe - _light_time_s(truth, probe)
        _, own_probe = seen(sent)
        u = own_probe - _predicted_s(truth, own_probe)
        yield Tick(
            TimingSample(
                t_ns=START_NS + round(end * 1e9),
                pointing_valid=1,
                light_time_s=float(delay[1]),
                light_time_rate=float((delay[2] - delay[0]) / (around[1] - around[0])),
                gate_open=1,
                stream_defect=0,
                time_ps=np.rint(own[order] * 1e12).astype(np.int64),
                channel=channel[order],
            ),
            np.where(signal, slot, -1)[order],
            float(u[1]),
            float(u[1] - sent[1]),
            float(((u - sent)[1] - (u - sent)[0]) / (u[1] - u[0])),
        )
