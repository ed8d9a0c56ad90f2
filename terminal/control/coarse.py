"""Gimbal rate control: feed-forward of the predicted motion plus a correction of what is seen.

Which sensor leads follows from what is there: the mirror's mean while the fine loop is closed
(offload), else the camera's beacon, else the encoders against the prediction. While a beacon
leads, the difference between encoders and prediction is learned, so that when the beacon is lost
the terminal coasts on a corrected prediction.
"""

import math
from typing import NamedTuple

from config.terminal import TerminalConfig
from terminal.control.beacon import CAMERA_MAX_AGE_S
from terminal.control.scan import spiral_offset
from terminal.messages import CoarseCommand, CoarseSample
from terminal.mode import Mode

OFFSET_TIME_CONSTANT_S = 2.0
"""Averages sway and image noise out of the learned pointing offset."""

NONE, ENCODERS, CAMERA, MIRROR = range(4)

SMALLEST_COS_PITCH = 0.02
"""Nearer than this to the zenith the yaw axis can't follow, and is not asked to."""


class CoarseState(NamedTuple):
    """Learned pointing offset (joint angles, seen minus predicted), integrators, time of search."""

    offset_yaw_rad: float = 0.0
    offset_pitch_rad: float = 0.0
    learned_s: float = 0.0
    integral_x_rad_s: float = 0.0
    integral_y_rad_s: float = 0.0
    scan_s: float = 0.0


def wrap_rad(angle_rad: float) -> float:
    """To [-pi, pi)."""
    return (angle_rad + math.pi) % (2.0 * math.pi) - math.pi


def _clamp(value: float, limit: float) -> float:
    return max(-limit, min(limit, value))


def _learn(
    state: CoarseState, s: CoarseSample, x_rad: float, y_rad: float, dt_s: float
) -> CoarseState:
    """Average of (where the beacon stands, in joint angles) minus (prediction)."""
    learned_s = min(state.learned_s + dt_s, OFFSET_TIME_CONSTANT_S)
    weight = dt_s / learned_s
    cos_pitch = max(math.cos(s.target_pitch_rad), SMALLEST_COS_PITCH)
    yaw = wrap_rad(s.yaw_rad + x_rad / cos_pitch - s.target_yaw_rad)
    pitch = s.pitch_rad + y_rad - s.target_pitch_rad
    return state._replace(
        offset_yaw_rad=state.offset_yaw_rad + weight * (yaw - state.offset_yaw_rad),
        offset_pitch_rad=state.offset_pitch_rad + weight * (pitch - state.offset_pitch_rad),
        learned_s=learned_s,
    )


class _Error(NamedTuple):
    """Which sensor leads, the error it shows, and the rate at which the aim itself moves."""

    source: int
    x_rad: float
    y_rad: float
    aim_x_rad_s: float = 0.0
    aim_y_rad_s: float = 0.0


def _lead(config: TerminalConfig, state: CoarseState, s: CoarseSample, dt_s: float) -> _Error:
    """The error of the best sensor that has one."""
    searching = s.mode in (Mode.ACQUIRE, Mode.TRACK, Mode.LINK, Mode.LOST)
    if searching and s.fine_closed:
        return _Error(MIRROR, s.mirror_x_rad, s.mirror_y_rad)
    frame_age_s = abs(s.t_ns - s.camera_frame_t_ns) * 1e-9
    if searching and s.camera_found and frame_age_s < CAMERA_MAX_AGE_S:
        return _Error(CAMERA, s.camera_x_rad, s.camera_y_rad)

    yaw = wrap_rad(s.target_yaw_rad + state.offset_yaw_rad - s.yaw_rad)
    x_rad = yaw * math.cos(s.pitch_rad)
    y_rad = s.target_pitch_rad + state.offset_pitch_rad - s.pitch_rad
    if s.mode != Mode.ACQUIRE:
        return _Error(ENCODERS, x_rad, y_rad)
    a = config.acquisition
    spiral = a.pitch_rad, a.speed_rad_s, a.max_radius_rad
    scan_x, scan_y = spiral_offset(state.scan_s, *spiral)
    next_x, next_y = spiral_offset(state.scan_s + dt_s, *spiral)
    return _Error(
        ENCODERS,
        x_rad + scan_x,
        y_rad + scan_y,
        (next_x - scan_x) / dt_s,
        (next_y - scan_y) / dt_s,
    )


def step(
    config: TerminalConfig, state: CoarseState, s: CoarseSample, dt_s: float
) -> tuple[CoarseState, CoarseCommand]:
    """Rates that bring the boresight onto the partner.

    x: cross-elevation, rad on the sky; y: elevation. A cross-elevation rate w needs the yaw axis
    to turn at w / cos(pitch).
    """
    age_s = (s.t_ns - s.gimbal_t_ns) * 1e-9 if s.gimbal_t_ns else 1e9
    if not s.pointing_valid or s.mode in (Mode.STANDBY, Mode.SAFE):
        return CoarseState(), CoarseCommand(gimbal_age_s=age_s)
    # On angles that no longer move with it, the loop would turn the gimbal on and on.
    if not age_s <= config.safety.gimbal_max_age_s:
        return state, CoarseCommand(gimbal_age_s=age_s)

    limits = config.coarse
    cos_pitch = max(math.cos(s.pitch_rad), SMALLEST_COS_PITCH)
    error = _lead(config, state, s, dt_s)
    x_rad, y_rad = error.x_rad, error.y_rad
    on_encoders = error.source == ENCODERS
    # A search that has seen the beacon starts anew, from where it was learned to stand.
    scanning = on_encoders and s.mode == Mode.ACQUIRE
    state = state._replace(scan_s=state.scan_s + dt_s if scanning else 0.0)
    if not on_encoders:
        state = _learn(state, s, x_rad, y_rad, dt_s)
    # The integrator takes out gyro bias and the Earth's rotation; it stands still while slewing.
    if abs(x_rad) + abs(y_rad) < config.acquisition.settle_rad:
        state = state._replace(
            integral_x_rad_s=state.integral_x_rad_s + limits.integral_gain_per_s2 * x_rad * dt_s,
            integral_y_rad_s=state.integral_y_rad_s + limits.integral_gain_per_s2 * y_rad * dt_s,
        )
    gain = limits.position_gain_per_s if on_encoders else limits.beacon_gain_per_s
    x_rate = gain * x_rad + error.aim_x_rad_s + state.integral_x_rad_s
    y_rate = gain * y_rad + error.aim_y_rad_s + state.integral_y_rad_s
    return state, CoarseCommand(
        yaw_rate_rad_s=_clamp(s.yaw_rate_rad_s + x_rate / cos_pitch, limits.max_rate_rad_s),
        pitch_rate_rad_s=_clamp(s.pitch_rate_rad_s + y_rate, limits.max_rate_rad_s),
        error_x_rad=x_rad,
        error_y_rad=y_rad,
        source=error.source,
        switch_motors_on=not s.motors_on,
        on_target=on_encoders and math.hypot(x_rad, y_rad) < config.acquisition.settle_rad,
        gimbal_age_s=age_s,
    )
