"""One sighting of the beacon, and what is wrong with many of them together.

Beside the mounting, three errors are in a sighting, and each is treated as what it is:

- white noise of the image, the encoders and the gimbal's jitter, independent between sightings;
- the navigation unit's attitude error, three angles that wander slowly (a first-order Gauss-Markov
  process). Its constant part cannot be told from a rotation of the base: a fitted rotation absorbs
  it but for what a prior holds back, and sightings alone never make the rotation's covariance
  better than the attitude's;
- the prediction's error along the partner's path, constant in time over one pass.

The last two are common to many sightings, so the covariance matrix of the measurements is full.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from terminal.control.mounting.model import LEVEL_UP, MountingModel, MountingParameters
from terminal.geometry.gimbal_frame import Joints
from terminal.geometry.vector import Vec, dot

Array = NDArray[np.float64]


class Sighting(NamedTuple):
    """The beacon seen once. Vectors are in the axes of the surveyed base."""

    t_s: float
    """Time since any epoch."""
    joints: Joints
    """Encoder readings, yaw counted over whole turns."""
    x_rad: float
    y_rad: float
    """Beacon in the image, right and up of the boresight."""
    los_base: Vec
    """Unit vector toward the partner as predicted."""
    los_rate_base: Vec
    """Its change per second."""
    up_base: Vec = LEVEL_UP


class SightingNoise(NamedTuple):
    """1-sigma errors of a sighting."""

    image_rad: float
    """White, per image axis."""
    attitude_rad: float
    """Of the navigation unit, per axis."""
    attitude_time_s: float = 1000.0
    """Time over which the attitude error forgets itself."""
    along_s: float = 0.0
    """Of the prediction, along the partner's path, as time."""


def common_covariance(
    at: MountingParameters, sightings: Sequence[Sighting], noise: SightingNoise, by_rotation: Array
) -> Array:
    """(2 n, 2 n) covariance, rad^2, of what the sightings' errors have in common.

    Rows and columns: x, y of each sighting in turn. `at`: parameters near the true ones.
    by_rotation: (2 n, 3) derivatives of the image positions by the base's rotation. An attitude
    error acts through the same, so that no data can tell the two apart.
    """
    model = MountingModel(at)
    moved = []
    for s in sightings:
        _, right, up = model.axes(s.joints, s.up_base)
        moved += [dot(s.los_rate_base, right), dot(s.los_rate_base, up)]
    t_s = np.repeat([s.t_s for s in sightings], 2)
    memory = np.exp(-np.abs(t_s[:, None] - t_s[None, :]) / noise.attitude_time_s)
    return np.asarray(
        noise.attitude_rad**2 * memory * (by_rotation @ by_rotation.T)
        + noise.along_s**2 * np.outer(moved, moved)
    )
