"""Guidance on a base that sways and turns: what is sent, against where the partner is."""

from collections.abc import Callable, Iterator
from math import cos, pi, radians, sin
from typing import NamedTuple

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from keyhole_passes import flat_pass

from config.loader import load_scenario
from config.terminal import GimbalRange, KeepOut
from terminal.control.guidance.joint_limits import nearest_turn
from terminal.control.guidance.keep_out import KeepOutZone, separation_rad
from terminal.control.guidance.keyhole import Course, Strategy
from terminal.control.guidance.keyhole_plan import plan_keyhole
from terminal.control.guidance.settings import GuidanceSettings, make_settings
from terminal.control.guidance.steering import GuidanceState, step
from terminal.control.mounting.model import MountingModel, MountingParameters
from terminal.geometry.gimbal_frame import Joints, image_axes, image_motion
from terminal.geometry.polarization_frame import frame_angle_rad
from terminal.geometry.quaternion import (
    Quaternion,
    conjugate,
    from_rotation_vector,
    multiply,
    rotate,
)
from terminal.geometry.sun import sun_direction_ecef
from terminal.geometry.time_scales import tai_ns_from_utc
from terminal.geometry.vector import Vec, add, dot, scale, subtract, unit
from terminal.pointing_messages import GuidanceCommand, GuidanceSample

CONFIG = load_scenario("leo_haps_downlink").terminal
START_NS = tai_ns_from_utc("2016-12-19T02:14:00")
DT_S = 0.02
STILL: Quaternion = (1.0, 0.0, 0.0, 0.0)
TOLERANCE_RAD = 1e-3
TIMES_S = np.arange(-100.0, 100.5, 1.0)


def sun_away(place: Vec = (0.0, 0.0, 1.0)) -> Quaternion:
    """q_level_from_ecef that puts the Sun at a direction of the level base."""
    sun = sun_direction_ecef(START_NS)
    axis = (sun[1] * place[2] - sun[2] * place[1], sun[2] * place[0] - sun[0] * place[2],
            sun[0] * place[1] - sun[1] * place[0])  # fmt: skip
    return from_rotation_vector(scale(separation_rad(sun, place), unit(axis)))


def configured(gimbal: GimbalRange, **keep_out: float) -> GuidanceSettings:
    config = msgspec.structs.replace(CONFIG, gimbal=gimbal, keep_out=KeepOut(**keep_out))
    return make_settings(config)


def with_plan(
    gimbal: GimbalRange, los: Callable[[float], Vec], turn_rad_s: float = 0.0
) -> GuidanceSettings:
    """Planned on a level base that turns; the sway is what no plan knows."""
    course = swaying(0.0, 1.0, turn_rad_s)
    table = np.array([rotate(course(t), los(t)) for t in TIMES_S.tolist()])
    plan = plan_keyhole(TIMES_S, table, gimbal, TOLERANCE_RAD, turn_rad_s)
    config = msgspec.structs.replace(CONFIG, gimbal=gimbal)
    return make_settings(config, plan, START_NS, (6.4e6, 0.0, 0.0))


def swaying(sway_rad: float, period_s: float, turn_rad_s: float) -> Callable[[float], Quaternion]:
    """q_base_from_level of a body that pitches and rolls as a pendulum and turns."""

    def attitude(time_s: float) -> Quaternion:
        angle = 2.0 * pi * time_s / period_s
        pitch = from_rotation_vector((0.0, sway_rad * sin(angle), 0.0))
        roll = from_rotation_vector((sway_rad * cos(angle), 0.0, 0.0))
        yaw = from_rotation_vector((0.0, 0.0, turn_rad_s * time_s))
        return conjugate(multiply(multiply(yaw, pitch), roll))

    return attitude


