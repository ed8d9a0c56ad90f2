"""Joints against finite differences, and against what rate and acceleration allow."""

from math import pi

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from config.terminal import GimbalRange
from terminal.control.guidance.joint_limits import (
    approach,
    inside_cable,
    middle_turn,
    nearest_turn,
    roll_and_pitch,
)
from terminal.control.guidance.keep_out import separation_rad
from terminal.geometry.gimbal_frame import image_axes, image_motion
from terminal.geometry.vector import Vec, add, cross, dot, scale, subtract, unit

GIMBAL = GimbalRange(roll_max_rad=0.5)
DT_S = 0.02

angles = st.floats(-20.0, 20.0)


def test_a_slew_takes_as_long_as_bang_coast_bang() -> None:
    """1 rad at 0.57 rad/s and 5 rad/s^2: 1/0.57 + 0.57/5 s, and it stops there."""
    position, rate = 0.0, 0.0
    ticks = 0
    while position != pytest.approx(1.0, abs=1e-9):
        position, rate = approach(GIMBAL, position, rate, 1.0, 0.0, DT_S)
        assert position <= 1.0 + 1e-12
        ticks += 1
        assert ticks < 200
    # Rates change at ticks only: up to one more or less at either end.
    assert ticks * DT_S == pytest.approx(1.0 / 0.57 + 0.57 / 5.0, abs=2 * DT_S)
    position, rate = approach(GIMBAL, position, rate, 1.0, 0.0, DT_S)
    assert (position, rate) == pytest.approx((1.0, 0.0), abs=1e-9)


@settings(deadline=None)
@given(
    st.floats(-5.0, 5.0),
    st.floats(-0.57, 0.57),
    st.floats(-5.0, 5.0),
    st.floats(-0.4, 0.4),
    st.sampled_from([0.01, 0.02, 0.1]),
)
def test_a_moving_target_is_met_within_the_limits(
    position: float, rate: float, target: float, target_rate: float, dt: float
) -> None:
    for _ in range(int(80.0 / dt)):
        target += target_rate * dt
        before, rate_before = position, rate
        position, rate = approach(GIMBAL, position, rate, target, target_rate, dt)
        assert abs(rate) <= GIMBAL.max_rate_rad_s
        assert abs(rate - rate_before) <= GIMBAL.max_acceleration_rad_s2 * dt + 1e-12
        assert position - before == pytest.approx(rate * dt, abs=1e-12)
        if abs(position - target) < 1e-9 and abs(rate - target_rate) < 1e-9:
            break
    assert position == pytest.approx(target, abs=1e-6)


@given(angles, angles)
def test_turns(angle: float, near: float) -> None:
    turned = nearest_turn(angle, near)
    assert abs(turned - near) <= pi + 1e-12
    assert np.exp(1j * turned) == pytest.approx(np.exp(1j * angle), abs=1e-9)
    inside = inside_cable(GIMBAL, angle)
    assert GIMBAL.yaw_min_rad <= inside <= GIMBAL.yaw_max_rad
    assert np.exp(1j * inside) == pytest.approx(np.exp(1j * angle), abs=1e-9)
    if GIMBAL.yaw_min_rad <= angle <= GIMBAL.yaw_max_rad:
        assert inside == angle


def test_a_cable_shorter_than_a_turn_ends_where_it_ends() -> None:
    short = GimbalRange(yaw_min_rad=-1.0, yaw_max_rad=1.0)
    assert inside_cable(short, 2.0) == 1.0
    assert inside_cable(short, -2.0) == -1.0
    assert inside_cable(short, 2.0 * pi + 0.5) == pytest.approx(0.5)


@given(angles, st.floats(0.0, 6.0))
def test_a_pass_lies_as_near_to_the_middle_as_whole_turns_let_it(least: float, span: float) -> None:
    moved = middle_turn(GIMBAL, least, least + span)
    assert moved / (2.0 * pi) == pytest.approx(round(moved / (2.0 * pi)))
    assert abs(least + 0.5 * span + moved) <= pi + 1e-9


