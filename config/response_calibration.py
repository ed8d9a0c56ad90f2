"""How a mirror answers in the position detector, as a dated file: measured, not assumed."""

from datetime import datetime
from pathlib import Path
from typing import Annotated, Literal

from msgspec import Meta

from config.dated_file import covariance_problem, file_error, read_dated, write_dated
from config.fields import Count, Name, NonNegative, Positive, Spec
from config.terminal import MOST_MIRROR_DELAY

PARAMETERS = ("matrix_xx", "matrix_xy", "matrix_yx", "matrix_yy", "resonance_hz", "damping")
"""Rows and columns of the covariance. matrix_xy: detector x for a command in y."""

Gain = Annotated[float, Meta(ge=-100, le=100)]


class ResponseCalibration(Spec, frozen=True):
    """One calibration of one mirror in front of one position detector."""

    kind: Literal["mirror_response"]
    mirror: Name
    """Driver of the mirror ..."""
    detector: Name
    """... and of the position detector, as in the terminal's configuration."""
    counts_per_rad: Positive
    """Of the mirror's converter: what a commanded radian was."""
    quad_spot_rad: Positive
    """`terminal.optics.quad_spot_rad`: what a detector's radian was."""
    source: Literal["emulated", "real"]
    """Devices of a simulated bench, or hardware."""
    measured_utc: str
    """Of the last scan."""
    valid_until_utc: str
    rate_hz: Count
    """Scans a second: the delay counts them, and the model holds at this rate only."""
    scans: Count
    """Used for the fit."""
    amplitude_rad: Positive
    """Largest command, on the sky."""
    background_counts: float
    """Sum of the detector's four channels without the light, which was taken off."""
    matrix: tuple[tuple[Gain, Gain], tuple[Gain, Gain]]
    """Detector radians, x and y, for each commanded radian, x and y."""
    gain: tuple[Positive, Positive]
    """Of the mirror's axes x and y: lengths of the matrix' columns."""
    rotation_rad: Annotated[float, Meta(ge=-3.2, le=3.2)]
    """Of the mirror's axes in the detector, counter-clockwise, cross-talk aside."""
    resonance_hz: Positive
    damping: Annotated[float, Meta(gt=0, le=10)]
    delay_samples: Annotated[int, Meta(ge=1, le=MOST_MIRROR_DELAY)]
    """From a scan to the first one that its command changes."""
    undetermined: tuple[Name, ...]
    """Parameters that were set, since the answer is too fast to show them."""
    covariance: tuple[tuple[float, ...], ...]
    """Rows and columns in the order of `PARAMETERS` and their units."""
    chi2: NonNegative
    """Of the model against the measured impulse response."""
    degrees_of_freedom: Count
    misfit: NonNegative
    """What the model surely leaves of it beside noise, over it (rms)."""
    residual_rad_rms: tuple[NonNegative, NonNegative]
    """Left in a scan, x and y, of what neither the model nor the scans before foretell: noise."""


def read_response(path: Path, now_utc: datetime) -> ResponseCalibration:
    """Read a calibration for use at a time (with a time zone).

    Raises:
        InputError: as `read_dated`, a parameter that is none, or a covariance that is none.
    """
    calibration, document = read_dated(path, ResponseCalibration, now_utc)
    for key in calibration.undetermined:
        if key not in PARAMETERS:
            raise file_error(document, ("undetermined",), f"{key!r} is no parameter")
    problem = covariance_problem(calibration.covariance, len(PARAMETERS), "parameter")
    if problem:
        raise file_error(document, ("covariance",), problem)
    return calibration


def write_response(path: Path, calibration: ResponseCalibration) -> None:
    """Write the file that `read_response` reads, in whole or not at all.

    Raises:
        InputError: the file cannot be written.
    """
    write_dated(path, calibration)
