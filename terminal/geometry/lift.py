"""By how much the atmosphere lifts the partner on the sky, from a table made before the pass.

Refraction follows rays in a millisecond; here is a look-up. Over elevation it goes nearly as the
formula of Saemundsson (Sky & Telescope 72 (1986) 70), so the table holds the ratio of the two.
"""

from math import asin, cos, degrees, hypot, radians, sin, tan

from terminal.geometry.refraction import Refraction
from terminal.geometry.vector import Vec

STEP_DEG = 0.25


class Lift:
    """For a partner that keeps its altitude: 20 km more or less change the lift by 1 urad at 10
    degrees of elevation, and by less above."""

    def __init__(
        self,
        altitude_m: float,
        earth_radius_m: float,
        partner_altitude_m: float,
        wavelength_m: float,
    ) -> None:
        """Raises RefractionError for altitudes or a wavelength that Refraction does not take."""
        refraction = Refraction(altitude_m, earth_radius_m, wavelength_m)
        here_m, there_m = earth_radius_m + altitude_m, earth_radius_m + partner_altitude_m
        self._ratios: list[float] = []
        for i in range(round(90.0 / STEP_DEG)):
            elevation_rad = radians(i * STEP_DEG)
            # Sine and cosine rule in the triangle of the Earth's centre, the place, the partner.
            off_zenith_rad = asin(here_m / there_m * cos(elevation_rad))
            range_m = there_m * cos(off_zenith_rad) - here_m * sin(elevation_rad)
            apparent_rad = refraction.apparent_elevation_rad(elevation_rad, range_m)
            lift_rad = 0.0 if apparent_rad is None else apparent_rad - elevation_rad
            self._ratios.append(lift_rad / _shape(elevation_rad))
        self._ratios.append(self._ratios[-1])

    def rad(self, elevation_rad: float) -> float:
        """Apparent minus straight elevation, for a straight one above 0. Under the horizon: as at
        the horizon."""
        elevation_rad = max(0.0, elevation_rad)
        place = degrees(elevation_rad) / STEP_DEG
        i = min(int(place), len(self._ratios) - 2)
        below, above = self._ratios[i], self._ratios[i + 1]
        return (below + (place - i) * (above - below)) * _shape(elevation_rad)


def _shape(elevation_rad: float) -> float:
    """Refraction over elevation after Saemundsson, in its own unit, but 0 at the zenith."""
    degree = degrees(elevation_rad)
    return tan(radians((90.0 - degree) * (1.0 - 10.3 / 90.0 / (degree + 5.11))))


def lifted(direction_enu: Vec, angle_rad: float) -> Vec:
    """A unit vector raised by an angle toward the zenith; at the zenith it stays."""
    e, n, u = direction_enu
    level = hypot(e, n)
    if level == 0.0:
        return direction_enu
    c, s = cos(angle_rad), sin(angle_rad)
    up = c * u + s * level
    stretch = (c * level - s * u) / level
    return stretch * e, stretch * n, up
