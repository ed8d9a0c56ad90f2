"""The world's refraction against tables and against the terminal's own route."""

import math

import numpy as np
import pytest

from sim_devices.air_refraction import bending_rad, raised, refractivity
from terminal.geometry.refraction import Refraction


def test_refractivity_is_the_published_one() -> None:
    """Edlen 1966 / Birch and Downs 1993 print 27 765.2e-8 at 633 nm (15 C, 1013.25 hPa, dry)."""
    assert refractivity(633e-9) == pytest.approx(2.7652e-4, rel=1e-3)


def test_bending_of_the_almanac() -> None:
    """Visual refraction at 1010 hPa and 10 C, as almanacs print it: 2.6 and 1.0 arcmin."""
    apparent = np.radians([20.0, 45.0])
    true = apparent - np.radians(np.array([2.6, 1.0]) / 60.0)
    bent = bending_rad(true, 1010.0, 283.0, 0.59e-6)
    assert np.degrees(bent) * 60.0 == pytest.approx([2.6, 1.0], abs=0.05)


def test_differs_little_from_the_terminals_route() -> None:
    """Stone: an arcsecond (5 urad) up to 75 degrees from the zenith."""
    refraction = {
        wavelength: Refraction(0.0, 6.371e6, wavelength) for wavelength in (810e-9, 1550e-9)
    }
    for degrees in (15.0, 30.0, 60.0):
        elevation = np.array([math.radians(degrees)])
        bent = {w: float(bending_rad(elevation, 1013.25, 288.15, w)[0]) for w in refraction}
        seen = {w: float(elevation[0]) + b for w, b in bent.items()}
        own = {w: r.bending_rad(seen[w]) for w, r in refraction.items()}
        assert bent[810e-9] == pytest.approx(own[810e-9], abs=5e-6)
        spread = bent[810e-9] - bent[1550e-9]
        assert spread == pytest.approx(own[810e-9] - own[1550e-9], rel=0.05, abs=0.05e-6)


def test_raised_lifts_straight_up() -> None:
    directions = np.array([[0.6, 0.0, -0.8], [0.0, -0.8, -0.6]])
    higher = raised(directions, np.array([1e-3, 0.0]))
    assert np.linalg.norm(higher, axis=1) == pytest.approx(1.0)
    assert math.asin(-higher[0, 2]) - math.asin(0.8) == pytest.approx(1e-3)
    assert higher[1] == pytest.approx(directions[1])
