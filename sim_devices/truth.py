"""What the world alone knows, as a message of the recording: 50 Hz, beside the terminal's own."""

from typing import NamedTuple

from terminal.fields import F32, F64, I64, U8
from terminal.messages import Message


class TruthSample(NamedTuple):
    """Truth at t_ns; x right, y up in the gimbal's optical frame."""

    t_ns: I64
    azimuth_rad: F64
    elevation_rad: F64
    range_m: F64
    light_time_s: F64
    coarse_error_x_rad: F64
    coarse_error_y_rad: F64
    """Partner relative to the boresight: the error on the gimbal alone."""
    fine_error_x_rms_rad: F64
    fine_error_y_rms_rad: F64
    """Behind the mirror, root mean square since the last record."""
    point_ahead_error_x_rad: F64
    point_ahead_error_y_rad: F64
    """Our beacon's direction relative to where it should leave, the fine error left out."""
    uplink_fraction: F64
    """Of our beacon's peak at the partner."""
    frame_angle_rad: F64
    """The sender's H axis in the image, before the wave plate."""
    polarization_error_rad: F64
    """What is left of the frame's rotation behind the plate, from H toward D."""
    phase_error_rad: F64
    """What no rotation undoes, of path, retarder and plate together: angle of the S3 axes of the
    sphere before and after, the plate's reflection undone."""
    phase_correctable_rad: F64
    """The part of it along the variable retarder's axis, as the retardance that it lacks; without
    a retarder, what one along `right` would need."""
    path_phase_rad: F64
    """What no rotation undoes before the retarder."""
    contrast_x: F64
    """How far ideal detectors would tell H from V, -1 to 1 ..."""
    contrast_z: F64
    """... and D from A."""
    retarder_rad: F64
    """True retardance of the variable retarder."""
    transmittance: F64
    """Sender's aperture to click, without jitter and scintillation, as if the shutter were open."""
    oscillator_offset: F64
    background_hz: F64
    shutter_open: U8
    beacon_on: U8
    """The partner's."""
    plate_rad: F32
    divergence_rad: F64
    """1/e^2 full angle of the quantum beam, ours or the partner's."""


class Nothing(NamedTuple):
    """Truth decides nothing."""


TRUTH = Message("truth", TruthSample, Nothing, 10)
