"""The true line of sight against closed forms, ERFA, and the terminal's own geometry.

The terminal solves each light path by Newton's step and aberrates directions; the world iterates to
a fixed point on arrays and adds velocities to photons. Given the same partner both must agree to
rounding.
"""

import math
from collections.abc import Callable
from functools import cache

import erfa
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from config.mission import Track
from sim_devices.line_of_sight import (
    C_M_S,
    Delay,
    LineOfSight,
    line_of_sight,
    photon_in_rest_frame,
)
from sim_devices.partner_path import PartnerPath, SatellitePath, state_of_elements
from sim_devices.track import TruePath
from terminal.geometry import light_time, polarization_frame
from terminal.geometry.time_scales import SECOND_NS, tai_ns_from_utc, utc_julian_date
from terminal.geometry.vector import Vec

Array = NDArray[np.float64]

MICIUS = (
    "1 41731U 16051A   16353.90152003  .00000364  00000-0  17957-4 0  9993",
    "2 41731  97.3699 267.4500 0013200 178.5836 246.0824 15.23915303 19063",
)
START_NS = tai_ns_from_utc("2016-12-19T15:16:00Z")
DURATION_S = 330.0
HAPS = TruePath(Track(35.66, 139.68, 20_000.0, 25.0, 90.0, 3000.0), (120.0, -80.0, 30.0))
OTHER_HAPS = TruePath(Track(35.8037, 139.68, 20_000.0, 25.0, 90.0, 3000.0))
DRONE = TruePath(Track(35.66, 139.68, 1000.0, 15.0, 60.0, 0.0))


@cache
def satellite() -> SatellitePath:
    return SatellitePath(*state_of_elements(MICIUS, utc_julian_date(START_NS), -0.3961), DURATION_S)


def seen(own: TruePath, partner: PartnerPath, reference: str, step_s: float = 1.0) -> LineOfSight:
    t = np.arange(0.0, DURATION_S, step_s)
    return line_of_sight(
        t,
        own.position_ecef_m(t),
        own.velocity_ecef_m_s(t),
        own.ned_axes(t),
        partner,
        reference,
    )


class AsEphemeris:
    """The same partner, asked the terminal's way."""

    def __init__(self, partner: PartnerPath) -> None:
        self._partner = partner

    def state_ecef(self, t_ns: int) -> tuple[Vec, Vec]:
        t = np.array([(t_ns - START_NS) * 1e-9])
        x, y, z = self._partner.position_ecef_m(t)[0].tolist()
        vx, vy, vz = self._partner.velocity_ecef_m_s(t)[0].tolist()
        return (x, y, z), (vx, vy, vz)


def solution(own: TruePath, partner: PartnerPath, t_s: float) -> light_time.PointingSolution:
    at = np.array([t_s])
    x, y, z = own.position_ecef_m(at)[0].tolist()
    vx, vy, vz = own.velocity_ecef_m_s(at)[0].tolist()
    latitude, longitude, _ = own.geodetic(t_s)
    t_ns = START_NS + round(t_s * SECOND_NS)
    return light_time.solve(
        t_ns, (x, y, z), (vx, vy, vz), latitude, longitude, AsEphemeris(partner)
    )


def angle_rad(a: Array, b: Array) -> float:
    return float(np.linalg.norm(np.cross(a, b)))


def ned(enu: Vec) -> Array:
    east, north, up = enu
    return np.array([north, east, -up])


@pytest.mark.parametrize(
    ("own", "partner", "reference", "axis_rad"),
    [
        # The rates of the Earth's rotation differ by 9e-12 rad/s: 6e-5 m/s of 7.6 km/s.
        pytest.param(HAPS, satellite, "orbit_normal", 1e-8, id="satellite"),
        # The normal is taken at the partner, not at its foot point: 10 urad at 20 km of altitude.
        pytest.param(DRONE, lambda: OTHER_HAPS, "vertical", 1.1e-5, id="platform"),
    ],
)
def test_agrees_with_the_terminals_route(
    own: TruePath, partner: Callable[[], PartnerPath], reference: str, axis_rad: float
) -> None:
    there = partner()
    los = seen(own, there, reference)
    for i in range(0, len(los.t_s), 3):
        expected = solution(own, there, float(los.t_s[i]))
        arrives, leaves = ned(expected.los_enu), ned(expected.launch_enu)
        # Positions of 7e6 m round to 1e-9 m, which over 23 km is 4e-14 rad, and both routes round
        # tens of times. The rates of the Earth's rotation differ by 9e-12 rad/s, over 10 ms.
        assert angle_rad(los.los_ned[i], arrives) < 1e-12
        assert angle_rad(los.launch_ned[i], leaves) < 1e-12
        ahead = los.launch_ned[i] - los.los_ned[i]
        assert ahead == pytest.approx(leaves - arrives, abs=1e-12)
        assert los.light_time_s[i] == pytest.approx(expected.light_time_s, abs=1e-15)
        assert los.range_m[i] == C_M_S * los.light_time_s[i]
        azimuth, elevation = light_time.azimuth_elevation(expected.los_enu)
        assert los.elevation_rad[i] == pytest.approx(elevation, abs=1e-11)
        off = math.remainder(los.azimuth_rad[i] - azimuth, 2 * math.pi)
        assert off * math.cos(elevation) == pytest.approx(0.0, abs=1e-11)

        x, y, z = there.position_ecef_m(los.t_s[i : i + 1])[0].tolist()
        vx, vy, vz = there.velocity_ecef_m_s(los.t_s[i : i + 1])[0].tolist()
        axis = (
            polarization_frame.orbit_normal_ecef((x, y, z), (vx, vy, vz))
            if reference == "orbit_normal"
            else polarization_frame.vertical_ecef((x, y, z))
        )
        axes = own.ned_axes(los.t_s[i : i + 1])[0]
        assert angle_rad(los.reference_ned[i], axes @ np.array(axis)) < axis_rad


