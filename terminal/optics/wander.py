"""A beam that leaves from turbulence: it wanders as a whole, and it is wider than in vacuum.

Both concern the beam far away, and count turbulence by where the beam meets it.
"""

import math

import numpy as np

from terminal.optics.beam import beam_radius_m, waist_radius_m
from terminal.optics.turbulence import AirPath, End

_STRUCTURE = 6.88
"""Phase structure function of Kolmogorov turbulence: 6.88 (rho / r0)^(5/3)."""
_CENTROID = 2.914 * 25 / 36 * math.gamma(5 / 6)
"""2.28: see `wander_rad`."""


def wander_rad(path: AirPath, full_divergence_rad: float, wavelength_m: float, start: End) -> float:
    """Standard deviation per axis of the direction of the centroid of a beam from this end.

    The centroid goes along the mean slope of the wavefront, weighted with the irradiance: half of
    the Laplacian of the structure function 2.914 k^2 Cn2 ds rho^(5/3), averaged over the pairs of
    points of a Gaussian beam of 1/e^2 radius w, over k^2, half of it for each axis:
    2.914 (25/36) Gamma(5/6) int Cn2 (1 - d/L)^2 w(d)^(-1/3) ds, d the distance from the start.
    No outer scale: an upper bound. For a collimated beam on a uniform path it is Chiba's
    1.90 Cn2 (2 w)^(-1/3) L^3 for both axes (Appl. Opt. 10, 2456 (1971)), within 1.5 %. The 7.25 of
    Andrews and Phillips (2005) is 1.6 times as much: it is what adds to w^2, not the centroid's
    variance.
    """
    s, length_m = path.distance_m, path.length_m
    from_start_m = s if start == "lower" else length_m - s
    radius_m = beam_radius_m(from_start_m, full_divergence_rad, wavelength_m)
    weight = (1 - from_start_m / length_m) ** 2 * radius_m ** (-1 / 3)
    return math.sqrt(_CENTROID * float(path.strength_m13 @ weight))


def spread(fried_m: float, waist_m: float) -> float:
    """1/e^2 radius of the mean beam, far away, over that in vacuum; wander included. At least 1.

    fried_m: r0 of a spherical wave from the far end, where the beam starts with 1/e^2 radius
    `waist_m`. From the mean irradiance on the axis, int exp(-x^2/2 - 3.44 (x waist/r0)^(5/3)) x dx,
    x the distance in waists. Source: extended Huygens-Fresnel principle, Andrews and Phillips
    (2005), ch. 7; exact on the axis.
    """
    nodes, weights = np.polynomial.legendre.leggauss(64)
    coherence = fried_m / waist_m
    # Beyond, either factor is under 1e-17.
    reach = min(9.0, 5.0 * coherence)
    x = reach / 2 * (nodes + 1)
    kept = np.exp(-(x**2) / 2 - _STRUCTURE / 2 * (x / coherence) ** (5 / 3)) * x
    return max(1.0, float(1 / math.sqrt(reach / 2 * (weights @ kept))))


def spread_divergence_rad(
    full_divergence_rad: float, fried_m: float, wavelength_m: float, wander_per_axis_rad: float
) -> float:
    """1/e^2 full angle of the beam about its own centroid: the mean beam less its wander.

    Variances subtract: the mean beam's half angle squared is that of the short exposure plus
    4 sigma^2. Never under the angle in vacuum.
    """
    waist_m = float(waist_radius_m(full_divergence_rad, wavelength_m))
    mean_rad = full_divergence_rad * spread(fried_m, waist_m)
    short2 = mean_rad**2 - (4 * wander_per_axis_rad) ** 2
    return math.sqrt(max(short2, full_divergence_rad**2))
