"""What of the beam goes through the receiver's aperture, before anything trembles."""

import math

import numpy as np
from numpy.typing import NDArray
from scipy.special import erf

from config.mission import SatellitePartner
from config.scenario import Scenario
from sim_devices.line_of_sight import LineOfSight

Array = NDArray[np.float64]


def beam_budget(scenario: Scenario, los: LineOfSight) -> tuple[list[float], list[float]]:
    """(transmittance without jitter, effective half angle of the beam in rad) on the grid.

    Gaussian beam on a circular aperture off its axis by rho: A0 exp(-2 rho^2 / w_eq^2) with
    A0 = erf(nu)^2, nu = sqrt(pi/2) a / w, w_eq^2 = w^2 sqrt(pi) erf(nu) / (2 nu exp(-nu^2))
    (Farid & Hranilovic 2007). The way up is as long and as clear as the way down: the partner
    moves by 1e-5 of the range in between.
    """
    mission, air = scenario.mission, scenario.world.atmosphere
    optics = mission.receiver or scenario.terminal.optics
    wavelength = mission.source.wavelength_m
    waist = 2.0 * wavelength / (math.pi * mission.beam.full_divergence_rad)
    rayleigh = math.pi * waist**2 / wavelength
    w: Array = waist * np.sqrt(1.0 + (los.range_m / rayleigh) ** 2)
    nu = math.sqrt(math.pi / 2) * (optics.aperture_m / 2) / w
    w_eq = w * np.sqrt(math.sqrt(math.pi) * erf(nu) / (2 * nu * np.exp(-(nu**2))))
    through_air: Array | float = air.zenith_transmittance
    if isinstance(mission.partner, SatellitePartner):
        through_air = through_air ** (1.0 / np.sin(np.maximum(los.elevation_rad, 0.05)))
    collected = erf(nu) ** 2 * through_air * optics.transmittance * optics.detector_efficiency
    return np.asarray(collected).tolist(), np.asarray(w_eq / los.range_m).tolist()
