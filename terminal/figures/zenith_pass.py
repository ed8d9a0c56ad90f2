"""A satellite that passes through the zenith of an observer over a round Earth at rest.

All closed form: circular orbit, no rotation of the Earth, no refraction. That is how published
link studies usually have it.
"""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

EARTH_RADIUS_M = 6_371_000.0
EARTH_GM_M3_S2 = 3.986004418e14

Array = NDArray[np.float64]


class ZenithPass(NamedTuple):
    """Altitudes over the round Earth."""

    orbit_m: float
    observer_m: float = 0.0

    @property
    def speed_m_s(self) -> float:
        return math.sqrt(EARTH_GM_M3_S2 / (EARTH_RADIUS_M + self.orbit_m))

    def range_m(self, time_s: ArrayLike) -> Array:
        """Distance at a time from culmination; input's shape."""
        orbit, own = EARTH_RADIUS_M + self.orbit_m, EARTH_RADIUS_M + self.observer_m
        half = np.asarray(time_s, dtype=np.float64) * self.speed_m_s / orbit / 2
        return np.asarray(np.hypot(orbit - own, 2 * np.sqrt(orbit * own) * np.sin(half)))

    def slew_rad_s(self, zenith_rad: float) -> float:
        """Rate at which the line of sight turns when the satellite is at this zenith angle."""
        orbit, own = EARTH_RADIUS_M + self.orbit_m, EARTH_RADIUS_M + self.observer_m
        at_satellite = math.asin(own * math.sin(zenith_rad) / orbit)
        distance_m = orbit * math.cos(at_satellite) - own * math.cos(zenith_rad)
        return self.speed_m_s * math.cos(at_satellite) / distance_m
