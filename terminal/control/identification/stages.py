"""Whether the answer grows as the command does: its gain at half and at full amplitude."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.signal import lfilter

from terminal.control.identification.impulse import Impulse

Array = NDArray[np.float64]


class GainChange(NamedTuple):
    """From half amplitude to full, of each axis of the mirror, over its gain at half amplitude."""

    change: tuple[float, float]
    sigma: tuple[float, float]


def gain_change(
    impulse: Impulse, command_rad: Array, motion_rad: Array, half_end: int
) -> GainChange:
    """Set against the motion that the impulse response foretells, whitened as it was measured.

    command_rad, motion_rad: (n, 2) as of `measured_impulse`. half_end: scan with which the full
    amplitude begins.
    """
    lags = impulse.response.shape[2]
    parts = np.arange(len(command_rad)) >= half_end
    normal, right = np.zeros((4, 4)), np.zeros(4)
    for i, whitener in enumerate(impulse.whiteners):
        reading = whitener.reading(motion_rad[:, i])
        columns = []
        for mirror in range(2):
            kernel = np.concatenate([[0.0], impulse.response[i, mirror, :lags]])
            foretold = lfilter(kernel, [1.0], whitener.command(command_rad[:, mirror]))
            columns += [np.where(parts, 0.0, foretold), np.where(parts, foretold, 0.0)]
        design = np.stack(columns, axis=1)
        rows = np.isfinite(reading)
        variance = impulse.residual_rad[i] ** 2
        normal += design[rows].T @ design[rows] / variance
        right += design[rows].T @ reading[rows] / variance
    covariance = np.linalg.inv(normal)
    gains = covariance @ right
    x, y = 1.0 / gains[0], 1.0 / gains[2]
    spread = np.array([[-x, x, 0.0, 0.0], [0.0, 0.0, -y, y]])
    change = spread @ gains
    sigma = np.sqrt(np.diag(spread @ covariance @ spread.T))
    return GainChange((float(change[0]), float(change[1])), (float(sigma[0]), float(sigma[1])))
