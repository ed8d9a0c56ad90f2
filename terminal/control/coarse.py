"""Gimbal rate control: feed-forward of the guided motion plus a correction of what is seen.

Which sensor leads follows from what is there: the mirror's mean while the fine loop is closed
(offload), else the camera's beacon, else the encoders against the guidance's target. While a beacon
leads, the rotation between where it is seen and where it was predicted is learned, so that when the
beacon is lost the terminal coasts on a corrected prediction.
"""

import math
from typing import NamedTuple

from config.terminal import TerminalConfig
from terminal.control.guidance.joint_limits import (
    SMALLEST_COS_PITCH,
    THIRD_AXIS_COS_PITCH,
    JointRates,
)
from terminal.control.guidance.keep_out import KeepOutZone
from terminal.control.image.beacon import CAMERA_MAX_AGE_S
from terminal.geometry.gimbal_frame import Joints, image_axes, image_motion
from terminal.geometry.vector import Vec, add, cross, dot, norm, scale, subtract
from terminal.mode import Mode
from terminal.pointing_messages import CoarseCommand, CoarseSample

OFFSET_TIME_CONSTANT_S = 2.0
"""Averages sway and image noise out of the learned pointing offset."""

MOST_INTEGRAL_RAD_S = 5.0e-3
"""Gyro bias and the Earth's rotation are 0.15 mrad/s together; the rest is for predicted rates that
are wrong by an attitude error of some tenths of a radian."""

NONE, ENCODERS, CAMERA, MIRROR = range(4)

SEEKING = frozenset({Mode.ACQUIRE, Mode.TRACK, Mode.LINK, Mode.LOST})
"""Modes in which a beacon that is seen leads the gimbal."""


class CoarseState(NamedTuple):
    """Learned rotation of the prediction (in the gimbal's base), and integrators in the image."""

    offset_rad: Vec = (0.0, 0.0, 0.0)
    learned_s: float = 0.0
    integral_x_rad_s: float = 0.0
    integral_y_rad_s: float = 0.0
    frame_t_ns: int = 0
    frame_x_rad: float = 0.0
    frame_y_rad: float = 0.0
    drift_x_rad_s: float = 0.0
    drift_y_rad_s: float = 0.0
    """Of the beacon through the image, over the last two frames."""
    false_locks: int = 0
    """Those that are known here."""


class _Error(NamedTuple):
    """Which sensor leads, and the error it shows in the image."""

    source: int
    x_rad: float
    y_rad: float


def _clamp(value: float, limit: float) -> float:
    return max(-limit, min(limit, value))


def _lead(config: TerminalConfig, s: CoarseSample) -> _Error:
    """The error of the best sensor that has one."""
    # Sent beside the partner on purpose, the gimbal must not follow what the image shows.
    on_partner = s.detour_rad <= config.coarse.handover_rad
    # Nor into the Sun's circle.
    on_partner = on_partner and not s.keep_out & KeepOutZone.SUN_AVOID
    if s.mode in SEEKING and on_partner:
        if s.fine_closed:
            return _Error(MIRROR, s.mirror_x_rad, s.mirror_y_rad)
        frame_age_s = abs(s.t_ns - s.camera_frame_t_ns) * 1e-9
        if s.camera_seen and frame_age_s < CAMERA_MAX_AGE_S:
            return _Error(CAMERA, s.camera_x_rad, s.camera_y_rad)
    motion = image_motion(Joints(s.yaw_rad, s.pitch_rad, s.roll_rad))
    yaw = s.look_yaw_rad - s.yaw_rad
    roll = s.look_roll_rad - s.roll_rad
    # Small angles: where the boresight that is wanted stands in the present image.
    return _Error(
        ENCODERS,
        motion.x_per_yaw * yaw + motion.x_per_roll * roll,
        s.look_pitch_rad - s.pitch_rad + motion.y_per_yaw * yaw,
    )


