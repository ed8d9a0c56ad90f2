"""Where to send the gimbal: toward the partner, through the keyhole, round the Sun, in its limits.

A step works from the line of sight in the gimbal's base as it is now; the plan says which way
through the keyhole and on which turn of the cable. The aim moves over the sky no faster than the
gimbal can, from where the gimbal stood when guidance began, and never through the Sun's circle; the
joints follow the aim.
"""

from contextlib import suppress
from math import pi
from typing import NamedTuple

import msgspec

from config.terminal import GimbalRange, KeepOut, TerminalConfig
from terminal.control.guidance.joint_limits import JointRates, clamp
from terminal.control.guidance.keep_out import (
    KeepOutZone,
    pitch_outside,
    separation_rad,
    toward,
    zones,
)
from terminal.control.guidance.keyhole import (
    Course,
    Strategy,
    YawState,
    follow,
    start_following,
)
from terminal.control.guidance.keyhole_plan import KeyholePlan
from terminal.control.mounting.model import LEVEL_UP, MountingModel
from terminal.geometry.gimbal_frame import Joints, image_axes
from terminal.geometry.moon import PARALLAX_RAD, moon_direction_ecef
from terminal.geometry.polarization_frame import frame_angle_rad
from terminal.geometry.quaternion import (
    Quaternion,
    conjugate,
    from_rotation_vector,
    multiply,
    rotate,
    to_rotation_vector,
)
from terminal.geometry.sun import sun_direction_ecef
from terminal.geometry.vector import Vec, dot, norm, scale, subtract, unit
from terminal.pointing_messages import GuidanceCommand, GuidanceSample

SKY_SPAN_NS = 1_000_000_000
"""Sun and Moon are computed anew after this: the sky turns 73 urad meanwhile."""

DEFAULT_TOLERANCE_RAD = 1e-3
"""Without a plan: an error over this is a matter of limits."""

_UNIT_SLACK = 1e-3

TRACKED_RAD = 0.05
"""Nearer to the partner than this, the image is turned as the gimbal stands; before, as it will."""

SWAY_TIME_CONSTANT_S = 4.0
SWAY_SHARE = 0.5
"""Part of the partner's rate over which the base's makes a detour lose the link for longer than
none would, found by flying both with 0 to 30 mrad of sway."""

LEAST_LEVER = 0.02
"""Nearer than this to the yaw axis the board no longer turns yaw along with the base."""


class GuidanceSettings(NamedTuple):
    """What a step needs besides state and sample."""

    gimbal: GimbalRange
    keep_out: KeepOut
    course: Course
    tolerance_rad: float
    plan: KeyholePlan | None
    plan_start_ns: int
    """TAI time at which the plan's times are 0."""
    position_ecef_m: Vec | None
    mounting: MountingModel | None
    """How the gimbal really stands, as calibrated; None: as surveyed."""


class GuidanceState(NamedTuple):
    """Nothing in it: guidance begins at where the gimbal stands."""

    aim: Vec | None = None
    """Unit vector in the base's axes."""
    yaw: YawState = YawState(0.0, 0.0, 0.0)
    frame_angle_rad: float = 0.0
    q_gimbal_from_ecef: Quaternion | None = None
    """Of the last tick: how the base has turned since."""
    sway2: float = 0.0
    """Low-passed square of the rate at which the base turns, (rad/s)^2."""
    sky_t_ns: int = 0
    """0: Sun and Moon have not been computed yet."""
    sun_ecef: Vec = (1.0, 0.0, 0.0)
    moon_ecef: Vec = (1.0, 0.0, 0.0)


def make_settings(
    config: TerminalConfig,
    plan: KeyholePlan | None = None,
    plan_start_ns: int = 0,
    position_ecef_m: Vec | None = None,
    mounting: MountingModel | None = None,
) -> GuidanceSettings:
    """Settings of a pass; without a plan yaw follows directly, on the turn in the cable's middle.

    position_ecef_m: where the terminal is, to some 100 km, for the Moon's parallax. Without it the
    Moon's circle is widened by the one degree that it may be.
    """
    keep_out = config.keep_out
    if position_ecef_m is None:
        widened_rad = keep_out.moon_rad + PARALLAX_RAD
        keep_out = msgspec.structs.replace(keep_out, moon_rad=widened_rad)
    return GuidanceSettings(
        config.gimbal,
        keep_out,
        plan.course if plan else Course(),
        plan.tolerance_rad if plan else DEFAULT_TOLERANCE_RAD,
        plan,
        plan_start_ns,
        position_ecef_m,
        mounting,
    )


