"""Prediction in the axes of the gimbal's base; scipy's rotations and finite differences judge."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from numpy.typing import NDArray
from pointing_case import (
    C_M_S,
    CONFIG,
    DT_S,
    EARTH_ROTATION_RAD_S,
    ECEF_FROM_NED,
    MISSION,
    PREDICTOR,
    SITE,
    WINDOW,
    at_s,
    mounted,
    predict,
    sample,
)
from scipy.spatial.transform import Rotation

from config.loader import load_scenario
from terminal.control.mounting.along_pass import SigmaAlong
from terminal.control.navigation import NavigationEvent
from terminal.control.pointing import (
    PointingState,
    Predictor,
)
from terminal.geometry.earth import curvature_radii_m, ecef_from_geodetic
from terminal.geometry.refraction import Refraction, RefractionError
from terminal.mission_ephemeris import partner_ephemeris
from terminal.pointing_messages import PointingCommand

rotations = st.tuples(*[st.floats(-1.8, 1.8)] * 3).map(Rotation.from_rotvec)
seconds_in_pass = st.floats(0.0, 252.0)

Array = NDArray[np.float64]


def los(c: PointingCommand) -> Array:
    return np.array([c.los_x, c.los_y, c.los_z])


def los_rate(c: PointingCommand) -> Array:
    return np.array([c.los_rate_x, c.los_rate_y, c.los_rate_z])


def ahead(c: PointingCommand) -> Array:
    return np.array([c.ahead_x, c.ahead_y, c.ahead_z])


def reference(c: PointingCommand) -> Array:
    return np.array([c.reference_x, c.reference_y, c.reference_z])


def gimbal_from_ecef(c: PointingCommand) -> Rotation:
    q = c.q_gimbal_from_ecef_w, c.q_gimbal_from_ecef_x, c.q_gimbal_from_ecef_y
    return Rotation.from_quat([*q, c.q_gimbal_from_ecef_z], scalar_first=True)


def from_azimuth_elevation(c: PointingCommand) -> Array:
    """Unit vector in NED of a command's azimuth and elevation."""
    cos_el = math.cos(c.elevation_rad)
    return np.array(
        [
            cos_el * math.cos(c.azimuth_rad),
            cos_el * math.sin(c.azimuth_rad),
            -math.sin(c.elevation_rad),
        ]
    )


def test_no_fix_is_no_prediction() -> None:
    _, command = PREDICTOR.step(PointingState(), sample(at_s(0.0), fix_t_ns=0), DT_S)
    assert command == PointingCommand(events=int(NavigationEvent.STALE))
    assert not command.valid


@pytest.mark.parametrize("off_ns", [-(10**18), -61 * 10**9, 61 * 10**9, 2**63 - 1 - at_s(60.0)])
def test_a_fix_of_another_day_changes_nothing(off_ns: int) -> None:
    # Reckoned on for years at such speeds, the terminal would be further off than light gets.
    t_ns, fast = at_s(60.0), {"velocity_down_m_s": 900.0, "velocity_east_m_s": 900.0}
    before, _ = PREDICTOR.step(PointingState(), sample(t_ns - 20_000_000), DT_S)
    _, command = PREDICTOR.step(before, sample(t_ns, fix_t_ns=t_ns + off_ns, **fast), DT_S)
    # The last good fix still holds, and the event says that the new one was of no use.
    assert command.valid
    assert command.fix_age_s == pytest.approx(0.02)
    assert command.events
    _, alone = PREDICTOR.step(PointingState(), sample(t_ns, fix_t_ns=t_ns + off_ns, **fast), DT_S)
    assert not alone.valid


def test_a_fix_too_old_is_reckoned_on_but_not_valid() -> None:
    limit_s = CONFIG.safety.navigation_max_age_s
    fix_t_ns = at_s(60.0)
    state, good = PREDICTOR.step(PointingState(), sample(fix_t_ns), DT_S)
    for age_s, valid in ((limit_s - 0.01, 1), (limit_s + 0.01, 0), (59.0, 0), (61.0, 0)):
        t_ns = fix_t_ns + round(age_s * 1e9)
        state, command = PREDICTOR.step(state, sample(t_ns, fix_t_ns=fix_t_ns), DT_S)
        assert command.valid == valid
        assert bool(command.events & NavigationEvent.STALE) != bool(valid)
        assert command.fix_age_s == pytest.approx(age_s)
        # A light time is given as long as there is any idea of where we are.
        assert (command.light_time_s > 0.0) == (age_s < 60.0)
        assert command.sigma_rad > good.sigma_rad


