"""Losses on a sway: the draws are what they are said to be, passes are flown as in flight."""

from collections.abc import Callable
from math import pi

import numpy as np
import pytest
from keyhole_passes import SPEED_RAD_S, flat_pass, sampled
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation
from test_guidance import fly, with_plan

from config.terminal import ExpectedSway, GimbalRange
from sim_devices.attitude import BodyAttitude
from terminal.control.guidance.keyhole import Course
from terminal.control.guidance.keyhole_plan import KeyholePlan, plan_keyhole
from terminal.control.guidance.sway_loss import (
    QUANTILE,
    STEP_S,
    Middle,
    base_from_level,
    draw_sway,
    flown_loss_s,
    middle_of,
    sway_loss,
)
from terminal.geometry.quaternion import Quaternion

Floats = NDArray[np.float64]

TWO_AXES, THREE_AXES = GimbalRange(pitch_max_rad=1.62), GimbalRange(roll_max_rad=0.5)
TOLERANCE_RAD = 2e-3
TIMES_S = np.arange(-100.0, 100.5, 1.0)
DRONE = ExpectedSway(13e-3, 4.0)


def planned(elevation_deg: float, gimbal: GimbalRange) -> KeyholePlan:
    los = sampled(flat_pass(elevation_deg), TIMES_S)
    return plan_keyhole(TIMES_S, los, gimbal, TOLERANCE_RAD)


def middle(elevation_deg: float, gimbal: GimbalRange, sway: ExpectedSway = DRONE) -> Middle:
    found = middle_of(TIMES_S, sampled(flat_pass(elevation_deg), TIMES_S), 0.0, gimbal, sway)
    assert found is not None
    return found


def level(of: Middle) -> Floats:
    return np.broadcast_to(np.eye(3), (len(of.times_s), 3, 3))


def test_a_base_turns_by_yaw_then_pitch_then_roll() -> None:
    angles = np.random.default_rng(1).uniform(-1.0, 1.0, (20, 3))
    theirs = Rotation.from_euler("ZYX", angles).inv().as_matrix()
    np.testing.assert_allclose(base_from_level(*angles.T), theirs, atol=1e-12)


def test_sways_have_the_size_and_the_pace_that_are_expected() -> None:
    """Roll and pitch sigma, yaw twice that; rates of 2 pi / T times the rms of the tones' share of
    it, 1.16 for a density that is even in octaves from 1/2 to 2: sqrt((4 - 1/4) / (2 ln 4))."""
    rng, times_s = np.random.default_rng(2), np.arange(0.0, 400.0, 0.1)
    angles = [
        Rotation.from_matrix(draw_sway(DRONE, times_s, rng).transpose(0, 2, 1)).as_euler("ZYX")
        for _ in range(60)
    ]
    yaw, pitch, roll = np.sqrt(np.mean(np.square(angles), axis=(0, 1))) / DRONE.sigma_rad
    # 300 tones of random size make the sigma of an angle good to some 6 %.
    assert (yaw / 2.0, pitch, roll) == pytest.approx((1.0, 1.0, 1.0), rel=0.2)
    rate = np.sqrt(np.mean(np.square(np.diff(angles, axis=1)[:, :, 1] / 0.1)))
    assert rate == pytest.approx(1.16 * 2.0 * pi / 4.0 * pitch * DRONE.sigma_rad, rel=0.2)


@pytest.mark.parametrize("elevation_deg", [88.0, 88.7, 89.0, 89.5, 89.9, 90.0])
@pytest.mark.parametrize("gimbal", [TWO_AXES, THREE_AXES])
def test_a_level_body_loses_what_was_planned(elevation_deg: float, gimbal: GimbalRange) -> None:
    plan, part = planned(elevation_deg, gimbal), middle(elevation_deg, gimbal)
    lost_s = flown_loss_s(part, gimbal, plan.course, TOLERANCE_RAD, level(part))
    # Another step, and the acceleration that goes with it.
    assert lost_s == pytest.approx(plan.chosen.loss_s, abs=0.25)


