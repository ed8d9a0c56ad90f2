"""The spot finder on synthetic images: light integrated over pixels, noise, counts."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from numpy.typing import NDArray
from scipy.special import erf, ndtr

from terminal.control.image.centroid import (
    MAX_SPOTS,
    MIN_PIXELS,
    SATURATED_SIGMA_PIXELS,
    Spot,
    _background,
    find_spots,
)

SIGMA_PIXELS = 1.2
BACKGROUND, NOISE = 30.0, 3.0
FLUX = 1000.0


def image(
    rng: np.random.Generator,
    column: float = -99.0,
    row: float = -99.0,
    flux: float = FLUX,
    size: int = 64,
    background: float = BACKGROUND,
    noise: float = NOISE,
) -> NDArray[np.uint8]:
    """A Gaussian spot integrated over each pixel, in white noise, as whole counts of 8 bits."""
    edges = np.arange(size + 1) - 0.5
    across, down = (
        np.diff(0.5 * erf((edges - centre) / (math.sqrt(2.0) * SIGMA_PIXELS)))
        for centre in (column, row)
    )
    light = background + flux * np.outer(down, across) + rng.normal(0.0, noise, (size, size))
    return np.clip(np.rint(light), 0, 255).astype(np.uint8)


def brightest(pixels: NDArray[np.uint8], threshold_sigma: float = 6.0) -> Spot | None:
    spots = find_spots(pixels, threshold_sigma)
    return max(spots, key=lambda spot: spot.flux_counts, default=None)


def cramer_rao_pixels(flux: float) -> float:
    """No unbiased estimate of one coordinate is better: s sqrt(8 pi) sigma^2 / F in white noise of
    s a pixel, from the Fisher information F^2 / (8 pi sigma^4 s^2) of a Gaussian spot. Rounding to
    whole counts adds 1/12 to s^2, the pixel itself 1/12 to sigma^2."""
    noise = math.sqrt(NOISE**2 + 1.0 / 12.0)
    return noise * math.sqrt(8.0 * math.pi) * (SIGMA_PIXELS**2 + 1.0 / 12.0) / flux


@pytest.mark.parametrize("flux", [350.0, 500.0, 1000.0, 1900.0])
def test_error_stays_near_the_bound(flux: float) -> None:
    """A centre of mass over n x n pixels has the variance s^2 n sum(i^2) / F^2, for the 7 x 7 that
    a spot fills here 14 s / F: 1.8 times the Cramer-Rao bound. 9 x 9 would be 3 times.

    From a peak of 13 times the noise to one just under full scale.
    """
    rng = np.random.default_rng(1)
    errors, sigmas = [], []
    for _ in range(600):
        column, row = rng.uniform(20.0, 40.0, 2)
        spot = brightest(image(rng, column, row, flux))
        assert spot is not None
        assert not spot.saturated
        assert spot.flux_counts == pytest.approx(flux, abs=6 * 9 * NOISE)
        errors += [spot.column - column, spot.row - row]
        sigmas.append(spot.sigma_pixels)
    bound = cramer_rao_pixels(flux)
    rms = float(np.sqrt(np.mean(np.square(errors))))
    assert 0.95 * bound < rms < 2.5 * bound
    # The standard error of the mean is rms / sqrt(1200).
    assert abs(np.mean(errors)) < 4.0 * rms / math.sqrt(1200.0)
    # What the spot says of itself: the light cut off by a box that the noise chose is not in it.
    assert float(np.mean(sigmas)) == pytest.approx(rms, rel=0.3)


@pytest.mark.parametrize("phase", [0.0, 0.25, 0.5, 0.75])
def test_no_bias_from_the_place_inside_a_pixel(phase: float) -> None:
    rng = np.random.default_rng(2)
    spots = [brightest(image(rng, 30.0 + phase, 31.0)) for _ in range(200)]
    errors = [s.column - 30.0 - phase for s in spots if s]
    assert len(errors) == 200
    assert abs(np.mean(errors)) < cramer_rao_pixels(FLUX)


def test_pure_noise_is_no_spot() -> None:
    """At 6 sigma a pixel lights up by chance with 1e-9, two neighbours (4 pairs a pixel) with
    4e-18: in 50 frames of 256 x 256 pixels 1e-11 false spots are expected, so none may come."""
    rng = np.random.default_rng(3)
    for _ in range(50):
        assert brightest(image(rng, size=256)) is None


def test_false_spots_come_as_often_as_pairs_of_pixels() -> None:
    """The same count where it is not too small to see: at 3 sigma some 0.1 pairs a frame."""
    rng = np.random.default_rng(4)
    frames, size, noise = 400, 128, 12.0
    found = sum(
        brightest(image(rng, size=size, background=90.0, noise=noise), 3.0) is not None
        for _ in range(frames)
    )
    # Whole counts: over 90 + 3 x 12 begins at 126.5.
    chance = float(ndtr(-36.5 / noise))
    expected = frames * (1.0 - math.exp(-4.0 * size**2 * chance**2))
    # The level moves with the measured noise by 1 % a frame: 9 % of the pairs at 3 sigma.
    assert abs(found - expected) < 4.0 * math.sqrt(expected) + 0.1 * expected


def test_black_that_cuts_the_noise_is_no_spot() -> None:
    """A black level of zero makes half of the pixels read zero."""
    rng = np.random.default_rng(5)
    for background in (0.0, 1.0, 3.0):
        for _ in range(10):
            assert brightest(image(rng, size=256, background=background)) is None


def test_hot_pixels_are_no_spot_however_many() -> None:
    rng = np.random.default_rng(6)
    frame = image(rng, 40.3, 55.2)
    # 100 of them, none beside another, most before the spot in reading order.
    rows, columns = np.meshgrid(np.arange(2, 50, 5), np.arange(2, 62, 6), indexing="ij")
    frame[rows, columns] = 255
    spot = brightest(frame)
    assert spot is not None
    assert math.hypot(spot.column - 40.3, spot.row - 55.2) < 5.0 * cramer_rao_pixels(FLUX)
    frame[50:, :] = 30
    assert brightest(frame) is None
    assert MIN_PIXELS == 2


def test_the_brighter_of_two_spots() -> None:
    rng = np.random.default_rng(7)
    frame = np.maximum(image(rng, 20.0, 20.0, 600.0), image(rng, 44.5, 40.0, 1200.0))
    spot = brightest(frame)
    assert spot is not None
    assert (spot.column, spot.row) == pytest.approx((44.5, 40.0), abs=0.3)


@pytest.mark.parametrize("over", [1.1, 10.0, 1e2, 1e3, 1e4])
def test_saturated_spot_keeps_its_centre(over: float) -> None:
    """Many times over full scale a spot is a disc of 255: still symmetric, and its rim is known
    better than to whole pixels because it crosses many of them."""
    rng = np.random.default_rng(8)
    flux = over * 255.0 * 2.0 * math.pi * SIGMA_PIXELS**2
    errors = []
    for column, row in rng.uniform(25.0, 38.0, (100, 2)):
        spot = brightest(image(rng, column, row, flux))
        assert spot is not None
        assert spot.saturated
        assert spot.sigma_pixels >= SATURATED_SIGMA_PIXELS
        errors += [spot.column - column, spot.row - row]
    assert np.sqrt(np.mean(np.square(errors))) < SATURATED_SIGMA_PIXELS


def test_moments_of_a_long_spot() -> None:
    """The second moments of a tilted ellipse, against the numbers that made it."""
    y, x = np.mgrid[:64, :64] - 31.7
    along, across = 0.8 * x + 0.6 * y, 0.8 * y - 0.6 * x
    light = 200.0 * np.exp(-0.5 * ((along / 4.0) ** 2 + (across / 1.5) ** 2))
    spot = brightest(np.clip(np.rint(20.0 + light), 0, 255).astype(np.uint8), 1.0)
    assert spot is not None
    assert (spot.column, spot.row) == pytest.approx((31.7, 31.7), abs=0.02)
    # The threshold cuts off the last 0.1 % of the light.
    assert (spot.major_pixels, spot.minor_pixels) == pytest.approx((4.0, 1.5), rel=0.03)
    assert spot.peak_counts == pytest.approx(200.0, rel=0.02)


@settings(deadline=None, max_examples=100)
@given(
    arrays(np.uint8, array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=40)),
    st.floats(0.1, 20.0),
)
def test_any_image_gives_finite_spots_inside_it(
    pixels: NDArray[np.uint8], threshold_sigma: float
) -> None:
    spots = find_spots(pixels, threshold_sigma)
    assert len(spots) <= MAX_SPOTS
    for spot in spots:
        assert all(math.isfinite(value) for value in spot)
        assert spot.flux_counts > 0.0


def test_bytes_from_a_wire_can_be_looked_at() -> None:
    """Read-only memory, and an image of nothing but noise of full range."""
    noise = np.random.default_rng(11).bytes(256 * 256)
    find_spots(np.frombuffer(noise, np.uint8).reshape(256, 256), 1.0)


@pytest.mark.parametrize("column", [-1.0, 0.0, 0.5, 62.7, 63.0, 64.0])
def test_spot_cut_by_the_edge(column: float) -> None:
    """What lies on the sensor is found: off by no more than the spot's size, and inside."""
    spot = brightest(image(np.random.default_rng(9), column, 30.0))
    assert spot is not None
    assert 0.0 <= spot.column <= 63.0
    assert abs(spot.column - column) < 2.0 * SIGMA_PIXELS
    assert spot.row == pytest.approx(30.0, abs=0.3)


