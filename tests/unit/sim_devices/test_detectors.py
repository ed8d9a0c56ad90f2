"""Detectors against closed forms and against a detector followed click by click."""

import heapq
import math
from itertools import pairwise

import numpy as np
import pytest
from numpy.typing import NDArray

from config.world import DetectorTruth
from sim_devices.detectors import CHANNELS, NO_DELAY, NO_SLOT, Detectors, Events

Array = NDArray[np.float64]


def detectors(
    seed: int = 1,
    dead_time_s: float = 0.0,
    afterpulse_probability: float = 0.0,
    afterpulse_lifetime_s: float = 30e-9,
    jitter_s: float = 1e-15,
    delay_s: tuple[float, ...] = NO_DELAY,
) -> Detectors:
    truth = DetectorTruth(
        dark_rate_hz=0.0,
        dead_time_s=dead_time_s,
        afterpulse_probability=afterpulse_probability,
        afterpulse_lifetime_s=afterpulse_lifetime_s,
        jitter_s=jitter_s,
        oscillator_offset=0.0,
        oscillator_white_fm=0.0,
        oscillator_random_walk_fm=0.0,
    )
    return Detectors(truth, np.random.default_rng(seed), delay_s)


def light(rate_hz: float, span_s: float, seed: int = 2, channels: int = 1) -> Events:
    """Absorptions at random, unsorted; slots number them."""
    rng = np.random.default_rng(seed)
    n = int(rng.poisson(rate_hz * span_s * channels))
    return (
        rng.uniform(0.0, span_s, n),
        rng.integers(0, channels, n).astype(np.uint8),
        np.arange(n),
    )


def clicks_one_by_one(time_s: Array, dead_s: float, probability: float, lifetime_s: float) -> int:
    """One detector, one event after the other."""
    rng = np.random.default_rng(77)
    waiting: list[float] = np.sort(time_s).tolist()
    last_s, count = -1.0, 0
    while waiting:
        t = heapq.heappop(waiting)
        if t - last_s < dead_s:
            continue
        last_s, count = t, count + 1
        if rng.random() < probability:
            heapq.heappush(waiting, t + dead_s + rng.exponential(lifetime_s))
    return count


@pytest.mark.parametrize("rate_hz", [1e5, 1e6, 5e6])
def test_dead_time_is_non_paralysable(rate_hz: float) -> None:
    span_s, dead_s = 2e5 / rate_hz, 45e-9
    time_s, channel, slot = light(rate_hz, span_s)
    clicks, _, _ = detectors(dead_time_s=dead_s).clicks(time_s, channel, slot, 2 * span_s)
    due = rate_hz * span_s / (1 + rate_hz * dead_s)
    # Renewal process: variance n / (1 + r t)^2 of the clicks.
    assert len(clicks) == pytest.approx(due, abs=5 * math.sqrt(due))
    assert np.diff(clicks).min() >= dead_s


@pytest.mark.parametrize("probability", [0.0, 0.005, 0.3])
def test_afterpulses_are_a_geometric_series(probability: float) -> None:
    rate_hz, span_s = 1e4, 20.0
    time_s, channel, slot = light(rate_hz, span_s)
    clicks, _, clicked_slot = detectors(
        dead_time_s=45e-9, afterpulse_probability=probability
    ).clicks(time_s, channel, slot, 2 * span_s)
    afterpulses = int(np.sum(clicked_slot == NO_SLOT))
    # Each click, afterpulses too, has one with this probability.
    due = len(clicks) * probability
    assert afterpulses == pytest.approx(due, abs=5 * math.sqrt(due))


def test_afterpulses_come_after_the_dead_time_and_decay() -> None:
    dead_s, lifetime_s = 45e-9, 30e-9
    time_s = np.arange(100_000) * 1e-5
    truth = detectors(
        dead_time_s=dead_s, afterpulse_probability=0.5, afterpulse_lifetime_s=lifetime_s
    )
    clicks, _, slot = truth.clicks(
        time_s, np.zeros(len(time_s), np.uint8), np.arange(len(time_s)), 2.0
    )
    gap = np.diff(clicks)[slot[1:] == NO_SLOT]
    assert gap.min() >= dead_s
    # 100,000 exponential delays, to 0.3 %.
    assert np.mean(gap) - dead_s == pytest.approx(lifetime_s, rel=0.02)
    assert np.std(gap) == pytest.approx(lifetime_s, rel=0.03)


@pytest.mark.parametrize(
    ("rate_hz", "probability"), [(1e6, 0.005), (5e6, 0.005), (2e6, 0.3), (5e6, 0.3)]
)
def test_dead_time_and_afterpulses_together(rate_hz: float, probability: float) -> None:
    dead_s, lifetime_s, span_s = 45e-9, 200e-9, 1e5 / rate_hz
    time_s, channel, slot = light(rate_hz, span_s)
    due = clicks_one_by_one(time_s, dead_s, probability, lifetime_s)
    clicks, _, _ = detectors(
        dead_time_s=dead_s, afterpulse_probability=probability, afterpulse_lifetime_s=lifetime_s
    ).clicks(time_s, channel, slot, 2 * span_s)
    # The photons are the same; what differs at random are the afterpulses.
    assert len(clicks) == pytest.approx(due, abs=5 * math.sqrt(2 * probability * due) + 5)