def sample(
    t_ns: int,
    los: Vec,
    los_rate: Vec = (0.0, 0.0, 0.0),
    q: Quaternion | None = None,
    stands: Joints | None = None,
    **changes: float,
) -> GuidanceSample:
    """All vectors in the axes of the base; q is q_base_from_ecef."""
    q = q or sun_away()
    stands = stands or Joints(0.0, 0.0)
    return GuidanceSample(
        t_ns, 1, *los, *los_rate, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, *q, 1.0, *stands
    )._replace(**changes)


class Tick(NamedTuple):
    time_s: float
    los: Vec
    los_rate: Vec
    command: GuidanceCommand


def fly(
    how: GuidanceSettings,
    los_level: Callable[[float], Vec],
    start_s: float,
    end_s: float,
    attitude: Callable[[float], Quaternion] = lambda time_s: STILL,
    level_from_ecef: Quaternion | None = None,
    dt_s: float = DT_S,
) -> Iterator[Tick]:
    """A gimbal that stands where it is sent; it starts on the partner, on the planned turn."""
    level_from_ecef = level_from_ecef or sun_away()
    state = GuidanceState()
    stands: Joints | None = None
    for k in range(round((end_s - start_s) / dt_s)):
        time_s = start_s + k * dt_s
        base = attitude(time_s)
        los = rotate(base, los_level(time_s))
        h = 1e-3
        motion = scale(0.5 / h, subtract(los_level(time_s + h), los_level(time_s - h)))
        rate = rotate(base, motion)
        if stands is None:
            x, y, z = los
            turn_rad = how.plan.yaw_at_rad(time_s) if how.plan else 0.0
            yaw = nearest_turn(float(np.arctan2(y, x)), turn_rad)
            stands = Joints(yaw, float(np.arcsin(-z)))
        t_ns = START_NS + round(time_s * 1e9)
        q = multiply(base, level_from_ecef)
        state, command = step(how, state, sample(t_ns, los, rate, q, stands), dt_s)
        stands = Joints(command.target_yaw_rad, command.target_pitch_rad, command.target_roll_rad)
        yield Tick(time_s, los, rate, command)


def joints_of(command: GuidanceCommand) -> Joints:
    return Joints(command.target_yaw_rad, command.target_pitch_rad, command.target_roll_rad)


THREE_AXES = GimbalRange(roll_max_rad=0.5)


def test_third_axis_on_a_body_that_sways_and_turns() -> None:
    """88.5 degrees; 8 mrad of sway in 25 s move the keyhole by a third of the distance to it."""
    los = flat_pass(88.5)
    how = with_plan(THREE_AXES, los, 8e-3)
    assert how.course.strategy == "third_axis"
    ticks = list(fly(how, los, -90.0, 90.0, swaying(8e-3, 25.0, 8e-3)))
    for tick in ticks:
        boresight = image_axes(joints_of(tick.command)).boresight
        assert separation_rad(boresight, tick.los) < 1e-3
        assert tick.command.detour_rad == pytest.approx(
            separation_rad(boresight, tick.los), abs=1e-12
        )
    assert max(abs(tick.command.target_roll_rad) for tick in ticks) < 0.5 * 0.5
    assert max(abs(tick.command.yaw_rate_rad_s) for tick in ticks) < 0.5 * 0.57
    # Roll is of no use far from the keyhole, and gone.
    assert abs(ticks[0].command.target_roll_rad) < 1e-12
    assert abs(ticks[-1].command.target_roll_rad) < 1e-3


@pytest.mark.parametrize("phase_s", [0.0, 6.0, 12.5, 19.0])
def test_overhead_the_sway_needs_pitch_to_go_on_over_the_zenith(phase_s: float) -> None:
    """Which side the swaying axis will pass on can't be known when yaw has to start."""
    los = flat_pass(89.95)
    sway = swaying(8e-3, 25.0, 8e-3)
    for pitch_max, bound in ((1.5708, 2.0 * 8e-3), (1.5708 + 0.02, 1e-3)):
        gimbal = GimbalRange(roll_max_rad=0.5, pitch_max_rad=pitch_max)
        how = with_plan(gimbal, los, 8e-3)
        ticks = fly(how, los, -60.0, 60.0, lambda time_s: sway(time_s + phase_s))
        assert max(tick.command.detour_rad for tick in ticks) < bound


