"""Turbulent air along a straight path, and what it does to phase.

Profiles: Hufnagel-Valley, and Bufton's wind. Plane-parallel air: slant distance is height times the
secant of the zenith angle, which holds to 80 degrees. Kolmogorov turbulence throughout.
Sources: Andrews and Phillips, Laser Beam Propagation through Random Media (2005), ch. 12; Hardy,
Adaptive Optics for Astronomical Telescopes (1998), ch. 3 and 9; ITU-R P.1621-2.
"""

import math
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]
End = Literal["lower", "upper"]

GROUND_STRENGTH_M23 = 1.7e-14
"""A of HV 5/7, m^(-2/3)."""
HIGH_WIND_M_S = 21.0
"""w of HV 5/7."""
TOP_M = 30_000.0
"""No turbulence over this: what HV has there is under 1e-4 of the coherence integral."""

_PANEL_EDGES_M = np.array(
    [0, 25, 50, 100, 200, 400, 800, 1.5e3, 3e3, 5e3, 7.5e3, 1e4, 1.3e4, 1.7e4, 2.2e4, 3e4]
)
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(10)


class Turbulence(NamedTuple):
    """A Hufnagel-Valley atmosphere."""

    high_wind_m_s: float = HIGH_WIND_M_S
    """Root mean square wind from 5 to 20 km."""
    ground_strength_m23: float = GROUND_STRENGTH_M23
    """Cn2 at the ground, m^(-2/3)."""
    ground_m: float = 0.0
    """Altitude of the ground, over which the ground layer lies."""


HV57 = Turbulence()


class AirPath(NamedTuple):
    """The turbulence between two ends, as the nodes of a quadrature along the path."""

    height_m: Array
    """(n,) altitude."""
    distance_m: Array
    """(n,) along the path from the lower end."""
    strength_m13: Array
    """(n,) Cn2 times the length of path that the node stands for, m^(1/3)."""
    length_m: float
    """Of the whole path, its part above the air included."""


def hufnagel_valley(height_m: ArrayLike, air: Turbulence = HV57) -> Array:
    """Cn2 in m^(-2/3) at this altitude; input's shape. Nothing is known under the ground."""
    h = np.asarray(height_m, dtype=np.float64)
    tropopause = 0.00594 * (air.high_wind_m_s / 27) ** 2 * (1e-5 * h) ** 10 * np.exp(-h / 1000)
    ground = air.ground_strength_m23 * np.exp(-(h - air.ground_m) / 100)
    return np.asarray(tropopause + 2.7e-16 * np.exp(-h / 1500) + ground)


def bufton_wind_m_s(height_m: ArrayLike, ground_wind_m_s: float = 5.0) -> Array:
    """Wind speed by altitude; input's shape. Source: Bufton, in ITU-R P.1621 and Hardy (1998)."""
    h = np.asarray(height_m, dtype=np.float64)
    return np.asarray(ground_wind_m_s + 30 * np.exp(-(((h - 9400) / 4800) ** 2)))


def high_wind_m_s(ground_wind_m_s: float, slew_rad_s: float = 0.0) -> float:
    """Root mean square of Bufton's wind from 5 to 20 km: HV's w. Source: ITU-R P.1621-2.

    slew_rad_s: adds slew times altitude to the wind, as some do, so that it gets into the
    *strength* of the turbulence. A turning line of sight makes no air turbulent: leave it 0.
    """
    nodes, weights = np.polynomial.legendre.leggauss(40)
    h = 12_500 + 7_500 * nodes
    wind = bufton_wind_m_s(h, ground_wind_m_s) + slew_rad_s * h
    return math.sqrt(float(weights @ wind**2) / 2)


def air_path(
    lower_m: float,
    upper_m: float,
    zenith_rad: float,
    air: Turbulence = HV57,
    *,
    top_m: float = TOP_M,
) -> AirPath:
    """The path between two altitudes at this zenith angle at the lower end.

    Raises ValueError unless ground <= lower < upper and the zenith angle is in [0, pi/2).
    """
    if not air.ground_m <= lower_m < upper_m:
        raise ValueError(f"need ground <= lower < upper, got {air.ground_m}, {lower_m}, {upper_m}")
    if not 0 <= zenith_rad < math.pi / 2:
        raise ValueError(f"zenith_rad: need 0 to under pi/2, got {zenith_rad}")
    secant = 1 / math.cos(zenith_rad)
    end_m = max(min(upper_m, top_m), lower_m)
    # Panels that are fine over the ground, where they start, and never longer than the next edge.
    inner = np.concatenate([air.ground_m + _PANEL_EDGES_M, _PANEL_EDGES_M])
    edges = np.unique(np.concatenate([[lower_m], np.clip(inner, lower_m, end_m), [end_m]]))
    middle, half = (edges[1:] + edges[:-1]) / 2, np.diff(edges) / 2
    height = (middle[:, np.newaxis] + half[:, np.newaxis] * _NODES).ravel()
    step = (half[:, np.newaxis] * _WEIGHTS).ravel()
    return AirPath(
        height,
        (height - lower_m) * secant,
        hufnagel_valley(height, air) * step * secant,
        (upper_m - lower_m) * secant,
    )


def fried_m(path: AirPath, wavelength_m: float) -> float:
    """Coherence diameter r0 of a plane wave: [0.423 k^2 int Cn2 ds]^(-3/5). Infinite without air.

    Source: Fried, J. Opt. Soc. Am. 56, 1372 (1966); Andrews and Phillips, ch. 12.
    """
    return _fried_m(float(path.strength_m13.sum()), wavelength_m)


def spherical_fried_m(path: AirPath, wavelength_m: float, end: End) -> float:
    """r0 at this end of a spherical wave that starts at the other: near air weighs more.

    By reciprocity it also spreads a beam that leaves this end. Weight (distance from the far end
    over length)^(5/3). Source: as `fried_m`.
    """
    along = path.distance_m / path.length_m
    weight = (1 - along if end == "lower" else along) ** (5 / 3)
    return _fried_m(float(path.strength_m13 @ weight), wavelength_m)


def greenwood_hz(path: AirPath, wavelength_m: float, wind_m_s: Array) -> float:
    """Greenwood frequency 2.31 lambda^(-6/5) [int Cn2 v^(5/3) ds]^(3/5).

    wind_m_s: (n,) speed of the air across the line of sight at the path's nodes, the line's own
    motion included. Source: Greenwood, J. Opt. Soc. Am. 67, 390 (1977).
    """
    moved = float(path.strength_m13 @ wind_m_s ** (5 / 3))
    return float(2.31 * wavelength_m ** (-6 / 5) * moved ** (3 / 5))


def isoplanatic_rad(path: AirPath, wavelength_m: float) -> float:
    """Isoplanatic angle [2.914 k^2 int Cn2 s^(5/3) ds]^(-3/5) from the lower end.

    A point-ahead angle over it leaves an uplink beyond what a downlink can tell of it. Source:
    Fried, J. Opt. Soc. Am. 72, 52 (1982).
    """
    k = 2 * math.pi / wavelength_m
    seen = float(path.strength_m13 @ path.distance_m ** (5 / 3))
    return float((2.914 * k**2 * seen) ** (-3 / 5)) if seen > 0 else math.inf


def _fried_m(strength_m13: float, wavelength_m: float) -> float:
    k = 2 * math.pi / wavelength_m
    return float((0.423 * k**2 * strength_m13) ** (-3 / 5)) if strength_m13 > 0 else math.inf