@pytest.mark.parametrize("noise", [1.0, 3.0, 8.0, 20.0])
def test_background_against_the_numbers_that_made_it(noise: float) -> None:
    """Standard errors of quantiles q of n Gaussian pixels: sigma sqrt(q (1 - q) / n) / density.

    For 128 x 128 and sigma 1: 0.0098 at the median and 0.0118 at 16 %, 0.0154 for the difference.
    Whole counts, spread evenly between their edges, show a noise of one count 12 % too large.
    """
    rng = np.random.default_rng(10)
    pixels = image(rng, size=128, background=100.0, noise=noise)
    median, width = _background(pixels)
    assert median == pytest.approx(100.0, abs=5 * 0.0098 * noise)
    edges = np.arange(-50.5, 51.0)
    shown = -float(np.interp(0.158655, ndtr(edges / noise), edges))
    assert width == pytest.approx(shown, abs=5 * 0.0154 * noise)
    if noise >= 3.0:
        assert width == pytest.approx(float(pixels.std()), abs=5 * 0.0154 * noise)


@pytest.mark.parametrize("level", [0, 7, 255])
def test_flat_images(level: int) -> None:
    assert brightest(np.full((32, 48), level, np.uint8)) is None
    assert brightest(np.full((1, 1), level, np.uint8)) is None
