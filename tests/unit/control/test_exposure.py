"""The exposure against a camera whose spot grows with it, clips, and obeys late."""

from collections import deque
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from terminal.control.image.centroid import Spot
from terminal.control.image.exposure import (
    LARGEST_STEP,
    PEAK_HIGH,
    PEAK_LOW,
    ExposureLimits,
    next_exposure_us,
)

LIMITS = ExposureLimits(search_us=1000, shortest_us=2, longest_us=10_000)


def spot(peak_counts: float, *, saturated: bool = False) -> Spot:
    return Spot(0.0, 0.0, 1e3, 0.05, 1.2, 1.2, peak_counts, saturated)


def camera(peak_per_us: float, exposure_us: int) -> Spot | None:
    """12 counts of black under the peak; fainter than 18 counts it drowns."""
    peak = peak_per_us * exposure_us
    if peak < 18.0:
        return None
    return spot(min(peak, 243.0), saturated=peak >= 243.0)


def run(peak_per_us: float, exposure_us: int, frames: int, latency: int) -> list[int]:
    """Exposures of the frames; a command acts `latency` frames later."""
    under_way = deque([exposure_us] * (latency + 1))
    taken = []
    for _ in range(frames):
        taken.append(under_way.popleft())
        seen = camera(peak_per_us, taken[-1])
        under_way.append(next_exposure_us(LIMITS, taken[-1], seen))
    return taken


@pytest.mark.parametrize("latency", [0, 1, 2])
@pytest.mark.parametrize("decades", [-0.75, -0.5, 0.0, 0.5, 1.0, 1.5, 2.0, 2.5])
def test_it_settles_from_either_end_and_stays(decades: float, latency: int) -> None:
    """Beacons over 3 decades of power, from the faintest that the search exposure shows; from
    the shortest and from the longest exposure, which are four decades apart."""
    peak_per_us = 110.0 / 1000.0 * 10.0**decades
    for start in (LIMITS.shortest_us, LIMITS.longest_us):
        taken = run(peak_per_us, start, 40, latency)
        # Four decades are 6.6 steps of 4; a step each latency + 1 frames.
        settled = taken[10 * (latency + 1) :]
        assert len(set(settled)) == 1
        assert PEAK_LOW <= peak_per_us * settled[0] / 255.0 <= PEAK_HIGH


@pytest.mark.parametrize("latency", [0, 1, 2])
def test_it_does_not_swing(latency: int) -> None:
    """From above it only falls but for the last correction: the step down from a clipped peak is
    blind, and may be up to 4 / 1.8 too far."""
    for decades in (0.0, 0.7, 1.3, 2.0):
        taken = run(0.11 * 10.0**decades, LIMITS.longest_us, 40, latency)
        changes = [b - a for a, b in pairwise(taken) if a != b]
        turns = sum(a * b < 0 for a, b in pairwise(changes))
        assert turns <= 1


def test_between_the_limits_it_is_left_alone() -> None:
    for share in (PEAK_LOW, 0.5, PEAK_HIGH):
        assert next_exposure_us(LIMITS, 777, spot(share * 255.0)) == 777


def test_without_a_spot_it_goes_back_to_the_search() -> None:
    assert next_exposure_us(LIMITS, 1000, None) == 1000
    assert next_exposure_us(LIMITS, 10, None) == 40
    assert next_exposure_us(LIMITS, 9000, None) == 2250


@given(
    st.integers(1, 2**32 - 1),
    st.one_of(st.none(), st.builds(spot, st.floats(0.0, 255.0), saturated=st.booleans())),
)
def test_never_out_of_limits_nor_faster_than_the_slew(exposure_us: int, seen: Spot | None) -> None:
    after = next_exposure_us(LIMITS, exposure_us, seen)
    assert LIMITS.shortest_us <= after <= LIMITS.longest_us
    if LIMITS.shortest_us <= exposure_us <= LIMITS.longest_us:
        assert exposure_us / LARGEST_STEP - 0.5 <= after <= exposure_us * LARGEST_STEP
