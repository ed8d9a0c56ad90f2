"""Test streams with their truth, for `qsky clock simulate`: single photons of a pulsed source."""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from config.pattern import public_pattern

_LIGHT_M_S = 299_792_458.0
_ARRIVAL_ITERATIONS = 6


class StreamPlan(NamedTuple):
    """What is simulated. The receiver's clock starts at 1 s."""

    duration_s: float
    rate_hz: float
    """All clicks."""
    background: float
    """Share of clicks that is no signal."""
    jitter_ps: float
    slot_ps: float
    ppm: float
    """Slot period over nominal at the start, minus 1, beside any fly-by."""
    drift_per_s: float
    pattern_slots: int
    public_share: float
    error_rate: float
    """Of signal clicks in the basis they were sent in."""
    flyby_km: float | None
    """Closest distance of a sender that passes straight at 7.5 km/s, in the middle; None: none."""
    seed: int
    delays_ps: tuple[float, ...] = (0.0, 0.0, 0.0, 0.0)
    """Of the detectors H V D A: their clicks come so much later."""


class SimulatedStream(NamedTuple):
    """In the order of time: time_ps, channel (0..3 = H V D A), and slot, pattern index of the
    nearest slot, each (n,); state: the pattern; the rest as `qsky clock recover` answers."""

    time_ps: NDArray[np.int64]
    channel: NDArray[np.uint8]
    slot: NDArray[np.int64]
    is_signal: NDArray[np.bool_]
    state: NDArray[np.uint8]
    frequency_offset: float
    drift_per_s: float
    offset_slots: int | None


_SPEED_M_S = 7500.0
_START_PS = 1_000_000_000_000


class _Link:
    """Arrival time of slots on the receiver's clock, and back."""

    def __init__(self, plan: StreamPlan) -> None:
        self._plan = plan
        self._first_s = self._light_s(np.zeros(1))[0] if plan.flyby_km is not None else 0.0

    def arrival_s(self, slot: NDArray[np.float64]) -> NDArray[np.float64]:
        """Of slot centres, after the start; slot 0 arrives at 0."""
        nominal = slot * self._plan.slot_ps * 1e-12
        sent = nominal * (1.0 + self._plan.ppm * 1e-6 + 0.5 * self._plan.drift_per_s * nominal)
        if self._plan.flyby_km is None:
            return sent
        return np.asarray(sent + self._light_s(sent) - self._first_s)

    def slot(self, arrival_s: NDArray[np.float64]) -> NDArray[np.float64]:
        """Slot, not whole, that arrives then: by iteration, which gains four digits a step."""
        period = self._plan.slot_ps * 1e-12
        slot = arrival_s / period
        for _ in range(_ARRIVAL_ITERATIONS):
            slot = slot + (arrival_s - self.arrival_s(slot)) / period
        return np.asarray(slot)

    def _light_s(self, sent_s: NDArray[np.float64]) -> NDArray[np.float64]:
        assert self._plan.flyby_km is not None
        along = _SPEED_M_S * (sent_s - 0.5 * self._plan.duration_s)
        return np.asarray(np.hypot(self._plan.flyby_km * 1e3, along) / _LIGHT_M_S)


def simulate_stream(plan: StreamPlan) -> SimulatedStream:
    """One realisation; the same plan gives the same stream."""
    rng = np.random.default_rng(plan.seed)
    state = public_pattern(plan.pattern_slots, plan.public_share, plan.seed)
    sent_states = np.where(state > 3, rng.integers(0, 4, state.size), state)
    link = _Link(plan)
    first_slot = int(rng.integers(0, plan.pattern_slots))

    signals = int(rng.poisson(plan.rate_hz * (1.0 - plan.background) * plan.duration_s))
    others = int(rng.poisson(plan.rate_hz * plan.background * plan.duration_s))
    last = float(link.slot(np.array([plan.duration_s]))[0])
    slot = np.rint(rng.uniform(0.0, last, signals))
    at = link.arrival_s(slot) + plan.jitter_ps * 1e-12 * rng.standard_normal(signals)
    sent = sent_states[(first_slot + slot.astype(np.int64)) % state.size]
    basis = rng.integers(0, 2, signals)
    wrong = rng.random(signals) < plan.error_rate
    bit = np.where(basis == sent // 2, sent % 2 ^ wrong, rng.integers(0, 2, signals))
    time_s = np.concatenate([at, rng.uniform(0.0, plan.duration_s, others)])
    channel = np.concatenate([2 * basis + bit, rng.integers(0, 4, others)]).astype(np.uint8)
    delay_s = 1e-12 * np.array(plan.delays_ps)
    time_s += delay_s[channel]
    is_signal = np.arange(signals + others) < signals

    order = np.argsort(time_s, kind="stable")
    time_s, channel = time_s[order], channel[order]
    nearest = np.rint(link.slot(time_s - delay_s[channel])).astype(np.int64)
    frequency, drift = _rates(link, plan, float(time_s[0]) if time_s.size else 0.0)
    index = (first_slot + nearest) % state.size
    return SimulatedStream(
        time_ps=_START_PS + np.rint(time_s * 1e12).astype(np.int64),
        channel=channel,
        slot=index,
        is_signal=is_signal[order],
        state=state,
        frequency_offset=frequency,
        drift_per_s=drift,
        offset_slots=int(index[0]) if index.size else None,
    )


def _rates(link: _Link, plan: StreamPlan, at_s: float) -> tuple[float, float]:
    """Frequency offset and its slope there, by differences over some milliseconds."""
    period = plan.slot_ps * 1e-12
    slot = float(link.slot(np.array([at_s]))[0])
    step = max(1.0, math.floor(0.02 / period))
    t = link.arrival_s(np.array([slot - step, slot, slot + step]))
    frequency = float(t[2] - t[0]) / (2.0 * step * period) - 1.0
    return frequency, float(t[2] - 2.0 * t[1] + t[0]) / (step * period) ** 2
