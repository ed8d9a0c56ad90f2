"""The table of refraction against the rays it was made from, and lifted directions."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from terminal.geometry.lift import Lift, lifted
from terminal.geometry.refraction import Refraction, refractivity

RADIUS_M, SITE_M = 6_371_000.0, 100.0
ORBIT_M = 500_000.0
LIFT = Lift(SITE_M, RADIUS_M, ORBIT_M, 810e-9)
RAYS = Refraction(SITE_M, RADIUS_M, 810e-9)


def ray_lift_rad(elevation_rad: float, orbit_m: float = ORBIT_M) -> float:
    """Its partner is at the orbit's height; the range solves r^2 + 2 r a sin E = b^2 - a^2."""
    a, b = RADIUS_M + SITE_M, RADIUS_M + orbit_m
    s = a * math.sin(elevation_rad)
    apparent = RAYS.apparent_elevation_rad(elevation_rad, math.sqrt(s * s + b * b - a * a) - s)
    assert apparent is not None
    return apparent - elevation_rad


@pytest.mark.parametrize(
    ("elevation_deg", "within_rad"),
    [(0.3, 3e-6), (1.7, 3e-6), (5.2, 0.1e-6), (10.3, 10e-9), (20.2, 10e-9), (45.1, 10e-9),
     (71.9, 10e-9), (89.7, 10e-9), (90.0, 10e-9)],
)  # fmt: skip
def test_as_the_rays_go(elevation_deg: float, within_rad: float) -> None:
    elevation = math.radians(elevation_deg)
    assert LIFT.rad(elevation) == pytest.approx(ray_lift_rad(elevation), abs=within_rad)


@pytest.mark.parametrize("orbit_m", [480_000.0, 520_000.0])
def test_an_orbit_that_is_not_quite_round(orbit_m: float) -> None:
    for elevation_deg in (10.0, 20.0, 60.0):
        elevation = math.radians(elevation_deg)
        off = LIFT.rad(elevation) - ray_lift_rad(elevation, orbit_m)
        assert abs(off) < 1.3e-6


def test_under_the_horizon_it_is_that_of_the_horizon() -> None:
    assert LIFT.rad(-0.3) == LIFT.rad(0.0) > 5e-3


def test_shorter_waves_are_lifted_more() -> None:
    """In proportion to the refractivity, to first order in it: 3e-4."""
    beacon = Lift(SITE_M, RADIUS_M, ORBIT_M, 1550e-9)
    for elevation_deg in (10.0, 20.0, 50.0):
        elevation = math.radians(elevation_deg)
        ratio = LIFT.rad(elevation) / beacon.rad(elevation)
        assert ratio == pytest.approx(refractivity(810e-9) / refractivity(1550e-9), rel=3e-4)


@given(st.floats(-3.1, 3.1), st.floats(-0.1, 1.55), st.floats(0.0, 0.01))
def test_lifting_raises_the_elevation_alone(az: float, el: float, lift: float) -> None:
    def direction(elevation: float) -> list[float]:
        c = math.cos(elevation)
        return [c * math.sin(az), c * math.cos(az), math.sin(elevation)]

    x, y, z = direction(el)
    np.testing.assert_allclose(lifted((x, y, z), lift), direction(el + lift), atol=1e-14)


def test_the_zenith_stays() -> None:
    assert lifted((0.0, 0.0, 1.0), 1e-5) == (0.0, 0.0, 1.0)
