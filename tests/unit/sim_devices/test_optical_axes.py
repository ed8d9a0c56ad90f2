"""Image axes against scipy's rotations and the terminal's frame angle."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs
from scipy.spatial.transform import Rotation

from config.loader import load_scenario
from sim_devices.optical_axes import (
    NO_ERRORS,
    AxisErrors,
    across,
    axes,
    drawn_errors,
    frame_angle_rad,
)
from terminal.geometry.gimbal_frame import Joints, image_axes
from terminal.geometry.polarization_frame import frame_angle_rad as frame_angle_from_geometry

yaws, pitches, rolls = st.floats(-3.1, 3.1), st.floats(-1.5, 1.5), st.floats(-0.6, 0.6)
vectors = st.tuples(*[st.floats(-1.0, 1.0)] * 3).filter(lambda v: math.hypot(*v) > 0.1)


@settings(deadline=None)
@given(yaws, pitches, rolls)
def test_axes_are_forward_right_up_of_yaw_roll_pitch(yaw: float, pitch: float, roll: float) -> None:
    # Base axes forward, right, down: yaw about down, roll about forward, then pitch about right.
    turned = Rotation.from_euler("ZXY", [yaw, roll, pitch]).as_matrix()
    ahead, right, up = (np.array(v) for v in axes(yaw, pitch, roll))
    assert ahead == pytest.approx(turned[:, 0], abs=1e-15)
    assert right == pytest.approx(turned[:, 1], abs=1e-15)
    assert up == pytest.approx(-turned[:, 2], abs=1e-15)


@settings(deadline=None)
@given(yaws, pitches, rolls)
def test_axes_are_the_terminals(yaw: float, pitch: float, roll: float) -> None:
    ours, theirs = axes(yaw, pitch, roll), image_axes(Joints(yaw, pitch, roll))
    assert np.array(ours) == pytest.approx(np.array(theirs), abs=1e-15)


@settings(deadline=None)
@given(yaws, pitches, rolls, st.floats(-0.1, 0.1), st.floats(-0.1, 0.1))
def test_a_direction_is_found_where_it_was_put(
    yaw: float, pitch: float, roll: float, x: float, y: float
) -> None:
    ahead, right, up = (np.array(v) for v in axes(yaw, pitch, roll))
    direction = 3.0 * (ahead + math.tan(x) * right + math.tan(y) * up)
    assert across(tuple(direction), yaw, pitch, roll) == pytest.approx((x, y), abs=1e-14)


@settings(deadline=None)
@given(yaws, pitches, rolls, vectors)
def test_frame_angle_is_the_terminals(
    yaw: float, pitch: float, roll: float, reference: tuple[float, float, float]
) -> None:
    ahead, _, up = axes(yaw, pitch, roll)
    if np.linalg.norm(np.cross(ahead, reference)) < 1e-3:
        return
    # The terminal takes any right-handed frame; forward, right, down is one.
    expected = frame_angle_from_geometry(ahead, reference, up)
    ours = frame_angle_rad(reference, yaw, pitch, roll)
    assert math.sin(ours - expected) == pytest.approx(0.0, abs=1e-11)


def test_signs() -> None:
    # Level ahead: right is to the right, up is against down.
    assert axes(0.0, 0.0) == ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, -1.0))
    assert across((1.0, 0.01, 0.0), 0.0, 0.0)[0] > 0
    assert across((1.0, 0.0, -0.01), 0.0, 0.0)[1] > 0
    assert frame_angle_rad((0.0, 1.0, -1.0), 0.0, 0.0) == pytest.approx(math.pi / 4)
    # Rolled: the right side goes down, what was above stands to the left.
    assert axes(0.0, 0.0, 0.1)[1][2] > 0
    assert across((1.0, 0.0, -0.01), 0.0, 0.0, 0.5)[0] < 0
    assert frame_angle_rad((0.0, 1.0, 0.0), 0.0, 0.0, 0.5) == pytest.approx(0.5)


def elevation_rad(v: tuple[float, float, float]) -> float:
    return math.asin(-v[2])


def test_scaled_encoders_tell_less_than_the_joints_have_turned() -> None:
    errors = AxisErrors(yaw_scale=1e-3, pitch_scale=-2e-3)
    assert np.array(axes(2.0, 0.5, 0.1, errors)) == pytest.approx(
        np.array(axes(2.002, 0.499, 0.1)), abs=1e-15
    )


@settings(deadline=None)
@given(yaws, pitches)
def test_nonorthogonality_is_the_telescope_makers(yaw: float, pitch: float) -> None:
    """A pitch axis out of square by n moves the boresight sideways by n sin(E), to first order.

    The term NPAE of a telescope's pointing model (Wallace, TPOINT).
    """
    n = 1e-4
    x, y = across(axes(yaw, pitch, 0.0, AxisErrors(nonorthogonality_rad=n))[0], yaw, pitch)
    assert (x, y) == pytest.approx((n * math.sin(pitch), 0.0), abs=2 * n * n)


@settings(deadline=None)
@given(yaws, pitches, rolls)
def test_flexure_lowers_the_boresight_by_the_cosine(yaw: float, pitch: float, roll: float) -> None:
    """The term TF of a telescope's pointing model; straight down whatever the roll."""
    f = 1e-4
    true, bent = axes(yaw, pitch, roll), axes(yaw, pitch, roll, AxisErrors(flexure_rad=f))
    # Near the zenith the rate of the cosine takes part: second order over the cosine.
    e = elevation_rad(true[0])
    drop = e - elevation_rad(bent[0])
    assert drop == pytest.approx(f * math.cos(e), abs=f * f)
    azimuths = [math.atan2(v[1], v[0]) for v in (true[0], bent[0])]
    moved = math.remainder(azimuths[1] - azimuths[0], 2 * math.pi)
    assert moved * math.cos(e) == pytest.approx(0.0, abs=1e-15 / math.cos(e))
    assert np.array(bent) @ np.array(bent).T == pytest.approx(np.eye(3), abs=2 * f * f)


def test_each_error_has_its_own_stream_and_sigma() -> None:
    none = load_scenario("leo_haps_downlink").world.gimbal
    assert drawn_errors(none, 1) == NO_ERRORS
    fields = {
        "yaw_scale": "yaw_encoder_scale",
        "pitch_scale": "pitch_encoder_scale",
        "nonorthogonality_rad": "axes_nonorthogonality_rad",
        "flexure_rad": "flexure_rad",
    }
    full = structs.replace(none, **dict.fromkeys(fields.values(), 1e-3))
    drawn = np.array([drawn_errors(full, seed) for seed in range(400)])
    # 400 draws: mean within four standard errors, spread within 15 %, nothing in common.
    assert np.abs(drawn.mean(axis=0)).max() < 4e-3 / 20
    assert drawn.std(axis=0) == pytest.approx([1e-3] * 4, rel=0.15)
    assert np.abs(np.corrcoef(drawn.T) - np.eye(4)).max() < 0.2
    for name, field in fields.items():
        one = drawn_errors(structs.replace(none, **{field: 1e-3}), 7)
        assert one == NO_ERRORS._replace(**{name: getattr(drawn_errors(full, 7), name)})
