"""Mirror and quad cell at the fine loop's rate: the only physics that runs on every tick.

At 5 kHz a tick of this has to cost a microsecond: it is compiled (`sim_devices.fast_plant_kernel`),
disturbance and noise are drawn in blocks.
"""

import math

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import expm

from config.terminal import Optics
from config.world import BeaconTruth, MirrorTruth
from sim_devices.disturbance import JitterSource

Array = NDArray[np.float64]

BLOCK = 5000
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
        # Here, and not for whoever only needs the package: it takes half a second to load.
        from sim_devices import fast_plant_kernel as kernel

        self._kernel = kernel
        self._call = kernel.tick
        self._constants = np.array(
            [
                *_mirror_step(mirror, rate_hz),
                optics.mirror_stroke_rad / DAC_LIMIT,
                math.sqrt(2.0) / optics.quad_spot_rad,
                (CELL_SPOTS * optics.quad_spot_rad) ** 2,
                *boresight_rad,
            ]
        )
        self._state = np.zeros(kernel.STATES)
        # Commands wait here until the scan that they can first change.
        self._delayed = np.zeros((mirror.delay_samples - 1, 2))
        self._jitter = jitter
        self._noise_counts = beacon.quad_noise_counts
        self._rng = rng
        self._draws = np.empty((BLOCK, 6))
        self._next = BLOCK
        """Of the block; all of it is used at first."""
        self._residual = np.zeros((BLOCK, 2))
        self._taken = BLOCK
        self._earlier: list[Array] = []
        """Residuals of earlier blocks that nobody has taken."""

    @property
    def mirror_rad(self) -> tuple[float, float]:
        """Where the mirror points now."""
        return self._pair(self._kernel.X, self._kernel.Y)

    @property
    def gimbal_rad(self) -> tuple[float, float]:
        """Partner relative to the boresight, jitter left out."""
        return self._pair(self._kernel.GIMBAL_X, self._kernel.GIMBAL_Y)

    @property
    def seen_rad(self) -> tuple[float, float]:
        """Partner relative to the boresight, jitter included: what gimbal and camera see."""
        return self._pair(self._kernel.SEEN_X, self._kernel.SEEN_Y)

    @property
    def sum_counts(self) -> float:
        """Light on the quad cell."""
        return float(self._state[self._kernel.LIGHT])

    @sum_counts.setter
    def sum_counts(self, counts: float) -> None:
        self._state[self._kernel.LIGHT] = counts

    def _pair(self, x: int, y: int) -> tuple[float, float]:
        return float(self._state[x]), float(self._state[y])

    def segment(self, start: tuple[float, float], end: tuple[float, float], ticks: int) -> None:
        """The gimbal's error goes linearly from start to end over the next `ticks`."""
        state, k = self._state, self._kernel
        state[k.GIMBAL_X], state[k.GIMBAL_Y] = start
        state[k.SLOPE_X], state[k.SLOPE_Y] = (
            (end[0] - start[0]) / ticks,
            (end[1] - start[1]) / ticks,
        )

    def tick(self, x_counts: int, y_counts: int) -> tuple[int, int, int, int]:
        """One scan period under the newest DAC values; counts of the quadrants a, b, c, d."""
        k = self._next
        if k == BLOCK:
            k = self._next_block()
        self._next = k + 1
        counts: tuple[int, int, int, int] = self._call(
            self._constants,
            self._state,
            self._draws,
            self._delayed,
            self._residual,
            k,
            x_counts,
            y_counts,
        )
        return counts

    def _next_block(self) -> int:
        self._earlier.append(self._residual[self._taken :].copy())
        self._taken = 0
        for axis, source in enumerate(self._jitter):
            self._draws[:, axis] = source.take(BLOCK)
        noise = self._rng.normal(size=4 * BLOCK)
        self._draws[:, 2:] = self._noise_counts * noise.reshape(BLOCK, 4)
        return 0

    def take_residual(self) -> tuple[Array, Array]:
        """(x, y) behind the mirror, rad, of all ticks since the last call, (n,) each."""
        taken = np.concatenate([*self._earlier, self._residual[self._taken : self._next]])
        self._earlier.clear()
        self._taken = self._next
        return taken[:, 0].copy(), taken[:, 1].copy()
