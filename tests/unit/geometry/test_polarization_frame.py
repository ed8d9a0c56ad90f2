"""The frame angle from first principles, and its symmetries."""

from math import cos, degrees, pi, radians, remainder, sin

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from terminal.geometry.earth import inertial_velocity
from terminal.geometry.ephemeris import SatelliteEphemeris
from terminal.geometry.polarization_frame import (
    frame_angle_rad,
    orbit_normal_ecef,
    vertical_ecef,
)
from terminal.geometry.quaternion import from_rotation_vector, rotate
from terminal.geometry.time_scales import SECOND_NS
from terminal.geometry.tle import Tle
from terminal.geometry.vector import Vec, add, dot, norm, scale, unit

NORTH, EAST, UP = (0.0, 1.0, 0.0), (1.0, 0.0, 0.0), (0.0, 0.0, 1.0)
directions = st.tuples(*[st.floats(-1.0, 1.0)] * 3).filter(lambda v: norm(v) > 0.1).map(unit)
rotations = st.tuples(*[st.floats(-2.0, 2.0)] * 3).map(from_rotation_vector)


def half_turns_apart(a: float, b: float) -> float:
    return abs(remainder(a - b, pi))


def test_looking_north_east_is_right() -> None:
    assert frame_angle_rad(NORTH, EAST, UP) == 0.0
    assert frame_angle_rad(NORTH, UP, UP) == pytest.approx(pi / 2)
    assert frame_angle_rad(NORTH, (0.0, 0.0, -1.0), UP) == pytest.approx(pi / 2)
    half = 0.5**0.5
    assert frame_angle_rad(NORTH, (half, 0.0, half), UP) == pytest.approx(pi / 4)
    assert frame_angle_rad(NORTH, (-half, 0.0, half), UP) == pytest.approx(-pi / 4)
    # Looking south, east is on the left.
    assert frame_angle_rad((0.0, -1.0, 0.0), (half, 0.0, half), UP) == pytest.approx(-pi / 4)


@given(st.floats(-1.5, 1.5), st.floats(-1.5, 1.5), st.floats(-3.0, 3.0), st.floats(-3.0, 3.0))
def test_only_what_lies_across_the_line_of_sight_counts(
    psi: float, roll: float, along_reference: float, along_up: float
) -> None:
    """Sender's axis at psi, analyser rolled: the angle is the difference, whatever lies along."""
    reference = add((cos(psi), 0.0, sin(psi)), scale(along_reference, NORTH))
    up = add((-sin(roll), 0.0, cos(roll)), scale(along_up, NORTH))
    found = frame_angle_rad(NORTH, unit(reference), unit(up))
    assert half_turns_apart(found, psi - roll) < 1e-12


@given(directions, directions, directions, rotations)
def test_axes_have_no_sign_and_space_no_preference(
    los: Vec, reference: Vec, up: Vec, rotation: tuple[float, float, float, float]
) -> None:
    assume(abs(dot(los, reference)) < 0.999 and abs(dot(los, up)) < 0.999)
    angle = frame_angle_rad(los, reference, up)
    assert -pi / 2 < angle <= pi / 2
    for other in (
        frame_angle_rad(los, scale(-1.0, reference), up),
        frame_angle_rad(los, reference, scale(-1.0, up)),
        frame_angle_rad(*(rotate(rotation, v) for v in (los, reference, up))),
    ):
        assert half_turns_apart(other, angle) < 1e-12
    # In a mirror the angle has the other sign.
    mirrored = [(-x, y, z) for x, y, z in (los, reference, up)]
    assert half_turns_apart(frame_angle_rad(*mirrored), -angle) < 1e-12


def test_no_angle_along_the_line_of_sight() -> None:
    with pytest.raises(ValueError, match="no frame angle"):
        frame_angle_rad(UP, UP, NORTH)
    with pytest.raises(ValueError, match="no frame angle"):
        frame_angle_rad(UP, NORTH, UP)


def test_orbit_normal_has_the_inclination(micius: Tle) -> None:
    ephemeris = SatelliteEphemeris(micius, 0.0, 1.0)
    for minutes in range(0, 100, 10):
        state = ephemeris.state_ecef(micius.epoch_tai_ns + minutes * 60 * SECOND_NS)
        normal = orbit_normal_ecef(*state)
        assert norm(normal) == pytest.approx(1.0)
        assert dot(normal, unit(state[0])) == pytest.approx(0.0, abs=1e-14)
        assert dot(normal, unit(inertial_velocity(*state))) == pytest.approx(0.0, abs=1e-14)
        # Short-period terms of J2 move the plane by 0.02 degrees about the mean elements.
        assert degrees(np.arccos(normal[2])) == pytest.approx(97.3699, abs=0.02)


def test_vertical_is_the_normal_of_the_ellipsoid() -> None:
    assert vertical_ecef((7e6, 0.0, 0.0)) == (1.0, 0.0, 0.0)
    assert vertical_ecef((0.0, 0.0, -7e6)) == pytest.approx((0.0, 0.0, -1.0))
    x, _, z = vertical_ecef((4.5e6, 0.0, 4.5e6))
    # Geodetic latitude exceeds the geocentric by up to 0.19 degrees at 45.
    assert degrees(np.arctan2(z, x)) == pytest.approx(45.19, abs=0.01)
    assert radians(45.0) < np.arctan2(z, x)
