"""Attempts that carry on those before: the lock on a growing stream, and no lock on another."""

import math

import numpy as np
import pytest
from clock_truth import random_pattern
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from terminal.timetags import phase_fit, slot_correlation
from terminal.timetags.collecting import Collected, collect
from terminal.timetags.lock_search import Aim, Reach
from terminal.timetags.mixture import Mixture
from terminal.timetags.pattern import PublicPattern
from terminal.timetags.phase_fit import PhaseFit

T = 5e-9
JITTER_S = 200e-12
NARROW = Reach(rate=1e-5, drift_per_s=6e-10, jerk_per_s2=1e-11, fold_span_s=10.0)


def clicks(
    rng: np.random.Generator,
    pattern: NDArray[np.uint8],
    n: int,
    span_s: float,
    *,
    signal: float = 0.8,
    start_s: float = 300.0,
    rate: float = 3e-6,
    drift_per_s: float = 0.0,
) -> tuple[NDArray[np.float64], NDArray[np.uint8], NDArray[np.int64]]:
    """u, channel, true slot (-1: background); the phase is rate u + drift u^2 / 2."""
    slot = np.sort(rng.integers(0, round(span_s / T), n)) + round(start_s / T)
    u = slot * T
    for _ in range(5):
        u = slot * T + rate * u + 0.5 * drift_per_s * (u - start_s) ** 2
    u = u + JITTER_S * rng.standard_normal(n)
    state = pattern[slot % pattern.size]
    state = np.where(state == 255, rng.integers(0, 4, n), state)
    same_basis = rng.random(n) < 0.5
    channel = np.where(same_basis, state, 2 * (1 - state // 2) + rng.integers(0, 2, n))
    background = rng.random(n) >= signal
    u[background] = rng.uniform(u.min(), u.max(), n)[background]
    channel[background] = rng.integers(0, 4, n)[background]
    slot[background] = -1
    order = np.argsort(u)
    return u[order], channel[order].astype(np.uint8), slot[order]


def feed(
    aim: Aim, u: NDArray[np.float64], channel: NDArray[np.uint8], ticks: int, most: int = 4000
) -> Collected:
    """In so many parts, until it locks."""
    collected = Collected()
    for part, part_channel in zip(
        np.array_split(u, ticks), np.array_split(channel, ticks), strict=True
    ):
        collected = collect(collected, aim, part, part_channel, most)
        if collected.search.shift is not None:
            break
    return collected


def pattern_slots(collected: Collected, aim: Aim, u: NDArray[np.float64]) -> NDArray[np.int64]:
    """Pattern index of each click by a lock's clock."""
    assert collected.search.clock is not None
    assert collected.search.shift is not None
    t = u - collected.origin_s
    phase = phase_fit.phase_s(collected.search.clock.fit.coefficients, t)
    slot = np.rint((t - phase) / aim.slot_period_s).astype(np.int64)
    return np.mod(slot + collected.search.shift, aim.pattern.length)


@pytest.mark.parametrize(
    ("rate_hz", "signal", "reach", "rate", "drift"),
    [
        (100.0, 0.8, NARROW, 8e-6, 2e-10),
        (1000.0, 0.8, NARROW, -9e-6, -2e-10),
        (1000.0, 0.5, NARROW, 1e-6, 0.0),
        (10_000.0, 0.8, Reach(fold_span_s=1.0), -2.2e-5, 2e-7),
        (2000.0, 0.7, Reach(fold_span_s=1.0), 1.5e-5, -2.7e-7),
    ],
)
def test_a_growing_stream_locks_on_its_true_slots(
    rate_hz: float, signal: float, reach: Reach, rate: float, drift: float
) -> None:
    rng = np.random.default_rng(1)
    state = random_pattern(2**18, 0.1, 1)
    aim = Aim(PublicPattern(state), T, reach)
    for _ in range(3):
        n = 4000
        u, channel, slot = clicks(
            rng, state, n, n / rate_hz, signal=signal, rate=rate, drift_per_s=drift
        )
        collected = feed(aim, u, channel, max(round(10 * n / rate_hz), 8))
        assert collected.search.shift is not None
        assert collected.search.probability <= 1e-6
        seen = (slot >= 0) & (u >= collected.u_s[0]) & (u <= collected.u_s[-1])
        wrong = pattern_slots(collected, aim, u[seen]) != slot[seen] % 2**18
        assert np.count_nonzero(wrong) == 0


@pytest.mark.parametrize("most_sums", [10**6, 0], ids=["sums", "transforms"])
def test_a_slot_search_may_take_several_ticks(
    most_sums: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Clicks that come meanwhile, more than are kept, change nothing about the slots."""
    rng = np.random.default_rng(6)
    state = random_pattern(2**16, 0.5, 1)
    monkeypatch.setattr(slot_correlation, "_MOST_SUMS", most_sums)
    monkeypatch.setattr(slot_correlation, "_SLOTS_A_PART", 2**16)
    monkeypatch.setattr(slot_correlation, "_MOST_IN_BYTE", 40)
    aim = Aim(PublicPattern(state), T, NARROW)
    u, channel, slot = clicks(rng, state, 3000, 3.0, rate=8e-6, drift_per_s=2e-10)
    collected, pending = Collected(), 0
    for part, part_channel in zip(np.array_split(u, 60), np.array_split(channel, 60), strict=True):
        collected = collect(collected, aim, part, part_channel, 600)
        pending += collected.search.pending is not None
        if collected.search.shift is not None:
            break
    assert pending > 1
    seen = (slot >= 0) & (u >= collected.u_s[0]) & (u <= collected.u_s[-1])
    np.testing.assert_array_equal(
        pattern_slots(collected, aim, u[seen]), slot[seen] % aim.pattern.length
    )


def test_background_before_the_signal_does_not_bend_the_clock() -> None:
    """Half a second without it: the slots are right, frequency and drift as sure as they say."""
    state = random_pattern(2**16, 1.0, 1)
    aim = Aim(PublicPattern(state), T, Reach(fold_span_s=1.0))
    pulls = []
    for seed in range(10):
        rng = np.random.default_rng(seed)
        silent = np.sort(rng.uniform(299.5, 300.0, 200))
        u, channel, slot = clicks(rng, state, 1600, 0.8, rate=1e-5, drift_per_s=1e-7)
        last = int(np.searchsorted(u, 300.1))
        seen, slot = u[:last][slot[:last] >= 0], slot[:last][slot[:last] >= 0]
        u = np.concatenate([silent, u])
        channel = np.concatenate([rng.integers(0, 4, 200).astype(np.uint8), channel])
        collected = feed(aim, u, channel, 30)
        np.testing.assert_array_equal(pattern_slots(collected, aim, seen), slot % 2**16)
        end_s = float(collected.u_s[-1])
        fit = collected.fit_at(end_s)
        true = np.array([1e-5 + 1e-7 * (end_s - 300.0), 1e-7])
        pulls.append((fit.coefficients[1:3] - true) / np.sqrt(np.diag(fit.covariance)[1:3]))
    # Of twenty Gaussian deviations none is beyond four sigma.
    assert np.max(np.abs(pulls)) < 4.0


def test_what_was_found_outlives_the_clicks_that_are_dropped() -> None:
    """Of a pattern that is not there the clock is still known, and right, after many droppings."""
    rng = np.random.default_rng(2)
    aim = Aim(PublicPattern(random_pattern(2**16, 0.1, 1)), T, NARROW)
    u, channel, slot = clicks(rng, random_pattern(2**16, 0.1, 2), 20_000, 10.0)
    collected = feed(aim, u, channel, 100, most=1000)
    assert collected.search.shift is None
    assert collected.u_s.size <= 1000
    assert collected.origin_s == collected.u_s[0] > u[0] + 9.0
    fit = collected.fit_at(float(u[-1]))
    sigma = math.sqrt(fit.covariance[1, 1])
    assert fit.coefficients[1] == pytest.approx(3e-6, abs=4 * sigma)
    last = np.flatnonzero(slot >= 0)[-1]
    behind_s = u[last] - collected.origin_s - fit.coefficients[0]
    assert abs(behind_s / T - round(behind_s / T)) < 6 * JITTER_S / T


def test_a_gap_longer_than_the_fold_is_survived() -> None:
    rng = np.random.default_rng(3)
    state = random_pattern(2**16, 0.5, 1)
    aim = Aim(PublicPattern(state), T, Reach(fold_span_s=1.0))
    before, channel_before, _ = clicks(rng, state, 60, 0.2, start_s=300.0, rate=1e-5)
    after, channel_after, slot = clicks(rng, state, 1500, 1.5, start_s=312.0, rate=1.2e-5)
    u = np.concatenate([before, after])
    collected = feed(aim, u, np.concatenate([channel_before, channel_after]), 30)
    assert collected.search.shift is not None
    seen = (slot >= 0) & (after <= collected.u_s[-1])
    slots = pattern_slots(collected, aim, after[seen])
    np.testing.assert_array_equal(slots, slot[seen] % 2**16)


def test_another_pattern_locks_no_oftener_than_allowed() -> None:
    """At a limit of 5 %, over all attempts of a stream, so that the bound itself is tested; what is
    allowed at 1e-6 is never there."""
    rng = np.random.default_rng(4)
    trials, limit = 120, 0.05
    other = random_pattern(2**10, 0.5, 99)
    false, searches, least = 0, 0, 1.0
    for k in range(trials):
        aim = Aim(PublicPattern(random_pattern(2**10, 0.5, k % 20)), T, NARROW, limit)
        u, channel, _ = clicks(rng, other, 600, 0.2, start_s=1.0)
        search = feed(aim, u, channel, 8).search
        false += search.shift is not None
        searches += search.slot_searches
        least = min(least, search.probability)
    assert searches > trials  # The limit was tried.
    assert false <= limit * trials
    assert least > 1e-6


def test_noise_never_locks() -> None:
    rng = np.random.default_rng(5)
    aim = Aim(PublicPattern(random_pattern(2**12, 0.5, 1)), T, NARROW, 1e-3)
    for _ in range(100):
        u = np.sort(rng.uniform(10.0, 10.2, 1000))
        channel = rng.integers(0, 4, u.size).astype(np.uint8)
        assert feed(aim, u, channel, 8).search.shift is None


SMALL = st.floats(-1.0, 1.0)


@given(st.tuples(SMALL, SMALL, SMALL, SMALL), SMALL, SMALL)
def test_a_fit_moved_is_the_same_clock(
    c: tuple[float, float, float, float], by_s: float, t_s: float
) -> None:
    covariance = np.diag([1.0, 2.0, 3.0, 4.0]) + 0.5
    fit = PhaseFit(np.array(c), covariance, Mixture(0.5, JITTER_S), 0.0)
    moved = phase_fit.moved(fit, by_s)
    here = phase_fit.phase_s(moved.coefficients, np.array([t_s]))
    there = phase_fit.phase_s(fit.coefficients, np.array([t_s + by_s]))
    np.testing.assert_allclose(here, there, atol=1e-12)
    assert phase_fit.phase_sigma_s(moved.covariance, t_s) == pytest.approx(
        phase_fit.phase_sigma_s(covariance, t_s + by_s)
    )
