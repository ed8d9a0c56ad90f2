"""Ways through the keyhole, against closed forms and the best that any yaw could do."""

from functools import lru_cache
from math import atan2, degrees, pi, radians, tan

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from keyhole_passes import ALTITUDE_M, SPEED_M_S, SPEED_RAD_S, flat_pass, least_loss_s, sampled

from config.terminal import GimbalRange
from terminal.control.guidance.joint_limits import nearest_turn
from terminal.control.guidance.keyhole import Strategy, closest_approach, ramp_for_roll
from terminal.control.guidance.keyhole_plan import RAMP_SHARE, STEP_S, KeyholePlan, plan_keyhole

TWO_AXES = GimbalRange()
THREE_AXES = GimbalRange(roll_max_rad=0.5)
OVERHEAD = GimbalRange(pitch_max_rad=3.15)
TOLERANCE_RAD = 1e-3
TIMES_S = np.arange(-150.0, 150.5, 1.0)


@lru_cache
def planned(elevation_deg: float, gimbal: GimbalRange, **how: float) -> KeyholePlan:
    return plan_keyhole(
        TIMES_S, sampled(flat_pass(elevation_deg, **how), TIMES_S), gimbal, TOLERANCE_RAD
    )


@given(st.floats(60.0, 89.99), st.floats(-pi, pi), st.booleans(), st.floats(-60.0, 60.0))
def test_closest_approach_is_that_of_the_great_circle(
    elevation_deg: float, heading: float, right: bool, time: float
) -> None:
    """A straight flight at constant height: its great circle, heading, side and angle by hand."""
    los = flat_pass(elevation_deg, heading, right)(time)
    h = 1e-4
    before = flat_pass(elevation_deg, heading, right)(time - h)
    after = flat_pass(elevation_deg, heading, right)(time + h)
    rate = tuple((b - a) / (2.0 * h) for a, b in zip(before, after, strict=True))
    found = closest_approach(los, (rate[0], rate[1], rate[2]))
    assert found is not None
    assert nearest_turn(found.heading_rad, heading) == pytest.approx(heading, abs=1e-5)
    beside_m = ALTITUDE_M / np.tan(np.radians(elevation_deg)) * (1 if right else -1)
    away_m = np.hypot(SPEED_M_S * time, np.hypot(beside_m, ALTITUDE_M))
    assert found.right == pytest.approx(beside_m / away_m, abs=1e-6)
    assert found.along == pytest.approx(SPEED_M_S * time / away_m, abs=1e-6)
    # Along the circle by the angle, at the present angular speed.
    angle = atan2(SPEED_M_S * time, np.hypot(beside_m, ALTITUDE_M))
    assert found.since_s == pytest.approx(angle / np.linalg.norm(rate), abs=1e-3)


def test_no_motion_has_no_closest_approach() -> None:
    assert closest_approach((0.6, 0.0, -0.8), (0.0, 0.0, 0.0)) is None
    assert closest_approach((1.0, 0.0, 0.0), (0.0, 0.01, 0.0)) is None


@pytest.mark.parametrize("elevation_deg", [10.0, 30.0, 50.0, 70.0, 80.0])
@pytest.mark.parametrize("gimbal", [TWO_AXES, THREE_AXES])
@pytest.mark.parametrize("right", [True, False])
def test_no_pass_up_to_80_degrees_loses_anything(
    elevation_deg: float, gimbal: GimbalRange, right: bool
) -> None:
    plan = planned(elevation_deg, gimbal, right=right)
    assert plan.course.strategy is Strategy.DIRECT
    assert plan.chosen.loss_s == 0.0
    assert plan.chosen.max_error_rad is not None
    assert plan.chosen.max_error_rad < 1e-9
    # v over the distance on the ground, h / tan(el).
    rate = SPEED_RAD_S * tan(radians(elevation_deg))
    assert plan.chosen.max_yaw_rate_rad_s == pytest.approx(rate, rel=0.01)
    assert degrees(plan.closest_rad) == pytest.approx(90.0 - elevation_deg, abs=0.01)


@pytest.mark.parametrize("elevation_deg", [85.0, 88.0, 88.5, 88.7, 89.0, 89.5, 89.9, 90.0])
@pytest.mark.parametrize("gimbal", [TWO_AXES, OVERHEAD])
def test_the_way_chosen_is_nearly_the_best_there_is(
    elevation_deg: float, gimbal: GimbalRange
) -> None:
    """Within a tenth, in time and in tolerance, of a yaw without inertia at the ramp's rate; and
    no better than one at all of the rate. Two plan steps are the rounding of both."""
    loss_s = planned(elevation_deg, gimbal).chosen.loss_s
    assert loss_s is not None
    best_s, fair_s = (
        least_loss_s(
            flat_pass(elevation_deg),
            12.0,
            share * gimbal.max_rate_rad_s,
            gimbal.pitch_max_rad,
            part * TOLERANCE_RAD,
        )
        for share, part in ((1.0, 1.0), (RAMP_SHARE, 0.9))
    )
    assert best_s - 2.0 * STEP_S <= loss_s <= 1.1 * fair_s + 2.0 * STEP_S
    assert loss_s <= best_s + 0.6


