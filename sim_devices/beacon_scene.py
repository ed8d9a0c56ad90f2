"""What the beacon camera sees: a spot, or darkness, and noise."""

import numpy as np
from numpy.typing import NDArray

from config.world import BeaconTruth

SPOT_SIGMA_PIXELS = 1.2
BACKGROUND_COUNTS = 12.0


class BeaconScene:
    """Renders windows of the sensor. The world sets `x_rad`, `y_rad`, `flux_counts` before each."""

    def __init__(
        self,
        truth: BeaconTruth,
        columns: int,
        rows: int,
        pixel_rad: float,
        rng: np.random.Generator,
    ) -> None:
        self._columns, self._rows, self._pixel_rad = columns, rows, pixel_rad
        self._rng = rng
        # A pool of noise, read from random places: drawing a frame's own would cost a millisecond.
        noise = rng.normal(BACKGROUND_COUNTS, truth.camera_noise_counts, (2 * rows, 2 * columns))
        self._noise = _counts(noise)
        self.x_rad = self.y_rad = 0.0
        self.flux_counts = 0.0
        """Sum of counts in the spot."""

    def expose(self, t_ns: int, left: int, top: int, columns: int, rows: int) -> NDArray[np.uint8]:
        """(rows, columns) of the sensor from (top, left) on, at this moment."""
        i = int(self._rng.integers(0, 2 * self._rows - rows + 1))
        j = int(self._rng.integers(0, 2 * self._columns - columns + 1))
        image = self._noise[i : i + rows, j : j + columns].copy()
        column = self.x_rad / self._pixel_rad + (self._columns - 1) / 2 - left
        row = -self.y_rad / self._pixel_rad + (self._rows - 1) / 2 - top
        reach = 6
        if (
            self.flux_counts > 0
            and -reach < column < columns + reach
            and -reach < row < rows + reach
        ):
            c0, c1 = max(int(column) - reach, 0), min(int(column) + reach + 2, columns)
            r0, r1 = max(int(row) - reach, 0), min(int(row) + reach + 2, rows)
            if c1 > c0 and r1 > r0:
                across = np.exp(-0.5 * ((np.arange(c0, c1) - column) / SPOT_SIGMA_PIXELS) ** 2)
                down = np.exp(-0.5 * ((np.arange(r0, r1) - row) / SPOT_SIGMA_PIXELS) ** 2)
                peak = self.flux_counts / (2 * np.pi * SPOT_SIGMA_PIXELS**2)
                spot = image[r0:r1, c0:c1] + peak * np.outer(down, across)
                image[r0:r1, c0:c1] = _counts(spot)
        return image


def _counts(light: NDArray[np.float64]) -> NDArray[np.uint8]:
    """Whole counts of an 8-bit sensor."""
    return np.clip(np.rint(light), 0, 255).astype(np.uint8)
