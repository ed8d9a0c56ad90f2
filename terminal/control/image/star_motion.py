"""Beacon or star: which of two motions do the sightings of a spot fit better?

Against the prediction a beacon stands still, and a star drifts as fast as the line of sight moves,
the other way. As both motions are known, the logarithm of the likelihood ratio says all that the
sightings can tell (A. Wald, Sequential Analysis, 1947): no answer while the drift is inside the
jitter, and an error of about exp(-DECISIVE) once there is one, if the jitter is white.

With n sightings over a time T and a jitter sigma per axis the logarithm is on average
(rate T / sigma)^2 n / 24. So a star is told from a partner that is faster than sigma sqrt(240 / n)
/ T. Of a slower one, as platforms are to each other, only a tone that is agreed tells it
(`terminal.control.image.modulation`).
"""

from collections.abc import Sequence
from enum import IntEnum
from typing import NamedTuple

from terminal.geometry.earth import EARTH_ROTATION_RAD_S
from terminal.geometry.quaternion import Quaternion, rotate
from terminal.geometry.vector import Vec, add, cross

DECISIVE = 10.0
"""Logarithm of the odds at which the question is settled."""

DOUBTFUL = 1.0
"""With more than this for a star, a spot is not confirmed yet."""

MAX_SIGHTINGS = 25


class Nature(IntEnum):
    """What a spot has turned out to be."""

    OPEN = 0
    BEACON = 1
    STAR = 2


class Sighting(NamedTuple):
    """When and where, relative to the prediction, rad."""

    t_ns: int
    place: Vec


def rate_against_stars(los: Vec, los_rate: Vec, q_base_from_ecef: Quaternion) -> Vec:
    """Change of a direction per second against the stars, from that against the turning Earth.

    v' = v'_Earth + omega x v, all in the axes of the gimbal's base.
    """
    omega = rotate(q_base_from_ecef, (0.0, 0.0, EARTH_ROTATION_RAD_S))
    return add(los_rate, cross(omega, los))


def star_log_odds(sightings: Sequence[Sighting], los_rate: Vec, jitter_rad: float) -> float:
    """Logarithm of the likelihood of a star over that of a beacon, each at its best place.

    Args:
        los_rate: change of the partner's direction per second against the stars.
        jitter_rad: 1-sigma of a sighting per axis, from frame to frame.
    """
    n = len(sightings)
    times = [(s.t_ns - sightings[0].t_ns) * 1e-9 for s in sightings]
    mean_s = sum(times) / n
    log_odds = 0.0
    for axis, rate in enumerate(los_rate):
        # sum |z - mean|^2 - sum |z + rate t - mean|^2, over twice the variance.
        for t_s, sighting in zip(times, sightings, strict=True):
            drift = rate * (t_s - mean_s)
            log_odds -= drift * (2.0 * sighting.place[axis] + drift)
    return log_odds / (2.0 * jitter_rad * jitter_rad)


def nature(log_odds: float) -> Nature:
    """What is settled by these odds for a star."""
    if log_odds > DECISIVE:
        return Nature.STAR
    return Nature.BEACON if log_odds < -DECISIVE else Nature.OPEN
