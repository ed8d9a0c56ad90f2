"""Irradiance that turbulence makes flicker: how much, and how deep it fades.

Sources: Andrews and Phillips, Laser Beam Propagation through Random Media (2005), ch. 8 to 12;
Yura and McKinley, Appl. Opt. 22, 3353 (1983); ITU-R P.1622.
"""

import math
from functools import lru_cache

import numpy as np

from terminal.optics.turbulence import AirPath, Array, End


def plane_log_variance(path: AirPath, wavelength_m: float, receiver: End) -> float:
    """Variance of log irradiance in Np^2 at a point, plane wave, weak turbulence (Rytov).

    2.25 k^(7/6) int Cn2 d^(5/6) ds, d the distance from the receiver. From a satellite to the
    ground it is right; between platforms use `spherical_log_variance`.
    """
    s = path.distance_m
    distance_m = s if receiver == "lower" else path.length_m - s
    return _rytov(path, wavelength_m, distance_m)


def spherical_log_variance(path: AirPath, wavelength_m: float) -> float:
    """The same of a spherical wave: d = s (L - s) / L, alike in both directions."""
    s = path.distance_m
    return _rytov(path, wavelength_m, s * (1 - s / path.length_m))


def scintillation_index(log_variance: float) -> float:
    """Variance of irradiance over its mean squared, at a point, weak to strong, plane wave.

    log_variance: Rytov variance in Np^2. Grows like it while small, and saturates toward 1.
    Source: Andrews and Phillips, eq. 12.40.
    """
    twelve_fifths = log_variance ** (6 / 5)
    large = 0.49 * log_variance / (1 + 1.11 * twelve_fifths) ** (7 / 6)
    small = 0.51 * log_variance / (1 + 0.69 * twelve_fifths) ** (5 / 6)
    return math.expm1(large + small)


def aperture_averaging(path: AirPath, wavelength_m: float, aperture_m: float, end: End) -> float:
    """What an aperture of this diameter at this end leaves of the variance of irradiance.

    Of a spherical wave from the other end; weak turbulence. Each layer's flicker is filtered by the
    aperture's Airy pattern, cast back onto the layer. Source: Andrews and Phillips, ch. 10. For
    light from space Yura and McKinley's 1 / (1 + 1.1 (D^2 / lambda s)^(7/6)) is 10 to 45 % more.
    """
    along = path.distance_m / path.length_m
    cast = 1 - along if end == "lower" else along
    effective_m = path.distance_m * (1 - along)
    k = 2 * math.pi / wavelength_m
    weight = path.strength_m13 * effective_m ** (5 / 6)
    radii = k * (aperture_m / 2 * cast) ** 2 / effective_m
    total = float(weight.sum())
    return float(weight @ _layer_averaging(radii)) / total if total > 0 else 1.0


def fade_db(index: float, probability: float) -> float:
    """By how many dB the light lies under its mean at least during this share of the time.

    Log-normal with this scintillation index and the mean kept. Positive: less light than the mean.
    """
    from scipy.special import ndtri

    sigma = math.sqrt(math.log1p(index))
    return float(10 / math.log(10) * (sigma**2 / 2 - sigma * ndtri(probability)))


def _rytov(path: AirPath, wavelength_m: float, distance_m: Array) -> float:
    k = 2 * math.pi / wavelength_m
    return float(2.25 * k ** (7 / 6) * (path.strength_m13 @ distance_m ** (5 / 6)))


def _layer_averaging(radii: Array) -> Array:
    """Share that is left of one layer's variance; input's shape.

    radii: k (D/2)^2 / d, d the layer's distance: the aperture's radius over the Fresnel length
    sqrt(d / k), squared. By int x^(-8/3) (1 - cos x^2) [2 J1(x r) / (x r)]^2 dx over the same
    without the bracket, which is (3/5) Gamma(1/6) sin(pi/12).
    """
    log_radii, log_left = _averaging_table()
    return np.asarray(np.exp(np.interp(np.log(radii), log_radii, log_left)))


@lru_cache(maxsize=1)
def _averaging_table() -> tuple[Array, Array]:
    from scipy.special import j1

    log_radii = np.linspace(math.log(1e-4), math.log(1e7), 120)
    x = np.geomspace(1e-6, 300.0, 16_000)
    spectrum = x ** (-8 / 3) * 2 * np.sin(x**2 / 2) ** 2
    total = 3 / 5 * math.gamma(1 / 6) * math.sin(math.pi / 12)
    left = []
    for radius in np.exp(log_radii / 2):
        airy = (2 * j1(x * radius) / (x * radius)) ** 2
        # Of what the filter leaves and takes, the lesser is integrated.
        if radius > 1:
            left.append(np.trapezoid(spectrum * airy, x) / total)
        else:
            left.append(1 - np.trapezoid(spectrum * (1 - airy), x) / total)
    return log_radii, np.log(left)