def _watch(state: CoarseState, s: CoarseSample) -> CoarseState:
    """How the beacon drifts from frame to frame; unknown after a gap."""
    if not s.camera_seen or s.camera_frame_t_ns == state.frame_t_ns:
        return state
    gap_s = (s.camera_frame_t_ns - state.frame_t_ns) * 1e-9
    known = 0.0 < gap_s < CAMERA_MAX_AGE_S
    return state._replace(
        frame_t_ns=s.camera_frame_t_ns,
        frame_x_rad=s.camera_x_rad,
        frame_y_rad=s.camera_y_rad,
        drift_x_rad_s=(s.camera_x_rad - state.frame_x_rad) / gap_s if known else 0.0,
        drift_y_rad_s=(s.camera_y_rad - state.frame_y_rad) / gap_s if known else 0.0,
    )


def _learn(
    config: TerminalConfig,
    state: CoarseState,
    s: CoarseSample,
    x_rad: float,
    y_rad: float,
    dt_s: float,
) -> CoarseState:
    """Average the rotation from the predicted to the seen direction.

    One direction shows nothing of the rotation about itself: that part stays as it was learned
    from others.
    """
    learned_s = min(state.learned_s + dt_s, OFFSET_TIME_CONSTANT_S)
    axes = image_axes(Joints(s.yaw_rad, s.pitch_rad, s.roll_rad))
    los = (s.los_x, s.los_y, s.los_z)
    seen = add(axes.boresight, add(scale(x_rad, axes.right), scale(y_rad, axes.up)))
    across = cross(los, subtract(seen, los))
    known = subtract(state.offset_rad, scale(dot(state.offset_rad, los), los))
    change = scale(dt_s / learned_s, subtract(across, known))
    # What moves the guided target farther than the gimbal gets from rest would look like a detour.
    most_rad = 0.5 * config.gimbal.max_acceleration_rad_s2 * dt_s * dt_s
    change = scale(most_rad / max(norm(change), most_rad), change)
    return state._replace(offset_rad=add(state.offset_rad, change), learned_s=learned_s)


def _rates_of_image(
    config: TerminalConfig, s: CoarseSample, x_rad_s: float, y_rad_s: float
) -> JointRates:
    """Joint rates that move the boresight by so much in the image."""
    motion = image_motion(Joints(s.yaw_rad, s.pitch_rad, s.roll_rad))
    by_yaw, by_roll = motion.x_per_yaw, motion.x_per_roll
    if config.gimbal.roll_max_rad > 0.0 and abs(by_yaw) < THIRD_AXIS_COS_PITCH:
        # The smallest joint rates that do it.
        square = by_yaw**2 + by_roll**2
        yaw, roll = x_rad_s * by_yaw / square, x_rad_s * by_roll / square
    else:
        # Past the zenith yaw moves the image the other way.
        yaw = x_rad_s / math.copysign(max(abs(by_yaw), SMALLEST_COS_PITCH), by_yaw)
        roll = 0.0
    return JointRates(yaw, y_rad_s - motion.y_per_yaw * yaw, roll)


def _toward_look(config: TerminalConfig, s: CoarseSample) -> JointRates:
    """Each joint along with where guidance looks, and to it."""
    gain = config.coarse.position_gain_per_s
    return JointRates(
        s.look_yaw_rate_rad_s + gain * (s.look_yaw_rad - s.yaw_rad),
        s.look_pitch_rate_rad_s + gain * (s.look_pitch_rad - s.pitch_rad),
        s.look_roll_rate_rad_s + gain * (s.look_roll_rad - s.roll_rad),
    )


def _home(config: TerminalConfig, s: CoarseSample) -> JointRates:
    """Roll to its target, by a motion that yaw and pitch take out of the image again; near the
    zenith roll and yaw as near to their targets as such a motion brings them."""
    if config.gimbal.roll_max_rad == 0.0:
        return JointRates(0.0, 0.0, 0.0)
    motion = image_motion(Joints(s.yaw_rad, s.pitch_rad, s.roll_rad))
    by_yaw, by_roll = motion.x_per_yaw, motion.x_per_roll
    away = -by_yaw * (s.target_roll_rad - s.roll_rad)
    if abs(by_yaw) < THIRD_AXIS_COS_PITCH:
        away += by_roll * (s.target_yaw_rad - s.yaw_rad)
    lead = config.coarse.position_gain_per_s * away / (by_yaw**2 + by_roll**2)
    return JointRates(lead * by_roll, -motion.y_per_yaw * lead * by_roll, -lead * by_yaw)


