"""The gimbal: lag and limits by closed forms, and its hold on a direction in space."""

import math
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.spatial.transform import Rotation

from config.loader import load_scenario
from config.world import GimbalTruth
from sim_devices.carrier import GRID_HZ, Carrier
from sim_devices.gimbal_mechanics import GimbalMechanics
from sim_devices.optical_axes import axes

STEP_S = 1.0 / GRID_HZ
START_NS = 1_700_000_000_000_000_000
Rate = tuple[float, float, float]


def still(_: float) -> Rate:
    return (0.0, 0.0, 0.0)


def gimbal(
    base: Callable[[float], Rate] = still,
    *,
    lag_s: float = 0.03,
    max_rate_rad_s: float = 1.5,
    max_acceleration_rad_s2: float = 1e9,
    bias: tuple[float, float] = (0.0, 0.0),
    roll_bias_rad_s: float = 0.0,
    yaw_rad: float = 0.5,
    pitch_rad: float = 0.3,
    yaw_limit_rad: float = 100.0,
    step_s: float = STEP_S,
) -> GimbalMechanics:
    truth = GimbalTruth(
        mounting_error_rad=0.0,
        rate_lag_s=lag_s,
        max_rate_rad_s=max_rate_rad_s,
        max_acceleration_rad_s2=max_acceleration_rad_s2,
        gyro_bias_rad_s=0.0,
        yaw_limit_rad=yaw_limit_rad,
        pitch_max_rad=2.5,
    )
    mechanics = GimbalMechanics(
        truth, base, step_s, START_NS, bias, yaw_rad, pitch_rad, roll_bias_rad_s
    )
    mechanics.motors(True)
    return mechanics


def axes_in_space(carrier: Carrier, held: GimbalMechanics, start: int = 0) -> np.ndarray:
    """Boresight, right and up (n, 3, 3) by grid point over 30 s from `start`, by true attitude."""
    indices = range(start, start + 30 * GRID_HZ + 1)
    gimbal_from_ned = carrier.gimbal_from_ned(np.array(indices) * STEP_S)
    return np.array(
        [
            np.array(axes(*held.joints_at(i))) @ turned
            for i, turned in zip(indices, gimbal_from_ned, strict=True)
        ]
    )


def drift_rad(name: str, pitch_rad: float, bias: tuple[float, float] = (0.0, 0.0)) -> np.ndarray:
    """How far the boresight of a gimbal with no command moves in space, by grid point over 30 s."""
    carrier = Carrier(load_scenario(name), 1)
    held = gimbal(carrier.base_rate_rad_s, bias=bias, pitch_rad=pitch_rad)
    boresight = axes_in_space(carrier, held)[:, 0]
    return np.linalg.norm(boresight - boresight[0], axis=1)


@pytest.mark.parametrize(
    ("name", "pitch_rad", "bound_rad"),
    [
        ("leo_haps_downlink", 0.3, 1e-6),
        ("leo_haps_downlink", 1.4, 1e-6),
        # Over its shoulder yaw moves the image the other way.
        ("leo_haps_downlink", 2.0, 1e-6),
        # The drone sways 30 mrad in 4 s; joint angles are held over a step of 10 ms.
        ("haps_laps_downlink", 0.3, 50e-6),
        ("haps_laps_downlink", 1.0, 100e-6),
    ],
)
def test_without_command_the_line_of_sight_stays_in_space(
    name: str, pitch_rad: float, bound_rad: float
) -> None:
    # True attitude here, body rates there. The gyro's bias would move it by 2.4 mrad.
    assert drift_rad(name, pitch_rad).max() < bound_rad


def test_the_gyro_bias_drifts_it_away() -> None:
    moved = drift_rad("leo_haps_downlink", 0.3, bias=(0.0, 80e-6))
    assert moved[-1] == pytest.approx(80e-6 * 30.0, rel=0.01)


@pytest.mark.parametrize(
    ("name", "pitch_rad", "bound_rad"),
    [
        ("leo_haps_downlink", 0.3, 1e-6),
        # Three axes have no keyhole at the zenith.
        ("leo_haps_downlink", math.pi / 2, 1e-6),
        ("haps_laps_downlink", 0.3, 100e-6),
        ("haps_laps_downlink", math.pi / 2, 100e-6),
    ],
)
def test_with_a_third_axis_the_whole_payload_stays_in_space(
    name: str, pitch_rad: float, bound_rad: float
) -> None:
    carrier = Carrier(load_scenario(name), 1)
    held = gimbal(carrier.base_rate_rad_s, pitch_rad=pitch_rad)
    held.command_rate(0.0, 0.0, 0.3)
    held.joints_at(50)
    held.command_rate(0.0, 0.0, 0.0)
    payload = axes_in_space(carrier, held, start=100)
    assert held.joints_at(3100)[2] > 0.1
    assert np.linalg.norm(payload - payload[0], axis=2).max() < bound_rad