@pytest.mark.parametrize("gimbal", [GimbalRange(), GimbalRange(pitch_max_rad=3.15)])
@pytest.mark.parametrize("elevation_deg", [88.7, 89.0, 89.9, 90.0])
def test_the_loss_flown_is_the_loss_planned(elevation_deg: float, gimbal: GimbalRange) -> None:
    los = flat_pass(elevation_deg)
    how = with_plan(gimbal, los)
    assert how.plan is not None
    lost_s = DT_S * sum(
        tick.command.detour_rad > TOLERANCE_RAD for tick in fly(how, los, -60.0, 60.0)
    )
    assert how.plan.chosen.loss_s is not None
    # Another grid, in time, and the acceleration that goes with it.
    assert lost_s == pytest.approx(how.plan.chosen.loss_s, abs=0.2)


def test_rates_move_the_boresight_as_the_partner_moves() -> None:
    """Fed through the Jacobian of the joints, on a still base, over the keyhole and roll's onset;
    and the joints themselves move at these rates."""
    los = flat_pass(88.5)
    before: GuidanceCommand | None = None
    for tick in fly(with_plan(THREE_AXES, los), los, -80.0, 80.0):
        command, joints = tick.command, joints_of(tick.command)
        axes, motion = image_axes(joints), image_motion(joints)
        x = motion.x_per_yaw * command.yaw_rate_rad_s + motion.x_per_roll * command.roll_rate_rad_s
        y = command.pitch_rate_rad_s + motion.y_per_yaw * command.yaw_rate_rad_s
        seen = dot(tick.los_rate, axes.right), dot(tick.los_rate, axes.up)
        assert (x, y) == pytest.approx(seen, abs=1e-9)
        assert (command.los_rate_x_rad_s, command.los_rate_y_rad_s) == pytest.approx(seen)
        if before is not None:
            moved = (np.array(joints) - np.array(joints_of(before))) / DT_S
            mean = 0.5 * (np.array(command[3:6]) + np.array(before[3:6]))
            # The gate of roll has a corner; yaw starts and ends its ramp at the acceleration limit.
            assert np.abs(moved - mean).max() < 0.5 * 5.0 * DT_S
        before = command


@pytest.mark.parametrize(("pitch_rad", "near"), [(1.5, True), (1.0, False)])
def test_image_of_the_joints_as_they_stand(pitch_rad: float, near: bool) -> None:
    """Point-ahead and frame angle in the axes behind a gimbal that lags; on its way to the partner,
    as they will be."""
    los, ahead, reference = unit((0.02, 0.03, -1.0)), (3e-5, -2e-5, 1e-6), unit((0.3, 1.0, 0.1))
    how = configured(THREE_AXES)
    stands = Joints(0.4, pitch_rad)
    given_sample = sample(START_NS, los, stands=stands)._replace(
        ahead_x=ahead[0], ahead_y=ahead[1], ahead_z=ahead[2],
        reference_x=reference[0], reference_y=reference[1], reference_z=reference[2],
    )  # fmt: skip
    state, command = step(how, GuidanceState(), given_sample, DT_S)
    axes = image_axes(stands if near else joints_of(command))
    assert command.point_ahead_x_rad == pytest.approx(dot(ahead, axes.right))
    assert command.point_ahead_y_rad == pytest.approx(dot(ahead, axes.up))
    assert command.frame_angle_rad == pytest.approx(frame_angle_rad(los, reference, axes.up))
    # No reference, or one along the line of sight: the last angle stands.
    for axis in ((0.0, 0.0, 0.0), los):
        blind = given_sample._replace(reference_x=axis[0], reference_y=axis[1], reference_z=axis[2])
        assert step(how, state, blind, DT_S)[1].frame_angle_rad == command.frame_angle_rad


