"""Angle from a quad cell."""

from math import erf, sqrt

SLOPE = 1.5957691216057308
"""sqrt(8/pi): of the normalised difference, times the spot's 1/e^2 half angle."""


def quad_angles(a: int, b: int, c: int, d: int, spot_rad: float) -> tuple[float, float, int]:
    """(x right, y up, sum of counts) of a Gaussian spot near the centre.

    Quadrants: a upper right, b upper left, c lower left, d lower right. The normalised difference
    of a Gaussian spot of 1/e^2 half angle w at offset t is erf(sqrt(2) t / w), of slope
    sqrt(8/pi) / w = 1.596 / w; it saturates at about w, so far from the centre this says less than
    the truth, never more.

    Args: counts, background removed; spot_rad: w on the sky. Returns zeros for no light.
    """
    total = a + b + c + d
    if total <= 0:
        return 0.0, 0.0, total
    scale = spot_rad / (SLOPE * total)
    return (a + d - b - c) * scale, (a + b - c - d) * scale, total


def reading_rad(offset_rad: float, spot_rad: float) -> float:
    """What `quad_angles` says of a spot that stands `offset_rad` from the centre."""
    return erf(sqrt(2.0) * offset_rad / spot_rad) * spot_rad / SLOPE
