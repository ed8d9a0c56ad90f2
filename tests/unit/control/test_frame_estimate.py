"""Frame estimates against a truth by Jones vectors, the Cramer-Rao bound and the law of chi2."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.stats import chi2 as chi2_law

from sim_devices.polarization_optics import channel_probability
from terminal.control.frame_estimate import (
    Flag,
    FrameEstimate,
    estimate_frame,
)
from terminal.control.frame_filter import (
    FrameFilter,
    FrameNoise,
    FrameSigmas,
    predict,
    start,
    update,
)
from terminal.control.frame_model import Analyser, Exposure
from terminal.optics.polarization import mueller, retarder, rotator

Array = NDArray[np.float64]
SENT_RAD = np.radians([0.0, 90.0, 45.0, 135.0])
AXES_RAD = np.radians([0.0, 90.0, -45.0, 45.0])
EFFICIENCY, LEAK, ERROR = (0.35, 0.21, 0.14, 0.08), (1 / 300, 1 / 250, 1 / 200, 1 / 400), 0.01
ANALYSER = Analyser(EFFICIENCY, LEAK)
FLUX = np.array([3500.0, 3300.0, 1500.0, 1600.0])
BACKGROUND = np.full((4, 4), 3.0)


def expected(
    psi: float,
    delta: float,
    plate_rad: float,
    retardance_rad: float = math.pi,
    flux: float = 1.0,
    axis_rad: float = 0.0,
) -> Array:
    """(4, 4) By projection of Jones vectors, and not by Stokes parameters."""
    optics = retarder(plate_rad, retardance_rad) @ retarder(axis_rad, delta) @ rotator(psi)
    sent = np.array([np.cos(SENT_RAD), np.sin(SENT_RAD)])
    along = np.abs(np.array([np.cos(AXES_RAD), np.sin(AXES_RAD)]).T @ optics @ sent).T ** 2
    mixed = (1.0 - ERROR) * along + ERROR * (1.0 - along)
    clicked = np.array(EFFICIENCY) * (mixed + np.array(LEAK) * (1.0 - mixed))
    return np.asarray(flux * FLUX[:, None] * clicked + BACKGROUND)


def exposure(means: Array, plate_rad: float, retardance_rad: float = math.pi) -> Exposure:
    return Exposure(means, BACKGROUND, plate_rad, retardance_rad)


@given(st.floats(-1.57, 1.57), st.floats(0.2, 2.9), st.floats(-3.0, 3.0))
def test_exact_counts_give_the_truth(psi: float, delta: float, plate: float) -> None:
    seen = estimate_frame([exposure(expected(psi, delta, plate, flux=100.0), plate)], ANALYSER)
    # The search stops within a thousandth of the error.
    off = math.remainder(seen.rotation_rad - psi, math.pi)
    assert abs(off) < 2e-3 * seen.rotation_sigma_rad
    assert abs(seen.cos_phase - math.cos(delta)) < 2e-3 * math.sqrt(seen.covariance[1][1])
    assert seen.flags & Flag.PHASE_SIGN_UNSEEN
    assert seen.phase_rad == pytest.approx(delta, abs=0.01)


@pytest.mark.parametrize(("psi", "phase"), [(0.4, 0.3), (-1.2, 0.9)])
def test_the_simulated_terminal_has_the_same_conventions(psi: float, phase: float) -> None:
    counts = 1e6 * channel_probability(psi, 0.15, phase, 0.01, 0.7)
    seen = estimate_frame(
        [Exposure(counts, np.zeros((4, 4)), 0.15)],
        Analyser((0.7, 0.7, 0.3, 0.3)),
    )
    assert seen.rotation_rad == pytest.approx(psi, abs=1e-5)
    assert seen.phase_rad == pytest.approx(phase, abs=1e-4)


@given(st.floats(-1.57, 1.57), st.floats(-2.9, 2.9), st.floats(-1.5, 1.5))
def test_phase_about_any_axis_and_with_its_sign(psi: float, delta: float, axis: float) -> None:
    plates = [(0.1, math.pi), (0.6, 0.5 * math.pi), (1.3, 0.5 * math.pi)]
    seen = estimate_frame(
        [exposure(expected(psi, delta, p, r, 100.0, axis), p, r) for p, r in plates],
        ANALYSER._replace(phase_axis_rad=axis),
    )
    assert not seen.flags & Flag.PHASE_SIGN_UNSEEN
    assert math.remainder(seen.rotation_rad - psi, math.pi) == pytest.approx(0.0, abs=1e-5)
    assert seen.phase_rad == pytest.approx(delta, abs=1e-5)


@given(st.floats(-0.5, 0.5), st.floats(-1.2, 1.2), st.floats(0.3, 1.0))
def test_what_is_known_adds_and_contrast_is_what_is_left(
    offset: float, frame: float, contrast: float
) -> None:
    """Two exposures of a frame that has turned between them, as geometry predicts."""
    shown = []
    for turned, plate in ((frame, 0.2), (frame + 0.4, 0.35)):
        means = expected(turned + offset, 0.5, plate, flux=100.0) - BACKGROUND
        light = means.reshape(8, 2)
        # What both channels of a basis would show of unpolarised light.
        grey = FLUX.repeat(2)[:, None] * 100.0 * _unpolarised()
        shown.append(
            Exposure(
                (contrast * light + (1.0 - contrast) * grey).reshape(4, 4) + BACKGROUND,
                BACKGROUND,
                plate,
                frame_rad=turned,
            )
        )
    seen = estimate_frame(shown, ANALYSER)
    assert math.remainder(seen.rotation_rad - offset, math.pi) == pytest.approx(0.0, abs=1e-4)
    assert seen.cos_phase == pytest.approx(math.cos(0.5), abs=1e-3)
    assert seen.contrast == pytest.approx(contrast * (1.0 - 2.0 * ERROR), abs=1e-3)


def _unpolarised() -> Array:
    """(8, 2) Click probability of unpolarised light, sent state and basis by channel."""
    clicked = 0.5 * np.array(EFFICIENCY) * (1.0 + np.array(LEAK))
    return np.asarray(np.tile(clicked, (4, 1)).reshape(8, 2))


@given(st.floats(-1.5, 1.5), st.floats(-1.0, 1.0))
def test_a_retarder_set_to_two_values_shows_the_sign(psi: float, delta: float) -> None:
    """Phase and retarder on one axis: to the light they are one retarder of their sum."""
    shown = [
        exposure(expected(psi, delta + step, 0.1, flux=100.0), 0.1)._replace(
            path=mueller(retarder(0.0, step))
        )
        for step in (-0.3, 0.3)
    ]
    seen = estimate_frame(shown, ANALYSER)
    assert not seen.flags & Flag.PHASE_SIGN_UNSEEN
    assert seen.phase_rad == pytest.approx(delta, abs=1e-4)
    assert math.remainder(seen.rotation_rad - psi, math.pi) == pytest.approx(0.0, abs=1e-4)


def fisher_bound(
    psi: float, delta: float, plates: list[tuple[float, float]], cosine: bool
) -> Array:
    """(2, 2) Inverse of the whole information matrix, slopes by differences of the truth."""
    step, blocks = 1e-5, []
    for k, (plate, retardance) in enumerate(plates):
        mean = expected(psi, delta, plate, retardance)

        def slope(a: float, b: float, p: float = plate, r: float = retardance) -> Array:
            up = expected(psi + a, delta + b, p, r)
            return np.asarray((up - expected(psi - a, delta - b, p, r)).ravel() / (2 * step))

        by_second = slope(0.0, step) / (-math.sin(delta) if cosine else 1.0)
        # Of each sent state on each basis.
        signal = (mean - BACKGROUND).reshape(8, 2)
        by_flux = np.zeros((8, 2, 8 * len(plates)))
        for i in range(8):
            by_flux[i, :, 8 * k + i] = signal[i]
        fair = np.array(EFFICIENCY) * (1.0 + np.array(LEAK)) / 2.0
        by_contrast = (mean - BACKGROUND - FLUX[:, None] * fair).ravel()
        columns = [slope(step, 0.0), by_second, by_contrast, *by_flux.reshape(16, -1).T]
        blocks.append(np.array(columns) / np.sqrt(mean.ravel()))
    jacobian = np.hstack(blocks)
    return np.asarray(np.linalg.inv(jacobian @ jacobian.T)[:2, :2])


@pytest.mark.parametrize(("psi", "delta"), [(0.3, 0.8), (0.0, 1.4), (-0.9, 2.4)])
def test_stated_covariance_is_the_bound(psi: float, delta: float) -> None:
    seen = estimate_frame([exposure(expected(psi, delta, 0.1), 0.1)], ANALYSER)
    bound = fisher_bound(psi, delta, [(0.1, math.pi)], cosine=True)
    assert np.array(seen.covariance) == pytest.approx(
        bound, rel=1e-3, abs=1e-3 * float(np.diag(bound).min())
    )


def draws(
    psi: float, delta: float, plates: list[tuple[float, float]], n: int, seed: int
) -> list[FrameEstimate]:
    rng = np.random.default_rng(seed)
    means = [expected(psi, delta, p, r) for p, r in plates]
    return [
        estimate_frame(
            [
                exposure(rng.poisson(m).astype(float), p, r)
                for m, (p, r) in zip(means, plates, strict=True)
            ],
            ANALYSER,
        )
        for _ in range(n)
    ]


def check_honest(off: Array, bound: Array, stated: Array) -> None:
    """Unbiased, at the bound, and of the chi2 that the stated covariances promise.

    Maximum likelihood is so in the limit of many clicks; of these few thousand the next order is
    some hundredths: 0.05 sigma of bias, 0.02 of the mean chi2.
    """
    n = len(off)
    sigma = np.sqrt(np.diag(bound))
    assert (np.abs(off.mean(axis=0)) < 4.0 * sigma / math.sqrt(n) + 0.05 * sigma).all()
    assert off.std(axis=0) == pytest.approx(sigma, rel=4.0 / math.sqrt(2 * n))
    squared = np.einsum("ni,nij,nj->n", off, np.linalg.inv(stated), off)
    low, high = chi2_law.ppf([1e-4, 1 - 1e-4], 2 * n)
    assert 0.98 * low < squared.sum() < 1.02 * high


@pytest.mark.parametrize(
    ("psi", "delta", "plate"), [(0.3, 0.8, 0.15), (0.3, 0.8, 0.0), (-0.7, 2.4, -0.33)]
)
def test_at_the_bound_without_sign(psi: float, delta: float, plate: float) -> None:
    found = draws(psi, delta, [(plate, math.pi)], 600, seed=5)
    off = np.array(
        [
            (math.remainder(f.rotation_rad - psi, math.pi), f.cos_phase - math.cos(delta))
            for f in found
        ]
    )
    stated = np.array([f.covariance for f in found])
    check_honest(off, fisher_bound(psi, delta, [(plate, math.pi)], cosine=True), stated)
    fits = np.array([f.chi2 for f in found])
    assert found[0].degrees_of_freedom == 5
    assert fits.mean() == pytest.approx(5.0, abs=4.0 * fits.std() / math.sqrt(len(fits)) + 0.1)


@pytest.mark.parametrize("delta", [-0.4, 0.0, 0.25, 1.3])
def test_a_plate_of_another_retardance_shows_the_sign(delta: float) -> None:
    plates = [(0.1, math.pi), (0.6, 0.6 * math.pi), (0.2, 0.6 * math.pi)]
    found = draws(0.2, delta, plates, 300, seed=6)
    assert not any(f.flags for f in found)
    off = np.array([(f.rotation_rad - 0.2, f.phase_rad - delta) for f in found])
    stated = np.array([f.covariance for f in found])
    check_honest(off, fisher_bound(0.2, delta, plates, cosine=False), stated)


def test_one_exposure_finds_the_phase_or_says_that_two_fit() -> None:
    """A plate that is no half-wave plate, alone, has several maxima."""
    rng = np.random.default_rng(9)
    wrong = ambiguous = 0
    for _ in range(60):
        psi, delta, plate = rng.uniform(-1.5, 1.5), rng.uniform(-3.0, 3.0), rng.uniform(-1.5, 1.5)
        counts = rng.poisson(expected(psi, delta, plate, 0.6 * math.pi, 3.0)).astype(float)
        seen = estimate_frame([exposure(counts, plate, 0.6 * math.pi)], ANALYSER)
        ambiguous += bool(seen.flags & Flag.AMBIGUOUS)
        off = np.array(
            [
                math.remainder(seen.rotation_rad - psi, math.pi),
                math.remainder(seen.phase_rad - delta, 2.0 * math.pi),
            ]
        )
        far = off @ np.linalg.solve(np.array(seen.covariance), off) > 25.0
        if seen.flags & Flag.PHASE_SIGN_UNSEEN:
            # One of two phases, with the same rotation.
            far = abs(off[0]) > 5.0 * seen.rotation_sigma_rad
        wrong += bool(far and not seen.flags & Flag.AMBIGUOUS)
    assert wrong == 0
    assert ambiguous < 20


def perfect(psi: float, delta: float, plate_rad: float, flux: float) -> Array:
    """(4, 4) without errors, leaks or background, half of the light on each basis."""
    optics = retarder(plate_rad, math.pi) @ retarder(0.0, delta) @ rotator(psi)
    sent = np.array([np.cos(SENT_RAD), np.sin(SENT_RAD)])
    along = np.array([np.cos(AXES_RAD), np.sin(AXES_RAD)]).T @ optics @ sent
    return np.asarray(0.125 * flux * np.abs(along).T ** 2)


@settings(deadline=None, max_examples=150)
@given(
    st.sampled_from([0.0, 22.5, 45.0, -45.0, 90.0, -90.0]) | st.floats(-90.0, 90.0),
    st.sampled_from([0.0, 1e-9]) | st.floats(0.0, 0.3),
    st.floats(-3.0, 3.0) | st.none(),
    st.floats(2.4, 7.0),
    st.integers(1, 3),
    st.booleans(),
    st.none() | st.integers(0, 1000),
)
def test_perfect_optics_have_an_estimate(
    psi_deg: float,
    delta: float,
    plate_rad: float | None,
    log_clicks: float,
    exposures: int,
    dithered: bool,
    seed: int | None,
) -> None:
    """Contrast and cosine at the ends of their ranges, cells without a click, at 250 clicks as at
    ten million; the plate anywhere, or where it leaves no rotation; with chance, and without."""
    psi = math.radians(psi_deg)
    shown = []
    for k in range(exposures):
        plate = (0.5 * psi if plate_rad is None else plate_rad) + 0.05 * k
        step = 0.25 * (-1) ** k if dithered else 0.0
        means = perfect(psi, delta + step, plate, 10.0**log_clicks / exposures)
        counts = np.rint(means)
        if seed is not None:
            counts = np.random.default_rng(seed + k).poisson(means).astype(float)
        known = mueller(retarder(0.0, step))
        shown.append(Exposure(counts, np.zeros((4, 4)), plate, path=known))
    seen = estimate_frame(shown, Analyser(), 1.0)
    if seen.flags & (Flag.TOO_FEW | Flag.EMPTY_BASIS):
        assert log_clicks < 3.0
        return
    assert not seen.flags & (Flag.NO_FIT | Flag.MIRRORED | Flag.AMBIGUOUS | Flag.BAD_FIT)
    off_rad = math.remainder(seen.rotation_rad - psi, math.pi)
    assert abs(off_rad) < 6.0 * seen.rotation_sigma_rad
    assert 0.8 < seen.contrast <= 1.0


def test_positive_is_from_h_toward_d() -> None:
    """H sent, D clicks more than A, once the plate stands along H."""
    means = expected(0.05, 0.0, 0.0)
    assert means[0, 2] > means[0, 3]
    assert estimate_frame([exposure(means, 0.0)], ANALYSER).rotation_rad == pytest.approx(
        0.05, 1e-3
    )


def test_rotation_without_phase_is_honest_though_its_cosine_is_at_the_end() -> None:
    found = draws(0.02, 0.0, [(0.0, math.pi)], 600, seed=7)
    assert all(f.flags == Flag.PHASE_SIGN_UNSEEN for f in found)
    off = np.array([f.rotation_rad - 0.02 for f in found])
    sigma = np.array([f.rotation_sigma_rad for f in found])
    low, high = chi2_law.ppf([1e-4, 1 - 1e-4], len(off))
    assert low < float(((off / sigma) ** 2).sum()) < high
    assert abs(off.mean()) < 4.0 * sigma.mean() / math.sqrt(len(off))
    assert max(f.cos_phase for f in found) <= 1.0


def test_counts_that_cannot_be() -> None:
    good = expected(0.1, 0.3, 0.0)
    for value in (-1.0, math.nan, math.inf):
        bad = good.copy()
        bad[1, 2] = value
        seen = estimate_frame([exposure(bad, 0.0)], ANALYSER)
        assert seen.flags == Flag.IMPOSSIBLE_COUNTS
        assert math.isnan(seen.rotation_rad)
        assert seen.rotation_sigma_rad == math.inf
    assert estimate_frame([exposure(good[:3], 0.0)], ANALYSER).flags == Flag.IMPOSSIBLE_COUNTS


def test_impossible_plate_and_analyser() -> None:
    good = expected(0.1, 0.3, 0.0)
    assert estimate_frame([exposure(good, math.nan)], ANALYSER).flags == Flag.IMPOSSIBLE_COUNTS
    assert estimate_frame([exposure(good * 1e300, 0.0)], ANALYSER).flags == Flag.IMPOSSIBLE_COUNTS
    with pytest.raises(ValueError, match="efficiencies"):
        estimate_frame([exposure(good, 0.0)], Analyser(efficiency=(0.5, 0.5, 0.0, 0.5)))
    with pytest.raises(ValueError, match="contrast"):
        estimate_frame([exposure(good, 0.0)], Analyser(leak=(0.0, 1.0, 0.0, 0.0)))


def test_too_few_and_empty() -> None:
    assert estimate_frame([], ANALYSER).flags == Flag.TOO_FEW
    few = exposure(np.full((4, 4), 2.0), 0.0)
    assert estimate_frame([few], ANALYSER).flags == Flag.TOO_FEW
    one_basis = expected(0.1, 0.3, 0.0)
    one_basis[2:] = 0.0
    assert estimate_frame([exposure(one_basis, 0.0)], ANALYSER).flags == Flag.EMPTY_BASIS


@given(st.lists(st.integers(0, 40), min_size=16, max_size=16), st.floats(-4.0, 4.0))
def test_any_counts_give_an_estimate_or_a_flag(cells: list[int], plate: float) -> None:
    counts = np.array(cells, float).reshape(4, 4)
    seen = estimate_frame([Exposure(counts, np.zeros((4, 4)), plate)], Analyser())
    refused = Flag.TOO_FEW | Flag.EMPTY_BASIS | Flag.NO_FIT
    assert bool(seen.flags & refused) == math.isnan(seen.rotation_rad)
    if not seen.flags & refused:
        assert 0.0 < seen.rotation_sigma_rad < math.inf


@pytest.mark.parametrize(
    ("order", "odd"),
    [
        ([0, 1, 2, 3], False),
        ([0, 1, 3, 2], True),
        ([1, 0, 2, 3], True),
        ([1, 0, 3, 2], False),
        ([2, 3, 1, 0], False),
    ],
)
def test_an_odd_number_of_swapped_pairs_is_no_rotation(order: list[int], odd: bool) -> None:
    means = expected(0.06, 0.2, 0.0, flux=10.0)[order]
    seen = estimate_frame([exposure(means, 0.0)], ANALYSER)
    assert bool(seen.flags & Flag.MIRRORED) == odd


def test_a_mirror_is_named_only_when_sure() -> None:
    """cos delta = -0.03, which the counts tell to some 0.03, and a hundredfold to 0.003."""
    for flux, sure in ((1.0, False), (100.0, True)):
        seen = estimate_frame([exposure(expected(0.1, 1.6, 0.1, flux=flux), 0.1)], ANALYSER)
        assert bool(seen.flags & Flag.MIRRORED) == sure


def test_counts_that_no_rotation_makes_are_a_bad_fit() -> None:
    means = expected(0.1, 0.3, 0.0, flux=10.0)
    means[0, 1] += 0.2 * means[0, 0]
    assert estimate_frame([exposure(means, 0.0)], ANALYSER).flags & Flag.BAD_FIT


def test_filter_follows_offset_rate_scale_and_is_honest() -> None:
    """Truth drawn from the filter's own priors: over runs, errors follow the stated covariance."""
    rng = np.random.default_rng(8)
    sigmas, noise = FrameSigmas(), FrameNoise()
    squared, runs = 0.0, 60
    for _ in range(runs):
        truth = rng.normal(size=6) * np.array(sigmas)
        state = start(sigmas, phase_axis_rad=0.4)
        for k in range(60):
            plate = 0.1 * k
            truth[0] += truth[1] + noise.offset_rad * rng.normal()
            truth[4] += noise.phase_rad * rng.normal()
            state = predict(state, 1.0, noise)
            true_trim = truth[0] - 2.0 * truth[2] * plate - 2.0 * truth[3]
            seen = FrameEstimate(
                Flag(0),
                math.remainder(true_trim + 0.005 * rng.normal(), math.pi),
                math.remainder(
                    truth[4] + truth[5] * math.cos(2.0 * plate - 0.8) + 0.02 * rng.normal(),
                    2 * math.pi,
                ),
                covariance=((0.005**2, 0.0), (0.0, 0.02**2)),
            )
            state = update(state, seen, plate)
        off = state.mean - truth
        # Half a turn more is the same axis.
        off[0] = math.remainder(off[0], math.pi)
        squared += float(off @ np.linalg.solve(state.covariance, off))
    low, high = chi2_law.ppf([1e-4, 1 - 1e-4], 6 * runs)
    assert low < squared < high
    # Offset and zero come together only.
    assert math.sqrt(state.covariance[3, 3]) > 0.9 * sigmas.plate_zero_rad
    assert state.trim_sigma_rad(3.0) < 0.01


def test_filter_refuses() -> None:
    state = start(FrameSigmas(offset_rad=0.001, plate_zero_rad=0.001, plate_scale=0.0))
    for flag in (Flag.TOO_FEW, Flag.MIRRORED, Flag.BAD_FIT):
        assert update(state, FrameEstimate(flag), 0.0) is state
    far = FrameEstimate(Flag.PHASE_SIGN_UNSEEN, 0.3, 0.5, 0.9, ((1e-6, 0.0), (0.0, 1e-4)))
    rejected = update(update(state, far, 0.0), far, 0.0)
    assert rejected.rejected == 2
    assert (rejected.mean == 0.0).all()
    near: FrameFilter = update(rejected, far._replace(rotation_rad=0.001), 0.0)
    assert near.rejected == 0
    assert near.trim_rad(0.0) > 0.0
    # A phase without sign says nothing.
    assert near.mean[4] == 0.0
    with pytest.raises(ValueError, match="back"):
        predict(state, -1.0, FrameNoise())
