"""The beam, its jitter, and the bounds of fine tracking."""

import math
from functools import partial

from hil.validation.check import Check, Printed, Tolerance, closed_form
from sim_devices.disturbance import residual_bound_rad, sampled, spectrum_bound_rad
from terminal.control.quad_cell import SLOPE, quad_angles
from terminal.optics.beam import beam_radius_m, mean_collected_fraction

TITLE = "Beam and fine tracking"
ABOUT = """\
ESA's specification of SILEX: 160 / (1 + (f / 1 Hz)^2) urad^2/Hz, one-sided, per axis: a process of
first order, a = 2 pi /s, sigma^2 = 80 pi urad^2."""
_DIVERGENCE_RAD, _WAVELENGTH_M, _RANGE_M, _APERTURE_M = 33e-6, 810e-9, 1e6, 0.35
_CORNER_RAD_S = 2.0 * math.pi
_VARIANCE_URAD2 = 80.0 * math.pi
_RATE_HZ, _NOISE_URAD2_HZ = 5000.0, 1e-3
_EXACT = "1e-3 relative: Riccati equation, solved numerically"


def checks() -> list[Check]:
    return [
        *(_fraction(jitter) for jitter in (3.3e-6, 13.2e-6)),
        closed_form(
            "jitter of the SILEX spectrum, rms per axis",
            "sqrt(80 pi), the spectrum's integral",
            Printed(f"{math.sqrt(_VARIANCE_URAD2):.4f}"),
            "urad",
            _silex_rms_urad,
        ),
        *(_without_noise(delay_s) for delay_s in (0.2e-3, 0.5e-3, 1e-3, 2e-3)),
        *(_with_noise(delay) for delay in (1, 2, 5)),
        closed_form(
            "slope of a quad cell, times the spot's 1/e^2 half angle",
            "sqrt(8 / pi): half of a Gaussian spot against the other half",
            Printed("1.596"),
            "",
            lambda: SLOPE,
        ),
        closed_form(
            "angle read from a spot 1/100 of its half angle beside the centre",
            "halves of a Gaussian, erf(sqrt(2) t / w)",
            Printed("0.01"),
            "",
            _angle_read,
            Tolerance("the cell's own curvature and its counts, 1e-4 of the angle", 1e-6),
        ),
    ]


def _fraction(jitter_rad: float) -> Check:
    expected = _mean_by_scipy(jitter_rad)
    return closed_form(
        f"mean share of a beam of 33 urad through 35 cm at 1000 km, {1e6 * jitter_rad:g} urad",
        "non-central chi-square over the offset, averaged by scipy's quadrature",
        Printed(f"{expected:.6e}"),
        "",
        partial(_mean_here, jitter_rad),
        Tolerance("1e-6 relative: the formula is exact", 1e-6 * expected),
    )


def _mean_here(jitter_rad: float) -> float:
    radius_m = beam_radius_m(_RANGE_M, _DIVERGENCE_RAD, _WAVELENGTH_M)
    return float(mean_collected_fraction(_APERTURE_M, radius_m, _RANGE_M, jitter_rad))


def _mean_by_scipy(jitter_rad: float) -> float:
    from scipy.integrate import quad
    from scipy.stats import ncx2

    waist_m = 2 * _WAVELENGTH_M / (math.pi * _DIVERGENCE_RAD)
    radius_m = waist_m * math.hypot(1.0, _RANGE_M * _WAVELENGTH_M / (math.pi * waist_m**2))
    jitter_m = jitter_rad * _RANGE_M

    def held(offset: float) -> float:
        """offset: in sigma of the jitter."""
        away = (2 * offset * jitter_m / radius_m) ** 2
        rayleigh = offset * math.exp(-0.5 * offset * offset)
        return rayleigh * float(ncx2.cdf((_APERTURE_M / radius_m) ** 2, 2, away))

    return float(quad(held, 0.0, 9.0, epsrel=1e-9)[0])


def _silex_rms_urad() -> float:
    model = sampled("esa_silex", _RATE_HZ)
    return 1e6 * math.sqrt(float(model.c @ model.p @ model.c))


def _without_noise(delay_s: float) -> Check:
    expected = math.sqrt(_VARIANCE_URAD2 * -math.expm1(-2.0 * _CORNER_RAD_S * delay_s))
    return closed_form(
        f"least error on SILEX, delay {1e3 * delay_s:g} ms, no noise",
        "sqrt(sigma^2 (1 - exp(-2 a tau)))",
        Printed(f"{expected:.4f}"),
        "urad",
        partial(_bound_without_noise, delay_s),
        Tolerance(_EXACT, 1e-3 * expected),
    )


def _bound_without_noise(delay_s: float) -> float:
    rate_hz = 10_000.0
    model = sampled("esa_silex", rate_hz)
    return 1e6 * residual_bound_rad(model, round(delay_s * rate_hz), 0.0)


def _with_noise(delay: int) -> Check:
    """Closed form of the scalar Riccati equation of a sampled first-order process."""
    kept = math.exp(-2.0 * _CORNER_RAD_S / _RATE_HZ)
    r = _NOISE_URAD2_HZ * _RATE_HZ / 2.0
    q = _VARIANCE_URAD2 * (1.0 - kept)
    b = q - (1.0 - kept) * r
    m = 0.5 * (b + math.sqrt(b * b + 4.0 * q * r))
    before = kept ** (delay - 1)
    expected = math.sqrt(before * m + _VARIANCE_URAD2 * (1.0 - before))
    return closed_form(
        f"least error on SILEX at 5 kHz, delay {delay} samples, 1e-3 urad^2/Hz",
        "scalar Riccati equation, solved by hand",
        Printed(f"{expected:.4f}"),
        "urad",
        partial(_bound_with_noise, delay),
        Tolerance(_EXACT, 1e-3 * expected),
    )


def _bound_with_noise(delay: int) -> float:
    noise_rad = 1e-6 * math.sqrt(_NOISE_URAD2_HZ * _RATE_HZ / 2.0)
    return 1e6 * spectrum_bound_rad("esa_silex", _RATE_HZ, delay, noise_rad)


def _angle_read() -> float:
    """Of a spot with half angle 1 and ten million counts, moved to the right."""
    right = round(5e6 * 0.5 * (1.0 + math.erf(math.sqrt(2.0) * 0.01)))
    left = 5_000_000 - right
    return quad_angles(right, left, left, right, 1.0)[0]