def swayed(how: GuidanceSettings, los: Callable[[float], Vec], sway_rad: float) -> list[Tick]:
    """A pass, the body pitching and rolling with a period of 4 s."""
    return list(fly(how, los, -30.0, 30.0, swaying(sway_rad, 4.0, 0.0)))


def test_a_swaying_base_carries_the_yaw_with_it() -> None:
    """Ten degrees from the zenith, 20 mrad of sway at 1.6 rad/s swing the azimuth of the line of
    sight by 20 / 175 rad and at 0.18 rad/s: more than a slow gimbal may be told, but its gyros do
    it."""
    gimbal = GimbalRange(max_rate_rad_s=0.1)
    still = make_settings(msgspec.structs.replace(CONFIG, gimbal=gimbal))
    place = (sin(0.175), 0.0, -cos(0.175))
    ticks = swayed(still, lambda time_s: place, 20e-3)
    yaws = [tick.command.target_yaw_rad for tick in ticks]
    assert max(yaws) - min(yaws) == pytest.approx(2 * 20 / 175, rel=0.2)
    assert max(tick.command.detour_rad for tick in ticks[100:]) < 1e-4


def test_no_detour_on_a_base_that_sways_faster_than_the_partner_moves() -> None:
    los = flat_pass(89.3)
    how = with_plan(GimbalRange(), los)._replace(course=Course(Strategy.DETOUR, 0.56))
    direct = how._replace(course=Course())
    detour = [tick.command for tick in swayed(how, los, 20e-3)]
    assert detour[500:] == [tick.command for tick in swayed(direct, los, 20e-3)][500:]
    level = [tick.command for tick in swayed(how, los, 0.0)]
    assert level[500:] != [tick.command for tick in swayed(direct, los, 0.0)][500:]


def test_the_learned_offset_turns_the_aim() -> None:
    los, offset = unit((1.0, 0.2, -0.5)), (1e-3, -2e-3, 4e-3)
    seen = sample(
        START_NS, los, offset_x_rad=offset[0], offset_y_rad=offset[1], offset_z_rad=offset[2]
    )
    state = GuidanceState()
    for _ in range(300):
        state, command = step(configured(GimbalRange()), state, seen, DT_S)
    expected = rotate(from_rotation_vector(offset), los)
    assert separation_rad(image_axes(joints_of(command)).boresight, expected) < 1e-9
    assert command.detour_rad < 1e-9


def test_zones_are_told() -> None:
    sun = unit((1.0, 1.0, -1.0))
    q = sun_away(sun)
    how = configured(GimbalRange(), sun_rad=0.262, sun_avoid_rad=0.087, horizon_rad=0.1)

    def told(los: Vec, stands: Joints, elevation_rad: float = 1.0) -> GuidanceCommand:
        x = sample(START_NS, los, q=q, stands=stands)._replace(elevation_rad=elevation_rad)
        state = GuidanceState()
        for _ in range(100):
            state, command = step(how, state, x, 0.1)
        return command

    away = Joints(-2.0, 0.5)
    clear = told((1.0, 0.0, 0.0), away)
    assert clear.keep_out == 0
    assert clear.sun_separation_rad == pytest.approx(np.arccos(1.0 / np.sqrt(3.0)))
    assert told((1.0, 0.0, 0.0), away, 0.05).keep_out == KeepOutZone.HORIZON
    beside = unit(add(sun, (0.0, 0.0, 0.25)))
    assert told(beside, away).keep_out == KeepOutZone.SUN
    inside = told(sun, away)
    assert inside.keep_out == KeepOutZone.SUN | KeepOutZone.SUN_AVOID
    assert inside.detour_rad == pytest.approx(0.087, abs=1e-6)
    # Where the gimbal stands counts, whatever it is sent to.
    on_the_sun = Joints(pi / 4.0, float(np.arcsin(1.0 / np.sqrt(3.0))))
    assert told((1.0, 0.0, 0.0), on_the_sun).keep_out & KeepOutZone.SUN_AVOID
    assert told((0.0, 0.0, 1.0), away).keep_out == KeepOutZone.LIMIT


