"""Prediction in the gimbal's own frame; scipy's rotations and finite differences judge."""

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from numpy.typing import NDArray
from scipy.signal import lfilter
from scipy.spatial.transform import Rotation

from config.loader import load_scenario
from config.terminal import Mounting
from terminal.control.pointing import (
    POSITION_RESET_M,
    POSITION_TIME_CONSTANT_S,
    PointingState,
    Predictor,
    axes_toward,
    make_ephemeris,
)
from terminal.geometry.earth import ecef_from_geodetic, enu_basis
from terminal.messages import PointingCommand, PointingSample
from terminal.window import resolve_window

SCENARIO = load_scenario("leo_haps_downlink")
MISSION, CONFIG = SCENARIO.mission, SCENARIO.terminal
WINDOW = resolve_window(MISSION)
SITE = math.radians(35.66), math.radians(139.68), 20_000.0
DT_S = 0.02
C_M_S = 299_792_458.0
AT_REST = PointingState()
PREDICTOR = Predictor(MISSION, CONFIG, WINDOW.start_tai_ns)
rotations = st.tuples(*[st.floats(-math.pi, math.pi)] * 3).map(Rotation.from_rotvec)


def sample(t_ns: int, attitude: Rotation | None = None, **changes: Any) -> PointingSample:
    """A fix of this moment at the demo's site, at rest; attitude: NED from body."""
    x, y, z, w = (attitude or Rotation.identity()).as_quat().tolist()
    fix = PointingSample(t_ns, t_ns, *SITE, 0.0, 0.0, 0.0, w, x, y, z, 1e-3)
    return fix._replace(**changes)


def predict(s: PointingSample, predictor: Predictor = PREDICTOR) -> PointingCommand:
    return predictor.step(PointingState(), s, DT_S)[1]


def at_s(seconds: float) -> int:
    return WINDOW.start_tai_ns + round(seconds * 1e9)


def los_ned(command: PointingCommand) -> NDArray[np.float64]:
    """Unit vector of an azimuth and elevation."""
    cos_el = math.cos(command.elevation_rad)
    return np.array(
        [
            cos_el * math.cos(command.azimuth_rad),
            cos_el * math.sin(command.azimuth_rad),
            -math.sin(command.elevation_rad),
        ]
    )


def test_no_fix_is_no_prediction() -> None:
    state, command = PREDICTOR.step(PointingState(), sample(at_s(0.0))._replace(fix_t_ns=0), DT_S)
    assert state == PointingState()
    assert command == PointingCommand()
    assert not command.valid


@pytest.mark.parametrize("off_ns", [-(10**18), -61 * 10**9, 61 * 10**9, 2**63 - 1 - at_s(60.0)])
def test_a_fix_of_another_day_is_no_prediction(off_ns: int) -> None:
    # Reckoned on for years at such speeds, the terminal would be further off than light gets.
    t_ns, fast = at_s(60.0), {"velocity_down_m_s": 1000.0, "velocity_east_m_s": 1000.0}
    before, _ = PREDICTOR.step(PointingState(), sample(t_ns - 20_000_000), DT_S)
    state, command = PREDICTOR.step(before, sample(t_ns, fix_t_ns=t_ns + off_ns, **fast), DT_S)
    assert not command.valid
    assert command.fix_age_s == pytest.approx(-off_ns * 1e-9)
    after, command = PREDICTOR.step(state, sample(t_ns + 20_000_000), DT_S)
    assert command.valid
    assert (after.latitude_rad, after.longitude_rad, after.altitude_m) == SITE


@pytest.mark.parametrize("seconds", [0.0, 60.0, 126.0, 190.0, 252.0])
def test_heading_north_and_level_joints_are_azimuth_and_elevation(seconds: float) -> None:
    command = predict(sample(at_s(seconds)))
    assert command.valid
    assert math.remainder(command.target_yaw_rad - command.azimuth_rad, 2 * math.pi) == (
        pytest.approx(0.0, abs=1e-12)
    )
    assert command.target_pitch_rad == pytest.approx(command.elevation_rad, abs=1e-12)
    assert command.elevation_rad > math.radians(19.9)


