"""Mirror and quad cell at the fine loop's rate: the only physics that runs on every tick.

Plain floats: at 5 kHz a tick of this has to cost a few microseconds. Disturbance and noise are
drawn in blocks.
"""

import math
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import expm

from config.terminal import Optics
from config.world import BeaconTruth, MirrorTruth
from sim_devices.disturbance import JitterSource

Array = NDArray[np.float64]
Draw = tuple[float, float, float, float, float, float]
"""Jitter x and y, rad; noise of the quadrants a, b, c, d, counts."""

BLOCK = 5000
ADC_LIMIT = 32767
CELL_SPOTS = 2.0
"""Half width of the quad cell in units of the spot; a beacon further off does not reach it."""
DAC_LIMIT = 32767.0


def _mirror_step(
    truth: MirrorTruth, rate_hz: float
) -> tuple[float, float, float, float, float, float]:
    """Exact zero-order-hold step of a second-order resonance: a11 a12 a21 a22 b1 b2."""
    w, z, t = 2 * math.pi * truth.resonance_hz, truth.damping, 1.0 / rate_hz
    a = np.array([[0.0, 1.0, 0.0], [-w * w, -2 * z * w, w * w], [0.0, 0.0, 0.0]])
    e = expm(a * t)
    (a11, a12, b1), (a21, a22, b2), _ = e.tolist()
    return a11, a12, a21, a22, b1, b2


class FastPlant:
    """State of mirror, jitter and spot. x right, y up, on the sky."""

    def __init__(
        self,
        optics: Optics,
        beacon: BeaconTruth,
        mirror: MirrorTruth,
        jitter: tuple[JitterSource, JitterSource],
        boresight_rad: tuple[float, float],
        rate_hz: float,
        rng: np.random.Generator,
    ) -> None:
        self._m = _mirror_step(mirror, rate_hz)
        self._rad_per_count = optics.mirror_stroke_rad / DAC_LIMIT
        self._erf_scale = math.sqrt(2.0) / optics.quad_spot_rad
        self._edge_rad2 = (CELL_SPOTS * optics.quad_spot_rad) ** 2
        self._jitter = jitter
        self._noise_counts = beacon.quad_noise_counts
        # With less light than this no quadrant reaches the converter's end, eight sigma of noise
        # included.
        self._may_clip_counts = ADC_LIMIT - 8.0 * beacon.quad_noise_counts
        self._boresight_x, self._boresight_y = boresight_rad
        self._rng = rng
        # Commands wait here until the scan that they can first change.
        self._delayed = [(0, 0)] * (mirror.delay_samples - 1)
        self._x = self._vx = self._y = self._vy = 0.0
        self._draws: Iterator[Draw] = iter(())
        self._gimbal_x = self._gimbal_y = 0.0
        self._slope_x = self._slope_y = 0.0
        self.sum_counts = 0.0
        """Light on the quad cell."""
        self._seen_x = self._seen_y = 0.0
        self._error_x: list[float] = []
        self._error_y: list[float] = []

    @property
    def mirror_rad(self) -> tuple[float, float]:
        """Where the mirror points now."""
        return self._x, self._y

    @property
    def gimbal_rad(self) -> tuple[float, float]:
        """Partner relative to the boresight, jitter left out."""
        return self._gimbal_x, self._gimbal_y

    @property
    def seen_rad(self) -> tuple[float, float]:
        """Partner relative to the boresight, jitter included: what gimbal and camera see."""
        return self._seen_x, self._seen_y

    def take_residual(self) -> tuple[Array, Array]:
        """(x, y) behind the mirror, rad, of all ticks since the last call, (n,) each."""
        x, y = np.array(self._error_x), np.array(self._error_y)
        self._error_x.clear()
        self._error_y.clear()
        return x, y

    def segment(self, start: tuple[float, float], end: tuple[float, float], ticks: int) -> None:
        """The gimbal's error goes linearly from start to end over the next `ticks`."""
        self._gimbal_x, self._gimbal_y = start
        self._slope_x = (end[0] - start[0]) / ticks
        self._slope_y = (end[1] - start[1]) / ticks

    def _draw(self) -> Iterator[Draw]:
        jitter_x, jitter_y = (source.take(BLOCK).tolist() for source in self._jitter)
        noise = (self._noise_counts * self._rng.normal(size=4 * BLOCK)).tolist()
        return zip(jitter_x, jitter_y, *(noise[i::4] for i in range(4)), strict=True)

    def tick(self, x_counts: int, y_counts: int) -> tuple[int, int, int, int]:
        """One scan period under the newest DAC values; counts of the quadrants a, b, c, d."""
        draw = next(self._draws, None)
        if draw is None:
            self._draws = self._draw()
            draw = next(self._draws)
        jitter_x, jitter_y, noise_a, noise_b, noise_c, noise_d = draw
        if self._delayed:
            self._delayed.append((x_counts, y_counts))
            x_counts, y_counts = self._delayed.pop(0)
        a11, a12, a21, a22, b1, b2 = self._m
        ux, uy = x_counts * self._rad_per_count, y_counts * self._rad_per_count
        x, vx, y, vy = self._x, self._vx, self._y, self._vy
        self._x, self._vx = x, vx = a11 * x + a12 * vx + b1 * ux, a21 * x + a22 * vx + b2 * ux
        self._y, self._vy = y, vy = a11 * y + a12 * vy + b1 * uy, a21 * y + a22 * vy + b2 * uy

        self._gimbal_x = gx = self._gimbal_x + self._slope_x
        self._gimbal_y = gy = self._gimbal_y + self._slope_y
        self._seen_x = sx = gx + jitter_x
        self._seen_y = sy = gy + jitter_y
        ex, ey = sx - x, sy - y
        self._error_x.append(ex)
        self._error_y.append(ey)

        # Gaussian spot, separable: the share right of and above the centre.
        right = 0.5 * (1.0 + math.erf(self._erf_scale * (ex + self._boresight_x)))
        above = 0.5 * (1.0 + math.erf(self._erf_scale * (ey + self._boresight_y)))
        total = self.sum_counts
        if ex * ex + ey * ey > self._edge_rad2:
            total = 0.0
        a = int(total * right * above + noise_a)
        b = int(total * (1.0 - right) * above + noise_b)
        c = int(total * (1.0 - right) * (1.0 - above) + noise_c)
        d = int(total * right * (1.0 - above) + noise_d)
        if total > self._may_clip_counts:
            a, b, c, d = (max(-ADC_LIMIT, min(ADC_LIMIT, v)) for v in (a, b, c, d))
        return a, b, c, d
