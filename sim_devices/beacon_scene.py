"""What the beacon camera sees: a spot, or darkness, noise, and clutter where the truth has any."""

import math

import numpy as np
from numpy.typing import NDArray

from config.world import BeaconTruth
from sim_devices.image_clutter import SPOT_SIGMA_PIXELS, ImageClutter

BACKGROUND_COUNTS = 12.0
"""The camera's black level: the same for every exposure."""

NOMINAL_EXPOSURE_US = 1000
"""To which the truth's signal belongs."""


class BeaconScene:
    """Renders windows of the sensor.

    The world sets `x_rad`, `y_rad`, `flux_counts` and the sky's place before each.
    """

    def __init__(
        self,
        truth: BeaconTruth,
        columns: int,
        rows: int,
        pixel_rad: float,
        rng: np.random.Generator,
        clutter_rng: np.random.Generator,
    ) -> None:
        self._truth = truth
        self._columns, self._rows, self._pixel_rad = columns, rows, pixel_rad
        self._rng = rng
        # A pool of noise, read from random places: drawing a frame's own would cost a millisecond.
        noise = rng.normal(BACKGROUND_COUNTS, truth.camera_noise_counts, (2 * rows, 2 * columns))
        self._noise = _counts(noise)
        self._clutter: ImageClutter | None = None
        if truth.false_spot_probability or truth.hot_pixels or truth.stars:
            self._clutter = ImageClutter(truth, columns, rows, clutter_rng)
        self.x_rad = self.y_rad = 0.0
        self.sky_x_rad = self.sky_y_rad = 0.0
        """Where a point fixed in the sky stands in the image; any point will do."""
        self.flux_counts = 0.0
        """Sum of counts in the spot, in a nominal exposure."""

    def expose(
        self, t_ns: int, exposure_us: int, left: int, top: int, columns: int, rows: int
    ) -> NDArray[np.uint8]:
        """(rows, columns) of the sensor from (top, left) on, at this moment."""
        i = int(self._rng.integers(0, 2 * self._rows - rows + 1))
        j = int(self._rng.integers(0, 2 * self._columns - columns + 1))
        image = self._noise[i : i + rows, j : j + columns].copy()
        gain = exposure_us / NOMINAL_EXPOSURE_US
        if self._clutter is not None:
            sky = self.sky_x_rad / self._pixel_rad, -self.sky_y_rad / self._pixel_rad
            self._clutter.add(image, left, top, gain, sky)
        column = self.x_rad / self._pixel_rad + (self._columns - 1) / 2 - left
        row = -self.y_rad / self._pixel_rad + (self._rows - 1) / 2 - top
        flux = self.flux_counts * gain * self._modulation(t_ns)
        reach = 6
        if flux > 0 and -reach < column < columns + reach and -reach < row < rows + reach:
            c0, c1 = max(int(column) - reach, 0), min(int(column) + reach + 2, columns)
            r0, r1 = max(int(row) - reach, 0), min(int(row) + reach + 2, rows)
            if c1 > c0 and r1 > r0:
                across = np.exp(-0.5 * ((np.arange(c0, c1) - column) / SPOT_SIGMA_PIXELS) ** 2)
                down = np.exp(-0.5 * ((np.arange(r0, r1) - row) / SPOT_SIGMA_PIXELS) ** 2)
                peak = flux / (2 * np.pi * SPOT_SIGMA_PIXELS**2)
                spot = image[r0:r1, c0:c1] + peak * np.outer(down, across)
                image[r0:r1, c0:c1] = _counts(spot)
        return image

    def _modulation(self, t_ns: int) -> float:
        """Power of the beacon over its mean."""
        truth = self._truth
        if not truth.modulation_hz:
            return 1.0
        phase = math.fmod(t_ns, 1e9 / truth.modulation_hz) * 1e-9 * truth.modulation_hz
        return 1.0 + truth.modulation_depth * math.sin(2.0 * math.pi * phase)


def _counts(light: NDArray[np.float64]) -> NDArray[np.uint8]:
    """Whole counts of an 8-bit sensor."""
    return np.clip(np.rint(light), 0, 255).astype(np.uint8)
