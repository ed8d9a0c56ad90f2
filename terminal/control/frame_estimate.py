"""Frame rotation and s-p phase from counts per sent state and channel, by maximum likelihood.

Light sent linear at t meets a rotation psi, a phase delta about a known axis, and the half-wave
plate: Stokes S1 = cos 2(t + psi), (S2, S3) = (cos delta, sin delta) sin 2(t + psi), from the axis.
psi shows to first order in mismatched bases and to second order in matched ones; all are used.

A perfect half-wave plate and linear analysers never see S3: then cos delta alone enters, the sign
of delta is beyond reach, and a small delta shows to second order only. A plate of another
retardance, in one exposure out of several, shows the sign.

A retarder before the plate, set to two values, does as well, and so does a phase
that is known to change. Of a phase, cos delta is told apart from lost contrast, which both bases
share.

The covariance is the inverse of the Fisher information (Kay, Fundamentals of Statistical Signal
Processing, vol. 1, section 3.7), fluxes and contrast eliminated.
"""

import math
from collections.abc import Sequence
from enum import IntFlag
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from terminal.control.frame_likelihood import FrameLikelihood
from terminal.control.frame_model import Analyser, Exposure

Array = NDArray[np.float64]

MIN_CLICKS = 100.0
"""Beyond the background: below, errors are not Gaussian and the covariance says little."""
SIGN_SEEN_RAD = 0.3
"""1-sigma of sin delta, about delta = 0, up to which its sign counts as seen."""
_BAD_FIT_SIGMA = 6.0
_MOST_CLICKS = 1e15


class Flag(IntFlag):
    """The first four leave no estimate, the others qualify one."""

    IMPOSSIBLE_COUNTS = 1
    """Not finite, negative, beyond all measure, of the wrong shape, or no plate angle with them."""
    TOO_FEW = 2
    EMPTY_BASIS = 4
    """No clicks for a pair of sent and received basis: a sign of the rotation is open."""
    NO_FIT = 8
    PHASE_SIGN_UNSEEN = 16
    """`phase_rad` is a magnitude; or one of two that fit with the same rotation."""
    MIRRORED = 32
    """Rotations show with the wrong sign: two states changed places, or a mirror is missing."""
    BAD_FIT = 64
    """Counts scatter about the model by far more than Poisson's law allows."""
    AMBIGUOUS = 128
    """One exposure, with a plate that is no half-wave plate, fits quite another point as well."""


class FrameEstimate(NamedTuple):
    """Rotation of the sender's frame, positive from H toward D, in (-pi/2, pi/2]; and the phase."""

    flags: Flag
    rotation_rad: float = math.nan
    phase_rad: float = math.nan
    cos_phase: float = math.nan
    """Within -1 to 1, where it is biased inward by the order of its error near the ends."""
    covariance: tuple[tuple[float, float], tuple[float, float]] = (
        (math.inf, 0.0),
        (0.0, math.inf),
    )
    """Of rotation and phase; of rotation and cos phase with PHASE_SIGN_UNSEEN."""
    contrast: float = math.nan
    """1 less twice the error rate that neither rotation nor phase explains."""
    chi2: float = math.nan
    """Pearson's, expected to be `degrees_of_freedom`."""
    degrees_of_freedom: int = 0

    @property
    def rotation_sigma_rad(self) -> float:
        return math.sqrt(self.covariance[0][0])


def estimate_frame(
    exposures: Sequence[Exposure], analyser: Analyser, phase_limit_rad: float = math.inf
) -> FrameEstimate:
    """The estimate from one window of counts, or several with different plate angles.

    phase_limit_rad: beyond which the phase cannot lie, of those that fit alike.

    Raises ValueError for an analyser that cannot be.
    """
    refused = _refusal(exposures)
    if refused:
        return FrameEstimate(refused)
    problem = FrameLikelihood(exposures, analyser)
    try:
        signed = problem.sign_is_seen(SIGN_SEEN_RAD)
    except np.linalg.LinAlgError:
        return FrameEstimate(Flag.NO_FIT)
    fit = _fitted(problem, signed, phase_limit_rad)
    if fit is None and signed:
        # Where the sign is hardly seen, the likelihood may have no peak in it.
        signed = False
        fit = _fitted(problem, signed, phase_limit_rad)
    if fit is None:
        return FrameEstimate(Flag.NO_FIT)
    point, covariance, sole, phase_sole = fit

    second, second_sigma = float(point[1]), math.sqrt(covariance[1, 1])
    cosine = math.cos(second) if signed else second
    flags = Flag(0) if sole else Flag.AMBIGUOUS
    if not (signed and phase_sole):
        flags |= Flag.PHASE_SIGN_UNSEEN
    cosine_sigma = abs(math.sin(second)) * second_sigma if signed else second_sigma
    if cosine + 3.0 * cosine_sigma < 0.0:
        flags |= Flag.MIRRORED
    chi2, scatter, degrees = problem.chi2(point, signed)
    if chi2 - degrees > _BAD_FIT_SIGMA * scatter:
        flags |= Flag.BAD_FIT
    (a, b), (c, d) = covariance.tolist()
    return FrameEstimate(
        flags,
        _half_turn(float(point[0])),
        math.remainder(second, 2.0 * math.pi) if signed else math.acos(max(-1.0, min(1.0, second))),
        cosine,
        ((a, b), (c, d)),
        float(point[2]),
        chi2,
        degrees,
    )


def _fitted(
    problem: FrameLikelihood, signed: bool, phase_limit_rad: float
) -> tuple[Array, Array, bool, bool] | None:
    """(point, (2, 2) covariance of rotation and phase, whether both are sole); None: no fit."""
    try:
        found, sole, phase_sole = problem.best(signed, phase_limit_rad)
        covariance = np.asarray(np.linalg.inv(found.information)[:2, :2], np.float64)
    except np.linalg.LinAlgError:
        return None
    sound = np.isfinite(covariance).all() and (np.diag(covariance) > 0.0).all()
    return (found.point, covariance, sole, phase_sole) if found.converged and sound else None


def _refusal(exposures: Sequence[Exposure]) -> Flag:
    for e in exposures:
        angles = e.plate_rad, e.plate_retardance_rad, e.frame_rad
        if not (all(map(math.isfinite, angles)) and np.isfinite(e.path).all()):
            return Flag.IMPOSSIBLE_COUNTS
        for cells in (e.counts, e.background):
            # What is not a number fails every comparison.
            if cells.shape != (4, 4) or not ((cells >= 0.0) & (cells < _MOST_CLICKS)).all():
                return Flag.IMPOSSIBLE_COUNTS
    if not exposures:
        return Flag.TOO_FEW
    counts = sum((e.counts for e in exposures), np.zeros((4, 4)))
    background = sum((e.background for e in exposures), np.zeros((4, 4)))
    refused = Flag(0)
    if counts.sum() - background.sum() < MIN_CLICKS:
        refused |= Flag.TOO_FEW
    if (counts.reshape(2, 2, 2, 2).sum(axis=(1, 3)) == 0.0).any():
        refused |= Flag.EMPTY_BASIS
    return refused


def _half_turn(angle_rad: float) -> float:
    left = math.remainder(angle_rad, math.pi)
    return left + math.pi if left <= -0.5 * math.pi else left
