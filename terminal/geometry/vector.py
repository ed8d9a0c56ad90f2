"""Three-vectors as plain tuples of floats: faster than numpy for one vector at a time."""

from math import sqrt

Vec = tuple[float, float, float]


def add(a: Vec, b: Vec) -> Vec:
    return a[0] + b[0], a[1] + b[1], a[2] + b[2]


def subtract(a: Vec, b: Vec) -> Vec:
    return a[0] - b[0], a[1] - b[1], a[2] - b[2]


def scale(factor: float, a: Vec) -> Vec:
    return factor * a[0], factor * a[1], factor * a[2]


def dot(a: Vec, b: Vec) -> float:
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]


def cross(a: Vec, b: Vec) -> Vec:
    return (
        a[1] * b[2] - a[2] * b[1],
        a[2] * b[0] - a[0] * b[2],
        a[0] * b[1] - a[1] * b[0],
    )


def norm(a: Vec) -> float:
    return sqrt(a[0] * a[0] + a[1] * a[1] + a[2] * a[2])


def unit(a: Vec) -> Vec:
    """`a` at length one. Raises ValueError for the null vector, which has no direction."""
    length = norm(a)
    if length == 0.0:
        raise ValueError("the null vector has no direction")
    return a[0] / length, a[1] / length, a[2] / length
