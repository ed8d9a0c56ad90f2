"""The clock over a stretch of a stream: knots of its smoothed state, and the slots of any click."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from terminal.timetags.clock_filter import Smoothed
from terminal.timetags.mixture import Array


class Pieces(NamedTuple):
    """A path between k + 1 knots, about each piece's first knot.

    A click x s after the knot is start + x - x (rate + x (second + x third)) s from the centre of
    the piece's slot.
    """

    knot_ps: NDArray[np.int64]
    """(k + 1,), ascending."""
    slot: NDArray[np.int64]
    """(k,), pattern index."""
    start_s: Array
    rate: Array
    second: Array
    third: Array


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
        second, third = _cubic(h, state[left + 1, 0] - state[left, 0], rate, rate_after)
        return np.asarray(state[left, 0] + x * (rate + x * (second + x * third)))

    def phase_sigma_s(self, t_s: Array) -> Array:
        """Standard error of the phase, (n,): the larger one of the two knots; infinite outside."""
        left = self._left(t_s)
        sigma = np.sqrt(self.clock.covariance[:, 0, 0])
        outside = (t_s < self.t_s[0]) | (t_s > self.t_s[-1])
        return np.where(outside, np.inf, np.maximum(sigma[left], sigma[left + 1]))

    def pieces(
        self, begin_ps: int, end_ps: int, slot_period_s: float, length: int
    ) -> tuple["Pieces", slice]:
        """The path from begin to end, and which of all its pieces these are."""
        ends = self.seconds(np.array([begin_ps, end_ps]))
        first = int(self._left(ends)[0])
        last = max(int(np.searchsorted(self.t_s, ends[1])), first + 1)
        chosen = slice(first, min(last, self.t_s.size - 1))
        rounded = np.rint(self.t_s[first : chosen.stop + 1] * 1e12)
        phase, rate = self.clock.state[first : chosen.stop + 1, :2].T
        along = rounded[:-1] * 1e-12 - phase[:-1]
        slot = np.rint(along / slot_period_s)
        h = np.diff(self.t_s[first : chosen.stop + 1])
        second, third = _cubic(h, np.diff(phase), rate[:-1], rate[1:])
        return Pieces(
            self.reference_time_ps + rounded.astype(np.int64),
            np.mod(self.first_slot + slot.astype(np.int64), length),
            along - slot * slot_period_s,
            np.ascontiguousarray(rate[:-1]),
            second,
            third,
        ), chosen

    def _left(self, t_s: Array) -> NDArray[np.int64]:
        left = np.searchsorted(self.t_s, t_s, side="right") - 1
        return np.clip(left, 0, self.t_s.size - 2)


def _cubic(h_s: Array, rise_s: Array, rate: Array, rate_after: Array) -> tuple[Array, Array]:
    """Second and third coefficient of the cubic that rises so in h_s, from rate to rate_after."""
    slope = rise_s / h_s
    second = (3.0 * slope - 2.0 * rate - rate_after) / h_s
    third = (rate + rate_after - 2.0 * slope) / (h_s * h_s)
    return second, third
