"""Searches take the time that was planned, end on the beacon, and begin again after a loss."""

import math
from pathlib import Path

import numpy as np
import pytest
from msgspec.structs import replace
from numpy.typing import NDArray

from benchmarks.acquisition import SCENARIO, Outcome, acquire, campaign, planned, verdict
from config.loader import load_scenario
from config.world import Fault
from hil.flight import fly, window_of
from terminal.control.search.acquisition_time import TimeDistribution, quantile_interval

SEEDS = range(1, 13)


@pytest.fixture(scope="module")
def outcomes() -> list[Outcome]:
    return list(campaign(load_scenario(str(SCENARIO)), SEEDS, workers=2))


@pytest.fixture(scope="module")
def plan() -> TimeDistribution:
    return planned(load_scenario(str(SCENARIO)))


def test_all_find_the_beacon_and_nothing_else(outcomes: list[Outcome]) -> None:
    assert [outcome.seed for outcome in outcomes] == list(SEEDS)
    for outcome in outcomes:
        assert math.isfinite(outcome.took_s)
        assert outcome.false == 0
        # Within the hand-over radius, to a pixel of the camera.
        assert outcome.true_error_rad < 125e-6


@pytest.mark.parametrize("share", [0.5, 0.95])
def test_times_are_as_planned(
    outcomes: list[Outcome], plan: TimeDistribution, share: float
) -> None:
    low_s, high_s = quantile_interval(plan, share, len(outcomes))
    flown_s = np.quantile([o.took_s for o in outcomes], share, method="inverted_cdf")
    assert low_s <= flown_s <= high_s


def test_false_spots_alone_are_never_taken_for_the_beacon() -> None:
    """A glint in every third frame, and no beacon at all."""
    scenario = load_scenario(str(SCENARIO))
    world = replace(
        scenario.world,
        beacon=replace(scenario.world.beacon, false_spot_probability=0.33),
        faults=(Fault(kind="beacon_off", at_s=0.0, duration_s=100.0),),
    )
    for seed in (1, 2):
        outcome = acquire(replace(scenario, world=world), 20.0, seed)
        assert math.isfinite(outcome.began_s)
        assert outcome.took_s == math.inf


@pytest.mark.parametrize(("gone_s", "back_s"), [(5.0, 2.0), (20.0, 3.0)])
def test_link_stands_again_soon_after_the_beacon_is_back(
    gone_s: float, back_s: float, tmp_path: Path
) -> None:
    """Five seconds are coasted through. After twenty the search runs over a field that has grown
    to 0.8 mrad, and may just be looking past the beacon, for a second."""
    scenario = load_scenario("leo_haps_downlink")
    fault = Fault(kind="beacon_off", at_s=12.0, duration_s=gone_s)
    scenario = replace(scenario, world=replace(scenario.world, faults=(fault,)))
    returns_s = fault.at_s + gone_s
    window = window_of(scenario, returns_s + back_s + 1.0)
    summary = fly(scenario, 1, window, tmp_path, lambda progress: None)
    modes = [span["mode"] for span in summary["modes"]]
    assert ("ACQUIRE" in modes[modes.index("LOST") :]) == (gone_s > 6.0)
    assert modes[-1] == "LINK"
    assert returns_s < summary["modes"][-1]["start_s"] < returns_s + back_s


def drawn(plan: TimeDistribution, n: int, scale: float = 1.0) -> NDArray[np.float64]:
    shares = np.random.default_rng(5).uniform(size=n)
    return scale * np.array([plan.quantile_s(float(share)) for share in shares])


def made(times_s: NDArray[np.float64], false: int = 0) -> list[Outcome]:
    return [Outcome(k, 3.0, float(t_s), 50e-6, false) for k, t_s in enumerate(times_s)]


EXPONENTIAL = TimeDistribution(
    np.linspace(0.0, 60.0, 6001), -np.expm1(-np.linspace(0.0, 60.0, 6001) / 3.0)
)


def test_a_campaign_as_planned_passes_and_a_slower_or_faster_one_fails() -> None:
    assert verdict(EXPONENTIAL, made(drawn(EXPONENTIAL, 500)))["passed"]
    for scale in (0.7, 1.4):
        assert not verdict(EXPONENTIAL, made(drawn(EXPONENTIAL, 500, scale)))["passed"]


def test_searches_without_an_end_count_as_failed_and_false_ones_with_the_time_they_cost() -> None:
    times_s = drawn(EXPONENTIAL, 500)
    times_s[:4] = np.inf
    answer = verdict(EXPONENTIAL, made(times_s))
    assert answer["acquired"] == pytest.approx(0.992)
    assert answer["passed"]
    late = [*made(times_s), *made(np.full(2, 50.0), false=1)]
    answer = verdict(EXPONENTIAL, late)
    assert (answer["false"], answer["passed"]) == (2, True)
    never = [*made(times_s), *made(np.full(2, np.inf), false=1)]
    answer = verdict(EXPONENTIAL, never)
    assert (answer["false"], answer["passed"]) == (2, False)