@pytest.mark.parametrize("pitch_max", [1.5708, 3.15])
@pytest.mark.parametrize("elevation_deg", [20.0, 60.0, 80.0])
def test_a_search_looks_where_it_is_told(elevation_deg: float, pitch_max: float) -> None:
    """At an angle right and up of the partner, in the image behind the joints that look at it."""
    how = configured(GimbalRange(pitch_max_rad=pitch_max), sun_avoid_rad=0.0)
    los = image_axes(Joints(0.7, radians(elevation_deg))).boresight
    x, y = 30e-3, -20e-3
    state = GuidanceState()
    looked = sample(START_NS, los, scan_x_rad=x, scan_y_rad=y, scan_rate_y_rad_s=1e-9)
    for _ in range(500):
        state, command = step(how, state, looked, DT_S)
    axes = image_axes(joints_of(command))
    boresight = image_axes(look_of(command)).boresight
    assert separation_rad(boresight, los) == pytest.approx(np.hypot(x, y), abs=1e-9)
    angle = np.hypot(x, y)
    seen = dot(boresight, axes.right), dot(boresight, axes.up)
    assert seen == pytest.approx((x * sin(angle) / angle, y * sin(angle) / angle), abs=1e-8)
    # To the partner itself the search makes no difference ...
    plain = step(how, GuidanceState(), sample(START_NS, los), DT_S)
    assert command.detour_rad == pytest.approx(0.0, abs=1e-9)
    assert separation_rad(axes.boresight, los) < 1e-9
    assert plain[1].look_yaw_rad == plain[1].target_yaw_rad
    # ... and when it is over, nothing is left of it.
    for _ in range(100):
        state, command = step(how, state, sample(START_NS, los), DT_S)
    assert look_of(command) == joints_of(command)
    assert state.look is None


def test_the_rates_of_a_search_are_those_of_its_motion() -> None:
    """Through the Jacobian of the joints: 20 mrad/s of scan and 5 mrad/s of the partner."""
    how = configured(THREE_AXES, sun_avoid_rad=0.0)
    for elevation_deg in (30.0, 70.0, 80.0):
        stands = Joints(0.2, radians(elevation_deg))
        los_rate = scale(5e-3, image_axes(stands).right)
        state, scan = GuidanceState(), (12e-3, -16e-3)
        for k in range(50):
            t_s = DT_S * k
            los = unit(add(image_axes(stands).boresight, scale(t_s, los_rate)))
            told = sample(START_NS, los, los_rate, stands=stands)._replace(
                scan_x_rad=scan[0] * (t_s - DT_S), scan_y_rad=scan[1] * (t_s - DT_S),
                scan_rate_x_rad_s=scan[0], scan_rate_y_rad_s=scan[1],
            )  # fmt: skip
            before = state.told
            state, command = step(how, state, told, DT_S)
        moved = [(b - a) / DT_S for a, b in zip(look_of(before), look_of(command), strict=True)]
        # The image turns with yaw, at 30 mrad/s, and the 16 mrad of scan with it.
        assert command[-3:] == pytest.approx(moved, abs=30e-3 * 16e-3 / cos(radians(70.0)))


def look_of(command: GuidanceCommand) -> Joints:
    return Joints(command.look_yaw_rad, command.look_pitch_rad, command.look_roll_rad)


