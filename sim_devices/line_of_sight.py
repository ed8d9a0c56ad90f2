"""Where the partner's light truly comes from, on a grid over the whole window.

Nothing here depends on what the terminal does, so all of it is computed at once with arrays.
Everything is done in the inertial frame that coincides with the Earth-fixed one at the instant of
reception; directions are then those seen in the terminal's rest frame, by the velocity addition
of the photon itself (the terminal's estimate aberrates directions instead).
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import CubicSpline

from sim_devices.air_refraction import bending_rad, raised
from sim_devices.partner_path import OMEGA_RAD_S, PartnerPath

Array = NDArray[np.float64]
C_M_S = 299_792_458.0


def _turned(v: Array, angle_rad: Array) -> Array:
    """Vectors (n, 3) turned about z by angles (n,)."""
    c, s = np.cos(angle_rad), np.sin(angle_rad)
    return np.column_stack([c * v[:, 0] - s * v[:, 1], s * v[:, 0] + c * v[:, 1], v[:, 2]])


def _unit(v: Array) -> Array:
    return np.asarray(v / np.linalg.norm(v, axis=1)[:, None])


def photon_in_rest_frame(k: Array, velocity_m_s: Array) -> Array:
    """Direction of flight k (n, 3) of a photon as an observer of that velocity sees it.

    Relativistic velocity addition for a particle of speed c (Jackson, eq. 11.31).
    """
    beta = velocity_m_s / C_M_S
    along = np.sum(k * beta, axis=1)[:, None]
    gamma = 1.0 / np.sqrt(1.0 - np.sum(beta * beta, axis=1))[:, None]
    moved = k / gamma - beta + gamma / (gamma + 1.0) * along * beta
    return np.asarray(moved / (1.0 - along))


class Air(NamedTuple):
    """What bends the line of sight at the terminal; no pressure, no bending."""

    pressure_hpa: float = 0.0
    temperature_k: float = 288.15
    beacon_wavelength_m: float = 1550e-9
    signal_wavelength_m: float = 810e-9
    sent_wavelength_m: float = 810e-9
    """Of the light that the terminal sends."""


NO_AIR = Air()


class LineOfSight(NamedTuple):
    """Truth on the grid: vectors (n, 3) in NED at the terminal, scalars (n,)."""

    t_s: Array
    los_ned: Array
    """Toward where the beacon's light that arrives now comes from."""
    launch_ned: Array
    """Toward where the light that the terminal sends must leave now to meet the partner."""
    signal_offset_rad: Array
    """How much higher the signal arrives than the beacon."""
    reference_ned: Array
    """The sender's H reference axis."""
    range_m: Array
    light_time_s: Array
    elevation_rad: Array
    azimuth_rad: Array


def line_of_sight(
    t_s: Array,
    position_ecef_m: Array,
    velocity_ecef_m_s: Array,
    ned_axes: Array,
    partner: PartnerPath,
    reference: str,
    air: Air = NO_AIR,
) -> LineOfSight:
    """The true line of sight.

    Args:
        t_s: (n,) times of reception since the start of the window.
        position_ecef_m, velocity_ecef_m_s: (n, 3) of the terminal, velocity relative to the Earth.
        ned_axes: (n, 3, 3) rows north, east, down in Earth-fixed axes.
        partner: its true path.
        reference: `orbit_normal` or `vertical`.
        air: at the terminal.
    """
    omega = np.array([0.0, 0.0, OMEGA_RAD_S])
    own_velocity = velocity_ecef_m_s + np.cross(omega, position_ecef_m)

    def meet(sign: int) -> tuple[Array, Array]:
        """Fixed point of |partner(t + sign d) - own| = c d: converges by v/c, 4e-5, a round."""
        delay = np.zeros(len(t_s))
        for _ in range(5):
            there = _turned(partner.position_ecef_m(t_s + sign * delay), sign * OMEGA_RAD_S * delay)
            offset = there - position_ecef_m
            delay = np.linalg.norm(offset, axis=1) / C_M_S
        return offset, delay

    arriving, light_time = meet(-1)
    leaving, _ = meet(+1)
    los = -photon_in_rest_frame(-_unit(arriving), own_velocity)
    launch = photon_in_rest_frame(_unit(leaving), own_velocity)

    there = partner.position_ecef_m(t_s)
    if reference == "orbit_normal":
        axis = np.cross(there, partner.velocity_ecef_m_s(t_s) + np.cross(omega, there))
    else:
        # Up at the partner: gradient of the ellipsoid's quadratic form, taken where the partner is.
        # That is 10 urad off the normal at the foot point 20 km below.
        axis = there * np.array([1.0, 1.0, 1.0 / (1.0 - 1.0 / 298.257223563) ** 2])

    def ned(v: Array) -> Array:
        return np.asarray(np.einsum("nij,nj->ni", ned_axes, v))

    los_ned, launch_ned = ned(los), ned(launch)
    signal_offset = np.zeros(len(t_s))
    if air.pressure_hpa > 0.0:

        def bent(directions_ned: Array, wavelength_m: float) -> Array:
            elevation = np.arcsin(-directions_ned[:, 2])
            return bending_rad(elevation, air.pressure_hpa, air.temperature_k, wavelength_m)

        arriving_bent = bent(los_ned, air.beacon_wavelength_m)
        signal_offset = bent(los_ned, air.signal_wavelength_m) - arriving_bent
        los_ned = raised(los_ned, arriving_bent)
        launch_ned = raised(launch_ned, bent(launch_ned, air.sent_wavelength_m))
    return LineOfSight(
        t_s=t_s,
        los_ned=los_ned,
        launch_ned=launch_ned,
        signal_offset_rad=signal_offset,
        reference_ned=ned(_unit(axis)),
        range_m=light_time * C_M_S,
        light_time_s=light_time,
        elevation_rad=np.arcsin(-los_ned[:, 2]),
        azimuth_rad=np.arctan2(los_ned[:, 1], los_ned[:, 0]) % (2.0 * np.pi),
    )


class Delay:
    """Emission time to arrival time and back, both as true time since start; to a picosecond."""

    def __init__(self, t_s: Array, light_time_s: Array) -> None:
        emitted = t_s - light_time_s
        self._light_time_of_arrival = CubicSpline(t_s, light_time_s)
        self._light_time_of_emission = CubicSpline(emitted, light_time_s)

    def arrival_s(self, emitted_s: Array) -> Array:
        return np.asarray(emitted_s + self._light_time_of_emission(emitted_s))

    def emission_s(self, arrival_s: float) -> float:
        return arrival_s - float(self._light_time_of_arrival(arrival_s))
