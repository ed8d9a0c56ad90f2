"""Refraction against ERFA, published tables, and rays drawn step by step in the plane."""

from itertools import pairwise
from math import asin, atan2, cos, degrees, hypot, pi, radians, sin, sqrt, tan

import erfa
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.integrate import quad, solve_ivp

from terminal.geometry.refraction import (
    Refraction,
    RefractionError,
    refractivity,
    standard_air,
)

EARTH_M = 6_371_000.0
YELLOW_M = 575e-9
SEA_LEVEL = Refraction(0.0, EARTH_M, YELLOW_M)
STRATOSPHERE = Refraction(20_000.0, EARTH_M, 810e-9)


@pytest.mark.parametrize(
    ("geopotential_m", "pressure_pa", "temperature_k"),
    [
        # ICAO Doc 7488/3 and U.S. Standard Atmosphere 1976, which are the same up to there.
        (0.0, 101_325.0, 288.15),
        (11_000.0, 22_632.0, 216.65),
        (20_000.0, 5_474.9, 216.65),
        (32_000.0, 868.02, 228.65),
        (47_000.0, 110.91, 270.65),
        (51_000.0, 66.939, 270.65),
        (71_000.0, 3.9564, 214.65),
    ],
)
def test_standard_atmosphere_of_the_tables(
    geopotential_m: float, pressure_pa: float, temperature_k: float
) -> None:
    height_m = geopotential_m * 6_356_766.0 / (6_356_766.0 - geopotential_m)
    air = standard_air(height_m)
    assert air.pressure_pa == pytest.approx(pressure_pa, rel=4e-5)
    assert air.temperature_k == pytest.approx(temperature_k, abs=1e-9)
    gas = pressure_pa / temperature_k * 288.15 / 101_325.0
    assert air.density_ratio == pytest.approx(gas, rel=4e-5)


@given(st.floats(-5_000.0, 79_000.0))
def test_density_slope_is_its_derivative(altitude_m: float) -> None:
    below, above = (standard_air(altitude_m + s).density_ratio for s in (-0.5, 0.5))
    # At the layers' edges the slope jumps; it lies between the two.
    slopes = [standard_air(altitude_m + s).density_ratio_per_m for s in (-0.5, 0.5)]
    assert min(slopes) * (1 + 1e-7) <= above - below <= max(slopes) * (1 - 1e-7)


@pytest.mark.parametrize("wavelength_um", [0.4, 0.532, 0.633, 0.81, 1.064, 1.55])
def test_refractivity_is_that_of_edlen(wavelength_um: float) -> None:
    """Edlen, Metrologia 2 (1966) 71, for 300 ppm of CO2, which is 8e-5 less than for 450; the two
    disagree by up to 5e-5 beside that."""
    s2 = wavelength_um**-2
    edlen = 1e-8 * (8342.13 + 2_406_030 / (130 - s2) + 15_997 / (38.9 - s2))
    assert refractivity(wavelength_um * 1e-6) == pytest.approx(edlen * 1.00008, rel=5e-5)


@pytest.mark.parametrize("wavelength_um", [0.5, 0.575, 0.81, 1.55])
@pytest.mark.parametrize("elevation_deg", [20.0, 30.0, 45.0, 60.0, 85.0])
def test_bending_is_that_of_erfa(wavelength_um: float, elevation_deg: float) -> None:
    """SLALIB's two-term formula with its own index of air, for the same weather."""
    a, b = erfa.refco(1013.25, 15.0, 0.0, wavelength_um)
    from_zenith = pi / 2 - radians(elevation_deg)
    theirs = a * tan(from_zenith) + b * tan(from_zenith) ** 3
    ours = Refraction(0.0, EARTH_M, wavelength_um * 1e-6).bending_rad(radians(elevation_deg))
    # Their index and scale height are approximate: 0.05 arcsec of 156 at 20 degrees.
    assert ours == pytest.approx(theirs, rel=5e-4)


