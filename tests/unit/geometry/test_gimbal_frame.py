"""Joints and image axes against rotation matrices and finite differences."""

import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from terminal.geometry.gimbal_frame import Joints, image_axes, image_motion, joints_toward
from terminal.geometry.vector import dot

yaws = st.floats(-7.0, 7.0)
pitches = st.floats(-1.6, 3.2)
rolls = st.floats(-0.6, 0.6)


@given(yaws, pitches, rolls)
def test_image_axes_are_the_turned_base(yaw: float, pitch: float, roll: float) -> None:
    """Against scipy: intrinsic z-x-y rotations of forward, right, down."""
    turned = Rotation.from_euler("ZXY", [yaw, roll, pitch]).as_matrix()
    axes = image_axes(Joints(yaw, pitch, roll))
    assert axes.boresight == pytest.approx(turned[:, 0], abs=1e-12)
    assert axes.right == pytest.approx(turned[:, 1], abs=1e-12)
    assert axes.up == pytest.approx(-turned[:, 2], abs=1e-12)


@given(yaws, pitches, rolls)
def test_image_motion_is_the_derivative(yaw: float, pitch: float, roll: float) -> None:
    joints, step = Joints(yaw, pitch, roll), 1e-6
    axes, motion = image_axes(joints), image_motion(joints)

    def moved(**change: float) -> tuple[float, float]:
        there = image_axes(joints._replace(**change)).boresight
        return dot(there, axes.right) / step, dot(there, axes.up) / step

    assert moved(yaw_rad=yaw + step) == pytest.approx(
        (motion.x_per_yaw, motion.y_per_yaw), abs=1e-5
    )
    assert moved(pitch_rad=pitch + step) == pytest.approx((0.0, 1.0), abs=1e-5)
    assert moved(roll_rad=roll + step) == pytest.approx((motion.x_per_roll, 0.0), abs=1e-5)


@given(st.floats(-math.pi, math.pi), st.floats(-1.5, 1.5), rolls)
def test_joints_toward_look_there(azimuth: float, elevation: float, roll: float) -> None:
    assume(abs(math.sin(elevation)) < 0.999 * math.cos(roll))
    direction = (
        math.cos(elevation) * math.cos(azimuth),
        math.cos(elevation) * math.sin(azimuth),
        -math.sin(elevation),
    )
    joints = joints_toward(direction, roll)
    assert joints.roll_rad == roll
    assert abs(joints.pitch_rad) <= math.pi / 2
    assert image_axes(joints).boresight == pytest.approx(direction, abs=1e-9)


def test_out_of_reach_of_a_roll_is_met_at_the_nearest_pitch() -> None:
    joints = joints_toward((0.0, 0.0, -1.0), 0.3)
    assert np.isclose(joints.pitch_rad, math.pi / 2)
