"""What a star does against the prediction, from the rate of a prediction on a turning Earth."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from terminal.control.image.star_motion import Sighting, rate_against_stars, star_log_odds
from terminal.geometry.quaternion import from_rotation_vector, rotate
from terminal.geometry.vector import Vec, scale, subtract, unit

SIDEREAL_DAY_S = 86164.0905
parts = st.floats(-1.0, 1.0)
directions = st.tuples(parts, parts, parts).filter(lambda v: math.hypot(*v) > 0.1).map(unit)


def earth_fixed(star: Vec, t_s: float) -> Vec:
    """A direction fixed among the stars: westward about the pole, once a sidereal day."""
    angle = -2.0 * math.pi * t_s / SIDEREAL_DAY_S
    c, s = math.cos(angle), math.sin(angle)
    return c * star[0] - s * star[1], s * star[0] + c * star[1], star[2]


@given(directions, st.tuples(parts, parts, parts))
def test_a_star_itself_does_not_move_against_the_stars(star: Vec, turn: Vec) -> None:
    q = from_rotation_vector(turn)
    h = 10.0
    seen = scale(0.5 / h, subtract(earth_fixed(star, h), earth_fixed(star, -h)))
    rate = rate_against_stars(rotate(q, star), rotate(q, seen), q)
    assert math.hypot(*rate) < 1e-10


def test_a_partner_on_the_equator_s_horizon_moves_with_the_earth() -> None:
    """One that stands still over the ground, due east of a place on the equator."""
    east, still = (0.0, 1.0, 0.0), (0.0, 0.0, 0.0)
    rate = rate_against_stars(east, still, (1.0, 0.0, 0.0, 0.0))
    assert rate == pytest.approx((-2.0 * math.pi / SIDEREAL_DAY_S, 0.0, 0.0), rel=1e-6)


@pytest.mark.parametrize("rate_rad_s", [0.2e-3, 1e-3])
def test_the_odds_grow_with_the_square_of_rate_and_time(rate_rad_s: float) -> None:
    """(rate T / sigma)^2 n / 24 of a star, in the mean over its jitter, to 1/n^2 of it."""
    rng, n, span_s, jitter_rad = np.random.default_rng(1), 25, 0.96, 65e-6
    times_s = np.linspace(0.0, span_s, n)
    odds = []
    for _ in range(2000):
        jitter = rng.normal(0.0, jitter_rad, (n, 3))
        places = jitter - np.outer(times_s, [0.0, rate_rad_s, 0.0])
        sightings = [
            Sighting(round(t * 1e9), tuple(p))
            for t, p in zip(times_s.tolist(), places.tolist(), strict=True)
        ]
        odds.append(star_log_odds(sightings, (0.0, rate_rad_s, 0.0), jitter_rad))
    expected = (rate_rad_s * span_s / jitter_rad) ** 2 * n / 24.0
    # Evenly spaced: sum (t - mean)^2 = n T^2 / 12 (n + 1) / (n - 1).
    expected *= (n + 1) / (n - 1)
    error = math.sqrt(2.0 * expected) / math.sqrt(len(odds))
    assert np.mean(odds) == pytest.approx(expected, abs=4.0 * error)
