"""Choice of the sent beam's width against closed forms, a finite-key estimate and Monte Carlo."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from terminal.control.beam_width import (
    STEP,
    Sent,
    best_rad,
    fading_squared,
    mean_share,
    widths_rad,
)
from terminal.optics.beam import mean_collected_fraction
from terminal.qkd.expected import Receiver, expected_counts
from terminal.qkd.finite_key import KeyParameters, key_length

SENT = Sent(810e-9, 0.15, 12.9e-6, 200e-6)
FAR_M = 800e3

angles = st.floats(0.2e-6, 30e-6)


def far_field_best_rad(sent: Sent, jitter_rad: float, offset_rad: float) -> float:
    """Best 1/e^2 full angle for a small receiver far away: the closed form, inside the limits."""
    square = 2.0 * offset_rad**2 - 4.0 * jitter_rad**2
    best = 2.0 * math.sqrt(max(square, 0.0))
    return min(max(best, sent.narrowest_rad), sent.widest_rad)


@given(jitter_rad=angles, offset_rad=angles)
def test_best_width_is_that_of_the_closed_form(jitter_rad: float, offset_rad: float) -> None:
    found = best_rad(SENT, FAR_M, jitter_rad, offset_rad)
    assert found == pytest.approx(far_field_best_rad(SENT, jitter_rad, offset_rad), rel=STEP - 1.0)


def test_closed_form_is_a_stationary_point() -> None:
    """Of exp(-2 b^2 / W^2) / W^2, by its derivative."""
    sigma, b = 3e-6, 12e-6
    half = far_field_best_rad(SENT, sigma, b) / 2

    def light(w: float) -> float:
        square = w * w + 4 * sigma * sigma
        return math.exp(-2 * b * b / square) / square

    step = 1e-4 * half
    slope = (light(half + step) - light(half - step)) / (2 * step)
    assert abs(slope) * half < 1e-6 * light(half)
    assert light(half) > max(light(0.9 * half), light(1.1 * half))


@given(jitter_rad=angles)
def test_jitter_about_a_true_aim_never_asks_for_a_wider_beam(jitter_rad: float) -> None:
    assert best_rad(SENT, FAR_M, jitter_rad) == pytest.approx(SENT.narrowest_rad)


def test_near_the_waist_the_narrowest_in_angle_is_not_the_narrowest_in_place() -> None:
    """Rayleigh: the radius at L is least for a half angle of sqrt(lambda / (pi L))."""
    near_m = 3e3
    best = 2 * math.sqrt(SENT.wavelength_m / (math.pi * near_m))
    assert SENT.narrowest_rad < best < SENT.widest_rad
    assert best_rad(SENT, near_m, 1e-7) == pytest.approx(best, rel=STEP - 1.0)


def test_without_offset_the_share_is_the_exact_mean() -> None:
    radius_m = 13e-6 * FAR_M
    exact = mean_collected_fraction(SENT.aperture_m, radius_m, FAR_M, 4e-6)
    assert mean_share(SENT, 26e-6, FAR_M, 4e-6) == pytest.approx(float(exact), rel=1e-4)


@pytest.mark.parametrize(("jitter_urad", "offset_urad"), [(2.0, 0.0), (3.0, 5.0), (8.0, 3.0)])
def test_fading_against_monte_carlo(jitter_urad: float, offset_urad: float) -> None:
    rng = np.random.default_rng(1)
    full_rad = 30e-6
    x = offset_urad + jitter_urad * rng.normal(size=400_000)
    y = jitter_urad * rng.normal(size=400_000)
    light = np.exp(-2 * (x * x + y * y) * 1e-12 / (full_rad / 2) ** 2)
    relative = light.var() / light.mean() ** 2
    found = float(fading_squared(full_rad, 1e-6 * jitter_urad, 1e-6 * offset_urad))
    assert found == pytest.approx(relative, rel=0.02)


def test_fading_without_offset_is_that_of_the_power_law() -> None:
    g = (10e-6 / (2 * 4e-6)) ** 2
    assert fading_squared(20e-6, 4e-6, 0.0) == pytest.approx(1 / (g * (g + 2)))


KEY = KeyParameters((0.7, 0.15, 0.0), (0.7, 0.2, 0.1), 1e-9, 1e-15, 1.16)
NOISY = Receiver(1e-6, 0.0, 0.005)


@given(
    st.lists(st.floats(1e-5, 5e-3), min_size=2, max_size=6),
    st.integers(0, 5),
    st.floats(1.05, 3.0),
)
def test_more_light_at_any_time_never_lessens_the_key(
    transmittance: list[float], which: int, factor: float
) -> None:
    """Why the mean share is the whole of the choice: the finite key of a pass grows with the light
    in each of its slots, noise and all, wherever there is a key."""

    def key_bits(eta: list[float]) -> float:
        counts = expected_counts(eta, 200e6 * 60.0, KEY[0], KEY[1], 0.7, NOISY, shared_errors=False)
        return key_length(counts, KEY).secret_key_bits

    more = list(transmittance)
    more[which % len(more)] *= factor
    assert key_bits(more) >= key_bits(transmittance)


def test_widths_reach_from_end_to_end() -> None:
    widths = widths_rad(SENT)
    assert widths[0] == pytest.approx(SENT.narrowest_rad)
    assert widths[-1] == pytest.approx(SENT.widest_rad)
    assert np.all(widths[1:] / widths[:-1] <= STEP * (1 + 1e-12))
