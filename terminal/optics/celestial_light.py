"""Sun and Moon as sources of background: irradiance, radiance, and what a field of view takes in.

Outside the atmosphere; the air's transmittance is the caller's.
"""

import math

from terminal.geometry.light_time import SPEED_OF_LIGHT_M_S
from terminal.optics.background import PLANCK_J_S

BOLTZMANN_J_K = 1.380649e-23
SUN_TEMPERATURE_K = 5772.0
"""Effective temperature: IAU 2015 resolution B3."""
SUN_DISC_SR = 6.794e-5
"""Of the solar disc at one astronomical unit: pi (695,700 km / 149,597,871 km)^2."""
MOON_DISC_SR = 6.42e-5
"""Of the mean lunar disc, 1737.4 km at 384,400 km."""
SUN_MAGNITUDE, FULL_MOON_MAGNITUDE = -26.74, -12.73
"""Visual, at the mean distances."""


def planck_radiance_w_m2_sr_um(wavelength_m: float, temperature_k: float) -> float:
    """Radiance of a black body."""
    energy_j = PLANCK_J_S * SPEED_OF_LIGHT_M_S / wavelength_m
    per_m = 2 * energy_j * SPEED_OF_LIGHT_M_S / wavelength_m**4
    return 1e-6 * per_m / math.expm1(energy_j / (BOLTZMANN_J_K * temperature_k))


def sun_irradiance_w_m2_um(wavelength_m: float) -> float:
    """At one astronomical unit. A black body: some per cent off the spectrum of the real Sun."""
    return SUN_DISC_SR * planck_radiance_w_m2_sr_um(wavelength_m, SUN_TEMPERATURE_K)


def moon_irradiance_w_m2_um(wavelength_m: float, phase_rad: float) -> float:
    """phase_rad: angle at the Moon between Sun and observer, 0 at full moon.

    The Sun's spectrum, fainter by the magnitudes -12.73 + 0.026 a + 4e-9 a^4 (a in degrees).
    Source: Krisciunas and Schaefer, Publ. Astron. Soc. Pac. 103, 1033 (1991). The Moon is redder
    than the Sun, so in the near infrared it is some tens of per cent brighter than this.
    """
    a = abs(math.degrees(phase_rad))
    fainter = FULL_MOON_MAGNITUDE + 0.026 * a + 4e-9 * a**4 - SUN_MAGNITUDE
    return sun_irradiance_w_m2_um(wavelength_m) * float(10 ** (-0.4 * fainter))


def seen_radiance_w_m2_sr_um(
    irradiance_w_m2_um: float, disc_sr: float, field_of_view_rad: float
) -> float:
    """Mean radiance over a field of view (full angle) that looks at the middle of a disc.

    A field within the disc sees the disc's own radiance; one that holds it, its irradiance thinned
    out over the field.
    """
    return irradiance_w_m2_um / max(disc_sr, math.pi * (field_of_view_rad / 2) ** 2)


def lit_surface_radiance_w_m2_sr_um(
    irradiance_w_m2_um: float, albedo: float, source_elevation_rad: float
) -> float:
    """Of a matt (Lambert) surface, such as the ground that an uplink's receiver looks down on."""
    return irradiance_w_m2_um * albedo * max(math.sin(source_elevation_rad), 0.0) / math.pi
