"""Turbulence against scipy's quadrature, closed forms, and published values."""

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import quad

from terminal.optics.turbulence import (
    HV57,
    AirPath,
    Turbulence,
    air_path,
    bufton_wind_m_s,
    fried_m,
    greenwood_hz,
    high_wind_m_s,
    hufnagel_valley,
    isoplanatic_rad,
    spherical_fried_m,
)

LEO_M = 535e3
BREAKS_M = (0.0, 30.0, 100.0, 300.0, 1e3, 3e3, 6e3, 1e4, 1.4e4, 2e4, 3e4, 6e4)


def hv(h, w=21.0, a=1.7e-14):
    """Written out once more, from the reference."""
    return (
        0.00594 * (w / 27) ** 2 * (1e-5 * h) ** 10 * math.exp(-h / 1000)
        + 2.7e-16 * math.exp(-h / 1500)
        + a * math.exp(-h / 100)
    )


def integral(f, lower, upper):
    points = [lower, *(b for b in BREAKS_M if lower < b < upper), min(upper, 6e4)]
    return sum(quad(f, a, b, epsrel=1e-11, epsabs=0)[0] for a, b in pairwise(points))


def uniform(strength_m23, length_m):
    nodes, weights = np.polynomial.legendre.leggauss(40)
    s = length_m / 2 * (nodes + 1)
    return AirPath(np.zeros_like(s), s, strength_m23 * length_m / 2 * weights, length_m)


@pytest.mark.parametrize("wavelength_m", [810e-9, 1550e-9])
@pytest.mark.parametrize("zenith_deg", [0, 40, 60, 80])
@pytest.mark.parametrize("lower_m", [0.0, 40.0, 1000.0])
def test_fried_by_another_quadrature(wavelength_m, zenith_deg, lower_m):
    secant, k = 1 / math.cos(math.radians(zenith_deg)), 2 * math.pi / wavelength_m
    expected = (0.423 * k**2 * secant * integral(hv, lower_m, LEO_M)) ** (-3 / 5)
    path = air_path(lower_m, LEO_M, math.radians(zenith_deg))
    assert fried_m(path, wavelength_m) == pytest.approx(expected, rel=1e-3)


@pytest.mark.parametrize("zenith_deg", [0, 40, 60, 80])
@pytest.mark.parametrize("slew_rad_s", [0.0, 0.014])
def test_greenwood_by_another_quadrature(zenith_deg, slew_rad_s):
    secant = 1 / math.cos(math.radians(zenith_deg))

    def moved(h):
        wind = 5 + 30 * math.exp(-(((h - 9400) / 4800) ** 2)) + slew_rad_s * h * secant
        return hv(h) * wind ** (5 / 3)

    expected = 2.31 * 810e-9 ** (-6 / 5) * (secant * integral(moved, 0.0, LEO_M)) ** (3 / 5)
    path = air_path(0.0, LEO_M, math.radians(zenith_deg))
    wind = bufton_wind_m_s(path.height_m) + slew_rad_s * path.distance_m
    assert greenwood_hz(path, 810e-9, wind) == pytest.approx(expected, rel=2e-3)


def test_hv57_is_what_its_name_says():
    """Hufnagel-Valley 5/7: r0 of 5 cm and an isoplanatic angle of 7 urad at 500 nm."""
    path = air_path(0.0, LEO_M, 0.0)
    assert 100 * fried_m(path, 500e-9) == pytest.approx(5, abs=0.5)
    assert 1e6 * isoplanatic_rad(path, 500e-9) == pytest.approx(7, abs=0.5)


@pytest.mark.parametrize(
    ("wavelength_m", "published_cm"),
    [(1550e-9, (23.0, 19.6, 15.2, 8.1)), (810e-9, (10.6, 9.0, 7.0, 3.7))],
)
def test_fried_of_the_reference(wavelength_m, published_cm):
    """They are those of a station 40 m over the ground; from the ground r0 is a sixth less."""
    for zenith_deg, cm in zip((0, 40, 60, 80), published_cm, strict=True):
        path = air_path(40.0, LEO_M, math.radians(zenith_deg))
        assert 100 * fried_m(path, wavelength_m) == pytest.approx(cm, abs=0.06)


def test_rms_wind_of_p1621():
    """ITU-R P.1621-2: v_rms^2 = v_g^2 + 30.69 v_g + 348.91; 2.3 m/s at the ground gives 21 m/s."""
    assert high_wind_m_s(2.3) == pytest.approx(21, abs=0.5)
    for ground in (0.0, 2.3, 5.0, 10.0):
        published = math.sqrt(ground**2 + 30.69 * ground + 348.91)
        assert high_wind_m_s(ground) == pytest.approx(published, rel=5e-4)


def test_uniform_path():
    """Fried: plane wave (0.423 k^2 Cn2 L)^(-3/5); a spherical wave's r0 is (8/3)^(3/5) of that."""
    path, k = uniform(1e-15, 5e3), 2 * math.pi / 810e-9
    plane = (0.423 * k**2 * 1e-15 * 5e3) ** (-3 / 5)
    assert fried_m(path, 810e-9) == pytest.approx(plane, rel=1e-9)
    for end in ("lower", "upper"):
        spherical = spherical_fried_m(path, 810e-9, end)
        assert spherical == pytest.approx((8 / 3) ** (3 / 5) * plane, rel=1e-5)


def test_far_satellite_sends_a_plane_wave():
    path = air_path(0.0, 36e6, 0.5)
    near = spherical_fried_m(path, 810e-9, "lower")
    assert near == pytest.approx(fried_m(path, 810e-9), rel=1e-3)
    # At the satellite itself the air is far away, and the wave coherent over metres.
    assert spherical_fried_m(path, 810e-9, "upper") > 100 * near


@given(st.floats(0, 1.4), st.floats(0, 15e3))
def test_more_air_is_less_coherent(zenith_rad, lower_m):
    path = air_path(lower_m, LEO_M, zenith_rad)
    overhead = air_path(lower_m, LEO_M, 0.0)
    secant = 1 / math.cos(zenith_rad)
    ratio = fried_m(path, 810e-9) / fried_m(overhead, 810e-9)
    assert ratio == pytest.approx(secant ** (-3 / 5), rel=1e-9)
    assert path.strength_m13.min() >= 0


def test_ground_layer_stands_on_the_ground():
    high = Turbulence(ground_m=890.0)
    assert hufnagel_valley(890.0, high) - hufnagel_valley(890.0) == pytest.approx(
        1.7e-14 * (1 - math.exp(-8.9)), rel=1e-9
    )


def test_over_all_air_there_is_none():
    path = air_path(40e3, LEO_M, 0.3)
    assert math.isinf(fried_m(path, 810e-9))
    assert math.isinf(isoplanatic_rad(path, 810e-9))


@pytest.mark.parametrize(
    ("lower_m", "upper_m", "zenith_rad"),
    [(5.0, 5.0, 0.0), (10.0, 5.0, 0.0), (-1.0, 5.0, 0.0), (0.0, 5.0, 1.6), (0.0, 5.0, -0.1)],
)
def test_paths_that_cannot_be(lower_m, upper_m, zenith_rad):
    with pytest.raises(ValueError, match="need"):
        air_path(lower_m, upper_m, zenith_rad, HV57)