@settings(deadline=None, max_examples=50)
@given(rotations, rotations, st.floats(0.0, 252.0))
def test_any_attitude_and_mounting_against_scipy(
    attitude: Rotation, mounting: Rotation, seconds: float
) -> None:
    vector = tuple(mounting.as_rotvec().tolist())
    config = replace(CONFIG, mounting=Mounting(rotation_vector_rad=vector))
    predictor = Predictor(MISSION, config, WINDOW.start_tai_ns)
    command = predict(sample(at_s(seconds), attitude), predictor)
    x, y, z = mounting.inv().apply(attitude.inv().apply(los_ned(command)))
    assert command.target_pitch_rad == pytest.approx(math.asin(-z), abs=1e-6)
    # Where the joints look, through both rotations, is where the partner stands.
    cos_pitch = math.cos(command.target_pitch_rad)
    looks = np.array(
        [
            cos_pitch * math.cos(command.target_yaw_rad),
            cos_pitch * math.sin(command.target_yaw_rad),
            -math.sin(command.target_pitch_rad),
        ]
    )
    np.testing.assert_allclose(looks, [x, y, z], atol=1e-12)
    np.testing.assert_allclose(attitude.apply(mounting.apply(looks)), los_ned(command), atol=1e-12)
    # What does not depend on how the body lies is the same as with the body level.
    level = predict(sample(at_s(seconds)))
    assert command.azimuth_rad == level.azimuth_rad
    assert command.range_m == level.range_m
    ahead = math.hypot(command.point_ahead_x_rad, command.point_ahead_y_rad)
    assert ahead == pytest.approx(
        math.hypot(level.point_ahead_x_rad, level.point_ahead_y_rad), rel=1e-9
    )


@given(st.floats(-3.1, 3.1), st.floats(-1.5, 1.5))
def test_right_and_up_are_how_the_boresight_moves(yaw: float, pitch: float) -> None:
    def looks(y: float, p: float) -> NDArray[np.float64]:
        return np.array([math.cos(p) * math.cos(y), math.cos(p) * math.sin(y), -math.sin(p)])

    axes = axes_toward(tuple(looks(yaw, pitch).tolist()))
    assert (axes.yaw_rad, axes.pitch_rad) == pytest.approx((yaw, pitch), abs=1e-9)
    h = 1e-6
    right = (looks(yaw + h, pitch) - looks(yaw - h, pitch)) / (2 * h * math.cos(pitch))
    up = (looks(yaw, pitch + h) - looks(yaw, pitch - h)) / (2 * h)
    np.testing.assert_allclose(axes.right, right, atol=1e-8)
    np.testing.assert_allclose(axes.up, up, atol=1e-8)


def test_rates_are_those_of_the_angles() -> None:
    """Up to 7 mrad/s here. Half of the acceleration over the span of 50 ms is missing: 3 urad/s."""
    attitude = Rotation.from_euler("ZYX", [0.7, 0.05, -0.1])
    fastest, h = 0.0, 0.01
    for seconds in range(1, 252, 10):
        now = predict(sample(at_s(seconds), attitude))
        before, after = (predict(sample(at_s(seconds + dt), attitude)) for dt in (-h, h))
        yaw_rate = (after.target_yaw_rad - before.target_yaw_rad) / (2 * h)
        pitch_rate = (after.target_pitch_rad - before.target_pitch_rad) / (2 * h)
        assert now.yaw_rate_rad_s == pytest.approx(yaw_rate, abs=3e-6)
        assert now.pitch_rate_rad_s == pytest.approx(pitch_rate, abs=3e-6)
        range_rate = (after.range_m - before.range_m) / (2 * h)
        assert now.range_rate_m_s == pytest.approx(range_rate, abs=1e-3)
        fastest = max(fastest, abs(yaw_rate))
    assert fastest > 5e-3


def test_frame_angle_against_the_orbit_normal_across_the_line_of_sight() -> None:
    """The sender's H axis is what is left of its orbit's normal across the line of sight; looking
    north and level, the analyser's axes are growing azimuth and growing elevation."""
    ephemeris = make_ephemeris(MISSION, WINDOW.start_tai_ns)
    east, north, up = (np.array(v) for v in enu_basis(*SITE[:2]))
    for seconds in (5.0, 100.0, 200.0):
        command = predict(sample(at_s(seconds)))
        position, velocity = (np.array(v) for v in ephemeris.state_ecef(at_s(seconds)))
        inertial = velocity + np.cross([0.0, 0.0, 7.2921159e-5], position)
        normal = np.cross(position, inertial)
        az, el = command.azimuth_rad, command.elevation_rad
        right = math.cos(az) * east - math.sin(az) * north
        over = (
            math.cos(el) * up
            - math.sin(el) * math.sin(az) * east
            - math.sin(el) * math.cos(az) * north
        )
        expected = math.atan2(normal @ over, normal @ right)
        # Earth's rotation by name or by GMST82: 1e-7 of it.
        assert math.remainder(command.frame_angle_rad - expected, math.pi) == (
            pytest.approx(0.0, abs=1e-6)
        )


