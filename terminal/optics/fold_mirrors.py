"""What metal mirrors do to polarisation, alone and in the train of an alt-azimuth gimbal.

Fresnel coefficients with the signs of Born and Wolf, Principles of Optics, 7th ed., sections
1.5.2 and 14.2: the basis of s, p and direction of travel has one handedness before and after, so
that r_p = -r_s at normal incidence. Fields go with exp(-i omega t): an absorbing metal has the
index n + i k. Trains by the three-dimensional ray tracing calculus, Chipman, Lam and Young,
Polarized Light and Optical Systems (2018), chapter 9. Bare metal: no protective coating.
"""

import cmath
import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from terminal.geometry.vector import Vec
from terminal.optics.polarization import Jones

Real = NDArray[np.float64]

ALUMINIUM_810_NM = complex(2.767, 8.292)
"""Evaporated film. Rakic, Appl. Opt. 34, 4755 (1995), between its rows at 794.8 and 815.7 nm."""
SILVER_810_NM = complex(0.038, 5.645)
"""Evaporated film. Johnson and Christy, Phys. Rev. B 6, 4370 (1972), between its rows at 756.0 and
821.1 nm; their error of n is 0.02."""

_LEAST_INDEX = 1e-6


class Reflection(NamedTuple):
    """Amplitude coefficients of one reflection."""

    s: complex
    p: complex

    @property
    def retardance_rad(self) -> float:
        """Delay of p behind s beyond what an ideal mirror has, in (-pi, pi]."""
        return cmath.phase(-self.p / self.s)

    @property
    def diattenuation(self) -> float:
        """(R_s - R_p) / (R_s + R_p)."""
        s, p = abs(self.s) ** 2, abs(self.p) ** 2
        return (s - p) / (s + p)


def reflection(index: complex, incidence_rad: float) -> Reflection:
    """From vacuum off a half space of this refractive index.

    Raises ValueError for an angle outside 0 to pi / 2, or the index of no passive medium.
    """
    if not 0.0 <= incidence_rad < 0.5 * math.pi:
        raise ValueError(f"angle of incidence {incidence_rad} rad is outside 0 to pi / 2")
    passive = cmath.isfinite(index) and index.real >= 0.0 and index.imag >= 0.0
    if not (passive and abs(index) >= _LEAST_INDEX):
        raise ValueError(f"refractive index {index} is not that of a passive medium")
    cos_i = math.cos(incidence_rad)
    # n cos of the refracted angle, with n sin kept by Snell's law. A passive medium has its square
    # in the upper half plane, where the principal root is the decaying wave.
    q = cmath.sqrt(index * index - math.sin(incidence_rad) ** 2)
    square = index * index
    return Reflection((cos_i - q) / (cos_i + q), (square * cos_i - q) / (square * cos_i + q))


class Basis(NamedTuple):
    """Two unit vectors across a ray; x, y and its direction are right-handed."""

    x: Vec
    y: Vec


def train_jones(
    directions: Sequence[Vec], indices: Sequence[complex], entry: Basis, leave: Basis
) -> Jones:
    """(2, 2) Jones matrix of mirrors one after the other, from `entry` to `leave`.

    directions: unit vectors of travel, before the first mirror and after each. All in one frame.

    Raises ValueError where the numbers of mirrors differ, a mirror does not turn the ray, or a
    basis does not stand across its ray.
    """
    if len(directions) != len(indices) + 1:
        raise ValueError(f"{len(indices)} mirrors need {len(indices) + 1} directions of travel")
    rays = [np.asarray(d, float) for d in directions]
    for basis, ray in ((entry, rays[0]), (leave, rays[-1])):
        if not np.allclose(np.cross(basis.x, basis.y), ray, atol=1e-9):
            raise ValueError("a basis is not right-handed across its ray")
    field = np.array([entry.x, entry.y], complex).T
    for before, after, index in zip(rays[:-1], rays[1:], indices, strict=True):
        field = _fold(before, after, index) @ field
    return np.asarray(np.array([leave.x, leave.y], complex) @ field)


def _fold(before: Real, after: Real, index: complex) -> Jones:
    """(3, 3) Field before to field after."""
    normal = after - before
    size = float(np.linalg.norm(normal))
    if size < 1e-9:
        raise ValueError("a mirror does not turn its ray")
    normal /= size
    r = reflection(index, math.acos(min(1.0, float(after @ normal))))
    s = np.cross(before, after)
    if np.linalg.norm(s) < 1e-9:
        # Straight back: any direction across the ray is s.
        s = np.cross(before, np.eye(3)[int(np.argmin(np.abs(before)))])
    s /= np.linalg.norm(s)
    return np.asarray(
        r.s * np.outer(s, s) + r.p * np.outer(np.cross(after, s), np.cross(before, s))
    )


def alt_az_train(azimuth_rad: float, elevation_rad: float, index: complex) -> Jones:
    """(2, 2) From the boresight's right and up to the gimbal's foot, over two mirrors at 45 deg.

    The first sends the light from the boresight to the right along the elevation axis, the second
    down the azimuth axis. Below, x is east and y is south. `train_jones` of these rays, written
    out: the first mirror has up as its s, the second the horizontal across the elevation axis.
    """
    ca, sa = math.cos(azimuth_rad), math.sin(azimuth_rad)
    ce, se = math.cos(elevation_rad), math.sin(elevation_rad)
    s, p = reflection(index, 0.25 * math.pi)
    # Behind both mirrors, by right and up: s of the second, then its p, which lies along right.
    across = (s * p * ce, -s * s * se)
    along = (p * p * se, p * s * ce)
    return np.array(
        [
            [sa * across[0] + ca * along[0], sa * across[1] + ca * along[1]],
            [sa * along[0] - ca * across[0], sa * along[1] - ca * across[1]],
        ]
    )
