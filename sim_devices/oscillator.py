"""The tagger's oscillator: off by some ppm, white and random-walk frequency noise."""

import math

import numpy as np


class Oscillator:
    """Local time minus true time, advanced in steps and linear between them."""

    def __init__(
        self, offset: float, white_fm: float, random_walk_fm: float, rng: np.random.Generator
    ) -> None:
        """offset: fractional; white_fm: Allan deviation at 1 s; random_walk_fm: per sqrt second."""
        self.frequency_offset = offset
        self.phase_s = 0.0
        """Local minus true time at the end of the last step."""
        self._white_fm = white_fm
        self._random_walk_fm = random_walk_fm
        self._rng = rng

    def advance(self, dt_s: float) -> tuple[float, float]:
        """One step: (phase before, phase after), s."""
        before = self.phase_s
        # White FM of Allan deviation s at 1 s has a time error of s sqrt(t) after t.
        noise_s = self._white_fm * math.sqrt(dt_s) * self._rng.normal()
        self.phase_s += self.frequency_offset * dt_s + noise_s
        self.frequency_offset += self._random_walk_fm * math.sqrt(dt_s) * self._rng.normal()
        return before, self.phase_s