@pytest.mark.parametrize("scan_y_rad", [0.0, -30e-3, 30e-3])
def test_nothing_looks_under_the_horizon(scan_y_rad: float) -> None:
    """A partner 17 degrees under it is waited for where it is nearest; one over it is sought down
    to it. The base leans by 40 mrad, which its elevation knows and its own vertical does not."""
    lean = from_rotation_vector((0.0, 40e-3, 0.0))
    up = rotate(lean, (0.0, 0.0, -1.0))
    how = configured(GimbalRange(), sun_avoid_rad=0.0, horizon_rad=0.05)
    for elevation_rad in (radians(-17.0), 0.06):
        level = image_axes(Joints(0.5, elevation_rad)).boresight
        state = GuidanceState()
        told = sample(START_NS, rotate(lean, level), scan_y_rad=scan_y_rad)
        told = told._replace(elevation_rad=elevation_rad)
        for _ in range(300):
            state, command = step(how, state, told, DT_S)
        target, look = (
            float(np.arcsin(dot(image_axes(j).boresight, up)))
            for j in (joints_of(command), look_of(command))
        )
        slack = 40e-3 * 0.35  # of 17 degrees along a vertical that is off by 40 mrad
        assert target == pytest.approx(max(elevation_rad, 0.05), abs=slack)
        wanted = max(elevation_rad + scan_y_rad, 0.05)
        assert look == pytest.approx(wanted, abs=slack)
        assert bool(command.keep_out & KeepOutZone.HORIZON) is (elevation_rad < 0.05)
        assert (command.detour_rad > 0.1) is (elevation_rad < 0.0)


@given(
    st.tuples(*[st.floats(-15e-3, 15e-3)] * 3),
    st.floats(-15e-3, 15e-3),
    st.floats(-15e-3, 15e-3),
    st.floats(-3.0, 3.0),
    st.floats(0.1, 1.2),
    st.floats(0.15, 0.5),
    st.floats(-pi, pi),
)
@settings(deadline=None, max_examples=60)
def test_the_sun_is_judged_by_where_the_telescope_really_looks(
    rotation: Vec, index: float, collimation: float, yaw: float, pitch: float, apart: float,
    side: float,
) -> None:  # fmt: skip
    """A calibration of 15 mrad per axis, and the Sun so far beside the true boresight."""
    model = MountingModel(
        MountingParameters(*rotation, pitch_index_rad=index, collimation_rad=collimation)
    )
    how = configured(GimbalRange(), sun_rad=0.262)._replace(mounting=model)
    stands = Joints(yaw, pitch)
    true = model.axes(stands)
    aside = add(scale(cos(side), true.right), scale(sin(side), true.up))
    sun = add(scale(cos(apart), true.boresight), scale(sin(apart), aside))
    reference = unit(add(true.right, scale(0.3, true.up)))
    told = sample(START_NS, true.boresight, q=sun_away(sun), stands=stands)._replace(
        reference_x=reference[0], reference_y=reference[1], reference_z=reference[2]
    )
    _, command = step(how, GuidanceState(), told, DT_S)
    assert command.sun_separation_rad == pytest.approx(apart, abs=1e-9)
    assert bool(command.keep_out & KeepOutZone.SUN) is (apart < 0.262)
    # H at this angle from the true image's right: not that of the encoders' image.
    assert command.frame_angle_rad == pytest.approx(np.arctan(0.3), abs=1e-9)


@pytest.mark.parametrize("side", [0.0, 1.5, 4.0])
def test_a_calibrated_gimbal_really_stays_out_of_the_sun_s_circle(side: float) -> None:
    """The partner stands 30 mrad from the Sun; the encoders are 15 mrad per axis and term off."""
    model = MountingModel(
        MountingParameters(15e-3, -15e-3, 15e-3, pitch_index_rad=15e-3, collimation_rad=15e-3)
    )
    how = configured(GimbalRange())._replace(mounting=model)
    stands = Joints(0.7, 0.8)
    true = model.axes(stands)
    aside = add(scale(cos(side), true.right), scale(sin(side), true.up))
    sun = add(scale(cos(0.2), true.boresight), scale(sin(0.2), aside))
    los = add(scale(cos(0.17), true.boresight), scale(sin(0.17), aside))
    state, q = GuidanceState(), sun_away(sun)
    for _ in range(100):
        state, command = step(how, state, sample(START_NS, los, q=q, stands=stands), DT_S)
        stands = joints_of(command)
        # On the way there the axes that serve are those of a tick ago: 11 mrad of motion.
        assert separation_rad(model.axes(stands).boresight, sun) > 0.087 - 11e-3 * 15e-3 * 4
    assert separation_rad(model.axes(stands).boresight, sun) == pytest.approx(0.087, abs=1e-6)
    assert not command.keep_out & KeepOutZone.LIMIT


