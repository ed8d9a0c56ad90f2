"""Bright spots in an image: where their light is, how wide it lies, and how sure that is."""

import math
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

MIN_PIXELS = 2
"""Fewer connected bright pixels are a hot pixel or noise, not a spot of the optics."""

MAX_SPOTS = 16
"""No more than so many are looked at in one image, the largest first."""

MAX_SIDE_PIXELS = 64
"""What reaches further is no spot; measuring it would cost more than all others together."""

FULL_SCALE_COUNTS = 255

SATURATED_SIGMA_PIXELS = 0.04
"""A clipped spot has lost its summit: its pixels' noise no longer says how sure the centre is. For
a Gaussian spot the rms error stays under this up to 10,000 times full scale."""


class Spot(NamedTuple):
    """Place in image columns and rows (pixel centres at whole numbers), light and shape."""

    column: float
    row: float
    flux_counts: float
    """Sum above the background."""
    sigma_pixels: float
    """1-sigma of column and of row from the image's noise."""
    major_pixels: float
    minor_pixels: float
    """Standard deviation of the light along the spot's long axis and across it."""
    peak_counts: float
    """Brightest pixel, above the background."""
    saturated: bool


def find_spots(pixels: NDArray[np.uint8], threshold_sigma: float) -> list[Spot]:
    """The connected spots above the background, largest first.

    Background and noise come from the image itself, so exposure and sky level need not be known.

    Args:
        pixels: (rows, columns).
        threshold_sigma: noise standard deviations above background at which a pixel counts.
    """
    background, noise = _background(pixels)
    bright = cv2.threshold(pixels, background + threshold_sigma * noise, 1, cv2.THRESH_BINARY)[1]
    outlines, _ = cv2.findContours(bright, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    # A sensor may have any number of hot pixels; they have the shortest outlines.
    largest = sorted((o for o in outlines if len(o) >= MIN_PIXELS), key=len, reverse=True)
    spots = []
    for outline in largest[:MAX_SPOTS]:
        left, top, columns, rows = cv2.boundingRect(outline)
        if max(columns, rows) > MAX_SIDE_PIXELS:
            continue
        # One pixel around, so that the spot's skirts under the threshold count too.
        x0, y0 = max(left - 1, 0), max(top - 1, 0)
        box = slice(y0, top + rows + 1), slice(x0, left + columns + 1)
        light = pixels[box].astype(np.float64) - background
        number, labels = cv2.connectedComponents(bright[box], connectivity=8)
        if number > 2:  # light of a neighbour reaches into the box
            column, row = outline[0, 0].tolist()
            own = labels[row - y0, column - x0]
            light[(labels != own) & (labels != 0)] = 0.0
        spot = _measure(light, x0, y0, background, noise)
        if spot is not None:
            spots.append(spot)
    return spots


def _measure(
    light: NDArray[np.float64], left: int, top: int, background: float, noise: float
) -> Spot | None:
    """Moments of the light in a box whose first pixel is (left, top)."""
    moments = cv2.moments(light)
    flux = moments["m00"]
    if flux <= 0.0:
        return None
    rows, columns = light.shape
    column, row = moments["m10"] / flux, moments["m01"] / flux
    xx, yy, xy = (moments[name] / flux for name in ("mu20", "mu02", "mu11"))
    # Eigenvalues of the matrix of second moments; noise can make the smaller one negative.
    mean, half = 0.5 * (xx + yy), math.hypot(0.5 * (xx - yy), xy)
    # Every pixel's noise moves the centre by its distance from it over the flux.
    lever = rows * _sum_of_squares(columns, column) + columns * _sum_of_squares(rows, row)
    sigma = noise * math.sqrt(0.5 * lever) / flux
    peak = float(light.max())
    saturated = peak + background >= FULL_SCALE_COUNTS
    return Spot(
        column + left,
        row + top,
        flux,
        max(sigma, SATURATED_SIGMA_PIXELS) if saturated else sigma,
        math.sqrt(max(mean + half, 0.0)),
        math.sqrt(max(mean - half, 0.0)),
        peak,
        saturated,
    )


def _sum_of_squares(n: int, centre: float) -> float:
    """Sum of (i - centre)^2 over i = 0 .. n - 1."""
    middle = 0.5 * (n - 1)
    return n * ((n * n - 1) / 12.0 + (middle - centre) ** 2)


def _background(pixels: NDArray[np.uint8]) -> tuple[float, float]:
    """(median, noise standard deviation) in counts, from the image's histogram.

    The median absolute deviation of whole counts is coarse, so the noise is taken from the 16 % of
    pixels at either end instead, interpolated inside a count. The wider side counts, since black
    cuts off the lower one; if it cuts off the median too, the noise comes out too small.
    """
    histogram = cv2.calcHist([pixels], [0], None, [256], [0, 256]).ravel().astype(np.float64)
    below = np.cumsum(histogram) / pixels.size
    median, low, high = (_quantile(below, q) for q in (0.5, 0.158655, 0.841345))
    # Quantisation leaves a standard deviation of 1/sqrt(12) even in a noiseless image.
    return median, max(median - low, high - median, 0.29)


def _quantile(below: NDArray[np.float64], share: float) -> float:
    """Counts under which `share` of the pixels lie; a count n spreads over n - 1/2 to n + 1/2."""
    n = int(np.searchsorted(below, share))
    under = float(below[n - 1]) if n else 0.0
    return n - 0.5 + (share - under) / (float(below[n]) - under)
