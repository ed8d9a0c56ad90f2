"""Background light that reaches the receiver.

Source: Miao et al., New J. Phys. 7, 215 (2005): radiance times solid angle, aperture and filter
width, over the photon energy.
"""

import math

from terminal.geometry.light_time import SPEED_OF_LIGHT_M_S

PLANCK_J_S = 6.62607015e-34


def background_rate_hz(
    radiance_w_m2_sr_um: float,
    field_of_view_rad: float,
    aperture_m: float,
    filter_bandwidth_m: float,
    wavelength_m: float,
) -> float:
    """Photons per second through the aperture, inside field of view and filter.

    field_of_view_rad: full angle. aperture_m: diameter. filter_bandwidth_m: width of the filter in
    wavelength. Losses behind the aperture are the caller's.
    """
    solid_angle_sr = math.pi * (field_of_view_rad / 2) ** 2
    area_m2 = math.pi * (aperture_m / 2) ** 2
    power_w = radiance_w_m2_sr_um * solid_angle_sr * area_m2 * (filter_bandwidth_m * 1e6)
    return power_w * wavelength_m / (PLANCK_J_S * SPEED_OF_LIGHT_M_S)


def gate_probability(rate_hz: float, gate_s: float) -> float:
    """Probability of at least one count in a gate: 1 - exp(-rate gate).

    The product alone is the mean number, and by day no probability.
    """
    return -math.expm1(-rate_hz * gate_s)
