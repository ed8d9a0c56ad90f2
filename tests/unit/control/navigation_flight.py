"""A flight of the navigation unit alone, faults included, and how wrong the prediction is."""

from typing import NamedTuple

import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray

from config.loader import load_scenario
from config.scenario import Scenario
from config.world import Fault
from sim_devices.carrier import Carrier
from sim_devices.line_of_sight import line_of_sight
from sim_devices.navigation_vectornav import NavMeasurement
from sim_devices.partner_path import true_partner_path
from sim_devices.randomness import stream
from terminal.control.mounting.along_pass import SigmaAlong
from terminal.control.pointing import PointingState, Predictor
from terminal.geometry.time_scales import utc_julian_date
from terminal.mission_ephemeris import partner_ephemeris
from terminal.pointing_messages import PointingCommand, PointingSample
from terminal.window import resolve_window

Array = NDArray[np.float64]
STEP_NS = 20_000_000

SCENARIOS = {name: load_scenario(name) for name in ("leo_haps_downlink", "leo_laps_downlink")}
WINDOWS = {name: resolve_window(s.mission) for name, s in SCENARIOS.items()}


class Flown(NamedTuple):
    """One row a tick, 50 a second."""

    t_s: Array
    error_rad: Array
    """Angle between predicted and true direction, both in the axes of the gimbal's true base."""
    sigma_rad: Array
    valid: NDArray[np.bool_]
    events: NDArray[np.int64]
    commands: list[PointingCommand]

    def between(self, start_s: float, end_s: float) -> NDArray[np.bool_]:
        return (self.t_s >= start_s) & (self.t_s < end_s)


def sample_of(measured: NavMeasurement | None, t_ns: int) -> PointingSample:
    if measured is None:
        return PointingSample(t_ns, 0, *[0.0] * 11)
    m = measured
    return PointingSample(
        t_ns,
        m.t_ns,
        m.latitude_rad,
        m.longitude_rad,
        m.altitude_m,
        *m.velocity_ned_m_s,
        *m.q_ned_from_body,
        m.attitude_sigma_rad,
        m.position_sigma_m,
    )


def changed(name: str, faults: tuple[Fault, ...] = (), **mounting: object) -> Scenario:
    """The scenario with these faults, and with these changes to the terminal's mounting."""
    s = SCENARIOS[name]
    terminal = replace(s.terminal, mounting=replace(s.terminal.mounting, **mounting))
    return replace(s, terminal=terminal, world=replace(s.world, faults=faults))


def fly(name: str, scenario: Scenario, duration_s: float, seed: int = 1) -> Flown:
    """Fixes arrive one tick after they were taken; silence leaves the last one standing."""
    start_ns = WINDOWS[name].start_tai_ns
    truth, mission = scenario.world, scenario.mission
    carrier = Carrier(scenario, seed)
    source = carrier.navigation_source(start_ns)
    predictor = Predictor(
        mission,
        scenario.terminal,
        start_ns,
        partner_ephemeris(mission, start_ns),
        SigmaAlong.steady(scenario.terminal.mounting.sigma_rad),
    )

    n = round(duration_s * 1e9) // STEP_NS
    t_s = np.arange(n) * (STEP_NS * 1e-9)
    partner = true_partner_path(
        mission,
        truth.partner,
        start_ns,
        utc_julian_date(start_ns),
        duration_s,
        stream(seed, "ephemeris"),
        carrier.draws.time_bias_s,
    )
    los = line_of_sight(
        t_s,
        carrier.position_ecef_m(t_s),
        carrier.velocity_ecef_m_s(t_s),
        carrier.path.ned_axes(t_s),
        partner,
        mission.partner.reference_axis,
    )
    true_los = np.einsum("nij,nj->ni", carrier.gimbal_from_ned(t_s), los.los_ned)

    silences = [f for f in truth.faults if f.kind == "navigation_silent"]
    state, commands = PointingState(), []
    arrives: NavMeasurement | None = None
    stands: NavMeasurement | None = None
    for k in range(n):
        t_ns, now_s = start_ns + k * STEP_NS, float(t_s[k])
        if not any(f.at_s <= now_s < f.at_s + f.duration_s for f in silences):
            stands = arrives
        state, command = predictor.step(state, sample_of(stands, t_ns), STEP_NS * 1e-9)
        commands.append(command)
        arrives = source.measure(t_ns)

    told = np.array([[c.los_x, c.los_y, c.los_z] for c in commands])
    error = 2.0 * np.arcsin(np.minimum(1.0, 0.5 * np.linalg.norm(told - true_los, axis=1)))
    path_rate = np.array(
        [np.hypot(np.hypot(c.los_rate_x, c.los_rate_y), c.los_rate_z) for c in commands]
    )
    sigma = np.hypot(
        [c.sigma_rad for c in commands], path_rate * [c.along_sigma_s for c in commands]
    )
    return Flown(
        t_s,
        error,
        sigma,
        np.array([bool(c.valid) for c in commands]),
        np.array([c.events for c in commands]),
        commands,
    )
