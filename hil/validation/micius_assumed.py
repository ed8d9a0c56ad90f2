"""What is not printed of the Micius link, the range that the printed figures allow for each, and
how the result moves over it."""

import math
from collections.abc import Callable
from functools import cache
from typing import NamedTuple

from msgspec.structs import replace
from scipy.optimize import brentq

from config.loader import load_scenario
from config.scenario import Scenario
from hil.validation.micius_pass import FAR_M, NAME, Outcome, course, flown, refitted, scenario
from terminal.optics.background import background_rate_hz

_FWHM_OF_FULL = math.sqrt(math.log(2.0) / 2.0)
"""Of a Gaussian beam: full width at half maximum over full 1/e^2 width."""
BEAM_FULL_RAD = 10e-6, 10e-6 / _FWHM_OF_FULL
"""Full widths at 1/e^2: the printed "about 10 urad" read as that, or as width at half maximum."""
_PRINTED_ERROR = 0.0105, 0.0115
"""1.1 % to half its digit."""
_AIR_DB = 3.0, 8.0
"""Printed for 1200 km."""
_MOST_POINTING_DB = 3.0
_EFFICIENCY = 1.0, 1.5
"""Error correction: the Shannon limit, and what a poor code leaks."""
_CONTRAST = 280.0
_MOST_EXTRA_ERROR = 0.005
"""Of the satellite's motion compensation: its published fidelity is above 0.995."""


class Assumption(NamedTuple):
    """One value that is not printed."""

    what: str
    taken: str
    least: str
    greatest: str
    allowed_by: str
    """Which printed figure limits the range."""
    at_least: Scenario
    at_greatest: Scenario
    """Not refitted."""


@cache
def assumptions() -> list[Assumption]:
    """All that the analytic pass rests on beside what is printed."""
    given = scenario()
    air = given.world.atmosphere
    taken_db = -10.0 * math.log10(air.zenith_transmittance) / math.sin(_far_elevation_rad())
    beam, jitter = given.mission.beam.full_divergence_rad, given.world.partner.jitter_rad
    # Of a Gaussian beam much wider than the aperture: w^2 becomes w^2 + 4 s^2.
    most_jitter = 0.25 * beam * math.sqrt(10 ** (0.1 * _MOST_POINTING_DB) - 1.0)
    error = given.world.polarization.intrinsic_qber
    worst = _with_error(given, error + _MOST_EXTRA_ERROR)
    least_sky = _radiance_for(_PRINTED_ERROR[0], worst)
    most_sky = _radiance_for(_PRINTED_ERROR[1], given)
    extra_db = -10.0 * math.log10(given.terminal.optics.transmittance / 0.16)
    efficiency = given.mission.security.error_correction_efficiency
    return [
        Assumption(
            "beam, full width at 1/e^2",
            f"{1e6 * beam:.1f} urad: 22 dB",
            f"{1e6 * BEAM_FULL_RAD[0]:.1f} urad",
            f"{1e6 * BEAM_FULL_RAD[1]:.1f} urad",
            '"about 10 urad", of 1/e^2 or of half the maximum',
            _with_beam(given, BEAM_FULL_RAD[0]),
            _with_beam(given, BEAM_FULL_RAD[1]),
        ),
        Assumption(
            "pointing error per axis",
            f"{1e6 * jitter:.1f} urad",
            f"{1e6 * jitter / math.sqrt(2):.2f} urad",
            f"{1e6 * most_jitter:.1f} urad",
            '"about 1.2 urad", if radial; "under 3 dB"',
            _with_jitter(given, jitter / math.sqrt(2)),
            _with_jitter(given, most_jitter),
        ),
        Assumption(
            "air at 1200 km",
            f"{taken_db:.1f} dB",
            f"{_AIR_DB[0]:.0f} dB",
            f"{_AIR_DB[1]:.0f} dB",
            "3 to 8 dB; the rates of 12 and 1 kbit/s ask for the most",
            _with_air(given, _AIR_DB[0]),
            _with_air(given, _AIR_DB[1]),
        ),
        Assumption(
            "loss that is not named: **fitted**",
            f"{extra_db:.2f} dB",
            "0 dB",
            f"{_MOST_POINTING_DB:.0f} dB",
            '"pointing under 3 dB", all of it',
            _with_optics(given, 0.0),
            _with_optics(given, _MOST_POINTING_DB),
        ),
        Assumption(
            "sky light: radiance, field and filter",
            f"{_sky_hz(given):.0f} clicks/s",
            f"{_sky_hz(_with_sky(given, least_sky)):.0f} clicks/s",
            f"{_sky_hz(_with_sky(given, most_sky)):.0f} clicks/s",
            "the error rate of 1.1 %, with the most and the least error of the polarisation",
            _with_sky(given, least_sky),
            _with_sky(given, most_sky),
        ),
        Assumption(
            "error of the polarisation",
            f"{100 * error:.2f} %",
            f"{100 / (_CONTRAST + 1):.2f} %",
            f"{100 * (error + _MOST_EXTRA_ERROR):.2f} %",
            "contrast 280:1 alone; and a motion compensation of 0.995",
            _with_error(given, 1.0 / (_CONTRAST + 1.0)),
            worst,
        ),
        Assumption(
            "dark counts of a detector",
            f"{given.world.detectors.dark_rate_hz:.0f} Hz",
            "0 Hz",
            "25 Hz",
            '"under 25 Hz"',
            _with_dark(given, 0.0),
            _with_dark(given, 25.0),
        ),
        Assumption(
            "leakage of error correction over Shannon's",
            f"{efficiency:.2f}",
            f"{_EFFICIENCY[0]:.2f}",
            f"{_EFFICIENCY[1]:.2f}",
            "nothing that is printed: a Hamming code, without its efficiency",
            _with_efficiency(given, _EFFICIENCY[0]),
            _with_efficiency(given, _EFFICIENCY[1]),
        ),
        Assumption(
            "public slots, disclosed bits",
            "none",
            "none",
            "5 %, 5 %: as flown",
            "Micius had neither: it synchronised by a pulsed beacon",
            given,
            load_scenario(NAME),
        ),
    ]


