"""Time order against numpy's stable sort, in blocks of any size."""

from collections.abc import Iterator

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from terminal.timetags.formats import TagBlock, lateness_ps, time_order


def cut(time_ps: NDArray[np.int64], most: int) -> Iterator[TagBlock]:
    channel = (np.arange(time_ps.size) % 4).astype(np.uint8)
    index = np.arange(time_ps.size)
    for i in range(0, time_ps.size, most):
        part = slice(i, i + most)
        yield TagBlock(time_ps[part], channel[part], index[part])


TIMES = st.lists(st.integers(-(1 << 40), 1 << 40) | st.integers(0, 20), min_size=1, max_size=60)


@given(TIMES, st.integers(1, 60))
def test_with_the_whole_lateness_it_is_the_stable_sort(values: list[int], most: int) -> None:
    time_ps = np.array(values, dtype=np.int64)
    late_ps = [max(values[: i + 1]) - value for i, value in enumerate(values)]
    assert lateness_ps(cut(time_ps, most)) == max(late_ps)
    for window_ps in (max(late_ps), None):
        ordered = time_order(cut(time_ps, most), window_ps)
        blocks = list(ordered)
        index = np.concatenate([block.index for block in blocks])
        np.testing.assert_array_equal(index, np.argsort(time_ps, kind="stable"))
        for block in blocks:
            np.testing.assert_array_equal(block.time_ps, time_ps[block.index])
            np.testing.assert_array_equal(block.channel, block.index % 4)
        assert ordered.largest_lateness_ps == max(late_ps)
        assert ordered.late == 0


@given(TIMES, st.integers(1, 10), st.integers(0, 30))
def test_with_too_small_a_window_none_is_lost(values: list[int], most: int, window_ps: int) -> None:
    time_ps = np.array(values, dtype=np.int64)
    ordered = time_order(cut(time_ps, most), window_ps)
    blocks = list(ordered)
    index = np.concatenate([block.index for block in blocks])
    np.testing.assert_array_equal(np.sort(index), np.arange(time_ps.size))
    steps = np.diff(np.concatenate([block.time_ps for block in blocks]))
    assert (ordered.late > 0) == bool(np.any(steps < 0))


def test_memory_is_bounded_by_window_and_block() -> None:
    rng = np.random.default_rng(1)
    time_ps = np.arange(100_000) * 10 + rng.integers(0, 500, 100_000)
    sizes = [block.time_ps.size for block in time_order(cut(time_ps, 1000), 500)]
    assert max(sizes) <= 1000 + 100


def test_nothing_gives_nothing() -> None:
    assert list(time_order([], 5)) == []
    assert list(time_order([], None)) == []
