"""Clicks of a steady link, made up: what the clock recovery costs depends on their number alone."""

import numpy as np

from config.mission import Source
from config.pattern import NOT_PUBLIC, public_pattern
from terminal.quantum_messages import TimingSample

START_TAI_NS = 1_800_000_000 * 10**9
OSCILLATOR_OFFSET = 1e-6
JITTER_S = 150e-12
LIGHT_TIME_S, LIGHT_TIME_RATE = 3e-3, -1.5e-5
NOISE_SHARE = 0.05


def timing_samples(source: Source, clicks: int, ticks: int, rate_hz: int) -> list[TimingSample]:
    """Successive ticks of the timing loop with `clicks` each, the link being open all the time."""
    rng = np.random.default_rng(1)
    pattern = public_pattern(source.pattern_length, source.public_share, source.pattern_seed)
    slot_s = 1.0 / source.pulse_rate_hz
    return [
        _sample(rng, pattern, slot_s, clicks, tick / rate_hz, (tick + 1) / rate_hz)
        for tick in range(ticks)
    ]


def _sample(
    rng: np.random.Generator,
    pattern: np.ndarray,
    slot_s: float,
    clicks: int,
    start_s: float,
    end_s: float,
) -> TimingSample:
    arrival_s = np.sort(rng.uniform(start_s, end_s, clicks))
    emitted_s = arrival_s - LIGHT_TIME_S - LIGHT_TIME_RATE * arrival_s
    slot = np.rint(emitted_s / slot_s).astype(np.int64)
    centred_s = (slot * slot_s + LIGHT_TIME_S) / (1.0 - LIGHT_TIME_RATE)
    signal = rng.random(clicks) >= NOISE_SHARE
    time_s = np.where(signal, centred_s + rng.normal(0.0, JITTER_S, clicks), arrival_s)

    sent = pattern[slot % len(pattern)]
    anything = rng.integers(0, 4, clicks, dtype=np.uint8)
    same_basis = sent >> 1 == anything >> 1
    channel = np.where((sent != NOT_PUBLIC) & same_basis & signal, sent, anything)
    return TimingSample(
        t_ns=START_TAI_NS + round(end_s * 1e9),
        pointing_valid=1,
        light_time_s=LIGHT_TIME_S + LIGHT_TIME_RATE * end_s,
        light_time_rate=LIGHT_TIME_RATE,
        gate_open=1,
        stream_defect=0,
        time_ps=np.rint(time_s * (1.0 + OSCILLATOR_OFFSET) * 1e12).astype(np.int64),
        channel=channel.astype(np.uint8),
    )
