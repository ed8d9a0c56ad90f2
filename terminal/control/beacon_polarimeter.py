"""Frame rotation from a beacon that is polarised along the sender's H axis.

Four photodiodes behind the plate, H V D A as the detectors: contrasts (H - V) / (H + V) = p cos 2t
and (A - D) / (A + D) = p sin 2t, t the angle of the light behind the plate, p its degree of
polarisation. Unpolarised light under the beacon lowers p and turns nothing.
"""

import math
from typing import NamedTuple

ADC_END = 32767
"""Readings from here on are saturated."""
LEAST_COUNTS = 50.0
"""Sum of the two photodiodes of a basis, below which there is no beacon."""
LEAST_POLARIZATION = 0.3
"""Degree below which the light is taken for another source, or a beacon without polarisation."""
MOST_POLARIZATION = 1.2
"""Degree over which the readings are no light's: 1, and some noise."""
READINGS = 5
"""For one estimate."""
FLOOR_RAD = math.radians(0.5)
"""1-sigma of what photodiodes whose gains differ by some per cent, and the beacon's axis against
the signal's, may turn: assumed. It does not average out."""


class Reading(NamedTuple):
    """Photodiodes H V D A, ADC counts."""

    h: int
    v: int
    d: int
    a: int


def angle_rad(reading: Reading) -> float | None:
    """Of the light behind the plate, from H toward the axis at +45 degrees, in (-pi/2, pi/2]; None
    for readings that show none."""
    h, v, d, a = reading
    if max(reading) >= ADC_END or min(h + v, d + a) < LEAST_COUNTS:
        return None
    cosine, sine = (h - v) / (h + v), (a - d) / (a + d)
    if not LEAST_POLARIZATION <= math.hypot(cosine, sine) <= MOST_POLARIZATION:
        return None
    return 0.5 * math.atan2(sine, cosine)


class BeaconFrame(NamedTuple):
    """Readings so far: what each says to add to the predicted frame angle, as doubled angles."""

    n: int = 0
    cosine: float = 0.0
    sine: float = 0.0

    def with_offset(self, offset_rad: float) -> "BeaconFrame":
        return BeaconFrame(
            self.n + 1,
            self.cosine + math.cos(2.0 * offset_rad),
            self.sine + math.sin(2.0 * offset_rad),
        )

    @property
    def full(self) -> bool:
        return self.n >= READINGS

    def mean(self) -> tuple[float, float]:
        """(offset, 1-sigma), rad; the scatter of the readings is that of their doubled angles."""
        length = min(1.0, math.hypot(self.cosine, self.sine) / self.n)
        scatter = -0.5 * math.log(max(length, 1e-6))
        sigma = math.sqrt(scatter / self.n + FLOOR_RAD**2)
        return 0.5 * math.atan2(self.sine, self.cosine), sigma
