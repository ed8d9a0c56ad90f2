"""Sun, Moon and air against published values."""

import math

import pytest
from scipy import constants
from scipy.integrate import quad

from terminal.optics.absorption import air_mass, transmittance
from terminal.optics.background import gate_probability
from terminal.optics.celestial_light import (
    MOON_DISC_SR,
    SUN_DISC_SR,
    lit_surface_radiance_w_m2_sr_um,
    moon_irradiance_w_m2_um,
    planck_radiance_w_m2_sr_um,
    seen_radiance_w_m2_sr_um,
    sun_irradiance_w_m2_um,
)


def test_planck_integrates_to_stefan_boltzmann():
    total = quad(lambda um: planck_radiance_w_m2_sr_um(um * 1e-6, 5772.0), 0.05, 1000, limit=400)[0]
    assert math.pi * total == pytest.approx(constants.sigma * 5772.0**4, rel=1e-4)


def test_solar_constant():
    """IAU 2015 B3: 1361 W/m2."""
    total = quad(lambda um: sun_irradiance_w_m2_um(um * 1e-6), 0.05, 1000, limit=400)[0]
    assert total == pytest.approx(1361, rel=2e-3)


def test_full_moon_is_a_grey_rock_in_the_sun():
    """Its disc's radiance over that of a white matt disc is its geometric albedo: 0.12 (visual)."""
    radiance = moon_irradiance_w_m2_um(550e-9, 0.0) / MOON_DISC_SR
    white = lit_surface_radiance_w_m2_sr_um(sun_irradiance_w_m2_um(550e-9), 1.0, math.pi / 2)
    assert radiance / white == pytest.approx(0.12, abs=0.01)


def test_half_moon_is_a_tenth_of_the_full_one():
    """Well known: the half Moon gives 8 to 10 % of the full Moon's light."""
    ratio = moon_irradiance_w_m2_um(810e-9, math.pi / 2) / moon_irradiance_w_m2_um(810e-9, 0.0)
    assert 0.08 <= ratio <= 0.10


def test_field_within_and_around_a_disc():
    irradiance = sun_irradiance_w_m2_um(810e-9)
    disc = planck_radiance_w_m2_sr_um(810e-9, 5772.0)
    assert seen_radiance_w_m2_sr_um(irradiance, SUN_DISC_SR, 50e-6) == pytest.approx(disc)
    wide = seen_radiance_w_m2_sr_um(irradiance, SUN_DISC_SR, 0.1)
    assert wide * math.pi * 0.05**2 == pytest.approx(irradiance)


def test_air_mass_of_kasten_and_young():
    """38 at the horizon, one overhead, 1 / sin in between."""
    assert air_mass(0.0) == pytest.approx(37.92, abs=0.01)
    assert air_mass(math.pi / 2) == pytest.approx(1.0, abs=5e-4)
    assert air_mass(math.radians(30)) == pytest.approx(2.0, rel=5e-3)
    with pytest.raises(ValueError, match="elevation"):
        air_mass(-0.01)


def test_beer_lambert():
    assert transmittance(0.8, 1.0) * transmittance(0.8, 2.0) == pytest.approx(
        transmittance(0.8, 3.0)
    )


def test_gate_by_day_is_a_probability():
    assert gate_probability(1e3, 1e-9) == pytest.approx(1e-6, rel=1e-5)
    assert gate_probability(1e10, 1e-9) == pytest.approx(1 - math.exp(-10))
