"""Endless samples of a disturbance by name: its spectrum, rotors that change speed, events."""

from collections.abc import Iterator
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from sim_devices.disturbance import JitterSource, sampled
from sim_devices.disturbance_events import EventTrack
from sim_devices.randomness import stream
from sim_devices.spectra import DISTURBANCES, RotorSteps

Array = NDArray[np.float64]


class Source(Protocol):
    """One axis."""

    def take(self, n: int) -> Array:
        """(n,) rad, the next samples."""


class RotorSpeeds:
    """Which of its speeds a rotor has, from step to step. The same seed steps the same."""

    def __init__(self, steps: RotorSteps, rate_hz: float, rng: np.random.Generator) -> None:
        self._rng = rng
        self._count = len(steps.speeds)
        self._samples = max(1, round(steps.interval_s * rate_hz))
        self._left = self._samples
        self._index = int(rng.integers(self._count))

    def spans(self, n: int) -> Iterator[tuple[int, int]]:
        """(samples, index of the speed) of the next n samples."""
        while n > 0:
            if not self._left:
                self._left = self._samples
                self._index += 1 + int(self._rng.integers(self._count - 1))
                self._index %= self._count
            length = min(n, self._left)
            self._left -= length
            n -= length
            yield length, self._index


class RotorJitter:
    """Jitter with lines that follow the speed of a rotor; its state goes on over each step."""

    def __init__(
        self,
        spectrum: str,
        rate_hz: float,
        steps: RotorSteps,
        speeds: RotorSpeeds,
        rng: np.random.Generator,
    ) -> None:
        self._models = [sampled(spectrum, rate_hz, speed) for speed in steps.speeds]
        self._speeds = speeds
        self._index: int | None = None
        self._source: JitterSource | None = None
        self._rng = rng

    def take(self, n: int) -> Array:
        return np.concatenate([self._span(*span) for span in self._speeds.spans(n)])

    def _span(self, length: int, index: int) -> Array:
        if self._source is None:
            self._source = JitterSource(self._models[index], self._rng)
        elif index != self._index:
            self._source.change(self._models[index])
        self._index = index
        return self._source.take(length)


class _Sum:
    def __init__(self, parts: list[Source]) -> None:
        self._parts = parts

    def take(self, n: int) -> Array:
        return np.asarray(sum(part.take(n) for part in self._parts))


def jitter_source(name: str, rate_hz: float, seed: int, axis: int) -> Source:
    """The disturbance `name` of one axis (0 x, 1 y): angles as `angle_rad` of `qsky track`.

    The axes are independent, but for the rotor's speed and the times of events.
    """
    disturbance = DISTURBANCES[name]
    rng = stream(seed, f"jitter_{'xy'[axis]}")
    parts: list[Source] = []
    if disturbance.rotor:
        speeds = RotorSpeeds(disturbance.rotor, rate_hz, stream(seed, "rotor_speed"))
        parts.append(RotorJitter(name, rate_hz, disturbance.rotor, speeds, rng))
    else:
        parts.append(JitterSource(sampled(name, rate_hz), rng))
    for i, events in enumerate(disturbance.events):
        if events.kind != "gap":
            parts.append(EventTrack(events, rate_hz, stream(seed, f"events_{i}"), axis))
    return parts[0] if len(parts) == 1 else _Sum(parts)


def gaps(name: str, rate_hz: float, seed: int, n: int) -> NDArray[np.bool_]:
    """(n,) whether each of the first n samples has no measurement."""
    missing = np.zeros(n, bool)
    for i, events in enumerate(DISTURBANCES[name].events):
        if events.kind == "gap":
            track = EventTrack(events, rate_hz, stream(seed, f"events_{i}"), 0)
            missing |= track.take(n) > 0.0
    return missing
