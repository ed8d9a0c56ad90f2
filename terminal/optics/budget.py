"""The budget of one link at one moment: every row with its number, its formula and its source."""

import math
from typing import NamedTuple

from msgspec import Struct

from terminal.optics.absorption import transmittance
from terminal.optics.background import background_rate_hz, gate_probability
from terminal.optics.beam import (
    beam_radius_m,
    collected_fraction,
    mean_collected_fraction,
    pointing_fading,
    waist_radius_m,
)
from terminal.optics.celestial_light import (
    MOON_DISC_SR,
    moon_irradiance_w_m2_um,
    seen_radiance_w_m2_sr_um,
)
from terminal.optics.scintillation import (
    aperture_averaging,
    fade_db,
    scintillation_index,
    spherical_log_variance,
)
from terminal.optics.turbulence import (
    AirPath,
    End,
    bufton_wind_m_s,
    greenwood_hz,
    spherical_fried_m,
)
from terminal.optics.wander import spread, spread_divergence_rad, wander_rad

FADE_PROBABILITY = 0.01


class Sender(NamedTuple):
    wavelength_m: float
    full_divergence_rad: float
    jitter_rad: float
    """1 sigma per axis."""


class Way(NamedTuple):
    """Between the two."""

    range_m: float
    air: AirPath
    start: End
    """Where the sender stands."""
    zenith_transmittance: float
    air_mass: float
    slew_rad_s: float
    """Of the line of sight, seen from the lower end."""


class Receiver(NamedTuple):
    aperture_m: float
    optics: float
    """Transmittance, aperture to detectors."""
    detector_efficiency: float
    field_of_view_rad: float
    """Full angle."""
    filter_bandwidth_m: float
    gate_s: float
    """Full width."""
    dark_rate_hz: float
    """Of all detectors together."""
    radiance_w_m2_sr_um: float


class BudgetRow(Struct, frozen=True):
    """One line."""

    row: str
    value: float
    unit: str
    loss_db: float | None
    """Part of the sum; None: for information, or in the sum already."""
    formula: str
    source: str


_FARID = "Farid & Hranilovic 2007"
_ANDREWS = "Andrews & Phillips 2005"
_GIVEN = "the scenario"


def budget(sender: Sender, way: Way, receiver: Receiver) -> list[BudgetRow]:
    """All rows; the last of the losses is their sum, mean photon sent to mean click."""
    losses = [*_beam(sender, way, receiver), *_fixed(way, receiver)]
    total_db = sum(row.loss_db or 0.0 for row in losses)
    total = BudgetRow("sum", 10 ** (-0.1 * total_db), "", total_db, "sum of the losses", "")
    return [*losses, total, *_turbulence(sender, way, receiver), *_background(sender, receiver)]


def total_db(rows: list[BudgetRow]) -> float:
    """The sum's row."""
    return next(row.loss_db or 0.0 for row in rows if row.row == "sum")


def _beam(sender: Sender, way: Way, receiver: Receiver) -> list[BudgetRow]:
    nm, theta, sigma = sender.wavelength_m, sender.full_divergence_rad, sender.jitter_rad
    aperture_m, range_m = receiver.aperture_m, way.range_m
    radius_m = float(beam_radius_m(range_m, theta, nm))
    held = float(collected_fraction(aperture_m, radius_m))
    pointed = float(mean_collected_fraction(aperture_m, radius_m, range_m, sigma))
    wander = wander_rad(way.air, theta, nm, way.start)
    r0_m = spherical_fried_m(way.air, nm, way.start)
    wide_m = float(beam_radius_m(range_m, theta, nm)) * (
        spread_divergence_rad(theta, r0_m, nm, wander) / theta
    )
    widened = float(mean_collected_fraction(aperture_m, wide_m, range_m, sigma))
    moved = float(mean_collected_fraction(aperture_m, wide_m, range_m, math.hypot(sigma, wander)))
    rows = [
        BudgetRow("range", range_m / 1e3, "km", None, "", "plan"),
        BudgetRow(
            "beam radius at the receiver",
            radius_m,
            "m",
            None,
            "w0 sqrt(1 + (L/zR)^2), w0 = 2 lambda / (pi theta)",
            "Gaussian beam",
        ),
        BudgetRow("geometric", held, "", _db(held), "1 - exp(-2 a^2 / w^2)", "Gaussian beam"),
        BudgetRow(
            "pointing error",
            sigma * 1e6,
            "urad",
            _db(pointed / held),
            "w^2 -> w^2 + 4 sigma^2 L^2 (mean, exact)",
            _FARID,
        ),
        BudgetRow(
            "beam spread by turbulence",
            spread(r0_m, float(waist_radius_m(theta, nm))),
            "",
            _db(widened / pointed),
            "<I(0)> of exp(-D/2), less the wander",
            f"{_ANDREWS}, ch. 7",
        ),
        BudgetRow(
            "beam wander",
            wander * 1e6,
            "urad",
            _db(moved / widened),
            "2.28 int Cn2 (1 - d/L)^2 w^(-1/3) ds, per axis",
            "Chiba 1971",
        ),
    ]
    if sigma > 0:
        fading = pointing_fading(aperture_m, radius_m, range_m, sigma)
        level = FADE_PROBABILITY ** (1 / fading.exponent) * fading.peak
        formula = "A0 p^(1/gamma^2) against the mean"
        fade = BudgetRow(
            "pointing fade, 1 % of the time",
            _db(level / fading.mean()),
            "dB",
            None,
            formula,
            _FARID,
        )
        rows.append(fade)
    return rows


