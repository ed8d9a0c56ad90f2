"""Two mirrors that lead light from the telescope along both axes of its mount to the foot.

Jones vectors in the local basis (s, p) of each mirror, with explicit rotations from basis to basis.
Fresnel's coefficients by the angle of refraction (Born and Wolf, Principles of Optics, 7th ed.,
section 1.5.2, equations 21a and b; complex for a metal, section 14.2), fields as exp(-i omega t),
p = direction x s before and after. Bare metal.
"""

import cmath
import math

import numpy as np
from numpy.typing import NDArray

from sim_devices.optical_axes import Vec

DOWN: Vec = (0.0, 0.0, 1.0)
FOOT: tuple[Vec, Vec] = ((0.0, 1.0, 0.0), (-1.0, 0.0, 0.0))
"""x to the right of the mount's base and y to its back, seen along the light that goes down."""

# Coherency vector (xx*, xy*, yx*, yy*) to Stokes parameters, S3 = 2 Im(x* y).
_TO_STOKES = np.array([[1, 0, 0, 1], [1, 0, 0, -1], [0, 1, 1, 0], [0, 1j, -1j, 0]])


def fresnel(index: complex | None, incidence_rad: float) -> tuple[complex, complex]:
    """(r_s, r_p) from vacuum; None: an ideal mirror. 0 < incidence < pi / 2."""
    if index is None:
        return -1.0, 1.0
    refracted = cmath.asin(math.sin(incidence_rad) / index)
    less, more = incidence_rad - refracted, incidence_rad + refracted
    return -cmath.sin(less) / cmath.sin(more), cmath.tan(less) / cmath.tan(more)


def coude_mueller(image: tuple[Vec, Vec, Vec], index: complex | None) -> NDArray[np.float64]:
    """(4, 4) from (right, up) at the boresight to FOOT.

    image: boresight, right, up in the axes of the mount's base (forward, right, down). The first
    mirror sends the light out along `right`, the second down. The better polarisation passes whole:
    what both mirrors absorb alike is in the transmittance of the optics.
    """
    ahead, right, up = image
    into = (-ahead[0], -ahead[1], -ahead[2])
    path = np.eye(2, dtype=complex)
    x, y = right, up
    for before, after in ((into, right), (right, DOWN)):
        s = _unit(_cross(before, after))
        incidence_rad = 0.5 * (math.pi - math.acos(max(-1.0, min(1.0, _dot(before, after)))))
        path = np.diag(fresnel(index, incidence_rad)) @ _rotated(x, y, s) @ path
        x, y = s, _cross(after, s)
    path = _rotated(x, y, FOOT[0]) @ path
    path /= np.linalg.norm(path, 2)
    mueller = _TO_STOKES @ np.kron(path, path.conj()) @ (0.5 * _TO_STOKES.conj().T)
    return np.asarray(mueller.real)


def _rotated(x: Vec, y: Vec, new_x: Vec) -> NDArray[np.float64]:
    """(2, 2) Components in the basis (x, y) to those in the basis whose first vector is `new_x`."""
    angle = math.atan2(_dot(y, new_x), _dot(x, new_x))
    c, s = math.cos(angle), math.sin(angle)
    return np.array([[c, s], [-s, c]])


def _dot(a: Vec, b: Vec) -> float:
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]


def _cross(a: Vec, b: Vec) -> Vec:
    return (
        a[1] * b[2] - a[2] * b[1],
        a[2] * b[0] - a[0] * b[2],
        a[0] * b[1] - a[1] * b[0],
    )


def _unit(v: Vec) -> Vec:
    size = math.sqrt(_dot(v, v))
    return v[0] / size, v[1] / size, v[2] / size
