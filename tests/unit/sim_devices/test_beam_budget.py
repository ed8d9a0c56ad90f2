"""The beam through the aperture against the exact integral of a Gaussian over an offset circle.

Irradiance 2 / (pi w^2) exp(-2 r^2 / w^2) is a normal distribution of sigma w / 2 per axis, so the
share inside a circle of radius a at distance rho is a noncentral chi-square of two degrees.
"""

import math

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import ncx2

from config.loader import load_scenario
from config.scenario import Scenario
from sim_devices.beam_budget import BeamBudget
from sim_devices.line_of_sight import LineOfSight

Array = NDArray[np.float64]

ELEVATION_RAD = np.radians([20.0, 35.0, 90.0])


def los(range_m: Array) -> LineOfSight:
    n = len(range_m)
    nothing = np.zeros((n, 3))
    return LineOfSight(
        t_s=np.arange(float(n)),
        los_ned=nothing,
        launch_ned=nothing,
        signal_offset_rad=np.zeros(n),
        reference_ned=nothing,
        range_m=range_m,
        light_time_s=range_m / 299_792_458.0,
        elevation_rad=ELEVATION_RAD,
        azimuth_rad=np.zeros(n),
    )


def geometry(name: str) -> tuple[Scenario, Array, Array]:
    """(scenario, ranges, 1/e^2 radii of the beam there), by the Rayleigh form."""
    scenario = load_scenario(name)
    leo = name.startswith("leo")
    range_m = np.array([1.3e6, 8e5, 5e5]) if leo else np.array([3e4, 2.48e4, 1.9e4])
    wavelength = scenario.mission.source.wavelength_m
    waist = 2 * wavelength / (math.pi * scenario.mission.beam.full_divergence_rad)
    w = waist * np.sqrt(1 + (range_m * wavelength / (math.pi * waist**2)) ** 2)
    return scenario, range_m, np.asarray(w)


def fixed_losses(scenario: Scenario, leo: bool) -> Array:
    optics, air = scenario.terminal.optics, scenario.world.atmosphere.zenith_transmittance
    through_air = air ** (1 / np.sin(ELEVATION_RAD)) if leo else np.full(3, air)
    return np.asarray(through_air * optics.transmittance * optics.detector_efficiency)


def budget(scenario: Scenario, range_m: Array) -> tuple[Array, Array]:
    """(collected, effective half angle) at the mission's width."""
    made = BeamBudget(scenario, los(range_m))
    rows = [made.at(i, scenario.mission.beam.full_divergence_rad) for i in range(len(range_m))]
    collected, beam_rad = np.array(rows).T
    return collected, beam_rad


NAMES = ["leo_haps_downlink", "leo_laps_downlink", "haps_laps_downlink"]


def approximation(a: float, w: Array) -> float:
    """Relative error allowed to Farid and Hranilovic's equivalent Gaussian.

    By series erf(nu)^2 is (1 - pi / 3) (a / w)^2 off 1 - exp(-2 a^2 / w^2); twice that is allowed
    off the axis. LEO 5e-5; between platforms, where the beam is five apertures wide, 6e-3.
    """
    return 2 * (math.pi / 3 - 1) * float(np.max(a / w)) ** 2


@pytest.mark.parametrize("name", NAMES)
def test_collected_light_is_the_integral_over_the_aperture(name: str) -> None:
    scenario, range_m, w = geometry(name)
    collected, beam_rad = budget(scenario, range_m)
    losses = fixed_losses(scenario, name.startswith("leo"))
    a = scenario.terminal.optics.aperture_m / 2
    for offset in (0.0, 0.5, 1.0):
        rho = offset * w
        exact = losses * ncx2.cdf(4 * a**2 / w**2, 2, 4 * rho**2 / w**2)
        ours = collected * np.exp(-2 * (rho / range_m / beam_rad) ** 2)
        assert ours == pytest.approx(exact, rel=approximation(a, w))


@pytest.mark.parametrize("jitter_rad", [0.0, 3.3e-6, 9.9e-6])
@pytest.mark.parametrize("name", NAMES)
def test_mean_over_jitter_is_the_exact_closed_form(name: str, jitter_rad: float) -> None:
    scenario, range_m, w = geometry(name)
    collected, beam_rad = budget(scenario, range_m)
    losses = fixed_losses(scenario, name.startswith("leo"))
    a = scenario.terminal.optics.aperture_m / 2
    exact = losses * -np.expm1(-2 * a**2 / (w**2 + 4 * (jitter_rad * range_m) ** 2))
    # Mean of exp(-2 rho^2 / w_eq^2) for a Gaussian offset.
    ours = collected / (1 + 4 * (jitter_rad / beam_rad) ** 2)
    assert ours == pytest.approx(exact, rel=approximation(a, w))
