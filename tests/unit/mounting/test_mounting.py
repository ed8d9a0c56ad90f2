"""The mounting model against rotation matrices, against TPOINT's formulae, and against itself."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mounting_truth import sensor_axes, vec

from terminal.control.mounting.model import MountingModel, MountingParameters, up_in_base
from terminal.geometry.gimbal_frame import Joints, image_axes
from terminal.geometry.vector import dot, norm, subtract

mrad = st.floats(-10e-3, 10e-3)
parameters = st.builds(
    MountingParameters, mrad, mrad, mrad, mrad, *[st.floats(-3e-3, 3e-3)] * 2, mrad, mrad,
    st.floats(-1e-3, 1e-3),
)  # fmt: skip
joints = st.builds(Joints, st.floats(-6.5, 6.5), st.floats(-0.8, 1.5), st.floats(-0.3, 0.3))
ups = st.tuples(st.floats(-0.3, 0.3), st.floats(-0.3, 0.3)).map(
    lambda xy: vec(np.array([*xy, -1.0]) / math.hypot(*xy, 1.0))
)


@settings(max_examples=100, deadline=None)
@given(parameters, joints, ups)
def test_axes_against_rotation_matrices(p: MountingParameters, j: Joints, up: tuple) -> None:
    expected = sensor_axes(p, j, np.array(up))
    np.testing.assert_allclose(np.array(MountingModel(p).axes(j, up)).T, expected, atol=1e-14)


@settings(max_examples=100, deadline=None)
@given(parameters, joints, ups, st.floats(-0.01, 0.01), st.floats(-0.01, 0.01))
def test_what_is_predicted_stands_there_in_the_image(
    p: MountingParameters, j: Joints, up: tuple, x: float, y: float
) -> None:
    model = MountingModel(p)
    direction = model.predict(j, x, y, up)
    assert norm(direction) == pytest.approx(1.0, abs=1e-15)
    assert model.image(j, direction, up) == pytest.approx((x, y), abs=1e-15)


@settings(max_examples=200, deadline=None)
@given(parameters, joints, ups, st.floats(-0.01, 0.01))
def test_corrected_joints_look_there(
    p: MountingParameters, j: Joints, up: tuple, beside: float
) -> None:
    model = MountingModel(p)
    direction = model.predict(j, up_base=up)
    near = j._replace(yaw_rad=j.yaw_rad + beside)
    found = model.correct(direction, near, up)
    # The flexure's cube is all that the closed form leaves out.
    assert norm(subtract(model.predict(found, up_base=up), direction)) < 1e-9
    assert found.roll_rad == j.roll_rad
    if j.pitch_rad < 1.4:
        # The same joints too: yaw by the turn, since its scale counts from its zero.
        assert norm(subtract(found, j)) < 1e-7


def test_over_the_shoulder_and_over_whole_turns() -> None:
    p = MountingParameters(1e-3, -2e-3, 3e-3, 2e-3, 1e-3, -1e-3, 5e-4, 1e-3, 4e-4)
    model = MountingModel(p)
    for j in (Joints(0.3, 2.2), Joints(6.4, 0.5), Joints(-6.4, 1.9, 0.2)):
        found = model.correct(model.predict(j), near=j)
        assert found == pytest.approx(j, abs=1e-8)


def test_a_perfect_mounting_is_the_plain_gimbal() -> None:
    j = Joints(1.0, 0.6, 0.1)
    model = MountingModel(MountingParameters())
    for mine, plain in zip(model.axes(j), image_axes(j), strict=True):
        assert mine == pytest.approx(plain, abs=1e-15)
    assert model.correct(image_axes(j).boresight, near=j) == pytest.approx(j, abs=1e-14)


def test_out_of_reach_beside_the_yaw_axis_gives_the_nearest_pitch() -> None:
    model = MountingModel(MountingParameters(collimation_rad=5e-3))
    found = model.correct((0.0, 0.0, -1.0))
    assert found.pitch_rad == pytest.approx(math.pi / 2, abs=1e-7)
    miss = math.acos(dot(model.predict(found), (0.0, 0.0, -1.0)))
    assert miss == pytest.approx(5e-3, abs=1e-6)


@pytest.mark.parametrize(
    ("term", "by_formula"),
    [
        ("rotation_x_rad", lambda a, e: (math.cos(a) * math.sin(e), -math.sin(a))),
        ("rotation_y_rad", lambda a, e: (math.sin(a) * math.sin(e), math.cos(a))),
        ("rotation_z_rad", lambda a, e: (math.cos(e), 0.0)),
        ("pitch_index_rad", lambda a, e: (0.0, 1.0)),
        ("yaw_scale", lambda a, e: (a * math.cos(e), 0.0)),
        ("pitch_scale", lambda a, e: (0.0, e)),
        ("non_orthogonality_rad", lambda a, e: (math.sin(e), 0.0)),
        ("collimation_rad", lambda a, e: (1.0, 0.0)),
        ("flexure_rad", lambda a, e: (0.0, -math.cos(e))),
    ],
)
@pytest.mark.parametrize("azimuth", [-2.0, 0.1, 3.0])
@pytest.mark.parametrize("elevation", [0.2, 0.9, 1.4])
def test_first_order_is_the_telescope_makers_term(
    term: str, by_formula: object, azimuth: float, elevation: float
) -> None:
    """How the boresight moves on the sky: AW, AN, IA, IE, NPAE, CA and TF of TPOINT, by magnitude;
    signs by drawing (x right, y up; azimuth from forward to the right)."""
    small = 1e-6
    j = Joints(azimuth, elevation)
    model = MountingModel(MountingParameters(**{term: small}))
    moved = subtract(model.axes(j).boresight, image_axes(j).boresight)
    _, right, up = image_axes(j)
    on_sky = dot(moved, right) / small, dot(moved, up) / small
    assert on_sky == pytest.approx(by_formula(azimuth, elevation), abs=1e-5)


def test_up_in_the_base_is_the_geodetic_vertical() -> None:
    up = up_in_base((1.0, 0.0, 0.0, 0.0), math.radians(30.0), math.radians(90.0))
    assert up == pytest.approx((0.0, math.sqrt(0.75), 0.5), abs=1e-15)
