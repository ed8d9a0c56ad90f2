"""Background light against photon energies and solid angles worked out by hand."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import constants

from terminal.optics.background import background_rate_hz

NIGHT = (1.5e-3, 50e-6, 0.15, 1e-9, 810e-9)


def test_full_moon_sky():
    """1.5e-3 W/m2/sr/um, 50 urad, 15 cm, 1 nm at 810 nm: 5.2e-17 W in photons of 1.53 eV."""
    solid_angle_sr = math.pi * 25e-6**2
    power_w = 1.5e-3 * solid_angle_sr * math.pi * 0.075**2 * 1e-3
    energy_j = constants.h * constants.c / 810e-9
    assert energy_j / constants.e == pytest.approx(1.5307, rel=1e-4)
    assert background_rate_hz(*NIGHT) == pytest.approx(power_w / energy_j, rel=1e-12)
    assert background_rate_hz(*NIGHT) == pytest.approx(212, rel=5e-3)


@pytest.mark.parametrize(("index", "power"), [(0, 1), (1, 2), (2, 2), (3, 1), (4, 1)])
@given(factor=st.floats(0.1, 10))
def test_power_laws(index, power, factor):
    changed = list(NIGHT)
    changed[index] *= factor
    expected = factor**power * background_rate_hz(*NIGHT)
    assert background_rate_hz(*changed) == pytest.approx(expected, rel=1e-9)


def test_no_radiance_no_counts():
    assert background_rate_hz(0.0, *NIGHT[1:]) == 0
