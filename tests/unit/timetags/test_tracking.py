"""The filter between clicks: what the walks add, by integrals, and that two steps are one."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import quad

from terminal.timetags.mixture import Mixture
from terminal.timetags.tracking import ProcessNoise, Track, phase_at, predict, wander

NOISE = ProcessNoise(2.0, 3.0, 5.0, 7.0)
SECONDS = st.floats(0.01, 3.0)
STATE = st.floats(-1.0, 1.0)


@pytest.mark.parametrize("dt_s", [0.1, 1.7, -0.1, -1.7])
def test_the_walks_add_the_integral_of_what_each_moment_adds(dt_s: float) -> None:
    """Noise of density q in the k-th derivative, left to itself for t, moves the i-th by
    t^(k-i) / (k-i)!; seen from the end, t is below zero."""

    def moved(k: int, i: int, t: float) -> float:
        steps = k - i
        return t**steps / (1, 1, 2, 6)[steps] if steps >= 0 else 0.0

    def both_moved(s: float, k: int, i: int, j: int) -> float:
        t = math.copysign(s, dt_s)
        return moved(k, i, t) * moved(k, j, t)

    expected = np.zeros((4, 4))
    for k, density in enumerate(NOISE):
        for i in range(4):
            for j in range(4):
                area, _ = quad(both_moved, 0.0, abs(dt_s), (k, i, j))
                expected[i, j] += density * area
    np.testing.assert_allclose(wander(dt_s, NOISE), expected, rtol=1e-9)


@given(st.tuples(STATE, STATE, STATE, STATE), SECONDS, SECONDS)
def test_two_steps_are_one(
    state: tuple[float, float, float, float], first_s: float, second_s: float
) -> None:
    track = Track(0.5, *state, np.diag([1.0, 2.0, 3.0, 4.0]) + 0.5, Mixture(0.8, 2e-10))
    end_s = 0.5 + first_s + second_s
    once = predict(track, end_s, NOISE)
    twice = predict(predict(track, 0.5 + first_s, NOISE), end_s, NOISE)
    np.testing.assert_allclose(once[1:5], twice[1:5], rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(once.covariance, twice.covariance, rtol=1e-9)
    assert once.phase_s == pytest.approx(float(phase_at(track, np.array([end_s]))[0]), abs=1e-9)


@given(st.tuples(STATE, STATE, STATE, STATE), SECONDS)
def test_there_and_back_is_the_same_clock_and_surely_no_better_known(
    state: tuple[float, float, float, float], dt_s: float
) -> None:
    track = Track(0.5, *state, np.diag([1.0, 2.0, 3.0, 4.0]) + 0.5, Mixture(0.8, 2e-10))
    back = predict(predict(track, 0.5 + dt_s, NOISE), 0.5, NOISE)
    np.testing.assert_allclose(back[1:5], track[1:5], rtol=1e-9, atol=1e-9)
    assert np.all(np.linalg.eigvalsh(back.covariance - track.covariance) > 0.0)
