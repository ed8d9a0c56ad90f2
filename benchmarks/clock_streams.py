"""Clicks of a pulsed source on a geometric fly-by, with their truth; no code of the product."""

import math
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

C_M_S = 299_792_458.0
JITTER_S = 212e-12
_CLICKS_AT_ONCE = 500_000
_WANDER_STEP_S = 5e-3
_ITERATIONS = 6
"""Each gains four digits."""

Array = NDArray[np.float64]


class Stream(NamedTuple):
    """A source on a straight fly-by, closest to the receiver at emission time 0."""

    clicks: int | None = None
    """Exactly so many; None: as a Poisson process of rate_hz gives in span_s."""
    rate_hz: float = 500.0
    """All clicks, background included."""
    span_s: float = 0.49
    background: float = 0.2
    """Share of all clicks."""
    error_rate: float = 0.02
    share_hv: float = 0.5
    """Of the clicks of signal: detector basis."""
    slot_period_s: float = 10e-9
    jitter_s: float = JITTER_S
    closest_m: float = 600e3
    speed_m_s: float = 7500.0
    """0: a partner at rest, whose clock may still drift."""
    start_s: float = -60.0
    """Emission time of the first click, about."""
    frequency_offset: float = 3e-6
    """Of the slot period on the receiver's clock, beside the Doppler shift ..."""
    drift_per_s: float = 0.0
    """... at start_s, and its slope."""
    wander_s: float = 0.0
    """Per square-root second: random walk of the clock, as white noise of frequency makes it."""
    silent_s: tuple[float, float] = (0.0, 0.0)
    """Seconds after start_s between which there is background alone."""


class Clicks(NamedTuple):
    """What the receiver sees and, after it, what is true."""

    time_ps: NDArray[np.int64]
    channel: NDArray[np.uint8]
    slot: NDArray[np.int64]
    """Of the pulse; of background, of the nearest one."""
    signal: NDArray[np.bool_]
    centre_s: Array
    """When that pulse is centred, after the sender's zero_ps."""
    offset_s: Array
    """Of the click from it."""
    frequency_offset: float
    drift_per_s: float
    """At the earliest click."""


