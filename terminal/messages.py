"""One table of all messages: what each loop reads (Sample) and what it decides (Command).

A tick of a loop is one record: sequence number, Sample, Command. What stands here is all that a
step may depend on besides its own state, so a recording can be fed through the steps again and
give the same commands, bit for bit. Times are TAI nanoseconds; angles are on the sky.
x is cross-elevation (right, looking out), y is elevation (up), both in the gimbal's optical frame.
"""

from typing import NamedTuple

from terminal.fields import F32, F64, I16, I64, U8, U16, U8s
from terminal.quantum_messages import (
    LinkCommand,
    LinkSample,
    PolarizationCommand,
    PolarizationSample,
    TimingCommand,
    TimingSample,
)


class PointingSample(NamedTuple):
    """The newest navigation fix."""

    t_ns: I64
    fix_t_ns: I64
    """0: no fix yet."""
    latitude_rad: F64
    longitude_rad: F64
    altitude_m: F64
    velocity_north_m_s: F64
    velocity_east_m_s: F64
    velocity_down_m_s: F64
    q_ned_from_body_w: F64
    q_ned_from_body_x: F64
    q_ned_from_body_y: F64
    q_ned_from_body_z: F64
    attitude_sigma_rad: F64


class PointingCommand(NamedTuple):
    """Where to look, by prediction alone."""

    valid: U8 = 0
    fix_age_s: F64 = 1e9
    target_yaw_rad: F64 = 0.0
    target_pitch_rad: F64 = 0.0
    """Joint angles that put the boresight on the partner's apparent direction."""
    yaw_rate_rad_s: F64 = 0.0
    pitch_rate_rad_s: F64 = 0.0
    """Rates about the gimbal's axes that keep it there, relative to the turning Earth: its 73
    urad/s are left to the coarse loop's integrator, with the gyro's bias."""
    azimuth_rad: F64 = 0.0
    elevation_rad: F64 = 0.0
    range_m: F64 = 0.0
    range_rate_m_s: F64 = 0.0
    light_time_s: F64 = 0.0
    doppler: F64 = 0.0
    point_ahead_x_rad: F64 = 0.0
    point_ahead_y_rad: F64 = 0.0
    frame_angle_rad: F64 = 0.0
    """Angle of the sender's H axis at the analyser, from `right` toward `up`."""


class CameraSample(NamedTuple):
    """A beacon image; frame_seq is -1 where none came."""

    t_ns: I64
    frame_t_ns: I64
    frame_seq: I64
    left: U16
    top: U16
    columns: U16
    mode: U8
    pixels: U8s
    """Row by row."""


class CameraCommand(NamedTuple):
    """What the image shows, and which window to read next."""

    frame_t_ns: I64 = 0
    found: U8 = 0
    confirmed: U8 = 0
    """Found in enough successive frames, and not missed in too many since."""
    x_rad: F64 = 0.0
    y_rad: F64 = 0.0
    """Beacon relative to the boresight."""
    flux_counts: F64 = 0.0
    window_left: U16 = 0
    window_top: U16 = 0
    window_columns: U16 = 0
    window_rows: U16 = 0
    """All zero: no change."""


class ModesSample(NamedTuple):
    """All that the mode depends on."""

    t_ns: I64
    window_open: U8
    pointing_valid: U8
    elevation_rad: F64
    navigation_age_s: F64
    gimbal_age_s: F64
    quad_age_s: F64
    gimbal_on_target: U8
    camera_found: U8
    camera_confirmed: U8
    camera_error_rad: F64
    fine_closed: U8
    fine_beacon: U8
    fine_rms_rad: F64
    interlock_ok: U8
    laser_age_s: F64


class ModesCommand(NamedTuple):
    """The state of the link, and what it allows."""

    mode: U8 = 0
    since_ns: I64 = 0
    fine_enable: U8 = 0
    beacon_on: U8 = 0
    shutter_open: U8 = 0
    unsafe: U16 = 0
    """Bits of terminal.safety.Unsafe."""


class CoarseSample(NamedTuple):
    """Gimbal angles, the prediction, and the beacon as camera and mirror see it."""

    t_ns: I64
    gimbal_t_ns: I64
    yaw_rad: F64
    pitch_rad: F64
    motors_on: U8
    mode: U8
    pointing_valid: U8
    target_yaw_rad: F64
    target_pitch_rad: F64
    yaw_rate_rad_s: F64
    pitch_rate_rad_s: F64
    camera_found: U8
    camera_frame_t_ns: I64
    camera_x_rad: F64
    camera_y_rad: F64
    fine_closed: U8
    mirror_x_rad: F64
    mirror_y_rad: F64


class CoarseCommand(NamedTuple):
    """Inertial rates for the gimbal."""

    yaw_rate_rad_s: F64 = 0.0
    pitch_rate_rad_s: F64 = 0.0
    error_x_rad: F64 = 0.0
    error_y_rad: F64 = 0.0
    """The error that was acted on, by whichever sensor leads."""
    source: U8 = 0
    """0 none, 1 encoders, 2 camera, 3 mirror."""
    switch_motors_on: U8 = 0
    on_target: U8 = 0
    gimbal_age_s: F64 = 1e9


class FineSample(NamedTuple):
    """One scan of the quad cell; fresh is 0 where none came."""

    t_ns: I64
    a: I16
    b: I16
    c: I16
    d: I16
    fresh: U8
    lost: U8
    enable: U8


class FineCommand(NamedTuple):
    """Mirror command in DAC counts, and what the loop knows about itself."""

    x_counts: I16 = 0
    y_counts: I16 = 0
    x_rad: F32 = 0.0
    y_rad: F32 = 0.0
    """Residual that the quad cell shows."""
    mean_mirror_x_rad: F32 = 0.0
    mean_mirror_y_rad: F32 = 0.0
    """Low-passed mirror command: what the gimbal has to take over."""
    rms_rad: F32 = 1.0
    """Low-passed root mean square of the residual, both axes."""
    closed: U8 = 0
    beacon: U8 = 0
    scan_age_s: F32 = 1e9


class PointAheadSample(NamedTuple):
    t_ns: I64
    valid: U8
    point_ahead_x_rad: F64
    point_ahead_y_rad: F64


class PointAheadCommand(NamedTuple):
    x_counts: I16 = 0
    y_counts: I16 = 0


class Message(NamedTuple):
    """One row of the table."""

    name: str
    sample: type
    command: type
    block: int
    """Ticks per record in a recording."""


MESSAGES = {
    message.name: message
    for message in (
        Message("pointing", PointingSample, PointingCommand, 10),
        Message("camera", CameraSample, CameraCommand, 1),
        Message("modes", ModesSample, ModesCommand, 10),
        Message("coarse", CoarseSample, CoarseCommand, 10),
        Message("fine", FineSample, FineCommand, 100),
        Message("point_ahead", PointAheadSample, PointAheadCommand, 1),
        Message("polarization", PolarizationSample, PolarizationCommand, 1),
        Message("timing", TimingSample, TimingCommand, 1),
        Message("link", LinkSample, LinkCommand, 1),
    )
}
