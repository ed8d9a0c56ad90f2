"""The sent beam's width in flight: what the terminal believes of it, and what it truly is."""

import numpy as np
import pytest
from flights import Flown, flown

from config.loader import load_scenario
from terminal.control.divergence import Flag
from terminal.control.expander import curve_of
from terminal.mode import Mode
from terminal.telemetry.replay import verify

NAME, FLOWN_S = "leo_haps_uplink", 12.0
DIVERGENCE = load_scenario(NAME).terminal.divergence
assert DIVERGENCE is not None
NARROWEST, WIDEST = curve_of(DIVERGENCE).limits_rad
CALIBRATION_SIGMA = load_scenario(NAME).world.expander.calibration_error


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Flown:
    return flown(tmp_path_factory.mktemp("good"), NAME, FLOWN_S)


def test_narrows_as_soon_as_the_link_stands(good: Flown) -> None:
    modes, told = good.columns("modes"), good.columns("divergence")
    link_s = modes["t_s"][modes["mode"] == Mode.LINK][0]
    before = told["t_s"] < link_s
    assert np.all(told["full_divergence_rad"][before & (told["t_s"] > 1.0)] == WIDEST)
    # Half a second of measurement, and the stage.
    after = told["t_s"] > link_s + 1.5
    assert np.all(told["full_divergence_rad"][after] < 1.1 * NARROWEST)
    assert good.summary["device_health"] == {}


def test_the_true_width_is_that_told_but_for_the_calibration(good: Flown) -> None:
    truth, told = good.columns("truth"), good.columns("divergence")
    at = np.searchsorted(truth["t_s"], told["t_s"][-1])
    ratio = truth["divergence_rad"][at] / told["full_divergence_rad"][-1]
    assert ratio != 1.0
    assert ratio == pytest.approx(1.0, abs=4 * CALIBRATION_SIGMA)


def test_jitter_is_that_of_the_truth(good: Flown) -> None:
    """Both over the last seconds: the estimate's own sigma, and the boresight that none sees."""
    truth, told = good.columns("truth"), good.columns("divergence")
    last = truth["t_s"] > truth["t_s"][-1] - DIVERGENCE.jitter_window_s
    x, y = (truth[f"fine_error_{axis}_rms_rad"][last] for axis in "xy")
    true_rad = float(np.sqrt(0.5 * np.mean(x**2 + y**2)))
    sigma_rad = told["jitter_sigma_rad"][-1]
    unseen_rad = load_scenario(NAME).world.beacon.boresight_error_rad
    assert told["jitter_rad"][-1] == pytest.approx(true_rad, abs=4 * sigma_rad + unseen_rad)


def test_replay_gives_the_same_commands(good: Flown) -> None:
    assert verify(good.folder / "pass.mcap").mismatches == 0


def test_a_stuck_stage_leaves_the_beam_wide_and_is_told(
    good: Flown, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """The model, which is given the true width, still knows the counts."""
    flight = flown(tmp_path_factory.mktemp("stuck"), NAME, FLOWN_S, ("expander_stuck", 0.0, 100.0))
    told = flight.columns("divergence")
    assert told["full_divergence_rad"][-1] == WIDEST
    assert Flag(int(told["flags"][-1])) & Flag.STUCK
    assert flight.modes[-1] == "LINK"
    errors = flight.summary["device_health"]["expander"]
    assert errors["last_error"] == "GS02: mechanical time-out"
    detected, due = flight.summary["counts"]["detected"], flight.summary["detected_expected"]
    assert detected == pytest.approx(due, rel=4 / np.sqrt(due))
    assert detected < 0.1 * good.summary["counts"]["detected"]


def test_a_silent_stage_keeps_its_last_known_width(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    flight = flown(tmp_path_factory.mktemp("silent"), NAME, FLOWN_S, ("expander_silent", 0.0, 5.0))
    told = flight.columns("divergence")
    silent = told["t_s"] < 4.0
    assert np.all(told["flags"][silent] & Flag.SILENT)
    assert not told["move"][silent].any()
    assert told["full_divergence_rad"][-1] < 1.1 * NARROWEST
    assert told["flags"][-1] == 0
