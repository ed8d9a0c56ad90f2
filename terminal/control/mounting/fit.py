"""The mounting model's terms from sightings of the beacon, and what is known of them afterwards.

A sighting says where the beacon stood in the image while the encoders read so and the partner was
predicted there; `terminal.control.mounting.sightings` says what is wrong with it. With C the
covariance of the measurements and Gaussian priors of covariance P, the estimate is
p = p0 + S J' C^-1 r0 with the covariance S = (J' C^-1 J + P^-1)^-1 (generalised least squares, e.g.
Tarantola, "Inverse Problem Theory", 2005, section 3.2), iterated as the model is not quite linear.

Outliers are found by data snooping (Baarda, "A testing procedure for use in geodetic networks",
1968): each sighting is compared with what all others and the prior say of it. Least squares spreads
the error of one over many, so only the worst are left out at a time, and the rest is fitted anew.
"""

from collections.abc import Sequence
from math import isfinite
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cho_factor, cho_solve

from terminal.control.mounting.model import MountingModel, MountingParameters
from terminal.control.mounting.sightings import Sighting, SightingNoise, common_covariance
from terminal.control.mounting.sky_sigma import sensitivity

Array = NDArray[np.float64]

MIN_SIGHTINGS = 20

REJECT_SIGMA = 5.0
"""Of the distance in the image; one in 3e5 good sightings is beyond (Rayleigh)."""
REJECT_TOGETHER = 0.8
"""Of the worst distance: what is nearer may only be the neighbour of a false one, and waits."""
MAX_REJECTED_SHARE = 0.2
MAX_REDUCED_CHI2 = 4.0
"""Residuals of twice the stated noise."""
MAX_PRIOR_SIGMA = 6.0
"""A term this far from its prior is a wrong survey or a wrong sign, and no calibration."""
MAX_STEPS = 20
STEP_TOLERANCE = 1e-6
"""Of the terms' typical sizes."""

TYPICAL = MountingParameters(5e-3, 5e-3, 5e-3, 5e-3, 1e-3, 1e-3, 1e-3, 2e-3, 5e-4)
"""Size of each term in a gimbal as it is assembled [?]: the prior's sigma if nothing is known."""
LARGEST_SIGMA = 100.0
"""Times the typical size: a combination known worse than this is not determined."""


class MountingFitError(Exception):
    """Sightings from which no calibration comes; the message says why and what to do."""


class MountingPrior(NamedTuple):
    """What was known before: mean and 1 sigma of each term; infinite: nothing."""

    mean: MountingParameters = MountingParameters()
    sigma: MountingParameters = TYPICAL


def surveyed_prior(rotation_sigma_rad: float) -> MountingPrior:
    """The prior for a gimbal whose base was surveyed this well, 1 sigma per axis."""
    x = rotation_sigma_rad
    return MountingPrior(
        sigma=TYPICAL._replace(rotation_x_rad=x, rotation_y_rad=x, rotation_z_rad=x)
    )


class MountingFit(NamedTuple):
    """The estimate and how far to trust it."""

    parameters: MountingParameters
    covariance: Array
    """(9, 9), in the order and units of the parameters."""
    residual_rad_rms: float
    """What the fitted mounting leaves, per image axis; the attitude's error is in it."""
    n: int
    """Sightings used."""
    rejected: int
    """Sightings left out as outliers."""
    chi2: float
    """Of residuals and priors together, expected to be `degrees_of_freedom`."""
    degrees_of_freedom: int
    undetermined: tuple[str, ...]
    """Terms of which the data removed less than half of the prior's variance."""


def fit(sightings: Sequence[Sighting], prior: MountingPrior, noise: SightingNoise) -> MountingFit:
    """Terms of the mounting that explain the sightings. Costs n^3: thin out beyond a thousand.

    Raises:
        MountingFitError: too few sightings, numbers that are not finite, a combination of terms
            that neither data nor prior determine, too many outliers, residuals far above the
            stated noise, or a term far outside its prior.
    """
    if len(sightings) < MIN_SIGHTINGS:
        raise MountingFitError(
            f"{len(sightings)} sightings are too few: {MIN_SIGHTINGS} at least are needed"
        )
    try:
        kept, estimate = _without_outliers(sightings, prior, noise)
        # Derivatives anew, at the estimate: they are part of the covariance.
        problem = _Problem(kept, estimate, prior, noise)
        return problem.result(problem.solve(estimate), len(sightings) - len(kept))
    except np.linalg.LinAlgError as error:
        raise MountingFitError(
            f"the stated errors lie too many powers of ten apart to be reckoned with: {error}"
        ) from error


def _without_outliers(
    sightings: Sequence[Sighting], prior: MountingPrior, noise: SightingNoise
) -> tuple[list[Sighting], MountingParameters]:
    """Sightings that agree with each other, and the estimate from them."""
    kept, estimate = list(sightings), prior.mean
    while True:
        problem = _Problem(kept, estimate, prior, noise)
        estimate = problem.solve(estimate)
        distance = problem.distances(estimate)
        limit = max(REJECT_SIGMA, REJECT_TOGETHER * float(distance.max()))
        if distance.max() < limit:
            return kept, estimate
        kept = [s for s, d in zip(kept, distance, strict=True) if d < limit]
        if len(kept) < max(MIN_SIGHTINGS, (1.0 - MAX_REJECTED_SHARE) * len(sightings)):
            raise MountingFitError(
                f"over {len(sightings) - len(kept)} of {len(sightings)} sightings do not fit the "
                "others: the beacon was not held, or the noise is larger than stated"
            )


