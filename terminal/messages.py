"""One table of all messages: what each loop reads (Sample) and what it decides (Command).

A tick of a loop is one record: sequence number, Sample, Command. What stands here is all that a
step may depend on besides its own state, so a recording can be fed through the steps again and
give the same commands, bit for bit. Times are TAI nanoseconds; angles are on the sky.
x is cross-elevation (right, looking out), y is elevation (up), both in the gimbal's optical frame.
"""

from typing import Annotated, NamedTuple

import numpy as np
from numpy.typing import NDArray

I64 = Annotated[int, "q"]
U32 = Annotated[int, "I"]
I16 = Annotated[int, "h"]
U16 = Annotated[int, "H"]
U8 = Annotated[int, "B"]
F64 = Annotated[float, "d"]
F32 = Annotated[float, "f"]
F64s = Annotated[NDArray[np.float64], "<f8"]
I64s = Annotated[NDArray[np.int64], "<i8"]
U8s = Annotated[NDArray[np.uint8], "|u1"]

NO_I64S: NDArray[np.int64] = np.empty(0, dtype=np.int64)
NO_U8S: NDArray[np.uint8] = np.empty(0, dtype=np.uint8)
NO_COUNTS: NDArray[np.float64] = np.zeros(16)


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


class PolarizationSample(NamedTuple):
    """Predicted frame angle, the plate, and counts per sent state and channel so far."""

    t_ns: I64
    pointing_valid: U8
    frame_angle_rad: F64
    plate_t_ns: I64
    plate_angle_rad: F64
    plate_moving: U8
    counts: F64s
    """16 numbers, 4 * sent state + detector channel; they only grow."""


class PolarizationCommand(NamedTuple):
    plate_target_rad: F64 = 0.0
    move: U8 = 0
    trim_rad: F64 = 0.0
    """Added to the predicted frame angle."""
    trim_sigma_rad: F64 = 1.0
    misalignment_rad: F64 = 0.0
    """Frame error as the counts of the last window show it."""


class TimingSample(NamedTuple):
    """The clicks since the last tick, and the delay that geometry predicts."""

    t_ns: I64
    pointing_valid: U8
    light_time_s: F64
    light_time_rate: F64
    """d(light time)/d(t), at t_ns."""
    gate_open: U8
    """LINK, shutter open: clicks may count."""
    stream_defect: U8
    time_ps: I64s
    channel: U8s


class TimingCommand(NamedTuple):
    """The partner's clock, and the slot of every click."""

    status: U8 = 0
    """0 searching, 1 locked, 2 coasting."""
    frequency_offset: F64 = 0.0
    """Own oscillator and unpredicted Doppler: slot period seen over predicted, minus 1."""
    drift_per_s: F64 = 0.0
    phase_sigma_s: F64 = 1.0
    false_lock_probability: F64 = 1.0
    timing_rms_s: F64 = 0.0
    signal_fraction: F64 = 0.0
    clicks_in_gate: U32 = 0
    clicks_out_of_gate: U32 = 0
    slot: I64s = NO_I64S
    """Of each click of the sample; -1 where the clock is not sure or the click is out of gate."""
    residual_ps: I64s = NO_I64S
    """From its slot's centre."""
    public_counts: F64s = NO_COUNTS
    """Clicks so far in public slots, 4 * sent state + channel."""


class LinkSample(NamedTuple):
    """Accepted clicks in key slots, and what the partner answered."""

    t_ns: I64
    slot: I64s
    channel: U8s
    reply_request: I64s
    reply_length: I64s
    reply_basis: U8s
    reply_intensity: U8s
    reply_bit: U8s
    """The replies one after the other."""


class LinkCommand(NamedTuple):
    """The announcement to send (none if request is 0) and the key so far."""

    request: U32 = 0
    announce_slot: I64s = NO_I64S
    announce_basis: U8s = NO_U8S
    announce_disclose: U8s = NO_U8S
    pending: U32 = 0
    """Announcements without answer."""
    expired: U32 = 0
    """Announcements given up."""
    dropped: I64 = 0
    """Clicks never announced, because the channel takes no more at once."""
    detected: I64 = 0
    sifted: I64 = 0
    disclosed: I64 = 0
    """Of both bases."""
    disclosed_key: I64 = 0
    """Key-basis bits among them."""
    qber: F64 = 0.5
    """Error rate of `disclosed_key`; one half without any."""
    phase_error: F64 = 0.5
    secret_key_bits: F64 = 0.0
    disclosed_counts: F64s = NO_COUNTS
    """Clicks so far whose state the partner disclosed, 4 * sent state + channel."""


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
