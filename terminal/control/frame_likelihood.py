"""Likelihood of Poisson counts under a frame rotation and a phase, and the search for its maximum.

The flux of each sent state on each basis is a nuisance parameter: fading, unequal lasers, the
splitter's share, and what of each basis is disclosed do not matter. So is the contrast.
Fisher scoring: Newton's method with the expected information; Kay, Fundamentals of Statistical
Signal Processing, vol. 1, section 7.7.
"""

import math
from collections.abc import Sequence
from itertools import product
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

_STEPS = 50
_TURN = 2.0 * math.pi
_LEAST_SPAN = 0.1
_LEAST_CONTRAST = 0.05
_PHASE_BOUNDS = np.array([[-math.inf, -math.inf, _LEAST_CONTRAST], [math.inf, math.inf, 1.0]])
_COSINE_BOUNDS = np.array([[-math.inf, -1.0, _LEAST_CONTRAST], [math.inf, 1.0, 1.0]])


class Score(NamedTuple):
    """Gradient and information about the point, the fluxes eliminated (Schur complement)."""

    gradient: Array
    information: Array
    flux_gradient: Array
    cross: Array
    own: Array

    def move(self, point: Array, bounds: Array) -> Array:
        """Fisher's step, along what does not press against its bound."""
        low = (point <= bounds[0]) & (self.gradient < 0.0)
        high = (point >= bounds[1]) & (self.gradient > 0.0)
        free = np.flatnonzero(~(low | high))
        move = np.zeros(len(point))
        move[free] = np.linalg.solve(self.information[np.ix_(free, free)], self.gradient[free])
        return move

    def flux_move(self, move: Array) -> Array:
        """Of the logarithms of the fluxes."""
        return np.asarray((self.flux_gradient - self.cross @ move) / self.own)


class Found(NamedTuple):
    point: Array
    information: Array
    converged: bool
    likelihood: float


