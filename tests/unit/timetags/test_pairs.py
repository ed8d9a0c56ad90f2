"""Pairs between two streams, against streams whose offset and rate are known."""

import math

import numpy as np
import pytest
from numpy.typing import NDArray

from terminal.timetags.pair_search import log_poisson_tail
from terminal.timetags.pairs import find_pairs

Times = NDArray[np.int64]


def pair_streams(
    seed: int,
    rate_hz: float,
    pair_hz: float,
    duration_s: float,
    offset_s: float,
    rate: float,
    jitter_s: float = 200e-12,
    pulse_s: float = 0.0,
) -> tuple[Times, Times]:
    """t_b = offset + (1 + rate) t_a; jitter on either side."""
    rng = np.random.default_rng(seed)
    common = rng.uniform(0.0, duration_s, rng.poisson(pair_hz * duration_s))
    streams = []
    for _ in range(2):
        alone = rng.uniform(0.0, duration_s, rng.poisson((rate_hz - pair_hz) * duration_s))
        t = np.concatenate([common, alone])
        streams.append(np.rint(t / pulse_s) * pulse_s if pulse_s else t)
    a, b = (t + jitter_s * rng.standard_normal(t.size) for t in streams)
    b = offset_s + (1.0 + rate) * b
    return (
        np.sort(np.rint(a * 1e12).astype(np.int64)),
        np.sort(np.rint(b * 1e12).astype(np.int64)),
    )


@pytest.mark.parametrize(
    ("offset_s", "rate", "pulse_s"),
    [(3e-3, 1e-5, 0.0), (-0.04, -4e-5, 0.0), (0.021, 2e-6, 10e-9)],
)
def test_offset_and_rate(offset_s: float, rate: float, pulse_s: float) -> None:
    a, b = pair_streams(1, 1e5, 1e4, 1.0, offset_s, rate, pulse_s=pulse_s)
    lock = find_pairs(a, b, max_offset_s=0.05)
    assert lock.locked
    assert lock.false_lock_probability < 1e-6
    expected_ps = offset_s * 1e12 + rate * a[0]
    # Jitter of both sides over the root of the pairs, twice that at an end.
    error_ps = 200.0 * math.sqrt(2.0) / math.sqrt(1e4)
    assert abs(lock.offset_ps - expected_ps) < 5.0 * 2.0 * error_ps
    assert abs(lock.frequency_offset - rate) < 5.0 * math.sqrt(12.0) * error_ps * 1e-12
    assert lock.coincidences == pytest.approx(1e4, rel=0.05)
    assert lock.jitter_ps == pytest.approx(200.0 * math.sqrt(2.0), rel=0.05)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("pulse_s", [0.0, 10e-9])
def test_unrelated_streams_are_no_lock(seed: int, pulse_s: float) -> None:
    """Also those of two sources of the same pulse rate, whose accidentals cluster."""
    a, b = pair_streams(seed, 5e4, 0.0, 0.4, 0.0, 0.0, pulse_s=pulse_s)
    lock = find_pairs(a, b, max_offset_s=0.01)
    assert not lock.locked
    assert lock.false_lock_probability > 1e-6


@pytest.mark.parametrize("offset_s", [0.015, -0.03])
def test_ends_of_the_streams_are_no_peak(offset_s: float) -> None:
    """Far more accidentals than pairs, and steps in their number where a stream ends."""
    a, b = pair_streams(3, 4e5, 2e4, 0.06, offset_s, 5e-6, pulse_s=10e-9)
    lock = find_pairs(a, b, max_offset_s=0.06)
    assert not lock.locked or abs(lock.offset_ps - offset_s * 1e12) < 1000.0
    a, b = pair_streams(4, 4e5, 0.0, 0.06, offset_s, 5e-6)
    assert not find_pairs(a, b, max_offset_s=0.06).locked


def test_streams_of_different_epochs() -> None:
    a, b = pair_streams(2, 1e5, 1e4, 1.0, 5000.002, 1e-6)
    lock = find_pairs(a, b, max_offset_s=0.01)
    assert lock.locked
    assert abs(lock.offset_ps - (5000.002e12 + 1e-6 * a[0])) < 60.0


def test_too_little_to_tell() -> None:
    none = np.empty(0, dtype=np.int64)
    one = np.array([5], dtype=np.int64)
    for a, b in ((none, none), (one, none), (none, one), (one, one)):
        assert not find_pairs(a, b).locked
    with pytest.raises(ValueError, match="ascend"):
        find_pairs(np.array([2, 1]), one)


def test_poisson_tail_is_a_bound() -> None:
    from scipy.stats import poisson

    for mean in (0.1, 1.0, 30.0):
        for count in range(1, 100, 7):
            assert log_poisson_tail(count, mean) >= poisson.logsf(count - 1, mean) - 1e-9
