"""Quaternions against scipy's Rotation, and the laws of rotations."""

from math import pi, radians, sqrt

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from terminal.geometry.quaternion import (
    Quaternion,
    conjugate,
    from_rotation_vector,
    from_yaw_pitch_roll,
    multiply,
    normalise,
    rotate,
    slerp,
    to_matrix,
    to_rotation_vector,
    to_yaw_pitch_roll,
)

vectors = st.tuples(*[st.floats(-100.0, 100.0)] * 3)
rotation_vectors = st.tuples(*[st.floats(-2.0, 2.0)] * 3)
quaternions = rotation_vectors.map(from_rotation_vector)


def rotation(q: Quaternion) -> Rotation:
    return Rotation.from_quat(q, scalar_first=True)


def same_rotation(q: Quaternion, r: Quaternion) -> None:
    assert abs(np.dot(q, r)) == pytest.approx(1.0, abs=1e-14)
    assert np.array(to_matrix(q)) == pytest.approx(np.array(to_matrix(r)), abs=1e-14)


@given(quaternions, quaternions, vectors)
def test_product_and_rotation_are_those_of_scipy(
    q: Quaternion, r: Quaternion, v: tuple[float, float, float]
) -> None:
    assert rotate(q, v) == pytest.approx(rotation(q).apply(v), abs=1e-12)
    assert rotate(multiply(q, r), v) == pytest.approx(rotate(q, rotate(r, v)), abs=1e-12)
    assert rotate(conjugate(q), rotate(q, v)) == pytest.approx(v, abs=1e-12)
    assert np.array(to_matrix(q)) == pytest.approx(rotation(q).as_matrix(), abs=1e-15)


def test_a_quarter_turn_about_z_takes_x_to_y() -> None:
    quarter = from_rotation_vector((0.0, 0.0, pi / 2))
    assert quarter == pytest.approx((sqrt(0.5), 0, 0, sqrt(0.5)))
    assert rotate(quarter, (1.0, 0.0, 0.0)) == pytest.approx((0.0, 1.0, 0.0))


@given(rotation_vectors)
def test_rotation_vector_is_that_of_scipy_and_comes_back(v: tuple[float, float, float]) -> None:
    same_rotation(
        from_rotation_vector(v), tuple(Rotation.from_rotvec(v).as_quat(scalar_first=True))
    )
    assume(np.linalg.norm(v) < pi - 1e-6)
    assert to_rotation_vector(from_rotation_vector(v)) == pytest.approx(v, rel=1e-9, abs=1e-14)


def test_half_turn_and_no_turn() -> None:
    assert to_rotation_vector((1.0, 0.0, 0.0, 0.0)) == (0.0, 0.0, 0.0)
    assert to_rotation_vector((-1.0, 0.0, 0.0, 0.0)) == (0.0, 0.0, 0.0)
    assert to_rotation_vector((0.0, 0.0, 1.0, 0.0)) == pytest.approx((0.0, pi, 0.0))


@given(st.floats(-pi, pi), st.floats(-pi / 2, pi / 2), st.floats(-pi, pi))
def test_angles_are_those_of_scipy_and_come_back(yaw: float, pitch: float, roll: float) -> None:
    q = from_yaw_pitch_roll(yaw, pitch, roll)
    expected = Rotation.from_euler("ZYX", [yaw, pitch, roll])
    assert np.array(to_matrix(q)) == pytest.approx(expected.as_matrix(), abs=1e-14)
    angles = to_yaw_pitch_roll(q)
    # Within 1e-6 of the vertical, yaw and roll are lost to rounding one by one, never together.
    same = Rotation.from_euler("ZYX", angles).as_matrix()
    assert same == pytest.approx(expected.as_matrix(), abs=1e-9)
    if abs(pitch) < pi / 2 - 1e-3 and abs(yaw) < pi - 1e-9 and abs(roll) < pi - 1e-9:
        assert angles == pytest.approx((yaw, pitch, roll), abs=1e-9)


@pytest.mark.parametrize("pitch", [pi / 2, -pi / 2])
def test_nose_up_or_down_gives_all_turning_to_yaw(pitch: float) -> None:
    yaw, found_pitch, roll = to_yaw_pitch_roll(from_yaw_pitch_roll(0.7, pitch, 0.2))
    assert (found_pitch, roll) == pytest.approx((pitch, 0.0))
    assert yaw == pytest.approx(0.5 if pitch > 0 else 0.9)


def test_heading_east_nose_up_right_wing_down() -> None:
    """North-east-down axes; the body's x is forward, y to the right, z down."""
    east = from_yaw_pitch_roll(radians(90), 0.0, 0.0)
    assert rotate(east, (1.0, 0.0, 0.0)) == pytest.approx((0.0, 1.0, 0.0))
    climbing = from_yaw_pitch_roll(0.0, radians(30), 0.0)
    assert rotate(climbing, (1.0, 0.0, 0.0)) == pytest.approx((sqrt(0.75), 0.0, -0.5))
    banked = from_yaw_pitch_roll(0.0, 0.0, radians(30))
    assert rotate(banked, (0.0, 1.0, 0.0)) == pytest.approx((0.0, sqrt(0.75), 0.5))


@given(quaternions, rotation_vectors, st.floats(0.0, 1.0), st.booleans())
def test_slerp_turns_at_a_constant_rate(
    q: Quaternion, turn: tuple[float, float, float], fraction: float, other_sign: bool
) -> None:
    assume(np.linalg.norm(turn) < pi - 1e-3)
    r = multiply(from_rotation_vector(turn), q)
    if other_sign:
        r = (-r[0], -r[1], -r[2], -r[3])
    x, y, z = turn
    expected = multiply(from_rotation_vector((fraction * x, fraction * y, fraction * z)), q)
    found = slerp(q, r, fraction)
    assert np.array(to_matrix(found)) == pytest.approx(np.array(to_matrix(expected)), abs=1e-11)


@pytest.mark.parametrize(
    "bad", [(0.0, 0.0, 0.0, 0.0), (float("nan"), 0, 0, 1), (1e308, 1e308, 0, 0)]
)
def test_what_is_no_rotation_is_refused(bad: Quaternion) -> None:
    with pytest.raises(ValueError, match="no rotation"):
        normalise(bad)


def test_normalise() -> None:
    assert normalise((0.0, 0.0, 3.0, 4.0)) == pytest.approx((0.0, 0.0, 0.6, 0.8))
