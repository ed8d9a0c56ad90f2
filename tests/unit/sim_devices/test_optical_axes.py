"""Image axes against scipy's rotations and the terminal's frame angle."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from sim_devices.optical_axes import across, axes, frame_angle_rad
from terminal.geometry.polarization_frame import frame_angle_rad as frame_angle_from_geometry

yaws, pitches = st.floats(-3.1, 3.1), st.floats(-1.5, 1.5)
vectors = st.tuples(*[st.floats(-1.0, 1.0)] * 3).filter(lambda v: math.hypot(*v) > 0.1)


@settings(deadline=None)
@given(yaws, pitches)
def test_axes_are_forward_right_up_of_yaw_then_pitch(yaw: float, pitch: float) -> None:
    # Base axes forward, right, down: yaw about down, then pitch about right.
    turned = Rotation.from_euler("ZY", [yaw, pitch]).as_matrix()
    ahead, right, up = (np.array(v) for v in axes(yaw, pitch))
    assert ahead == pytest.approx(turned[:, 0], abs=1e-15)
    assert right == pytest.approx(turned[:, 1], abs=1e-15)
    assert up == pytest.approx(-turned[:, 2], abs=1e-15)


@settings(deadline=None)
@given(yaws, pitches, st.floats(-0.1, 0.1), st.floats(-0.1, 0.1))
def test_a_direction_is_found_where_it_was_put(
    yaw: float, pitch: float, x: float, y: float
) -> None:
    ahead, right, up = (np.array(v) for v in axes(yaw, pitch))
    direction = 3.0 * (ahead + math.tan(x) * right + math.tan(y) * up)
    assert across(tuple(direction), yaw, pitch) == pytest.approx((x, y), abs=1e-14)


@settings(deadline=None)
@given(yaws, pitches, vectors)
def test_frame_angle_is_the_terminals(
    yaw: float, pitch: float, reference: tuple[float, float, float]
) -> None:
    ahead, _, up = axes(yaw, pitch)
    if np.linalg.norm(np.cross(ahead, reference)) < 1e-3:
        return
    # The terminal takes any right-handed frame; forward, right, down is one.
    expected = frame_angle_from_geometry(ahead, reference, up)
    ours = frame_angle_rad(reference, yaw, pitch)
    assert math.sin(ours - expected) == pytest.approx(0.0, abs=1e-11)


def test_signs() -> None:
    # Level ahead: right is to the right, up is against down.
    assert axes(0.0, 0.0) == ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, -1.0))
    assert across((1.0, 0.01, 0.0), 0.0, 0.0)[0] > 0
    assert across((1.0, 0.0, -0.01), 0.0, 0.0)[1] > 0
    assert frame_angle_rad((0.0, 1.0, -1.0), 0.0, 0.0) == pytest.approx(math.pi / 4)