@settings(deadline=None, max_examples=50)
@given(rotations, rotations, seconds_in_pass)
def test_any_attitude_and_mounting_against_scipy(
    attitude: Rotation, mounting: Rotation, seconds: float
) -> None:
    predictor = mounted(rotation_vector_rad=tuple(mounting.as_rotvec().tolist()))
    command = predict(sample(at_s(seconds), attitude), predictor)
    gimbal_from_ned = (attitude * mounting).inv()
    np.testing.assert_allclose(
        los(command), gimbal_from_ned.apply(from_azimuth_elevation(command)), atol=1e-12
    )
    expected = gimbal_from_ned * ECEF_FROM_NED.inv()
    assert (expected.inv() * gimbal_from_ecef(command)).magnitude() < 1e-12
    # What does not depend on how the body lies is the same as with the body level.
    level = predict(sample(at_s(seconds)))
    for vector in (los, los_rate, ahead, reference):
        np.testing.assert_allclose(
            vector(command), gimbal_from_ned.apply(vector(level)), rtol=1e-11, atol=1e-13
        )
    keep = ("azimuth_rad", "elevation_rad", "range_m", "range_rate_m_s", "doppler")
    for name in keep:
        assert getattr(command, name) == getattr(level, name)


def test_rates_are_those_of_the_direction() -> None:
    """Half of the acceleration over the span of 50 ms is missing: 3 urad/s."""
    attitude = Rotation.from_euler("ZYX", [0.7, 0.05, -0.1])
    fastest, h = 0.0, 0.01
    for seconds in range(1, 252, 10):
        now = predict(sample(at_s(seconds), attitude))
        before, after = (predict(sample(at_s(seconds + dt), attitude)) for dt in (-h, h))
        rate = (los(after) - los(before)) / (2 * h)
        np.testing.assert_allclose(los_rate(now), rate, atol=5e-6)
        range_rate = (after.range_m - before.range_m) / (2 * h)
        assert now.range_rate_m_s == pytest.approx(range_rate, abs=1e-3)
        assert now.light_time_s == pytest.approx(now.range_m / C_M_S, rel=1e-12)
        fastest = max(fastest, float(np.linalg.norm(rate)))
    assert fastest > 5e-3


def test_light_leaves_ahead_along_the_path() -> None:
    """Twice the light time further, to first order in v/c; less what our own velocity turns both
    ways (Earth's rotation at the site: 380 m/s, 2.5 urad)."""
    for seconds in (20.0, 126.0, 230.0):
        command = predict(sample(at_s(seconds)))
        expected = 2.0 * command.light_time_s * los_rate(command)
        np.testing.assert_allclose(ahead(command), expected, atol=3e-6)
        assert 20e-6 < np.linalg.norm(ahead(command)) < 60e-6


def test_the_reference_is_the_orbits_normal_against_the_stars() -> None:
    ephemeris = partner_ephemeris(MISSION, WINDOW.start_tai_ns)
    for seconds in (5.0, 100.0, 200.0):
        command = predict(sample(at_s(seconds)))
        position, velocity = (np.array(v) for v in ephemeris.state_ecef(at_s(seconds)))
        inertial = velocity + np.cross([0.0, 0.0, EARTH_ROTATION_RAD_S], position)
        normal = np.cross(position, inertial)
        found = gimbal_from_ecef(command).inv().apply(reference(command))
        # Earth's rotation by name or by GMST82: 1e-7 of it.
        np.testing.assert_allclose(found, normal / np.linalg.norm(normal), atol=1e-6)


def test_the_lever_arm_moves_the_gimbal_and_its_velocity() -> None:
    """The range is shorter by what of the arm lies along the line of sight."""
    attitude = Rotation.from_euler("ZYX", [1.0, 0.2, -0.3])
    arm = (10.0, -4.0, 6.0)
    predictor = mounted(lever_arm_m=arm)
    here = np.array(ecef_from_geodetic(*SITE)) + ECEF_FROM_NED.apply(attitude.apply(arm))
    with_arm = predict(sample(at_s(60.0), attitude), predictor)
    without = predict(sample(at_s(60.0), attitude))
    offset = here - np.array(ecef_from_geodetic(*SITE))
    toward = ECEF_FROM_NED.apply(from_azimuth_elevation(without))
    # What lies across the line of sight counts in the second order: 13 m squared over 1000 km.
    # The way is told from the apparent direction: 26 urad of aberration, 0.3 mm.
    assert with_arm.range_m - without.range_m == pytest.approx(-offset @ toward, abs=1e-3)


