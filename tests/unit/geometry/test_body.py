"""Interpolated navigation and points fixed to the body; scipy's rotations judge."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation, Slerp

from terminal.geometry.body import KEPT_FIXES, Fix, NavigationTrack, arm_enu, q_ecef_from_ned
from terminal.geometry.earth import enu_basis

T0_NS = 1_700_000_000_000_000_000
rotations = st.tuples(*[st.floats(-1.8, 1.8)] * 3).map(Rotation.from_rotvec)
vectors = st.tuples(*[st.floats(-10.0, 10.0)] * 3)


def quaternion(rotation: Rotation) -> tuple[float, float, float, float]:
    w, x, y, z = rotation.as_quat(scalar_first=True).tolist()
    return w, x, y, z


def fix_at(seconds: float, attitude: Rotation, **changes: float) -> Fix:
    fix = Fix(
        T0_NS + round(seconds * 1e9), 0.6, 2.0, 900.0, (1.0, 2.0, 3.0), quaternion(attitude), 1e-3,
        2.0,
    )  # fmt: skip
    return fix._replace(**changes)


@given(rotations, rotations, st.floats(0.0, 1.0))
def test_attitude_between_two_fixes(before: Rotation, turn: Rotation, fraction: float) -> None:
    track = NavigationTrack().add(fix_at(0.0, before)).add(fix_at(1.0, before * turn))
    found = track.at(T0_NS + round(fraction * 1e9)).q_ned_from_body
    expected = Slerp([0.0, 1.0], Rotation.concatenate([before, before * turn]))(fraction)
    assert (expected.inv() * Rotation.from_quat(found, scalar_first=True)).magnitude() < 1e-7


def test_position_and_velocity_lie_on_a_line_and_sigmas_are_the_larger() -> None:
    level = Rotation.identity()
    a = fix_at(0.0, level)
    b = fix_at(
        0.5, level, latitude_rad=0.602, longitude_rad=2.001, altitude_m=1000.0,
        velocity_ned_m_s=(3.0, 0.0, -1.0), attitude_sigma_rad=5e-4, position_sigma_m=9.0,
    )  # fmt: skip
    found = NavigationTrack((a, b)).at(T0_NS + 125_000_000)
    assert found[1:4] == pytest.approx((0.6005, 2.00025, 925.0), abs=1e-12)
    assert found.velocity_ned_m_s == pytest.approx((1.5, 1.5, 2.0))
    assert (found.attitude_sigma_rad, found.position_sigma_m) == (1e-3, 9.0)
    assert NavigationTrack((a, b)).at(a.t_ns) == a
    assert NavigationTrack((a, b)).at(b.t_ns) == b


def test_the_date_line_is_no_way_round_the_earth() -> None:
    level = Rotation.identity()
    a = fix_at(0.0, level, longitude_rad=math.pi - 1e-6)
    b = fix_at(1.0, level, longitude_rad=3e-6 - math.pi)
    found = NavigationTrack((a, b)).at(T0_NS + 500_000_000)
    assert math.remainder(found.longitude_rad - (math.pi + 1e-6), 2 * math.pi) == pytest.approx(0.0)


def test_the_future_and_the_far_past_are_not_known() -> None:
    track = NavigationTrack()
    with pytest.raises(ValueError, match="no navigation fixes"):
        track.at(T0_NS)
    for k in range(KEPT_FIXES + 10):
        track = track.add(fix_at(0.02 * k, Rotation.identity()))
    assert len(track.fixes) == KEPT_FIXES
    oldest, newest = track.fixes[0].t_ns, track.fixes[-1].t_ns
    assert oldest == T0_NS + 200_000_000
    for t_ns in (oldest - 1, newest + 1):
        with pytest.raises(ValueError, match="no navigation fixes"):
            track.at(t_ns)
    assert track.at(newest).t_ns == newest


@given(st.floats(-1.57, 1.57), st.floats(-3.2, 6.3))
def test_ned_axes_in_ecef(latitude: float, longitude: float) -> None:
    found = Rotation.from_quat(q_ecef_from_ned(latitude, longitude), scalar_first=True)
    east, north, up = enu_basis(latitude, longitude)
    np.testing.assert_allclose(found.as_matrix().T, [north, east, np.negative(up)], atol=1e-14)


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
