"""Where the plate is sent: equivalents, limits of travel, and the branch for a whole pass."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.polarization import Plate
from terminal.control.plate_target import (
    QUARTER,
    Course,
    choose_branch,
    lead_s,
    rate_rad_s,
    target,
    unwrapped,
)

ANGLES = st.floats(-20.0, 20.0)
LIMITED = Plate(zero_rad=0.1, least_rad=-1.0, most_rad=1.5)


@given(ANGLES, ANGLES, st.floats(-1.0, 1.0))
def test_the_nearest_equivalent_that_puts_the_axis_there(
    axis: float, encoder: float, zero: float
) -> None:
    found, ends = target(Plate(zero_rad=zero), axis, encoder, None, True)
    assert not ends
    assert abs(found - encoder) <= QUARTER / 2 + 1e-9
    assert math.remainder(found - zero - axis, QUARTER) == pytest.approx(0.0, abs=1e-9)


@given(ANGLES, st.floats(-1.0, 1.5), st.none() | st.floats(-3.0, 3.0), st.booleans())
def test_never_beyond_the_travel(
    axis: float, encoder: float, planned: float | None, linked: bool
) -> None:
    found, ends = target(LIMITED, axis, encoder, planned, linked)
    assert -1.0 - 1e-9 <= found <= 1.5 + 1e-9
    assert linked or not ends
    if not ends:
        assert math.remainder(found - 0.1 - axis, QUARTER) == pytest.approx(0.0, abs=1e-9)


def test_unwraps_to_the_far_end_only_out_of_link() -> None:
    # 0.1 rad beyond the upper end.
    assert target(LIMITED, 1.5, 1.5, None, True) == (1.5, True)
    found, ends = target(LIMITED, 1.5, 1.5, None, False)
    assert (found, ends) == (pytest.approx(1.6 - QUARTER), False)


courses = st.lists(st.floats(-0.2, 0.2), min_size=2, max_size=60).map(
    lambda steps: np.cumsum([0.0, *steps])
)


@given(courses, st.floats(-5.0, 5.0), st.floats(-3.0, 0.0), st.floats(1.6, 6.0))
def test_branch_needs_no_unwrap_if_there_is_one(
    course: np.ndarray, first: float, least: float, travel: float
) -> None:
    """Against every branch that could serve, tried one by one."""
    course = course + first
    most = least + travel
    turns = choose_branch(course, least, most)
    before_the_end = {}
    for n in range(-20, 21):
        inside = (course + n * QUARTER >= least) & (course + n * QUARTER <= most)
        before_the_end[n] = len(course) if inside.all() else int(np.argmin(inside))
    assert before_the_end[turns] == max(before_the_end.values())


def test_a_travel_too_short_is_refused() -> None:
    with pytest.raises(ValueError, match="quarter"):
        choose_branch(np.zeros(3), 0.0, 1.5)


def test_course_is_unwrapped_by_quarters_and_read_between_its_times() -> None:
    true = np.linspace(0.0, 4.0, 50)
    known = np.array([math.remainder(a, QUARTER) for a in true])
    assert unwrapped(known) == pytest.approx(true)
    assert Course().at(3.0) is None
    assert Course((0.0, 10.0), (1.0, 2.0)).at(5.0) == pytest.approx(1.5)


def test_rate_across_the_period_and_none_for_a_leap() -> None:
    assert rate_rad_s(1.55, -1.55, 0.1, math.pi) == pytest.approx((math.pi - 3.1) / 0.1)
    assert rate_rad_s(0.0, 0.5, 0.1, math.pi) == 0.0


def test_lead_is_dispatch_way_and_settling() -> None:
    plate = Plate(rate_rad_s=2.0, settle_s=0.15)
    assert lead_s(plate, 0.1, -0.4) == pytest.approx(0.1 + 0.2 + 0.15)
