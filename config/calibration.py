"""A mounting calibration as a dated file: what was measured, when, on what, how well, until when.

The file is YAML that `config.yaml_strict` takes. It is written whole or not at all, and it is read
for a given moment: one from the future or past its date is no calibration.
"""

import os
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from config.errors import InputError
from config.explain import explain
from config.fields import Count, Name, NonNegative, NonNegativeInt, Positive, Spec
from config.yaml_strict import ConfigError, Document, KeyPath, Place, key_text, read_yaml, shown

SmallAngle = Annotated[float, Meta(ge=-0.2, le=0.2)]
SmallScale = Annotated[float, Meta(ge=-0.1, le=0.1)]
Sha256 = Annotated[str, Meta(pattern=r"^[0-9a-f]{64}\Z")]
FileName = Annotated[str, Meta(min_length=1, max_length=255)]

SYMMETRY = 1e-9
"""Of the product of two sigmas: how far two mirrored elements of the covariance may differ."""


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
        InputError: a file that cannot be read, unknown or missing keys, numbers that are not
            finite or out of bounds, a covariance that is none, a date in the future, or a file
            whose time is over; says file, line and key.
    """
    document = read_yaml(path)
    try:
        calibration = msgspec.convert(document.value, MountingCalibration)
    except msgspec.ValidationError as error:
        where, problem = explain(error, document.value, MountingCalibration)
        raise _error(document, where, problem) from error
    for key in calibration.undetermined:
        if key not in MountingTerms.__struct_fields__:
            raise _error(document, ("undetermined",), f"{key!r} is no term")
    problem = _covariance_problem(calibration.covariance)
    if problem:
        raise _error(document, ("covariance",), problem)
    measured = _utc(document, "measured_utc")
    valid_until = _utc(document, "valid_until_utc")
    if valid_until <= measured:
        raise _error(document, ("valid_until_utc",), "is not after measured_utc")
    if measured > now_utc:
        raise _error(
            document,
            ("measured_utc",),
            f"lies in the future of {_text(now_utc)}: check the clock, or the file",
        )
    if now_utc > valid_until:
        raise _error(document, ("valid_until_utc",), f"is over at {_text(now_utc)}: calibrate anew")
    return calibration


def write_calibration(path: Path, calibration: MountingCalibration) -> None:
    """Write the file that `read_calibration` reads, in whole or not at all.

    Raises:
        InputError: the file cannot be written.
    """
    text = "\n".join(_lines(msgspec.to_builtins(calibration))) + "\n"
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        try:
            with temporary.open("w", encoding="utf-8") as file:
                file.write(text)
                file.flush()
                # Else a power cut could leave the new name on an empty file.
                os.fsync(file.fileno())
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as error:
        raise InputError(f"{path}: cannot write: {error.strerror}") from error


def _lines(mapping: dict[str, Any], indent: str = "") -> Iterator[str]:
    """YAML: mappings and matrices by the line, everything else as JSON, which is YAML."""
    for key, value in mapping.items():
        if isinstance(value, dict):
            yield f"{indent}{key}:"
            yield from _lines(value, indent + "  ")
        elif isinstance(value, list | tuple) and value and isinstance(value[0], list | tuple):
            yield f"{indent}{key}:"
            yield from (f"{indent}  - {_json(row)}" for row in value)
        else:
            yield f"{indent}{key}: {_json(value)}"


def _json(value: Any) -> str:
    return msgspec.json.encode(value).decode()


def _covariance_problem(rows: tuple[tuple[float, ...], ...]) -> str:
    """What keeps a matrix from being the covariance of the terms; empty if nothing does."""
    import numpy as np

    size = len(MountingTerms.__struct_fields__)
    if len(rows) != size or any(len(row) != size for row in rows):
        return f"must be {size} rows of {size} numbers, one for each term"
    matrix = np.array(rows)
    variances = np.diag(matrix)
    if not (np.isfinite(matrix).all() and (variances > 0).all()):
        return "has a variance that is not positive"
    sigma = np.sqrt(variances)
    with np.errstate(over="ignore"):
        correlation = matrix / sigma / sigma[:, None]
    if not np.abs(correlation).max() < 1.0 + SYMMETRY:
        return "has a correlation over 1"
    if np.abs(correlation - correlation.T).max() > SYMMETRY:
        return "is not symmetric"
    try:
        np.linalg.cholesky(correlation)
    except np.linalg.LinAlgError:
        return "is not positive definite"
    return ""


def _utc(document: Document, key: str) -> datetime:
    text = document.value[key]
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        time = None
    if time is None or time.utcoffset() is None or time.utcoffset():
        raise _error(document, (key,), f"{shown(text)} is no UTC time like 2016-12-19T15:18:51Z")
    return time


def _text(time: datetime) -> str:
    return f"{time:%Y-%m-%dT%H:%M:%SZ}"


def _error(document: Document, path: KeyPath, problem: str) -> ConfigError:
    """The error at a path, or at the nearest place above it that stands in the file."""
    known = next((path[:n] for n in range(len(path), -1, -1) if path[:n] in document.places), ())
    place = document.places.get(known, Place("", 0))
    return ConfigError(place, key_text(path), problem)
