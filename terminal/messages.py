"""One table of all messages: what each loop reads (Sample) and what it decides (Command).

A tick of a loop is one record: sequence number, Sample, Command. What stands here is all that a
step may depend on besides its own state, so a recording can be fed through the steps again and
give the same commands, bit for bit. Times are TAI nanoseconds; angles are on the sky.
x is cross-elevation (right, looking out), y is elevation (up), both in the gimbal's optical frame.
"""

from typing import NamedTuple

from terminal.fields import F32, F64, I16, I64, U8, U16, U32, U8s
from terminal.pointing_messages import (
    AcquisitionCommand,
    AcquisitionSample,
    CoarseCommand,
    CoarseSample,
    GuidanceCommand,
    GuidanceSample,
    PointingCommand,
    PointingSample,
)
from terminal.quantum_messages import (
    DivergenceCommand,
    DivergenceSample,
    LinkCommand,
    LinkSample,
    PolarizationCommand,
    PolarizationSample,
    TimingCommand,
    TimingSample,
)


class CameraSample(NamedTuple):
    """A beacon image; frame_seq is -1 where none came."""

    t_ns: I64
    frame_t_ns: I64
    frame_seq: I64
    exposure_us: U32
    left: U16
    top: U16
    columns: U16
    mode: U8
    yaw_rad: F64
    pitch_rad: F64
    roll_rad: F64
    """Joints of the gimbal in the middle of the exposure."""
    los_x: F64
    los_y: F64
    los_z: F64
    """Predicted direction of the partner at that time, in the axes of the gimbal's base."""
    los_rate_x: F64
    los_rate_y: F64
    los_rate_z: F64
    """Its change per second against the stars."""
    pixels: U8s
    """Row by row."""
    false_locks: U16 = 0
    """How often what was tracked turned out not to be the beacon."""


class CameraCommand(NamedTuple):
    """What the image shows, and which window to read next."""

    frame_t_ns: I64 = 0
    found: U8 = 0
    confirmed: U8 = 0
    """The spot has stood still against the prediction in enough frames, and was not missed in too
    many since."""
    x_rad: F64 = 0.0
    y_rad: F64 = 0.0
    """Beacon relative to the boresight."""
    sigma_rad: F64 = 0.0
    """1-sigma per axis of x and y from the noise of the image; 0: not found."""
    flux_counts: F64 = 0.0
    saturated: U8 = 0
    candidates: U8 = 0
    """Spots in this frame that have the shape of a beacon."""
    exposure_us: U32 = 0
    """Of the next frames; 0: no change."""
    window_left: U16 = 0
    window_top: U16 = 0
    window_columns: U16 = 0
    window_rows: U16 = 0
    """All zero: no change."""
    false_locks: U16 = 0
    """Those that this answer knows of."""


class ModesSample(NamedTuple):
    """All that the mode depends on."""

    t_ns: I64
    window_open: U8
    pointing_valid: U8
    elevation_rad: F64
    keep_out: U8
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
    beacon_leads: U8 = 0
    """The gimbal follows what camera or mirror show."""
    camera_false_locks: U16 = 0
    """Of our false locks those that the camera's answer knows of."""
    shutter_seen_open: U8 = 0
    """So says the laser box's newest answer, which is `laser_age_s` old."""


class ModesCommand(NamedTuple):
    """The state of the link, and what it allows."""

    mode: U8 = 0
    since_ns: I64 = 0
    fine_enable: U8 = 0
    beacon_on: U8 = 0
    shutter_open: U8 = 0
    unsafe: U16 = 0
    """Bits of terminal.safety.Unsafe."""
    false_locks: U16 = 0
    """How often what was tracked turned out not to be the beacon; after 65535 comes 0."""


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
    aim_x_rad: F64 = 0.0
    aim_y_rad: F64 = 0.0
    """Where on the cell the beacon shall stand: the signal's offset, or the point-ahead."""


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
    events: U16 = 0
    """Bits of terminal.control.fine.events.FineEvent."""


class PointAheadSample(NamedTuple):
    t_ns: I64
    valid: U8
    point_ahead_x_rad: F64
    point_ahead_y_rad: F64
    signal_offset_rad: F64


class PointAheadCommand(NamedTuple):
    """Point-ahead mirror in DAC counts, and where the fine loop shall hold the beacon."""

    x_counts: I16 = 0
    y_counts: I16 = 0
    aim_x_rad: F64 = 0.0
    aim_y_rad: F64 = 0.0
    limited: U8 = 0
    """Mirror or aim should stand further out than they can."""


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
        Message("guidance", GuidanceSample, GuidanceCommand, 10),
        Message("camera", CameraSample, CameraCommand, 1),
        Message("modes", ModesSample, ModesCommand, 10),
        Message("acquisition", AcquisitionSample, AcquisitionCommand, 10),
        Message("coarse", CoarseSample, CoarseCommand, 10),
        Message("fine", FineSample, FineCommand, 100),
        Message("point_ahead", PointAheadSample, PointAheadCommand, 1),
        Message("polarization", PolarizationSample, PolarizationCommand, 1),
        Message("timing", TimingSample, TimingCommand, 1),
        Message("link", LinkSample, LinkCommand, 1),
        Message("divergence", DivergenceSample, DivergenceCommand, 10),
    )
}
