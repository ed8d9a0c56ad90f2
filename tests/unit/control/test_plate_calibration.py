"""Plate and analyser from scans of a truth by Jones vectors with hidden errors."""

import math

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import chi2 as chi2_law

from terminal.control.plate_calibration import (
    PlateCalibration,
    PlateCalibrationError,
    PlateScan,
    calibrate_plate,
)
from terminal.optics.polarization import retarder

Array = NDArray[np.float64]
AXES_RAD = np.radians([0.0, 90.0, -45.0, 45.0])
ZERO_RAD, ERROR_RAD = math.radians(3.0), math.radians(6.0)
WEDGE = (0.02, -0.01)
FLUX = np.array([4000.0, 3700.0, 1800.0, 1650.0])
LEAK = np.array([1 / 250, 1 / 150, 1 / 80, 1 / 300])
SCALE = 2e-3
BACKGROUND = np.full(4, 5.0)
TURN_RAD = np.radians(np.arange(0.0, 360.0, 7.5))


def expected(
    plate_rad: Array, sent_rad: Array, error_rad: float = ERROR_RAD, leak: Array = LEAK
) -> Array:
    """(n, 4) By projection of the fields."""
    analyser = np.array([np.cos(AXES_RAD), np.sin(AXES_RAD)]).T
    along = np.array(
        [
            np.abs(
                analyser
                @ retarder((1.0 + SCALE) * (a - ZERO_RAD), math.pi + error_rad)
                @ [np.cos(t), np.sin(t)]
            )
            ** 2
            for a, t in zip(plate_rad, sent_rad, strict=True)
        ]
    )
    wedge = 1.0 + WEDGE[0] * np.cos(plate_rad) + WEDGE[1] * np.sin(plate_rad)
    return np.asarray(wedge[:, None] * FLUX * (along + leak * (1.0 - along)) + BACKGROUND)


def scan(
    counts: Array | None = None, sent_deg: tuple[float, ...] = (0.0, 90.0), turn: Array = TURN_RAD
) -> PlateScan:
    plate = np.tile(turn, len(sent_deg))
    sent = np.repeat(np.radians(sent_deg), len(turn))
    return PlateScan(plate, sent, expected(plate, sent) if counts is None else counts, BACKGROUND)


def as_vector(found: PlateCalibration) -> Array:
    return np.array([*found[:4], *found.flux, *found.leak, found.scale])


TRUTH = np.array([ZERO_RAD, math.sin(ERROR_RAD / 2) ** 2, *WEDGE, *FLUX, *LEAK, SCALE])
N = len(TRUTH)


def test_exact_counts_give_the_truth() -> None:
    found = calibrate_plate(scan())
    # The search stops within a thousandth of the error.
    sigma = np.sqrt(np.diag(found.covariance))
    assert (np.abs(as_vector(found) - TRUTH) < 2e-3 * sigma).all()
    assert found.chi2 < 1e-3
    assert found.retardance_error_rad == pytest.approx(ERROR_RAD, rel=0.01)


@pytest.mark.parametrize("sent_deg", [(0.0, 90.0), (45.0, 135.0), (0.0, 45.0, 90.0, 135.0)])
def test_unbiased_and_as_certain_as_it_says(sent_deg: tuple[float, ...]) -> None:
    rng = np.random.default_rng(2)
    clean = scan(sent_deg=sent_deg)
    runs = 150
    found = [
        calibrate_plate(clean._replace(counts=rng.poisson(clean.counts).astype(float)))
        for _ in range(runs)
    ]
    off = np.array([as_vector(f) for f in found]) - TRUTH
    sigma = np.sqrt(np.mean([np.diag(f.covariance) for f in found], axis=0))
    assert (np.abs(off.mean(axis=0)) < 4.0 * sigma / math.sqrt(runs)).all()
    squared = sum(
        float(o @ np.linalg.solve(f.covariance, o)) for o, f in zip(off, found, strict=True)
    )
    low, high = chi2_law(N * runs).interval(1.0 - 2e-4)
    assert low < squared < high
    fits = sum(f.chi2 for f in found)
    low, high = chi2_law(found[0].degrees_of_freedom * runs).interval(1.0 - 2e-4)
    assert low < fits < high


