"""Disturbances by name over time: rotor steps, events, and one seed for both axes."""

import math
from itertools import pairwise
from typing import get_args, get_type_hints

import numpy as np
import pytest
from scipy.signal import welch
from scipy.stats import kstest

from config.world import PlatformMotion
from sim_devices.disturbance_events import EventTrack
from sim_devices.disturbance_sources import RotorSpeeds, gaps, jitter_source
from sim_devices.randomness import stream
from sim_devices.spectra import DISTURBANCES, Events, RotorSteps

RATE_HZ = 1000.0


def track(kind: str, seed: int = 1, axis: int = 0, **values: float) -> EventTrack:
    events = Events(kind, **{"interval_s": 0.5, "amplitude_rad": 10e-6, "length_s": 0.1, **values})
    return EventTrack(events, RATE_HZ, np.random.default_rng(seed), axis)


def test_every_residual_of_a_scenario_is_in_the_catalogue() -> None:
    assert set(get_args(get_type_hints(PlatformMotion)["residual"])) <= set(DISTURBANCES)


@pytest.mark.parametrize("name", sorted(DISTURBANCES))
def test_a_seed_gives_one_disturbance(name: str) -> None:
    def taken(seed: int, axis: int) -> np.ndarray:
        source = jitter_source(name, RATE_HZ, seed, axis)
        return np.concatenate([source.take(n) for n in (5000, 1, 2000)])

    x = taken(3, 0)
    assert np.array_equal(taken(3, 0), x)
    assert not np.array_equal(taken(4, 0), x)
    assert abs(np.corrcoef(np.diff(x), np.diff(taken(3, 1)))[0, 1]) < 0.9


@pytest.mark.parametrize("kind", ["step", "gust", "gap"])
def test_events_do_not_depend_on_the_blocks(kind: str) -> None:
    whole = track(kind).take(5000)
    parts = track(kind)
    lengths = [1, 1, 98, 250, 3000, 1650]
    assert np.concatenate([parts.take(n) for n in lengths]) == pytest.approx(whole, abs=1e-20)


@pytest.mark.parametrize("kind", ["step", "gust"])
def test_both_axes_have_their_events_at_the_same_times(kind: str) -> None:
    x, y = track(kind, axis=0).take(5000), track(kind, axis=1).take(5000)
    assert np.array_equal(np.diff(x) == 0, np.diff(y) == 0)
    assert not np.array_equal(x, y)


def test_a_gust_is_one_minus_cosine() -> None:
    # So rare that two do not overlap.
    x = track("gust", interval_s=5.0, length_s=0.2).take(200_000)
    (inside,) = np.nonzero(x)
    breaks = np.nonzero(np.diff(inside) > 1)[0]
    first = x[inside[0] : inside[breaks[0]] + 1]
    # It begins and ends at zero, stands highest in the middle, and is half of that a quarter in.
    n = len(first) + 1
    assert 0.1 * RATE_HZ <= n + 1 <= 0.3 * RATE_HZ + 2
    peak = first[np.argmax(np.abs(first))]
    k = np.arange(1, n)
    assert first == pytest.approx(peak * np.sin(np.pi * k / n) ** 2, abs=abs(peak) * 1e-3)


def test_steps_come_as_a_poisson_process_of_their_size() -> None:
    x = track("step", interval_s=0.1).take(400_000)
    (at,) = np.nonzero(np.diff(x))
    intervals_s = np.diff(at) / RATE_HZ
    # Rounded to samples, a hundredth of the mean: far under what 4000 values can tell.
    assert kstest(intervals_s, "expon", args=(0, 0.1)).pvalue > 1e-3
    levels = x[at + 1]
    assert levels.std() == pytest.approx(10e-6, rel=5 / math.sqrt(2 * len(levels)))


def test_gaps_take_the_share_of_time_they_should() -> None:
    missing = gaps("esa_gaps", RATE_HZ, 1, 1_000_000)
    # 10 ms every 0.5 s, and overlaps: 1 - exp(-share) is covered. 2000 gaps, lengths spread 0.29.
    due = -math.expm1(-10e-3 / 0.5)
    assert missing.mean() == pytest.approx(due, rel=5 * math.sqrt((1 + 0.29**2) / 2000))
    assert not gaps("esa_silex", RATE_HZ, 1, 1000).any()


def test_a_rotor_steps_to_another_speed_at_each_interval() -> None:
    steps = RotorSteps((0.94, 1.0, 1.06), 0.5)
    spans = list(RotorSpeeds(steps, RATE_HZ, np.random.default_rng(1)).spans(100_000))
    assert [length for length, _ in spans] == [500] * 200
    speeds = [index for _, index in spans]
    assert all(a != b for a, b in pairwise(speeds))
    assert np.bincount(speeds) == pytest.approx(np.full(3, 200 / 3), abs=25)
    cut = RotorSpeeds(steps, RATE_HZ, np.random.default_rng(1))
    parts = [span for n in (300, 300, 400) for span in cut.spans(n)]
    assert parts == [(300, speeds[0]), (200, speeds[0]), (100, speeds[1]), (400, speeds[1])]


@pytest.mark.parametrize("axis", [0, 1])
def test_rotor_lines_stand_at_the_speed_of_the_moment(axis: int) -> None:
    rate_hz, seed = 1000.0, 2
    rotor = DISTURBANCES["drone"].rotor
    assert rotor
    speeds = RotorSpeeds(rotor, rate_hz, stream(seed, "rotor_speed"))
    x = jitter_source("drone", rate_hz, seed, axis).take(40_000)
    at = 0
    for length, index in speeds.spans(40_000):
        f, density = welch(x[at : at + length], rate_hz, "hann", nperseg=length)
        for order in (1, 2):
            near = np.abs(f - 90.0 * order) < 8.0 * order
            peak_hz = f[near][np.argmax(density[near])]
            # Nearer to this speed than to any other.
            off = [abs(peak_hz - 90.0 * order * speed) for speed in rotor.speeds]
            assert np.argmin(off) == index
        at += length


def test_what_a_step_of_the_speed_joins_has_no_jump() -> None:
    rate_hz = 5000.0
    steps = DISTURBANCES["drone"].rotor
    assert steps
    x = jitter_source("drone", rate_hz, 1, 0).take(round(20.5 * rate_hz))
    change = np.abs(np.diff(x))
    for k in range(1, 5):
        at = round(k * steps.interval_s * rate_hz)
        # Second order throughout: the angle moves on as smoothly there as anywhere.
        assert change[at - 2 : at + 2].max() < 6 * change.std()