def _integrated(
    config: TerminalConfig, state: CoarseState, x_rad: float, y_rad: float, dt_s: float
) -> CoarseState:
    """The integrators one tick on: they take out gyro bias and the Earth's rotation. Fed by what a
    pull-in still has to go, they would overshoot and creep back for seconds."""
    if math.hypot(x_rad, y_rad) >= config.coarse.handover_rad:
        return state
    gain = config.coarse.integral_gain_per_s2 * dt_s
    return state._replace(
        integral_x_rad_s=_clamp(state.integral_x_rad_s + gain * x_rad, MOST_INTEGRAL_RAD_S),
        integral_y_rad_s=_clamp(state.integral_y_rad_s + gain * y_rad, MOST_INTEGRAL_RAD_S),
    )


def _plus(a: JointRates, b: JointRates) -> JointRates:
    return JointRates(
        a.yaw_rad_s + b.yaw_rad_s, a.pitch_rad_s + b.pitch_rad_s, a.roll_rad_s + b.roll_rad_s
    )


def step(
    config: TerminalConfig, state: CoarseState, s: CoarseSample, dt_s: float
) -> tuple[CoarseState, CoarseCommand]:
    """Rates that bring the boresight onto the partner; x right, y up in the image, rad."""
    age_s = (s.t_ns - s.gimbal_t_ns) * 1e-9 if s.gimbal_t_ns else 1e9
    if not s.pointing_valid or s.mode in (Mode.STANDBY, Mode.SAFE):
        return CoarseState(false_locks=s.false_locks), CoarseCommand(gimbal_age_s=age_s)
    # On angles that no longer move with it, the loop would turn the gimbal on and on.
    if not abs(age_s) <= config.safety.gimbal_max_age_s:
        return state, CoarseCommand(gimbal_age_s=age_s)

    limits = config.coarse
    tracking = s.mode in (Mode.TRACK, Mode.LINK)
    if s.false_locks != state.false_locks:
        # What a false beacon taught is worth nothing.
        state = CoarseState(false_locks=s.false_locks)
    state = _watch(state, s)
    source, x_rad, y_rad = _lead(config, s)
    on_encoders = source == ENCODERS
    # What pulls the gimbal in is believed only once it has been centred.
    if tracking and not on_encoders:
        state = _learn(config, state, s, x_rad, y_rad, dt_s)
    integral = _integrated(config, state, x_rad, y_rad, dt_s)
    x_rate, y_rate = integral.integral_x_rad_s, integral.integral_y_rad_s
    if on_encoders:
        own = _toward_look(config, s)
    else:
        own = _plus(
            JointRates(s.yaw_rate_rad_s, s.pitch_rate_rad_s, s.roll_rate_rad_s), _home(config, s)
        )
        gain, lead_s = limits.offload_gain_per_s, 0.0
        if source == CAMERA:
            # A lead as long as the gimbal's lag cancels it.
            gain, lead_s = limits.beacon_gain_per_s, limits.gimbal_lag_s
        x_rate += gain * (x_rad + lead_s * state.drift_x_rad_s)
        y_rate += gain * (y_rad + lead_s * state.drift_y_rad_s)
    wanted = _plus(own, _rates_of_image(config, s, x_rate, y_rate))
    most = config.gimbal.max_rate_rad_s
    rates = JointRates(*(_clamp(rate, most) for rate in wanted))
    if rates == wanted:
        # An axis at its limit answers no integrator, which would run away.
        state = integral
    offset_x, offset_y, offset_z = state.offset_rad
    return state, CoarseCommand(
        *rates,
        error_x_rad=x_rad,
        error_y_rad=y_rad,
        source=source,
        offset_x_rad=offset_x,
        offset_y_rad=offset_y,
        offset_z_rad=offset_z,
        switch_motors_on=not s.motors_on,
        on_target=on_encoders
        and math.hypot(x_rad, y_rad) + s.detour_rad < config.acquisition.settle_rad,
        gimbal_age_s=age_s,
    )
