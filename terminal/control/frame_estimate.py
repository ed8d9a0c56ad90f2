"""Frame rotation and s-p phase from counts per sent state and channel, by maximum likelihood.

Light sent linear at t meets a rotation psi, a phase delta about a known axis, and the half-wave
plate: Stokes S1 = cos 2(t + psi), (S2, S3) = (cos delta, sin delta) sin 2(t + psi), from the axis.
psi shows to first order in mismatched bases and to second order in matched ones; all are used.

A perfect half-wave plate and linear analysers never see S3: then cos delta alone enters, the sign
of delta is beyond reach, and a small delta shows to second order only. A plate of another
retardance, in one exposure out of several, shows the sign.

The flux of each sent state is a nuisance parameter: fading and unequal lasers do not matter. Counts
are Poisson; covariance is the inverse of the Fisher information (Kay, Fundamentals of Statistical
Signal Processing, vol. 1, sections 3.7 and 7.7), fluxes eliminated.
"""

import math
from collections.abc import Sequence
from enum import IntFlag
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from terminal.control.frame_model import (
    Analyser,
    Exposure,
    Truth,
    channel_rows,
    click_shares,
    from_phase_axis,
    sent_stokes,
)

Array = NDArray[np.float64]

MIN_CLICKS = 100.0
"""Beyond the background: below, errors are not Gaussian and the covariance says little."""
SIGN_SEEN_RAD = 0.3
"""1-sigma of sin delta, about delta = 0, up to which its sign counts as seen."""
_STEPS = 50
_BAD_FIT_SIGMA = 6.0


class Flag(IntFlag):
    """The first four leave no estimate, the others qualify one."""

    IMPOSSIBLE_COUNTS = 1
    """Not finite, negative, or of the wrong shape."""
    TOO_FEW = 2
    EMPTY_BASIS = 4
    """No clicks for a pair of sent and received basis: a sign of the rotation is open."""
    NO_FIT = 8
    PHASE_SIGN_UNSEEN = 16
    """`phase_rad` is a magnitude."""
    MIRRORED = 32
    """Rotations show with the wrong sign: two states changed places, or a mirror is missing."""
    BAD_FIT = 64
    """Counts scatter about the model by far more than Poisson's law allows."""


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
    chi2: float = math.nan
    """Pearson's, expected to be `degrees_of_freedom`."""
    degrees_of_freedom: int = 0

    @property
    def rotation_sigma_rad(self) -> float:
        return math.sqrt(self.covariance[0][0])


def estimate_frame(exposures: Sequence[Exposure], analyser: Analyser) -> FrameEstimate:
    """The estimate from one window of counts, or several with different plate angles."""
    refused = _refusal(exposures)
    if refused:
        return FrameEstimate(refused)
    problem = _Problem(exposures, analyser)
    try:
        signed = problem.sign_is_seen()
        start = problem.start(signed)
        found = problem.solve(start, signed)
        if signed:
            # A single exposure may have a second maximum near the phase of the other sign.
            other = problem.solve(start * [1.0, -1.0], signed)
            found = max(found, other, key=lambda f: f.likelihood)
        point, information, fitted, _ = found
        covariance = np.linalg.inv(information)
    except np.linalg.LinAlgError:
        return FrameEstimate(Flag.NO_FIT)
    if not (fitted and np.isfinite(covariance).all() and (np.diag(covariance) > 0.0).all()):
        return FrameEstimate(Flag.NO_FIT)

    second, second_sigma = float(point[1]), math.sqrt(covariance[1, 1])
    cosine = math.cos(second) if signed else second
    flags = Flag(0)
    if not signed:
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
        chi2,
        degrees,
    )


def swapped_states(estimate: FrameEstimate) -> str:
    """Which labels have to change places for the rest of the rotation to be least.

    One of "", "H and V, D and A", "D and A", "H and V"; or "bases", with a rotation nearer to 45
    degrees.
    """
    eighths = round(estimate.rotation_rad / (0.25 * math.pi)) % 4
    if eighths % 2:
        return "bases"
    if estimate.cos_phase < 0.0:
        return "H and V" if eighths else "D and A"
    return "H and V, D and A" if eighths else ""


def _refusal(exposures: Sequence[Exposure]) -> Flag:
    for e in exposures:
        for cells in (e.counts, e.background):
            if cells.shape != (4, 4) or not (np.isfinite(cells).all() and (cells >= 0.0).all()):
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


class _Score(NamedTuple):
    """Gradient and information about the point, the fluxes eliminated (Schur complement)."""

    gradient: Array
    information: Array
    flux_gradient: Array
    cross: Array
    own: Array

    def move(self, cosine: float | None) -> Array:
        """Fisher's step; along the rotation alone where it would take a cosine beyond 1."""
        move: Array = np.linalg.solve(self.information, self.gradient)
        if cosine is not None and abs(cosine) >= 1.0 and move[1] * cosine > 0.0:
            return np.array([self.gradient[0] / self.information[0, 0], 0.0])
        return move

    def flux_move(self, move: Array) -> Array:
        """Of the logarithms of the fluxes."""
        return np.asarray((self.flux_gradient - self.cross @ move) / self.own)


class _Found(NamedTuple):
    point: Array
    information: Array
    converged: bool
    likelihood: float


