"""Polarisation from the sender's frame to the four channels, in Stokes vectors.

States and analyser axes are linear at angles t: (S1, S2, S3) = (cos 2t, sin 2t, 0). On the way:
rotation of the frame, a phase between s and p of the fold mirrors, the half-wave plate, and a
polarising beam splitter for each basis, with a small chance of the wrong port. The plate reflects
(t -> 2a - t), so the detector called D stands at -45 degrees and A at +45.
"""

import math

import numpy as np
from numpy.typing import NDArray

STATE_ANGLES_RAD = np.radians([0.0, 90.0, 45.0, 135.0])
CHANNEL_ANGLES_RAD = np.radians([0.0, 90.0, -45.0, 45.0])
SENT_STOKES = np.column_stack(
    [np.ones(4), np.cos(2 * STATE_ANGLES_RAD), np.sin(2 * STATE_ANGLES_RAD), np.zeros(4)]
)
"""(4, 4): a row for each state."""


def stokes_to_channels(
    frame_rotation_rad: float,
    plate_rad: float,
    retardance_rad: float,
    intrinsic_error: float,
    basis_x_probability: float,
) -> NDArray[np.float64]:
    """(4, 4): a photon's Stokes vector (1, S1, S2, S3) in the sender's frame to the probability
    that it clicks in a channel (row, H V D A); each column of unpolarised light sums to 1.

    frame_rotation_rad: sender's H axis at the analyser, from `right` toward `up`.
    plate_rad: true axis of the plate in the same frame.
    retardance_rad: phase between the components along and across `right`.
    """
    c, s = math.cos(2.0 * frame_rotation_rad), math.sin(2.0 * frame_rotation_rad)
    turned = np.array([[c, -s, 0.0], [s, c, 0.0], [0.0, 0.0, 1.0]])
    c, s = math.cos(retardance_rad), math.sin(retardance_rad)
    delayed = np.array([[1.0, 0.0, 0.0], [0.0, c, -s], [0.0, s, c]])
    # Half-wave plate: half a turn about its axis on the Poincare sphere.
    axis = np.array([math.cos(2 * plate_rad), math.sin(2 * plate_rad), 0.0])
    plate = 2.0 * np.outer(axis, axis) - np.eye(3)
    analyser = np.array(
        [np.cos(2 * CHANNEL_ANGLES_RAD), np.sin(2 * CHANNEL_ANGLES_RAD), np.zeros(4)]
    ).T
    odd = 0.5 * (1.0 - 2.0 * intrinsic_error) * (analyser @ plate @ delayed @ turned)
    p_x = basis_x_probability
    basis = np.array([p_x, p_x, 1 - p_x, 1 - p_x])
    return np.asarray(basis[:, None] * np.column_stack([np.full(4, 0.5), odd]))


def channel_probability(
    frame_rotation_rad: float,
    plate_rad: float,
    retardance_rad: float,
    intrinsic_error: float,
    basis_x_probability: float,
) -> NDArray[np.float64]:
    """(4, 4) probability that a photon of the sent state (row, H V D A) clicks in a channel."""
    rows = stokes_to_channels(
        frame_rotation_rad, plate_rad, retardance_rad, intrinsic_error, basis_x_probability
    )
    return np.asarray(SENT_STOKES @ rows.T)


def frame_error_rad(frame_rotation_rad: float, plate_rad: float) -> float:
    """What is left of the rotation behind the plate, in (-pi/2, pi/2]."""
    left = frame_rotation_rad - 2.0 * plate_rad
    return -((-left + math.pi / 2) % math.pi - math.pi / 2)
