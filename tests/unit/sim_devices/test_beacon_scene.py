"""The beacon camera's picture: flux, place, noise and darkness."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm

from config.world import BeaconTruth
from sim_devices.beacon_scene import BACKGROUND_COUNTS, BeaconScene
from sim_devices.image_clutter import SPOT_SIGMA_PIXELS, sky_path_rad

COLUMNS, ROWS, PIXEL_RAD = 256, 200, 25e-6


def scene(noise_counts: float = 3.0, seed: int = 1, **clutter: float) -> BeaconScene:
    truth = BeaconTruth(
        camera_signal_counts=1000.0,
        camera_noise_counts=noise_counts,
        quad_sum_counts=8000.0,
        quad_noise_counts=8.0,
        reference_range_m=1e6,
        boresight_error_rad=0.0,
        **clutter,
    )
    rngs = np.random.default_rng(seed), np.random.default_rng(seed + 1000)
    return BeaconScene(truth, COLUMNS, ROWS, PIXEL_RAD, *rngs)


def test_darkness_is_background_and_noise() -> None:
    frames = np.array([scene(seed=i).expose(0, 1000, 0, 0, COLUMNS, ROWS) for i in range(5)], float)
    # Rounding adds a twelfth; 256,000 pixels.
    assert frames.mean() == pytest.approx(BACKGROUND_COUNTS, abs=0.04)
    assert frames.std() == pytest.approx(np.sqrt(9 + 1 / 12), rel=0.01)


def test_frames_of_one_scene_differ() -> None:
    one = scene()
    first, second = one.expose(0, 1000, 0, 0, 64, 64), one.expose(0, 1000, 0, 0, 64, 64)
    assert not np.array_equal(first, second)


@settings(deadline=None, max_examples=50)
@given(st.floats(-100.0, 100.0), st.floats(-80.0, 80.0))
def test_the_spot_lies_where_the_partner_is_and_holds_its_flux(right: float, up: float) -> None:
    camera = scene(noise_counts=1e-6)
    camera.x_rad, camera.y_rad, camera.flux_counts = right * PIXEL_RAD, up * PIXEL_RAD, 1000.0
    light = camera.expose(0, 1000, 0, 0, COLUMNS, ROWS).astype(float) - BACKGROUND_COUNTS
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
    whole = camera.expose(0, 1000, 0, 0, COLUMNS, ROWS)
    window = camera.expose(0, 1000, left, top, 16, 16)
    assert window.shape == (16, 16)
    # The spot is drawn out to six pixels at least: five sigma, 1e-3 counts.
    assert np.abs(whole[top : top + 16, left : left + 16].astype(int) - window).max() <= 1


def test_a_bright_beacon_saturates() -> None:
    camera = scene()
    camera.flux_counts = 1e6
    assert camera.expose(0, 1000, 0, 0, COLUMNS, ROWS).max() == 255


def test_a_spot_far_outside_changes_nothing() -> None:
    dark, bright = scene(), scene()
    bright.flux_counts, bright.x_rad = 1e5, 1.0
    assert np.array_equal(dark.expose(0, 1000, 0, 0, 64, 64), bright.expose(0, 1000, 0, 0, 64, 64))


def test_the_signal_grows_with_the_exposure_and_the_black_level_does_not() -> None:
    camera = scene(noise_counts=1e-6)
    camera.flux_counts = 500.0
    for exposure_us in (500, 1000, 2000):
        light = camera.expose(0, exposure_us, 0, 0, COLUMNS, ROWS).astype(float)
        assert np.median(light) == BACKGROUND_COUNTS
        # Rounded to whole counts in 14 x 14 pixels.
        total = (light - BACKGROUND_COUNTS).sum()
        assert total == pytest.approx(0.5 * exposure_us, abs=14.0 * 0.29 * 4)


def test_the_beacon_is_modulated_as_asked() -> None:
    camera = scene(noise_counts=1e-6, modulation_hz=2.0, modulation_depth=0.5)
    camera.flux_counts = 1000.0
    start_ns = 1_800_000_000 * 10**9
    for quarter, power in enumerate((1.0, 1.5, 1.0, 0.5)):
        t_ns = start_ns + quarter * 125_000_000
        light = camera.expose(t_ns, 1000, 0, 0, COLUMNS, ROWS) - BACKGROUND_COUNTS
        assert light.sum() == pytest.approx(1000.0 * power, abs=14.0 * 0.29 * 4)


def test_clutter_that_is_not_asked_for_draws_nothing() -> None:
    """Else flights without it would not be the same, bit for bit."""
    plain, cluttered = scene(), scene(false_spot_probability=1e-12, hot_pixels=0)
    for _ in range(3):
        frames = [s.expose(0, 1000, 0, 0, COLUMNS, ROWS) for s in (plain, cluttered)]
        assert np.array_equal(*frames)


def test_false_spots_come_as_often_as_asked_and_live_for_one_frame() -> None:
    camera = scene(noise_counts=1e-6, false_spot_probability=0.3)
    shown = [camera.expose(0, 1000, 0, 0, COLUMNS, ROWS).max() > 20 for _ in range(2000)]
    # A long faint glint stays under 20 counts now and then, one over the rim loses its light.
    assert 0.3 * 0.9 < np.mean(shown) < 0.3 + 4 * np.sqrt(0.3 * 0.7 / 2000)
    pairs = [a and b for a, b in pairwise(shown)]
    assert np.mean(pairs) == pytest.approx(np.mean(shown) ** 2, abs=4 * np.sqrt(0.09 / 2000))


def test_hot_pixels_stay_where_they_are_in_every_window() -> None:
    camera = scene(noise_counts=1e-6, hot_pixels=25)
    whole = camera.expose(0, 1000, 0, 0, COLUMNS, ROWS)
    assert 20 <= np.count_nonzero(whole > 50) <= 25
    assert np.array_equal(camera.expose(1, 10, 0, 0, COLUMNS, ROWS), whole)
    assert np.array_equal(camera.expose(2, 1000, 70, 30, 90, 60), whole[30:90, 70:160])


def test_stars_stand_still_in_the_sky_and_pass_through_the_image() -> None:
    """The sky's place moved by whole pixels moves the picture by as many."""
    camera = scene(noise_counts=1e-6, stars=20.0)
    before = camera.expose(0, 1000, 0, 0, COLUMNS, ROWS)
    assert np.count_nonzero(before > 40) > 20
    camera.sky_x_rad, camera.sky_y_rad = 15 * PIXEL_RAD, 8 * PIXEL_RAD
    after = camera.expose(0, 1000, 0, 0, COLUMNS, ROWS)
    # Right is more columns, up is fewer rows; stars just outside the rim reach in differently.
    moved = before[20:-20, 20:-30].astype(int)
    assert np.abs(after[12:-28, 35:-15] - moved).max() <= 1


