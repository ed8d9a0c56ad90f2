"""Mirror and quad cell at the fine loop's rate: the only physics that runs on every tick.

Plain floats: at 5 kHz a tick of this has to cost a few microseconds. Disturbance and noise are
drawn in blocks; what depends on the beacon's power is worked out once for each level of it.
"""

import math
from collections.abc import Iterator
from math import floor

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import expm

from config.fine_truth import MirrorTruth
from config.terminal import Optics
from sim_devices.disturbance_sources import Source
from sim_devices.mirror_drive import DAC_LIMIT, drive_of
from sim_devices.position_sensor import ADC_LIMIT, PositionSensor

Array = NDArray[np.float64]
Draw = tuple[float, float, float, float, float, float]
"""Jitter x and y, rad; noise of the quadrants a, b, c, d, in units of its sigma."""

BLOCK = 5000
STUCK = (1.0, 0.0, 0.0, 0.0, 0.0, 0.0)
"""The step of a mirror that stays where it is."""


def _mirror_step(
    truth: MirrorTruth, rate_hz: float
) -> tuple[float, float, float, float, float, float]:
    """Exact zero-order-hold step of a second-order resonance: a11 a12 a21 a22 b1 b2."""
    w, z, t = 2 * math.pi * truth.resonance_hz, truth.damping, 1.0 / rate_hz
    a = np.array([[0.0, 1.0, 0.0], [-w * w, -2 * z * w, w * w], [0.0, 0.0, 0.0]])
    e = expm(a * t)
    (a11, a12, b1), (a21, a22, b2), _ = e.tolist()
    return a11, a12, a21, a22, b1, b2


def _drive_matrix(truth: MirrorTruth, rad_per_count: float) -> tuple[float, float, float, float]:
    """xx xy yx yy: angle on the sky, x right, y up, by counts."""
    (gain_x, gain_y), (x_to_y, y_to_x) = truth.gain, truth.cross_coupling
    c, s = math.cos(truth.rotation_rad), math.sin(truth.rotation_rad)
    turned = np.array([[c, -s], [s, c]]) @ [[gain_x, y_to_x], [x_to_y, gain_y]]
    xx, xy, yx, yy = (rad_per_count * turned).ravel().tolist()
    return xx, xy, yx, yy


class FastPlant:
    """State of mirror, jitter and spot. x right, y up, on the sky."""

    def __init__(
        self,
        optics: Optics,
        sensor: PositionSensor,
        mirror: MirrorTruth,
        jitter: tuple[Source, Source],
        boresight_rad: tuple[float, float],
        rate_hz: float,
        rng: np.random.Generator,
    ) -> None:
        rad_per_count = optics.mirror_stroke_rad / DAC_LIMIT
        self._moving = self._m = _mirror_step(mirror, rate_hz)
        self._matrix = _drive_matrix(mirror, rad_per_count)
        drive = drive_of(mirror, rad_per_count, rate_hz)
        self._drive = None if drive is None else drive.angles
        self._sensor = sensor
        self._shape = sensor.shape
        self._spot = (*sensor.coefficients(boresight_rad), sensor.edge2)
        self._jitter = jitter
        self._rng = rng
        # Commands wait here until the scan that they can first change.
        self._delay_samples = mirror.delay_samples - 1
        self._delayed = [(0, 0)] * self._delay_samples
        self._x = self._vx = self._y = self._vy = 0.0
        self._draws: Iterator[Draw] = iter(())
        self._gimbal_x = self._gimbal_y = 0.0
        self._slope_x = self._slope_y = 0.0
        # Plain tuples: those of a class of their own take twice as long to unpack.
        self._dark = tuple(sensor.light(0.0))
        self._sum_counts, self._light = 0.0, self._dark
        self._seen_x = self._seen_y = 0.0
        self._error_x: list[float] = []
        self._error_y: list[float] = []

    @property
    def sum_counts(self) -> float:
        """The beacon's light on the sensor, counts of the four channels together."""
        return self._sum_counts

    @sum_counts.setter
    def sum_counts(self, value: float) -> None:
        if value != self._sum_counts:
            self._sum_counts, self._light = value, tuple(self._sensor.light(value))

    def hold_mirror(self, stuck: bool) -> None:
        """A mirror that is stuck stays where it is, whatever it is told."""
        if stuck:
            self._m = STUCK
            self._vx = self._vy = 0.0
        else:
            self._m = self._moving

    def delay_more(self, samples: int, command: tuple[int, int]) -> None:
        """So many scans more of delay than the mirror's own, from now on.

        command: the latest one, counts, which holds where none waits.
        """
        wanted, waiting = self._delay_samples + samples, self._delayed
        first = waiting[0] if waiting else command
        waiting[:0] = [first] * (wanted - len(waiting))
        del waiting[: len(waiting) - wanted]

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
        noise = self._rng.normal(size=4 * BLOCK).tolist()
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
        drive_x: float = x_counts
        drive_y: float = y_counts
        if self._drive is not None:
            drive_x, drive_y = self._drive(x_counts, y_counts)
        a11, a12, a21, a22, b1, b2 = self._m
        xx, xy, yx, yy = self._matrix
        ux, uy = xx * drive_x + xy * drive_y, yx * drive_x + yy * drive_y
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

        xx, xy, x0, yx, yy, y0, edge2 = self._spot
        at_x, at_y = xx * ex + xy * ey + x0, yx * ex + yy * ey + y0
        light, shape = self._light, self._shape
        if at_x * at_x + at_y * at_y > edge2:
            light = self._dark
        share_a, share_b, share_c, share_d, rest_a, rest_b, rest_c, rest_d, sigma, may_clip = light
        right, above = 1.0 + shape(at_x), 1.0 + shape(at_y)
        left, below = 2.0 - right, 2.0 - above
        a = floor(share_a * right * above + rest_a + sigma * noise_a)
        b = floor(share_b * left * above + rest_b + sigma * noise_b)
        c = floor(share_c * left * below + rest_c + sigma * noise_c)
        d = floor(share_d * right * below + rest_d + sigma * noise_d)
        if may_clip:
            a, b, c, d = (max(-ADC_LIMIT, min(ADC_LIMIT, v)) for v in (a, b, c, d))
        return a, b, c, d