def test_at_the_cramer_rao_bound() -> None:
    """Slopes by differences of the truth, for zero and leaks; the rest by its linear forms."""
    clean = scan()
    found = calibrate_plate(clean)
    share, plate, sent = TRUTH[1], clean.plate_rad, clean.sent_rad
    step = 1e-5

    def error_of(share: float) -> float:
        return 2.0 * math.asin(math.sqrt(share))

    signal = clean.counts - BACKGROUND
    wedge = 1.0 + WEDGE[0] * np.cos(plate) + WEDGE[1] * np.sin(plate)
    columns = [
        (expected(plate - step, sent) - expected(plate + step, sent)) / (2 * step),
        (
            expected(plate, sent, error_of(share + step))
            - expected(plate, sent, error_of(share - step))
        )
        / (2 * step),
        signal * (np.cos(plate) / wedge)[:, None],
        signal * (np.sin(plate) / wedge)[:, None],
        *(signal * one / FLUX for one in np.eye(4)),
        *(
            (expected(plate, sent, leak=LEAK + step * one) - clean.counts) / step
            for one in np.eye(4)
        ),
    ]
    # The wedge turns with the plate: its part of the first slope is taken off.
    turning = (-WEDGE[0] * np.sin(plate) + WEDGE[1] * np.cos(plate)) / wedge
    columns[0] = columns[0] + signal * turning[:, None]
    columns.append(-columns[0] * (plate - ZERO_RAD)[:, None] / (1.0 + SCALE))
    jacobian = np.array([(c / np.sqrt(clean.counts)).ravel() for c in columns])
    bound = np.linalg.inv(jacobian @ jacobian.T)
    assert np.sqrt(np.diag(found.covariance)) == pytest.approx(np.sqrt(np.diag(bound)), rel=1e-3)


def test_the_sigma_holds_what_background_and_sent_axes_are_off() -> None:
    """Both drawn anew for each scan, far over the noise of the counts."""
    rng = np.random.default_rng(3)
    clean = scan()
    bright = clean._replace(counts=1e4 * clean.counts, background=1e4 * BACKGROUND)
    runs, off_rad, off = 300, 2e-3, np.array([100.0, 300.0, 200.0, 50.0])
    found = []
    for _ in range(runs):
        sent = bright.sent_rad + off_rad * rng.normal()
        counts = 1e4 * expected(bright.plate_rad, sent)
        found.append(
            calibrate_plate(
                bright._replace(
                    counts=counts,
                    background=bright.background + off * rng.normal(size=4),
                    background_sigma=off,
                    sent_sigma_rad=off_rad,
                )
            )
        )
    sigma = np.sqrt(np.diag(found[0].covariance))
    scatter = np.array([as_vector(f) - TRUTH for f in found]).std(axis=0)
    # Only zero and leaks move by this; 1-sigma of a scatter of 300 is 4 %.
    assert scatter[0] == pytest.approx(sigma[0], rel=0.17)
    for i in (8, 9, 10, 11):
        noise = np.sqrt(np.diag(calibrate_plate(bright).covariance))[i]
        assert scatter[i] ** 2 == pytest.approx(sigma[i] ** 2 - noise**2, rel=0.35)


def test_an_encoder_that_goes_round_says_the_same() -> None:
    turned = scan()
    away = turned._replace(plate_rad=turned.plate_rad - 2.0 * math.pi)
    assert as_vector(calibrate_plate(away)) == pytest.approx(as_vector(calibrate_plate(turned)))


def refused(of: PlateScan) -> str:
    with pytest.raises(PlateCalibrationError) as refusal:
        calibrate_plate(of)
    return str(refusal.value)


def test_one_sent_state_leaves_share_and_leak_open() -> None:
    message = refused(scan(sent_deg=(0.0,)))
    assert "unturned share" in message
    assert "leak" in message


def test_a_short_arc_leaves_the_wedge_open() -> None:
    assert "whole turn" in refused(scan(turn=np.radians(np.linspace(0.0, 3.0, 40))))


def test_numbers_that_cannot_be() -> None:
    good = scan()
    for value in (-1.0, math.nan):
        bad = good.counts.copy()
        bad[3, 1] = value
        assert "count is negative or not finite" in refused(good._replace(counts=bad))
    assert "not finite" in refused(good._replace(plate_rad=np.full(len(TURN_RAD) * 2, math.inf)))
    assert "need" in refused(good._replace(counts=good.counts[:5]))
    two = PlateScan(good.plate_rad[:2], good.sent_rad[:2], good.counts[:2], BACKGROUND)
    assert "too few" in refused(two)


def test_a_dead_channel_is_named() -> None:
    counts = scan().counts.copy()
    counts[:, 2] = BACKGROUND[2]
    assert "channel D" in refused(scan(counts))


def test_a_flux_that_faded_is_a_bad_fit() -> None:
    counts = scan().counts.copy()
    counts[10:20] *= 0.8
    assert "times what Poisson counts allow" in refused(scan(counts))


def test_swapped_channels_are_no_calibration() -> None:
    assert "labels are swapped" in refused(scan(scan().counts[:, [0, 1, 3, 2]]))


def test_an_overstated_background_is_found() -> None:
    clean = scan()
    message = refused(clean._replace(background=BACKGROUND + 60.0))
    assert "background is overstated" in message


def test_a_beam_that_the_plate_cuts_off_at_some_angles_is_refused() -> None:
    """No file holds a wedge of 0.7, so the scan must not make one."""
    clean = scan()
    cut = 1.0 + 0.7 * np.cos(clean.plate_rad)[:, None]
    counts = (clean.counts - BACKGROUND) * cut + BACKGROUND
    with pytest.raises(
        PlateCalibrationError, match=r"wedge cosine is 0\.[67]\d*, which no plate has"
    ):
        calibrate_plate(clean._replace(counts=counts))
