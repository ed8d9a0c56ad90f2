"""What one look of a search sees: a camera's field on the partner, or our beam on its detector."""

import math
from functools import lru_cache
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]

TAIL_SIGMAS = 4.0
"""So much jitter beyond the edge of the beam, detection is 3e-5 and left out."""
_REACH = 9.0
"""Beyond so many sigmas the normal distribution is 0 to double precision."""


class Footprint(Protocol):
    """Chance of detection by where the target stands from the middle of the look."""

    @property
    def sure_diameter_rad(self) -> float:
        """Of the disc inside which a look counts on detection."""

    @property
    def reach_rad(self) -> float:
        """Half the side of a square outside which nothing is detected."""

    def detection(self, x_rad: Array, y_rad: Array) -> Array:
        """Probability of one look, of the arguments' broadcast shape."""


class SquareField(NamedTuple):
    """A camera's field. The disc that fits into it holds for every direction of the scan."""

    side_rad: float

    @property
    def sure_diameter_rad(self) -> float:
        return self.side_rad

    @property
    def reach_rad(self) -> float:
        return 0.5 * self.side_rad

    def detection(self, x_rad: Array, y_rad: Array) -> Array:
        half = 0.5 * self.side_rad
        return ((np.abs(x_rad) < half) & (np.abs(y_rad) < half)).astype(np.float64)


class GaussianBeam(NamedTuple):
    """Our beacon, seen by a partner that detects it over a share of the peak irradiance.

    Jitter is taken as independent from look to look, which holds for looks further apart than its
    correlation time.
    """

    full_divergence_rad: float
    """1/e^2 full angle."""
    threshold: float
    """Least detectable irradiance over that of the centred beam, in (0, 1)."""
    jitter_rad: float
    """1-sigma per axis."""

    @property
    def sure_diameter_rad(self) -> float:
        """exp(-2 r^2 / w^2) = threshold, with w half the full angle, is at r = w sqrt(-ln / 2)."""
        return self.full_divergence_rad * math.sqrt(-0.5 * math.log(self.threshold))

    @property
    def reach_rad(self) -> float:
        return 0.5 * self.sure_diameter_rad + TAIL_SIGMAS * self.jitter_rad

    def detection(self, x_rad: Array, y_rad: Array) -> Array:
        """The jittered distance is Rice distributed."""
        radius = 0.5 * self.sure_diameter_rad
        distance = np.hypot(x_rad, y_rad)
        if self.jitter_rad == 0.0:
            return (distance < radius).astype(np.float64)
        table = _rice_table(radius / self.jitter_rad)
        return np.interp(distance / self.jitter_rad, *table)


@lru_cache(maxsize=8)
def _rice_table(b: float) -> tuple[Array, Array]:
    """Distances and P(R <= b): a search asks for it at each place of each frame.

    Steps of (b + 4) / 2048; linear between, which is good to 1e-6 for b up to 10.
    """
    a = np.linspace(0.0, b + TAIL_SIGMAS + 1.0, 2049)
    return a, 1.0 - marcum_q1(a, b)


def marcum_q1(a: ArrayLike, b: float) -> Array:
    """Marcum's Q of order 1: P(R > b) for R Rice distributed with distance `a`, sigma 1.

    Q1 = 1 - integral from 0 to b of x exp(-(x^2 + a^2) / 2) I0(a x) dx (Marcum 1950), by
    Gauss-Legendre over the part of [0, b] within 9 sigma of `a`. a: any shape, not negative.
    """
    from scipy.special import ive  # Slow to import, and only a plan needs it.

    a = np.asarray(a, dtype=np.float64)[..., None]
    low = np.clip(a - _REACH, 0.0, b)
    high = np.clip(a + _REACH, 0.0, b)
    nodes, weights = np.polynomial.legendre.leggauss(64)
    x = low + 0.5 * (high - low) * (nodes + 1.0)
    # ive(0, z) = exp(-z) I0(z): its exponential completes the square.
    density = x * np.exp(-0.5 * (x - a) ** 2) * ive(0, a * x)
    below = 0.5 * (high - low)[..., 0] * (density @ weights)
    return np.asarray(np.clip(1.0 - below, 0.0, 1.0))
