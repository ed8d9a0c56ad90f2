"""The beacon's tone in its power, over even and uneven frames."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from terminal.control.image.modulation import Tone, add, carries, depth

TONE_HZ, DEPTH = 3.0, 0.4
START_NS = 1_800_000_000 * 10**9


def tone_of(times_s: list[float], power: list[float], hz: float = TONE_HZ) -> Tone:
    tone = Tone()
    for t_s, p in zip(times_s, power, strict=True):
        tone = add(tone, hz, START_NS + round(t_s * 1e9), p)
    return tone


def beacon(t_s: float, amplitude: float = DEPTH, phase: float = 0.0) -> float:
    return 250.0 * (1.0 + amplitude * math.sin(2.0 * math.pi * TONE_HZ * t_s + phase))


@settings(deadline=None)
@given(
    st.lists(st.integers(0, 200), min_size=6, max_size=40, unique=True),
    st.floats(0.05, 0.95),
    st.floats(0.0, 6.28),
)
def test_any_frames_that_resolve_the_tone_give_its_depth(
    frames: list[int], amplitude: float, phase: float
) -> None:
    """Three unknowns, no noise: exact, unless all frames stand at less than three phases."""
    times = [0.04 * k for k in sorted(frames)]
    phases = {round(t * TONE_HZ % 1.0, 6) for t in times}
    measured = depth(tone_of(times, [beacon(t, amplitude, phase) for t in times]))
    if len(phases) >= 6:
        assert measured == pytest.approx(amplitude, rel=1e-3, abs=1e-4)
    else:
        assert measured == pytest.approx(amplitude, rel=1e-2) or measured == 0.0


def test_steady_light_carries_no_tone() -> None:
    assert depth(tone_of([0.04 * k for k in range(20)], [5.0] * 20)) == pytest.approx(0, abs=1e-6)


def test_error_is_that_of_a_sine_fit() -> None:
    """Each quadrature of a fit to n points of relative noise q has the variance 2 q^2 / n."""
    rng = np.random.default_rng(1)
    n, q = 24, 0.1
    times = [0.04 * k for k in range(n)]
    found = [
        depth(tone_of(times, [beacon(t) + 250.0 * q * rng.standard_normal() for t in times]))
        for _ in range(2000)
    ]
    sigma = q * math.sqrt(2.0 / n)
    assert np.std(found) == pytest.approx(sigma, rel=0.1)
    # The length of a noisy vector is long by sigma^2 / (2 depth).
    assert np.mean(found) == pytest.approx(DEPTH + sigma**2 / (2 * DEPTH), abs=4 * sigma / 44)


def test_half_way_decides() -> None:
    times = [0.04 * k for k in range(25)]
    for amplitude, right in ((0.0, False), (0.19, False), (0.21, True), (0.59, True), (0.7, False)):
        tone = tone_of(times, [beacon(t, amplitude) for t in times])
        assert carries(tone, DEPTH) is right


def test_frames_at_one_phase_say_nothing() -> None:
    times = [k / TONE_HZ for k in range(20)]
    assert depth(tone_of(times, [beacon(t) for t in times])) == 0.0
    assert depth(tone_of([0.0, 0.04], [1.0, 2.0])) == 0.0