@pytest.mark.parametrize("elevation_deg", [85.0, 88.0, 89.0, 89.9, 90.0])
def test_a_third_axis_loses_nothing(elevation_deg: float) -> None:
    candidates = {c.name: c for c in planned(elevation_deg, THREE_AXES).candidates}
    third = candidates["third_axis"]
    assert third.loss_s == 0.0
    assert third.max_error_rad is not None
    assert third.max_error_rad < 1e-9
    assert third.max_roll_rad is not None
    assert third.max_roll_rad <= 0.26 * THREE_AXES.roll_max_rad


def test_what_is_chosen_where() -> None:
    names = {
        (elevation, gimbal.roll_max_rad, gimbal.pitch_max_rad): planned(
            elevation, gimbal
        ).chosen.name
        for elevation in (85.0, 88.0, 89.0, 90.0)
        for gimbal in (TWO_AXES, THREE_AXES, OVERHEAD)
    }
    assert names == {
        (85.0, 0.0, 1.5708): "direct",
        (85.0, 0.5, 1.5708): "direct",
        (85.0, 0.0, 3.15): "direct",
        (88.0, 0.0, 1.5708): "direct",
        (88.0, 0.5, 1.5708): "third_axis",
        (88.0, 0.0, 3.15): "direct",
        (89.0, 0.0, 1.5708): "detour",
        (89.0, 0.5, 1.5708): "third_axis",
        (89.0, 0.0, 3.15): "detour",
        (90.0, 0.0, 1.5708): "detour",
        (90.0, 0.5, 1.5708): "third_axis",
        (90.0, 0.0, 3.15): "over_the_shoulder",
    }


def test_a_way_that_is_not_there_says_why() -> None:
    plan = planned(89.0, TWO_AXES)
    reasons = {c.name: c.why for c in plan.candidates if not c.possible}
    assert reasons["third_axis"] == "the gimbal has no roll axis"
    assert "comes down to pitch 2.7" in reasons["over_the_shoulder"]
    assert all(c.loss_s is None for c in plan.candidates if not c.possible)


def test_the_roll_that_a_ramp_needs() -> None:
    """Greatest w t cos(R t), found by trying."""
    times = np.linspace(0.0, 60.0, 100_001)
    ramp = ramp_for_roll(SPEED_RAD_S, 0.125, 0.57)
    assert np.max(SPEED_RAD_S * times * np.cos(np.minimum(ramp * times, pi / 2))) == pytest.approx(
        0.125, rel=1e-3
    )


@pytest.mark.parametrize("heading", [-3.0, 0.1, 3.1])
def test_the_whole_pass_stays_on_the_cable(heading: float) -> None:
    short = GimbalRange(yaw_min_rad=-4.8, yaw_max_rad=4.8)
    plan = planned(70.0, short, heading_rad=heading)
    assert plan.chosen.possible
    assert short.yaw_min_rad <= min(plan.yaw_rad)
    assert max(plan.yaw_rad) <= short.yaw_max_rad
    assert np.abs(np.diff(plan.yaw_rad)).max() < 0.1
    for time_s in (-100.0, 0.0, 99.5):
        x, y, _ = flat_pass(70.0, heading)(time_s)
        yaw = plan.yaw_at_rad(time_s)
        assert nearest_turn(atan2(y, x), yaw) == pytest.approx(yaw, abs=1e-3)


def test_a_cable_too_short_for_the_pass_is_named() -> None:
    short = GimbalRange(yaw_min_rad=-1.0, yaw_max_rad=1.0)
    plan = planned(70.0, short)
    assert not plan.chosen.possible
    assert plan.chosen.why.startswith("turns yaw from ")
    assert plan.chosen.loss_s is not None
    assert plan.chosen.loss_s > 10.0


def test_a_base_that_turns_as_planned_costs_nothing_more() -> None:
    """8 mrad/s, in a base that has turned since the start: the third axis takes it as it comes."""
    turn = 0.008
    los = sampled(flat_pass(89.9), TIMES_S)
    c, s = np.cos(turn * TIMES_S), np.sin(turn * TIMES_S)
    turned = np.column_stack(
        (c * los[:, 0] + s * los[:, 1], -s * los[:, 0] + c * los[:, 1], los[:, 2])
    )
    plan = plan_keyhole(TIMES_S, turned, THREE_AXES, TOLERANCE_RAD, turn)
    assert plan.chosen.name == "third_axis"
    assert plan.chosen.loss_s == 0.0


@pytest.mark.parametrize(
    ("times", "los"),
    [
        ([0.0, 1.0], [[1.0, 0, 0]] * 2),
        ([0.0, 2.0, 1.0], [[1.0, 0, 0]] * 3),
        ([0.0, 1.0, 2.0], [[1.0, 0, 0.1]] * 3),
        ([0.0, 1.0, 2.0], [[1.0, 0]] * 3),
        ([0.0, 1.0, 2.0], [[np.nan, 0, 0]] * 3),
        ([0.0, np.nan, 2.0], [[1.0, 0, 0]] * 3),
    ],
)
def test_bad_tables_are_refused(times: list[float], los: list[list[float]]) -> None:
    with pytest.raises(ValueError, match=r"plan"):
        plan_keyhole(np.array(times), np.array(los), TWO_AXES, TOLERANCE_RAD)
