"""Compiled loops over clicks against plain numpy and closed forms."""

import itertools
import math
from collections import Counter
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from terminal.timetags import kernels
from terminal.timetags import mixture as mx
from terminal.timetags.clock_filter import Smoothed
from terminal.timetags.clock_path import ClockPath
from terminal.timetags.mixture import Mixture

T_S = 10e-9
LENGTH = 1000
REFERENCE_PS = 7_000_000_000_000
examples = settings(max_examples=60, deadline=None)


def bent_path(knots: int = 6) -> ClockPath:
    """phase(t) = 1e-5 t + 2e-7 t^2: a cubic through knots is exact."""
    t = np.linspace(0.0, 0.5, knots)
    state = np.zeros((knots, 4))
    state[:, 0], state[:, 1] = 1e-5 * t + 2e-7 * t**2, 1e-5 + 4e-7 * t
    return ClockPath(REFERENCE_PS, 123, t, Smoothed(state, np.zeros((knots, 4, 4))))


def assigned(
    time_ps: NDArray[np.int64],
    channel: NDArray[np.uint8],
    path: ClockPath,
    delay_s: NDArray[np.float64],
    sure: NDArray[np.bool_],
) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.float64], NDArray[np.bool_]]:
    n = time_ps.size
    pieces, chosen = path.pieces(int(time_ps[0]), int(time_ps[-1]), T_S, LENGTH)
    out = np.empty(n, np.int64), np.empty(n), np.empty(n), np.empty(n, np.bool_)
    fraction = np.full(pieces.slot.size, 0.7)
    kernels.assign(
        time_ps, channel, pieces, sure[chosen], fraction, delay_s, 2e-10, LENGTH, T_S, 0.5, *out
    )
    return out


times = st.lists(st.integers(-200_000_000, 700_000_000_000), min_size=1, max_size=40)


@examples
@given(offsets=times, seed=st.integers(0, 99), unsure=st.integers(0, 4))
def test_assign_is_what_the_definitions_say(offsets: list[int], seed: int, unsure: int) -> None:
    """Among clicks before, on, between and after the knots."""
    path = bent_path()
    knots_ps = [round(0.1e12 * k) for k in range(6)]
    time_ps = REFERENCE_PS + np.array(sorted(offsets + knots_ps))
    channel = np.random.default_rng(seed).integers(0, 4, time_ps.size).astype(np.uint8)
    delay_s = np.array([0.0, 3e-10, -2e-10, 1e-10])
    sure = np.arange(5) != unsure
    slot, residual, weight, accepted = assigned(time_ps, channel, path, delay_s, sure)

    t = (time_ps - REFERENCE_PS) * 1e-12
    since_ps = time_ps - REFERENCE_PS
    piece = np.minimum(np.searchsorted(knots_ps, since_ps, side="right") - 1, 4)
    has_slot = (since_ps >= 0) & (since_ps <= knots_ps[-1]) & sure[piece]
    np.testing.assert_array_equal(slot >= 0, has_slot)
    assert np.all(residual[~has_slot] == 0.0)
    assert not np.any(accepted[~has_slot])
    seen = (t - delay_s[channel])[has_slot]
    # 1e-17 s: float64 at 1 s is good to 1e-16.
    along = seen - (1e-5 * seen + 2e-7 * seen**2)
    count = np.rint((along - residual[has_slot]) / T_S)
    np.testing.assert_allclose(along - count * T_S, residual[has_slot], atol=3e-16)
    assert np.all(np.abs(residual) <= 0.5 * T_S * (1 + 1e-9))
    np.testing.assert_array_equal(slot[has_slot], (123 + count) % LENGTH)
    expected = mx.responsibility(residual[has_slot], Mixture(0.7, 2e-10), T_S)
    np.testing.assert_allclose(weight[has_slot], expected, rtol=1e-6, atol=1e-9)
    np.testing.assert_array_equal(accepted[has_slot], weight[has_slot] >= 0.5)


@examples
@given(
    share=st.lists(st.floats(-0.5, 0.5), min_size=1, max_size=50),
    fraction=st.floats(0.01, 0.99),
    sigma=st.floats(0.005, 0.17),
)
def test_probability_of_signal(share: list[float], fraction: float, sigma: float) -> None:
    offset = np.array(share) * T_S
    probability = np.empty(offset.size)
    kernels.signal_probability(offset, fraction, sigma * T_S, T_S, probability)
    expected = mx.responsibility(offset, Mixture(fraction, sigma * T_S), T_S)
    # The kernel's exp ends at exp(-42), and the peak is up to 7900 times the floor: 4.5e-15.
    np.testing.assert_allclose(probability, expected, rtol=2e-6, atol=5e-15)