@cache
def _outcomes(refit: bool) -> list[Outcome]:
    """At both ends of each range that Micius itself could have had.

    Each with the leakage taken, the least and the most: no printed figure ties that to the others.
    """
    ends = [end for a in assumptions()[:-1] for end in (a.at_least, a.at_greatest)]
    taken = scenario().mission.security.error_correction_efficiency
    return [
        flown(_with_efficiency(end, efficiency))
        for end in (map(refitted, ends) if refit else ends)
        for efficiency in (taken, *_EFFICIENCY)
    ]


def least_and_greatest(pick: Callable[[Outcome], float], refit: bool) -> tuple[float, float]:
    """Of one number of the outcome, one assumption at a time at either end of its range, and with
    it any leakage of the error correction.

    refit: with the loss fitted anew to the printed sifted bits.
    """
    values = [pick(outcome) for outcome in _outcomes(refit)]
    return min(values), max(values)


def _far_elevation_rad() -> float:
    way = course()
    return float(way.elevation_rad[abs(way.range_m - FAR_M).argmin()])


def _radiance_for(error_rate: float, given: Scenario) -> float:
    """Sky with which the refitted pass errs so often, W m-2 sr-1 um-1."""

    def over(radiance: float) -> float:
        return flown(refitted(_with_sky(given, radiance))).error_rate - error_rate

    return float(brentq(over, 0.0, 0.1, xtol=1e-7))


def _sky_hz(given: Scenario) -> float:
    optics = given.terminal.optics
    photons_hz = background_rate_hz(
        given.world.atmosphere.background_radiance_w_m2_sr_um,
        optics.field_of_view_rad,
        optics.aperture_m,
        optics.filter_bandwidth_m,
        given.mission.source.wavelength_m,
    )
    return photons_hz * optics.transmittance * optics.detector_efficiency


def _with_beam(given: Scenario, full_rad: float) -> Scenario:
    beam = replace(given.mission.beam, full_divergence_rad=full_rad)
    return replace(given, mission=replace(given.mission, beam=beam))


def _with_jitter(given: Scenario, sigma_rad: float) -> Scenario:
    partner = replace(given.world.partner, jitter_rad=sigma_rad)
    return replace(given, world=replace(given.world, partner=partner))


def _with_air(given: Scenario, far_db: float) -> Scenario:
    zenith = 10 ** (-0.1 * far_db * math.sin(_far_elevation_rad()))
    air = replace(given.world.atmosphere, zenith_transmittance=zenith)
    return replace(given, world=replace(given.world, atmosphere=air))


def _with_optics(given: Scenario, extra_db: float) -> Scenario:
    optics = replace(given.terminal.optics, transmittance=0.16 * 10 ** (-0.1 * extra_db))
    return replace(given, terminal=replace(given.terminal, optics=optics))


def _with_sky(given: Scenario, radiance: float) -> Scenario:
    air = replace(given.world.atmosphere, background_radiance_w_m2_sr_um=radiance)
    return replace(given, world=replace(given.world, atmosphere=air))


def _with_error(given: Scenario, intrinsic_qber: float) -> Scenario:
    polarization = replace(given.world.polarization, intrinsic_qber=intrinsic_qber)
    return replace(given, world=replace(given.world, polarization=polarization))


def _with_dark(given: Scenario, rate_hz: float) -> Scenario:
    detectors = replace(given.world.detectors, dark_rate_hz=rate_hz)
    return replace(given, world=replace(given.world, detectors=detectors))


def _with_efficiency(given: Scenario, efficiency: float) -> Scenario:
    security = replace(given.mission.security, error_correction_efficiency=efficiency)
    return replace(given, mission=replace(given.mission, security=security))
