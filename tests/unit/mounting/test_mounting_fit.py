"""The fitted mounting against the truth behind simulated passes, its covariance against scatter.

Intervals are those of the chi-square distribution that hold with 99.9 %, for fixed seeds.
"""

from math import inf, nan

import numpy as np
import pytest
from mounting_truth import draw, sightings
from scipy.stats import chi2

from terminal.control.mounting.fit import (
    TYPICAL,
    MountingFit,
    MountingFitError,
    MountingPrior,
    fit,
    surveyed_prior,
)
from terminal.control.mounting.model import MountingModel, MountingParameters
from terminal.control.mounting.sightings import Sighting, SightingNoise
from terminal.control.mounting.sky_sigma import sensitivity, sky_covariance, sky_sigma_rad
from terminal.geometry.gimbal_frame import Joints

NOISE = SightingNoise(image_rad=60e-6, attitude_rad=2e-3, attitude_time_s=1000.0, along_s=0.05)
QUIET = SightingNoise(image_rad=1e-9, attitude_rad=1e-9)
PRIOR = MountingPrior()
FITS = 100


def inside(value: float, degrees: int) -> bool:
    return bool(chi2.ppf(0.0005, degrees) < value < chi2.ppf(0.9995, degrees))


def normalised(error: np.ndarray, covariance: np.ndarray) -> float:
    return float(error @ np.linalg.solve(covariance, error))


class Campaign:
    """Many mountings, each fitted from one pass and then used along another."""

    def __init__(self) -> None:
        rng = np.random.default_rng(20)
        self.errors, self.covariances, self.sky, self.chi2, self.degrees = [], [], [], 0.0, 0
        self.rejected = 0
        for _ in range(FITS):
            truth = draw(rng, PRIOR.sigma)
            found = fit(sightings(rng, truth, NOISE, n=30), PRIOR, NOISE)
            self.errors.append(np.array(found.parameters) - np.array(truth))
            self.covariances.append(found.covariance)
            self.chi2 += found.chi2
            self.degrees += found.degrees_of_freedom
            self.rejected += found.rejected
            other = sightings(rng, truth, QUIET, n=4, culmination_rad=0.8, heading_rad=2.1)
            self.sky.append(self._along(found, other[int(rng.integers(4))]))

    def _along(self, found: MountingFit, s: Sighting) -> float:
        x, y = MountingModel(found.parameters).image(s.joints, s.los_base, s.up_base)
        covariance = sky_covariance(found.parameters, found.covariance, s.joints, s.up_base)
        return normalised(np.array([s.x_rad - x, s.y_rad - y]), covariance)


@pytest.fixture(scope="module")
def campaign() -> Campaign:
    return Campaign()


@pytest.mark.slow
def test_covariance_is_that_of_the_scatter(campaign: Campaign) -> None:
    pairs = zip(campaign.errors, campaign.covariances, strict=True)
    assert inside(sum(normalised(e, c) for e, c in pairs), 9 * FITS)


@pytest.mark.slow
def test_each_term_is_as_uncertain_as_it_says(campaign: Campaign) -> None:
    sigmas = np.sqrt([np.diag(c) for c in campaign.covariances])
    for pulls in (np.array(campaign.errors) / sigmas).T:
        assert inside(float(pulls @ pulls), FITS)
        # 3 sigma holds in 99.73 %: more than three of 100 outside has a chance of 0.02 %.
        assert np.count_nonzero(np.abs(pulls) > 3.0) <= 3


@pytest.mark.slow
def test_pointing_along_another_pass_is_as_uncertain_as_it_says(campaign: Campaign) -> None:
    assert inside(sum(campaign.sky), 2 * FITS)


@pytest.mark.slow
def test_residuals_are_those_of_the_stated_noise(campaign: Campaign) -> None:
    assert inside(campaign.chi2, campaign.degrees)
    assert campaign.rejected == 0


def test_no_better_than_the_attitude() -> None:
    rng = np.random.default_rng(3)
    truth = draw(rng, TYPICAL)
    constant = SightingNoise(image_rad=1e-6, attitude_rad=2e-3, attitude_time_s=1e9)
    found = fit(sightings(rng, truth, constant, n=40), MountingPrior(sigma=loose()), constant)
    assert np.linalg.eigvalsh(found.covariance[:3, :3])[0] > 0.99 * 2e-3**2


def loose() -> MountingParameters:
    return MountingParameters(*(20.0 * value for value in TYPICAL))


def test_exact_sightings_give_the_truth_without_a_prior() -> None:
    rng = np.random.default_rng(4)
    truth = draw(rng, TYPICAL)
    passes = [(culmination, heading) for culmination in (0.5, 1.2) for heading in (0.3, 2.0, 4.5)]
    # A day apart: each pass has an attitude error of its own.
    all_over = [
        s._replace(t_s=s.t_s + 86400.0 * day)
        for day, (culmination, heading) in enumerate(passes)
        for s in sightings(rng, truth, QUIET, 20, culmination, heading)
    ]
    nothing = MountingPrior(sigma=MountingParameters(*[inf] * 9))
    found = fit(all_over, nothing, QUIET)
    assert found.parameters == pytest.approx(truth, abs=3e-8)
    assert found.degrees_of_freedom == 2 * 120 - 9
    assert found.undetermined == ()