@examples
@given(
    offsets=st.lists(st.integers(0, 500_000_000_000), min_size=1, max_size=200),
    cuts=st.lists(st.integers(0, 200), max_size=4),
)
def test_sums_by_run_are_those_of_the_clicks(offsets: list[int], cuts: list[int]) -> None:
    """Gaps between runs, runs without a click, any cut into blocks."""
    path = bent_path()
    time_ps = REFERENCE_PS + np.array(sorted(offsets))
    channel = (np.arange(time_ps.size) % 4).astype(np.uint8)
    delay_s = np.array([0.0, 3e-10, -2e-10, 1e-10])
    begin_ps = REFERENCE_PS + np.arange(7) * 70_000_000_000
    end_ps = begin_ps + 60_000_000_000
    fraction = np.linspace(0.3, 0.9, 7)
    of_run, of_channel, square = np.zeros((7, 3)), np.zeros((4, 3)), 0.0
    edges = sorted({0, time_ps.size, *(cut for cut in cuts if cut < time_ps.size)})
    for a, b in itertools.pairwise(edges):
        pieces, _ = path.pieces(int(time_ps[a]), int(time_ps[b - 1]), T_S, 1)
        square += kernels.add_sums(
            time_ps[a:b],
            channel[a:b],
            pieces,
            begin_ps,
            end_ps,
            np.ones(7, np.int64),
            fraction,
            delay_s,
            2e-10,
            T_S,
            of_run,
            of_channel,
        )
    run = np.searchsorted(begin_ps, time_ps, side="right") - 1
    inside = time_ps <= end_ps[run]
    seen = (time_ps - REFERENCE_PS) * 1e-12 - delay_s[channel]
    offset = mx.wrap(seen - path.phase_s(seen), T_S)
    weight = np.array(
        [
            mx.responsibility(offset[i : i + 1], Mixture(fraction[run[i]], 2e-10), T_S)[0]
            for i in range(time_ps.size)
        ]
    )
    for key, sums, size in ((run, of_run, 7), (channel, of_channel, 4)):
        for column, value in enumerate((np.ones(offset.size), weight, weight * offset)):
            expected = np.bincount(key[inside], value[inside], size)
            scale = 1.0 if column < 2 else T_S
            np.testing.assert_allclose(sums[:, column], expected, rtol=2e-6, atol=1e-6 * scale)
    total = float(np.sum((weight * offset**2)[inside]))
    assert square == pytest.approx(total, rel=2e-6, abs=1e-6 * T_S**2)


@examples
@given(
    clicks=st.lists(st.tuples(st.integers(-1, 7), st.integers(0, 3), st.booleans()), max_size=60)
)
def test_sifting(clicks: list[tuple[int, int, bool]]) -> None:
    state = np.array([0, 1, 2, 3, 255, 255, 0, 3], np.uint8)
    slot = np.array([c[0] for c in clicks], np.int64)
    channel = np.array([c[1] for c in clicks], np.uint8)
    accepted = np.array([c[2] for c in clicks], np.bool_)
    counts, bit = np.zeros((4, 16), np.int64), np.empty(slot.size, np.uint8)
    kernels.sift(slot, channel, accepted, state, counts, bit)
    expected: Counter[int] = Counter()
    for k, (place, number, is_in) in enumerate(clicks):
        is_used = is_in and place >= 0 and state[place] != 255
        expected[4 * int(state[place]) + number] += is_used
        is_sifted = is_used and "ZZXX"[state[place]] == "ZZXX"[number]
        assert bit[k] == ((0, 1, 0, 1)[number] if is_sifted else kernels.NOT_SIFTED)
    assert np.sum(counts, axis=0).tolist() == [expected[k] for k in range(16)]


@examples
@given(
    offsets=st.lists(st.integers(-(10**12), 10**12), max_size=50),
    period_ps=st.integers(3, 10**7),
    bins=st.integers(1, 2000),
    turns=st.floats(0.0, 1.0, exclude_max=True),
)
def test_fold_against_rational_arithmetic(
    offsets: list[int], period_ps: int, bins: int, turns: float
) -> None:
    """Negative times too. Beside an edge by less than 1e-6 turns, either bin is right."""
    counts = np.zeros((4, bins), np.int64)
    origin_ps = 10**15
    times = origin_ps + np.array(offsets, np.int64)
    kernels.add_fold(times, origin_ps, turns, 1.0 / period_ps, counts)
    assert np.sum(counts) == len(offsets)
    least, most = np.zeros(bins, int), np.zeros(bins, int)
    for offset in offsets:
        phase = (Fraction(turns) + Fraction(offset, period_ps)) % 1
        near = {
            math.floor((phase + d) % 1 * bins) for d in (Fraction(-1, 10**6), Fraction(1, 10**6))
        }
        for place in near:
            most[place] += 1
            least[place] += len(near) == 1
    found = np.sum(counts, axis=0)
    assert np.all((least <= found) & (found <= most))


def pairs_of(a: list[int], b: list[int], half: int) -> list[tuple[int, int]]:
    return [(i, k) for i in range(len(a)) for k in range(len(b)) if abs(b[k] - a[i]) <= half]


clicks_ps = st.lists(st.integers(-60, 60), max_size=25).map(sorted)


@examples
@given(a=clicks_ps, b=clicks_ps, half=st.integers(0, 40), room=st.integers(1, 60))
def test_coincidences_are_all_pairs(a: list[int], b: list[int], half: int, room: int) -> None:
    """Empty, equal and negative times, pairs on the window's edge; any size of the room."""
    room = max(room, len(b))
    of_a, of_b = np.empty(room, np.int64), np.empty(room, np.int64)
    first, second = np.array(a, np.int64), np.array(b, np.int64)
    found: list[tuple[int, int]] = []
    at = (0, 0)
    for _ in range(len(a) + 1):
        i, j, n = kernels.coincidences(first, second, half, at, of_a, of_b)
        found += zip(of_a[:n].tolist(), of_b[:n].tolist(), strict=True)
        at = (i, j)
        if i == len(a):
            break
    assert at[0] == len(a)
    assert found == pairs_of(a, b, half)
