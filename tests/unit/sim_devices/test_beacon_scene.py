"""The beacon camera's picture: flux, place, noise and darkness."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm

from config.world import BeaconTruth
from sim_devices.beacon_scene import BACKGROUND_COUNTS, SPOT_SIGMA_PIXELS, BeaconScene

COLUMNS, ROWS, PIXEL_RAD = 256, 200, 25e-6


def scene(noise_counts: float = 3.0, seed: int = 1) -> BeaconScene:
    truth = BeaconTruth(
        camera_signal_counts=1000.0,
        camera_noise_counts=noise_counts,
        quad_sum_counts=8000.0,
        quad_noise_counts=8.0,
        reference_range_m=1e6,
        boresight_error_rad=0.0,
    )
    return BeaconScene(truth, COLUMNS, ROWS, PIXEL_RAD, np.random.default_rng(seed))


def test_darkness_is_background_and_noise() -> None:
    frames = np.array([scene(seed=i).expose(0, 0, 0, COLUMNS, ROWS) for i in range(5)], float)
    # Rounding adds a twelfth; 256,000 pixels.
    assert frames.mean() == pytest.approx(BACKGROUND_COUNTS, abs=0.04)
    assert frames.std() == pytest.approx(np.sqrt(9 + 1 / 12), rel=0.01)


def test_frames_of_one_scene_differ() -> None:
    one = scene()
    first, second = one.expose(0, 0, 0, 64, 64), one.expose(0, 0, 0, 64, 64)
    assert not np.array_equal(first, second)


@settings(deadline=None, max_examples=50)
@given(st.floats(-100.0, 100.0), st.floats(-80.0, 80.0))
def test_the_spot_lies_where_the_partner_is_and_holds_its_flux(right: float, up: float) -> None:
    camera = scene(noise_counts=1e-6)
    camera.x_rad, camera.y_rad, camera.flux_counts = right * PIXEL_RAD, up * PIXEL_RAD, 1000.0
    light = camera.expose(0, 0, 0, COLUMNS, ROWS).astype(float) - BACKGROUND_COUNTS
    # x grows with the columns, y against the rows; 0 is the middle of the sensor.
    column = norm.pdf(np.arange(COLUMNS), (COLUMNS - 1) / 2 + right, SPOT_SIGMA_PIXELS)
    row = norm.pdf(np.arange(ROWS), (ROWS - 1) / 2 - up, SPOT_SIGMA_PIXELS)
    # Whole counts; the spot is drawn out to six pixels, five sigma, where 1e-3 counts are left.
    assert np.abs(light - 1000.0 * np.outer(row, column)).max() < 0.502


@settings(deadline=None, max_examples=50)
@given(
    st.integers(0, COLUMNS - 16),
    st.integers(0, ROWS - 16),
    st.floats(-160.0, 160.0),
    st.floats(-130.0, 130.0),
)
def test_a_window_is_a_cut_of_the_whole_frame(left: int, top: int, right: float, up: float) -> None:
    camera = scene(noise_counts=1e-6)
    camera.x_rad, camera.y_rad, camera.flux_counts = right * PIXEL_RAD, up * PIXEL_RAD, 1000.0
    whole = camera.expose(0, 0, 0, COLUMNS, ROWS)
    window = camera.expose(0, left, top, 16, 16)
    assert window.shape == (16, 16)
    # The spot is drawn out to six pixels at least: five sigma, 1e-3 counts.
    assert np.abs(whole[top : top + 16, left : left + 16].astype(int) - window).max() <= 1


def test_a_bright_beacon_saturates() -> None:
    camera = scene()
    camera.flux_counts = 1e6
    assert camera.expose(0, 0, 0, COLUMNS, ROWS).max() == 255


def test_a_spot_far_outside_changes_nothing() -> None:
    dark, bright = scene(), scene()
    bright.flux_counts, bright.x_rad = 1e5, 1.0
    assert np.array_equal(dark.expose(0, 0, 0, 64, 64), bright.expose(0, 0, 0, 64, 64))