class _Problem:
    """A set of sightings, with derivatives and covariance at some parameters near the solution."""

    def __init__(
        self,
        sightings: Sequence[Sighting],
        at: MountingParameters,
        prior: MountingPrior,
        noise: SightingNoise,
    ) -> None:
        self._sightings, self._prior = sightings, prior
        self._jacobian = np.vstack([sensitivity(at, s.joints, s.up_base) for s in sightings])
        covariance = common_covariance(at, sightings, noise, self._jacobian[:, :3])
        if not (np.isfinite(self._jacobian).all() and np.isfinite(covariance).all()):
            raise MountingFitError("sightings hold numbers that are not finite")
        white = noise.image_rad**2 * np.eye(len(covariance))
        factor = cho_factor(covariance + white, lower=True)
        self._weights: Array = cho_solve(factor, np.eye(len(covariance)))
        """C^-1"""
        self._information = np.diag([1.0 / (sigma * sigma) for sigma in prior.sigma])
        self._weighted_jacobian = self._weights @ self._jacobian
        normal = self._jacobian.T @ self._weighted_jacobian + self._information
        _check_determined(normal)
        self._covariance: Array = np.asarray(np.linalg.inv(normal), dtype=np.float64)
        """S"""

    def residuals(self, parameters: MountingParameters) -> Array:
        """(2 n,) measured minus modelled image positions: x, y of each sighting in turn."""
        model = MountingModel(parameters)
        out = np.empty(2 * len(self._sightings))
        for i, s in enumerate(self._sightings):
            x, y = model.image(s.joints, s.los_base, s.up_base)
            out[2 * i], out[2 * i + 1] = s.x_rad - x, s.y_rad - y
        if not np.isfinite(out).all():
            raise MountingFitError("sightings hold numbers that are not finite")
        return out

    def solve(self, start: MountingParameters) -> MountingParameters:
        """The estimate, by Gauss-Newton steps with the derivatives of this problem."""
        values = np.array(start)
        for _ in range(MAX_STEPS):
            residuals = self.residuals(MountingParameters(*values.tolist()))
            gradient = self._weighted_jacobian.T @ residuals
            gradient += self._information @ (np.array(self._prior.mean) - values)
            change = self._covariance @ gradient
            values = values + change
            if np.max(np.abs(change) / TYPICAL) < STEP_TOLERANCE:
                return MountingParameters(*values.tolist())
        raise MountingFitError(
            f"no solution in {MAX_STEPS} steps: the sightings are not of this gimbal"
        )

    def distances(self, estimate: MountingParameters) -> Array:
        """(n,) how far each sighting is from what all others and the prior say of it, in sigma.

        With M = C + J P J' the covariance of measured minus predicted from the prior alone, and
        v = M^-1 of that difference, the square is v_i' (M^-1)_ii^-1 v_i for the two rows of
        sighting i; at the solution v = C^-1 r.
        """
        v = (self._weights @ self.residuals(estimate)).reshape(-1, 2)
        by_terms = self._weighted_jacobian
        precision = self._weights - by_terms @ self._covariance @ by_terms.T
        i = np.arange(len(self._sightings))
        blocks = precision.reshape(len(i), 2, len(i), 2)[i, :, i, :]
        squared = np.einsum("ni,ni->n", v, np.linalg.solve(blocks, v[:, :, None])[:, :, 0])
        return np.asarray(np.sqrt(np.maximum(squared, 0.0)))

    def result(self, parameters: MountingParameters, rejected: int) -> MountingFit:
        """The answer, unless residuals or terms are beyond belief."""
        residuals = self.residuals(parameters)
        covariance = 0.5 * (self._covariance + self._covariance.T)
        off = np.array(parameters) - np.array(self._prior.mean)
        chi2 = float(residuals @ self._weights @ residuals + off @ self._information @ off)
        known = sum(map(isfinite, self._prior.sigma))
        degrees = len(residuals) + known - len(parameters)
        if chi2 > MAX_REDUCED_CHI2 * degrees:
            raise MountingFitError(
                f"residuals are {np.sqrt(chi2 / degrees):.1f} times what the stated noise allows: "
                "the model does not describe this gimbal, or the noise is larger than stated"
            )
        self._check_against_prior(off)
        sigma, before = np.sqrt(np.diag(covariance)), np.array(self._prior.sigma)
        return MountingFit(
            parameters,
            covariance,
            float(np.sqrt(np.mean(residuals**2))),
            len(self._sightings),
            rejected,
            chi2,
            degrees,
            tuple(
                name
                for name, after, prior in zip(parameters._fields, sigma, before, strict=True)
                if after > prior / np.sqrt(2.0)
            ),
        )

    def _check_against_prior(self, off: Array) -> None:
        for name, value, sigma in zip(
            MountingParameters._fields, off, self._prior.sigma, strict=True
        ):
            if abs(value) > MAX_PRIOR_SIGMA * sigma:
                raise MountingFitError(
                    f"{name} comes out {value:.2e} from its prior, whose sigma is {sigma:.1e}: "
                    "check the survey and the signs"
                )


def _check_determined(normal: Array) -> None:
    size = np.array(TYPICAL)
    values, vectors = np.linalg.eigh(normal * np.outer(size, size))
    if values[0] < LARGEST_SIGMA**-2:
        mixed = [
            name
            for name, share in zip(MountingParameters._fields, vectors[:, 0], strict=True)
            if abs(share) > 0.3
        ]
        raise MountingFitError(
            f"neither these sightings nor a prior determine {' + '.join(mixed)}: give a prior, "
            "or sightings over more of the sky"
        )