def _fixed(way: Way, receiver: Receiver) -> list[BudgetRow]:
    through = transmittance(way.zenith_transmittance, way.air_mass)
    optics, detectors = receiver.optics, receiver.detector_efficiency
    return [
        BudgetRow("absorption", through, "", _db(through), "T^(air mass)", "Beer-Lambert"),
        BudgetRow("receiving optics", optics, "", _db(optics), "given", _GIVEN),
        BudgetRow("detectors", detectors, "", _db(detectors), "given", _GIVEN),
    ]


def _turbulence(sender: Sender, way: Way, receiver: Receiver) -> list[BudgetRow]:
    nm, air = sender.wavelength_m, way.air
    index = scintillation_index(spherical_log_variance(air, nm))
    receives: End = "upper" if way.start == "lower" else "lower"
    kept = aperture_averaging(air, nm, receiver.aperture_m, receives)
    wind_m_s = bufton_wind_m_s(air.height_m) + way.slew_rad_s * air.distance_m
    fade = fade_db(index * kept, FADE_PROBABILITY)
    r0_cm = 100 * spherical_fried_m(air, nm, "lower")
    greenwood = greenwood_hz(air, nm, wind_m_s)
    return [
        BudgetRow(
            "Fried parameter, lower end",
            r0_cm,
            "cm",
            None,
            "[0.423 k^2 int Cn2 (1 - s/L)^(5/3) ds]^(-3/5)",
            f"Fried 1966; {_ANDREWS}, ch. 12",
        ),
        BudgetRow(
            "Greenwood frequency",
            greenwood,
            "Hz",
            None,
            "2.31 lambda^(-6/5) [int Cn2 v^(5/3) ds]^(3/5)",
            "Greenwood 1977; wind: Bufton and slew",
        ),
        BudgetRow(
            "scintillation index, point",
            index,
            "",
            None,
            "2.25 k^(7/6) int Cn2 [s(1 - s/L)]^(5/6) ds, saturated",
            f"{_ANDREWS}, ch. 12",
        ),
        BudgetRow(
            "aperture averaging", kept, "", None, "Airy filter of each layer", f"{_ANDREWS}, ch. 10"
        ),
        BudgetRow(
            "scintillation fade, 1 % of the time",
            fade,
            "dB",
            None,
            "log-normal, against the mean",
            "ITU-R P.1622",
        ),
    ]


def _background(sender: Sender, receiver: Receiver) -> list[BudgetRow]:
    def clicks_hz(radiance_w_m2_sr_um: float) -> float:
        light_hz = background_rate_hz(
            radiance_w_m2_sr_um,
            receiver.field_of_view_rad,
            receiver.aperture_m,
            receiver.filter_bandwidth_m,
            sender.wavelength_m,
        )
        return light_hz * receiver.optics * receiver.detector_efficiency

    sky_hz = clicks_hz(receiver.radiance_w_m2_sr_um)
    moon = seen_radiance_w_m2_sr_um(
        moon_irradiance_w_m2_um(sender.wavelength_m, 0.0), MOON_DISC_SR, receiver.field_of_view_rad
    )
    formula = "H pi (FoV/2)^2 pi (D/2)^2 dlambda lambda / (h c), optics, detectors"
    in_gate = gate_probability(sky_hz + receiver.dark_rate_hz, receiver.gate_s)
    return [
        BudgetRow("background clicks", sky_hz, "Hz", None, formula, "Miao et al. 2005"),
        BudgetRow("dark counts", receiver.dark_rate_hz, "Hz", None, "assumed", ""),
        BudgetRow(
            "noise in a gate", in_gate, "", None, "1 - exp(-rate gate)", "Poisson statistics"
        ),
        BudgetRow(
            "if the full Moon filled the field",
            clicks_hz(moon),
            "Hz",
            None,
            "E / disc for H, E of the Sun by magnitudes",
            "Krisciunas & Schaefer 1991",
        ),
    ]


def _db(ratio: float) -> float:
    """As a loss: positive."""
    return -10 * math.log10(ratio)
