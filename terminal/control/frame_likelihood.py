"""Likelihood of Poisson counts under a frame rotation and a phase, and the search for its maximum.

The flux of each sent state is a nuisance parameter: fading and unequal lasers do not matter.
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


class Score(NamedTuple):
    """Gradient and information about the point, the fluxes eliminated (Schur complement)."""

    gradient: Array
    information: Array
    flux_gradient: Array
    cross: Array
    own: Array

    def move(self, cosine: float | None) -> Array:
        """Fisher's step; along the rotation alone where it would take a cosine beyond 1."""
        move = np.asarray(np.linalg.solve(self.information, self.gradient), np.float64)
        if cosine is not None and abs(cosine) >= 1.0 and move[1] * cosine > 0.0:
            return np.array([self.gradient[0] / self.information[0, 0], 0.0])
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
    """The point is (rotation, phase) if signed, (rotation, cos phase) if not."""

    def __init__(self, exposures: Sequence[Exposure], analyser: Analyser) -> None:
        self._rows = [channel_rows(e, analyser) for e in exposures]
        self._counts = np.array([e.counts for e in exposures])
        self._background = np.array([e.background for e in exposures])
        self._efficiency = np.array(analyser.efficiency)
        self._axis_rad = analyser.phase_axis_rad

    def sign_is_seen(self, sigma_rad: float) -> bool:
        """Whether the present clicks tell sin delta, about no phase, to this 1-sigma."""
        point = np.array([self.start(False)[0], 0.0])
        score = self._score(point, self._fluxes(point, True), True)
        return bool(score.information[1, 1] * sigma_rad**2 > 1.0)

    def best(self, signed: bool) -> tuple[Found, bool]:
        """The likeliest maximum, and whether no other comes near it, within 3 sigma.

        Exposures that see all three Stokes parameters have one, and so has the cosine of the phase;
        those that see one plane of the sphere have several.
        """
        start = self.start(signed)
        if not signed or self._sees_all():
            return self.solve(start, signed), True
        grid = product(
            np.radians([0.0, 45.0, 90.0, 135.0]), np.radians([45.0, 135.0, 225.0, 315.0])
        )
        starts = [start, start * [1.0, -1.0], *map(np.array, grid)]
        found = sorted((self.solve(s, signed) for s in starts), key=lambda f: -f.likelihood)
        first = found[0]
        near = [f.point - first.point for f in found if first.likelihood - f.likelihood < 4.5]
        off = np.array([[math.remainder(d[0], math.pi), math.remainder(d[1], _TURN)] for d in near])
        return first, bool((np.einsum("ni,ij,nj->n", off, first.information, off) < 9.0).all())

    def _sees_all(self) -> bool:
        seen = np.linalg.svd(np.concatenate(self._rows)[:, 1:], compute_uv=False)
        return bool(seen[2] > _LEAST_SPAN * seen[0])

    def solve(self, point: Array, signed: bool) -> Found:
        """The likeliest point, searched from this one."""
        fluxes = self._fluxes(point, signed)
        value = self._likelihood(point, fluxes, signed)
        for _ in range(_STEPS):
            score = self._score(point, fluxes, signed)
            move = score.move(None if signed else float(point[1]))
            flux_move = score.flux_move(move)
            # Within a thousandth of its error.
            if move @ score.information @ move < 1e-6 and float(np.abs(flux_move).max()) < 1e-3:
                return Found(point, score.information, True, value)
            size, new, new_fluxes, new_value = 1.0, point, fluxes, -math.inf
            while new_value < value - 1e-9 * abs(value) and size > 1e-4:
                new, new_fluxes = point + size * move, fluxes * np.exp(size * flux_move)
                if not signed:
                    new[1] = min(1.0, max(-1.0, new[1]))
                new_value = self._likelihood(new, new_fluxes, signed)
                size *= 0.5
            point, fluxes, value = new, new_fluxes, new_value
        return Found(point, score.information, False, value)

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