parts = st.floats(-1.0, 1.0)
vectors = st.tuples(parts, parts, parts).filter(lambda v: np.linalg.norm(v) > 0.1).map(unit)


@given(vectors, vectors, st.floats(-1.3, 1.3), st.floats(-0.5, 0.5), st.booleans())
def test_rates_are_the_derivatives_of_the_joints(
    aim: Vec, motion: Vec, off: float, yaw_rate: float, with_roll: bool
) -> None:
    aim_rate = scale(0.015, cross(aim, motion))
    yaw = float(np.arctan2(aim[1], aim[0])) + off
    joints, rates = roll_and_pitch(GIMBAL, with_roll, yaw, yaw_rate, aim, aim_rate)
    h = 1e-5

    def moved(sign: int) -> np.ndarray:
        there = unit(add(aim, scale(sign * h, aim_rate)))
        return np.array(
            roll_and_pitch(GIMBAL, with_roll, yaw + sign * h * yaw_rate, yaw_rate, there, aim_rate)[
                0
            ]
        )

    slope = (moved(1) - moved(-1)) / (2.0 * h)
    # Not across the places where a joint meets its end or roll sets in; nor over its rate.
    backward, forward = (np.array(joints) - moved(-1)) / h, (moved(1) - np.array(joints)) / h
    assume(np.abs(forward - backward).max() < 1e-3)
    assume(np.abs(slope).max() < GIMBAL.max_rate_rad_s)
    assert (rates.yaw_rad_s, rates.pitch_rad_s, rates.roll_rad_s) == pytest.approx(
        tuple(slope), abs=1e-5
    )


@given(vectors.filter(lambda v: v[2] < -0.75), vectors, st.floats(-1.0, 1.0), st.floats(-0.3, 0.3))
def test_with_roll_the_aim_is_met_and_the_image_moves_with_it(
    aim: Vec, motion: Vec, off: float, yaw_rate: float
) -> None:
    """The joint rates, by the Jacobian of the boresight, give the motion of the aim."""
    aim_rate = scale(0.015, cross(aim, motion))
    yaw = float(np.arctan2(aim[1], aim[0])) + off
    joints, rates = roll_and_pitch(GIMBAL, True, yaw, yaw_rate, aim, aim_rate)
    assume(abs(joints.roll_rad) < GIMBAL.roll_max_rad)
    axes = image_axes(joints)
    assert separation_rad(axes.boresight, aim) < 1e-12
    assume(abs(rates.pitch_rad_s) < GIMBAL.max_rate_rad_s)
    assume(abs(rates.roll_rad_s) < GIMBAL.max_rate_rad_s)
    jacobian = image_motion(joints)
    x = jacobian.x_per_yaw * rates.yaw_rad_s + jacobian.x_per_roll * rates.roll_rad_s
    y = rates.pitch_rad_s + jacobian.y_per_yaw * rates.yaw_rad_s
    assert (x, y) == pytest.approx((dot(aim_rate, axes.right), dot(aim_rate, axes.up)), abs=1e-12)


@given(vectors, st.floats(-pi, pi), st.sampled_from([1.5708, 1.7, 3.15]))
def test_no_other_pitch_is_nearer(aim: Vec, yaw: float, pitch_max: float) -> None:
    gimbal = GimbalRange(pitch_max_rad=pitch_max)
    joints, _ = roll_and_pitch(gimbal, False, yaw, 0.0, aim, (0.0, 0.0, 0.0))
    best = np.linalg.norm(subtract(image_axes(joints).boresight, aim))
    for pitch in np.linspace(gimbal.pitch_min_rad, pitch_max, 101).tolist():
        other = image_axes(joints._replace(pitch_rad=pitch)).boresight
        assert best <= np.linalg.norm(subtract(other, aim)) + 1e-12
