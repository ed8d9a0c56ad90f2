"""How likely a photon of each sent state clicks in each channel behind the half-wave plate."""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from terminal.optics.polarization import analyser_rows, mueller, retarder

Array = NDArray[np.float64]

STATE_ANGLES_RAD = (0.0, 0.5 * math.pi, 0.25 * math.pi, 0.75 * math.pi)
"""H V D A, as sent."""
CHANNEL_AXES_RAD = (0.0, 0.5 * math.pi, -0.25 * math.pi, 0.25 * math.pi)
"""H V D A, behind a half-wave plate, which reflects."""
NOTHING: Array = np.eye(4)
"""Mueller matrix of what is not there."""
LEAST_SHARE = 1e-6
"""Of clicks: perfect optics leave none, and Poisson's law no logarithm. From 1e8 clicks in a window
on, perfect optics would be a bad fit."""


class Analyser(NamedTuple):
    """What is known of the receiver; channels in the order H V D A."""

    efficiency: tuple[float, float, float, float] = (0.5, 0.5, 0.5, 0.5)
    """Relative ones do, within each basis: the flux is estimated."""
    leak: tuple[float, float, float, float] = (0.0, 0.0, 0.0, 0.0)
    """One over the extinction ratio."""
    phase_axis_rad: float = 0.0
    """Axis of the phase that is estimated."""
    channel_axes_rad: tuple[float, float, float, float] = CHANNEL_AXES_RAD


class Exposure(NamedTuple):
    """Counts of a window in which the optics stood still."""

    counts: Array
    """(4, 4), sent state by channel, both H V D A."""
    background: Array
    """(4, 4), expected among them."""
    plate_rad: float
    plate_retardance_rad: float = math.pi
    frame_rad: float = 0.0
    """Predicted rotation, to which the one that is estimated adds."""
    path: Array = NOTHING
    """(4, 4) Mueller matrix of what is known to stand between the estimated phase and the plate."""


class Truth(NamedTuple):
    """What is estimated. Sine and cosine are apart, as the shares are linear in both."""

    rotation_rad: float
    cos_phase: float
    sin_phase: float
    contrast: float = 1.0
    """Of source and optics together, alike in all directions: 1 less twice the error rate that
    no angle takes away."""


def channel_rows(exposure: Exposure, analyser: Analyser) -> Array:
    """(4, 4) Stokes parameters before the path to click probability, by channel.

    Raises ValueError for channels without efficiency, and for leaks that leave no contrast.
    """
    if not all(0.0 < one < math.inf for one in analyser.efficiency):
        raise ValueError(f"efficiencies must be above 0 and finite, not {analyser.efficiency}")
    if not all(0.0 <= one < 1.0 for one in analyser.leak):
        raise ValueError(f"leaks {analyser.leak} leave no contrast")
    rows = analyser_rows(
        np.array(analyser.channel_axes_rad), np.array(analyser.efficiency), np.array(analyser.leak)
    )
    plate = mueller(retarder(exposure.plate_rad, exposure.plate_retardance_rad))
    return np.asarray(rows @ plate @ exposure.path)


def click_shares(
    rows: Array, truth: Truth, phase_axis_rad: float, frame_rad: Array
) -> tuple[Array, Array]:
    """(n, 4, 4) click probability, sent state by channel; (n, 4, 4, 4) slopes by the fields of
    truth.

    rows: (n, 4, 4) of `from_phase_axis`, of n exposures. frame_rad: (n,), their predictions.
    """
    at_rad = np.array(STATE_ANGLES_RAD) + (truth.rotation_rad - phase_axis_rad)
    turned = 2.0 * (at_rad + frame_rad[:, None])
    c, s, zero = np.cos(turned), np.sin(turned), np.zeros_like(turned)
    cosine, sine = truth.cos_phase, truth.sin_phase
    # (4, n, 3, 4): the light itself, and its slopes by rotation, cosine and sine.
    light = np.array(
        [
            [c, cosine * s, sine * s],
            [-2.0 * s, 2.0 * cosine * c, 2.0 * sine * c],
            [zero, s, zero],
            [zero, zero, s],
        ]
    ).transpose(0, 2, 1, 3)
    seen = (rows[:, :, 1:] @ light).transpose(0, 1, 3, 2)
    shares = rows[:, None, :, 0] + truth.contrast * seen[0]
    slopes = np.stack([truth.contrast * one for one in seen[1:]] + [seen[0]], axis=-1)
    return np.maximum(shares, LEAST_SHARE), slopes


def from_phase_axis(rows: Array, phase_axis_rad: float) -> Array:
    """(..., 4) rows with the axis of the phase as the reference of angles."""
    c, s = math.cos(2.0 * phase_axis_rad), math.sin(2.0 * phase_axis_rad)
    return np.asarray(rows @ [[1.0, 0, 0, 0], [0, c, -s, 0], [0, s, c, 0], [0, 0, 0, 1.0]])


def sent_stokes(phase_axis_rad: float, frame_rad: Array) -> Array:
    """(n, 2, 4) S1 and S2 of the sent states, likewise, before the rotation that is estimated."""
    angles = 2.0 * (np.array(STATE_ANGLES_RAD) - phase_axis_rad + frame_rad[:, None])
    return np.stack([np.cos(angles), np.sin(angles)], axis=1)
