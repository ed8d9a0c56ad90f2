"""Irradiance that turbulence makes flicker: how much, and how deep it fades.

Sources: Andrews and Phillips, Laser Beam Propagation through Random Media (2005), ch. 8 to 12;
Yura and McKinley, Appl. Opt. 22, 3353 (1983); ITU-R P.1622.
"""

import math

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


def flicker_distance_m(path: AirPath) -> float:
    """Distance from the lower end, along the path, at which the flicker seen there arises.

    [int Cn2 s^2 ds / int Cn2 s^(5/6) ds]^(6/7). Source: Yura and McKinley (1983).
    """
    s = path.distance_m
    ratio = float(path.strength_m13 @ s**2) / float(path.strength_m13 @ s ** (5 / 6))
    return float(ratio ** (6 / 7))


def aperture_averaging(path: AirPath, wavelength_m: float, aperture_m: float) -> float:
    """What an aperture of this diameter at the lower end leaves of the variance of irradiance.

    1 / (1 + 1.1 (D^2 / (lambda s))^(7/6)), s = `flicker_distance_m`: an interpolation, good to some
    tens of per cent between its limits; weak turbulence. Source: Yura and McKinley (1983).
    """
    fresnel = aperture_m**2 / (wavelength_m * flicker_distance_m(path))
    return float(1 / (1 + 1.1 * fresnel ** (7 / 6)))


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
