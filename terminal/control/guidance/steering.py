"""Where to send the gimbal: toward the partner, through the keyhole, round the Sun, in its limits.

A step works from the line of sight in the gimbal's base as it is now; the plan says which way
through the keyhole and on which turn of the cable. The aim moves over the sky no faster than the
gimbal can, from where the gimbal stood when guidance began, and never through the Sun's circle or
under the horizon; the joints follow the aim. A search looks beside it, in the same bounds.
"""

from contextlib import suppress
from math import pi
from typing import NamedTuple

from terminal.control.guidance.base_motion import (
    carried_yaw,
    course_on,
    watched_sway2,
)
from terminal.control.guidance.bounds import Bounds, height_rad
from terminal.control.guidance.joint_limits import JointRates
from terminal.control.guidance.keep_out import KeepOutZone, separation_rad, zones
from terminal.control.guidance.keyhole import (
    Course,
    YawState,
    follow,
    start_following,
)
from terminal.control.guidance.mounted_axes import MountedAxes, up_in_base
from terminal.control.guidance.search_look import look_beside
from terminal.control.guidance.settings import GuidanceSettings
from terminal.control.guidance.sky import Sky, sky_at
from terminal.geometry.gimbal_frame import Joints, image_axes
from terminal.geometry.polarization_frame import frame_angle_rad
from terminal.geometry.quaternion import (
    Quaternion,
    conjugate,
    from_rotation_vector,
    multiply,
    rotate,
    to_rotation_vector,
)
from terminal.geometry.vector import Vec, dot, norm, scale, subtract, unit
from terminal.pointing_messages import GuidanceCommand, GuidanceSample

_UNIT_SLACK = 1e-3

TRACKED_RAD = 0.05
"""Nearer to the partner than this, the image is turned as the gimbal stands; before, as it will."""


class GuidanceState(NamedTuple):
    """Nothing in it: guidance begins at where the gimbal stands."""

    aim: Vec | None = None
    """Unit vector in the base's axes, as encoders have them."""
    look: Vec | None = None
    """The same for the search; None: it looks at the aim."""
    yaw: YawState = YawState(0.0, 0.0, 0.0)
    q_gimbal_from_ecef: Quaternion | None = None
    """Of the last tick: how the base has turned since."""
    sway2: float = 0.0
    """Low-passed square of the rate at which the base turns, (rad/s)^2."""
    sky: Sky = Sky()
    told: GuidanceCommand = GuidanceCommand()
    """The last command."""