def test_two_axes_leave_the_image_to_turn() -> None:
    carrier = Carrier(load_scenario("haps_laps_downlink"), 1)
    payload = axes_in_space(carrier, gimbal(carrier.base_rate_rad_s))
    # The drone rolls by 30 mrad and turns.
    assert np.linalg.norm(payload[:, 2] - payload[0, 2], axis=1).max() > 0.02


def test_a_roll_that_is_let_go_stands_and_the_boresight_is_held_all_the_same() -> None:
    carrier = Carrier(load_scenario("leo_haps_downlink"), 1)
    held = gimbal(carrier.base_rate_rad_s, pitch_rad=1.0, roll_bias_rad_s=1e-3)
    held.command_rate(0.0, 0.0, 0.3)
    held.joints_at(100)
    held.command_rate(0.0, 0.0, None)
    boresight = axes_in_space(carrier, held, start=150)[:, 0]
    assert held.joints_at(3150)[2] == held.joints_at(3149)[2] > 0.2
    assert np.linalg.norm(boresight - boresight[0], axis=1).max() < 1e-6


def test_the_roll_gyro_has_a_bias_too() -> None:
    mechanics = gimbal(roll_bias_rad_s=1e-3)
    mechanics.command_rate(0.0, 0.0, 0.0)
    assert mechanics.joints_at(1000) == pytest.approx((0.5, 0.3, 0.01), abs=1e-12)


small = st.floats(-0.3, 0.3)


@settings(deadline=None, max_examples=50)
@given(
    base=st.tuples(small, small, small),
    command=st.tuples(small, small, small),
    joints=st.tuples(st.floats(-3.0, 3.0), st.floats(-0.7, 2.0), st.floats(-0.4, 0.4)),
)
def test_commanded_rates_are_those_of_the_payload_in_space(
    base: Rate, command: Rate, joints: Rate
) -> None:
    """Turned by scipy: base times joints before and after a step, against rates about the axes."""
    yaw, _, roll = joints
    step_s = 1e-5
    mechanics = gimbal(lambda _: base, lag_s=1e-9, step_s=step_s)
    mechanics._now = mechanics._next = joints
    mechanics.command_rate(*command)
    mechanics.joints_at(1)  # to the commanded rates
    mechanics._now = mechanics._next = joints
    after = mechanics.joints_at(2)

    def payload(t_s: float, at: Rate) -> Rotation:
        turned = Rotation.from_rotvec(np.array(base) * t_s)
        return turned * Rotation.from_euler("ZXY", [at[0], at[2], at[1]])

    moved = (payload(step_s, after) * payload(0.0, joints).inv()).as_rotvec() / step_s
    yawed = Rotation.from_euler("Z", yaw)
    rolled = Rotation.from_euler("ZX", [yaw, roll])
    wanted = (
        command[0] * np.array([0.0, 0.0, 1.0])
        + command[1] * rolled.apply([0.0, 1.0, 0.0])
        + command[2] * yawed.apply([1.0, 0.0, 0.0])
    )
    # At 1 rad/s together the axes turn by as much as the step is long.
    assert moved == pytest.approx(wanted, abs=step_s)


@pytest.mark.parametrize(("axis", "sign"), [(0, 1), (0, -1), (1, 1), (1, -1), (2, 1), (2, -1)])
def test_a_joint_stops_at_its_stop_and_comes_back(axis: int, sign: int) -> None:
    stops = ((-0.8, 0.8), (-0.9, 2.5), (-0.55, 0.55))
    stop = stops[axis][sign > 0]
    mechanics = gimbal(yaw_limit_rad=0.8)
    rates = [0.0, 0.0, 0.0]
    rates[axis] = sign * 1.0
    mechanics.command_rate(*rates)
    joints = mechanics.joints_at(400)
    assert joints[axis] == stop
    assert mechanics.joint_rates_rad_s[axis] == 0.0
    others = [0.5, 0.3, 0.0]
    others[axis] = stop
    assert joints == pytest.approx(others, abs=1e-12)
    mechanics.advance(START_NS + 4_000_000_000)
    told = mechanics.yaw_rate_rad_s, mechanics.pitch_rate_rad_s, mechanics.roll_rate_rad_s
    assert told == (0.0, 0.0, 0.0)
    # Sent away it starts from rest: the first step covers half of what the lag lets through.
    rates[axis] *= -1.0
    mechanics.command_rate(*rates)
    share = 1 - math.exp(-STEP_S / 0.03)
    assert stop - mechanics.joints_at(401)[axis] == pytest.approx(sign * 0.5 * share * STEP_S)


def test_the_rate_follows_with_its_lag() -> None:
    mechanics = gimbal()
    mechanics.command_rate(0.2, -0.1, 0.05)
    for i in range(1, 40):
        mechanics.advance(START_NS + round(i * STEP_S * 1e9))
        share = 1 - math.exp(-i * STEP_S / 0.03)
        assert mechanics.yaw_rate_rad_s == pytest.approx(0.2 * share, rel=1e-9)
        assert mechanics.pitch_rate_rad_s == pytest.approx(-0.1 * share, rel=1e-9)
        assert mechanics.roll_rate_rad_s == pytest.approx(0.05 * share, rel=1e-9)


