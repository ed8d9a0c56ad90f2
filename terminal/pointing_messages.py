"""What passes through the loops that decide where to look: pointing, guidance, acquisition, coarse.

As in `terminal.messages`, which has the table of all.
"""

from typing import NamedTuple

from terminal.fields import F64, I64, U8, U16


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
    position_sigma_m: F64 = 1.0


class PointingCommand(NamedTuple):
    """Where the partner is, by prediction alone; vectors in the axes of the gimbal's base."""

    valid: U8 = 0
    events: U16 = 0
    """Bits of terminal.control.navigation.NavigationEvent: what was wrong with the fixes."""
    fix_age_s: F64 = 1e9
    los_x: F64 = 1.0
    los_y: F64 = 0.0
    los_z: F64 = 0.0
    """Unit vector toward where the partner's light comes from."""
    los_rate_x: F64 = 0.0
    los_rate_y: F64 = 0.0
    los_rate_z: F64 = 0.0
    """Its change per second seen from the turning Earth; the body's own turning is not in it."""
    ahead_x: F64 = 0.0
    ahead_y: F64 = 0.0
    ahead_z: F64 = 0.0
    """Direction in which light has to leave, minus the direction that light comes from."""
    reference_x: F64 = 0.0
    reference_y: F64 = 0.0
    reference_z: F64 = 0.0
    """The sender's H axis. All zero: not known."""
    q_gimbal_from_ecef_w: F64 = 1.0
    q_gimbal_from_ecef_x: F64 = 0.0
    q_gimbal_from_ecef_y: F64 = 0.0
    q_gimbal_from_ecef_z: F64 = 0.0
    sigma_rad: F64 = 1.0
    """1-sigma per axis of the prediction: attitude, mounting, the partner's place across its path.
    """
    along_sigma_s: F64 = 0.0
    """1-sigma along the partner's path, as time: its place along the track, and our clock."""
    azimuth_rad: F64 = 0.0
    elevation_rad: F64 = 0.0
    range_m: F64 = 0.0
    range_rate_m_s: F64 = 0.0
    light_time_s: F64 = 0.0
    doppler: F64 = 0.0
    signal_offset_rad: F64 = 0.0
    """How much higher the quantum signal arrives than the beacon, by refraction's dispersion."""


class GuidanceSample(NamedTuple):
    """The prediction, and where the gimbal stands."""

    t_ns: I64
    pointing_valid: U8
    """Also 0 until the gimbal has told where it stands."""
    los_x: F64
    los_y: F64
    los_z: F64
    los_rate_x: F64
    los_rate_y: F64
    los_rate_z: F64
    ahead_x: F64
    ahead_y: F64
    ahead_z: F64
    reference_x: F64
    reference_y: F64
    reference_z: F64
    q_gimbal_from_ecef_w: F64
    q_gimbal_from_ecef_x: F64
    q_gimbal_from_ecef_y: F64
    q_gimbal_from_ecef_z: F64
    elevation_rad: F64
    yaw_rad: F64
    pitch_rad: F64
    roll_rad: F64
    offset_x_rad: F64 = 0.0
    offset_y_rad: F64 = 0.0
    offset_z_rad: F64 = 0.0
    """Rotation vector by which the beacon was seen beside the prediction."""
    scan_x_rad: F64 = 0.0
    scan_y_rad: F64 = 0.0
    scan_rate_x_rad_s: F64 = 0.0
    scan_rate_y_rad_s: F64 = 0.0
    """Where the search wants to look beside the partner, in the image."""