def test_no_elevation_lifts_nothing() -> None:
    los = unit((1.0, 0.2, -0.3))
    told = sample(START_NS, los)._replace(elevation_rad=float("nan"))
    state = GuidanceState()
    for _ in range(100):
        state, command = step(configured(GimbalRange()), state, told, DT_S)
    assert separation_rad(image_axes(joints_of(command)).boresight, los) < 1e-9


def test_the_moon_without_a_place_is_a_degree_wider() -> None:
    moon_rad = CONFIG.keep_out.moon_rad
    assert make_settings(CONFIG).keep_out.moon_rad == pytest.approx(
        moon_rad + radians(1.0), abs=3e-4
    )
    assert make_settings(CONFIG, None, 0, (6.4e6, 0.0, 0.0)).keep_out.moon_rad == moon_rad


@pytest.mark.parametrize(
    "changes",
    [
        {"pointing_valid": 0},
        {"los_x": float("nan")},
        {"los_x": 0.0, "los_y": 0.0, "los_z": 0.0},
        {"q_gimbal_from_ecef_w": float("inf")},
        {"los_y": 2.0},
    ],
)
def test_without_a_sound_prediction_the_gimbal_is_left_alone(changes: dict[str, float]) -> None:
    """What was told of the sky stands, and is said to be of no age that is known."""
    how, stands = configured(GimbalRange(), sun_rad=1.0), Joints(0.3, 0.4)
    good = sample(START_NS, (1.0, 0.0, 0.0), q=sun_away(unit((1.0, 0.5, 0.0))))
    good = good._replace(reference_y=1.0, reference_z=0.5)
    state, last = step(how, GuidanceState(), good, DT_S)
    assert last.keep_out == KeepOutZone.SUN
    assert last.frame_angle_rad != 0.0
    bad = good._replace(**dict(zip(("yaw_rad", "pitch_rad", "roll_rad"), stands, strict=True)))
    state, command = step(how, state, bad._replace(**changes), DT_S)
    assert joints_of(command) == stands
    assert (command.look_yaw_rad, command.look_pitch_rad, command.look_roll_rad) == stands
    assert set(command[3:6]) == {0.0}
    assert command.keep_out == KeepOutZone.SUN | KeepOutZone.UNKNOWN
    assert command.sun_separation_rad == last.sun_separation_rad
    assert command.frame_angle_rad == last.frame_angle_rad
    assert state.aim is None
    # The next good one knows it all again.
    assert step(how, state, good, DT_S)[1].keep_out == KeepOutZone.SUN


def test_a_partner_across_the_sun_is_left_on_one_side_and_met_on_the_other() -> None:
    """At 10 mrad/s through the centre of the disc: round it at the pace of the gimbal."""
    sun = (1.0, 0.0, 0.0)
    how = configured(GimbalRange())

    def los(time_s: float) -> Vec:
        return cos(0.01 * time_s), sin(0.01 * time_s), 0.0

    before: Vec | None = None
    ticks = list(fly(how, los, -20.0, 20.0, level_from_ecef=sun_away(sun)))
    for tick in ticks:
        sent = image_axes(joints_of(tick.command)).boresight
        # The Sun itself is computed anew each second.
        assert separation_rad(sent, sun) >= 0.087 - 1e-4 - 73e-6 * 40.0
        if before is not None:
            # Yaw and pitch at their limits at once.
            assert separation_rad(before, sent) <= 2.0**0.5 * 0.57 * DT_S
        before = sent
    assert max(tick.command.detour_rad for tick in ticks) == pytest.approx(0.087, abs=0.01)
    assert ticks[-1].command.detour_rad == pytest.approx(0.0, abs=1e-9)


