"""Points fixed to the body; scipy's rotations judge."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from terminal.geometry.body import arm_enu, course_rad, q_ecef_from_ned
from terminal.geometry.earth import enu_basis

rotations = st.tuples(*[st.floats(-1.8, 1.8)] * 3).map(Rotation.from_rotvec)
vectors = st.tuples(*[st.floats(-10.0, 10.0)] * 3)


def quaternion(rotation: Rotation) -> tuple[float, float, float, float]:
    w, x, y, z = rotation.as_quat(scalar_first=True).tolist()
    return w, x, y, z


@given(st.floats(-1.57, 1.57), st.floats(-3.2, 6.3))
def test_ned_axes_in_ecef(latitude: float, longitude: float) -> None:
    found = Rotation.from_quat(q_ecef_from_ned(latitude, longitude), scalar_first=True)
    east, north, up = enu_basis(latitude, longitude)
    np.testing.assert_allclose(found.as_matrix().T, [north, east, np.negative(up)], atol=1e-14)


def test_course_is_counted_from_north_through_east_and_stays_where_there_is_none() -> None:
    degrees = [math.degrees(course_rad(v, 9.0)) for v in ((1, 1, 5), (1, 0, 0), (0, -1, 0))]
    assert degrees == pytest.approx([45.0, 90.0, 180.0])
    assert course_rad((0.0, 0.0, 3.0), 0.25) == 0.25


@given(vectors, rotations, vectors)
def test_the_end_of_the_arm_moves_as_its_place_changes(
    arm: tuple[float, float, float], attitude: Rotation, rate: tuple[float, float, float]
) -> None:
    offset, velocity = arm_enu(arm, quaternion(attitude), rate)

    def ned(ahead_s: float) -> np.ndarray:
        return (attitude * Rotation.from_rotvec(np.array(rate) * ahead_s)).apply(arm)

    h = 1e-6
    moved = (ned(h) - ned(-h)) / (2.0 * h)
    ned_from_enu = np.array([[0.0, 1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, -1.0]])
    np.testing.assert_allclose(ned_from_enu @ offset, ned(0.0), atol=1e-12)
    np.testing.assert_allclose(ned_from_enu @ velocity, moved, atol=1e-6)
