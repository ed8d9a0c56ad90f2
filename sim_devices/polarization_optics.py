"""Polarisation optics of the true world in Stokes vectors (S0, S1, S2, S3), as Mueller matrices.

States and analyser axes are linear at angles t: (S1, S2, S3) = (cos 2t, sin 2t, 0), t from x toward
y, with x, y and the direction of travel right-handed. Retarders turn the sphere right-handed about
their fast axis, along which linear light leads. A half-wave plate reflects (t -> 2a - t), so the
detector called D stands at -45 degrees and A at +45.
"""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Four = tuple[float, float, float, float]

STATE_ANGLES_RAD = np.radians([0.0, 90.0, 45.0, 135.0])
CHANNEL_ANGLES_RAD = np.radians([0.0, 90.0, -45.0, 45.0])
SENT_STOKES = np.column_stack(
    [np.ones(4), np.cos(2 * STATE_ANGLES_RAD), np.sin(2 * STATE_ANGLES_RAD), np.zeros(4)]
)
"""(4, 4): a row for each state."""

ALIKE: Four = (1.0, 1.0, 1.0, 1.0)
NO_LEAK: Four = (0.0, 0.0, 0.0, 0.0)


def turned(angle_rad: float) -> Array:
    """(4, 4) of a frame rotation: light at t is seen at t + angle."""
    c, s = math.cos(2.0 * angle_rad), math.sin(2.0 * angle_rad)
    return np.array(
        [[1.0, 0.0, 0.0, 0.0], [0.0, c, -s, 0.0], [0.0, s, c, 0.0], [0.0, 0.0, 0.0, 1.0]]
    )


def retarded(fast_axis_rad: float, retardance_rad: float) -> Array:
    """(4, 4) of a retarder, by Rodrigues' formula about its axis on the Poincare sphere."""
    x, y = math.cos(2.0 * fast_axis_rad), math.sin(2.0 * fast_axis_rad)
    c, s = math.cos(retardance_rad), math.sin(retardance_rad)
    k = 1.0 - c
    return np.array(
        [
            [1.0, 0.0, 0.0, 0.0],
            [0.0, c + k * x * x, k * x * y, s * y],
            [0.0, k * x * y, c + k * y * y, -s * x],
            [0.0, -s * y, s * x, c],
        ]
    )


def splitter(
    basis_x_probability: float,
    intrinsic_error: float,
    efficiency: Four = ALIKE,
    leak: Four = NO_LEAK,
) -> Array:
    """(4, 4) Stokes vector at the analyser to click probability, a row for each of H V D A.

    A detector behind its polariser answers with its efficiency to light along its axis, and with
    `leak` of that to light across. What leaks is missing where it belongs, so that no photon clicks
    twice: all are scaled by 1 / (1 + the largest leak).
    """
    p_x = basis_x_probability
    share = np.array([p_x, p_x, 1 - p_x, 1 - p_x]) * np.array(efficiency) / (1.0 + max(leak))
    even = 0.5 * share * (1.0 + np.array(leak))
    odd = 0.5 * share * (1.0 - np.array(leak)) * (1.0 - 2.0 * intrinsic_error)
    axes = 2.0 * CHANNEL_ANGLES_RAD
    return np.column_stack([even, odd * np.cos(axes), odd * np.sin(axes), np.zeros(4)])


def stokes_to_channels(
    frame_rotation_rad: float,
    plate_rad: float,
    retardance_rad: float,
    intrinsic_error: float,
    basis_x_probability: float,
) -> Array:
    """(4, 4): a photon's Stokes vector (1, S1, S2, S3) in the sender's frame to the probability
    that it clicks in a channel (row, H V D A); each column of unpolarised light sums to 1.

    Of flawless plate and detectors; `sim_devices.receiver_optics` has the others.

    frame_rotation_rad: sender's H axis at the analyser, from `right` toward `up`.
    plate_rad: true axis of the plate in the same frame.
    retardance_rad: phase between the components along and across `right`.
    """
    path = retarded(plate_rad, math.pi) @ retarded(0.0, retardance_rad) @ turned(frame_rotation_rad)
    return np.asarray(splitter(basis_x_probability, intrinsic_error) @ path)


def channel_probability(
    frame_rotation_rad: float,
    plate_rad: float,
    retardance_rad: float,
    intrinsic_error: float,
    basis_x_probability: float,
) -> Array:
    """(4, 4) probability that a photon of the sent state (row, H V D A) clicks in a channel."""
    rows = stokes_to_channels(
        frame_rotation_rad, plate_rad, retardance_rad, intrinsic_error, basis_x_probability
    )
    return np.asarray(SENT_STOKES @ rows.T)


def phase_rad(path: Array) -> float:
    """Angle between the S3 axes before and after, 0 to pi: what no rotation of the frame undoes.

    path: (4, 4) Mueller matrix.
    """
    x, y, z = path[1:, 3].tolist()
    return math.atan2(math.hypot(x, y), z)


def behind_plate_phase_rad(whole: Array) -> float:
    """The same of a way that ends with the wave plate, which turns S3 over: what is left of an
    ellipticity, 0 to pi. The mean error rate of both bases is sin^2 of its half, halved.

    whole: (4, 4) Mueller matrix.
    """
    x, y, z = whole[1:, 3].tolist()
    return math.atan2(math.hypot(x, y), -z)


class Left(NamedTuple):
    """What a path with its plate leaves of the sender's frame at the analyser."""

    frame_rad: float
    """The rotation that comes nearest to it, in [-pi/2, pi/2], from H toward D."""
    contrast_x: float
    """How far H and V are told apart by ideal detectors, -1 to 1 ..."""
    contrast_z: float
    """... and so D and A."""


def left_of_frame(path: Array) -> Left:
    """path: (4, 4) Mueller matrix from the sender's frame to behind the plate.

    The plate's reflection is undone by that of the channels' names. For a rotation by 2 d about S3
    the upper left block is that of a turn, whose nearest turn is atan2 of its skew and even parts.
    """
    sphere = path[1:, 1:] * np.array([[1.0], [-1.0], [-1.0]]) / path[0, 0]
    double = math.atan2(sphere[1, 0] - sphere[0, 1], sphere[0, 0] + sphere[1, 1])
    return Left(0.5 * double, float(sphere[0, 0]), float(sphere[1, 1]))
