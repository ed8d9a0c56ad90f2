"""Scintillation against ITU-R P.1622, scipy's quadrature and closed forms."""

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.special import j1

from terminal.optics.scintillation import (
    aperture_averaging,
    fade_db,
    plane_log_variance,
    scintillation_index,
    spherical_log_variance,
)
from terminal.optics.turbulence import AirPath, Turbulence, air_path

ITU_TOP_M = 20e3
"""ITU-R P.1621: height of the turbulent atmosphere."""


def uniform(strength_m23, length_m):
    nodes, weights = np.polynomial.legendre.leggauss(200)
    s = length_m / 2 * (nodes + 1)
    return AirPath(np.zeros_like(s), s, strength_m23 * length_m / 2 * weights, length_m)


@pytest.mark.parametrize(
    ("wind_m_s", "table"),
    [(21.0, (0.23, 0.13, 0.10, 0.07)), (30.0, (0.36, 0.21, 0.16, 0.10))],
)
def test_table_2_of_p1622(wind_m_s, table):
    """Downlink at 75 degrees of elevation to a station at 5.5 m; each to half its last digit."""
    path = air_path(5.5, 500e3, math.radians(15), Turbulence(wind_m_s), top_m=ITU_TOP_M)
    for wavelength_m, published in zip((532e-9, 850e-9, 1064e-9, 1550e-9), table, strict=True):
        assert plane_log_variance(path, wavelength_m, "lower") == pytest.approx(
            published, abs=0.005
        )


@pytest.mark.parametrize(
    ("zenith_deg", "expected"), [(0, 0.088), (40, 0.144), (60, 0.315), (70, 0.632), (80, 2.19)]
)
def test_rytov_between_platforms(zenith_deg, expected):
    """1 to 20 km at 810 nm, plane wave downward, as another computation has it."""
    path = air_path(1e3, 20e3, math.radians(zenith_deg))
    half = 0.005 if zenith_deg == 80 else 0.0005
    assert plane_log_variance(path, 810e-9, "lower") == pytest.approx(expected, abs=half)


def test_uniform_path_is_the_rytov_variance():
    """1.23 Cn2 k^(7/6) L^(11/6) for a plane wave, 0.4 times that (0.496) for a spherical one."""
    path, k = uniform(1e-15, 3e3), 2 * math.pi / 810e-9
    rytov = 1.23 * 1e-15 * k ** (7 / 6) * 3e3 ** (11 / 6)
    for end in ("lower", "upper"):
        assert plane_log_variance(path, 810e-9, end) == pytest.approx(rytov, rel=5e-3)
    assert spherical_log_variance(path, 810e-9) == pytest.approx(0.404 * rytov, rel=1e-2)


def test_from_a_satellite_the_wave_is_plane():
    path = air_path(0.0, 36e6, 0.7)
    plane = plane_log_variance(path, 810e-9, "lower")
    assert spherical_log_variance(path, 810e-9) == pytest.approx(plane, rel=2e-3)


@pytest.mark.parametrize("aperture_m", [0.05, 0.15, 0.4, 1.0])
def test_aperture_averaging_of_light_from_space(aperture_m):
    """Against the integral over spatial frequencies of the whole path at once, plane wave; and the
    interpolation of Yura and McKinley (1983), which is up to 45 % more."""
    path, k = air_path(0.0, 36e6, 0.0), 2 * math.pi / 810e-9
    kappa = np.geomspace(0.02, 3e3, 4000)
    spectrum = kappa ** (-8 / 3)
    airy = (2 * j1(kappa * aperture_m / 2) / (kappa * aperture_m / 2)) ** 2
    diffraction = (1 - np.cos(kappa[:, None] ** 2 * path.distance_m / k)) @ path.strength_m13
    log_variance = (
        8 * math.pi**2 * k**2 * 0.033 * np.trapezoid(spectrum * diffraction * airy, kappa)
    )
    point = plane_log_variance(path, 810e-9, "lower")
    found = aperture_averaging(path, 810e-9, aperture_m, "lower")
    # 2.25 and 0.033 are rounded.
    assert found == pytest.approx(log_variance / point, rel=0.02)
    s, strength = path.distance_m, path.strength_m13
    seen_m = (float(strength @ s**2) / float(strength @ s ** (5 / 6))) ** (6 / 7)
    published = 1 / (1 + 1.1 * (aperture_m**2 / (810e-9 * seen_m)) ** (7 / 6))
    assert found < published < 1.45 * found


@pytest.mark.parametrize("radii", [1e-3, 0.1, 1.0, 10.0, 1e3])
def test_one_layer_by_scipy(radii):
    """A layer half way of a spherical wave sees half of the aperture; u = x^2."""
    length_m, k = 2e4, 2 * math.pi / 810e-9
    layer = AirPath(np.zeros(1), np.array([length_m / 2]), np.array([1e-13]), length_m)
    aperture_m = 4 * math.sqrt(radii * length_m / 4 / k)
    radius = math.sqrt(radii)

    def spectrum(x):
        return x ** (-8 / 3) * (1 - math.cos(x**2))

    def taken(x):
        return spectrum(x) * (1 - (2 * j1(x * radius) / (x * radius)) ** 2)

    edges = np.sqrt(np.pi * np.arange(0, 2000, 2))
    whole = sum(quad(spectrum, a, b)[0] for a, b in pairwise(edges))
    part = sum(quad(taken, a, b, limit=200)[0] for a, b in pairwise(edges))
    tail = 3 / 5 * edges[-1] ** (-5 / 3)
    expected = 1 - (part + tail) / (whole + tail)
    for end in ("lower", "upper"):
        found = aperture_averaging(layer, 810e-9, aperture_m, end)
        assert found == pytest.approx(expected, rel=2e-3, abs=2e-6)


def test_a_point_averages_nothing():
    path = air_path(0.0, 500e3, 0.0)
    assert aperture_averaging(path, 810e-9, 1e-6, "lower") == pytest.approx(1.0, abs=1e-3)


def test_weak_and_strong_limits_of_the_index():
    assert scintillation_index(1e-4) == pytest.approx(1e-4, rel=1e-3)
    assert scintillation_index(1e6) == pytest.approx(1.0, abs=0.1)


@given(st.floats(1e-4, 2.0), st.floats(1e-4, 0.3))
def test_fade_is_the_log_normal_quantile(index, probability):
    """Share of time under the level, by integrating the density of a mean-one log-normal."""
    level = 10 ** (-0.1 * fade_db(index, probability))
    s2 = math.log1p(index)

    def density(u):
        return math.exp(-((u + s2 / 2) ** 2) / (2 * s2)) / math.sqrt(2 * math.pi * s2)

    sigma = math.sqrt(s2)
    below = quad(density, -s2 / 2 - 12 * sigma, math.log(level), epsabs=1e-12)[0]
    assert below == pytest.approx(probability, rel=1e-6)
    assert fade_db(index, probability) > 0 or probability > 0.2
