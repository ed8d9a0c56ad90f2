"""Click streams with their truth, for tests of recovery from a file: nothing is predicted."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

C_M_S = 299_792_458.0


class StreamTruth(NamedTuple):
    """Straight fly-by: range^2 = closest^2 + (speed (t - culmination))^2."""

    pattern: NDArray[np.uint8]
    rate_hz: float = 5000.0
    """All clicks."""
    duration_s: float = 2.0
    signal_fraction: float = 0.8
    jitter_s: float = 212e-12
    slot_period_s: float = 10e-9
    ppm: float = 0.0
    """Of the slot period."""
    drift_per_s: float = 0.0
    closest_m: float = 600e3
    speed_m_s: float = 0.0
    """Of the fly-by; 7500 in low orbit."""
    culmination_s: float = 0.0
    error_rate: float = 0.02
    start_ps: int = 5_000_000_000_000
    """Of the receiver's clock at the start."""
    first_slot: int = 12_345_678
    silent_s: tuple[float, float] = (0.0, 0.0)
    """No signal from .. to."""
    dark_s: tuple[float, float] = (0.0, 0.0)
    """No clicks at all from .. to."""
    detector_delay_s: tuple[float, ...] = (0.0, 0.0, 0.0, 0.0)
    seed: int = 1


class Stream(NamedTuple):
    """Sorted by time; slot: true pattern index of each click's nearest slot; exact: its centre."""

    time_ps: NDArray[np.int64]
    channel: NDArray[np.uint8]
    slot: NDArray[np.int64]
    centre_s: NDArray[np.float64]
    """Where that slot's centre lies, after the receiver's start; for background NaN."""
    is_signal: NDArray[np.bool_]
    frequency_offset: float
    drift_per_s: float
    """At the earliest click."""


def _arrival_s(truth: StreamTruth, s: NDArray[np.float64]) -> NDArray[np.float64]:
    """Arrival on the receiver's clock of what is sent at nominal time s after the start."""
    sent = s * (1.0 + truth.ppm * 1e-6) + 0.5 * truth.drift_per_s * s * s
    along = truth.speed_m_s * (sent - truth.culmination_s)
    far = truth.speed_m_s * truth.culmination_s
    delay = (np.hypot(truth.closest_m, along) - np.hypot(truth.closest_m, far)) / C_M_S
    return np.asarray(sent + delay)


def _sent_s(truth: StreamTruth, arrival: NDArray[np.float64]) -> NDArray[np.float64]:
    s = arrival.copy()
    for _ in range(8):
        s += arrival - _arrival_s(truth, s)
    return s


def make_stream(truth: StreamTruth) -> Stream:
    """One realisation."""
    rng = np.random.default_rng(truth.seed)
    n = int(rng.poisson(truth.rate_hz * truth.duration_s))
    wanted = np.sort(rng.uniform(0.0, truth.duration_s, n))
    signal = rng.random(n) < truth.signal_fraction
    dark = (wanted >= truth.dark_s[0]) & (wanted < truth.dark_s[1])
    silent = (wanted >= truth.silent_s[0]) & (wanted < truth.silent_s[1])
    keep = ~dark & ~(silent & signal)
    wanted, signal = wanted[keep], signal[keep]
    n = wanted.size
    period = truth.slot_period_s
    count = np.rint(_sent_s(truth, wanted) / period)
    centre = _arrival_s(truth, count * period)
    state = truth.pattern[(truth.first_slot + count.astype(np.int64)) % truth.pattern.size]
    state = np.where(state == 255, rng.integers(0, 4, n), state)
    basis = rng.integers(0, 2, n)
    same = basis == state // 2
    bit = np.where(same, state % 2, rng.integers(0, 2, n)) ^ (rng.random(n) < truth.error_rate)
    channel = np.where(signal, 2 * basis + bit, rng.integers(0, 4, n)).astype(np.uint8)
    at = np.where(signal, centre + truth.jitter_s * rng.standard_normal(n), wanted)
    nearest = np.rint(_sent_s(truth, at) / period)
    at = at + np.asarray(truth.detector_delay_s)[channel]
    order = np.argsort(at, kind="stable")
    time_ps = truth.start_ps + np.rint(at[order] * 1e12).astype(np.int64)
    first = _sent_s(truth, at[order][:1])
    h = 1e-3
    around = _arrival_s(truth, first + np.array([-h, 0.0, h]))
    wide = 0.05
    bent = _arrival_s(truth, first + np.array([-wide, 0.0, wide]))
    return Stream(
        time_ps=time_ps,
        channel=channel[order],
        slot=(truth.first_slot + nearest.astype(np.int64))[order] % truth.pattern.size,
        centre_s=np.where(signal, centre, np.nan)[order],
        is_signal=signal[order],
        frequency_offset=float((around[2] - around[0]) / (2 * h) - 1.0),
        drift_per_s=float((bent[2] - 2 * bent[1] + bent[0]) / wide**2),
    )
