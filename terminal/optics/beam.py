"""A Gaussian beam through a round aperture, held on it or jittering about it.

Source of the distribution: Farid and Hranilovic, J. Lightwave Technol. 25, 1702 (2007). The mean
is exact, because a Gaussian beam smeared by Gaussian jitter is a wider Gaussian beam.
All functions take floats or arrays, and return arrays of the broadcast shape.
"""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]


def waist_radius_m(full_divergence_rad: ArrayLike, wavelength_m: float) -> Array:
    """1/e^2 waist radius of the beam with this 1/e^2 full angle in the far field."""
    return 2 * wavelength_m / (math.pi * np.asarray(full_divergence_rad, dtype=np.float64))


def beam_radius_m(range_m: ArrayLike, full_divergence_rad: ArrayLike, wavelength_m: float) -> Array:
    """1/e^2 radius at `range_m` from the waist."""
    waist_m = waist_radius_m(full_divergence_rad, wavelength_m)
    rayleigh_m = math.pi * waist_m**2 / wavelength_m
    return waist_m * np.hypot(1.0, np.asarray(range_m, dtype=np.float64) / rayleigh_m)


def collected_fraction(aperture_m: float, radius_m: ArrayLike) -> Array:
    """Share of a centred beam of 1/e^2 `radius_m` through an aperture of diameter `aperture_m`."""
    return -np.expm1(-0.5 * (aperture_m / np.asarray(radius_m, dtype=np.float64)) ** 2)


def mean_collected_fraction(
    aperture_m: float, radius_m: ArrayLike, range_m: ArrayLike, jitter_rad: ArrayLike
) -> Array:
    """The same, averaged over isotropic Gaussian pointing jitter, `jitter_rad` 1 sigma per axis."""
    offset_m = np.asarray(jitter_rad, dtype=np.float64) * np.asarray(range_m, dtype=np.float64)
    return collected_fraction(aperture_m, np.hypot(radius_m, 2 * offset_m))


def mean_offset_fraction(
    aperture_m: float,
    radius_m: ArrayLike,
    range_m: ArrayLike,
    jitter_rad: ArrayLike,
    offset_rad: ArrayLike,
) -> Array:
    """The same for a beam whose mean points `offset_rad` beside the aperture's centre.

    The beam as smeared by the jitter has the 1/e^2 radius W, W^2 = w^2 + 4 sigma^2 L^2; off its
    axis the disc of radius a holds exp(-2 B^2 / (W^2 + a^2)) of what it holds on it, right to the
    second order in a / W: within 1 % for W of four a and B up to W, 4 % for W of two a. Without
    offset it is exact.
    """
    range_m = np.asarray(range_m, dtype=np.float64)
    jitter_m = np.asarray(jitter_rad, dtype=np.float64) * range_m
    offset_m = np.asarray(offset_rad, dtype=np.float64) * range_m
    smeared_m2 = np.asarray(radius_m, dtype=np.float64) ** 2 + 4 * jitter_m**2
    half_m2 = (aperture_m / 2) ** 2
    held = -np.expm1(-2 * half_m2 / smeared_m2)
    return np.asarray(held * np.exp(-2 * offset_m**2 / (smeared_m2 + half_m2)))


class PointingFading(NamedTuple):
    """Farid-Hranilovic distribution of the collected fraction h in [0, peak]: a power law.

    Good to a few per cent for a beam wider than the aperture (radius_m over aperture_m at least).
    """

    peak: float
    """A0: the fraction with the beam centred."""
    exponent: float
    """gamma^2: equivalent beam radius over twice the jitter at the receiver, squared."""

    def pdf(self, h: ArrayLike) -> Array:
        """Probability density at `h`; 0 outside (0, peak]."""
        h = np.asarray(h, dtype=np.float64)
        inside = (h > 0) & (h <= self.peak)
        relative = np.where(inside, h, self.peak) / self.peak
        return np.where(inside, self.exponent / self.peak * relative ** (self.exponent - 1), 0.0)

    def cdf(self, h: ArrayLike) -> Array:
        """Probability of a fraction of at most `h`."""
        relative = np.clip(np.asarray(h, dtype=np.float64) / self.peak, 0.0, 1.0)
        return np.asarray(relative**self.exponent)

    def mean(self) -> float:
        return self.peak * self.exponent / (self.exponent + 1)


def pointing_fading(
    aperture_m: float, radius_m: float, range_m: float, jitter_rad: float
) -> PointingFading:
    """The distribution for an aperture of diameter `aperture_m` and isotropic jitter over 0."""
    nu = math.sqrt(math.pi / 2) * (aperture_m / 2) / radius_m
    equivalent_m2 = radius_m**2 * math.sqrt(math.pi) * math.erf(nu) / (2 * nu * math.exp(-(nu**2)))
    return PointingFading(math.erf(nu) ** 2, equivalent_m2 / (2 * jitter_rad * range_m) ** 2)
