"""Refraction: how much higher than it stands a satellite is seen through the atmosphere.

The ray is followed through spherical layers of the ICAO Standard Atmosphere (Doc 7488/3) up to
80 km. Refractivity: dry air after Ciddor, Applied Optics 35 (1996) 1566, eq. 1, which holds at
15 degC and 101325 Pa, sea level in the standard atmosphere; in proportion to density elsewhere. The
integral is good to 0.05 nrad. What the model leaves out is far larger: weather (1 % per 3 K or
10 hPa at the site, more below 5 degrees), humidity (0.1 %), compressibility (0.04 %).
"""

from itertools import pairwise
from math import asin, atan2, cos, exp, inf, pi, sin, sqrt
from typing import NamedTuple

import numpy as np

# ICAO Doc 7488/3, table D: base of each layer (geopotential m) and its lapse rate (K/m).
_LAYERS = (
    (0.0, -6.5e-3),
    (11_000.0, 0.0),
    (20_000.0, 1.0e-3),
    (32_000.0, 2.8e-3),
    (47_000.0, 0.0),
    (51_000.0, -2.8e-3),
    (71_000.0, -2.0e-3),
)
_LOWEST_M, _TOP_M = -5_000.0, 80_000.0
_SEA_LEVEL_K, _SEA_LEVEL_PA = 288.15, 101_325.0
_WARMTH_PER_M = 9.80665 / 287.05287
"""Standard gravity over the gas constant of air: K/m."""
_NOMINAL_RADIUS_M = 6_356_766.0
"""Earth's radius in the definition of geopotential altitude."""

_NODES = 8
"""Of the Gauss-Legendre rule in each span: with more of both, no ray changes by 1e-11 rad."""
_GRADES = 10
_SETTLED_RAD = 1e-10
_MOST_ROUNDS = 20


class RefractionError(ValueError):
    """A ray that this model does not follow."""


class Air(NamedTuple):
    """The standard atmosphere at one height."""

    pressure_pa: float
    temperature_k: float
    density_ratio: float
    """To sea level."""
    density_ratio_per_m: float
    """Change with height."""


def standard_air(altitude_m: float) -> Air:
    """ICAO Standard Atmosphere from -5 to 80 km of (geometric) height."""
    shrunk = _NOMINAL_RADIUS_M / (_NOMINAL_RADIUS_M + altitude_m)
    geopotential_m = shrunk * altitude_m
    pressure_pa, temperature_k, lapse = _SEA_LEVEL_PA, _SEA_LEVEL_K, 0.0
    for (base_m, lapse), (end_m, _) in pairwise((*_LAYERS, (inf, 0.0))):
        climbed_m = min(geopotential_m, end_m) - base_m
        base_k = temperature_k
        temperature_k += lapse * climbed_m
        if lapse:
            pressure_pa *= (temperature_k / base_k) ** (-_WARMTH_PER_M / lapse)
        else:
            pressure_pa *= exp(-_WARMTH_PER_M * climbed_m / base_k)
        if geopotential_m <= end_m:
            break
    ratio = pressure_pa / _SEA_LEVEL_PA * _SEA_LEVEL_K / temperature_k
    falls_per_m = (_WARMTH_PER_M + lapse) / temperature_k * shrunk * shrunk
    return Air(pressure_pa, temperature_k, ratio, -ratio * falls_per_m)


def refractivity(wavelength_m: float) -> float:
    """Index of refraction minus one of dry air with 450 ppm CO2 at 15 degC and 101325 Pa.

    Raises RefractionError outside 0.3 to 1.7 um, for which Ciddor's formula is meant.
    """
    if not 0.3e-6 <= wavelength_m <= 1.7e-6:
        raise RefractionError(
            f"refraction at {wavelength_m * 1e9:g} nm: known from 300 to 1700 nm only"
        )
    wavenumber2 = (1e-6 / wavelength_m) ** 2
    return 1e-8 * (5_792_105.0 / (238.0185 - wavenumber2) + 167_917.0 / (57.362 - wavenumber2))


