"""The mirror's sampled model against a matrix exponential, and the law that steers it."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.linalg import expm

from terminal.control.mirror_response import inverse, rotation_rad, steering

mirrors = st.tuples(st.floats(100.0, 4000.0), st.floats(0.02, 2.0))


@given(mirrors, st.floats(2000.0, 20_000.0))
def test_step_is_the_matrix_exponential(mirror: tuple[float, float], rate_hz: float) -> None:
    resonance_hz, damping = mirror
    w = 2.0 * math.pi * resonance_hz / rate_hz
    held = np.array([[0.0, 1.0, 0.0], [-w * w, -2.0 * damping * w, w * w], [0.0, 0.0, 0.0]])
    e = expm(held)
    got = steering(resonance_hz, damping, rate_hz)
    expected = (e[0, 0], e[0, 1], e[1, 0], e[1, 1], e[0, 2], e[1, 2])
    assert got[:6] == pytest.approx(expected, abs=1e-6)


@given(mirrors, st.floats(3000.0, 20_000.0))
def test_under_its_law_the_mirror_settles_on_the_target(
    mirror: tuple[float, float], rate_hz: float
) -> None:
    s = steering(*mirror, rate_hz)
    place, speed, command = 0.0, 0.0, 0.0
    places = []
    for _ in range(400):
        command = s.pull * (1.0 - s.a11 * place - s.a12 * speed) + s.lean
        place, speed = (
            s.a11 * place + s.a12 * speed + s.b1 * command,
            s.a21 * place + s.a22 * speed + s.b2 * command,
        )
        places.append(place)
    assert places[-1] == pytest.approx(1.0, abs=1e-3)
    assert max(map(abs, places)) < 2.0


def test_a_fast_mirror_reaches_the_target_in_one_sample() -> None:
    s = steering(1500.0, 0.7, 5000.0)
    assert s.lean == 0.0
    assert s.b1 * s.pull == pytest.approx(1.0, rel=1e-12)


@given(st.floats(-3.0, 3.0), st.floats(0.2, 5.0))
def test_rotation_of_a_rotation(angle_rad: float, gain: float) -> None:
    c, s = gain * math.cos(angle_rad), gain * math.sin(angle_rad)
    matrix = ((c, -s), (s, c))
    assert rotation_rad(matrix) == pytest.approx(angle_rad, abs=1e-9)
    np.testing.assert_allclose(np.array(matrix) @ np.array(inverse(matrix)), np.eye(2), atol=1e-12)


def test_axes_that_are_one_are_refused() -> None:
    with pytest.raises(ValueError, match="span"):
        inverse(((1.0, 2.0), (0.5, 1.0)))
