"""What of the beam goes through the receiver's aperture, before anything trembles."""

import math

import numpy as np

from config.mission import SatellitePartner
from config.scenario import Scenario
from sim_devices.line_of_sight import LineOfSight


class BeamBudget:
    """Transmittance and width of the beam on the grid, for any width that the sender gives it.

    Gaussian beam on a circular aperture off its axis by rho: A0 exp(-2 rho^2 / w_eq^2) with
    A0 = erf(nu)^2, nu = sqrt(pi/2) a / w, w_eq^2 = w^2 sqrt(pi) erf(nu) / (2 nu exp(-nu^2))
    (Farid & Hranilovic 2007): 1 % too little on the axis of a beam twice as wide as the aperture.
    The way up is as long and as clear as the way down: the partner
    moves by 1e-5 of the range in between.
    """

    def __init__(self, scenario: Scenario, los: LineOfSight) -> None:
        mission, air = scenario.mission, scenario.world.atmosphere
        optics = mission.receiver or scenario.terminal.optics
        self._wavelength_m = mission.source.wavelength_m
        self._half_aperture_m = optics.aperture_m / 2
        lost = optics.transmittance * optics.detector_efficiency
        through = np.full(len(los.range_m), air.zenith_transmittance)
        if isinstance(mission.partner, SatellitePartner):
            through = through ** (1.0 / np.sin(np.maximum(los.elevation_rad, 0.05)))
        self._range_m: list[float] = los.range_m.tolist()
        self._fixed: list[float] = (through * lost).tolist()

    def at(self, index: int, full_divergence_rad: float) -> tuple[float, float]:
        """(transmittance without jitter, effective half angle of the beam in rad)."""
        range_m = self._range_m[index]
        waist = 2.0 * self._wavelength_m / (math.pi * full_divergence_rad)
        rayleigh = math.pi * waist**2 / self._wavelength_m
        w = waist * math.hypot(1.0, range_m / rayleigh)
        nu = math.sqrt(math.pi / 2) * self._half_aperture_m / w
        share = math.erf(nu)
        w_eq = w * math.sqrt(math.sqrt(math.pi) * share / (2 * nu * math.exp(-(nu**2))))
        return share**2 * self._fixed[index], w_eq / range_m