def test_the_number_of_stars_is_their_mean_number_in_a_field() -> None:
    truth = scene(stars=3.0)
    clutter = truth._clutter
    assert clutter is not None
    rng = np.random.default_rng(1)
    inside = []
    for place in rng.uniform(0.0, 4000.0, (400, 2)).tolist():
        blobs = clutter._stars_in((place[0], place[1]))
        inside.append(sum(b.column < COLUMNS and b.row < ROWS for b in blobs))
    # 48 expected in the patch of 16 fields, a Poisson number.
    assert np.mean(inside) == pytest.approx(3.0, abs=4 * np.sqrt(48) / 16)


def test_path_over_the_sky_by_steps() -> None:
    """Across north, where the azimuth jumps: great-circle steps between the directions."""
    azimuth = np.radians(np.linspace(350.0, 370.0, 201) % 360.0)
    elevation = np.radians(np.linspace(40.0, 45.0, 201))
    path = sky_path_rad(azimuth, elevation)
    level = np.cos(elevation)
    east_north = level * np.sin(azimuth), level * np.cos(azimuth)
    direction = np.column_stack([*east_north, np.sin(elevation)])
    steps = np.linalg.norm(np.diff(direction, axis=0), axis=1)
    assert np.hypot(*np.diff(path, axis=0).T) == pytest.approx(steps, rel=1e-3)
    assert path[0].tolist() == [0.0, 0.0]
    assert (path[-1] > 0.0).all()
