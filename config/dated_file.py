"""A calibration as a dated file: written whole or not at all, read for a given moment.

The file is YAML that `config.yaml_strict` takes. One from the future or past its date is no
calibration.
"""

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol, TypeVar

import msgspec

from config.explain import explain
from config.whole_file import replacing
from config.yaml_strict import ConfigError, Document, KeyPath, Place, key_text, read_yaml, shown

SYMMETRY = 1e-9
"""Of the product of two sigmas: how far two mirrored elements of a covariance may differ."""

Rows = tuple[tuple[float, ...], ...]


class Dated(Protocol):
    """What every such file says of itself."""

    @property
    def measured_utc(self) -> str: ...

    @property
    def valid_until_utc(self) -> str: ...


T = TypeVar("T", bound=Dated)


def read_dated(path: Path, kind: type[T], now_utc: datetime) -> tuple[T, Document]:
    """Read a file of one kind for use at a time (with a time zone), and where each key stands.

    Raises:
        InputError: a file that cannot be read, unknown or missing keys, numbers that are not
            finite or out of bounds, a date in the future, or a file whose time is over; says file,
            line and key.
    """
    document = read_yaml(path)
    try:
        calibration = msgspec.convert(document.value, kind)
    except msgspec.ValidationError as error:
        where, problem = explain(error, document.value, kind)
        raise file_error(document, where, problem) from error
    measured = _utc(document, "measured_utc")
    valid_until = _utc(document, "valid_until_utc")
    if valid_until <= measured:
        raise file_error(document, ("valid_until_utc",), "is not after measured_utc")
    if measured > now_utc:
        raise file_error(
            document,
            ("measured_utc",),
            f"lies in the future of {_text(now_utc)}: check the clock, or the file",
        )
    if now_utc > valid_until:
        raise file_error(
            document, ("valid_until_utc",), f"is over at {_text(now_utc)}: calibrate anew"
        )
    return calibration, document


def write_dated(path: Path, calibration: msgspec.Struct) -> None:
    """Write the file that `read_dated` reads, in whole or not at all.

    Raises:
        InputError: the file cannot be written.
    """
    text = "\n".join(_lines(msgspec.to_builtins(calibration))) + "\n"
    with replacing(path) as file:
        file.write(text.encode())


def covariance_problem(rows: Rows, size: int, of_each: str) -> str:
    """What keeps rows from being a covariance of `size` quantities; empty if nothing does.

    of_each: what one row is of, for the message.
    """
    import numpy as np

    if len(rows) != size or any(len(row) != size for row in rows):
        return f"must be {size} rows of {size} numbers, one for each {of_each}"
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


def file_error(document: Document, path: KeyPath, problem: str) -> ConfigError:
    """The error at a path, or at the nearest place above it that stands in the file."""
    known = next((path[:n] for n in range(len(path), -1, -1) if path[:n] in document.places), ())
    place = document.places.get(known, Place("", 0))
    return ConfigError(place, key_text(path), problem)


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


def _utc(document: Document, key: str) -> datetime:
    text = document.value[key]
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        time = None
    if time is None or time.utcoffset() is None or time.utcoffset():
        raise file_error(
            document, (key,), f"{shown(text)} is no UTC time like 2016-12-19T15:18:51Z"
        )
    return time


def _text(time: datetime) -> str:
    return f"{time:%Y-%m-%dT%H:%M:%SZ}"
