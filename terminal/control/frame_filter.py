"""Kalman filter over what the geometry can't know of the polarisation frame.

State: rotation offset of the frame and its rate, scale and zero error of the plate's encoder, the
s-p phase, and the plate's retardance error. A plate that stands at angle (1 + scale) a + zero where
its encoder says a lets the counts show offset - 2 scale a - 2 zero. Offset and zero always come
together: only their difference is observed, and each alone is known little better than its prior.
A plate whose retardance is off by e acts as a half-wave plate behind a retarder of e on its own
axis, of which e cos 2(a - axis of the phase) adds to the phase: as the plate turns, the two part.
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

    offset_rad: float = math.radians(0.01)
    rate_rad_s: float = 0.0
    phase_rad: float = math.radians(0.02)
    """A third of a degree in five minutes: alone no cause to look for it again."""


class FrameSigmas(NamedTuple):
    """1 sigma before the first estimate."""

    offset_rad: float = math.radians(30.0)
    rate_rad_s: float = math.radians(0.02)
    plate_scale: float = 1e-3
    plate_zero_rad: float = math.radians(1.0)
    phase_rad: float = 1.0
    plate_retardance_rad: float = 0.03


class FrameFilter(NamedTuple):
    """mean (6,): offset_rad, rate_rad_s, plate_scale, plate_zero_rad, phase_rad,
    plate_retardance_rad."""

    mean: Array
    covariance: Array
    rejected: int = 0
    """Estimates in a row outside of the gate."""
    phase_axis_rad: float | None = None
    """None: mirrors stand between phase and plate, whose retardance is left out."""
    sense: float = 1.0
    """-1 behind an odd number of mirrors too many: a plate turned on looks like a frame turned
    back."""

    @property
    def offset_rad(self) -> float:
        """Of the frame from its prediction, the plate's errors apart."""
        return float(self.mean[0])

    def trim_rad(self, plate_rad: float) -> float:
        """What to add to the predicted frame angle where the encoder shall say plate_rad."""
        return float(self._row(plate_rad) @ self.mean)

    def trim_sigma_rad(self, plate_rad: float) -> float:
        row = self._row(plate_rad)
        return math.sqrt(float(row @ self.covariance @ row))

    def plate_error_rad(self, plate_rad: float) -> float:
        """By which the plate is believed to stand further than its encoder says."""
        return float(self.mean[2] * plate_rad + self.mean[3])

    def phase_rad(self, plate_rad: float) -> float:
        """With what the plate adds to it."""
        return float(self._phase_row(plate_rad) @ self.mean)

    def phase_sigma_rad(self, plate_rad: float) -> float:
        row = self._phase_row(plate_rad)
        return math.sqrt(float(row @ self.covariance @ row))

    def _row(self, plate_rad: float) -> Array:
        return np.array([1.0, 0.0, -2.0 * self.sense * plate_rad, -2.0 * self.sense, 0.0, 0.0])

    def _phase_row(self, plate_rad: float) -> Array:
        axis = self.phase_axis_rad
        share = 0.0 if axis is None else math.cos(2.0 * (plate_rad - axis))
        return np.array([0.0, 0.0, 0.0, 0.0, 1.0, share])


def start(
    sigmas: FrameSigmas, phase_rad: float = 0.0, phase_axis_rad: float | None = None
) -> FrameFilter:
    """Before the first estimate."""
    mean = np.array([0.0, 0.0, 0.0, 0.0, phase_rad, 0.0])
    return FrameFilter(mean, np.diag(np.square(sigmas)), phase_axis_rad=phase_axis_rad)


def predict(
    state: FrameFilter, dt_s: float, noise: FrameNoise, leap_rad: float = 0.0
) -> FrameFilter:
    """leap_rad: 1-sigma of what the offset may have changed beyond that.

    Raises ValueError for time that runs backward.
    """
    if not dt_s >= 0.0:
        raise ValueError(f"the filter can't go back by {dt_s} s")
    flow = np.eye(6)
    flow[0, 1] = dt_s
    # White noise of the offset's speed, and of its acceleration.
    q, r = noise.offset_rad**2, noise.rate_rad_s**2
    walk = np.diag(
        [q * dt_s + r * dt_s**3 / 3.0, r * dt_s, 0.0, 0.0, noise.phase_rad**2 * dt_s, 0.0]
    )
    walk[0, 1] = walk[1, 0] = 0.5 * r * dt_s**2
    walk[0, 0] += leap_rad**2
    return state._replace(
        mean=flow @ state.mean, covariance=flow @ state.covariance @ flow.T + walk
    )


def update(state: FrameFilter, seen: FrameEstimate, plate_rad: float) -> FrameFilter:
    """With an estimate of what adds to the predicted frame angle, made at encoder angle plate_rad.

    plate_rad is counted on over whole turns if the encoder is. A flagged estimate that is no use
    changes nothing; one outside the gate is counted, and changes nothing else. The phase is taken
    only with its sign.
    """
    if seen.flags & UNUSABLE:
        return state
    signed = not seen.flags & Flag.PHASE_SIGN_UNSEEN
    rows = np.array([state._row(plate_rad), state._phase_row(plate_rad)])
    off = np.array(
        [
            math.remainder(seen.rotation_rad - rows[0] @ state.mean, math.pi),
            math.remainder(seen.phase_rad - rows[1] @ state.mean, 2.0 * math.pi),
        ]
    )
    n = 2 if signed else 1
    rows, off, noise = rows[:n], off[:n], np.array(seen.covariance)[:n, :n]
    expected = rows @ state.covariance @ rows.T + noise
    if off @ np.linalg.solve(expected, off) > GATE_SIGMA**2:
        return state._replace(rejected=state.rejected + 1)
    gain = np.linalg.solve(expected, rows @ state.covariance).T
    kept = np.eye(6) - gain @ rows
    # Joseph's form stays positive.
    covariance = kept @ state.covariance @ kept.T + gain @ noise @ gain.T
    return state._replace(
        mean=state.mean + gain @ off, covariance=0.5 * (covariance + covariance.T), rejected=0
    )


def restart(state: FrameFilter, seen: FrameEstimate, plate_rad: float) -> FrameFilter:
    """Anew from an estimate that lies where nothing was expected; what is known of plate and phase
    stays."""
    row = state._row(plate_rad)
    mean, covariance = state.mean.copy(), state.covariance.copy()
    mean[0] += math.remainder(seen.rotation_rad - float(row @ mean), math.pi)
    mean[1] = 0.0
    covariance[:2], covariance[:, :2] = 0.0, 0.0
    covariance[0, 0] = FrameSigmas().offset_rad ** 2
    covariance[1, 1] = FrameSigmas().rate_rad_s ** 2
    return state._replace(mean=mean, covariance=covariance, rejected=0)
