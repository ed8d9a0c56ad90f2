"""Background and Allan deviation, live, against the process that made them."""

import math
from typing import NamedTuple

import numpy as np
import pytest
from numpy.typing import NDArray

from terminal.timetags.clock_quality import Background, Stability
from terminal.timetags.mixture import Mixture
from terminal.timetags.tracking import Track

T = 5e-9


def track(t_s: float, phase_s: float, frequency: float = 0.0) -> Track:
    return Track(t_s, phase_s, frequency, 0.0, 0.0, np.eye(4), Mixture(0.8, 2e-10))


@pytest.mark.parametrize("rate_hz", [200.0, 5000.0])
@pytest.mark.parametrize("signal_hz", [0.0, 20_000.0])
def test_background_is_the_rate_of_what_is_no_signal(rate_hz: float, signal_hz: float) -> None:
    rng = np.random.default_rng(1)
    background = Background()
    for _ in range(200):
        noise = rng.uniform(-T / 2, T / 2, rng.poisson(0.1 * rate_hz))
        signal = 2e-10 * rng.standard_normal(rng.poisson(0.1 * signal_hz))
        background = background.after(np.concatenate([noise, signal]), T, 0.1)
    # Half of the clicks of twice the memory of 5 s.
    assert background.rate_hz == pytest.approx(rate_hz, rel=4 / math.sqrt(0.5 * rate_hz * 10.0))


def test_background_follows_within_its_memory() -> None:
    background = Background()
    far = np.full(50, 0.4 * T)
    for k in range(400):
        background = background.after(far if k >= 200 else np.empty(0), T, 0.1)
    assert background.rate_hz == pytest.approx(1000.0 * (1 - math.exp(-20.0 / 5.0)), rel=0.03)


class Clock(NamedTuple):
    """Phases at ten ticks a second."""

    t_s: NDArray[np.float64]
    phase_s: NDArray[np.float64]


def clock(seed: int, seconds: float, white: float, walk: float = 0.0, drift: float = 0.0) -> Clock:
    rng = np.random.default_rng(seed)
    t = 0.1 * np.arange(round(10 * seconds))
    y = 3e-6 + drift * t + walk * math.sqrt(0.1) * np.cumsum(rng.standard_normal(t.size))
    noise = white * math.sqrt(0.1) * rng.standard_normal(t.size)
    return Clock(t, np.cumsum(0.1 * y + noise))


def deviations(c: Clock, lost_s: tuple[float, float] = (0.0, 0.0)) -> tuple[float, float]:
    stability = Stability()
    for t, phase in zip(c.t_s.tolist(), c.phase_s.tolist(), strict=True):
        if not lost_s[0] <= t < lost_s[1]:
            stability = stability.after(track(t, phase, 3e-6))
    return stability.deviations


@pytest.mark.parametrize(
    ("white", "walk", "drift", "lost_s"),
    [
        (3e-11, 0.0, 0.0, (0.0, 0.0)),
        (3e-11, 0.0, 2e-10, (0.0, 0.0)),
        (3e-11, 1e-11, -1e-10, (0.0, 0.0)),
        (3e-11, 0.0, 1e-10, (100.0, 107.5)),
    ],
)
def test_allan_deviation_of_white_and_walking_frequency(
    white: float, walk: float, drift: float, lost_s: tuple[float, float]
) -> None:
    """sigma^2(tau) = white^2 / tau + walk^2 tau / 3 (IEEE Std 1139); a drift does not show."""
    found = np.array(
        [deviations(clock(seed, 200.0, white, walk, drift), lost_s) for seed in range(40)]
    )
    for tau, column in zip((1.0, 10.0), found.T, strict=True):
        expected = math.sqrt(white**2 / tau + walk**2 * tau / 3.0)
        # A window of 180 s holds some 180 / tau independent differences, of variance 2 each.
        error = math.sqrt(0.5 / (40 * 180.0 / tau))
        assert math.sqrt(np.mean(column**2)) == pytest.approx(expected, rel=4 * error + 0.03)


def test_nothing_is_told_too_early() -> None:
    assert deviations(clock(1, 15.0, 3e-11)) == (0.0, 0.0)
    one, ten = deviations(clock(1, 31.0, 3e-11))
    assert one > 0.0
    assert ten == 0.0


def test_time_that_goes_back_changes_nothing() -> None:
    stability = Stability().after(track(50.2, 1e-6))
    assert stability.after(track(49.9, 2e-6)) is stability
    assert stability.after(track(-1.0, 2e-6)) is stability


def test_moving_the_origin_of_phases_does_not_show() -> None:
    """By 1 ns, thirty times what the clock wanders in a second."""
    c, stability = clock(2, 60.0, 3e-11), Stability()
    for t, phase in zip(c.t_s.tolist(), c.phase_s.tolist(), strict=True):
        if 30.0 <= t < 30.1:
            stability = stability.moved(1e-9)
        stability = stability.after(track(t, phase + (1e-9 if t >= 30.0 else 0.0), 3e-6))
    assert stability.deviations == pytest.approx(deviations(c), rel=1e-6)