class FrameLikelihood:
    """The point is (rotation, phase, contrast) if signed, (rotation, cos phase, contrast) if not.

    Counts stand as (exposure, sent state and basis, channel): (n, 8, 2).
    """

    def __init__(self, exposures: Sequence[Exposure], analyser: Analyser) -> None:
        n = len(exposures)
        self._axis_rad = analyser.phase_axis_rad
        plain = np.array([channel_rows(e, analyser) for e in exposures])
        self._rows = from_phase_axis(plain, self._axis_rad)
        self._frame_rad = np.array([e.frame_rad for e in exposures])
        self._counts = np.array([e.counts for e in exposures]).reshape(n, 8, 2)
        self._background = np.array([e.background for e in exposures]).reshape(n, 8, 2)

    def sign_is_seen(self, sigma_rad: float) -> bool:
        """Whether the present clicks tell sin delta, about no phase, to this 1-sigma."""
        point = np.array([self.start(False)[0], 0.0, 1.0])
        score = self._score(point, self._fluxes(point, True), True)
        return bool(score.information[1, 1] * sigma_rad**2 > 1.0)

    def best(self, signed: bool, phase_limit_rad: float) -> tuple[Found, bool, bool]:
        """The likeliest maximum with a phase within the limit, and whether rotation and phase of
        no other come near it, within 3 sigma.

        Exposures that see all three Stokes parameters have one, and so has the cosine of the phase;
        those that see one plane of the sphere have several.
        """
        start = self.start(signed)
        if not signed or self._sees_all():
            return self.solve(start, signed), True, True
        if phase_limit_rad < math.pi:
            phases = np.array([-0.5, 0.0, 0.5]) * phase_limit_rad
            starts = [np.array([start[0], phase, 0.9]) for phase in phases]
        else:
            turns = np.radians([0.0, 45.0, 90.0, 135.0])
            grid = product(turns, np.radians([45.0, 135.0, 225.0, 315.0]), [0.9])
            starts = [start, start * [1.0, -1.0, 1.0], *map(np.array, grid)]
        found = [self.solve(s, signed) for s in starts]
        inside = [f for f in found if abs(math.remainder(f.point[1], _TURN)) <= phase_limit_rad]
        found = sorted(inside or found, key=lambda f: -f.likelihood)
        first = found[0]
        near = [f.point - first.point for f in found if first.likelihood - f.likelihood < 4.5]
        off = np.array([[math.remainder(d[0], math.pi), math.remainder(d[1], _TURN)] for d in near])
        errors = np.linalg.inv(first.information)[:2, :2]
        squared = np.einsum("ni,ij,nj->n", off, np.linalg.inv(errors), off)
        turned = off[:, 0] ** 2 / errors[0, 0]
        return first, bool((turned < 9.0).all()), bool((squared < 9.0).all())

    def _sees_all(self) -> bool:
        seen = np.linalg.svd(np.concatenate(self._rows)[:, 1:], compute_uv=False)
        return bool(seen[2] > _LEAST_SPAN * seen[0])

    def solve(self, point: Array, signed: bool) -> Found:
        """The likeliest point, searched from this one."""
        bounds = _PHASE_BOUNDS if signed else _COSINE_BOUNDS
        point = np.clip(point, *bounds)
        fluxes, left = self._fluxes(point, signed), math.inf
        value = self._likelihood(point, fluxes, signed)
        for _ in range(_STEPS):
            score = self._score(point, fluxes, signed)
            move = score.move(point, bounds)
            # One whose clicks are all background has no logarithm to arrive at.
            flux_move = np.clip(score.flux_move(move), -1.0, 1.0)
            # Within a thousandth of its error, the fluxes within a hundredth of theirs.
            left = float(move @ score.information @ move)
            if left < 1e-6 and float((flux_move**2 * score.own).max()) < 1e-4:
                return Found(point, score.information, True, value)
            size, new, new_fluxes, new_value = 1.0, point, fluxes, -math.inf
            while new_value < value - 1e-9 * abs(value) and size > 1e-4:
                new = np.clip(point + size * move, *bounds)
                new_fluxes = fluxes * np.exp(size * flux_move)
                new_value = self._likelihood(new, new_fluxes, signed)
                size *= 0.5
            point, fluxes, value = new, new_fluxes, new_value
        # Toward the corner of perfect optics it creeps, or goes to and fro: a tenth of the error.
        return Found(point, score.information, left < 1e-2, value)

    def chi2(self, point: Array, signed: bool) -> tuple[float, float, int]:
        """Pearson's chi2, its standard deviation for Poisson counts, degrees of freedom."""
        means = self._shares(point, signed)[0] * self._fluxes(point, signed)[..., None]
        means += self._background
        chi2 = float(((self._counts - means) ** 2 / means).sum())
        lit = int((self._counts.sum(axis=2) > 0.0).sum())
        return chi2, math.sqrt(float((2.0 + 1.0 / means).sum())), lit - 3

    def _shares(self, point: Array, signed: bool) -> tuple[Array, Array]:
        rotation_rad, second, contrast = point.tolist()
        if signed:
            truth = Truth(rotation_rad, math.cos(second), math.sin(second), contrast)
        else:
            truth = Truth(rotation_rad, second, 0.0, contrast)
        shares, slopes = click_shares(self._rows, truth, self._axis_rad, self._frame_rad)
        along = slopes[..., 1]
        if signed:
            along = truth.cos_phase * slopes[..., 2] - truth.sin_phase * along
        slopes = np.stack([slopes[..., 0], along, slopes[..., 3]], axis=-1)
        n = len(shares)
        return shares.reshape(n, 8, 2), slopes.reshape(n, 8, 2, 3)

    def _fluxes(self, point: Array, signed: bool) -> Array:
        signal = np.maximum((self._counts - self._background).sum(axis=2), 1.0)
        return np.asarray(signal / self._shares(point, signed)[0].sum(axis=2))

    def _likelihood(self, point: Array, fluxes: Array, signed: bool) -> float:
        means = self._shares(point, signed)[0] * fluxes[..., None] + self._background
        return float((self._counts * np.log(means) - means).sum())

    def start(self, signed: bool) -> Array:
        """Linear least squares for the 3 x 2 matrix that takes the sent S1, S2 to the path."""
        n = len(self._rows)
        even = self._rows[:, :, 0]
        seen = (self._counts - self._background).reshape(n, 4, 4) / even[:, None, :]
        # Of each basis the mean of its two channels, which the light's angle does not change.
        flux = np.maximum(seen.reshape(n, 4, 2, 2).mean(axis=3), 1.0).repeat(2, axis=2)
        odd = self._rows[:, :, 1:] / even[..., None]
        sent = sent_stokes(self._axis_rad, self._frame_rad)
        design = np.einsum("eij,ejk,eli->eijkl", flux, odd, sent).reshape(-1, 6)
        matrix = np.linalg.lstsq(design, (seen - flux).ravel(), rcond=1e-6)[0].reshape(3, 2)
        rotation_rad = 0.5 * math.atan2(-matrix[0, 1], matrix[0, 0])
        contrast = min(0.98, max(0.2, math.hypot(matrix[0, 0], matrix[0, 1])))
        along = matrix @ [math.sin(2.0 * rotation_rad), math.cos(2.0 * rotation_rad)] / contrast
        second = math.atan2(along[2], along[1]) if signed else min(0.95, max(-0.95, along[1]))
        return np.array([rotation_rad, second, contrast])

    def _score(self, point: Array, fluxes: Array, signed: bool) -> Score:
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
        return Score(gradient, information, flux_gradient, cross, own)
