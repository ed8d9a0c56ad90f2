"""The oscillator's noise by Allan deviation, against the closed forms of its two kinds."""

import math

import numpy as np
import pytest
from numpy.typing import NDArray

from sim_devices.oscillator import Oscillator

Array = NDArray[np.float64]


def phases(
    n: int, dt_s: float, offset: float = 0.0, white: float = 0.0, walk: float = 0.0, seed: int = 1
) -> Array:
    oscillator = Oscillator(offset, white, walk, np.random.default_rng(seed))
    return np.array([0.0, *(oscillator.advance(dt_s)[1] for _ in range(n))])


def allan_deviation(phase_s: Array, stride: int, dt_s: float) -> float:
    """Overlapping estimate (IEEE Std 1139) at tau = stride * dt."""
    second = phase_s[2 * stride :] - 2 * phase_s[stride:-stride] + phase_s[: -2 * stride]
    return float(np.sqrt(0.5 * np.mean(second**2)) / (stride * dt_s))


def test_white_noise_has_its_allan_deviation_at_one_second() -> None:
    x = phases(50_000, 0.1, white=3e-11)
    # About 5,000 independent pairs of seconds: 1.4 % scatter.
    assert allan_deviation(x, 10, 0.1) == pytest.approx(3e-11, rel=0.06)


@pytest.mark.parametrize("stride", [1, 4, 100])
def test_white_noise_falls_with_the_root_of_the_time(stride: int) -> None:
    x = phases(50_000, 0.1, white=3e-11)
    tau_s = stride * 0.1
    scatter = 5 / math.sqrt(5_000 / tau_s)
    assert allan_deviation(x, stride, 0.1) == pytest.approx(3e-11 / math.sqrt(tau_s), rel=scatter)


@pytest.mark.parametrize("dt_s", [0.01, 0.1, 1.0])
def test_the_step_does_not_matter_to_white_noise(dt_s: float) -> None:
    x = phases(20_000, dt_s, white=1e-10)
    # 20,000 independent increments: rms good to 0.5 %.
    assert np.std(np.diff(x)) == pytest.approx(1e-10 * math.sqrt(dt_s), rel=0.025)


def test_random_walk_of_frequency() -> None:
    x = phases(50_000, 0.1, walk=1e-12)
    frequency = np.diff(x) / 0.1
    # Increments of 1e-12 per root second, over 0.1 s each.
    assert np.std(np.diff(frequency)) == pytest.approx(1e-12 * math.sqrt(0.1), rel=0.02)
    # Allan variance of a random walk of this rate: tau / 3, up to (dt / tau)^2.
    for stride in (20, 100):
        tau_s = stride * 0.1
        expected = 1e-12 * math.sqrt(tau_s / 3)
        assert allan_deviation(x, stride, 0.1) == pytest.approx(
            expected, rel=5 / math.sqrt(5_000 / tau_s)
        )


def test_without_noise_it_is_a_straight_line() -> None:
    x = phases(1000, 0.1, offset=-2e-6)
    assert x == pytest.approx(-2e-6 * 0.1 * np.arange(1001), rel=1e-12)


def test_steps_join() -> None:
    oscillator = Oscillator(1e-6, 3e-11, 1e-12, np.random.default_rng(2))
    end = 0.0
    for _ in range(100):
        before, after = oscillator.advance(0.1)
        assert before == end
        end = after
    assert oscillator.phase_s == end
    assert oscillator.frequency_offset == pytest.approx(1e-6, abs=1e-10)
