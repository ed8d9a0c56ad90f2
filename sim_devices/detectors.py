"""Four single-photon detectors: jitter, dead time, afterpulses."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from config.world import DetectorTruth

CHANNELS = 4
NO_SLOT = -1
"""True slot of a click that no signal photon made."""

Events = tuple[NDArray[np.float64], NDArray[np.uint8], NDArray[np.int64]]
"""Time in s, channel, true slot; sorted by time."""


def _live(time_s: NDArray[np.float64], last_s: float, dead_s: float) -> NDArray[np.bool_]:
    """Which of one detector's sorted events find it ready (non-paralysable dead time)."""
    keep = np.ones(len(time_s), bool)
    if len(time_s) == 0:
        return keep
    # Only events near another one can be lost; the rest needs no looking at one by one.
    close = np.empty(len(time_s), bool)
    close[0] = time_s[0] - last_s < dead_s
    close[1:] = np.diff(time_s) < dead_s
    for i in np.flatnonzero(close):
        j = i - 1
        while j >= 0 and not keep[j]:
            j -= 1
        previous = time_s[j] if j >= 0 else last_s
        keep[i] = time_s[i] - previous >= dead_s
    return keep


def _merged(parts: list[Events]) -> Events:
    """All events of the parts, sorted by time."""
    time_s = np.concatenate([p[0] for p in parts])
    order = np.argsort(time_s, kind="stable")
    channel = np.concatenate([p[1] for p in parts])
    slot = np.concatenate([p[2] for p in parts])
    return time_s[order], channel[order], slot[order]


def _ready(events: Events, last_s: Sequence[float], dead_s: float) -> Events:
    """The events that find their detector ready; last_s: each one's latest click before."""
    time_s, channel, slot = events
    keep = np.ones(len(time_s), bool)
    for detector, last in enumerate(last_s):
        mine = np.flatnonzero(channel == detector)
        keep[mine] = _live(time_s[mine], last, dead_s)
    return time_s[keep], channel[keep], slot[keep]


class Detectors:
    """Turns absorbed photons and noise into clicks."""

    def __init__(self, truth: DetectorTruth, rng: np.random.Generator) -> None:
        self._truth = truth
        self._rng = rng
        self._last_s = [-1.0] * CHANNELS
        self._waiting: Events = (np.empty(0), np.empty(0, np.uint8), np.empty(0, np.int64))

    def clicks(
        self,
        time_s: NDArray[np.float64],
        channel: NDArray[np.uint8],
        slot: NDArray[np.int64],
        until_s: float,
    ) -> Events:
        """Clicks up to `until_s` of these absorptions (unsorted) and earlier clicks' afterpulses.

        Absorptions and afterpulses later than `until_s` wait for the next call.
        """
        truth = self._truth
        time_s = time_s + truth.jitter_s * self._rng.normal(size=len(time_s))
        time_s, channel, slot = _merged([self._waiting, (time_s, channel, slot)])
        cut = int(np.searchsorted(time_s, until_s))
        waiting = (time_s[cut:], channel[cut:], slot[cut:])
        time_s, channel, slot = time_s[:cut], channel[:cut], slot[:cut]

        events = time_s, channel, slot
        time_s, channel, slot = _ready(events, self._last_s, truth.dead_time_s)
        # Afterpulses are clicks like others: they may follow within this call, and have their own.
        later = [waiting]
        fresh_s, fresh_channel = time_s, channel
        while len(fresh_s):
            again = self._rng.random(len(fresh_s)) < truth.afterpulse_probability
            after_s = (
                fresh_s[again]
                + truth.dead_time_s
                + self._rng.exponential(truth.afterpulse_lifetime_s, int(again.sum()))
            )
            after_channel = fresh_channel[again]
            now = after_s < until_s
            no_slot = np.full(len(after_s), NO_SLOT, np.int64)
            later.append((after_s[~now], after_channel[~now], no_slot[~now]))
            fresh_s, fresh_channel = after_s[now], after_channel[now]
            if len(fresh_s):
                afterpulses = fresh_s, fresh_channel, no_slot[now]
                events = _merged([(time_s, channel, slot), afterpulses])
                time_s, channel, slot = _ready(events, self._last_s, truth.dead_time_s)
        self._waiting = _merged(later)
        for detector in range(CHANNELS):
            mine = time_s[channel == detector]
            if len(mine):
                self._last_s[detector] = float(mine[-1])
        return time_s, channel, slot
