"""Half-wave plate angle: feed-forward from geometry, trimmed by what the photons show.

A half-wave plate at angle a sends linear polarisation at angle t to 2a - t, so a = psi / 2 undoes
a frame rotation psi up to a reflection, which the analyser's channel labels take into account.
The residual rotation d of the frame shows with its sign in the mismatched bases: for sent states
known afterwards, <match> = V cos 2d and <mismatch> = V sin 2d, V the visibility.
"""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from config.terminal import TerminalConfig
from terminal.quantum_messages import PolarizationCommand, PolarizationSample

# Correlation of sent state (row) with channel (column), both H V D A: +1 same, -1 opposite.
_SAME_BASIS = np.array([[1, -1, 0, 0], [-1, 1, 0, 0], [0, 0, 1, -1], [0, 0, -1, 1]], float).ravel()
# Turning the received polarisation by +d takes H toward D, D toward V, V toward A, A toward H.
_CROSS_BASIS = np.array([[0, 0, 1, -1], [0, 0, -1, 1], [-1, 1, 0, 0], [1, -1, 0, 0]], float).ravel()


class RotationEstimate(NamedTuple):
    """Rotation of the received frame, rad, positive from H toward D; and its 1-sigma error."""

    rotation_rad: float
    sigma_rad: float


def rotation_from_counts(counts: NDArray[np.float64]) -> RotationEstimate | None:
    """Maximum-likelihood rotation to first order from counts[4 * sent + channel]; None if empty.

    With C = sum(same - opposite) over matched bases and S likewise over mismatched ones,
    2d = atan2(S / n_mismatched, C / n_matched); the error follows from Poisson counts.
    """
    matched = float(np.abs(_SAME_BASIS) @ counts)
    mismatched = float(np.abs(_CROSS_BASIS) @ counts)
    if matched < 1.0 or mismatched < 1.0:
        return None
    cosine = float(_SAME_BASIS @ counts) / matched
    sine = float(_CROSS_BASIS @ counts) / mismatched
    visibility2 = cosine * cosine + sine * sine
    if visibility2 <= 0.0:
        return None
    # Variances of the two correlations, propagated through atan2.
    var_cosine = (1.0 - cosine * cosine) / matched + 1.0 / matched**2
    var_sine = (1.0 - sine * sine) / mismatched + 1.0 / mismatched**2
    variance = (sine * sine * var_cosine + cosine * cosine * var_sine) / visibility2**2
    return RotationEstimate(0.5 * math.atan2(sine, cosine), 0.5 * math.sqrt(variance))


class PolarizationState(NamedTuple):
    """Trim, its variance, and the counts when the present window began."""

    trim_rad: float = 0.0
    trim_variance_rad2: float = math.radians(30.0) ** 2
    window_counts: NDArray[np.float64] = np.zeros(16)
    window_s: float = 0.0
    misalignment_rad: float = 0.0
    target_rad: float = 0.0


TRIM_DRIFT_RAD_PER_SQRT_S = math.radians(0.05)
"""How fast the unknown part of the frame angle may change: attitude drift, optics."""

PLATE_MAX_AGE_S = 2.0
"""The plate tells where it stands every 0.2 s at rest, and after a move of up to a second."""

PLATE_TOLERANCE_RAD = math.radians(1.0)
"""Clicks taken with the plate further from its target tell of the plate, not of the trim."""


def step(
    config: TerminalConfig, state: PolarizationState, s: PolarizationSample, dt_s: float
) -> tuple[PolarizationState, PolarizationCommand]:
    """Plate target for now; the trim is updated once a window of counts is full."""
    if not s.pointing_valid:
        return state, PolarizationCommand(state.target_rad, trim_rad=state.trim_rad)
    knobs = config.polarization
    new = s.counts - state.window_counts
    window_s = state.window_s + dt_s
    variance = state.trim_variance_rad2 + TRIM_DRIFT_RAD_PER_SQRT_S**2 * dt_s
    state = state._replace(window_s=window_s, trim_variance_rad2=variance)
    if window_s >= knobs.trim_window_s and new.sum() >= knobs.trim_min_clicks:
        seen = rotation_from_counts(new)
        if seen:
            # The plate stood at the trimmed prediction, so what is left adds to the trim.
            # Scalar Kalman update: the first window is believed almost whole, later ones average.
            gain = variance / (variance + seen.sigma_rad**2)
            state = state._replace(
                trim_rad=state.trim_rad + gain * seen.rotation_rad,
                trim_variance_rad2=(1.0 - gain) * variance,
                misalignment_rad=seen.rotation_rad,
            )
        state = state._replace(window_s=0.0, window_counts=s.counts)

    # The plate's period is 90 degrees in its effect on linear states up to a common sign, so the
    # nearest of the equivalent angles is taken: the plate never unwinds.
    wanted = 0.5 * (s.frame_angle_rad + state.trim_rad)
    quarter = math.pi / 2
    steps = round((s.plate_angle_rad - wanted) / quarter)
    target = (wanted + steps * quarter) % (2 * math.pi)
    error = abs((target - s.plate_angle_rad + math.pi) % (2 * math.pi) - math.pi)
    known = s.plate_t_ns != 0 and (s.t_ns - s.plate_t_ns) * 1e-9 <= PLATE_MAX_AGE_S
    if not known or error > PLATE_TOLERANCE_RAD:
        state = state._replace(window_s=0.0, window_counts=s.counts)
    move = s.plate_t_ns != 0 and not s.plate_moving and error > knobs.deadband_rad
    state = state._replace(target_rad=target)
    return state, PolarizationCommand(
        plate_target_rad=target,
        move=move,
        trim_rad=state.trim_rad,
        trim_sigma_rad=math.sqrt(state.trim_variance_rad2),
        misalignment_rad=state.misalignment_rad,
    )
