"""The files of `qsky track`: a recorded disturbance in, what was left of it out."""

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from config.errors import InputError
from config.whole_file import replacing
from terminal.npz_file import read_arrays

Array = NDArray[np.float64]

_RATES_HZ = (1.0, 1e6)


class Recording(NamedTuple):
    """A disturbance as a sensor saw it."""

    angle_rad: Array
    """(n, 2), x and y."""
    noise_rad: Array
    """(n, 2); NaN: no measurement at that tick."""
    rate_hz: float
    delay_samples: int | None
    """The delay to which the bound belongs, if the file tells one."""
    bound_urad_rms: Array | None
    """(2,): what no controller can beat, known to whoever made the disturbance."""


def read_recording(path: Path) -> Recording:
    """`angle_rad` and `noise_rad` (n, 2), `rate_hz`; also `bound_urad_rms` (2,) with its
    `delay_samples` where they are known.

    Raises:
        InputError: no such file, or one that does not hold this.
    """
    held = read_arrays(path, "angle_rad=..., noise_rad=..., rate_hz=...")
    angle, noise = _column(path, held, "angle_rad"), _column(path, held, "noise_rad")
    if angle.shape != noise.shape:
        raise InputError(
            f"{path}: noise_rad: has shape {noise.shape}, angle_rad has {angle.shape}: "
            "they must be the same"
        )
    if not np.isfinite(angle).all():
        raise InputError(f"{path}: angle_rad: must be finite at every tick")
    if np.isinf(noise).any():
        raise InputError(f"{path}: noise_rad: must be finite, or NaN where nothing was measured")
    rate_hz = _number(path, held, "rate_hz")
    low_hz, high_hz = _RATES_HZ
    if not low_hz <= rate_hz <= high_hz:
        raise InputError(f"{path}: rate_hz: must be {low_hz:g} to {high_hz:g}, got {rate_hz:g}")
    bound = held.get("bound_urad_rms")
    if bound is None or "delay_samples" not in held:
        return Recording(angle, noise, rate_hz, None, None)
    if bound.shape != (2,) or bound.dtype.kind not in "iuf" or not (bound > 0.0).all():
        raise InputError(f"{path}: bound_urad_rms: must be two positive numbers")
    delay = _number(path, held, "delay_samples")
    if not (delay >= 1.0 and delay.is_integer()):
        raise InputError(f"{path}: delay_samples: must be a whole number of 1 or more")
    return Recording(angle, noise, rate_hz, int(delay), bound.astype(np.float64))


def _column(path: Path, held: dict[str, NDArray[Any]], name: str) -> Array:
    if name not in held:
        raise InputError(f"{path}: {name}: missing; an array (n, 2) of radians, x and y")
    value = held[name]
    if value.dtype.kind not in "iuf" or value.ndim != 2 or value.shape[1] != 2 or not len(value):
        raise InputError(
            f"{path}: {name}: must be numbers of shape (n, 2), got {value.dtype} {value.shape}"
        )
    return np.ascontiguousarray(value, dtype=np.float64)


def _number(path: Path, held: dict[str, NDArray[Any]], name: str) -> float:
    if name not in held:
        raise InputError(f"{path}: {name}: missing")
    value = held[name]
    if value.dtype.kind not in "iuf" or value.size != 1:
        raise InputError(f"{path}: {name}: must be one number")
    return float(value.reshape(()))


def write_residual(path: Path, residual_rad: Array, source: Path) -> None:
    """A .npy that is there in whole or not at all.

    Raises:
        InputError: it cannot be written, or would take the place of `source`.
    """
    if path.exists() and path.samefile(source):
        raise InputError(f"--residual: {path}: cannot write: it is an input of this command")
    with replacing(path, "--residual") as file:
        np.save(file, residual_rad)
