"""What passes for a beacon by its shape: points of light of any power, and little else."""

import math

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.special import erf

from terminal.control.image.centroid import find_spots
from terminal.control.image.spots import has_beacon_shape

SIZE, NOISE = 96, 3.0


def image(rng: np.random.Generator, light: NDArray[np.float64] | float) -> NDArray[np.uint8]:
    counts = 12.0 + light + rng.normal(0.0, NOISE, (SIZE, SIZE))
    return np.clip(np.rint(counts), 0, 255).astype(np.uint8)


def point(column: float, row: float, flux: float, sigma: float = 1.2) -> NDArray[np.float64]:
    """A Gaussian spot integrated over each pixel."""
    edges = np.arange(SIZE + 1) - 0.5
    across, down = (
        np.diff(0.5 * erf((edges - c) / (math.sqrt(2.0) * sigma))) for c in (column, row)
    )
    return flux * np.outer(down, across)


def passing(pixels: NDArray[np.uint8], sigma: float = 1.2) -> int:
    return sum(has_beacon_shape(spot, sigma) for spot in find_spots(pixels, 6.0))


@pytest.mark.parametrize("sigma", [0.8, 1.2, 2.5])
@pytest.mark.parametrize("peak", [45.0, 90.0, 200.0, 2e3, 2e6])
def test_a_point_of_light_passes_at_any_power(sigma: float, peak: float) -> None:
    """From 15 times the noise to 10,000 times full scale."""
    rng = np.random.default_rng(1)
    flux = peak * 2.0 * math.pi * sigma**2
    passed = sum(
        passing(image(rng, point(*rng.uniform(40.0, 56.0, 2), flux, sigma)), sigma) == 1
        for _ in range(200)
    )
    assert passed >= 196


def test_a_point_smeared_by_the_scan_passes() -> None:
    """Two pixels of motion within the exposure, the most that the exposure control allows."""
    rng = np.random.default_rng(2)
    steps = np.linspace(-1.0, 1.0, 21)
    smeared = sum(point(24.3 + d * 0.8, 24.1 + d * 0.6, 1000.0 / 21) for d in steps)
    assert sum(passing(image(rng, smeared)) for _ in range(100)) == 100


def test_hot_pixels_and_pairs_of_them_do_not() -> None:
    rng = np.random.default_rng(3)
    for counts in (60.0, 243.0):
        for shape in ((1, 1), (1, 2), (2, 1), (1, 3)):
            light = np.zeros((SIZE, SIZE))
            light[20 : 20 + shape[0], 20 : 20 + shape[1]] = counts
            assert passing(image(rng, light)) == 0


@pytest.mark.parametrize("length", [3.0, 5.0, 10.0])
@pytest.mark.parametrize("angle", [0.0, 0.4, math.pi / 4])
def test_long_glints_do_not(length: float, angle: float) -> None:
    rng = np.random.default_rng(4)
    y, x = np.mgrid[:SIZE, :SIZE] - 23.6
    along, across = (
        math.cos(angle) * x + math.sin(angle) * y,
        math.cos(angle) * y - math.sin(angle) * x,
    )
    light = 150.0 * np.exp(-0.5 * ((along / length) ** 2 + (across / 1.2) ** 2))
    # Of the faint end of a very long one, noise cuts a piece off now and then.
    assert sum(passing(image(rng, light)) for _ in range(50)) <= 2


def test_wide_glows_do_not() -> None:
    rng = np.random.default_rng(5)
    for sigma in (2.5, 4.0, 6.0):
        glow = point(24.0, 24.0, 100.0 * 2.0 * math.pi * sigma**2, sigma)
        assert sum(passing(image(rng, glow)) for _ in range(50)) == 0
