"""Where the beacon stands in an image."""

from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

MIN_PIXELS = 2
"""Fewer connected bright pixels are a hot pixel or noise, not a spot of the optics."""

MAX_SPOTS = 16
"""No more than so many are looked at in one image."""


class Spot(NamedTuple):
    """Centre of light in image columns and rows (pixel centres at whole numbers), and its sum."""

    column: float
    row: float
    flux_counts: float


def find_spot(pixels: NDArray[np.uint8], threshold_sigma: float) -> Spot | None:
    """The brightest connected spot above the background, or None.

    Background and noise come from the image itself, so exposure and sky level need not be known.

    Args:
        pixels: (rows, columns).
        threshold_sigma: noise standard deviations above background at which a pixel counts.
    """
    background, noise = _background(pixels)
    level = background + threshold_sigma * noise
    bright = (pixels > level).astype(np.uint8)
    _, labels, stats, _ = cv2.connectedComponentsWithStats(bright, connectivity=8)
    best: Spot | None = None
    areas = stats[1:, cv2.CC_STAT_AREA]
    # The largest few: a sensor may have any number of hot pixels.
    for label in 1 + np.argsort(-areas, kind="stable")[:MAX_SPOTS]:
        left, top, width, height, area = (int(v) for v in stats[label])
        if area < MIN_PIXELS:
            break
        # One pixel around, so that the spot's skirts under the threshold count too.
        rows = slice(max(top - 1, 0), top + height + 1)
        columns = slice(max(left - 1, 0), left + width + 1)
        light = pixels[rows, columns].astype(np.float64) - background
        light[(labels[rows, columns] != label) & (labels[rows, columns] != 0)] = 0.0
        flux = float(light.sum())
        if flux <= 0.0 or (best is not None and flux <= best.flux_counts):
            continue
        row = float((light.sum(axis=1) @ np.arange(light.shape[0])) / flux) + rows.start
        column = float((light.sum(axis=0) @ np.arange(light.shape[1])) / flux) + columns.start
        best = Spot(column, row, flux)
    return best


def _background(pixels: NDArray[np.uint8]) -> tuple[float, float]:
    """(median, noise standard deviation) in counts, from the image's histogram.

    The median absolute deviation of whole counts is coarse, so the noise is taken from the 16 % of
    pixels at either end instead, interpolated inside a count. The wider side counts, since black
    cuts off the lower one; if it cuts off the median too, the noise comes out too small.
    """
    below = np.cumsum(np.bincount(pixels.ravel(), minlength=256)) / pixels.size
    median, low, high = (_quantile(below, q) for q in (0.5, 0.158655, 0.841345))
    # Quantisation leaves a standard deviation of 1/sqrt(12) even in a noiseless image.
    return median, max(median - low, high - median, 0.29)


def _quantile(below: NDArray[np.float64], share: float) -> float:
    """Counts under which `share` of the pixels lie; a count n spreads over n - 1/2 to n + 1/2."""
    n = int(np.searchsorted(below, share))
    under = float(below[n - 1]) if n else 0.0
    return n - 0.5 + (share - under) / (float(below[n]) - under)
