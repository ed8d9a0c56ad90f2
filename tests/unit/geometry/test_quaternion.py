"""Quaternions against scipy's Rotation, and the laws of rotations."""

from math import pi, sqrt

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from terminal.geometry.quaternion import (
    Quaternion,
    conjugate,
    from_rotation_vector,
    multiply,
    normalise,
    rotate,
    to_rotation_vector,
)

vectors = st.tuples(*[st.floats(-100.0, 100.0)] * 3)
rotation_vectors = st.tuples(*[st.floats(-2.0, 2.0)] * 3)
quaternions = rotation_vectors.map(from_rotation_vector)


def rotation(q: Quaternion) -> Rotation:
    return Rotation.from_quat(q, scalar_first=True)


def same_rotation(q: Quaternion, r: Quaternion) -> None:
    assert (rotation(q).inv() * rotation(r)).magnitude() < 1e-13


@given(quaternions, quaternions, vectors)
def test_product_and_rotation_are_those_of_scipy(
    q: Quaternion, r: Quaternion, v: tuple[float, float, float]
) -> None:
    assert rotate(q, v) == pytest.approx(rotation(q).apply(v), abs=1e-12)
    assert rotate(multiply(q, r), v) == pytest.approx(rotate(q, rotate(r, v)), abs=1e-12)
    assert rotate(conjugate(q), rotate(q, v)) == pytest.approx(v, abs=1e-12)


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


@pytest.mark.parametrize(
    "bad", [(0.0, 0.0, 0.0, 0.0), (float("nan"), 0, 0, 1), (1e308, 1e308, 0, 0)]
)
def test_what_is_no_rotation_is_refused(bad: Quaternion) -> None:
    with pytest.raises(ValueError, match="no rotation"):
        normalise(bad)


def test_normalise() -> None:
    assert normalise((0.0, 0.0, 3.0, 4.0)) == pytest.approx((0.0, 0.0, 0.6, 0.8))
