"""Scores of every shift, part by part, against their definition."""

import numpy as np
import pytest
from clock_truth import random_pattern
from numpy.typing import NDArray

from terminal.timetags import slot_correlation
from terminal.timetags.pattern import PublicPattern


def all_scores(
    slot: NDArray[np.int64],
    channel: NDArray[np.uint8],
    weight: NDArray[np.int64],
    pattern: PublicPattern,
) -> tuple[NDArray[np.float32], int]:
    """And how many parts it took."""
    correlation = slot_correlation.begin(slot, channel, weight, pattern)
    parts = 0
    while not correlation.done:
        correlation = slot_correlation.advance(correlation, pattern)
        parts += 1
    return correlation.scores, parts


@pytest.mark.parametrize("clicks", [60, 2000])
def test_scores_are_those_of_the_definition(clicks: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Written out click by click: of few clicks, in several parts, and of many, by transforms."""
    monkeypatch.setattr(slot_correlation, "_SLOTS_A_PART", 97 * 50)
    monkeypatch.setattr(slot_correlation, "_MOST_IN_BYTE", 20)
    rng = np.random.default_rng(1)
    state = random_pattern(97, 0.5, 2)
    slot = rng.choice(10**12, clicks, replace=False)
    channel = rng.integers(0, 4, slot.size).astype(np.uint8)
    weight = rng.integers(0, 4, slot.size)
    expected = np.zeros(97)
    for shift in range(97):
        for s, c, w in zip(slot, channel, weight, strict=True):
            sent = state[(s + shift) % 97]
            if sent != 255 and sent // 2 == c // 2:
                expected[shift] += w if sent == c else -w
    scores, parts = all_scores(slot, channel, weight, PublicPattern(state))
    assert parts > 1
    np.testing.assert_allclose(scores, expected, atol=1e-2)


def test_clicks_all_of_one_slot_do_not_overflow() -> None:
    pattern = PublicPattern(np.array([0, 255, 1], dtype=np.uint8))
    clicks = np.zeros(400, dtype=np.int64)
    scores, _ = all_scores(clicks, clicks.astype(np.uint8), clicks + 3, pattern)
    np.testing.assert_allclose(scores, [1200.0, 0.0, -1200.0], atol=1e-2)
