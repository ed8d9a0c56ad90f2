"""Fried parameter and Greenwood frequency of light from a satellite, in variants of the physics."""

import math
from typing import NamedTuple

from terminal.figures.zenith_pass import ZenithPass
from terminal.optics.turbulence import (
    HV57,
    air_path,
    bufton_wind_m_s,
    fried_m,
    greenwood_hz,
    high_wind_m_s,
)

WAVELENGTHS_NM = (1550.0, 810.0)
ZENITH_DEG = tuple(float(z) for z in range(0, 81, 2))
ADAPTIVE_OPTICS_HZ = 1500.0
FITTED_SLEW_RAD_S = 8.7e-3
"""Fitted: with it also in the strength of the turbulence the article's 810 nm claim comes out."""
ROOF_M = 40.0
"""A telescope over most of the ground layer."""


class Setting(NamedTuple):
    """Where one looks from, and how the line of sight's motion is counted."""

    station_m: float = 0.0
    orbit_m: float = 535e3
    ground_wind_m_s: float = 5.0
    slewing: bool = True
    slant: bool = True
    """The line of sight sweeps slew times distance; False: slew times height, as some write."""
    constant_slew_rad_s: float | None = None
    """Instead of the slew at each zenith angle."""
    strength_slew_rad_s: float = 0.0
    """Added, times altitude, to the wind that makes HV's turbulence; without physical reason."""


def coherence(setting: Setting, wavelength_nm: float, zenith_deg: float) -> tuple[float, float]:
    """(r0 in m, Greenwood frequency in Hz) of light from the satellite."""
    zenith_rad = math.radians(zenith_deg)
    air = HV57
    if setting.strength_slew_rad_s:
        stronger = high_wind_m_s(setting.ground_wind_m_s, setting.strength_slew_rad_s)
        air = HV57._replace(high_wind_m_s=stronger)
    path = air_path(setting.station_m, setting.orbit_m, zenith_rad, air)
    slew_rad_s = 0.0
    if setting.constant_slew_rad_s is not None:
        slew_rad_s = setting.constant_slew_rad_s
    elif setting.slewing:
        slew_rad_s = ZenithPass(setting.orbit_m).slew_rad_s(zenith_rad)
    swept_m = path.distance_m if setting.slant else path.height_m
    wind_m_s = bufton_wind_m_s(path.height_m, setting.ground_wind_m_s) + slew_rad_s * swept_m
    wavelength_m = wavelength_nm * 1e-9
    return fried_m(path, wavelength_m), greenwood_hz(path, wavelength_m, wind_m_s)


TRUE = Setting()
OVERHEAD_RAD_S = ZenithPass(TRUE.orbit_m).slew_rad_s(0.0)
VARIANTS = {
    "greenwood_hz": TRUE,
    "greenwood_no_slew_hz": TRUE._replace(slewing=False),
    "greenwood_slew_times_height_hz": TRUE._replace(slant=False),
    "greenwood_constant_overhead_slew_hz": TRUE._replace(constant_slew_rad_s=OVERHEAD_RAD_S),
    "greenwood_fitted_hz": TRUE._replace(
        slant=False,
        constant_slew_rad_s=FITTED_SLEW_RAD_S,
        strength_slew_rad_s=FITTED_SLEW_RAD_S,
    ),
}


def greenwood_of(setting: Setting, wavelength_nm: float, zenith_deg: float) -> float:
    """Greenwood frequency, Hz."""
    return coherence(setting, wavelength_nm, zenith_deg)[1]


def corrected_to_deg(setting: Setting, wavelength_nm: float) -> float:
    """Greatest zenith angle up to which the Greenwood frequency stays under 1.5 kHz; at most 80."""
    from scipy.optimize import brentq

    def over(zenith_deg: float) -> float:
        return greenwood_of(setting, wavelength_nm, zenith_deg) - ADAPTIVE_OPTICS_HZ

    last = ZENITH_DEG[0]
    for zenith_deg in ZENITH_DEG:
        if over(zenith_deg) > 0:
            return float(brentq(over, last, zenith_deg)) if zenith_deg > last else 0.0
        last = zenith_deg
    return ZENITH_DEG[-1]