def _by_encoders(k: GuidanceSettings, direction: Vec, stands: Joints, q: Quaternion) -> Vec:
    """Where the encoders have the boresight when it really looks along a direction."""
    if k.mounting is None:
        return direction
    up = LEVEL_UP
    if k.position_ecef_m is not None:
        # Of the sphere: 3 mrad off that of the ellipsoid, times the flexure nothing.
        up = rotate(q, unit(k.position_ecef_m))
    return image_axes(k.mounting.correct(direction, stands, up)).boresight


def step(
    settings: GuidanceSettings, state: GuidanceState, s: GuidanceSample, dt_s: float
) -> tuple[GuidanceState, GuidanceCommand]:
    """One tick. Without a valid prediction the gimbal is left where it stands, and guidance begins
    anew; the shutter then has other reasons to be shut.

    Raises ValueError for times before 1972.
    """
    los = (s.los_x, s.los_y, s.los_z)
    q: Quaternion = (
        s.q_gimbal_from_ecef_w,
        s.q_gimbal_from_ecef_x,
        s.q_gimbal_from_ecef_y,
        s.q_gimbal_from_ecef_z,
    )
    stands = Joints(s.yaw_rad, s.pitch_rad, s.roll_rad)
    # Written so that a number which is none fails.
    sound = abs(dot(los, los) - 1.0) < _UNIT_SLACK
    sound = sound and abs(sum(part * part for part in q) - 1.0) < _UNIT_SLACK
    if not (s.pointing_valid and sound):
        return state._replace(aim=None, q_gimbal_from_ecef=None), GuidanceCommand(*stands)

    state = _with_sky(settings, state, s.t_ns)
    predicted = _by_encoders(settings, los, stands, q)
    offset = from_rotation_vector((s.offset_x_rad, s.offset_y_rad, s.offset_z_rad))
    los = rotate(offset, predicted)
    # What shifts the partner is mostly our own attitude: it shifts the whole sky.
    q = multiply(offset, q)
    sun, moon = rotate(q, state.sun_ecef), rotate(q, state.moon_ecef)
    state = _carried(settings, state, q, dt_s)
    sent = _sent(settings, state, s, los, sun, dt_s)
    joints, rates = sent.joints, sent.rates
    state = state._replace(aim=sent.aim, yaw=sent.yaw, q_gimbal_from_ecef=q)

    axes, image = image_axes(joints), image_axes(stands)
    boresight_now = image.boresight
    if separation_rad(boresight_now, los) > TRACKED_RAD:
        image = axes
    detour_rad = separation_rad(axes.boresight, los)
    keep_out = zones(settings.keep_out, axes.boresight, sun, moon)
    keep_out |= zones(settings.keep_out, boresight_now, sun, moon)
    if separation_rad(los, sun) < settings.keep_out.sun_avoid_rad:
        keep_out |= KeepOutZone.SUN_AVOID
    if s.elevation_rad < settings.keep_out.horizon_rad:
        keep_out |= KeepOutZone.HORIZON
    if separation_rad(axes.boresight, sent.aim) > settings.tolerance_rad:
        keep_out |= KeepOutZone.LIMIT

    # A reference axis along the line of sight leaves no angle: the last one stands.
    with suppress(ValueError):
        reference = (s.reference_x, s.reference_y, s.reference_z)
        state = state._replace(frame_angle_rad=frame_angle_rad(los, reference, image.up))
    los_rate = (s.los_rate_x, s.los_rate_y, s.los_rate_z)
    ahead = (s.ahead_x, s.ahead_y, s.ahead_z)
    return state, GuidanceCommand(
        target_yaw_rad=joints.yaw_rad,
        target_pitch_rad=joints.pitch_rad,
        target_roll_rad=joints.roll_rad,
        yaw_rate_rad_s=rates.yaw_rad_s,
        pitch_rate_rad_s=rates.pitch_rad_s,
        roll_rate_rad_s=rates.roll_rad_s,
        keep_out=int(keep_out),
        detour_rad=detour_rad,
        sun_separation_rad=min(
            separation_rad(axes.boresight, sun), separation_rad(boresight_now, sun)
        ),
        point_ahead_x_rad=dot(ahead, image.right),
        point_ahead_y_rad=dot(ahead, image.up),
        frame_angle_rad=state.frame_angle_rad,
        los_rate_x_rad_s=dot(los_rate, axes.right),
        los_rate_y_rad_s=dot(los_rate, axes.up),
        los_x=predicted[0],
        los_y=predicted[1],
        los_z=predicted[2],
    )