parts = st.floats(-1.0, 1.0)
vectors = st.tuples(parts, parts, parts).filter(lambda v: np.linalg.norm(v) > 0.1).map(unit)


@settings(deadline=None, max_examples=60)
@given(
    st.lists(vectors, min_size=1, max_size=4),
    vectors,
    st.floats(-6.5, 6.5),
    st.floats(-0.8, 1.57),
    st.sampled_from([0.0, 0.5]),
    st.sampled_from([1.5708, 3.15]),
    st.sampled_from([0.0, 0.087, 0.262]),
    st.sampled_from([(-6.5, 6.5), (-3.3, 3.3), (-1.0, 1.0)]),
    st.sampled_from(["direct", "third_axis", "detour", "over_the_shoulder"]),
    st.sampled_from([0.0, 0.01, 0.2]),
)
def test_whatever_comes_stays_inside_the_limits(
    partners: list[Vec],
    sun: Vec,
    yaw: float,
    pitch: float,
    roll_max: float,
    pitch_max: float,
    radius: float,
    cable: tuple[float, float],
    strategy: str,
    reach: float,
) -> None:
    """Partners that jump over the sky, from any place of the gimbal, any Sun, any way, with a
    search now and then."""
    gimbal = GimbalRange(
        yaw_min_rad=cable[0], yaw_max_rad=cable[1], pitch_max_rad=pitch_max, roll_max_rad=roll_max
    )
    how = configured(gimbal, sun_avoid_rad=radius)
    how = how._replace(course=how.course._replace(strategy=type(how.course.strategy)(strategy),
                                                  ramp_rad_s=0.1))  # fmt: skip
    q = sun_away(sun)
    true_sun = rotate(q, sun_direction_ecef(START_NS))
    state, stands = GuidanceState(), Joints(yaw, pitch)
    last_yaw: float | None = None
    for k in range(60 * len(partners)):
        los = partners[k // 60]
        los_rate = scale(0.01, unit(add(los, (0.1, 0.2, 0.3))))
        told = sample(START_NS, los, los_rate, q, stands)
        if k % 60 > 40:
            told = told._replace(scan_x_rad=reach * sin(0.3 * k), scan_y_rad=reach * cos(0.3 * k))
        state, command = step(how, state, told, 0.1)
        assert gimbal.yaw_min_rad <= command.target_yaw_rad <= gimbal.yaw_max_rad
        assert gimbal.pitch_min_rad <= command.target_pitch_rad <= gimbal.pitch_max_rad
        assert abs(command.target_roll_rad) <= gimbal.roll_max_rad
        assert max(map(abs, command[3:6])) <= gimbal.max_rate_rad_s
        if last_yaw is not None:
            moved = abs(command.target_yaw_rad - last_yaw)
            assert moved <= gimbal.max_rate_rad_s * 0.1 + 1e-12
        last_yaw = command.target_yaw_rad
        look = look_of(command)
        assert gimbal.yaw_min_rad <= look.yaw_rad <= gimbal.yaw_max_rad
        assert gimbal.pitch_min_rad <= look.pitch_rad <= gimbal.pitch_max_rad
        assert abs(look.roll_rad) <= gimbal.roll_max_rad
        assert max(map(abs, command[-3:])) <= gimbal.max_rate_rad_s
        assert separation_rad(image_axes(look).boresight, true_sun) >= radius - 1e-6
        stands = joints_of(command)
        assert separation_rad(image_axes(stands).boresight, true_sun) >= radius - 1e-6
