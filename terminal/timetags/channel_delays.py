"""By how much each detector's clicks come late: cables, discriminators, the tagger's channels.

Known to the mean of all, which is a part of the clock's phase, and modulo the slot: which slot a
detector's clicks belong to is for the pattern to say (`slot_checks`). What does not stand out of
the noise counts as zero.
"""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from terminal.timetags import mixture as mx
from terminal.timetags.mixture import Array, Mixture

CHANNELS = 4
_SHOWS_SIGMA = 4.0
_MEMORY_CLICKS = 200_000.0
"""Information, in clicks of pure signal of all channels, over which delays are averaged: to 1/200
of the jitter, and over minutes, in which cables and discriminators warm up."""
_CHANNEL_MEMORY_CLICKS = 4000.0
"""Of one channel, over which its signal share and its first harmonic are averaged."""
_PRIOR_CLICKS = 50.0
"""Weight of the signal share of all channels against the clicks of one."""
_PULSES_SHOW = 20.0
"""|sum of exp(2 pi i t / T)|^2 / clicks, which is Exp(1) distributed without pulses: 2e-9."""
_ASTRAY_SIGMA = 5.0
_ASTRAY_JITTERS = 2.0
"""So far from where it was thought to be, a channel's signal looks like background, and the
likelihood has no slope to find it by; the harmonic has."""
_LEAST_INFORMATION = 1.0
"""1/s^2: where no click is signal, nothing is divided by it."""
_ENOUGH_TO_DOUBT = 1000.0
_NO_PULSES_SHARE = 0.1
"""Of the signal share of all: a channel below is dark, or its jitter is that of the slot."""


def shown(delay_s: Array, information: Array, weight: Array) -> Array:
    """Delays about their mean, zero below four sigma.

    All (4,): delay, its Fisher information in 1/s^2 (0: channel without clicks), and its weight in
    the mean.
    """
    return _clear(delay_s - _mean(delay_s, weight), information)


def _clear(delay_s: Array, information: Array) -> Array:
    clear = np.square(delay_s) * information > _SHOWS_SIGMA**2
    return np.where(clear, delay_s, 0.0)


def _mean(value: Array, weight: Array) -> float:
    total = float(np.sum(weight))
    return float(np.dot(weight, value)) / total if total > 0.0 else 0.0


