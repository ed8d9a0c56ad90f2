"""The bound of any fine loop over a flight in which the beacon's light changes."""

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import PchipInterpolator

from sim_devices.disturbance import spectrum_bound_rad

Array = NDArray[np.float64]

LEVELS = 6
"""Of noise at which the Riccati equation is solved; between them the bound is interpolated."""


def flown_bound_rad(
    spectrum: str,
    rate_hz: float,
    delay_samples: int,
    noise_rad: Callable[[float], float],
    light_counts: Array,
) -> float:
    """Rms over time of the stationary bound at each moment's noise, per axis.

    noise_rad: of a reading, by light. light_counts: (n,), over 0, of equal spans of time.
    NaN without any. The light changes slowly against the filter that the bound stands for.
    """
    if not len(light_counts):
        return math.nan
    low, high = noise_rad(float(light_counts.max())), noise_rad(float(light_counts.min()))
    levels = np.geomspace(low, high, LEVELS if high > (1.0 + 1e-6) * low else 1)
    bounds = np.array([spectrum_bound_rad(spectrum, rate_hz, delay_samples, n) for n in levels])
    if len(levels) == 1:
        return float(bounds[0])
    noise = np.array([noise_rad(light) for light in light_counts.tolist()])
    bound = PchipInterpolator(np.log(levels), bounds)(np.log(np.clip(noise, low, high)))
    return math.sqrt(float(np.mean(bound * bound)))
