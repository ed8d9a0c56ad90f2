"""How good the recovered clock is, live: background, stability, and what has gone wrong so far."""

import math
from typing import NamedTuple

import numpy as np

from terminal.timetags.mixture import Array
from terminal.timetags.tracking import Track

_MEMORY_S = 5.0
"""Over which the background is averaged: 2 % at 1000 clicks a second."""
_GRID_S = 1.0
_KEPT = 180
"""Phases on the grid: three minutes."""
_SPANS = (1, 10)
_MOST_BACK_S = 0.3
"""From a grid point to the first tick after it. Later the clock has just been found again."""
_EVERY = 5
"""Grid points from one computation to the next."""
_LEAST_DIFFERENCES = 20
"""With fewer an Allan deviation of 10 s would err by a half."""


class Background(NamedTuple):
    """Clicks far from any slot centre and the time they took, both with a memory."""

    clicks: float = 0.0
    seconds: float = 0.0

    @property
    def rate_hz(self) -> float:
        """Of all background clicks, which fall anywhere in a slot. 0: not known yet."""
        return 2.0 * self.clicks / self.seconds if self.seconds > 0.0 else 0.0

    def after(self, residual_s: Array, slot_period_s: float, seconds: float) -> "Background":
        """With a tick's clicks, (n,), by their times from the slot centres.

        Counts the half of the slot far from its centre, where no signal comes unless its jitter is
        above a tenth of a slot.
        """
        far = float(np.count_nonzero(np.abs(residual_s) > 0.25 * slot_period_s))
        fade = math.exp(-seconds / _MEMORY_S)
        return Background(self.clicks * fade + far, self.seconds * fade + seconds)


class Stability(NamedTuple):
    """The recovered clock's phases on a grid of seconds, NaN where it was not locked."""

    last: int = -1
    """Grid point of the latest phase; -1: none."""
    phase_s: Array = np.empty(0)
    deviations: tuple[float, float] = (0.0, 0.0)
    """Allan deviations at 1 and 10 s. 0: not known yet."""

    def after(self, track: Track) -> "Stability":
        """With the clock as it stands after a tick that it was locked in."""
        now = math.floor(track.t_s / _GRID_S)
        if now <= self.last or now < 0:
            return self
        back_s = now * _GRID_S - track.t_s
        phase_s = math.nan
        if back_s > -_MOST_BACK_S:
            phase_s = track.phase_s + back_s * (track.frequency + 0.5 * back_s * track.drift_per_s)
        missed = min(now - self.last - 1, _KEPT) if self.phase_s.size else 0
        kept = np.concatenate([self.phase_s, np.full(missed, math.nan), [phase_s]])[-_KEPT:]
        if now // _EVERY == self.last // _EVERY:
            return Stability(now, kept, self.deviations)
        one, ten = (_allan_deviation(kept, m) for m in _SPANS)
        return Stability(now, kept, (one, ten))

    def moved(self, phase_s: float) -> "Stability":
        """With all phases so much later: their origin was moved, and the clock was not."""
        return self._replace(phase_s=self.phase_s + phase_s) if phase_s else self


def _allan_deviation(phase_s: Array, m: int) -> float:
    """Overlapping Allan deviation at m grid steps, a constant drift taken out; 0: too few phases.

    sigma^2(m tau0) = mean of (x[k+2m] - 2 x[k+m] + x[k])^2 / (2 (m tau0)^2) (IEEE Std 1139), here
    about the mean difference, which is the drift.
    """
    second = phase_s[2 * m :] - 2.0 * phase_s[m:-m] + phase_s[: -2 * m]
    second = second[np.isfinite(second)]
    if second.size < _LEAST_DIFFERENCES:
        return 0.0
    return math.sqrt(float(np.var(second)) / 2.0) / (m * _GRID_S)


class Quality(NamedTuple):
    """All of it."""

    background: Background = Background()
    stability: Stability = Stability()
    audits_failed: int = 0
    """Times the slots given were found not to fit the pattern."""
    locks: int = 0
