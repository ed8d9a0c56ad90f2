"""What the uncertainty of the mounting's terms means on the sky."""

import numpy as np
from numpy.typing import NDArray

from terminal.control.mounting.model import LEVEL_UP, MountingModel, MountingParameters
from terminal.geometry.gimbal_frame import Joints
from terminal.geometry.vector import Vec

Array = NDArray[np.float64]

_DIFFERENCE = 1e-5
"""Step of the central differences; its error is 1e-10 of the derivative."""


def sensitivity(parameters: MountingParameters, joints: Joints, up_base: Vec = LEVEL_UP) -> Array:
    """(2, 9) change of the image position (x, y; rad) of what stands on the boresight per unit of
    each term. The boresight itself moves by the opposite."""
    target = MountingModel(parameters).predict(joints, up_base=up_base)
    columns = []
    for i, value in enumerate(parameters):
        ends = []
        for side in (_DIFFERENCE, -_DIFFERENCE):
            shifted = [*parameters[:i], value + side, *parameters[i + 1 :]]
            model = MountingModel(MountingParameters(*shifted))
            ends.append(model.image(joints, target, up_base))
        (x1, y1), (x0, y0) = ends
        columns.append(((x1 - x0) / (2 * _DIFFERENCE), (y1 - y0) / (2 * _DIFFERENCE)))
    return np.array(columns).T


def sky_covariance(
    parameters: MountingParameters, covariance: Array, joints: Joints, up_base: Vec = LEVEL_UP
) -> Array:
    """(2, 2) covariance of where the boresight stands on the sky (x, y; rad^2) at these joints."""
    by_terms = sensitivity(parameters, joints, up_base)
    return np.asarray(by_terms @ covariance @ by_terms.T)


def sky_sigma_rad(
    parameters: MountingParameters, covariance: Array, joints: Joints, up_base: Vec = LEVEL_UP
) -> float:
    """1-sigma of the pointing at these joints, along the worse direction in the image.

    The attitude error of the pass to be flown is not in it; that of the calibration's pass is.
    """
    variances = np.linalg.eigvalsh(sky_covariance(parameters, covariance, joints, up_base))
    return float(np.sqrt(max(variances[-1], 0.0)))