def test_rolling_about_the_line_of_sight_turns_the_frame_alone() -> None:
    seconds, roll = 80.0, 0.3
    level = predict(sample(at_s(seconds)))
    turn = Rotation.from_rotvec(roll * los_ned(level))
    rolled = predict(sample(at_s(seconds), turn))
    assert rolled.azimuth_rad == level.azimuth_rad
    # The joints still look there; clockwise as seen looking out, the analyser turns from up to
    # right, so in its axes all turns from right to up, less what the joints' axes make of it.
    looks = Rotation.from_euler("ZY", [level.target_yaw_rad, level.target_pitch_rad])
    base = Rotation.from_euler("ZY", [rolled.target_yaw_rad, rolled.target_pitch_rad])
    right = turn.apply(base.apply([0.0, 1.0, 0.0]))
    was_right, was_down = looks.apply([0.0, 1.0, 0.0]), looks.apply([0.0, 0.0, 1.0])
    analyser = math.atan2(right @ was_down, right @ was_right)
    assert math.remainder(
        rolled.frame_angle_rad - level.frame_angle_rad - analyser, math.pi
    ) == pytest.approx(0.0, abs=1e-9)


def fly(
    seconds: float, altitude_m: Any, state: PointingState = AT_REST, start_s: float = 0.0
) -> tuple[PointingState, list[PointingCommand], list[float]]:
    """50 fixes a second with this altitude (m) by tick; commands and filtered altitudes."""
    commands, altitudes = [], []
    for k in range(round(seconds / DT_S)):
        s = sample(at_s(start_s + k * DT_S), altitude_m=altitude_m(k))
        state, command = PREDICTOR.step(state, s, DT_S)
        commands.append(command)
        altitudes.append(state.altitude_m)
    return state, commands, altitudes


def test_position_rides_through_noise() -> None:
    """A first-order filter of weight w = dt / T, which leaves sqrt(w / (2 - w)) of white noise:
    2.2 % of a metre, where a slot of 5 ns is 1.5 m long."""
    noise = np.random.default_rng(1).normal(0.0, 1.0, 1000)
    noise[0] = 0.0
    _, _, altitudes = fly(20.0, lambda k: 20_000.0 + noise[k])
    weight = DT_S / POSITION_TIME_CONSTANT_S
    expected = lfilter([weight], [1.0, weight - 1.0], noise)
    np.testing.assert_allclose(np.array(altitudes) - 20_000.0, expected, atol=1e-8)
    assert np.abs(expected).max() < 5.0 * math.sqrt(weight / (2.0 - weight))


def test_velocity_is_dead_reckoned_between_fixes() -> None:
    """A fix that has stopped half a second ago still says where the terminal is."""
    fix = sample(at_s(10.0), velocity_north_m_s=25.0, velocity_east_m_s=-10.0)
    late = fix._replace(t_ns=at_s(10.5))
    state, command = PREDICTOR.step(PointingState(), late, DT_S)
    before = np.array(ecef_from_geodetic(*SITE))
    moved = np.array(ecef_from_geodetic(*state[2:5])) - before
    east, north, _ = (np.array(v) for v in enu_basis(*SITE[:2]))
    assert moved @ north == pytest.approx(12.5, abs=1e-3)
    assert moved @ east == pytest.approx(-5.0, abs=1e-3)
    assert command.fix_age_s == pytest.approx(0.5)


@pytest.mark.parametrize("jump_m", [0.9 * POSITION_RESET_M, 1.5 * POSITION_RESET_M])
def test_what_a_jump_of_the_fix_does_to_the_light_time(jump_m: float) -> None:
    """Under the limit it slides over at jump / T, 15 ns/s at most; over it, it jumps at once, by
    as much as the jump lies along the line of sight: 0.3 us at 100 m, many slots of 5 ns."""
    state, before, _ = fly(1.0, lambda k: 20_000.0)
    last = before[-1]
    _, after, altitudes = fly(0.1, lambda k: 20_000.0 + jump_m, state, start_s=1.0)
    first = after[0]
    along_s = jump_m * math.sin(first.elevation_rad) / C_M_S
    predicted = last.light_time_s + last.range_rate_m_s / C_M_S * DT_S
    step_s = predicted - first.light_time_s
    share = 1.0 if jump_m > POSITION_RESET_M else DT_S / POSITION_TIME_CONSTANT_S
    assert altitudes[0] - 20_000.0 == pytest.approx(share * jump_m, rel=1e-6)
    # The range's own curvature over a tick is 0.01 m: 50 ps.
    assert step_s == pytest.approx(share * along_s, rel=1e-3, abs=0.1e-9)