class GuidanceCommand(NamedTuple):
    """Where the gimbal shall look, and what the image behind it will show there."""

    target_yaw_rad: F64 = 0.0
    target_pitch_rad: F64 = 0.0
    target_roll_rad: F64 = 0.0
    yaw_rate_rad_s: F64 = 0.0
    pitch_rate_rad_s: F64 = 0.0
    roll_rate_rad_s: F64 = 0.0
    """Rates about the gimbal's axes that keep it there, relative to the turning Earth: its 73
    urad/s are left to the coarse loop's integrator, with the gyro's bias."""
    keep_out: U8 = 0
    """Bits of terminal.control.guidance.keep_out.KeepOutZone in which the boresight stands or is
    sent."""
    detour_rad: F64 = 0.0
    """How far the boresight is sent beside the partner: limits, keyhole, or the Sun."""
    sun_separation_rad: F64 = 3.0
    point_ahead_x_rad: F64 = 0.0
    point_ahead_y_rad: F64 = 0.0
    frame_angle_rad: F64 = 0.0
    """Angle of the sender's H axis at the analyser, from `right` toward `up`."""
    los_rate_x_rad_s: F64 = 0.0
    los_rate_y_rad_s: F64 = 0.0
    """Of the partner, in the image: the direction along its path."""
    los_x: F64 = 1.0
    los_y: F64 = 0.0
    los_z: F64 = 0.0
    """Where the boresight would stand by its encoders if it looked along the prediction."""
    look_yaw_rad: F64 = 0.0
    look_pitch_rad: F64 = 0.0
    look_roll_rad: F64 = 0.0
    look_yaw_rate_rad_s: F64 = 0.0
    look_pitch_rate_rad_s: F64 = 0.0
    look_roll_rate_rad_s: F64 = 0.0
    """The same as the target's for where the search looks: beside the partner, in the same bounds.
    Without a search that is the target."""


class AcquisitionSample(NamedTuple):
    """How far the partner may stand from where it is predicted, and whether it is seen."""

    t_ns: I64
    mode: U8
    sigma_rad: F64
    along_sigma_s: F64
    los_rate_x_rad_s: F64
    los_rate_y_rad_s: F64
    camera_confirmed: U8
    camera_frame_t_ns: I64
    note: U8
    """Of the partner: terminal.control.search.roles.Note."""
    note_t_ns: I64
    quad_lit: U8 = 0
    false_locks: U16 = 0
    """How often what was tracked turned out not to be the beacon."""


class AcquisitionCommand(NamedTuple):
    """Where the search looks, relative to the prediction."""

    role: U8 = 0
    """terminal.control.search.roles.Role"""
    scan_x_rad: F64 = 0.0
    scan_y_rad: F64 = 0.0
    scan_rate_x_rad_s: F64 = 0.0
    scan_rate_y_rad_s: F64 = 0.0
    sweep: U16 = 0
    """Covers of the field of uncertainty begun; each is wider than the one before."""
    sigma_major_rad: F64 = 0.0
    sigma_minor_rad: F64 = 0.0
    """Of the field of uncertainty that is searched."""
    note: U8 = 0
    """To the partner."""
    note_t_ns: I64 = 0


class CoarseSample(NamedTuple):
    """Gimbal angles, where they shall be, and the beacon as camera and mirror see it."""

    t_ns: I64
    gimbal_t_ns: I64
    yaw_rad: F64
    pitch_rad: F64
    roll_rad: F64
    motors_on: U8
    mode: U8
    pointing_valid: U8
    """Of the guidance."""
    los_x: F64
    los_y: F64
    los_z: F64
    target_yaw_rad: F64
    target_pitch_rad: F64
    target_roll_rad: F64
    yaw_rate_rad_s: F64
    pitch_rate_rad_s: F64
    roll_rate_rad_s: F64
    detour_rad: F64
    keep_out: U8
    look_yaw_rad: F64
    look_pitch_rad: F64
    look_roll_rad: F64
    look_yaw_rate_rad_s: F64
    look_pitch_rate_rad_s: F64
    look_roll_rate_rad_s: F64
    camera_seen: U8
    """A confirmed beacon in the newest frame."""
    camera_frame_t_ns: I64
    camera_x_rad: F64
    camera_y_rad: F64
    fine_closed: U8
    mirror_x_rad: F64
    mirror_y_rad: F64
    false_locks: U16 = 0
    """How often what was tracked turned out not to be the beacon."""


class CoarseCommand(NamedTuple):
    """Inertial rates for the gimbal."""

    yaw_rate_rad_s: F64 = 0.0
    pitch_rate_rad_s: F64 = 0.0
    roll_rate_rad_s: F64 = 0.0
    error_x_rad: F64 = 0.0
    error_y_rad: F64 = 0.0
    """The error that was acted on, by whichever sensor leads."""
    source: U8 = 0
    """0 none, 1 encoders, 2 camera, 3 mirror."""
    offset_x_rad: F64 = 0.0
    offset_y_rad: F64 = 0.0
    offset_z_rad: F64 = 0.0
    """Rotation vector, in the gimbal's base, by which the beacon stands beside the prediction."""
    switch_motors_on: U8 = 0
    on_target: U8 = 0
    gimbal_age_s: F64 = 1e9
