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
    drift_per_s: float = 0.0,
) -> tuple[Times, Times]:
    """t_b = offset + (1 + rate) t_a + drift / 2 t_a^2; jitter on either side."""
    rng = np.random.default_rng(seed)
    common = rng.uniform(0.0, duration_s, rng.poisson(pair_hz * duration_s))
    streams = []
    for _ in range(2):
        alone = rng.uniform(0.0, duration_s, rng.poisson((rate_hz - pair_hz) * duration_s))
        t = np.concatenate([common, alone])
        streams.append(np.rint(t / pulse_s) * pulse_s if pulse_s else t)
    a, b = (t + jitter_s * rng.standard_normal(t.size) for t in streams)
    b = offset_s + (1.0 + rate) * b + 0.5 * drift_per_s * b * b
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
    # Jitter of both sides over the root of the pairs; at an end of a parabola, an offset is three
    # times as unsure and a rate by the root of 192, as sums of squared Legendre polynomials say.
    error_ps = 200.0 * math.sqrt(2.0) / math.sqrt(1e4)
    assert abs(lock.offset_ps - expected_ps) < 5.0 * 3.0 * error_ps
    assert abs(lock.frequency_offset - rate) < 5.0 * math.sqrt(192.0) * error_ps * 1e-12
    assert lock.offset_sigma_ps == pytest.approx(3.0 * error_ps, rel=0.1)
    assert lock.frequency_sigma == pytest.approx(math.sqrt(192.0) * error_ps * 1e-12, rel=0.1)
    assert lock.coincidences == pytest.approx(1e4, rel=0.05)
    assert lock.jitter_ps == pytest.approx(200.0 * math.sqrt(2.0), rel=0.05)


@pytest.mark.parametrize("drift_per_s", [2e-8, -4e-7])
def test_clocks_that_drift(drift_per_s: float) -> None:
    """Over two seconds by 40 and 800 ns, far beyond the jitter."""
    a, b = pair_streams(5, 2e4, 4e3, 2.0, -0.004, 3e-6, drift_per_s=drift_per_s)
    lock = find_pairs(a, b, max_offset_s=0.01)
    assert lock.locked
    start_s = a[0] * 1e-12
    expected_ps = 1e12 * (-0.004 + start_s * (3e-6 + 0.5 * drift_per_s * start_s))
    assert abs(lock.offset_ps - expected_ps) < 5.0 * lock.offset_sigma_ps < 100.0
    assert abs(lock.drift_per_s - drift_per_s) < 5.0 * lock.drift_sigma_per_s < 1e-9
    assert lock.seconds_used > 1.9


@pytest.mark.parametrize(("pairs", "least"), [(47, 8), (30, 7)])
def test_few_pairs_are_enough(pairs: int, least: int) -> None:
    """Among as many clicks alone, in 0.2 s; of ten streams, and no wrong lock."""
    right = 0
    for seed in range(10):
        a, b = pair_streams(seed, 2 * pairs / 0.2, pairs / 0.2, 0.2, 0.003, 1e-5)
        lock = find_pairs(a, b, max_offset_s=0.01, max_rate=20e-6)
        expected_ps = 3e9 + 1e-5 * a[0]
        assert not lock.locked or abs(lock.offset_ps - expected_ps) < 6.0 * lock.offset_sigma_ps
        right += lock.locked
    assert right >= least


def test_a_burst_on_one_side() -> None:
    a, b = pair_streams(6, 2e4, 4e3, 1.0, 0.003, 2e-6)
    burst = 500_000_000_000 + np.arange(50_000) * 10
    for streams in ((a, np.sort(np.append(b, burst))), (np.sort(np.append(a, burst)), b)):
        lock = find_pairs(*streams, max_offset_s=0.01)
        assert lock.locked
        assert abs(lock.offset_ps - (3e9 + 2e-6 * a[0])) < 5.0 * lock.offset_sigma_ps < 100.0
    alone, other = pair_streams(7, 1e5, 0.0, 0.03, 0.0, 0.0)
    burst -= 485_000_000_000
    lock = find_pairs(alone, np.sort(np.append(other, burst)), 5e-3, 1e-6)
    assert not lock.locked


@pytest.mark.parametrize(
    ("a_part", "b_part"),
    [((0.0, 2.0), (0.0, 0.2)), ((1.7, 2.0), (0.0, 2.0)), ((0.0, 1.1), (0.9, 2.0))],
)
def test_streams_of_different_length(
    a_part: tuple[float, float], b_part: tuple[float, float]
) -> None:
    a, b = pair_streams(9, 2e4, 4e3, 2.0, 0.003, 2e-6)
    a, b = (
        t[(t >= low * 1e12) & (t < high * 1e12)] for t, (low, high) in ((a, a_part), (b, b_part))
    )
    lock = find_pairs(a, b, max_offset_s=0.01)
    assert lock.locked
    assert abs(lock.offset_ps - (3e9 + 2e-6 * a[0])) < 5.0 * lock.offset_sigma_ps


def test_one_side_dark_for_half_of_the_time() -> None:
    a, b = pair_streams(10, 2e4, 4e3, 2.0, 0.003, 2e-6)
    b = b[(b < 500_000_000_000) | (b > 1_500_000_000_000)]
    lock = find_pairs(a, b, max_offset_s=0.01)
    assert lock.locked
    assert abs(lock.offset_ps - (3e9 + 2e-6 * a[0])) < 5.0 * lock.offset_sigma_ps


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("pulse_s", [0.0, 10e-9])
def test_unrelated_streams_are_no_lock(seed: int, pulse_s: float) -> None:
    """Also those of two sources of the same pulse rate, whose accidentals cluster."""
    a, b = pair_streams(seed, 2e5, 0.0, 0.03, 0.0, 0.0, pulse_s=pulse_s)
    lock = find_pairs(a, b, max_offset_s=5e-3, max_rate=2e-6)
    assert not lock.locked
    assert lock.false_lock_probability > 1e-6


@pytest.mark.parametrize("offset_s", [0.015, -0.03])
def test_ends_of_the_streams_are_no_peak(offset_s: float) -> None:
    """Far more accidentals than pairs, and steps in their number where a stream ends."""
    a, b = pair_streams(3, 4e5, 2e4, 0.06, offset_s, 5e-7, pulse_s=10e-9)
    lock = find_pairs(a, b, max_offset_s=0.04, max_rate=1e-6)
    assert not lock.locked or abs(lock.offset_ps - offset_s * 1e12) < 1000.0
    a, b = pair_streams(4, 4e5, 0.0, 0.06, offset_s, 5e-7)
    assert not find_pairs(a, b, max_offset_s=0.04, max_rate=1e-6).locked


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
