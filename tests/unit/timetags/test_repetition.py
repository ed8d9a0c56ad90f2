"""Repetition rates from photons, against sources whose mean rate is known."""

import math

import numpy as np
import pytest
from numpy.typing import NDArray

from terminal.timetags.pulse_shape import PulseShape
from terminal.timetags.repetition import Repetition, repetition


def pulsed(
    seed: int,
    hz: float,
    rate_hz: float,
    duration_s: float,
    share: float,
    jitter_s: float = 212e-12,
    decay_s: float = 0.0,
    drift_per_s: float = 0.0,
) -> tuple[NDArray[np.int64], float]:
    """Click times, and the mean rate between the first and the last of them."""
    rng = np.random.default_rng(seed)
    n = int(rng.poisson(rate_hz * duration_s))
    t = rng.uniform(0.0, duration_s, n)
    s = np.rint(hz * t) / hz
    centre = s + 0.5 * drift_per_s * s**2
    delay = decay_s * rng.exponential(1.0, n)
    t = np.where(rng.random(n) < share, centre + jitter_s * rng.standard_normal(n) + delay, t)
    time_ps = np.sort(np.rint(t * 1e12).astype(np.int64))
    ends = time_ps[[0, -1]] * 1e-12
    pulses = hz * (ends - 0.5 * drift_per_s * ends**2)
    return time_ps + 3_000_000_000_000, float(np.diff(pulses)[0] / np.diff(ends)[0])


def measured(time_ps: NDArray[np.int64], near_hz: float, size: int = 30_000) -> Repetition:
    return repetition(
        lambda: (time_ps[k : k + size] for k in range(0, time_ps.size, size)), near_hz
    )


@pytest.mark.parametrize(
    ("changes", "information"),
    [
        ({"hz": 1e8 * (1 + 2.4e-5), "rate_hz": 1000.0, "duration_s": 10.0, "share": 1.0}, 1.0),
        ({"hz": 1e8 * (1 - 1e-5), "rate_hz": 5000.0, "duration_s": 6.0, "share": 0.5}, 0.38),
        ({"hz": 1e8, "rate_hz": 300.0, "duration_s": 60.0, "share": 0.8}, 0.72),
    ],
)
def test_error_is_as_stated_and_near_the_bound(
    changes: dict[str, float], information: float
) -> None:
    """var(y) >= 12 / (n J T^2) at constant frequency."""
    pulls = []
    for seed in range(16):
        time_ps, true_hz = pulsed(seed, **changes)
        found = measured(time_ps, 1e8)
        assert found.locked
        pulls.append((found.frequency_hz - true_hz) / found.uncertainty_hz)
    bound = 1e8 * 212e-12 * math.sqrt(12.0 / (time_ps.size * information)) / changes["duration_s"]
    assert 0.8 * bound < found.uncertainty_hz < 1.3 * bound
    # The rms of 16 pulls is 1 +- 0.18.
    assert 0.45 < np.sqrt(np.mean(np.square(pulls))) < 1.55


def test_drift_and_decay_are_no_error() -> None:
    for seed in range(6):
        time_ps, true_hz = pulsed(
            seed, 8e7 * (1 + 2e-5), 20_000.0, 5.0, 0.4, 1e-10, decay_s=2e-9, drift_per_s=2e-9
        )
        found = measured(time_ps, 8e7)
        assert abs(found.frequency_hz - true_hz) < 4.0 * found.uncertainty_hz


@pytest.mark.parametrize("seed", range(8))
def test_noise_has_no_rate(seed: int) -> None:
    rng = np.random.default_rng(seed)
    time_ps = np.sort(rng.integers(0, 2 * 10**12, 10_000))
    assert not measured(time_ps, 1e8).locked


def test_few_clicks() -> None:
    for n in (0, 1, 2, 63):
        found = measured(np.arange(n, dtype=np.int64) * 10_000, 1e8)
        assert not found.locked
    assert not measured(np.zeros(500, dtype=np.int64), 1e8).locked
    with pytest.raises(ValueError, match="positive"):
        measured(np.arange(10), 0.0)


def test_shape_of_a_gaussian_tells_a_shift_as_well_as_can_be() -> None:
    """Without background the variance from one click is sigma^2, and the mean score of clicks
    shifted by d is the slope times d."""
    sigma, shift = 0.03, 0.004
    edges = np.linspace(-0.5, 0.5, 2049)
    centre = 0.5 * (edges[:-1] + edges[1:])
    shape = PulseShape(np.round(1e7 * np.exp(-0.5 * (centre / sigma) ** 2)))
    assert shape.variance == pytest.approx(sigma**2, rel=0.02)
    density = np.exp(-0.5 * ((centre - shift) / sigma) ** 2)
    mean = np.sum(density * shape.score(centre)) / np.sum(density)
    assert mean / shape.slope == pytest.approx(shift, rel=0.05)
    with pytest.raises(ValueError, match="no clicks"):
        PulseShape(np.zeros(64))