@pytest.mark.parametrize("seed", range(3))
def test_one_in_twenty_false_spots_changes_little(seed: int) -> None:
    rng = np.random.default_rng(seed)
    truth = draw(rng, TYPICAL)
    good = sightings(rng, truth, NOISE, n=60)
    false = list(good)
    for i in rng.choice(60, 3, replace=False):
        x, y = rng.uniform(-5e-3, 5e-3, 2)
        false[i] = false[i]._replace(x_rad=float(x), y_rad=float(y))
    clean, dirty = fit(good, PRIOR, NOISE), fit(false, PRIOR, NOISE)
    # A false spot may fall so near to the beacon that it counts as one.
    assert 1 <= dirty.rejected <= 3
    sigma = np.sqrt(np.diag(dirty.covariance))
    moved = np.abs(np.array(dirty.parameters) - np.array(clean.parameters)) / sigma
    assert moved.max() < 1.0
    error = np.array(dirty.parameters) - np.array(truth)
    assert normalised(error, dirty.covariance) < chi2.ppf(0.9995, 9)


def test_a_single_pass_leaves_terms_undetermined() -> None:
    rng = np.random.default_rng(6)
    found = fit(sightings(rng, MountingParameters(), NOISE), PRIOR, NOISE)
    assert "flexure_rad" in found.undetermined
    assert "rotation_z_rad" not in found.undetermined
    # What one pass cannot tell apart, it knows in sum: the sky is known better than its terms.
    joints = sightings(rng, found.parameters, QUIET, n=3)[1].joints
    by_terms = sensitivity(found.parameters, joints)
    alone = np.sqrt(np.diag(by_terms @ np.diag(np.diag(found.covariance)) @ by_terms.T))
    assert sky_sigma_rad(found.parameters, found.covariance, joints) < alone.max()


def test_refuses_too_few() -> None:
    with pytest.raises(MountingFitError, match="19 sightings are too few"):
        fit(sightings(np.random.default_rng(0), MountingParameters(), NOISE, 19), PRIOR, NOISE)


def test_refuses_what_nothing_determines() -> None:
    # A gimbal that stands still sees two angles; nine terms without a prior are too many.
    one = sightings(np.random.default_rng(0), MountingParameters(), NOISE, 3)[1]
    still = [one._replace(t_s=float(i)) for i in range(30)]
    nothing = MountingPrior(sigma=MountingParameters(*[inf] * 9))
    with pytest.raises(MountingFitError, match=r"determine .*_rad"):
        fit(still, nothing, NOISE)


def test_refuses_residuals_far_above_the_noise() -> None:
    rng = np.random.default_rng(0)
    stated = SightingNoise(image_rad=60e-6, attitude_rad=2e-3, attitude_time_s=1e5)
    noisy = stated._replace(image_rad=4.0 * stated.image_rad)
    with pytest.raises(MountingFitError, match="noise is larger than stated"):
        fit(sightings(rng, MountingParameters(), noisy), PRIOR, stated)


def test_refuses_an_attitude_that_wanders_more_than_stated() -> None:
    rng = np.random.default_rng(0)
    stated = SightingNoise(image_rad=60e-6, attitude_rad=1e-4)
    wandering = stated._replace(attitude_rad=2e-3, attitude_time_s=300.0)
    with pytest.raises(MountingFitError, match="larger than stated"):
        fit(sightings(rng, MountingParameters(), wandering), PRIOR, stated)


def test_refuses_a_wrong_survey() -> None:
    rng = np.random.default_rng(0)
    turned = MountingParameters(rotation_z_rad=0.05)
    with pytest.raises(MountingFitError, match="rotation_z_rad comes out"):
        fit(sightings(rng, turned, NOISE), surveyed_prior(3e-3), NOISE)


@pytest.mark.parametrize("field", ["x_rad", "t_s"])
def test_refuses_what_is_not_finite(field: str) -> None:
    seen = sightings(np.random.default_rng(0), MountingParameters(), NOISE)
    seen[7] = seen[7]._replace(**{field: nan})
    with pytest.raises(MountingFitError, match="not finite"):
        fit(seen, PRIOR, NOISE)


def test_refuses_errors_that_no_float_can_compare() -> None:
    seen = sightings(np.random.default_rng(0), MountingParameters(), NOISE)
    with pytest.raises(MountingFitError, match="powers of ten"):
        fit(seen, PRIOR, NOISE._replace(image_rad=1e-9, along_s=1e9))


def test_sky_sigma_of_one_term_is_its_effect() -> None:
    covariance = np.zeros((9, 9))
    covariance[7, 7] = 1e-6  # collimation: one to one on the sky, wherever the gimbal looks
    for joints in (Joints(0.0, 0.1), Joints(2.0, 1.3)):
        sigma = sky_sigma_rad(MountingParameters(), covariance, joints)
        assert sigma == pytest.approx(1e-3, rel=1e-6)