class ChannelDelays(NamedTuple):
    """What a stream's clicks have told of the delays so far; arrays (4,)."""

    estimate_s: Array = np.zeros(CHANNELS)
    information: Array = np.zeros(CHANNELS)
    """Fisher information, 1/s^2; 0: the channel's pulses have not been found yet."""
    removed_s: Array = np.zeros(CHANNELS)
    """What is to be taken off the clicks that come."""
    clicks: Array = np.zeros(CHANNELS)
    harmonic: NDArray[np.complex128] = np.zeros(CHANNELS, np.complex128)
    """Sum of exp(2 pi i t / T) over these clicks, t from the slot centres, nothing removed; both
    with a memory."""

    def shares(self, mixture: Mixture, slot_period_s: float) -> Array:
        """(4,), of signal among each channel's clicks; mixture: of all.

        The first harmonic of a share p of jitter s has a mean of p exp(-2 (pi s / T)^2) a click,
        wherever its centre is.
        """
        damping = math.exp(-2.0 * (math.pi * mixture.sigma_s / slot_period_s) ** 2)
        signal = self.clicks * self._modulation / damping
        share = (signal + _PRIOR_CLICKS * mixture.fraction) / (self.clicks + _PRIOR_CLICKS)
        return np.array([mx.bounded(p) for p in share.tolist()])

    def without_pulses(self, mixture: Mixture) -> NDArray[np.bool_]:
        """(4,), channels that click, and show next to nothing of the signal that others show."""
        little = self._modulation < _NO_PULSES_SHARE * mixture.fraction
        return np.asarray(little & (self.clicks >= _ENOUGH_TO_DOUBT))

    def after(
        self,
        residual_s: Array,
        channel: NDArray[np.uint8],
        mixture: Mixture,
        slot_period_s: float,
    ) -> tuple["ChannelDelays", float]:
        """With a block of clicks, and by how much the mean of all moved: the clock's phase is to
        move as much.

        residual_s, channel: (n,), from the slot centres, `removed_s` being taken off.
        """
        delays = self._heard(residual_s, channel, slot_period_s)
        delays, left_out = delays._found(mixture.sigma_s, slot_period_s)
        delays = delays._scored(residual_s, channel, mixture, slot_period_s, left_out)
        mean_s = _mean(delays.estimate_s, delays.information)
        estimate_s = delays.estimate_s - mean_s
        removed_s = _clear(estimate_s, delays.information)
        if not (np.any(removed_s) or np.any(self.removed_s)):
            mean_s = 0.0  # The phase is already that of all, and knows nothing of channels.
        turn = np.exp(-2j * math.pi * mean_s / slot_period_s)
        return delays._replace(
            estimate_s=estimate_s, removed_s=removed_s, harmonic=delays.harmonic * turn
        ), mean_s

    @property
    def _power(self) -> Array:
        """Exp(1) distributed where there are no pulses."""
        return np.asarray(np.square(np.abs(self.harmonic)) / np.maximum(self.clicks, 1.0))

    @property
    def _modulation(self) -> Array:
        """Of a click's rate by the slot, noise discounted."""
        return np.sqrt(np.maximum(self._power - 1.0, 0.0) / np.maximum(self.clicks, 1.0))

    def _heard(
        self, residual_s: Array, channel: NDArray[np.uint8], slot_period_s: float
    ) -> "ChannelDelays":
        count = np.bincount(channel, minlength=CHANNELS)
        fade = _CHANNEL_MEMORY_CLICKS / (_CHANNEL_MEMORY_CLICKS + count)
        angle = 2.0 * math.pi / slot_period_s * (residual_s + self.removed_s[channel])
        real, imaginary = (np.bincount(channel, f(angle), CHANNELS) for f in (np.cos, np.sin))
        return self._replace(
            clicks=fade * self.clicks + count,
            harmonic=fade * self.harmonic + real + 1j * imaginary,
        )

    def _found(
        self, sigma_s: float, slot_period_s: float
    ) -> tuple["ChannelDelays", NDArray[np.bool_]]:
        """With channels that had no place put where their first harmonic says, and those forgotten
        whose harmonic contradicts their place, as after a change of cables; which of both, (4,)."""
        to_s = slot_period_s / (2.0 * math.pi)
        # Phase of a phasor in noise: variance 1/2 of noise over power.
        information = 2.0 * self._power / to_s**2
        away_s = mx.wrap(to_s * np.angle(self.harmonic) - self.estimate_s, slot_period_s)
        placed = self.information > 0.0
        astray = (
            placed
            & (self._power > _PULSES_SHOW)
            & (np.abs(away_s) > _ASTRAY_JITTERS * sigma_s)
            & (np.square(away_s) * information > _ASTRAY_SIGMA**2)
        )
        put = ~placed & (self._power > _PULSES_SHOW)
        found = self._replace(
            estimate_s=np.where(put, self.estimate_s + away_s, self.estimate_s),
            information=np.where(put, information, np.where(astray, 0.0, self.information)),
            clicks=np.where(astray, 0.0, self.clicks),
            harmonic=np.where(astray, 0.0, self.harmonic),
        )
        return found, ~placed | astray

    def _scored(
        self,
        residual_s: Array,
        channel: NDArray[np.uint8],
        mixture: Mixture,
        slot_period_s: float,
        left_out: NDArray[np.bool_],
    ) -> "ChannelDelays":
        """With one step of Fisher scoring about what was known before, except for channels left
        out; more of them diverge on blocks of few clicks.

        An error of the clock's phase moves all channels alike, and is taken out with their mean.
        """
        variance = mixture.sigma_s**2
        share = self.shares(mixture, slot_period_s)
        offset_s = mx.wrap(residual_s - (self.estimate_s - self.removed_s)[channel], slot_period_s)
        ratio = mx.likelihood_ratio(offset_s, mixture, slot_period_s)
        odds = (share / (1.0 - share))[channel] * ratio
        weighted_s = offset_s * odds / (1.0 + odds)
        score = np.where(left_out, 0.0, np.bincount(channel, weighted_s, CHANNELS) / variance)
        of_one = [
            mx.information(mixture._replace(fraction=p), slot_period_s) for p in share.tolist()
        ]
        new = np.where(left_out, 0.0, np.bincount(channel, minlength=CHANNELS) * of_one)
        common_s = float(np.sum(score)) / max(float(np.sum(new)), _LEAST_INFORMATION)
        # All fade alike: the mean is that of all clicks, whatever the channels' shares.
        most = _MEMORY_CLICKS / variance
        known = self.information * min(1.0, most / max(float(np.sum(self.information)), 1.0))
        information = known + new
        step_s = (score - common_s * new) / np.maximum(information, _LEAST_INFORMATION)
        return self._replace(
            estimate_s=self.estimate_s + np.clip(step_s, -mixture.sigma_s, mixture.sigma_s),
            information=information,
        )