@given(
    st.tuples(*[st.floats(-1.0, 1.0)] * 3).filter(lambda k: np.linalg.norm(k) > 0.1),
    st.tuples(*[st.floats(-1.5e8, 1.5e8)] * 3),
)
@settings(deadline=None)
def test_photons_obey_the_aberration_formula(
    direction: tuple[float, float, float], velocity: tuple[float, float, float]
) -> None:
    k = np.array(direction) / np.linalg.norm(direction)
    speed = float(np.linalg.norm(velocity))
    moved = photon_in_rest_frame(k[None], np.array([velocity]))[0]
    assert np.linalg.norm(moved) == pytest.approx(1.0, abs=1e-14)
    if speed > 1e-3:
        axis = np.array(velocity) / speed
        beta, cosine = speed / C_M_S, float(k @ axis)
        # Einstein 1905, section 7, for the direction of flight.
        assert moved @ axis == pytest.approx((cosine - beta) / (1 - beta * cosine), abs=1e-14)
        # It stays in the plane of its flight and the velocity.
        assert float(np.cross(k, axis) @ moved) == pytest.approx(0.0, abs=1e-14)


@given(
    st.floats(0.0, 2 * math.pi),
    st.floats(-1.5, 1.5),
    st.tuples(*[st.floats(-8e3, 8e3)] * 3),
)
@settings(deadline=None)
def test_aberration_is_erfas(
    azimuth: float, elevation: float, velocity: tuple[float, float, float]
) -> None:
    toward = np.array(
        [
            math.cos(elevation) * math.cos(azimuth),
            math.cos(elevation) * math.sin(azimuth),
            math.sin(elevation),
        ]
    )
    beta = np.array(velocity) / C_M_S
    # eraAb adds the bending of light by the Sun; from far away there is none.
    expected = erfa.ab(toward, beta, 1e12, math.sqrt(1 - beta @ beta))
    ours = -photon_in_rest_frame(-toward[None], np.array([velocity]))[0]
    assert ours == pytest.approx(expected, abs=1e-14)


def test_point_ahead_is_twice_the_transverse_velocity_over_c() -> None:
    los = seen(HAPS, satellite(), "orbit_normal")
    omega = np.array([0.0, 0.0, 7.292115e-5])
    own, r = HAPS.position_ecef_m(los.t_s), satellite().position_ecef_m(los.t_s)
    relative = (
        satellite().velocity_ecef_m_s(los.t_s)
        + np.cross(omega, r)
        - HAPS.velocity_ecef_m_s(los.t_s)
        - np.cross(omega, own)
    )
    along = (r - own) / np.linalg.norm(r - own, axis=1)[:, None]
    across = relative - np.sum(relative * along, axis=1)[:, None] * along
    ahead = np.linalg.norm(los.launch_ned - los.los_ned, axis=1)
    # To the second order in v/c = 2.5e-5: 1e-9 rad at most.
    assert ahead == pytest.approx(2 * np.linalg.norm(across, axis=1) / C_M_S, abs=1.5e-9)
    assert 40e-6 < ahead.max() < 55e-6


def test_axes_are_unit_vectors() -> None:
    los = seen(HAPS, satellite(), "orbit_normal")
    for vectors in (los.los_ned, los.launch_ned, los.reference_ned):
        assert np.linalg.norm(vectors, axis=1) == pytest.approx(np.ones(len(los.t_s)), abs=1e-14)


def test_delay_is_its_own_inverse_to_a_picosecond() -> None:
    los = seen(HAPS, satellite(), "orbit_normal", 0.01)
    delay = Delay(los.t_s, los.light_time_s)
    # Off the grid, and from half a second on: before, the light left before the window.
    arrival = np.linspace(0.5, DURATION_S - 0.02, 997)
    emission = np.array([delay.emission_s(t) for t in arrival.tolist()])
    assert delay.arrival_s(emission) == pytest.approx(arrival, abs=1e-12)


def test_delay_is_the_light_time_between_the_grid_points() -> None:
    los = seen(HAPS, satellite(), "orbit_normal", 0.01)
    delay = Delay(los.t_s, los.light_time_s)
    arrival = np.arange(1.005, DURATION_S - 0.02, 7.3)
    exact = line_of_sight(
        arrival,
        HAPS.position_ecef_m(arrival),
        HAPS.velocity_ecef_m_s(arrival),
        HAPS.ned_axes(arrival),
        satellite(),
        "orbit_normal",
    ).light_time_s
    splined = arrival - np.array([delay.emission_s(t) for t in arrival.tolist()])
    assert splined == pytest.approx(exact, abs=1e-12)
