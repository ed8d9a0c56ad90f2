"""The two-state chain against the sum over all paths."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from terminal.timetags.two_states import log_odds

Array = NDArray[np.float64]


def by_all_paths(ratio: Array, leave: Array, back: Array, start: float, end: float) -> Array:
    """P(path, data) of each of the 2^n paths, summed by the state at each step."""
    n = ratio.size
    weight = np.zeros((n, 2))
    first = 1.0 / (1.0 + math.exp(-start))
    for path in itertools.product((0, 1), repeat=n):
        p = first if path[0] else 1.0 - first
        for k in range(n):
            if k:
                stay = {
                    (1, 1): 1 - leave[k],
                    (1, 0): leave[k],
                    (0, 1): back[k],
                    (0, 0): 1 - back[k],
                }
                p *= stay[path[k - 1], path[k]]
            p *= math.exp(ratio[k]) if path[k] else 1.0
        p *= math.exp(end) if path[-1] else 1.0
        for k in range(n):
            weight[k, path[k]] += p
    return np.asarray(np.log(weight[:, 1] / weight[:, 0]))


nats = st.floats(-8.0, 8.0)
chances = st.floats(1e-6, 0.5)
steps = st.lists(st.tuples(nats, chances, chances), min_size=1, max_size=7)


@given(steps=steps, start=nats, end=nats)
def test_posterior_is_the_sum_over_all_paths(
    steps: list[tuple[float, float, float]], start: float, end: float
) -> None:
    ratio, leave, back = np.array(steps).T
    found = log_odds(ratio, leave, back, start, end)
    np.testing.assert_allclose(
        found, by_all_paths(ratio, leave, back, start, end), rtol=1e-7, atol=1e-7
    )


@pytest.mark.parametrize("value", [1e4, -1e4])
def test_certainty_stays_finite(value: float) -> None:
    chance = np.full(50, 1e-9)
    odds = log_odds(np.full(50, value), chance, chance, 0.0, 0.0)
    assert np.all(np.isfinite(odds))
    assert np.all(np.sign(odds) == np.sign(value))
