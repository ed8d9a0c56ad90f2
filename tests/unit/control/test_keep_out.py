"""Circles on the sky that are not entered: closed forms and properties over random directions."""

from math import cos, pi, radians, sin

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from config.terminal import GimbalRange, KeepOut
from terminal.control.guidance.keep_out import (
    KeepOutZone,
    avoid,
    pitch_outside,
    separation_rad,
    toward,
    zones,
)
from terminal.geometry.gimbal_frame import Joints, image_axes
from terminal.geometry.vector import Vec, unit

X, Y, Z = (1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0)
RADIUS_RAD = 0.087
ROUNDING_RAD = 1e-8

parts = st.floats(-1.0, 1.0)
directions = st.tuples(parts, parts, parts).filter(lambda v: np.linalg.norm(v) > 0.1).map(unit)
radii = st.floats(0.001, 0.5)


def at(polar_rad: float, bearing_rad: float) -> Vec:
    """A direction so far from x, at a bearing about it."""
    return (
        cos(polar_rad),
        sin(polar_rad) * cos(bearing_rad),
        sin(polar_rad) * sin(bearing_rad),
    )


def test_zones_by_hand() -> None:
    keep_out = KeepOut(sun_rad=0.26, sun_avoid_rad=0.087, moon_rad=0.01)
    assert zones(keep_out, at(0.27, 1.0), X, Z) == KeepOutZone(0)
    assert zones(keep_out, at(0.25, 1.0), X, Z) == KeepOutZone.SUN
    assert zones(keep_out, at(0.08, 1.0), X, Z) == KeepOutZone.SUN | KeepOutZone.SUN_AVOID
    assert zones(keep_out, at(0.009, 2.0), Z, X) == KeepOutZone.MOON
    assert zones(keep_out, at(0.011, 2.0), Z, X) == KeepOutZone(0)


@given(directions, directions)
def test_separation_is_numpys_angle(a: Vec, b: Vec) -> None:
    # arccos loses half the digits near 0 and pi.
    assert separation_rad(a, b) == pytest.approx(
        np.arccos(np.clip(np.dot(a, b), -1.0, 1.0)), abs=1e-7
    )


@given(st.floats(0.0, pi), st.floats(-pi, pi), radii)
def test_avoid_goes_straight_out(polar: float, bearing: float, radius: float) -> None:
    direction = at(polar, bearing)
    sent = avoid(direction, X, radius)
    if polar >= radius + ROUNDING_RAD:
        assert sent == direction
        return
    assert separation_rad(sent, X) == pytest.approx(max(polar, radius), abs=ROUNDING_RAD)
    # The nearest point of a circle is on the same bearing.
    assert separation_rad(sent, direction) == pytest.approx(max(0.0, radius - polar), abs=1e-7)


@settings(deadline=None)
@given(directions, directions, directions, radii, st.floats(0.001, 0.1))
def test_the_way_keeps_its_distance_and_arrives(
    start: Vec, goal: Vec, sun: Vec, radius: float, step: float
) -> None:
    at_goal, place, before = avoid(goal, sun, radius), avoid(start, sun, radius), start
    walked = 0.0
    for _ in range(int(3.0 * pi / step) + 5):
        before, place = place, toward(place, goal, sun, radius, step)
        assert separation_rad(place, sun) >= radius - ROUNDING_RAD
        assert separation_rad(before, place) <= step + ROUNDING_RAD
        walked += separation_rad(before, place)
        if separation_rad(place, at_goal) < ROUNDING_RAD:
            break
    assert separation_rad(place, at_goal) < ROUNDING_RAD
    # Never longer than half round the Sun and the straight way after that.
    assert walked <= 2.0 * pi


def test_round_the_sun_by_the_shorter_side() -> None:
    """From one side of the disc to the other, a little above its centre: over the top."""
    place, goal = at(0.2, 0.0), at(0.2, radians(170.0))
    highest, walked = 0.0, 0.0
    while separation_rad(place, goal) > 1e-9:
        before, place = place, toward(place, goal, X, RADIUS_RAD, 0.01)
        highest = max(highest, place[2])
        walked += separation_rad(before, place)
    assert highest >= sin(RADIUS_RAD) * 0.9
    # Shortest: tangent, rim, tangent. Longest: round at the distance of the start.
    tangent = np.arccos(cos(0.2) / cos(RADIUS_RAD))
    rim = (radians(170.0) - 2.0 * np.arccos(np.tan(RADIUS_RAD) / np.tan(0.2))) * sin(RADIUS_RAD)
    assert 2.0 * tangent + rim <= walked <= sin(0.2) * radians(170.0)


def test_a_partner_that_crosses_the_disc_is_left_and_met_again() -> None:
    """Through the very centre: along the rim by half a turn, at the pace of the gimbal."""
    place, worst = at(0.2, pi), 0.0
    for k in range(401):
        partner = at(abs(0.2 - 0.001 * k), pi if k < 200 else 0.0)
        before, place = place, toward(place, partner, X, RADIUS_RAD, 0.01)
        assert separation_rad(place, X) >= RADIUS_RAD - ROUNDING_RAD
        assert separation_rad(before, place) <= 0.01 + ROUNDING_RAD
        worst = max(worst, separation_rad(place, partner))
    assert place == partner
    # The centre is a radius away from all of the rim, and half the rim is walked in 27 ticks.
    assert RADIUS_RAD - 1e-3 <= worst <= RADIUS_RAD + 0.028


@given(
    st.floats(-3.0, 3.0), st.floats(-0.8, 1.57), st.floats(-0.5, 0.5), directions, st.floats(0, 0.3)
)
def test_pitch_outside(yaw: float, pitch: float, roll: float, sun: Vec, radius: float) -> None:
    gimbal, joints = GimbalRange(), Joints(yaw, pitch, roll)
    changed = pitch_outside(joints, gimbal, sun, radius)
    assert gimbal.pitch_min_rad <= changed <= gimbal.pitch_max_rad
    sent = image_axes(joints._replace(pitch_rad=changed)).boresight
    assert separation_rad(sent, sun) >= radius - 1e-6
    if separation_rad(image_axes(joints).boresight, sun) > radius + 1e-6:
        assert changed == pitch
