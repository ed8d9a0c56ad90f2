"""By how much each detector's clicks come late: cables, discriminators, the tagger's channels.

Known to the mean of all, which is a part of the clock's phase. What does not stand out of the noise
counts as zero.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from terminal.timetags import mixture as mx
from terminal.timetags.mixture import Array, Mixture

CHANNELS = 4
_SHOWS_SIGMA = 4.0
_MEMORY_CLICKS = 200_000.0
"""Signal clicks of all channels, over which delays are averaged: to 1/200 of the jitter, and over
minutes, in which cables and discriminators warm up."""
_LEAST_WEIGHT = 1e-9
"""Where no click is signal, nothing is divided by it."""


def shown(delay_s: Array, information: Array, weight: Array) -> Array:
    """Delays about their mean, zero below four sigma.

    All (4,): delay, its Fisher information in 1/s^2 (0: channel without clicks), and its weight in
    the mean.
    """
    delay_s = _about_mean(delay_s, weight)
    clear = np.square(delay_s) * information > _SHOWS_SIGMA**2
    return np.where(clear, delay_s, 0.0)


def _about_mean(delay_s: Array, weight: Array) -> Array:
    total = float(np.sum(weight))
    return delay_s - float(np.dot(weight, delay_s)) / total if total > 0.0 else delay_s


class ChannelDelays(NamedTuple):
    """What a stream's clicks have told of the delays so far; arrays (4,)."""

    estimate_s: Array = np.zeros(CHANNELS)
    information: Array = np.zeros(CHANNELS)
    """Fisher information, 1/s^2."""
    removed_s: Array = np.zeros(CHANNELS)
    """What is to be taken off the clicks that come."""

    def after(
        self,
        residual_s: Array,
        channel: NDArray[np.uint8],
        mixture: Mixture,
        slot_period_s: float,
    ) -> "ChannelDelays":
        """With a block of clicks; residual_s, channel: (n,), from the slot centres, `removed_s`
        being taken off.

        One step of Fisher scoring about what was known before; more of them diverge on blocks of
        few clicks. An error of the clock's phase moves all channels alike, and is taken out with
        their mean.
        """
        variance = mixture.sigma_s**2
        clicks = np.bincount(channel, minlength=CHANNELS)
        # All fade alike: the mean is that of all clicks, whatever the channels' shares.
        most = _MEMORY_CLICKS / variance
        known = self.information * min(1.0, most / max(float(np.sum(self.information)), 1.0))
        information = known + clicks * mx.information(mixture, slot_period_s)
        offset_s = residual_s - (self.estimate_s - self.removed_s)[channel]
        weight = mx.responsibility(offset_s, mixture, slot_period_s)
        signal = np.bincount(channel, weight, CHANNELS)
        score = np.bincount(channel, weight * offset_s, CHANNELS)
        mean_s = float(np.sum(score)) / max(float(np.sum(signal)), _LEAST_WEIGHT)
        known_by = np.where(information > 0.0, information, np.inf)
        step_s = (score - mean_s * signal) / (variance * known_by)
        estimate_s = self.estimate_s + np.clip(step_s, -mixture.sigma_s, mixture.sigma_s)
        estimate_s = _about_mean(estimate_s, information)
        return ChannelDelays(estimate_s, information, shown(estimate_s, information, information))