class Sender:
    """One realisation of a stream."""

    def __init__(self, stream: Stream, state: NDArray[np.uint8], rng: np.random.Generator) -> None:
        self.stream = stream
        self.zero_ps = int(rng.integers(0, 10**15))
        """Reading of the receiver's clock when the first slot arrives."""
        self._state, self._rng = state, rng
        self._first = round(stream.start_s / stream.slot_period_s)
        self.shift = int(rng.integers(0, 10**6)) * state.size + self._first % state.size
        """Pattern index of that slot, plus whole patterns."""
        steps = math.ceil(stream.span_s / _WANDER_STEP_S) + 2 if stream.wander_s else 1
        walk = np.cumsum(rng.standard_normal(steps))
        self._wander_s = stream.wander_s * math.sqrt(_WANDER_STEP_S) * walk

    def blocks(self) -> Iterator[Clicks]:
        """All of span_s, in the order of time."""
        stream = self.stream
        block_s = _CLICKS_AT_ONCE / stream.rate_hz
        count = max(1, math.ceil(stream.span_s / block_s))
        edges = np.linspace(0, round(stream.span_s / stream.slot_period_s), count + 1)
        for begin, end in zip(edges[:-1].astype(int), edges[1:].astype(int), strict=True):
            clicks = self._rng.poisson(stream.rate_hz * (end - begin) * stream.slot_period_s)
            # A slot is left out at the edge, so that no jitter reaches over it.
            yield self.clicks(int(clicks), int(begin), int(end) - 1)

    def clicks(self, count: int, begin: int, end: int) -> Clicks:
        """So many clicks of slots begin to end (not included), counted from the first one."""
        stream, rng = self.stream, self._rng
        period = stream.slot_period_s
        slot = np.sort(rng.integers(begin, end, count))
        signal = rng.random(count) >= stream.background
        since_s = slot * period
        silent = (since_s >= stream.silent_s[0]) & (since_s < stream.silent_s[1])
        kept = ~(silent & signal)
        slot, signal = slot[kept], signal[kept]
        centre = self.read_s(slot.astype(np.float64))
        # Background knows no slots. Uniform in emission time, it is so in reading time to 1e-6.
        scatter = np.where(
            signal,
            stream.jitter_s * rng.standard_normal(slot.size),
            period * rng.uniform(-0.5, 0.5, slot.size),
        )
        read = centre + scatter

        sent = self._state[(slot + self.shift) % self._state.size]
        sent = np.where(sent == 255, rng.integers(0, 4, slot.size), sent)
        basis = np.where(rng.random(slot.size) < stream.share_hv, 0, 1)
        wrong = rng.random(slot.size) < stream.error_rate
        bit = np.where(sent >> 1 == basis, (sent & 1) ^ wrong, rng.integers(0, 2, slot.size))
        channel = np.where(signal, 2 * basis + bit, rng.integers(0, 4, slot.size))

        order = np.argsort(read, kind="stable")
        earliest = slot[order[:1]] * period
        rate, drift = self.rate(float(earliest[0]) if earliest.size else 0.0)
        return Clicks(
            self.zero_ps + np.rint(read[order] * 1e12).astype(np.int64),
            channel[order].astype(np.uint8),
            slot[order] + self.shift,
            signal[order],
            centre[order],
            scatter[order],
            rate,
            drift,
        )

    def read_s(self, slot: Array) -> Array:
        """When the pulse of this slot is centred, after zero_ps; slot 0 is the first one."""
        stream = self.stream
        since = slot * stream.slot_period_s
        clock = stream.frequency_offset * since + 0.5 * stream.drift_per_s * np.square(since)
        clock += np.interp(since / _WANDER_STEP_S, np.arange(self._wander_s.size), self._wander_s)
        start = self._first * stream.slot_period_s
        range_m = np.hypot(stream.closest_m, stream.speed_m_s * (start + since))
        nearest = math.hypot(stream.closest_m, stream.speed_m_s * start)
        return np.asarray(since + (range_m - nearest) / C_M_S + clock)

    def phase_s(self, read_s: Array) -> Array:
        """What readings (after zero_ps) are later than slots times their nominal period."""
        period = self.stream.slot_period_s
        slot = read_s / period
        for _ in range(_ITERATIONS):
            slot = slot + (read_s - self.read_s(slot)) / period
        return np.asarray(read_s - slot * period)

    def rate(self, since_s: float) -> tuple[float, float]:
        """Read over emitted interval, minus 1, and its slope by the reading."""
        stream = self.stream
        emitted_s = self._first * stream.slot_period_s + since_s
        distance = math.hypot(stream.closest_m, stream.speed_m_s * emitted_s)
        range_rate = stream.speed_m_s**2 * emitted_s / distance
        range_acceleration = (stream.speed_m_s**2 - range_rate**2) / distance
        rate = range_rate / C_M_S + stream.frequency_offset + stream.drift_per_s * since_s
        return rate, (range_acceleration / C_M_S + stream.drift_per_s) / (1.0 + rate)


def random_pattern(length: int, share: float, seed: int) -> NDArray[np.uint8]:
    """States 0..3, a share of the slots public."""
    rng = np.random.default_rng(seed)
    state = rng.integers(0, 4, length).astype(np.uint8)
    state[rng.random(length) >= share] = 255
    return state


def make(stream: Stream, state: NDArray[np.uint8], rng: np.random.Generator) -> Clicks:
    """A stream of clicks, all at once."""
    count = int(rng.poisson(stream.rate_hz * stream.span_s))
    count = count if stream.clicks is None else stream.clicks
    span_s = stream.span_s if stream.clicks is None else stream.clicks / stream.rate_hz
    return Sender(stream, state, rng).clicks(count, 0, round(span_s / stream.slot_period_s))
