"""Steps, gusts and gaps at random times."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sim_devices.spectra import Events

Array = NDArray[np.float64]


class Event(NamedTuple):
    """One transient: samples from the start of all, and x, y in rad."""

    start: int
    length: int
    amplitude_rad: tuple[float, float]


class EventTrack:
    """The events of one kind along time, as one axis sees them.

    Tracks with equal seeds have equal events, so that each axis can have a track of its own.
    """

    def __init__(self, events: Events, rate_hz: float, rng: np.random.Generator, axis: int) -> None:
        """axis: 0 x, 1 y."""
        self._events, self._rate_hz, self._rng, self._axis = events, rate_hz, rng, axis
        self._at = 0
        self._level_rad = 0.0
        self._active: list[Event] = []
        self._next = self._draw(0)

    def _draw(self, after: int) -> Event:
        rng, events = self._rng, self._events
        start = after + max(1, round(rng.exponential(events.interval_s) * self._rate_hz))
        length = max(1, round(rng.uniform(0.5, 1.5) * events.length_s * self._rate_hz))
        x, y = (events.amplitude_rad * rng.normal(size=2)).tolist()
        return Event(start, length, (x, y))

    def take(self, n: int) -> Array:
        """(n,) rad, the next samples; of gaps 1 where there is no measurement, else 0."""
        begin, end = self._at, self._at + n
        self._at = end
        while self._next.start < end:
            self._active.append(self._next)
            self._next = self._draw(self._next.start)
        out = np.full(n, self._level_rad)
        for event in self._active:
            self._add(event, out, begin)
        self._active = [e for e in self._active if e.start + e.length > end]
        return out

    def _add(self, event: Event, out: Array, begin: int) -> None:
        first = max(event.start, begin)
        stop = min(event.start + event.length, begin + len(out))
        amplitude = event.amplitude_rad[self._axis]
        if self._events.kind == "step":
            self._level_rad = out[first - begin :] = amplitude
        elif self._events.kind == "gap":
            out[first - begin : stop - begin] = 1.0
        else:
            phase = 2.0 * np.pi * (np.arange(first, stop) - event.start) / event.length
            out[first - begin : stop - begin] += 0.5 * amplitude * (1.0 - np.cos(phase))
