"""The four counts of a position sensor: which share of the light each channel shows.

Channels: a upper right, b upper left, c lower left, d lower right; of both kinds
x = ((a + d) - (b + c)) / (a + b + c + d), y with (a + b) - (c + d), for light alone.

- Quad cell, Gaussian spot of 1/e^2 half angle w: x = erf(sqrt(2) t / w) at an offset of t; slope
  sqrt(8/pi) / w in the middle.
- Lateral-effect detector of half length h: x = t / h all over; the photocurrent divides between
  the electrodes as the distances to them. Its error is the noise over the signal, times h.

Noise per channel: read-out, and shot noise as of a quarter of all light. Where the light
is unequal, so are the channels' shares, but sum and both differences have this noise anywhere.
"""

import math
from collections.abc import Callable
from typing import NamedTuple

from config.fine_truth import QuadTruth

ADC_LIMIT = 32767
CELL_SPOTS = 2.0
"""Half width of the quad cell in units of the spot; a beacon further off does not reach it."""
CLIP_SIGMAS = 8.0


class Light(NamedTuple):
    """What each channel shows of (1 + x)(1 + y) and its like, counts; one level of the beacon."""

    a: float
    b: float
    c: float
    d: float
    offset_a: float
    """Of light that does not depend on the place; half a count is in it, so that the converter
    rounds."""
    offset_b: float
    offset_c: float
    offset_d: float
    sigma: float
    """Noise of each channel."""
    may_clip: bool


class PositionSensor:
    """One sensor in front of one beacon."""

    def __init__(self, truth: QuadTruth, spot_rad: float, read_noise_counts: float) -> None:
        """spot_rad: as the terminal is configured, 1/e^2 half angle."""
        self._truth = truth
        self._read_noise_counts = read_noise_counts
        self.shape: Callable[[float], float]
        """x over an offset in the units of `coefficients`."""
        if truth.kind == "quad_cell":
            self._per_rad = math.sqrt(2.0) / (truth.spot_scale * spot_rad)
            self._slope = 2.0 / math.sqrt(math.pi)
            self.shape = math.erf
            self.edge2 = 2.0 * CELL_SPOTS**2
        else:
            self._per_rad, self._slope = 1.0 / truth.half_length_rad, 1.0
            self.shape = _linear
            self.edge2 = 1.0

    def coefficients(
        self, boresight_rad: tuple[float, float]
    ) -> tuple[float, float, float, float, float, float]:
        """xx xy x0 yx yy y0: from an error (x right, y up, rad) to the offset on the sensor."""
        c = self._per_rad * math.cos(self._truth.rotation_rad)
        s = self._per_rad * math.sin(self._truth.rotation_rad)
        x, y = boresight_rad
        return c, s, c * x + s * y, -s, c, c * y - s * x

    def light(self, sum_counts: float) -> Light:
        """sum_counts: of the beacon, the four channels together."""
        truth = self._truth
        own = 0.25 * (1.0 - 4.0 * truth.cross_talk) * sum_counts
        shared = truth.cross_talk * sum_counts + 0.25 * truth.background_counts
        a, b, c, d = (gain * own for gain in truth.channel_gains)
        # An offset of half a count makes the converter round where it cuts off.
        oa, ob, oc, od = (gain * shared + 0.5 for gain in truth.channel_gains)
        sigma = self._sigma(sum_counts)
        peak = max(truth.channel_gains) * (4.0 * own + shared) + CLIP_SIGMAS * sigma
        return Light(a, b, c, d, oa, ob, oc, od, sigma, peak + 1.0 > ADC_LIMIT)

    def _sigma(self, sum_counts: float) -> float:
        truth, variance = self._truth, self._read_noise_counts**2
        if truth.electrons_per_count > 0.0:
            light = 0.25 * (sum_counts + truth.background_counts)
            variance += light / truth.electrons_per_count
        return math.sqrt(variance)

    def noise_rad(self, sum_counts: float) -> float:
        """Noise of a reading in the middle, per axis, for whoever knows the sensor: the inverse
        root of the four channels' Fisher information. Rounding counts as noise (1/12 count^2)."""
        variance = self._sigma(sum_counts) ** 2 + 1.0 / 12.0
        light = self.light(sum_counts)
        slope = self._per_rad * self._slope * math.hypot(light.a, light.b, light.c, light.d)
        return math.sqrt(variance) / slope


def _linear(offset: float) -> float:
    return offset