def test_no_sway_reaches_a_pass_far_from_the_axis() -> None:
    """The keyhole is 15 mrad/s over 0.57 rad/s, 27 mrad; four sigma more are 79 mrad, 4.5 deg."""
    edge_deg = 90.0 - np.degrees(SPEED_RAD_S / TWO_AXES.max_rate_rad_s + 4.0 * DRONE.sigma_rad)
    for elevation_deg, reached in ((edge_deg + 0.1, True), (edge_deg - 0.1, False)):
        los = sampled(flat_pass(elevation_deg), TIMES_S)
        found = middle_of(TIMES_S, los, 0.0, TWO_AXES, DRONE)
        assert (found is not None) == reached


def test_the_middle_is_long_enough() -> None:
    """Twice of it loses no more."""
    part = middle(89.4, TWO_AXES)
    longer_s = np.arange(2 * part.times_s[0], 2 * part.times_s[-1], STEP_S)
    los = sampled(flat_pass(89.4), longer_s)
    longer = Middle(longer_s, los, np.gradient(los, longer_s, axis=0))
    rng = np.random.default_rng(3)
    for _ in range(10):
        base = draw_sway(DRONE, longer_s, rng)
        inside = np.abs(longer_s) <= part.times_s[-1]
        cut = Middle(longer_s[inside], los[inside], longer.rates[inside])
        a, b = (
            flown_loss_s(way, TWO_AXES, Course(), TOLERANCE_RAD, moves)
            for way, moves in ((longer, base), (cut, base[inside]))
        )
        # How guidance came to the middle may differ by a moment.
        assert a == pytest.approx(b, abs=0.5)


def test_a_third_axis_loses_nothing_on_a_platform_s_sway() -> None:
    plan, sway = planned(89.4, THREE_AXES), ExpectedSway(3.5e-3, 25.0)
    gimbal = GimbalRange(roll_max_rad=0.5, pitch_max_rad=1.62)
    part = middle(89.4, gimbal, sway)
    assert sway_loss(part, gimbal, plan.course, TOLERANCE_RAD, sway) == (0.0, 0.0)


def swaying(attitude: BodyAttitude) -> Callable[[float], Quaternion]:
    """q_base_from_level of the world's own body."""

    def conjugated(time_s: float) -> Quaternion:
        w, x, y, z = attitude.q_ned_from_body(time_s)
        return w, -x, -y, -z

    return conjugated


@pytest.mark.parametrize("seed", range(6))
def test_it_loses_what_the_guidance_s_own_step_loses(seed: int) -> None:
    """Step by step of the flight, on the world's sway, in another step of time."""
    elevation_deg, gimbal = 89.4, TWO_AXES
    body = BodyAttitude(30e-3, 4.0, lambda time_s: 0.0, np.random.default_rng(seed))
    los = flat_pass(elevation_deg)
    how = with_plan(gimbal, los)._replace(tolerance_rad=TOLERANCE_RAD)
    flown_s = 0.05 * sum(
        tick.command.detour_rad > TOLERANCE_RAD
        for tick in fly(how, los, -11.0, 11.0, swaying(body), dt_s=0.05)
    )
    part = middle(elevation_deg, gimbal)
    base = Rotation.from_quat(
        [swaying(body)(t) for t in part.times_s.tolist()], scalar_first=True
    ).as_matrix()
    reckoned_s = flown_loss_s(part, gimbal, how.course, TOLERANCE_RAD, base)
    assert reckoned_s == pytest.approx(flown_s, abs=0.5)


def test_the_world_s_sway_loses_no_more_than_the_plan_says() -> None:
    """Its form is another one: three tones that stay under 30 mrad, 13 mrad rms. Of 100 sways, 95
    would be expected inside; under 85 with a probability of 1e-4."""
    plan, part = planned(89.4, TWO_AXES), middle(89.4, TWO_AXES)
    said = sway_loss(part, TWO_AXES, plan.course, TOLERANCE_RAD, DRONE)
    lost_s = []
    for seed in range(100):
        body = BodyAttitude(30e-3, 4.0, lambda time_s: 0.0, np.random.default_rng(1000 + seed))
        angles = np.array([body.yaw_pitch_roll_rad(t) for t in part.times_s.tolist()])
        base = base_from_level(*angles.T)
        lost_s.append(flown_loss_s(part, TWO_AXES, plan.course, TOLERANCE_RAD, base))
    inside = np.array(lost_s) <= said.quantile_s
    assert QUANTILE == 0.95
    assert inside.sum() >= 85
    assert np.mean(lost_s) == pytest.approx(said.mean_s, rel=0.3)
    assert said.quantile_s > plan.chosen.loss_s + 1.0  # type: ignore[operator]
