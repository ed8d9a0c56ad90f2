"""The slot by soft correlation: the score by definition, the bound on chance, no lock on a slip."""

import itertools
import math

import numpy as np
import pytest
from clock_truth import random_pattern
from numpy.typing import NDArray

from terminal.timetags.pattern import PublicPattern
from terminal.timetags.slot_search import (
    Evidence,
    evidence,
    log_chance,
    log_chance_hoped,
    search_slot,
)


def shown(
    rng: np.random.Generator, state: NDArray[np.uint8], slot: NDArray[np.int64], error: float
) -> NDArray[np.uint8]:
    """Channels of photons from these slots, bases equally likely."""
    sent = state[slot % state.size].astype(np.int64)
    sent = np.where(sent == 255, rng.integers(0, 4, slot.size), sent)
    basis = rng.integers(0, 2, slot.size)
    wrong = rng.random(slot.size) < error
    bit = np.where(sent >> 1 == basis, (sent & 1) ^ wrong, rng.integers(0, 2, slot.size))
    return (2 * basis + bit).astype(np.uint8)


def test_the_bound_on_chance_holds_and_is_near() -> None:
    """All outcomes of a few slots, enumerated: each has one of four states, or none that says
    anything. Clicks in both bases of a slot (the last one) exclude each other's."""
    x = np.array([0.8, 0.8, 0.5, 0.3, 0.8, 0.7])
    up, down, nothing = np.log1p(x), np.log1p(-x), np.zeros(x.size)
    by_state = np.array([up, down, nothing, nothing])
    by_state[2:, -1] = down[0], up[0]
    share = np.array([0.25, 0.2, 0.15, 0.3])
    outcomes = np.array(list(itertools.product(range(5), repeat=x.size)))
    chance = np.prod(np.append(share, 0.1)[outcomes], axis=1)
    score = np.sum(np.vstack([by_state, nothing])[outcomes, np.arange(x.size)], axis=1)
    slots = Evidence(by_state, share[:, None])
    for limit in (0.5, 1.0, 2.0, 2.5, 3.0):
        exact = float(np.sum(chance[score >= limit]))
        bound = math.exp(log_chance(limit, slots))
        # Chernoff's bound has the right exponent, not the right factor in front.
        assert 0.0 < exact <= bound <= 30.0 * exact
    assert log_chance(0.0, slots) == 0.0
    assert log_chance(-1.0, slots) == 0.0


def test_the_bound_is_no_worse_than_markovs() -> None:
    """At h = 1 the bound is exp(-S), as for any likelihood ratio; the optimum is no worse."""
    x = np.full(100, 0.8)
    nothing = np.zeros(100)
    by_state = np.array([np.log1p(x), np.log1p(-x), nothing, nothing])
    slots = Evidence(by_state, np.full((4, 1), 0.25))
    for score in (5.0, 20.0, 28.0):
        assert log_chance(score, slots) <= -0.99 * score


def test_the_best_shift_is_that_of_the_definition() -> None:
    rng = np.random.default_rng(1)
    state = random_pattern(997, 0.7, 2)
    pattern = PublicPattern(state)
    slot = np.sort(rng.integers(0, 10**6, 120))
    channel = shown(rng, state, slot + 321, 0.05)
    x = rng.uniform(0.1, 0.8, slot.size)
    score = np.zeros(997)
    for shift in range(997):
        for s, c, contrast in zip(slot.tolist(), channel.tolist(), x.tolist(), strict=True):
            sent = int(state[(s + shift) % 997])
            if sent != 255 and sent // 2 == c // 2:
                score[shift] += math.log(1 + contrast if sent == c else 1 - contrast)
    found = search_slot(slot, channel, x, pattern)
    assert found.shift == np.argmax(score) == 321
    limit = log_chance(float(np.max(score)), evidence(slot, channel, x, pattern))
    assert found.log_false_probability >= limit + math.log(997) - 1e-9


def test_clicks_of_one_slot_are_one_trial() -> None:
    """Ten clicks that agree in one slot prove no more than that one slot can: 1 in 4."""
    pattern = PublicPattern(random_pattern(64, 1.0, 3))
    slot = np.zeros(10, dtype=np.int64)
    slots = evidence(slot, np.zeros(10, dtype=np.uint8), np.full(10, 0.8), pattern)
    share = pattern.share_by_state[0]
    assert slots.by_state.shape == (4, 1)
    assert log_chance(float(slots.by_state[0, 0]), slots) >= math.log(share)


