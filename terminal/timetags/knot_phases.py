"""The phase of each knot, measured about a path that is already close: one Fisher-scoring step.

Repeated with the smoothed path in between, this is the maximum of the posterior over the whole
stretch, so it makes no difference how few clicks a knot has.
"""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from terminal.timetags import channel_delays
from terminal.timetags import mixture as mx
from terminal.timetags.channel_delays import CHANNELS
from terminal.timetags.clock_following import Knot
from terminal.timetags.clock_path import ClockPath
from terminal.timetags.mixture import Array, Mixture

_ENOUGH_CLICKS = 20_000
"""Of a knot: its phase errs by 1/140 of the jitter or less where they are signal. Of more, every
second, third ... counts."""
_WINDOW_CLICKS = 400.0
"""Over which the local signal share is averaged."""
_LEAST_FRACTION = 0.03
"""Below, a knot is taken for an outage and says nothing about the phase."""
_FRACTIONS = np.linspace(0.01, 0.99, 99)


class Phases(NamedTuple):
    """What the knots of a stretch say."""

    t_s: Array
    """(k,)"""
    phase_s: Array
    variance_s2: Array
    """Cramer-Rao bound; infinite where there is no signal."""
    fraction: Array
    """Local share of signal among the clicks."""
    sigma_s: float
    delay_s: Array
    """(4,), of the detectors' channels about their mean; zero where none shows."""


class KnotSums:
    """Sums over the clicks of each knot, to be fed block by block."""

    def __init__(
        self,
        knots: list[Knot],
        path: ClockPath,
        fraction: Array,
        sigma_s: float,
        delay_s: Array,
        slot_period_s: float,
    ) -> None:
        self._path, self._fraction, self._sigma_s = path, fraction, sigma_s
        self._delay_s, self._slot_period_s = delay_s, slot_period_s
        self._pieces, _ = path.pieces(path.begin_ps, path.end_ps, slot_period_s, 1)
        self._time_s = np.array([knot.time_s for knot in knots])
        begin_s = np.array([knot.begin_s for knot in knots])
        end_s = np.array([knot.end_s for knot in knots])
        self._begin_ps = path.reference_time_ps + np.rint(begin_s * 1e12).astype(np.int64)
        self._end_ps = path.reference_time_ps + np.rint(end_s * 1e12).astype(np.int64)
        clicks = np.array([knot.clicks for knot in knots], dtype=np.int64)
        self._stride = np.maximum(clicks // _ENOUGH_CLICKS, 1)
        self._of_knot = np.zeros((len(knots), 3))
        self._of_channel = np.zeros((CHANNELS, 3))
        """Clicks, weight, weight times offset."""
        self._square = 0.0

    def feed(self, time_ps: NDArray[np.int64], channel: NDArray[np.uint8]) -> None:
        """time_ps, channel: (n,), n >= 1, ascending; clicks outside of the knots are left out."""
        from terminal.timetags import kernels

        self._square += kernels.add_sums(
            time_ps,
            channel,
            self._pieces,
            self._begin_ps,
            self._end_ps,
            self._stride,
            self._fraction,
            self._delay_s,
            self._sigma_s,
            self._slot_period_s,
            self._of_knot,
            self._of_channel,
        )

    def phases(self) -> Phases:
        """After all clicks have been fed."""
        clicks, weight, score = self._of_knot.T
        total = max(float(np.sum(weight)), 1.0)
        sigma = math.sqrt(self._square / total)
        sigma = min(max(sigma, self._slot_period_s / 200.0), self._slot_period_s / 6.0)
        fraction = self._local_fraction()
        information = clicks * _information(fraction, sigma, self._slot_period_s)
        measured = (fraction > _LEAST_FRACTION) & (clicks > 0)
        variance = np.full(information.size, np.inf)
        variance[measured] = 1.0 / information[measured]
        phase = self._path.phase_s(self._time_s)
        phase[measured] += score[measured] / (sigma**2 * information[measured])
        return Phases(self._time_s, phase, variance, fraction, sigma, self._delays(sigma))

    def _local_fraction(self) -> Array:
        clicks, weight, _ = self._of_knot.T
        reach = math.ceil(_WINDOW_CLICKS / max(float(np.mean(clicks)), 1.0)) // 2
        window = np.ones(2 * reach + 1)
        # The mean of all, with little weight, so that a lone knot does not stand for itself.
        prior = 50.0
        mean = float(np.sum(weight) / max(float(np.sum(clicks)), 1.0))
        clicks = np.convolve(clicks, window)[reach : reach + clicks.size]
        weight = np.convolve(weight, window)[reach : reach + weight.size]
        return np.clip((weight + prior * mean) / (clicks + prior), 0.01, 0.99)

    def _delays(self, sigma_s: float) -> Array:
        clicks, weight, score = self._of_channel.T
        fraction = np.clip(weight / np.maximum(clicks, 1.0), 0.01, 0.99)
        information = clicks * _information(fraction, sigma_s, self._slot_period_s)
        delay = self._delay_s.copy()
        some = clicks > 0
        delay[some] += score[some] / (sigma_s**2 * information[some])
        return channel_delays.shown(delay, information, weight)


def _information(fraction: Array, sigma_s: float, slot_period_s: float) -> Array:
    table = [mx.information(Mixture(p, sigma_s), slot_period_s) for p in _FRACTIONS.tolist()]
    return np.asarray(np.interp(fraction, _FRACTIONS, table))
