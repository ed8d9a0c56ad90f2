"""Turbulence: values of the ITU, and the integrals by another quadrature."""

import math
from collections.abc import Callable
from functools import partial
from itertools import pairwise

from hil.validation.check import Check, Printed, Tolerance, closed_form
from terminal.figures.zenith_pass import ZenithPass
from terminal.optics.scintillation import plane_log_variance
from terminal.optics.turbulence import (
    HV57,
    Turbulence,
    air_path,
    bufton_wind_m_s,
    fried_m,
    greenwood_hz,
    high_wind_m_s,
    isoplanatic_rad,
)

TITLE = "Turbulent air"
ABOUT = """\
ITU's turbulent air ends at 20 km. The closed forms are integrated once more by scipy: HV 5/7, a
satellite at 535 km over a station at the ground; v is Bufton's wind, 5 m/s at the ground, and the
slew of the line of sight times the distance."""
_TABLE = "ITU-R P.1622, Table 2"
_P1622 = {
    21.0: {532: "0.23", 850: "0.13", 1064: "0.10", 1550: "0.07"},
    30.0: {532: "0.36", 850: "0.21", 1064: "0.16", 1550: "0.10"},
}
_TOP_M = 20e3
"""ITU-R P.1621: height of the turbulent atmosphere."""
_ORBIT_M = 535e3
_RELATIVE = 1e-3
_QUADRATURE = "0.1 %: two quadratures of one integral"
_ZENITH_DEG = (0, 40, 60, 80)
_R0 = "[0.423 k^2 sec z int Cn2 dh]^(-3/5)"
_FG = "2.31 lambda^(-6/5) [sec z int Cn2 v^(5/3) dh]^(3/5)"


def checks() -> list[Check]:
    table = [
        Check(
            f"variance of log irradiance, wind {wind:.0f} m/s, {nm} nm",
            _TABLE,
            Printed(text),
            "Np^2",
            partial(_log_variance, wind, nm),
        )
        for wind, row in _P1622.items()
        for nm, text in row.items()
    ]
    named = [
        Check(
            "rms wind aloft of 2.3 m/s at the ground",
            "ITU-R P.1621-2",
            Printed("21"),
            "m/s",
            lambda: high_wind_m_s(2.3),
        ),
        Check(
            "HV 5/7 at 500 nm: Fried parameter, which names it",
            "Andrews & Phillips 2005, ch. 12",
            Printed("5"),
            "cm",
            lambda: 100 * fried_m(air_path(0.0, _ORBIT_M, 0.0), 500e-9),
        ),
        Check(
            "HV 5/7 at 500 nm: isoplanatic angle, which names it",
            "Andrews & Phillips 2005, ch. 12",
            Printed("7"),
            "urad",
            lambda: 1e6 * isoplanatic_rad(air_path(0.0, _ORBIT_M, 0.0), 500e-9),
        ),
    ]
    return [*table, *named, *_closed_forms()]


def _closed_forms() -> list[Check]:
    at = [(nm, zenith) for nm in (1550, 810) for zenith in _ZENITH_DEG]
    fried = [
        _by_quadrature(
            f"Fried parameter, {nm} nm, zenith angle {zenith} degrees",
            _R0,
            100 * _fried_by_scipy_m(nm * 1e-9, math.radians(zenith)),
            "cm",
            partial(_fried_cm, nm * 1e-9, math.radians(zenith)),
        )
        for nm, zenith in at
    ]
    greenwood = [
        _by_quadrature(
            f"Greenwood frequency, {nm} nm, zenith angle {zenith} degrees",
            _FG,
            _greenwood_by_scipy_hz(nm * 1e-9, math.radians(zenith)),
            "Hz",
            partial(_greenwood_hz, nm * 1e-9, math.radians(zenith)),
        )
        for nm, zenith in at
    ]
    return fried + greenwood


def _by_quadrature(
    claim: str, formula: str, expected: float, unit: str, ours: Callable[[], float]
) -> Check:
    tolerance = Tolerance(_QUADRATURE, _RELATIVE * expected)
    return closed_form(claim, formula, Printed(f"{expected:.5g}"), unit, ours, tolerance)


def _log_variance(wind_m_s: float, nm: int) -> float:
    """Downlink at 75 degrees of elevation to a station at 5.5 m."""
    path = air_path(5.5, 500e3, math.radians(15), Turbulence(wind_m_s), top_m=_TOP_M)
    return plane_log_variance(path, nm * 1e-9, "lower")


def _fried_cm(wavelength_m: float, zenith_rad: float) -> float:
    return 100 * fried_m(air_path(0.0, _ORBIT_M, zenith_rad), wavelength_m)


def _greenwood_hz(wavelength_m: float, zenith_rad: float) -> float:
    path = air_path(0.0, _ORBIT_M, zenith_rad)
    slew = ZenithPass(_ORBIT_M).slew_rad_s(zenith_rad)
    return greenwood_hz(path, wavelength_m, bufton_wind_m_s(path.height_m) + slew * path.distance_m)


def _integral(f: Callable[[float], float]) -> float:
    from scipy.integrate import quad

    edges = (0.0, 30.0, 100.0, 300.0, 1e3, 3e3, 6e3, 1e4, 1.4e4, 2e4, 3e4, 6e4)
    return float(sum(quad(f, a, b, epsrel=1e-10, epsabs=0)[0] for a, b in pairwise(edges)))


def _strength(h: float) -> float:
    """HV 5/7 written out once more."""
    return (
        0.00594 * (HV57.high_wind_m_s / 27) ** 2 * (1e-5 * h) ** 10 * math.exp(-h / 1000)
        + 2.7e-16 * math.exp(-h / 1500)
        + 1.7e-14 * math.exp(-h / 100)
    )


def _fried_by_scipy_m(wavelength_m: float, zenith_rad: float) -> float:
    k = 2 * math.pi / wavelength_m
    return float((0.423 * k**2 / math.cos(zenith_rad) * _integral(_strength)) ** (-3 / 5))


def _greenwood_by_scipy_hz(wavelength_m: float, zenith_rad: float) -> float:
    """Slew of a satellite in a circular orbit over a round Earth at rest, through the zenith."""
    earth_m, secant = 6_371_000.0, 1 / math.cos(zenith_rad)
    orbit_m = earth_m + _ORBIT_M
    nadir = math.asin(earth_m / orbit_m * math.sin(zenith_rad))
    range_m = earth_m * math.sin(zenith_rad - nadir) / math.sin(nadir) if nadir else _ORBIT_M
    slew = math.sqrt(3.986004418e14 / orbit_m) * math.cos(nadir) / range_m

    def moved(h: float) -> float:
        wind = 5 + 30 * math.exp(-(((h - 9400) / 4800) ** 2)) + slew * h * secant
        return _strength(h) * float(wind ** (5 / 3))

    total = secant * _integral(moved)
    return float(2.31 * wavelength_m ** (-6 / 5) * total ** (3 / 5))