def test_a_turning_body_swings_the_gimbals_centre() -> None:
    """At 0.2 rad/s an arm of 10 m moves at 2 m/s; the range rate changes by what of that lies
    along the line of sight."""
    rate, arm = np.array([0.1, -0.15, 0.05]), np.array([10.0, -4.0, 6.0])
    attitude = Rotation.from_euler("ZYX", [1.0, 0.2, -0.3])
    commands = []
    for predictor in (mounted(lever_arm_m=tuple(arm.tolist())), PREDICTOR):
        state = PointingState()
        for k in range(30):
            lies = attitude * Rotation.from_rotvec(rate * (k - 29) * DT_S)
            t_ns = at_s(60.0 + (k - 29) * DT_S)
            state, command = predictor.step(state, sample(t_ns, lies), DT_S)
        commands.append(command)
    swung, still = commands
    velocity = ECEF_FROM_NED.apply(attitude.apply(np.cross(rate, arm)))
    toward = ECEF_FROM_NED.apply(from_azimuth_elevation(still))
    # The path of the arm's end changes the direction, too: 10 m / 1000 km of the partner's 7 km/s.
    assert swung.range_rate_m_s - still.range_rate_m_s == pytest.approx(-velocity @ toward, abs=0.1)
    assert abs(velocity @ toward) > 0.5


def test_latency_is_made_up_for_by_the_body_rate() -> None:
    rate = np.array([0.02, -0.01, 0.05])
    state = PointingState()
    for k in range(30):
        # Each fix is one tick old.
        lies = Rotation.from_rotvec(rate * (k - 1) * DT_S)
        t_ns = at_s(60.0 + k * DT_S)
        s = sample(t_ns, lies, fix_t_ns=t_ns - round(DT_S * 1e9))
        state, command = PREDICTOR.step(state, s, DT_S)
    expected = Rotation.from_rotvec(rate * 29 * DT_S).inv().apply(from_azimuth_elevation(command))
    np.testing.assert_allclose(los(command), expected, atol=1e-9)


@pytest.mark.parametrize("direction", ["downlink", "uplink"])
def test_through_the_air_the_partner_stands_higher(direction: str) -> None:
    """Beacon up by its refraction, launch by that of what is sent; against single traced rays."""
    track = replace(MISSION.track, altitude_m=100.0)
    mission = replace(MISSION, refraction=True, track=track, direction=direction)
    refracted = Predictor(
        mission,
        CONFIG,
        WINDOW.start_tai_ns,
        partner_ephemeris(mission, WINDOW.start_tai_ns),
        SigmaAlong.steady(CONFIG.mounting.sigma_rad),
    )
    radius_m = math.sqrt(math.prod(curvature_radii_m(SITE[0])))
    beacon, signal = (Refraction(100.0, radius_m, length) for length in (1550e-9, 810e-9))
    for seconds in (5.0, 60.0, 126.0):
        s = sample(at_s(seconds), altitude_m=100.0)
        straight, bent = predict(s), predict(s, refracted)
        elevation, range_m = straight.elevation_rad, straight.range_m
        apparent = beacon.apparent_elevation_rad(elevation, range_m)
        seen_by_signal = signal.apparent_elevation_rad(elevation, range_m)
        assert apparent is not None
        assert seen_by_signal is not None
        # The table is made for a round orbit: 20 km of eccentricity make 0.5 urad at 20 degrees.
        assert bent.elevation_rad == pytest.approx(apparent, abs=0.5e-6)
        assert bent.azimuth_rad == pytest.approx(straight.azimuth_rad, abs=1e-12)
        assert bent.signal_offset_rad == pytest.approx(seen_by_signal - apparent, abs=10e-9)
        # Level, looking north: up is -z. The signal leaves higher than the beacon arrives; our own
        # beacon is of the other's colour.
        spread = bent.signal_offset_rad if direction == "uplink" else 0.0
        up = np.cross(np.cross(los(straight), [0.0, 0.0, -1.0]), los(straight))
        up /= np.linalg.norm(up)
        assert (ahead(bent) - ahead(straight)) @ up == pytest.approx(spread, abs=0.1e-6)
        assert bent.range_m == straight.range_m
        assert straight.signal_offset_rad == 0.0


def test_refraction_toward_a_platform_is_refused() -> None:
    scenario = load_scenario("haps_laps_downlink")
    mission = replace(scenario.mission, refraction=True)
    with pytest.raises(RefractionError, match="under 80 km"):
        Predictor(
            mission,
            scenario.terminal,
            WINDOW.start_tai_ns,
            partner_ephemeris(mission, WINDOW.start_tai_ns),
            SigmaAlong.steady(scenario.terminal.mounting.sigma_rad),
        )


def test_the_step_is_a_function_of_what_it_is_given() -> None:
    """Another predictor, fed with the same samples, gives the same bits."""
    twin = Predictor(
        MISSION,
        CONFIG,
        WINDOW.start_tai_ns,
        partner_ephemeris(MISSION, WINDOW.start_tai_ns),
        SigmaAlong.steady(CONFIG.mounting.sigma_rad),
    )
    rng = np.random.default_rng(2)
    state, other = PointingState(), PointingState()
    for k in range(50):
        attitude = Rotation.from_rotvec(1e-4 * rng.normal(size=3))
        s = sample(at_s(k * DT_S), attitude, altitude_m=SITE[2] + float(rng.normal()))
        state, command = PREDICTOR.step(state, s, DT_S)
        other, again = twin.step(other, s, DT_S)
        assert command == again