def _with_sky(settings: GuidanceSettings, state: GuidanceState, t_ns: int) -> GuidanceState:
    if state.sky_t_ns and abs(t_ns - state.sky_t_ns) < SKY_SPAN_NS:
        return state
    return state._replace(
        sky_t_ns=t_ns,
        sun_ecef=sun_direction_ecef(t_ns),
        moon_ecef=moon_direction_ecef(t_ns, settings.position_ecef_m or (0.0, 0.0, 0.0)),
    )


def _carried(
    settings: GuidanceSettings, state: GuidanceState, q: Quaternion, dt_s: float
) -> GuidanceState:
    """Aim and yaw as the gimbal's own gyros have turned them since the last tick, with the base
    turning under a payload that they hold still: no limit of what it is told applies to that."""
    before, aim = state.q_gimbal_from_ecef, state.aim
    if before is None or aim is None:
        return state
    turn = multiply(q, conjugate(before))
    turned_rad = to_rotation_vector(turn)
    sway2 = dot(turned_rad, turned_rad) / (dt_s * dt_s)
    weight = min(1.0, dt_s / SWAY_TIME_CONSTANT_S)
    state = state._replace(sway2=state.sway2 + weight * (sway2 - state.sway2))
    moved, yaw = rotate(turn, aim), state.yaw
    x, y, _ = aim
    level = max(x * x + y * y, LEAST_LEVER * LEAST_LEVER)
    yaw_rad = yaw.yaw_rad + (x * moved[1] - y * moved[0]) / level
    yaw_rad = clamp(yaw_rad, settings.gimbal.yaw_min_rad, settings.gimbal.yaw_max_rad)
    return state._replace(aim=unit(moved), yaw=yaw._replace(yaw_rad=yaw_rad))


def _course(settings: GuidanceSettings, state: GuidanceState, los_rate: Vec) -> Course:
    """The planned one, but for a detour on a base that sways about as fast as the partner moves:
    where that would pass the yaw axis, and when, is then not to be told in advance."""
    course = settings.course
    sways = state.sway2 > (SWAY_SHARE * norm(los_rate)) ** 2
    return Course() if course.strategy is Strategy.DETOUR and sways else course


class _Sent(NamedTuple):
    aim: Vec
    yaw: YawState
    joints: Joints
    rates: JointRates


def _sent(
    settings: GuidanceSettings,
    state: GuidanceState,
    s: GuidanceSample,
    los: Vec,
    sun: Vec,
    dt_s: float,
) -> _Sent:
    """The aim moves on, and the joints after it."""
    gimbal, radius_rad = settings.gimbal, settings.keep_out.sun_avoid_rad
    yaw, before = state.yaw, state.aim
    if before is None:
        before = image_axes(Joints(s.yaw_rad, s.pitch_rad, s.roll_rad)).boresight
        yaw = start_following(gimbal, s.yaw_rad, _first_turn(settings, state, s))
    aim = toward(before, los, sun, radius_rad, gimbal.max_rate_rad_s * dt_s)
    if aim == los:
        aim_rate = s.los_rate_x, s.los_rate_y, s.los_rate_z
        course = _course(settings, state, aim_rate)
    else:
        # On the way, or on the rim of the Sun's circle: no pass that the plan knows.
        aim_rate = scale(1.0 / dt_s, subtract(aim, before))
        course = Course()
    yaw, joints, rates = follow(gimbal, course, yaw, aim, aim_rate, dt_s)
    if separation_rad(image_axes(joints).boresight, sun) < radius_rad:
        pitch_rad = pitch_outside(joints, gimbal, sun, radius_rad)
        joints, rates = joints._replace(pitch_rad=pitch_rad), rates._replace(pitch_rad_s=0.0)
    return _Sent(aim, yaw, joints, rates)


def _first_turn(settings: GuidanceSettings, state: GuidanceState, s: GuidanceSample) -> float:
    """A yaw near which the partner is looked for first: on the plan's turn, or on another that
    keeps the pass on the cable and is nearer; without a plan the last one."""
    gimbal, plan = settings.gimbal, settings.plan
    if plan is not None:
        planned = plan.yaw_at_rad((s.t_ns - settings.plan_start_ns) * 1e-9)
        low, high = min(plan.yaw_rad), max(plan.yaw_rad)
        turns = [
            planned + turn
            for turn in (-2.0 * pi, 0.0, 2.0 * pi)
            if gimbal.yaw_min_rad <= low + turn and high + turn <= gimbal.yaw_max_rad
        ]
        return min(turns or [planned], key=lambda yaw: abs(yaw - s.yaw_rad))
    if state.sky_t_ns:
        return state.yaw.aim_rad
    return 0.5 * (gimbal.yaw_min_rad + gimbal.yaw_max_rad)
