"""The clock over a stretch of a stream: knots of its smoothed state, and the slots of any click."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from terminal.timetags.clock_filter import Smoothed
from terminal.timetags.mixture import Array


class ClockPath(NamedTuple):
    """The signal of slot s is centred at t = s T + phase(t), t in s after reference_time_ps.

    Seconds in float64: rounding stays below 2 ps for four hours after the reference.
    """

    reference_time_ps: int
    first_slot: int
    """Added to s: pattern index, up to multiples of the pattern's length."""
    t_s: Array
    """(n,), ascending, n >= 2: the knots."""
    clock: Smoothed

    @property
    def begin_ps(self) -> int:
        """Earliest time of the stretch."""
        return self.reference_time_ps + round(float(self.t_s[0]) * 1e12)

    @property
    def end_ps(self) -> int:
        """Latest time of the stretch."""
        return self.reference_time_ps + round(float(self.t_s[-1]) * 1e12)

    def seconds(self, time_ps: NDArray[np.int64]) -> Array:
        """s after the reference, (n,)."""
        return np.asarray((time_ps - self.reference_time_ps) * 1e-12)

    def phase_s(self, t_s: Array) -> Array:
        """Phase at t_s, (n,): the cubic through phase and frequency of both knots (Hermite)."""
        left = self._left(t_s)
        h = self.t_s[left + 1] - self.t_s[left]
        x = t_s - self.t_s[left]
        state = self.clock.state
        rate, rate_after = state[left, 1], state[left + 1, 1]
        slope = (state[left + 1, 0] - state[left, 0]) / h
        second = (3.0 * slope - 2.0 * rate - rate_after) / h
        third = (rate + rate_after - 2.0 * slope) / (h * h)
        return np.asarray(state[left, 0] + x * (rate + x * (second + x * third)))

    def phase_sigma_s(self, t_s: Array) -> Array:
        """Standard error of the phase, (n,): the larger one of the two knots; infinite outside."""
        left = self._left(t_s)
        sigma = np.sqrt(self.clock.covariance[:, 0, 0])
        outside = (t_s < self.t_s[0]) | (t_s > self.t_s[-1])
        return np.where(outside, np.inf, np.maximum(sigma[left], sigma[left + 1]))

    def slots(
        self, time_ps: NDArray[np.int64], slot_period_s: float, delay_s: Array | float = 0.0
    ) -> tuple[NDArray[np.int64], Array]:
        """Nearest slot of each click, (n,), and the time from its centre in s, (n,).

        delay_s: (n,), of the detectors.
        """
        t = self.seconds(time_ps) - delay_s
        along = t - self.phase_s(t)
        slot = np.rint(along / slot_period_s)
        return self.first_slot + slot.astype(np.int64), along - slot * slot_period_s

    def _left(self, t_s: Array) -> NDArray[np.int64]:
        left = np.searchsorted(self.t_s, t_s, side="right") - 1
        return np.clip(left, 0, self.t_s.size - 2)