@pytest.mark.parametrize(
    ("apparent_deg", "arcmin", "within_arcmin"),
    [(0.0, 34.5, 1.3), (1.0, 24.3, 0.6), (5.0, 9.9, 0.15), (10.0, 5.3, 0.05), (45.0, 1.0, 0.05)],
)
def test_bending_is_that_of_the_almanac(
    apparent_deg: float, arcmin: float, within_arcmin: float
) -> None:
    """Nautical Almanac, altitude correction tables, for 10 degC and 1010 hPa: 1.0144 times our
    density. On the horizon the almanac's steeper air near the ground bends 3 % more."""
    ours = degrees(SEA_LEVEL.bending_rad(radians(apparent_deg))) * 60 * 1.0144
    assert ours == pytest.approx(arcmin, abs=within_arcmin)


def traced(model: str, apparent_rad: float, partner_m: float) -> tuple[float, float, float]:
    """A ray followed backwards through the air by its differential equation d(n t)/ds = grad n:
    (bending, elevation and distance of where it reaches the radius `partner_m`)."""
    altitude_m, wavelength_m = (0.0, YELLOW_M) if model == "sea level" else (20_000.0, 810e-9)
    standard = refractivity(wavelength_m)
    start_m, top_m = EARTH_M + altitude_m, EARTH_M + 80_000.0

    def slope(_: float, state: NDArray[np.float64]) -> NDArray[np.float64]:
        position, momentum = state[:2], state[2:]
        radius = np.hypot(*position)
        air = standard_air(radius - EARTH_M)
        index = 1.0 + standard * air.density_ratio
        gradient = standard * air.density_ratio_per_m / radius * position
        return np.concatenate([momentum / index, gradient])

    def leaves_the_air(_: float, state: NDArray[np.float64]) -> float:
        return float(np.hypot(*state[:2]) - top_m)

    leaves_the_air.terminal = True  # type: ignore[attr-defined]
    index = 1.0 + standard * standard_air(altitude_m).density_ratio
    start = [0.0, start_m, index * cos(apparent_rad), index * sin(apparent_rad)]
    tolerance = [1e-5, 1e-5, 1e-13, 1e-13]
    run = solve_ivp(
        slope, (0.0, 2e6), start, events=leaves_the_air, rtol=1e-12, atol=tolerance, max_step=3e3
    )
    position, momentum = run.y[:2, -1], run.y[2:, -1]
    # Into the vacuum: what is left of the air ends there, and Snell's law keeps the level part.
    up = position / np.hypot(*position)
    level = momentum - (momentum @ up) * up
    heading = level + np.sqrt(1.0 - level @ level) * up
    along = position @ heading
    rest = -along + np.sqrt(along**2 + partner_m**2 - position @ position)
    there = position + rest * heading - np.array([0.0, start_m])
    bending = apparent_rad - atan2(heading[1], heading[0])
    return bending, atan2(there[1], there[0]), float(np.hypot(*there))


@pytest.mark.parametrize(("model", "height_m"), [("sea level", 5e5), ("stratosphere", 3.6e7)])
@pytest.mark.parametrize("apparent_deg", [0.001, 0.05, 1.0, 10.0, 50.0])
def test_rays_are_those_of_the_differential_equation(
    model: str, height_m: float, apparent_deg: float
) -> None:
    apparent_rad = radians(apparent_deg)
    bending, elevation_rad, range_m = traced(model, apparent_rad, EARTH_M + height_m)
    refraction = SEA_LEVEL if model == "sea level" else STRATOSPHERE
    # The air's slope is not smooth at the layers' edges, which costs the integrator 0.03 nrad.
    assert refraction.bending_rad(apparent_rad) == pytest.approx(bending, abs=1e-10)
    found = refraction.apparent_elevation_rad(elevation_rad, range_m)
    assert found == pytest.approx(apparent_rad, abs=1e-10)


