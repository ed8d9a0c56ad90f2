"""Refusal of what is no pattern; counts and agreement against their definitions."""

import numpy as np
import pytest
from clock_truth import random_pattern

from terminal.timetags.frame import agreement, counts_by_state
from terminal.timetags.pattern import PublicPattern


@pytest.mark.parametrize("bad", [[], [[0, 1]], [0, 4], [0, 254]])
def test_what_is_no_pattern_is_refused(bad: list[int]) -> None:
    with pytest.raises(ValueError, match="public pattern"):
        PublicPattern(np.array(bad, dtype=np.uint8))


def test_the_pattern_cannot_be_changed_from_outside() -> None:
    state = random_pattern(64, 0.5, 1)
    pattern = PublicPattern(state)
    before = pattern.state.copy()
    state[:] = 0
    np.testing.assert_array_equal(pattern.state, before)
    with pytest.raises(ValueError, match="read-only"):
        pattern.state[0] = 1


def test_counts_go_to_the_cell_of_sent_state_and_channel() -> None:
    pattern = PublicPattern(np.array([0, 255, 3, 1], dtype=np.uint8))
    slot = np.array([0, 4, 1, 2, -1, 7], dtype=np.int64)
    channel = np.array([0, 2, 0, 3, 0, 1], dtype=np.uint8)
    expected = np.zeros(16)
    expected[[0, 2, 15, 5]] = 1.0
    np.testing.assert_array_equal(counts_by_state(slot, channel, pattern), expected)


@pytest.mark.parametrize("angle_rad", [0.0, 0.3, np.pi / 4, np.pi / 2])
def test_agreement_does_not_see_the_angle_of_the_frame(angle_rad: float) -> None:
    """Malus: a click of state s in channel c at cos^2 of the angle between, half in each basis."""
    axis = np.radians([0.0, 90.0, 45.0, -45.0])
    counts = 100.0 * 0.5 * np.cos(axis[None, :] - axis[:, None] - angle_rad) ** 2
    # |mean Stokes correlation| is 1/2: half of the clicks fall into each basis.
    assert agreement(counts.ravel()) == pytest.approx(0.25 * np.sum(counts))


def test_agreement_by_chance_is_exponential_with_mean_one() -> None:
    rng = np.random.default_rng(4)
    values = [
        agreement(np.bincount(rng.integers(0, 16, 1000), minlength=16).astype(float))
        for _ in range(2000)
    ]
    assert np.mean(values) == pytest.approx(1.0, abs=3 / np.sqrt(2000))
    assert agreement(np.zeros(16)) == 0.0
