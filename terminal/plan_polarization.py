"""What of the sender's polarisation a planned pass loses to its optics, set as well as they can be.

In an uplink, where the light meets them the other way round, it is the same by reciprocity. The
frame's rotation is taken to be followed, and the channels to be named as they stand.
"""

import math
from typing import NamedTuple

import numpy as np

from config.polarization import Polarization, Retarder
from terminal.control.polarization_path import path_of
from terminal.optics.polarization import Jones, half_wave_plate, retarder, rotator
from terminal.optics.polarization_compensation import (
    HalfWaveLimit,
    best_retarder,
    half_wave_limit,
)
from terminal.plan_row import PlanRow


class PolarizationLeft(NamedTuple):
    """Of one moment."""

    phase_rad: float
    """Retardance that no half-wave plate undoes, 0 to pi."""
    plate_error: float
    """Mean error rate of both bases that a half-wave plate alone leaves: sin^2(phase / 2) / 2."""
    error_x: float
    """Error rate of the key basis, H V, behind all that the terminal has; that the mirrors pass one
    polarisation better than the other is in it, and in that of D A."""
    error_z: float


_ROOT_HALF = math.sqrt(0.5)
_H_V = np.eye(2), np.eye(2)
"""Axes sent and of the channels, a row for each."""
_D_A = _ROOT_HALF * np.array([[1.0, 1.0], [-1.0, 1.0]]), _ROOT_HALF * np.array([[1, -1], [1, 1]])
"""The plate reflects: D is seen at -45 degrees."""
NOTHING_LEFT = PolarizationLeft(0.0, 0.0, 0.0, 0.0)


def polarization_left(optics: Polarization, row: PlanRow) -> PolarizationLeft:
    """At a row of the plan, on a base that stands level and to the north.

    Where the partner's frame is not known, both bases get the mean of their errors.
    """
    if not optics.phase_rad and (optics.path == "on_gimbal" or optics.fold_index is None):
        return NOTHING_LEFT
    path, frame_deg = path_of(optics), row.polarization_frame_deg
    train = path.train(math.radians(row.azimuth_deg), math.radians(row.elevation_deg))
    phase = retarder(optics.phase_axis_rad, optics.phase_rad)
    error = train @ phase @ rotator(math.radians(frame_deg or 0.0))
    alone = half_wave_limit(error, swapped=True)
    if optics.retarder is not None and path.retarder_fast_rad is not None:
        error = _retarded(optics.retarder, path.retarder_fast_rad, error)
    x, z = _errors(error)
    if frame_deg is None:
        x = z = 0.5 * (x + z)
    return PolarizationLeft(alone.retardance_rad, _mean(alone), x, z)


def _errors(error: Jones) -> tuple[float, float]:
    """Shares of the clicks of H V and of D A in the wrong channel behind the best plate."""
    fields = half_wave_plate(half_wave_limit(error, swapped=True).plate_rad) @ error
    wrong = []
    for basis in (_H_V, _D_A):
        sent, received = basis
        # (channel, sent state): a Jones vector's component along the channel's axis.
        clicks = np.abs(received @ fields @ sent.T) ** 2
        wrong.append(float(np.mean(1.0 - np.diag(clicks) / clicks.sum(axis=0))))
    return wrong[0], wrong[1]


def _retarded(device: Retarder, fast_rad: float, error: Jones) -> Jones:
    """The error behind the retardance that is best of those which the device has."""
    values_rad = [retardance_rad for _, retardance_rad in device.calibration]
    least_rad, most_rad = min(values_rad), max(values_rad)
    best_rad = best_retarder(error, fast_rad)
    # The same a whole wave on, or the nearest end of the range.
    first_rad = best_rad + 2.0 * math.pi * math.ceil((least_rad - best_rad) / (2.0 * math.pi))
    tried_rad = [least_rad, most_rad, *([first_rad] if first_rad <= most_rad else [])]
    tried: list[Jones] = [np.asarray(retarder(fast_rad, value) @ error) for value in tried_rad]
    return min(tried, key=lambda one: _mean(half_wave_limit(one, swapped=True)))


def _mean(limit: HalfWaveLimit) -> float:
    return 0.5 * (limit.error_h_v + limit.error_d_a)
