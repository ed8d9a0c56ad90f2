"""Kalman filter over what the geometry can't know of the polarisation frame.

State: rotation offset of the frame and its rate, scale and zero error of the plate's encoder, and
the s-p phase. A plate that stands at angle (1 + scale) a + zero where its encoder says a lets the
counts show offset - 2 scale a - 2 zero. Offset and zero always come together: only their
difference is observed, and each alone is known little better than its prior.
Source: Bar-Shalom, Li and Kirubarajan, Estimation with Applications to Tracking and Navigation,
section 5.2.
"""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from terminal.control.frame_estimate import Flag, FrameEstimate

Array = NDArray[np.float64]

GATE_SIGMA = 5.0
UNUSABLE = (
    Flag.IMPOSSIBLE_COUNTS
    | Flag.TOO_FEW
    | Flag.EMPTY_BASIS
    | Flag.NO_FIT
    | Flag.MIRRORED
    | Flag.BAD_FIT
    | Flag.AMBIGUOUS
)


class FrameNoise(NamedTuple):
    """Random walks, per square root of a second."""

    offset_rad: float = math.radians(0.02)
    rate_rad_s: float = 0.0
    phase_rad: float = math.radians(0.1)


class FrameSigmas(NamedTuple):
    """1 sigma before the first estimate."""

    offset_rad: float = math.radians(30.0)
    rate_rad_s: float = math.radians(0.05)
    plate_scale: float = 1e-3
    plate_zero_rad: float = math.radians(1.0)
    phase_rad: float = 1.0


class FrameFilter(NamedTuple):
    """mean (5,): offset_rad, rate_rad_s, plate_scale, plate_zero_rad, phase_rad."""

    mean: Array
    covariance: Array
    rejected: int = 0
    """Estimates in a row outside of the gate."""

    def trim_rad(self, plate_rad: float) -> float:
        """What to add to the predicted frame angle where the encoder shall say plate_rad."""
        return float(self._row(plate_rad) @ self.mean)

    def trim_sigma_rad(self, plate_rad: float) -> float:
        row = self._row(plate_rad)
        return math.sqrt(float(row @ self.covariance @ row))

    @staticmethod
    def _row(plate_rad: float) -> Array:
        return np.array([1.0, 0.0, -2.0 * plate_rad, -2.0, 0.0])


def start(sigmas: FrameSigmas) -> FrameFilter:
    return FrameFilter(np.zeros(5), np.diag(np.square(sigmas)))


def predict(state: FrameFilter, dt_s: float, noise: FrameNoise) -> FrameFilter:
    """Raises ValueError for time that runs backward."""
    if not dt_s >= 0.0:
        raise ValueError(f"the filter can't go back by {dt_s} s")
    flow = np.eye(5)
    flow[0, 1] = dt_s
    # White noise of the offset's speed, and of its acceleration.
    q, r = noise.offset_rad**2, noise.rate_rad_s**2
    walk = np.diag([q * dt_s + r * dt_s**3 / 3.0, r * dt_s, 0.0, 0.0, noise.phase_rad**2 * dt_s])
    walk[0, 1] = walk[1, 0] = 0.5 * r * dt_s**2
    return state._replace(
        mean=flow @ state.mean, covariance=flow @ state.covariance @ flow.T + walk
    )


def update(
    state: FrameFilter, seen: FrameEstimate, predicted_rad: float, plate_rad: float
) -> FrameFilter:
    """With an estimate made at encoder angle plate_rad, while geometry predicted this frame angle.

    plate_rad is counted on over whole turns if the encoder is. A flagged estimate that is no use
    changes nothing; one outside the gate is counted, and changes nothing else. The phase is taken
    only with its sign.
    """
    if seen.flags & UNUSABLE:
        return state
    signed = not seen.flags & Flag.PHASE_SIGN_UNSEEN
    rows = np.zeros((2, 5))
    rows[0], rows[1, 4] = state._row(plate_rad), 1.0
    off = np.array(
        [
            math.remainder(seen.rotation_rad - predicted_rad - rows[0] @ state.mean, math.pi),
            math.remainder(seen.phase_rad - state.mean[4], 2.0 * math.pi),
        ]
    )
    n = 2 if signed else 1
    rows, off, noise = rows[:n], off[:n], np.array(seen.covariance)[:n, :n]
    expected = rows @ state.covariance @ rows.T + noise
    if off @ np.linalg.solve(expected, off) > GATE_SIGMA**2:
        return state._replace(rejected=state.rejected + 1)
    gain = np.linalg.solve(expected, rows @ state.covariance).T
    kept = np.eye(5) - gain @ rows
    # Joseph's form stays positive.
    covariance = kept @ state.covariance @ kept.T + gain @ noise @ gain.T
    return FrameFilter(state.mean + gain @ off, 0.5 * (covariance + covariance.T))
