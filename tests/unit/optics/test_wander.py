"""Beam wander and spread against Monte Carlo of phase screens' statistics and closed forms."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import quad

from terminal.optics.beam import beam_radius_m, waist_radius_m
from terminal.optics.turbulence import AirPath, air_path, spherical_fried_m
from terminal.optics.wander import spread, spread_divergence_rad, wander_rad

WAVELENGTH_M = 810e-9


def uniform(strength_m23, length_m):
    nodes, weights = np.polynomial.legendre.leggauss(40)
    s = length_m / 2 * (nodes + 1)
    return AirPath(np.zeros_like(s), s, strength_m23 * length_m / 2 * weights, length_m)


def test_chiba_on_a_uniform_path():
    """1.90 Cn2 (2 w)^(-1/3) L^3 for both axes of a collimated beam (Chiba 1971)."""
    length_m, strength = 1e3, 1e-15
    waist_m = 0.05
    theta = 2 * WAVELENGTH_M / (math.pi * waist_m)
    both = (
        2 * (wander_rad(uniform(strength, length_m), theta, WAVELENGTH_M, "lower") * length_m) ** 2
    )
    chiba = 1.90 * strength * (2 * waist_m) ** (-1 / 3) * length_m**3
    assert both == pytest.approx(chiba, rel=0.015)


def test_thin_layer_by_pairs_of_points():
    """Centroid's slope: the structure function's Laplacian, averaged over drawn pairs of points."""
    strength, length_m, waist_m = 1e-12, 1e6, 0.03
    theta = float(2 * WAVELENGTH_M / (math.pi * waist_m))
    layer = AirPath(np.zeros(1), np.zeros(1), np.array([strength]), length_m)
    k = 2 * math.pi / WAVELENGTH_M
    rng = np.random.default_rng(1)
    pairs = rng.normal(scale=waist_m / 2, size=(2, 400_000, 2))
    apart = np.hypot(*(pairs[0] - pairs[1]).T)
    step = apart * 1e-3

    def structure(rho):
        return 2.914 * k**2 * strength * rho ** (5 / 3)

    second = (structure(apart + step) - 2 * structure(apart) + structure(apart - step)) / step**2
    first = (structure(apart + step) - structure(apart - step)) / (2 * step) / apart
    per_axis = np.mean(second + first) / 2 / k**2 / 2
    found = wander_rad(layer, theta, WAVELENGTH_M, "lower")
    assert found == pytest.approx(math.sqrt(per_axis), rel=5e-3)


@pytest.mark.parametrize("coherence", [0.05, 0.3, 1.0, 4.0, 50.0])
def test_spread_by_another_quadrature(coherence):
    def kept(x):
        return math.exp(-(x**2) / 2 - 3.44 * (x / coherence) ** (5 / 3)) * x

    top = min(12.0, 8 * coherence)
    share = quad(kept, 0, top, epsrel=1e-10)[0]
    assert spread(coherence * 0.02, 0.02) == pytest.approx(1 / math.sqrt(share), rel=1e-6)


def test_spread_limits():
    """No turbulence: none. Very much: the seeing disc, on the axis as a beam of this radius.

    int exp(-3.44 x^(5/3)) x dx = 0.6 Gamma(6/5) 3.44^(-6/5).
    """
    assert spread(math.inf, 0.02) == 1.0
    disc = 0.6 * math.gamma(6 / 5) * 3.44 ** (-6 / 5)
    assert spread(0.02e-4, 0.02) * 1e-4 == pytest.approx(1 / math.sqrt(disc), rel=1e-4)


@given(st.floats(10e-6, 200e-6), st.floats(0, 1.3))
def test_wander_is_part_of_the_mean_beam(theta, zenith_rad):
    path = air_path(0.0, 500e3, zenith_rad)
    r0_m = spherical_fried_m(path, WAVELENGTH_M, "lower")
    wander = wander_rad(path, theta, WAVELENGTH_M, "lower")
    short = spread_divergence_rad(theta, r0_m, WAVELENGTH_M, wander)
    mean = theta * spread(r0_m, float(waist_radius_m(theta, WAVELENGTH_M)))
    assert theta <= short <= mean * (1 + 1e-12)


def test_a_beam_from_space_meets_the_air_too_late():
    path = air_path(0.0, 500e3, 0.3)
    up = wander_rad(path, 33e-6, WAVELENGTH_M, "lower")
    down = wander_rad(path, 33e-6, WAVELENGTH_M, "upper")
    assert down < up / 100
    assert float(beam_radius_m(500e3, 33e-6, WAVELENGTH_M)) * down < 0.2
