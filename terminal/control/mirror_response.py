"""How the mirror answers in the detector, and how to command it so that it stands where it shall.

Dynamics: a second-order resonance behind whole samples of delay, the same for both axes; a 2 x 2
matrix turns commanded angles into the detector's (gain, rotation, cross-talk). The step over one
sample under a held command is exact (zero-order hold; e.g. Franklin, Powell and Workman, Digital
Control of Dynamic Systems, 3rd ed., section 4.3).
"""

from math import atan2, cos, exp, pi, sin, sqrt
from typing import NamedTuple

from config.terminal import LEAST_SPAN

Matrix = tuple[tuple[float, float], tuple[float, float]]

_MOST_RINGING = 0.6
"""Largest pole of mirror and command together: they forget a jump within some ten samples."""
_CAUTION = (0.0, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0)


class MirrorResponse(NamedTuple):
    """From commanded angle to the angle that the detector sees the mirror take."""

    matrix: Matrix
    """Detector radians, x and y, for each commanded radian, x and y."""
    resonance_hz: float
    damping: float
    delay_samples: int
    """From a scan to the first one that its command changes."""


class Steering(NamedTuple):
    """One axis: place and speed after a sample, and the command that brings it to a target.

    place' = a11 place + a12 speed + b1 u, speed' = a21 place + a22 speed + b2 u;
    u = pull (target - a11 place - a12 speed) + lean target. The speed is per sample.
    """

    a11: float
    a12: float
    a21: float
    a22: float
    b1: float
    b2: float
    pull: float
    lean: float


def steering(resonance_hz: float, damping: float, rate_hz: float) -> Steering:
    """The model at a rate, and the law that reaches the target at the next sample, or comes as near
    to it as can be had without lasting oscillation of the command.

    u minimises (place' - target)^2 + r (u - target)^2, r the least of a few that keeps the poles
    within 0.6: a mirror that is slow against the sample would otherwise be thrown to and fro.
    """
    a11, a12, a21, a22, b1, b2 = _held_step(resonance_hz, damping, rate_hz)
    pull = lean = 0.0
    for caution in _CAUTION:
        pull, lean = b1 / (b1 * b1 * (1.0 + caution)), caution / (1.0 + caution)
        closed = (
            (a11 - b1 * pull * a11, a12 - b1 * pull * a12),
            (a21 - b2 * pull * a11, a22 - b2 * pull * a12),
        )
        if _largest_pole(closed) <= _MOST_RINGING:
            break
    return Steering(a11, a12, a21, a22, b1, b2, pull, lean)


def inverse(matrix: Matrix) -> Matrix:
    """Raises ValueError where two axes of the mirror move the light along nearly one."""
    (a, b), (c, d) = matrix
    determinant = a * d - b * c
    if not abs(determinant) > LEAST_SPAN * (a * a + b * b + c * c + d * d):
        raise ValueError("the mirror's axes do not span the detector's")
    return (d / determinant, -b / determinant), (-c / determinant, a / determinant)


def _held_step(
    resonance_hz: float, damping: float, rate_hz: float
) -> tuple[float, float, float, float, float, float]:
    w = 2.0 * pi * resonance_hz / rate_hz  # Per sample.
    if damping < 1.0:
        wd, decay = w * sqrt(1.0 - damping * damping), exp(-damping * w)
        c, s = decay * cos(wd), decay * sin(wd) / wd
    else:
        # Over-damped: the same expressions with hyperbolic functions, written without overflow.
        wd = w * sqrt(max(damping * damping - 1.0, 1e-12))
        slow, fast = exp(wd - damping * w), exp(-wd - damping * w)
        c, s = 0.5 * (slow + fast), 0.5 * (slow - fast) / wd
    a11, a12 = c + damping * w * s, s
    a21, a22 = -w * w * s, c - damping * w * s
    return a11, a12, a21, a22, 1.0 - a11, -a21


def _largest_pole(m: Matrix) -> float:
    (a, b), (c, d) = m
    half, determinant = 0.5 * (a + d), a * d - b * c
    inside = half * half - determinant
    if inside < 0.0:
        return sqrt(determinant)
    return abs(half) + sqrt(inside)


def rotation_rad(matrix: Matrix) -> float:
    """Of the mirror's axes in the detector, counter-clockwise, cross-talk aside."""
    (a, b), (c, d) = matrix
    return atan2(c - b, a + d)
