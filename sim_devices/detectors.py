"""Four single-photon detectors: jitter, dead time, afterpulses."""

from bisect import bisect_right
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from config.world import DetectorTruth

CHANNELS = 4
NO_DELAY = (0.0,) * CHANNELS
NO_SLOT = -1
"""True slot of a click that no signal photon made."""

Events = tuple[NDArray[np.float64], NDArray[np.uint8], NDArray[np.int64]]
"""Time in s, channel, true slot; sorted by time."""


def _ready(
    time_s: NDArray[np.float64],
    parent: NDArray[np.int64],
    edges: list[int],
    last_s: list[float],
    dead_s: float,
) -> NDArray[np.bool_]:
    """Which events become clicks (non-paralysable dead time).

    time_s: (n,), one detector after the other, each one's sorted; edges: where each one's begin,
    and the end. parent: place of the event whose afterpulse this is, -1 for none; without a click
    of the parent there is none of its child. last_s: each detector's latest click; moved on.
    """
    keep = np.ones(len(time_s), bool)
    gap_s = np.diff(time_s, prepend=0.0)
    for detector, (begin, end) in enumerate(pairwise(edges)):
        if begin < end:
            gap_s[begin] = time_s[begin] - last_s[detector]
    # Only afterpulses and events near another one can be lost: few enough to look at one by one.
    for i in np.flatnonzero((gap_s < dead_s) | (parent >= 0)).tolist():
        detector = bisect_right(edges, i) - 1
        j = _last_kept(keep, edges[detector], i)
        previous_s = last_s[detector] if j is None else time_s[j]
        fired = parent[i] < 0 or keep[parent[i]]
        keep[i] = fired and time_s[i] - previous_s >= dead_s
    for detector, (begin, end) in enumerate(pairwise(edges)):
        if (j := _last_kept(keep, begin, end)) is not None:
            last_s[detector] = float(time_s[j])
    return keep


def _last_kept(keep: NDArray[np.bool_], begin: int, end: int) -> int | None:
    """Between begin and end (not included)."""
    return next((j for j in range(end - 1, begin - 1, -1) if keep[j]), None)


class Detectors:
    """Turns absorbed photons and noise into clicks."""

    def __init__(
        self,
        truth: DetectorTruth,
        rng: np.random.Generator,
        delay_s: tuple[float, ...] = NO_DELAY,
    ) -> None:
        """delay_s: of each detector's clicks, of either sign; far under what separates blocks."""
        self._truth = truth
        self._rng = rng
        self._delay_s = np.array(delay_s)
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
        jittered_s = time_s + self._truth.jitter_s * self._rng.normal(size=len(time_s))
        jittered_s += self._delay_s[channel]
        waiting_s, waiting_channel, waiting_slot = self._waiting
        time_s, channel, parent = self._with_afterpulses(
            np.concatenate([waiting_s, jittered_s]),
            np.concatenate([waiting_channel, channel]),
            until_s,
        )
        slot = np.concatenate([waiting_slot, slot])
        slot = np.concatenate([slot, np.full(len(time_s) - len(slot), NO_SLOT, np.int64)])

        now = time_s < until_s
        mine = np.flatnonzero(now)
        mine = mine[np.lexsort((time_s[mine], channel[mine]))]
        edges = np.searchsorted(channel[mine], np.arange(CHANNELS + 1)).tolist()
        # A parent comes before its child, on the same detector: its place is known.
        place = np.full(len(time_s) + 1, -1, np.int64)
        place[mine] = np.arange(len(mine))
        born = place[parent[mine]]
        ready = _ready(time_s[mine], born, edges, self._last_s, self._truth.dead_time_s)
        clicked = np.zeros(len(time_s), bool)
        clicked[mine] = ready
        later = ~now & ((parent < 0) | clicked[parent])
        self._waiting = time_s[later], channel[later], slot[later]
        clicks = mine[ready]
        clicks = clicks[np.argsort(time_s[clicks], kind="stable")]
        return time_s[clicks], channel[clicks], slot[clicks]

    def _with_afterpulses(
        self, time_s: NDArray[np.float64], channel: NDArray[np.uint8], until_s: float
    ) -> tuple[NDArray[np.float64], NDArray[np.uint8], NDArray[np.int64]]:
        """(time, channel, index of the parent or -1): the events, and the afterpulse that each has
        if it becomes a click, generation after generation. Events after `until_s` have none yet.
        """
        truth, rng = self._truth, self._rng
        times, channels = [time_s], [channel]
        parents = [np.full(len(time_s), -1, np.int64)]
        first = 0
        while len(time_s):
            chosen = rng.random(len(time_s)) < truth.afterpulse_probability
            again = np.flatnonzero(chosen & (time_s < until_s))
            parents.append(first + again)
            first += len(time_s)
            wait_s = rng.exponential(truth.afterpulse_lifetime_s, len(again))
            time_s, channel = time_s[again] + truth.dead_time_s + wait_s, channel[again]
            times.append(time_s)
            channels.append(channel)
        return np.concatenate(times), np.concatenate(channels), np.concatenate(parents)