def test_jitter_is_gaussian_of_its_width() -> None:
    time_s = np.arange(40_000) * 1e-6
    clicks, _, slot = detectors(jitter_s=150e-12).clicks(
        time_s, np.zeros(len(time_s), np.uint8), np.arange(len(time_s)), 1.0
    )
    off = clicks - time_s[slot]
    assert np.std(off) == pytest.approx(150e-12, rel=0.02)
    assert np.mean(off) == pytest.approx(0.0, abs=5 * 150e-12 / 200)
    assert np.mean(off**4) == pytest.approx(3 * 150e-12**4, rel=0.15)


def test_channels_have_dead_times_of_their_own() -> None:
    truth = detectors(dead_time_s=1e-6)
    at_once = np.full(CHANNELS, 1e-3)
    clicks, channel, _ = truth.clicks(
        at_once, np.arange(CHANNELS, dtype=np.uint8), np.arange(CHANNELS), 1.0
    )
    assert len(clicks) == CHANNELS
    assert sorted(channel.tolist()) == [0, 1, 2, 3]


def in_blocks(truth: Detectors, events: Events, edges_s: Array) -> list[Events]:
    """As the tagger takes them: each block's absorptions, clicks up to a little before its end."""
    time_s, channel, slot = events
    out = []
    for start, end in pairwise(edges_s.tolist()):
        mine = (time_s >= start) & (time_s < end)
        out.append(truth.clicks(time_s[mine], channel[mine], slot[mine], end - 20e-9))
    return out


def test_many_short_calls_are_one_long_one() -> None:
    # Without chance in the detector, the same clicks must come out, whatever the blocks.
    events = light(2e6, 0.002, channels=CHANNELS)
    once = detectors(dead_time_s=45e-9, jitter_s=1e-30).clicks(*events, 0.01)
    # Blocks of 1 us: two photons a detector in each, and borders everywhere.
    edges = np.append(np.arange(0.0, 0.002, 1e-6), 0.01)
    parts = in_blocks(detectors(dead_time_s=45e-9, jitter_s=1e-30), events, edges)
    for column in range(3):
        joined = np.concatenate([part[column] for part in parts])
        assert joined.tolist() == once[column].tolist()


def test_output_stays_sorted_and_no_click_is_lost_at_borders() -> None:
    rate_hz, span_s, probability = 1e6, 0.003, 0.1
    events = light(rate_hz, span_s, channels=CHANNELS)
    truth = detectors(jitter_s=150e-12, afterpulse_probability=probability)
    edges = np.append(np.arange(0.0, span_s, 1e-6), 1.0)
    time_s, _, slot = (
        np.concatenate(column) for column in zip(*in_blocks(truth, events, edges), strict=True)
    )
    assert np.all(np.diff(time_s) >= 0.0)
    # Every photon clicks once, and afterpulses of one block come out in the next.
    assert sorted(slot[slot != NO_SLOT].tolist()) == list(range(len(events[0])))
    due = len(time_s) * probability
    assert int(np.sum(slot == NO_SLOT)) == pytest.approx(due, abs=5 * math.sqrt(due))


def test_no_light_no_clicks() -> None:
    time_s, channel, slot = detectors(dead_time_s=45e-9).clicks(
        np.empty(0), np.empty(0, np.uint8), np.empty(0, np.int64), 1.0
    )
    assert len(time_s) == len(channel) == len(slot) == 0


def test_each_channels_clicks_come_late_by_its_delay() -> None:
    """In blocks that meet at a moment when delayed and early clicks pass each other: none is lost,
    all are in order of time, and each is off by its channel's delay."""
    delay_s = (300e-12, -200e-12, 0.0, -400e-12)
    late = detectors(delay_s=delay_s)
    time_s, channel, slot = light(1e8, 1e-4, channels=CHANNELS)
    inside = time_s < 0.5e-4
    parts = []
    for some, until_s in ((inside, 0.5e-4 - 20e-9), (~inside, 2e-4)):
        parts.append(late.clicks(time_s[some], channel[some], slot[some], until_s))
    clicks_s, clicked, number = (np.concatenate(p) for p in zip(*parts, strict=True))
    assert len(clicks_s) == len(time_s)
    assert np.all(np.diff(clicks_s) >= 0.0)
    np.testing.assert_array_equal(clicked, channel[number])
    np.testing.assert_allclose(clicks_s - time_s[number], np.array(delay_s)[clicked], atol=1e-14)
