"""The shape of a pulse from a histogram of phases, and what it says about a phase.

The density is a Fourier series of those harmonics that stand out of the noise of counting, so
whatever the shape is (jitter, decay, after-pulse), no model of it is needed.
"""

import math

import numpy as np

from terminal.timetags.mixture import Array

_MOST_HARMONICS = 64
_STANDS_OUT = 12.0
"""Power of a harmonic over that of counting noise, Exp(1) distributed: chance gets there with
6e-6."""
_FLOOR = 0.02
"""Of the mean density: a series cut off may dip below zero."""


class PulseShape:
    """Density over one turn, mean 1."""

    def __init__(self, counts: Array) -> None:
        """counts: (b,), of equal bins from -0.5 to 0.5 turns.

        Raises:
            ValueError: no counts at all.
        """
        total = float(np.sum(counts))
        if total <= 0.0:
            raise ValueError("pulse shape: no clicks")
        b = counts.size
        # Harmonic k: mean of exp(-2 pi i k phase), bins taken at their centres.
        k = np.arange(b // 2 + 1)
        start = np.exp(-2j * math.pi * k * (0.5 / b - 0.5))
        harmonic = np.fft.rfft(counts) * start / total
        most = min(_MOST_HARMONICS, b // 8)
        weak = np.flatnonzero(np.abs(harmonic[1 : most + 1]) ** 2 * total < _STANDS_OUT)
        last = int(weak[0]) if weak.size else most
        self.fundamental = float(abs(harmonic[1]))
        """Modulus: 0 without any modulation, 1 for the sharpest pulse and no background."""
        # Lanczos' factors, else the end of the series rings where the density is low.
        kept = np.zeros(b // 2 + 1, dtype=np.complex128)
        kept[: last + 1] = harmonic[: last + 1] * np.sinc(np.arange(last + 1) / (last + 1))
        density = np.fft.irfft(kept * np.conj(start), b) * b
        slope = np.fft.irfft(kept * np.conj(start) * 2j * math.pi * k, b) * b
        self._score = -slope / np.maximum(density, _FLOOR)
        # Slope and variance of the mean score by the clicks themselves: what a shape that is not
        # quite the true one costs is in the variance (M-estimation, Huber 1964).
        bend = (np.roll(self._score, -1) - np.roll(self._score, 1)) * (0.5 * b)
        self.slope = float(np.dot(counts, bend)) / total
        """Of the mean score by the phase of the pulse, downward, 1/turns^2."""
        self.variance = float(np.dot(counts, self._score**2)) / total / self.slope**2
        """Of the phase from one click, turns^2: 1 over the Fisher information at best."""

    def score(self, turns: Array) -> Array:
        """Derivative of the log likelihood of a click by the phase of the pulse, 1/turns, (n,).

        turns: (n,), -0.5..0.5, of the click about that phase.
        """
        b = self._score.size
        return np.asarray(self._score[((turns + 0.5) * b).astype(np.int64) % b])