class Refraction:
    """Refraction at one place and wavelength."""

    def __init__(self, altitude_m: float, earth_radius_m: float, wavelength_m: float) -> None:
        """`earth_radius_m`: the ellipsoid's radius of curvature at the place.

        Raises RefractionError for an altitude outside -5 to 80 km, a wavelength outside 0.3 to
        1.7 um.
        """
        if not _LOWEST_M <= altitude_m < _TOP_M:
            raise RefractionError(f"refraction at {altitude_m:g} m: known from -5 to 80 km only")
        standard = refractivity(wavelength_m)
        self._radius_m = earth_radius_m + altitude_m
        self._top_m = earth_radius_m + _TOP_M
        here = standard_air(altitude_m)
        self._optical_radius_m = (1.0 + standard * here.density_ratio) * self._radius_m
        # In s, with height above the place = s^2, the integrand of a level ray is smooth. That of
        # one a little higher has a bend near s = 0, so the spans there grow from small to large.
        # The lapse rate changes between spans only.
        heights_m = [h * _NOMINAL_RADIUS_M / (_NOMINAL_RADIUS_M - h) for h, _ in _LAYERS]
        top = sqrt(_TOP_M - altitude_m)
        edges = {sqrt(h - altitude_m) for h in heights_m if h > altitude_m}
        edges |= {0.0, *(top / 4.0**k for k in range(_GRADES))}
        nodes, weights = np.polynomial.legendre.leggauss(_NODES)
        spans = list(pairwise(sorted(edges)))
        s = np.concatenate([0.5 * (a + b + (b - a) * nodes) for a, b in spans])
        step = np.concatenate([0.5 * (b - a) * weights for a, b in spans])
        # What is left of the air at the top ends there: one more node, a step of the index to 1.
        s = np.append(s, top)
        air = [standard_air(altitude_m + height_m) for height_m in s * s]
        index = 1.0 + standard * np.array([a.density_ratio for a in air])
        index_per_m = standard * np.array([a.density_ratio_per_m for a in air[:-1]])
        thinner = standard * np.array([a.density_ratio - here.density_ratio for a in air])
        falls = np.append(-index_per_m * 2.0 * s[:-1] * step, index[-1] - 1.0)
        self._optical_rise_m = index * s * s + thinner * self._radius_m
        self._bend = falls / index

    def bending_rad(self, apparent_elevation_rad: float) -> float:
        """Angle by which the atmosphere has bent a ray that arrives here at this elevation, level
        or higher; it is that by which a star stands lower than it is seen.

        Integral of -(dn/dr)/n tan(angle to the vertical) dr, Born & Wolf, Principles of Optics,
        3.2.2.
        """
        # Bouguer: n r sin(angle to the vertical) is the same all along the ray. That n r, less p,
        # is put together from small parts: for a ray near the level it is lost in rounding else.
        p_m = self._optical_radius_m * cos(apparent_elevation_rad)
        less_m = self._optical_rise_m + (
            2.0 * self._optical_radius_m * sin(0.5 * apparent_elevation_rad) ** 2
        )
        return p_m * float(np.sum(self._bend / np.sqrt(less_m * (less_m + 2.0 * p_m))))

    def apparent_elevation_rad(self, elevation_rad: float, range_m: float) -> float | None:
        """Elevation at which light arrives from a partner above the atmosphere, `range_m` away at
        `elevation_rad` in a straight line. Light that leaves for it takes the same way.

        None where the light would arrive from below the horizontal: such rays are not followed.
        Raises RefractionError for a partner inside the atmosphere.
        """
        partner_m = sqrt(
            self._radius_m**2 + range_m**2 + 2.0 * self._radius_m * range_m * sin(elevation_rad)
        )
        if partner_m < self._top_m:
            raise RefractionError(
                f"refraction toward a partner under {_TOP_M / 1e3:g} km is not known"
            )

        def lift_rad(apparent_rad: float) -> float:
            """By how much a ray arrives above the straight line from where it meets the partner's
            orbit. Less than its bending: from a near partner it starts above the straight line."""
            p_m = self._optical_radius_m * cos(apparent_rad)
            # Above the air the ray is straight: what its angle to the vertical has lost between the
            # place (had it been as straight there) and the partner, it has gone round the Earth.
            at_site_rad = 0.5 * pi - apparent_rad + self.bending_rad(apparent_rad)
            around_rad = at_site_rad - asin(p_m / partner_m)
            up_m = partner_m * cos(around_rad) - self._radius_m
            return apparent_rad - atan2(up_m, partner_m * sin(around_rad))

        if elevation_rad < 0.0 and elevation_rad + lift_rad(0.0) < 0.0:
            return None
        # Root of apparent - lift(apparent) - elevation by secants.
        before_rad = max(0.0, elevation_rad)
        lift_before_rad = lift_rad(before_rad)
        apparent_rad = max(0.0, elevation_rad + lift_before_rad)
        for _ in range(_MOST_ROUNDS):
            step_rad = apparent_rad - before_rad
            if abs(step_rad) < _SETTLED_RAD:
                break
            now_rad = lift_rad(apparent_rad)
            slope = 1.0 - (now_rad - lift_before_rad) / step_rad
            before_rad, lift_before_rad = apparent_rad, now_rad
            apparent_rad = max(0.0, apparent_rad - (apparent_rad - now_rad - elevation_rad) / slope)
        return apparent_rad
