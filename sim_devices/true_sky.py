"""The true directions of a flight, on the slow grid and in the axes of the gimbal's true base."""

import math

import numpy as np
from numpy.typing import NDArray

from config.scenario import Scenario
from sim_devices.carrier import GRID_HZ, Carrier
from sim_devices.image_clutter import sky_path_rad
from sim_devices.line_of_sight import Air, line_of_sight
from sim_devices.optical_axes import Vec
from sim_devices.partner_path import true_partner_path
from sim_devices.randomness import stream

Array = NDArray[np.float64]


class TrueSky:
    """Computed once: nothing here depends on what the terminal does. Lists by grid point."""

    def __init__(
        self,
        scenario: Scenario,
        seed: int,
        carrier: Carrier,
        start_tai_ns: int,
        start_utc_jd: tuple[float, float],
        duration_s: float,
    ) -> None:
        """Raises ValueError if the partner's elements give no orbit at the start."""
        mission, truth = scenario.mission, scenario.world
        partner_path = true_partner_path(
            mission,
            truth.partner,
            start_tai_ns,
            start_utc_jd,
            duration_s,
            stream(seed, "ephemeris"),
            carrier.draws.time_bias_s,
        )
        beacon_m = scenario.terminal.optics.beacon_wavelength_m
        signal_m = mission.source.wavelength_m
        n = math.ceil(duration_s * GRID_HZ) + 3
        t_s = np.arange(n, dtype=np.float64) / GRID_HZ
        self.los = line_of_sight(
            t_s,
            carrier.position_ecef_m(t_s),
            carrier.velocity_ecef_m_s(t_s),
            carrier.path.ned_axes(t_s),
            partner_path,
            mission.partner.reference_axis,
            Air(
                truth.atmosphere.refracting_pressure_hpa,
                truth.atmosphere.refracting_temperature_k,
                beacon_m,
                signal_m,
                # In a downlink all that the terminal sends is its beacon.
                beacon_m if mission.direction == "downlink" else signal_m,
            ),
        )
        gimbal_from_ned = carrier.gimbal_from_ned(t_s)

        def in_gimbal(v: Array) -> list[Vec]:
            return [tuple(row) for row in np.einsum("nij,nj->ni", gimbal_from_ned, v).tolist()]

        self.partner_g = in_gimbal(self.los.los_ned)
        """Toward where the beacon comes from."""
        self.launch_g = in_gimbal(self.los.launch_ned)
        """Toward where light has to leave."""
        self.reference_g = in_gimbal(self.los.reference_ned)
        """The sender's H axis."""
        self.signal_offset_rad: list[float] = self.los.signal_offset_rad.tolist()
        self.path_rad: list[tuple[float, float]] = [
            (x, y) for x, y in sky_path_rad(self.los.azimuth_rad, self.los.elevation_rad).tolist()
        ]
        """How far the partner has moved over the sky, right and up."""
