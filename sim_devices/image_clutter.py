"""What else shines in the beacon camera's image: glints, stars, and pixels that lie."""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from config.world import BeaconTruth

Array = NDArray[np.float64]

SPOT_SIGMA_PIXELS = 1.2

GLINT_LENGTH_PIXELS = (2.5, 8.0)
"""Standard deviation along a glint of the long kind."""

BRIGHTNESS = (0.5, 2.0)
"""Of stars and glints, relative to the beacon at its reference range."""

SKY_FIELDS = 4
"""Side of the patch of sky with stars, in fields of the camera; the sky repeats it."""

HOT_COUNTS = (60, 255)


class Blob(NamedTuple):
    """An elliptical Gaussian on the sensor."""

    column: float
    row: float
    flux_counts: float
    """In a nominal exposure."""
    major_pixels: float = SPOT_SIGMA_PIXELS
    minor_pixels: float = SPOT_SIGMA_PIXELS
    angle_rad: float = 0.0
    """Of the long axis, from the columns toward the rows."""


def draw(image: NDArray[np.uint8], blob: Blob, gain: float) -> None:
    """Add a blob to (rows, columns) of an image, in place; its place counts from the image's."""
    reach = math.ceil(5.0 * blob.major_pixels)
    rows, columns = image.shape
    c0, c1 = max(int(blob.column) - reach, 0), min(int(blob.column) + reach + 2, columns)
    r0, r1 = max(int(blob.row) - reach, 0), min(int(blob.row) + reach + 2, rows)
    if c1 <= c0 or r1 <= r0:
        return
    x, y = np.arange(c0, c1) - blob.column, np.arange(r0, r1)[:, None] - blob.row
    c, s = math.cos(blob.angle_rad), math.sin(blob.angle_rad)
    along, across = (c * x + s * y) / blob.major_pixels, (c * y - s * x) / blob.minor_pixels
    peak = gain * blob.flux_counts / (2 * np.pi * blob.major_pixels * blob.minor_pixels)
    light = image[r0:r1, c0:c1] + peak * np.exp(-0.5 * (along**2 + across**2))
    image[r0:r1, c0:c1] = np.clip(np.rint(light), 0, 255).astype(np.uint8)


def sky_path_rad(azimuth_rad: Array, elevation_rad: Array) -> Array:
    """How far the partner has moved over the sky since the start, (n, 2) right and up, rad.

    A point fixed in the sky stands at the partner's place in the image minus this: the image is
    taken to hang level, and the sky not to turn (73 urad/s).
    """
    azimuth = np.unwrap(azimuth_rad)
    right = np.diff(azimuth, prepend=azimuth[:1]) * np.cos(elevation_rad)
    return np.column_stack([np.cumsum(right), elevation_rad - elevation_rad[0]])


class ImageClutter:
    """Draws all that the truth asks for, from a stream of its own."""

    def __init__(
        self, truth: BeaconTruth, columns: int, rows: int, rng: np.random.Generator
    ) -> None:
        self._truth, self._rng = truth, rng
        self._columns, self._rows = columns, rows
        self._hot = np.stack(
            [rng.integers(0, rows, truth.hot_pixels), rng.integers(0, columns, truth.hot_pixels)]
        )
        self._hot_counts = rng.integers(*HOT_COUNTS, truth.hot_pixels).astype(np.uint8)
        number = rng.poisson(truth.stars * SKY_FIELDS**2)
        self._sky = np.array([columns, rows], dtype=np.float64) * SKY_FIELDS
        self._stars = rng.uniform(0.0, self._sky, (number, 2))
        self._star_flux = rng.uniform(*BRIGHTNESS, number) * truth.camera_signal_counts

    def add(
        self,
        image: NDArray[np.uint8],
        left: int,
        top: int,
        gain: float,
        sky_pixels: tuple[float, float],
    ) -> None:
        """Into an image of the sensor from (top, left) on, in place.

        Args:
            gain: exposure over the nominal one.
            sky_pixels: column and row in which a point fixed in the sky stands.
        """
        for blob in [*self._stars_in(sky_pixels), *self._glint()]:
            draw(image, blob._replace(column=blob.column - left, row=blob.row - top), gain)
        rows, columns = self._hot - np.array([[top], [left]])
        inside = (rows >= 0) & (rows < image.shape[0]) & (columns >= 0) & (columns < image.shape[1])
        image[rows[inside], columns[inside]] = self._hot_counts[inside]

    def _stars_in(self, sky_pixels: tuple[float, float]) -> list[Blob]:
        places = (self._stars + np.array(sky_pixels)) % self._sky
        return [
            Blob(column, row, flux)
            for (column, row), flux in zip(places.tolist(), self._star_flux.tolist(), strict=True)
        ]

    def _glint(self) -> list[Blob]:
        """One somewhere on the sensor, in a share of the frames: half are long, half like stars."""
        rng = self._rng
        if not rng.random() < self._truth.false_spot_probability:
            return []
        column, row = rng.uniform(-0.5, (self._columns - 0.5, self._rows - 0.5)).tolist()
        flux = self._truth.camera_signal_counts * float(rng.uniform(*BRIGHTNESS))
        if rng.random() < 0.5:
            return [Blob(column, row, flux)]
        length, angle = float(rng.uniform(*GLINT_LENGTH_PIXELS)), float(rng.uniform(0.0, math.pi))
        return [Blob(column, row, flux, length, SPOT_SIGMA_PIXELS, angle)]
