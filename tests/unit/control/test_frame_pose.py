"""Motions between, before and after their samples."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from terminal.control.image.frame_pose import LONGEST_REACH_S, Motion

T_NS = 1_800_000_000 * 10**9
MS_NS = 1_000_000


def test_a_uniform_motion_is_followed_exactly() -> None:
    motion = Motion((0.0, 0.0, 0.0), angles=False)
    for k in range(3):
        motion.follow(T_NS + 20 * k * MS_NS, (0.02 * k, 1.0 - 0.1 * k, 5.0))
    for after_ms in (-30, 0, 7, 40, 60):
        k = after_ms / 20
        expected = (0.02 * k, 1.0 - 0.1 * k, 5.0)
        assert motion.at(T_NS + after_ms * MS_NS) == pytest.approx(expected, abs=1e-12)


def test_yaw_goes_the_short_way_round() -> None:
    motion = Motion((0.0, 0.0, 0.0), angles=True)
    motion.follow(T_NS, (3.13, 0.5, 0.0))
    motion.follow(T_NS + 20 * MS_NS, (-3.13, 0.5, 0.0))
    yaw = motion.at(T_NS + 10 * MS_NS)[0]
    assert math.cos(yaw) == pytest.approx(-1.0, abs=1e-9)


def test_the_same_sample_again_changes_nothing() -> None:
    motion = Motion((0.0, 0.0, 0.0), angles=False)
    motion.follow(T_NS, (1.0, 0.0, 0.0))
    motion.follow(T_NS + 10 * MS_NS, (2.0, 0.0, 0.0))
    for _ in range(3):
        motion.follow(T_NS + 10 * MS_NS, (2.0, 0.0, 0.0))
    assert motion.at(T_NS + 20 * MS_NS)[0] == pytest.approx(3.0)
    assert motion.newest == (2.0, 0.0, 0.0)


def test_before_the_first_sample_it_stands() -> None:
    assert Motion((1.0, 2.0, 3.0), angles=True).at(T_NS) == (1.0, 2.0, 3.0)


@given(st.integers(-(2**63), 2**63 - 1))
def test_no_stamp_leads_far(t_ns: int) -> None:
    motion = Motion((0.0, 0.0, 0.0), angles=False)
    motion.follow(T_NS, (0.0, 0.0, 0.0))
    motion.follow(T_NS + 10 * MS_NS, (0.01, 0.0, 0.0))
    assert abs(motion.at(t_ns)[0] - 0.005) <= 0.005 + LONGEST_REACH_S + 1e-9
