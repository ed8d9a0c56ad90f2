"""The spiral: its speed, the distance of its turns, and what it covers."""

import math

import numpy as np
import pytest

from terminal.control.scan import spiral_offset

PITCH_RAD, SPEED_RAD_S, RADIUS_RAD = 4.5e-3, 20e-3, 15e-3
PERIOD_S = math.pi * RADIUS_RAD**2 / (PITCH_RAD * SPEED_RAD_S)


def at(t_s: float) -> tuple[float, float]:
    return spiral_offset(t_s, PITCH_RAD, SPEED_RAD_S, RADIUS_RAD)


def time_s(theta: float) -> float:
    """When an Archimedean spiral whose area grows at pitch * speed is at an angle."""
    return theta**2 * PITCH_RAD / (4.0 * math.pi * SPEED_RAD_S)


@pytest.mark.parametrize("theta", [1.0, 2.0, 7.0, 15.0, 20.0])
def test_speed_is_constant_but_for_the_centre(theta: float) -> None:
    """Along r = p theta / 2 pi with theta^2 = 4 pi v t / p the speed is v sqrt(1 + 1 / theta^2):
    1 % over v after 1.1 turns."""
    t, h = time_s(theta), 1e-7
    (x0, y0), (x1, y1) = at(t - h), at(t + h)
    speed = math.hypot(x1 - x0, y1 - y0) / (2.0 * h)
    assert speed == pytest.approx(SPEED_RAD_S * math.sqrt(1.0 + theta**-2), rel=1e-5)


@pytest.mark.parametrize("theta", [0.5, 3.0, 8.0, 14.0])
def test_turns_lie_one_pitch_apart(theta: float) -> None:
    inner, outer = np.array(at(time_s(theta))), np.array(at(time_s(theta + 2.0 * math.pi)))
    assert math.atan2(inner[1], inner[0]) == pytest.approx(math.remainder(theta, 2.0 * math.pi))
    np.testing.assert_allclose(outer - inner, PITCH_RAD * inner / np.hypot(*inner), rtol=1e-9)


def test_no_place_of_the_disc_is_further_than_half_a_pitch() -> None:
    """So a camera whose field is wider than the pitch sees all of it: 6.4 mrad over 4.5 mrad."""
    path = np.array([at(t) for t in np.arange(0.0, PERIOD_S, 2e-3)])
    radius = np.linspace(0.0, RADIUS_RAD - PITCH_RAD / 2.0, 60)[:, None]
    angle = np.linspace(0.0, 2.0 * math.pi, 90)[None, :]
    places = np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=-1).reshape(-1, 2)
    nearest = [np.hypot(*(path - place).T).min() for place in places]
    # 2 ms of path are 40 urad: the nearest sample is half of that beside the nearest point.
    assert max(nearest) < PITCH_RAD / 2.0 + 20e-6


def test_search_starts_anew_from_the_centre() -> None:
    assert at(0.0) == (0.0, 0.0)
    assert math.hypot(*at(PERIOD_S * (1.0 - 1e-9))) == pytest.approx(RADIUS_RAD)
    for t in (0.01, 1.0, 3.3):
        assert at(t + 3.0 * PERIOD_S) == pytest.approx(at(t), abs=1e-12)
