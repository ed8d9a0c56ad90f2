"""The variable retarder: its calibration both ways, its range, its dither."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.polarization import Retarder
from terminal.control import phase_control
from terminal.control.phase_control import (
    DITHER_REST_S,
    DITHER_STEP_S,
    LONGEST_DITHER_S,
    NEED_RAD,
    Drive,
)

CELL = Retarder(axis_rad=0.0, calibration=((1.0, 5.0), (2.0, 3.0), (4.0, 1.0), (8.0, -1.0)))
SECOND = 1_000_000_000


@given(st.floats(-1.0, 5.0))
def test_drive_and_retardance_are_inverse(retardance: float) -> None:
    volts = phase_control.drive_v(CELL, retardance)
    assert phase_control.retardance_rad(CELL, volts) == pytest.approx(retardance, abs=1e-9)


@given(st.floats(-30.0, 30.0), st.floats(-1.0, 5.0))
def test_an_equivalent_inside_the_range_if_there_is_one(wanted: float, near: float) -> None:
    found = phase_control.within(CELL, wanted, near)
    assert -1.0 <= found <= 5.0
    off = abs(math.remainder(found - wanted, 2.0 * math.pi))
    # 6 of 6.28 rad are covered.
    assert off < 1e-9 or found in (-1.0, 5.0)
    assert off < 0.15


def sides(sigmas_rad: list[float], drive: Drive = Drive(told_ns=1)) -> list[int]:  # noqa: B008
    """By tenths of a second."""
    seen = []
    for k, sigma_rad in enumerate(sigmas_rad):
        drive = phase_control.dithered(drive, sigma_rad, True, k * SECOND // 10)
        seen.append(drive.side)
    return seen


def test_dithers_to_both_sides_until_the_phase_is_known() -> None:
    ticks = round(10 * DITHER_STEP_S)
    unsure = [2.0 * NEED_RAD] * (2 * ticks)
    seen = sides([*unsure, *[0.4 * NEED_RAD] * 20])
    assert seen == [1] * ticks + [-1] * ticks + [0] * 20
    assert phase_control.dithered(Drive(), 1.0, False, 0).side == 0
    assert phase_control.dithered(Drive(side=1), 1.0, False, SECOND).side == 0


def test_between_the_limits_it_goes_on_as_it_was() -> None:
    between = [0.65 * NEED_RAD] * 150
    assert not any(sides(between))
    assert all(sides([1.2 * NEED_RAD, *between]))


def test_it_ends_after_both_sides_alike_however_soon_the_phase_is_known() -> None:
    seen = sides([1.2 * NEED_RAD, *[0.1 * NEED_RAD] * 99])
    assert seen.count(1) == seen.count(-1) == round(10 * DITHER_STEP_S)


def test_faint_light_is_given_up_and_tried_again_later() -> None:
    """At no time a phase this unsure: never more than a quarter of the time."""
    seen = np.array(sides([0.3] * 6000)) != 0
    longest, rest = round(10 * LONGEST_DITHER_S), round(10 * DITHER_REST_S)
    assert seen[:longest].all()
    assert not seen[longest : longest + rest].any()
    assert seen[longest + rest]
    assert seen[: longest + rest].mean() == pytest.approx(0.25)


def test_a_long_search_that_came_far_enough_is_no_reason_to_rest() -> None:
    long = round(10 * LONGEST_DITHER_S)
    seen = sides([1.2 * NEED_RAD, *[0.65 * NEED_RAD] * (long + 5), 1.2 * NEED_RAD])
    assert all(seen[:long])
    assert not any(seen[long:-1])
    assert seen[-1] == 1


@pytest.mark.parametrize(("errors", "share"), [(0.01, 0.49), (0.005, 0.66)])
def test_the_dither_has_the_information_that_it_is_chosen_for(errors: float, share: float) -> None:
    """Of a click of either side, by the binomial law: p = (1 + C cos x) / 2, (dp/dx)^2 / p (1 - p),
    by differences, against the closed form in the module's words."""
    contrast, d, h = 1.0 - 2.0 * errors, phase_control.DITHER_RAD, 1e-5

    def right(x: float) -> float:
        return 0.5 * (1.0 + contrast * math.cos(x))

    slope = (right(d + h) - right(d - h)) / (2.0 * h)
    information = slope**2 / (right(d) * (1.0 - right(d)))
    closed = (contrast * math.sin(d)) ** 2 / (1.0 - (contrast * math.cos(d)) ** 2)
    assert information == pytest.approx(closed, rel=1e-6)
    assert closed == pytest.approx(share, abs=0.01)
    assert math.sin(d / 2) ** 2 == pytest.approx(0.01, abs=1e-3)


def test_light_settles_after_a_step_and_not_after_a_touch() -> None:
    drive = phase_control.heard(Drive(), CELL, 1, 2.0, SECOND)
    assert not drive.steady(SECOND)
    assert drive.steady(SECOND + round(CELL.settle_s * 1e9))
    touched = phase_control.sent(drive, CELL, 2.01, 5 * SECOND)
    assert touched.steady(5 * SECOND)
    stepped = phase_control.sent(drive, CELL, 3.0, 5 * SECOND)
    assert not stepped.steady(5 * SECOND)


def test_the_same_drive_is_not_sent_again_at_once() -> None:
    drive = phase_control.heard(Drive(), CELL, 1, 2.0, 0)
    assert phase_control.due(drive, CELL, 2.0, SECOND)
    sent = phase_control.sent(drive, CELL, phase_control.drive_v(CELL, 2.0), SECOND)
    assert not phase_control.due(sent, CELL, 2.0, SECOND + SECOND // 10)
    # It was never carried out.
    assert phase_control.due(sent, CELL, 2.0, 3 * SECOND)
    assert not phase_control.due(drive, CELL, 3.0, SECOND)
    assert not phase_control.due(Drive(), CELL, 2.0, SECOND)


def test_silence() -> None:
    drive = phase_control.heard(Drive(), CELL, SECOND, 2.0, SECOND)
    assert Drive().silent(0)
    assert not drive.silent(2 * SECOND)
    assert drive.silent(4 * SECOND)
    assert phase_control.heard(drive, CELL, 2 * SECOND, math.nan, SECOND) is drive
