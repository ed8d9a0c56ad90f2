"""Beam and jitter against quadrature, Monte Carlo and closed forms."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.special import ive
from scipy.stats import ncx2

from terminal.optics.beam import (
    PointingFading,
    beam_radius_m,
    collected_fraction,
    mean_collected_fraction,
    mean_offset_fraction,
    pointing_fading,
    waist_radius_m,
)

DIVERGENCE_RAD = 33e-6
WAVELENGTH_M = 810e-9


def _fraction_at_offset(aperture_m, radius_m, offset_m):
    """Gaussian beam through a disc off its axis, by quadrature of the Rice density."""
    variance = radius_m**2 / 4

    def density(r):
        return (
            r
            / variance
            * ive(0, r * offset_m / variance)
            * math.exp(-((r - offset_m) ** 2) / (2 * variance))
        )

    return quad(density, 0, aperture_m / 2, epsabs=1e-14, epsrel=1e-12)[0]


def test_waist_and_far_field():
    """33 urad at 810 nm: a waist of 15.6 mm; far away the radius is half the full angle."""
    assert waist_radius_m(DIVERGENCE_RAD, WAVELENGTH_M) == pytest.approx(15.63e-3, rel=1e-3)
    assert beam_radius_m(1e9, DIVERGENCE_RAD, WAVELENGTH_M) == pytest.approx(16.5e3, rel=1e-6)
    assert beam_radius_m(0.0, DIVERGENCE_RAD, WAVELENGTH_M) == pytest.approx(15.63e-3, rel=1e-3)


def test_radius_at_the_rayleigh_range_is_root_two_waists():
    waist_m = waist_radius_m(DIVERGENCE_RAD, WAVELENGTH_M)
    rayleigh_m = math.pi * waist_m**2 / WAVELENGTH_M
    radius_m = beam_radius_m(rayleigh_m, DIVERGENCE_RAD, WAVELENGTH_M)
    assert radius_m == pytest.approx(math.sqrt(2) * waist_m, rel=1e-12)


@pytest.mark.parametrize("radius_m", [0.1, 0.35, 8.0, 16.0])
def test_centred_fraction_by_quadrature(radius_m):
    expected = _fraction_at_offset(0.35, radius_m, 0.0)
    assert collected_fraction(0.35, radius_m) == pytest.approx(expected, rel=1e-10)


@pytest.mark.parametrize(
    ("aperture_m", "radius_m", "range_m", "jitter_rad"),
    [(0.35, 8.8, 535e3, 3.3e-6), (0.35, 8.8, 535e3, 13.2e-6), (0.15, 0.4, 24.8e3, 3.3e-6),
     (0.35, 0.2, 20e3, 10e-6)],
)  # fmt: skip
def test_mean_fraction_by_quadrature_over_rayleigh_offsets(
    aperture_m, radius_m, range_m, jitter_rad
):
    sigma_m = jitter_rad * range_m

    def integrand(offset_m):
        weight = offset_m / sigma_m**2 * math.exp(-(offset_m**2) / (2 * sigma_m**2))
        return weight * _fraction_at_offset(aperture_m, radius_m, offset_m)

    expected = quad(integrand, 0, 12 * sigma_m, epsrel=1e-9, epsabs=0, limit=200)[0]
    mean = mean_collected_fraction(aperture_m, radius_m, range_m, jitter_rad)
    assert mean == pytest.approx(expected, rel=1e-8)


@given(st.floats(0.01, 2), st.floats(0.05, 50), st.floats(1e3, 2e6), st.floats(0, 5e-5))
def test_jitter_only_loses(aperture_m, radius_m, range_m, jitter_rad):
    still = mean_collected_fraction(aperture_m, radius_m, range_m, 0.0)
    assert still == collected_fraction(aperture_m, radius_m)
    assert 0 <= mean_collected_fraction(aperture_m, radius_m, range_m, jitter_rad) <= still <= 1


def test_arrays_broadcast():
    range_m = np.array([500e3, 1000e3])
    radius_m = beam_radius_m(range_m, DIVERGENCE_RAD, WAVELENGTH_M)
    mean = mean_collected_fraction(0.35, radius_m, range_m, 3.3e-6)
    assert mean.shape == (2,)
    # Far field: four times less at twice the range.
    assert mean[0] / mean[1] == pytest.approx(4, rel=2e-3)


def test_fading_is_a_distribution():
    fading = pointing_fading(0.35, 8.8, 535e3, 3.3e-6)
    assert quad(fading.pdf, 0, fading.peak)[0] == pytest.approx(1, rel=1e-8)
    mean = quad(lambda h: h * float(fading.pdf(h)), 0, fading.peak)[0]
    assert fading.mean() == pytest.approx(mean, rel=1e-8)
    for share in (0.1, 0.5, 0.9):
        below = quad(fading.pdf, 0, share * fading.peak)[0]
        assert float(fading.cdf(share * fading.peak)) == pytest.approx(below, rel=1e-7)
    assert fading.cdf([-1.0, 2.0]).tolist() == [0, 1]
    assert fading.pdf([-1.0, 0.0, 2.0]).tolist() == [0, 0, 0]


def test_fading_shallower_than_linear_has_no_warning_at_zero():
    assert PointingFading(1e-3, 0.5).pdf(0.0) == 0


@pytest.mark.parametrize("jitter_rad", [3.3e-6, 9.9e-6])
def test_fading_against_exact_offsets(jitter_rad):
    """Wide beam (radius 50 times the aperture's): median and mean meet the exact ones."""
    aperture_m, radius_m, range_m = 0.35, 8.8, 535e3
    fading = pointing_fading(aperture_m, radius_m, range_m, jitter_rad)
    exact = float(mean_collected_fraction(aperture_m, radius_m, range_m, jitter_rad))
    assert fading.mean() == pytest.approx(exact, rel=1e-3)
    # The fraction falls with the offset, so its median belongs to the offset's (Rayleigh) median.
    median_m = jitter_rad * range_m * math.sqrt(2 * math.log(2))
    median = _fraction_at_offset(aperture_m, radius_m, median_m)
    assert float(fading.cdf(median)) == pytest.approx(0.5, abs=1e-3)


def test_fading_of_a_beam_as_narrow_as_the_aperture():
    """Beam radius equal to the aperture's diameter: still within the stated few per cent."""
    fading = pointing_fading(0.35, 0.35, 20e3, 3.3e-6)
    exact = float(mean_collected_fraction(0.35, 0.35, 20e3, 3.3e-6))
    assert fading.mean() == pytest.approx(exact, rel=0.03)


@pytest.mark.parametrize(("apertures", "worst"), [(8.0, 0.002), (4.0, 0.004), (2.0, 0.04)])
def test_an_offset_beam_that_trembles_is_a_noncentral_chi_square(apertures, worst):
    """Smeared radius of so many times the aperture's, offsets up to it."""
    half_m, range_m = 0.075, 25e3
    smeared_m = apertures * half_m
    jitter_rad = 0.3 * smeared_m / range_m
    radius_m = math.sqrt(smeared_m**2 - 4 * (jitter_rad * range_m) ** 2)
    for offset in (0.0, 0.5, 1.0):
        offset_rad = offset * smeared_m / range_m
        variance = smeared_m**2 / 4
        reach, away = half_m**2 / variance, (offset * smeared_m) ** 2 / variance
        exact = ncx2.cdf(reach, 2, away) if away else -math.expm1(-reach / 2)
        ours = float(mean_offset_fraction(2 * half_m, radius_m, range_m, jitter_rad, offset_rad))
        assert ours == pytest.approx(exact, rel=worst if offset else 1e-12)