def test_another_pattern_passes_no_oftener_than_stated() -> None:
    """At a limit of 5 %, so that the bound itself is tested."""
    rng = np.random.default_rng(4)
    limit, trials = 0.05, 300
    patterns = [PublicPattern(random_pattern(2**10, 0.7, seed)) for seed in range(20)]
    passed = 0
    lowest = 0.0
    for k in range(trials):
        slot = np.sort(rng.integers(0, 10**7, 100))
        channel = rng.integers(0, 4, 100).astype(np.uint8)
        found = search_slot(slot, channel, np.full(100, 0.8), patterns[k % 20])
        passed += found.log_false_probability < math.log(limit)
        lowest = min(lowest, found.log_false_probability)
    assert passed <= trials * limit
    assert lowest > math.log(1e-6)


@pytest.mark.parametrize("channels", [(0,), (0, 1), (0, 1, 2)])
def test_hot_and_dead_channels_prove_nothing(channels: tuple[int, ...]) -> None:
    rng = np.random.default_rng(5)
    state = random_pattern(2**12, 1.0, 6)
    state[state == 1] = 0  # A pattern that likes H, and a receiver that does too.
    pattern = PublicPattern(state)
    for _ in range(50):
        slot = np.sort(rng.integers(0, 10**7, 200))
        channel = rng.choice(np.array(channels, dtype=np.uint8), 200)
        found = search_slot(slot, channel, np.full(200, 0.8), pattern)
        assert found.log_false_probability > math.log(1e-3)


def test_a_pattern_that_repeats_within_itself_has_no_slot() -> None:
    rng = np.random.default_rng(6)
    half = random_pattern(2**10, 1.0, 7)
    slot = np.sort(rng.integers(0, 10**7, 300))
    channel = shown(rng, half, slot, 0.02)
    x = np.full(300, 0.8)
    assert search_slot(slot, channel, x, PublicPattern(half)).log_false_probability < -30.0
    twice = PublicPattern(np.concatenate([half, half]))
    assert search_slot(slot, channel, x, twice).log_false_probability == 0.0


def test_a_slip_among_the_clicks_forbids_the_lock() -> None:
    rng = np.random.default_rng(7)
    state = random_pattern(2**12, 1.0, 8)
    pattern = PublicPattern(state)
    slot = np.sort(rng.integers(0, 10**7, 600))
    true = slot.copy()
    true[:200] += 1
    found = search_slot(slot, shown(rng, state, true, 0.02), np.full(600, 0.8), pattern)
    assert found == (0, 0.0)


def test_what_is_hoped_for_is_what_mostly_succeeds() -> None:
    """Without hope at 40 clicks, with at 300; of those in between the search itself decides."""
    rng = np.random.default_rng(8)
    state = random_pattern(2**12, 1.0, 9)
    pattern = PublicPattern(state)
    limit = math.log(1e-6) - math.log(2**12)
    for n, hope in ((40, False), (300, True)):
        slot = np.sort(rng.integers(0, 10**7, n))
        channel = shown(rng, state, slot, 0.02)
        hoped = log_chance_hoped(evidence(slot, channel, np.full(n, 0.8), pattern))
        assert (hoped < limit) == hope


@pytest.mark.parametrize("only", [0, 255])
def test_a_pattern_that_is_the_same_everywhere_has_no_slot(only: int) -> None:
    pattern = PublicPattern(np.full(2**10, only, dtype=np.uint8))
    slot = np.arange(0, 30_000, 100)
    found = search_slot(slot, np.zeros(300, dtype=np.uint8), np.full(300, 0.8), pattern)
    assert found.log_false_probability == 0.0


def test_hardly_any_clicks_are_no_lock() -> None:
    pattern = PublicPattern(random_pattern(64, 1.0, 3))
    none = np.empty(0)
    found = search_slot(none.astype(np.int64), none.astype(np.uint8), none, pattern)
    assert found.log_false_probability == 0.0
