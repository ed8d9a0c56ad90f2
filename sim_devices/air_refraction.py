"""How the air truly bends the line of sight, by other formulas than the terminal's estimate.

The terminal integrates a ray through a standard atmosphere with Ciddor's index; the world takes the
two-term series in tan(z) (Stone, PASP 108, 1051, 1996) with Edlen's dispersion (Metrologia 2, 71,
1966) and the air's true pressure and temperature.
"""

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

LOWEST_RAD = np.radians(10.0)
"""Lower, the series is no good; the bending is held at what it is here."""


def refractivity(wavelength_m: float) -> float:
    """(n - 1) of standard air at 15 degrees Celsius and 1013.25 hPa (Edlen 1966)."""
    k2 = (1e-6 / wavelength_m) ** 2
    return 1e-8 * (8342.13 + 2406030.0 / (130.0 - k2) + 15997.0 / (38.9 - k2))


def bending_rad(
    elevation_rad: Array, pressure_hpa: float, temperature_k: float, wavelength_m: float
) -> Array:
    """(n,) by how much a body outside the air is seen higher than it stands.

    R = gamma (1 - beta) tan z - gamma (beta - gamma / 2) tan^3 z with the apparent zenith angle z,
    gamma = n - 1 at the terminal, beta the air's scale height over the Earth's radius.
    """
    gamma = refractivity(wavelength_m) * pressure_hpa / 1013.25 * 288.15 / temperature_k
    beta = 0.001254 * temperature_k / 273.15
    true_rad = np.maximum(elevation_rad, LOWEST_RAD)
    bent = np.zeros_like(true_rad)
    for _ in range(3):  # each round is a thousand times nearer
        tan_z = 1.0 / np.tan(true_rad + bent)
        bent = gamma * ((1.0 - beta) * tan_z - (beta - 0.5 * gamma) * tan_z**3)
    return np.asarray(bent)


def raised(directions_ned: Array, by_rad: Array) -> Array:
    """Unit vectors (n, 3) raised in elevation by angles (n,)."""
    horizontal = np.hypot(directions_ned[:, 0], directions_ned[:, 1])
    elevation = np.arctan2(-directions_ned[:, 2], horizontal) + by_rad
    shrunk = np.cos(elevation) / np.maximum(horizontal, 1e-12)
    return np.column_stack(
        [directions_ned[:, 0] * shrunk, directions_ned[:, 1] * shrunk, -np.sin(elevation)]
    )