def test_angles_are_the_integral_of_the_rate() -> None:
    mechanics = gimbal()
    mechanics.command_rate(0.2, -0.1, 0.05)
    yaw, pitch, roll = mechanics.joints_at(100)
    turned, _ = quad(lambda t: 1 - math.exp(-t / 0.03), 0.0, 1.0)
    # By trapezia of a third of the lag: 1 % of the lag's area, 0.03 s.
    assert yaw - 0.5 == pytest.approx(0.2 * turned, abs=0.2 * 3e-4)
    assert pitch - 0.3 == pytest.approx(-0.1 * turned, abs=0.1 * 3e-4)
    assert roll == pytest.approx(0.05 * turned, abs=0.05 * 3e-4)


def test_rate_and_acceleration_are_limited() -> None:
    mechanics = gimbal(max_rate_rad_s=0.5, max_acceleration_rad_s2=2.0)
    mechanics.command_rate(10.0, -10.0, 10.0)
    rates = []
    for i in range(1, 101):
        mechanics.advance(START_NS + round(i * STEP_S * 1e9))
        rates.append(
            (mechanics.yaw_rate_rad_s, mechanics.pitch_rate_rad_s, mechanics.roll_rate_rad_s)
        )
    yaw, pitch, roll = np.array(rates).T
    assert yaw.tolist() == (-pitch).tolist() == roll.tolist()
    assert np.diff(yaw).max() <= 2.0 * STEP_S * (1 + 1e-12)
    assert yaw[0] == pytest.approx(2.0 * STEP_S)
    assert yaw.max() <= 0.5
    assert yaw[-1] == pytest.approx(0.5, rel=1e-6)


def test_stuck_joints_turn_with_the_base_and_start_from_rest() -> None:
    carrier = Carrier(load_scenario("haps_laps_downlink"), 1)
    mechanics = gimbal(carrier.base_rate_rad_s)
    mechanics.command_rate(0.3, 0.3)
    before = mechanics.joints_at(50)
    mechanics.stuck = True
    assert mechanics.joints_at(150) == before
    assert mechanics.joint_rates_rad_s == (0.0, 0.0, 0.0)
    mechanics.stuck = False
    yaw, _, _ = mechanics.joints_at(151)
    lag = 1 - math.exp(-STEP_S / 0.03)
    assert yaw - before[0] == pytest.approx(0.5 * 0.3 * lag * STEP_S, abs=0.05 * STEP_S)


def test_without_motors_nothing_moves() -> None:
    mechanics = gimbal(bias=(1e-3, 1e-3))
    mechanics.motors(False)
    mechanics.command_rate(1.0, 1.0, 1.0)
    assert mechanics.joints_at(100) == (0.5, 0.3, 0.0)


@pytest.mark.parametrize("index", [7, 14, 29, 12_345])
def test_a_reading_at_a_grid_point_steps_no_further(index: int) -> None:
    # 7 x 10 ms over 10 ms is 7.000000000000001 in doubles.
    mechanics = gimbal()
    mechanics.command_rate(0.2, 0.0001, 0.0001)
    mechanics.advance(START_NS + index * 10_000_000)
    reading = mechanics.yaw_rad, mechanics.pitch_rad, mechanics.roll_rad
    assert reading == pytest.approx(mechanics.joints_at(index), abs=1e-12)
    mechanics.command_rate(0.0, 0.0)
    yaw, _, _ = mechanics.joints_at(index + 1)
    # The very next step already slows down: a trapezium of the rates before and after.
    rate, slower = 0.2 * (1 - math.exp(-index * STEP_S / 0.03)), math.exp(-STEP_S / 0.03)
    assert yaw - reading[0] == pytest.approx(0.5 * rate * (1 + slower) * STEP_S, rel=1e-9)


def test_readings_between_grid_points_are_interpolated() -> None:
    mechanics = gimbal()
    mechanics.command_rate(0.2, 0.1, 0.3)
    before, after = mechanics.joints_at(29), mechanics.joints_at(30)
    for fraction in (0.0, 0.25, 1.0):
        mechanics.advance(START_NS + round((29 + fraction) * STEP_S * 1e9))
        joints = mechanics.yaw_rad, mechanics.pitch_rad, mechanics.roll_rad
        expected = np.array(before) + fraction * (np.array(after) - np.array(before))
        assert joints == pytest.approx(expected.tolist())
    rates = (np.array(after) - np.array(before)) / STEP_S
    assert mechanics.joint_rates_rad_s == pytest.approx(rates.tolist())


def test_rates_are_about_the_yaw_axis_not_across_the_image() -> None:
    # At 60 degrees up, a yaw rate moves the boresight by half of it.
    mechanics = gimbal(pitch_rad=math.radians(60.0))
    mechanics.command_rate(0.1, 0.0)
    start = np.array(axes(*mechanics.joints_at(200))[0])
    end = np.array(axes(*mechanics.joints_at(300))[0])
    # A second at 0.1 rad/s: the chord of 0.1 rad on a circle of radius cos 60.
    assert np.linalg.norm(end - start) == pytest.approx(2 * 0.5 * math.sin(0.05), rel=1e-3)