@given(st.floats(1e-6, 1.57))
def test_near_the_level_the_integral_stays_good(apparent_rad: float) -> None:
    """Against adaptive integration along the straight ray's length, where nothing is singular."""
    standard = refractivity(YELLOW_M)
    p_m = (1.0 + standard) * EARTH_M * cos(apparent_rad)
    sine = EARTH_M * sin(apparent_rad)

    def per_m(x: float) -> float:
        r = hypot(EARTH_M * cos(apparent_rad), sine + x)
        height = x * (2.0 * sine + x) / (r + EARTH_M)
        air = standard_air(height)
        index = 1.0 + standard * air.density_ratio
        rise = standard * (air.density_ratio - 1.0) * EARTH_M + index * height
        less = rise + 2.0 * (1.0 + standard) * EARTH_M * sin(0.5 * apparent_rad) ** 2
        dr_dx = (sine + x) / r
        tangent = p_m / np.sqrt(less * (less + 2.0 * p_m))
        return float(-standard * air.density_ratio_per_m / index * tangent * dr_dx)

    heights = [h * 6_356_766.0 / (6_356_766.0 - h) for h in (11e3, 20e3, 32e3, 47e3, 51e3, 71e3)]
    edges = [
        (2 * EARTH_M * h + h * h) / (sine + np.sqrt(sine * sine + 2 * EARTH_M * h + h * h))
        for h in (0.0, 1e-3, 1.0, 1e3, *heights, 80e3)
    ]
    adaptive = standard * standard_air(80e3).density_ratio * p_m / (EARTH_M + 80e3)
    adaptive /= sqrt(1.0 - (p_m / (EARTH_M + 80e3)) ** 2)
    adaptive += sum(quad(per_m, a, b, epsabs=1e-13, epsrel=1e-9)[0] for a, b in pairwise(edges))
    assert SEA_LEVEL.bending_rad(apparent_rad) == pytest.approx(adaptive, abs=1e-10)


@given(st.floats(0.0, pi / 2), st.floats(2e6, 1e12))
def test_a_near_partner_is_lifted_by_less_than_a_star(elevation_rad: float, range_m: float) -> None:
    """The straight end of the ray, drawn on, passes the site at a small distance: seen from the
    partner, that is the angle which is missing."""
    apparent = SEA_LEVEL.apparent_elevation_rad(elevation_rad, range_m)
    assert apparent is not None
    bending = SEA_LEVEL.bending_rad(apparent)
    index = 1.0 + refractivity(YELLOW_M)
    passes_m = EARTH_M * (index * cos(apparent) - cos(apparent - bending))
    missing = bending - (apparent - elevation_rad)
    assert missing == pytest.approx(asin(passes_m / range_m), abs=2e-10)


def test_under_the_horizon() -> None:
    low = SEA_LEVEL.apparent_elevation_rad(radians(-0.5), 4e7)
    assert low is not None
    assert degrees(low) == pytest.approx(0.04, abs=0.02)
    assert SEA_LEVEL.apparent_elevation_rad(radians(-0.6), 4e7) is None
    assert SEA_LEVEL.apparent_elevation_rad(-1.0, 4e7) is None


def test_beacon_and_signal_are_bent_differently() -> None:
    """810 and 1550 nm at 20 degrees: 1 part in 160 of 150 arcsec."""
    green, infrared = (
        Refraction(0.0, EARTH_M, wavelength_m).bending_rad(radians(20.0))
        for wavelength_m in (810e-9, 1550e-9)
    )
    assert (green - infrared) * 1e6 == pytest.approx(4.7, abs=0.1)


def test_what_is_not_known_is_refused() -> None:
    with pytest.raises(RefractionError, match="5 nm: known from 300 to 1700 nm only"):
        refractivity(5e-9)
    with pytest.raises(RefractionError, match="90000 m: known from -5 to 80 km only"):
        Refraction(90_000.0, EARTH_M, YELLOW_M)
    with pytest.raises(RefractionError, match="under 80 km is not known"):
        SEA_LEVEL.apparent_elevation_rad(1.0, 50_000.0)
