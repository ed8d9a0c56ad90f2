"""The gimbal: lag and limits by closed forms, and its hold on a direction in space."""

import math
from collections.abc import Callable

import numpy as np
import pytest
from scipy.integrate import quad

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
    yaw_rad: float = 0.5,
    pitch_rad: float = 0.3,
) -> GimbalMechanics:
    truth = GimbalTruth(
        mounting_error_rad=0.0,
        rate_lag_s=lag_s,
        max_rate_rad_s=max_rate_rad_s,
        max_acceleration_rad_s2=max_acceleration_rad_s2,
        gyro_bias_rad_s=0.0,
    )
    mechanics = GimbalMechanics(truth, base, STEP_S, START_NS, bias, yaw_rad, pitch_rad)
    mechanics.motors(True)
    return mechanics


def drift_rad(name: str, pitch_rad: float, bias: tuple[float, float] = (0.0, 0.0)) -> np.ndarray:
    """How far the boresight of a gimbal with no command moves in space, by grid point over 30 s."""
    carrier = Carrier(load_scenario(name), 1)
    held = gimbal(carrier.base_rate_rad_s, bias=bias, pitch_rad=pitch_rad)
    n = 30 * GRID_HZ + 1
    gimbal_from_ned = carrier.gimbal_from_ned(np.arange(n) * STEP_S)
    boresight = np.array(
        [gimbal_from_ned[i].T @ np.array(axes(*held.joints_at(i))[0]) for i in range(n)]
    )
    return np.linalg.norm(boresight - boresight[0], axis=1)


@pytest.mark.parametrize(
    ("name", "pitch_rad", "bound_rad"),
    [
        ("leo_haps_downlink", 0.3, 1e-6),
        ("leo_haps_downlink", 1.4, 1e-6),
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


def test_the_rate_follows_with_its_lag() -> None:
    mechanics = gimbal()
    mechanics.command_rate(0.2, -0.1)
    for i in range(1, 40):
        mechanics.advance(START_NS + round(i * STEP_S * 1e9))
        share = 1 - math.exp(-i * STEP_S / 0.03)
        assert mechanics.yaw_rate_rad_s == pytest.approx(0.2 * share, rel=1e-9)
        assert mechanics.pitch_rate_rad_s == pytest.approx(-0.1 * share, rel=1e-9)


def test_angles_are_the_integral_of_the_rate() -> None:
    mechanics = gimbal()
    mechanics.command_rate(0.2, -0.1)
    yaw, pitch = mechanics.joints_at(100)
    turned, _ = quad(lambda t: 1 - math.exp(-t / 0.03), 0.0, 1.0)
    # By trapezia of a third of the lag: 1 % of the lag's area, 0.03 s.
    assert yaw - 0.5 == pytest.approx(0.2 * turned, abs=0.2 * 3e-4)
    assert pitch - 0.3 == pytest.approx(-0.1 * turned, abs=0.1 * 3e-4)


def test_rate_and_acceleration_are_limited() -> None:
    mechanics = gimbal(max_rate_rad_s=0.5, max_acceleration_rad_s2=2.0)
    mechanics.command_rate(10.0, -10.0)
    rates = []
    for i in range(1, 101):
        mechanics.advance(START_NS + round(i * STEP_S * 1e9))
        rates.append((mechanics.yaw_rate_rad_s, mechanics.pitch_rate_rad_s))
    yaw, pitch = np.array(rates).T
    assert yaw.tolist() == (-pitch).tolist()
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
    assert mechanics.joint_rates_rad_s == (0.0, 0.0)
    mechanics.stuck = False
    yaw, _ = mechanics.joints_at(151)
    lag = 1 - math.exp(-STEP_S / 0.03)
    assert yaw - before[0] == pytest.approx(0.5 * 0.3 * lag * STEP_S, abs=0.05 * STEP_S)


def test_without_motors_nothing_moves() -> None:
    mechanics = gimbal(bias=(1e-3, 1e-3))
    mechanics.motors(False)
    mechanics.command_rate(1.0, 1.0)
    assert mechanics.joints_at(100) == (0.5, 0.3)


@pytest.mark.parametrize("index", [7, 14, 29, 12_345])
def test_a_reading_at_a_grid_point_steps_no_further(index: int) -> None:
    # 7 x 10 ms over 10 ms is 7.000000000000001 in doubles.
    mechanics = gimbal()
    mechanics.command_rate(0.2, 0.1)
    mechanics.advance(START_NS + index * 10_000_000)
    reading = mechanics.yaw_rad, mechanics.pitch_rad
    assert reading == pytest.approx(mechanics.joints_at(index), abs=1e-12)
    mechanics.command_rate(0.0, 0.0)
    yaw, _ = mechanics.joints_at(index + 1)
    # The very next step already slows down: a trapezium of the rates before and after.
    rate, slower = 0.2 * (1 - math.exp(-index * STEP_S / 0.03)), math.exp(-STEP_S / 0.03)
    assert yaw - reading[0] == pytest.approx(0.5 * rate * (1 + slower) * STEP_S, rel=1e-9)


def test_readings_between_grid_points_are_interpolated() -> None:
    mechanics = gimbal()
    mechanics.command_rate(0.2, 0.1)
    before, after = mechanics.joints_at(29), mechanics.joints_at(30)
    for fraction in (0.0, 0.25, 1.0):
        mechanics.advance(START_NS + round((29 + fraction) * STEP_S * 1e9))
        assert mechanics.yaw_rad == pytest.approx(before[0] + fraction * (after[0] - before[0]))
        assert mechanics.pitch_rad == pytest.approx(before[1] + fraction * (after[1] - before[1]))
    assert mechanics.joint_rates_rad_s == pytest.approx(
        ((after[0] - before[0]) / STEP_S, (after[1] - before[1]) / STEP_S)
    )


def test_rates_are_about_the_yaw_axis_not_across_the_image() -> None:
    # At 60 degrees up, a yaw rate moves the boresight by half of it.
    mechanics = gimbal(pitch_rad=math.radians(60.0))
    mechanics.command_rate(0.1, 0.0)
    start = np.array(axes(*mechanics.joints_at(200))[0])
    end = np.array(axes(*mechanics.joints_at(300))[0])
    # A second at 0.1 rad/s: the chord of 0.1 rad on a circle of radius cos 60.
    assert np.linalg.norm(end - start) == pytest.approx(2 * 0.5 * math.sin(0.05), rel=1e-3)
