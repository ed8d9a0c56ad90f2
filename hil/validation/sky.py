"""Light of Sun, Moon and sky, and what it does to entangled pairs."""

import math
from itertools import pairwise

from hil.validation.check import Check, Printed, Tolerance, closed_form
from terminal.optics.absorption import air_mass
from terminal.optics.background import background_rate_hz, gate_probability
from terminal.optics.celestial_light import (
    MOON_DISC_SR,
    lit_surface_radiance_w_m2_sr_um,
    moon_irradiance_w_m2_um,
    sun_irradiance_w_m2_um,
)
from terminal.optics.fidelity import Arm, fidelity

TITLE = "Light of the sky"
ABOUT = "The pair goes down two equal arms."
_ENERGY_J = 6.62607015e-34 * 299_792_458.0 / 810e-9
_TO_FIRST_ORDER = "1e-3: the formula keeps the first order of the background"


def checks() -> list[Check]:
    return [
        Check(
            "total irradiance of the Sun", "IAU 2015 Resolution B3", Printed("1361"), "W/m2", _sun
        ),
        Check(
            "geometric albedo of the Moon, visual",
            "NASA, Moon Fact Sheet",
            Printed("0.12"),
            "",
            _moon_albedo,
        ),
        Check(
            "air mass at the horizon",
            "Kasten & Young, Appl. Opt. 28, 4735 (1989)",
            Printed("38"),
            "",
            lambda: air_mass(0.0),
        ),
        closed_form(
            "full moon, 1.5e-3 W/m2/sr/um: photons into 15 cm, 50 urad, 1 nm at 810 nm",
            "H pi (FoV/2)^2 pi (D/2)^2 dlambda / (h c / lambda)",
            Printed(f"{1.5e-3 * math.pi**2 * 25e-6**2 * 0.075**2 * 1e-3 / _ENERGY_J:.2f}"),
            "/s",
            lambda: background_rate_hz(1.5e-3, 50e-6, 0.15, 1e-9, 810e-9),
        ),
        closed_form(
            "probability of noise in a gate of 1 ns, 1e9 /s: no t times rate",
            "1 - 1/e",
            Printed("0.63212"),
            "",
            lambda: gate_probability(1e9, 1e-9),
        ),
        closed_form(
            "fidelity of a pair without background",
            "that of the source, here 0.95",
            Printed("0.95"),
            "",
            lambda: fidelity(Arm(0.01, 0.0), Arm(0.01, 0.0), 0.95),
            Tolerance("rounding", 1e-12),
        ),
        closed_form(
            "fidelity of a pair that is drowned",
            "1/4: no correlation is left",
            Printed("0.25"),
            "",
            lambda: fidelity(Arm(1e-6, 0.01), Arm(1e-6, 0.01)),
            Tolerance(_TO_FIRST_ORDER, 1e-3),
        ),
    ]


def _sun() -> float:
    from scipy.integrate import quad

    def of_um(wavelength_um: float) -> float:
        return sun_irradiance_w_m2_um(wavelength_um * 1e-6)

    edges = (0.05, 0.5, 1.0, 3.0, 10.0, 100.0, 1000.0)
    parts = (quad(of_um, low, high, epsrel=1e-9)[0] for low, high in pairwise(edges))
    return float(sum(parts))


def _moon_albedo() -> float:
    """Radiance of the full Moon's disc over that of a white matt disc in the same sunlight."""
    radiance = moon_irradiance_w_m2_um(550e-9, 0.0) / MOON_DISC_SR
    white = lit_surface_radiance_w_m2_sr_um(sun_irradiance_w_m2_um(550e-9), 1.0, math.pi / 2)
    return radiance / white