def step(
    settings: GuidanceSettings, state: GuidanceState, s: GuidanceSample, dt_s: float
) -> tuple[GuidanceState, GuidanceCommand]:
    """One tick. Without a valid prediction the gimbal is left where it stands, guidance begins
    anew, and what is told of the sky is the last that was known.

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
        return _left_alone(state, stands)

    mounted = MountedAxes(settings.mounting, up_in_base(q, settings.position_ecef_m))
    predicted = mounted.by_encoders(los, stands)
    offset = from_rotation_vector((s.offset_x_rad, s.offset_y_rad, s.offset_z_rad))
    aimed, los = rotate(offset, predicted), rotate(offset, los)
    # What shifts the partner is mostly our own attitude: it shifts the whole sky.
    q = multiply(offset, q)
    state = state._replace(sky=sky_at(state.sky, s.t_ns, settings.position_ecef_m))
    sun, moon = rotate(q, state.sky.sun_ecef), rotate(q, state.sky.moon_ecef)
    bounds = Bounds(
        mounted.beside(sun, stands),
        settings.keep_out.sun_avoid_rad,
        mounted.up,
        # An elevation that is known better than the vertical, which serves for differences only.
        settings.keep_out.horizon_rad - s.elevation_rad + height_rad(aimed, mounted.up),
    )
    state = _carried(settings, state, q, dt_s)
    sent = _sent(settings, state, s, aimed, bounds, dt_s)
    look, joints, rates = look_beside(
        settings.gimbal, bounds, state.look, aimed, sent.aim, sent.joints, sent.rates, s, dt_s
    )
    state = state._replace(aim=sent.aim, look=look, yaw=sent.yaw, q_gimbal_from_ecef=q)

    axes = image_axes(sent.joints)
    near = separation_rad(image_axes(stands).boresight, aimed) <= TRACKED_RAD
    image = mounted.axes(stands if near else sent.joints)
    boresight_now, boresight_then = mounted.axes(stands).boresight, mounted.axes(joints).boresight
    keep_out = zones(settings.keep_out, boresight_then, sun, moon)
    keep_out |= zones(settings.keep_out, boresight_now, sun, moon)
    if separation_rad(los, sun) < settings.keep_out.sun_avoid_rad:
        keep_out |= KeepOutZone.SUN_AVOID
    if s.elevation_rad < settings.keep_out.horizon_rad:
        keep_out |= KeepOutZone.HORIZON
    if separation_rad(axes.boresight, sent.aim) > settings.tolerance_rad:
        keep_out |= KeepOutZone.LIMIT

    frame_angle = state.told.frame_angle_rad
    # A reference axis along the line of sight leaves no angle: the last one stands.
    with suppress(ValueError):
        reference = (s.reference_x, s.reference_y, s.reference_z)
        frame_angle = frame_angle_rad(los, reference, image.up)
    los_rate = (s.los_rate_x, s.los_rate_y, s.los_rate_z)
    ahead = (s.ahead_x, s.ahead_y, s.ahead_z)
    command = GuidanceCommand(
        *sent.joints,
        *sent.rates,
        keep_out=int(keep_out),
        detour_rad=separation_rad(axes.boresight, aimed),
        sun_separation_rad=min(separation_rad(b, sun) for b in (boresight_now, boresight_then)),
        point_ahead_x_rad=dot(ahead, image.right),
        point_ahead_y_rad=dot(ahead, image.up),
        frame_angle_rad=frame_angle,
        los_rate_x_rad_s=dot(los_rate, axes.right),
        los_rate_y_rad_s=dot(los_rate, axes.up),
        los_x=predicted[0],
        los_y=predicted[1],
        los_z=predicted[2],
        look_yaw_rad=joints.yaw_rad,
        look_pitch_rad=joints.pitch_rad,
        look_roll_rad=joints.roll_rad,
        look_yaw_rate_rad_s=rates.yaw_rad_s,
        look_pitch_rate_rad_s=rates.pitch_rad_s,
        look_roll_rate_rad_s=rates.roll_rad_s,
    )
    return state._replace(told=command), command


def _left_alone(state: GuidanceState, stands: Joints) -> tuple[GuidanceState, GuidanceCommand]:
    command = state.told._replace(
        target_yaw_rad=stands.yaw_rad,
        target_pitch_rad=stands.pitch_rad,
        target_roll_rad=stands.roll_rad,
        yaw_rate_rad_s=0.0,
        pitch_rate_rad_s=0.0,
        roll_rate_rad_s=0.0,
        # Before the first prediction nothing has been told that could be old.
        keep_out=state.told.keep_out | (KeepOutZone.UNKNOWN if state.sky.t_ns else 0),
        look_yaw_rad=stands.yaw_rad,
        look_pitch_rad=stands.pitch_rad,
        look_roll_rad=stands.roll_rad,
        look_yaw_rate_rad_s=0.0,
        look_pitch_rate_rad_s=0.0,
        look_roll_rate_rad_s=0.0,
    )
    return state._replace(aim=None, look=None, q_gimbal_from_ecef=None), command


def _carried(
    settings: GuidanceSettings, state: GuidanceState, q: Quaternion, dt_s: float
) -> GuidanceState:
    """Aim and yaw as the turning base has carried them since the last tick."""
    before, aim = state.q_gimbal_from_ecef, state.aim
    if before is None or aim is None:
        return state
    turn = multiply(q, conjugate(before))
    moved = rotate(turn, aim)
    return state._replace(
        aim=unit(moved),
        look=unit(rotate(turn, state.look)) if state.look else None,
        yaw=carried_yaw(settings.gimbal, state.yaw, aim, moved),
        sway2=watched_sway2(state.sway2, norm(to_rotation_vector(turn)), dt_s),
    )


class _Sent(NamedTuple):
    aim: Vec
    yaw: YawState
    joints: Joints
    rates: JointRates


def _sent(
    settings: GuidanceSettings,
    state: GuidanceState,
    s: GuidanceSample,
    aimed: Vec,
    bounds: Bounds,
    dt_s: float,
) -> _Sent:
    """The aim moves on, and the joints after it."""
    gimbal = settings.gimbal
    yaw, before = state.yaw, state.aim
    if before is None:
        before = image_axes(Joints(s.yaw_rad, s.pitch_rad, s.roll_rad)).boresight
        yaw = start_following(gimbal, s.yaw_rad, _first_turn(settings, state, s))
    aim = bounds.toward(before, aimed, gimbal.max_rate_rad_s * dt_s)
    if aim == aimed:
        aim_rate = s.los_rate_x, s.los_rate_y, s.los_rate_z
        course = course_on(settings.course, state.sway2, aim_rate)
    else:
        # On the way, on the horizon or the rim of the Sun's circle: no pass that the plan knows.
        aim_rate = scale(1.0 / dt_s, subtract(aim, before))
        course = Course()
    yaw, joints, rates = follow(gimbal, course, yaw, aim, aim_rate, dt_s)
    return _Sent(aim, yaw, *bounds.outside(gimbal, joints, rates))


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
    if state.sky.t_ns:
        return state.yaw.aim_rad
    return 0.5 * (gimbal.yaw_min_rad + gimbal.yaw_max_rad)
