"""Four single-photon detectors: jitter, dead time, afterpulses."""

import numpy as np
from numpy.typing import NDArray

from config.world import DetectorTruth

CHANNELS = 4
NO_SLOT = -1
"""True slot of a click that no signal photon made."""

Events = tuple[NDArray[np.float64], NDArray[np.uint8], NDArray[np.int64]]
"""Time in s, channel, true slot; sorted by time."""


def _ready(
    time_s: NDArray[np.float64], parent: NDArray[np.int64], last_s: float, dead_s: float
) -> NDArray[np.bool_]:
    """Which of one detector's sorted events become clicks (non-paralysable dead time).

    parent: index of the event whose afterpulse this is, -1 for none; without a click of the parent
    there is none of its child. last_s: the detector's latest click before.
    """
    keep = np.ones(len(time_s), bool)
    # Only afterpulses and events near another one can be lost: few enough to look at one by one.
    gap_s = np.diff(time_s, prepend=last_s)
    for i in np.flatnonzero((gap_s < dead_s) | (parent >= 0)):
        j = i - 1
        while j >= 0 and not keep[j]:
            j -= 1
        previous_s = time_s[j] if j >= 0 else last_s
        fired = parent[i] < 0 or keep[parent[i]]
        keep[i] = fired and time_s[i] - previous_s >= dead_s
    return keep


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
        jittered_s = time_s + self._truth.jitter_s * self._rng.normal(size=len(time_s))
        waiting_s, waiting_channel, waiting_slot = self._waiting
        time_s, channel, parent = self._with_afterpulses(
            np.concatenate([waiting_s, jittered_s]),
            np.concatenate([waiting_channel, channel]),
            until_s,
        )
        slot = np.concatenate([waiting_slot, slot])
        slot = np.concatenate([slot, np.full(len(time_s) - len(slot), NO_SLOT, np.int64)])

        clicked = np.zeros(len(time_s), bool)
        now = time_s < until_s
        for detector in range(CHANNELS):
            mine = np.flatnonzero((channel == detector) & now)
            mine = mine[np.argsort(time_s[mine], kind="stable")]
            place = np.full(len(time_s), -1, np.int64)
            place[mine] = np.arange(len(mine))
            born = np.where(parent[mine] >= 0, place[parent[mine]], -1)
            ready = _ready(time_s[mine], born, self._last_s[detector], self._truth.dead_time_s)
            clicked[mine] = ready
            if ready.any():
                self._last_s[detector] = float(time_s[mine][ready][-1])
        later = ~now & ((parent < 0) | clicked[parent])
        self._waiting = time_s[later], channel[later], slot[later]
        clicks = np.flatnonzero(clicked)
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
