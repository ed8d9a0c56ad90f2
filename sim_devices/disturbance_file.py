"""A recorded disturbance in the format of `qsky track`, with the bound of any controller."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from config.whole_file import replacing
from sim_devices.disturbance import spectrum_bound_rad
from sim_devices.disturbance_sources import gaps, jitter_source
from sim_devices.randomness import stream

Array = NDArray[np.float64]


class RecordedDisturbance(NamedTuple):
    """What a position sensor would have seen of a line of sight that nobody holds."""

    angle_rad: Array
    """(n, 2), x and y."""
    noise_rad: Array
    """(n, 2); NaN: no measurement at that tick."""
    rate_hz: float
    delay_samples: int
    bound_urad_rms: Array
    """(2,): least rms of angle[k] - u[k - delay] for u chosen from angle + noise up to its tick."""


def record(
    name: str, rate_hz: float, samples: int, delay_samples: int, noise_rad: float, seed: int
) -> RecordedDisturbance:
    """One realisation; the same arguments give the same."""
    axes = [jitter_source(name, rate_hz, seed, axis).take(samples) for axis in (0, 1)]
    noise = noise_rad * stream(seed, "reading_noise").normal(size=(samples, 2))
    noise[gaps(name, rate_hz, seed, samples)] = np.nan
    bound_urad = 1e6 * spectrum_bound_rad(name, rate_hz, delay_samples, noise_rad)
    return RecordedDisturbance(
        np.column_stack(axes), noise, rate_hz, delay_samples, np.full(2, bound_urad)
    )


def write(path: Path, recorded: RecordedDisturbance) -> None:
    """A .npz that is there in whole or not at all.

    Raises:
        InputError: the file cannot be written.
    """
    with replacing(path, "--out") as file:
        np.savez(
            file,
            angle_rad=recorded.angle_rad,
            noise_rad=recorded.noise_rad,
            rate_hz=recorded.rate_hz,
            delay_samples=recorded.delay_samples,
            bound_urad_rms=recorded.bound_urad_rms,
        )