class _Problem:
    """The point is (rotation, phase) if signed, (rotation, cos phase) if not."""

    def __init__(self, exposures: Sequence[Exposure], analyser: Analyser) -> None:
        self._rows = [channel_rows(e, analyser) for e in exposures]
        self._counts = np.array([e.counts for e in exposures])
        self._background = np.array([e.background for e in exposures])
        self._efficiency = np.array(analyser.efficiency)
        self._axis_rad = analyser.phase_axis_rad

    def sign_is_seen(self) -> bool:
        """By the information about sin delta at no phase, with the present clicks."""
        point = np.array([self.start(False)[0], 0.0])
        score = self._score(point, self._fluxes(point, True), True)
        return bool(score.information[1, 1] * SIGN_SEEN_RAD**2 > 1.0)

    def solve(self, point: Array, signed: bool) -> _Found:
        """The likeliest point, searched from this one."""
        fluxes = self._fluxes(point, signed)
        value = self._likelihood(point, fluxes, signed)
        for _ in range(_STEPS):
            score = self._score(point, fluxes, signed)
            move = score.move(None if signed else float(point[1]))
            flux_move = score.flux_move(move)
            # Within a thousandth of its error.
            if move @ score.information @ move < 1e-6 and float(np.abs(flux_move).max()) < 1e-3:
                return _Found(point, score.information, True, value)
            size, new, new_fluxes, new_value = 1.0, point, fluxes, -math.inf
            while new_value < value - 1e-9 * abs(value) and size > 1e-4:
                new, new_fluxes = point + size * move, fluxes * np.exp(size * flux_move)
                if not signed:
                    new[1] = min(1.0, max(-1.0, new[1]))
                new_value = self._likelihood(new, new_fluxes, signed)
                size *= 0.5
            point, fluxes, value = new, new_fluxes, new_value
        return _Found(point, score.information, False, value)

    def chi2(self, point: Array, signed: bool) -> tuple[float, float, int]:
        """Pearson's chi2, its standard deviation for Poisson counts, degrees of freedom."""
        means = self._shares(point, signed)[0] * self._fluxes(point, signed)[..., None]
        means += self._background
        chi2 = float(((self._counts - means) ** 2 / means).sum())
        lit = int((self._counts.sum(axis=2) > 0.0).sum())
        return chi2, math.sqrt(float((2.0 + 1.0 / means).sum())), 3 * lit - 2

    def _shares(self, point: Array, signed: bool) -> tuple[Array, Array]:
        rotation_rad, second = point.tolist()
        if signed:
            truth = Truth(rotation_rad, math.cos(second), math.sin(second))
        else:
            truth = Truth(rotation_rad, second, 0.0)
        pairs = [click_shares(rows, truth, self._axis_rad) for rows in self._rows]
        slopes = np.array([d for _, d in pairs])
        along = slopes[..., 1]
        if signed:
            along = truth.cos_phase * slopes[..., 2] - truth.sin_phase * along
        return np.array([p for p, _ in pairs]), np.stack([slopes[..., 0], along], axis=-1)

    def _fluxes(self, point: Array, signed: bool) -> Array:
        signal = np.maximum((self._counts - self._background).sum(axis=2), 1.0)
        return np.asarray(signal / self._shares(point, signed)[0].sum(axis=2))

    def _likelihood(self, point: Array, fluxes: Array, signed: bool) -> float:
        means = self._shares(point, signed)[0] * fluxes[..., None] + self._background
        return float((self._counts * np.log(means) - means).sum())

    def start(self, signed: bool) -> Array:
        """Linear least squares for the 3 x 2 matrix that takes the sent S1, S2 to the plate."""
        seen = (self._counts - self._background) / self._efficiency
        even = np.array([rows[:, 0] for rows in self._rows]) / self._efficiency
        flux = np.maximum(seen.sum(axis=2) / even.sum(axis=1, keepdims=True), 1.0)
        excess = seen - flux[..., None] * even[:, None, :]
        odd = np.array([from_phase_axis(rows, self._axis_rad) for rows in self._rows])
        odd /= self._efficiency[:, None]
        sent = sent_stokes(self._axis_rad)
        design = np.einsum("ei,ejk,li->eijkl", flux, odd, sent).reshape(-1, 6)
        matrix = np.linalg.lstsq(design, excess.ravel(), rcond=1e-6)[0].reshape(3, 2)
        rotation_rad = 0.5 * math.atan2(-matrix[0, 1], matrix[0, 0])
        _, cosine, sine = matrix @ [math.sin(2.0 * rotation_rad), math.cos(2.0 * rotation_rad)]
        second = math.atan2(sine, cosine) if signed else min(0.95, max(-0.95, cosine))
        return np.array([rotation_rad, second])

    def _score(self, point: Array, fluxes: Array, signed: bool) -> _Score:
        shares, slopes = self._shares(point, signed)
        signal = shares * fluxes[..., None]
        means = signal + self._background
        slopes = slopes * fluxes[..., None, None]
        residual = (self._counts - means) / means
        own = (signal**2 / means).sum(axis=2)
        cross = np.einsum("eij,eijk->eik", signal / means, slopes)
        flux_gradient = (residual * signal).sum(axis=2)
        gradient = np.einsum("eij,eijk->k", residual, slopes)
        gradient -= np.einsum("eik,ei->k", cross, flux_gradient / own)
        information = np.einsum("eijk,eijl,eij->kl", slopes, slopes, 1.0 / means)
        information -= np.einsum("eik,eil,ei->kl", cross, cross, 1.0 / own)
        return _Score(gradient, information, flux_gradient, cross, own)


def _half_turn(angle_rad: float) -> float:
    left = math.remainder(angle_rad, math.pi)
    return left + math.pi if left <= -0.5 * math.pi else left
