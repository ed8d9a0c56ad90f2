"""A mounting calibration as a dated file: what was measured, on what, how well, until when."""

from datetime import datetime
from pathlib import Path
from typing import Annotated, Literal

from msgspec import Meta

from config.dated_file import covariance_problem, file_error, read_dated, write_dated
from config.fields import Count, Name, NonNegative, NonNegativeInt, Positive, Spec

SmallAngle = Annotated[float, Meta(ge=-0.2, le=0.2)]
SmallScale = Annotated[float, Meta(ge=-0.1, le=0.1)]
Sha256 = Annotated[str, Meta(pattern=r"^[0-9a-f]{64}\Z")]
FileName = Annotated[str, Meta(min_length=1, max_length=255)]


class MountingTerms(Spec, frozen=True):
    """The terms of the mounting model; `terminal.control.mounting.model` says what each means."""

    rotation_x_rad: SmallAngle
    rotation_y_rad: SmallAngle
    rotation_z_rad: SmallAngle
    pitch_index_rad: SmallAngle
    yaw_scale: SmallScale
    pitch_scale: SmallScale
    non_orthogonality_rad: SmallAngle
    collimation_rad: SmallAngle
    flexure_rad: SmallAngle


class MountingCalibration(Spec, frozen=True):
    """One calibration of one gimbal on one carrier."""

    kind: Literal["mounting"]
    device: Name
    """Driver of the gimbal, as in the terminal's configuration."""
    measured_utc: str
    """Of the last sighting."""
    valid_until_utc: str
    survey_rotation_vector_rad: tuple[float, float, float]
    """The survey (`mounting.rotation_vector_rad`) against which the terms are counted."""
    sightings: Count
    """Used for the fit."""
    rejected: NonNegativeInt
    """Left out of it as outliers."""
    residual_rad_rms: NonNegative
    """Left by the fit, per image axis; the attitude's error is in it."""
    chi2: NonNegative
    degrees_of_freedom: Count
    attitude_sigma_rad: Positive
    """Of the navigation unit while the sightings were made; it is in the rotation's covariance."""
    terms: MountingTerms
    undetermined: tuple[Name, ...]
    """Terms that come from what was assumed before rather than from the sightings."""
    covariance: tuple[tuple[float, ...], ...]
    """Rows and columns in the order and units of the terms."""
    source: FileName
    """Name of the recording."""
    source_sha256: Sha256


def read_calibration(path: Path, now_utc: datetime) -> MountingCalibration:
    """Read a calibration for use at a time (with a time zone).

    Raises:
        InputError: as `read_dated`, a term that is none, or a covariance that is none.
    """
    calibration, document = read_dated(path, MountingCalibration, now_utc)
    for key in calibration.undetermined:
        if key not in MountingTerms.__struct_fields__:
            raise file_error(document, ("undetermined",), f"{key!r} is no term")
    size = len(MountingTerms.__struct_fields__)
    problem = covariance_problem(calibration.covariance, size, "term")
    if problem:
        raise file_error(document, ("covariance",), problem)
    return calibration


def write_calibration(path: Path, calibration: MountingCalibration) -> None:
    """Write the file that `read_calibration` reads, in whole or not at all.

    Raises:
        InputError: the file cannot be written.
    """
    write_dated(path, calibration)
