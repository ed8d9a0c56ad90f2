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
_LEAST_SHARE = 1e-6
"""Of clicks: perfect optics leave none, and Poisson's law no logarithm."""


class Analyser(NamedTuple):
    """What is known of the receiver; channels in the order H V D A."""

    efficiency: tuple[float, float, float, float] = (0.5, 0.5, 0.5, 0.5)
    """Relative ones do: the flux is estimated."""
    leak: tuple[float, float, float, float] = (0.0, 0.0, 0.0, 0.0)
    """One over the extinction ratio."""
    intrinsic_error: float = 0.0
    """Probability that a photon behaves as the orthogonal state."""
    phase_axis_rad: float = 0.0
    """Axis of the fold mirrors' phase."""


class Exposure(NamedTuple):
    """Counts of a window in which the plate stood still."""

    counts: Array
    """(4, 4), sent state by channel, both H V D A."""
    background: Array
    """(4, 4), expected among them."""
    plate_rad: float
    plate_retardance_rad: float = math.pi


class Truth(NamedTuple):
    """What is estimated. Sine and cosine are apart, as the shares are linear in both."""

    rotation_rad: float
    cos_phase: float
    sin_phase: float


def channel_rows(exposure: Exposure, analyser: Analyser) -> Array:
    """(4, 4) Stokes parameters before the plate to click probability, by channel.

    Raises ValueError for channels without efficiency, and for errors that leave no contrast.
    """
    if not all(0.0 < one < math.inf for one in analyser.efficiency):
        raise ValueError(f"efficiencies must be above 0 and finite, not {analyser.efficiency}")
    sound = all(0.0 <= one < 1.0 for one in analyser.leak)
    if not (sound and 0.0 <= analyser.intrinsic_error < 0.5):
        raise ValueError(
            f"leaks {analyser.leak} and error {analyser.intrinsic_error} leave no contrast"
        )
    rows = analyser_rows(
        np.array(CHANNEL_AXES_RAD), np.array(analyser.efficiency), np.array(analyser.leak)
    )
    contrast = 1.0 - 2.0 * analyser.intrinsic_error
    rows = rows * np.array([1.0, contrast, contrast, contrast])
    plate = mueller(retarder(exposure.plate_rad, exposure.plate_retardance_rad))
    return np.asarray(rows @ plate)


def click_shares(rows: Array, truth: Truth, phase_axis_rad: float) -> tuple[Array, Array]:
    """(4, 4) click probability, sent state by channel; (4, 4, 3) slopes by the fields of truth."""
    turned = 2.0 * (np.array(STATE_ANGLES_RAD) + truth.rotation_rad - phase_axis_rad)
    c, s, zero = np.cos(turned), np.sin(turned), np.zeros(4)
    along = np.array([c, truth.cos_phase * s, truth.sin_phase * s])
    by_rotation = 2.0 * np.array([-s, truth.cos_phase * c, truth.sin_phase * c])
    by_cosine, by_sine = np.array([zero, s, zero]), np.array([zero, zero, s])
    odd = from_phase_axis(rows, phase_axis_rad)
    shares = rows[:, 0] + (odd @ along).T
    slopes = np.stack([(odd @ d).T for d in (by_rotation, by_cosine, by_sine)], axis=-1)
    return np.maximum(shares, _LEAST_SHARE), slopes


def from_phase_axis(rows: Array, phase_axis_rad: float) -> Array:
    """(4, 3) the channels' S1, S2, S3 with the axis of the phase as the reference of angles."""
    c, s = math.cos(2.0 * phase_axis_rad), math.sin(2.0 * phase_axis_rad)
    return np.asarray(rows[:, 1:] @ [[c, -s, 0.0], [s, c, 0.0], [0.0, 0.0, 1.0]])


def sent_stokes(phase_axis_rad: float) -> Array:
    """(2, 4) S1 and S2 of the sent states, likewise."""
    angles = 2.0 * (np.array(STATE_ANGLES_RAD) - phase_axis_rad)
    return np.array([np.cos(angles), np.sin(angles)])
