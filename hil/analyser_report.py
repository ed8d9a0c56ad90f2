"""What `qsky calibrate-analyser` answers: the file's content with sigmas, beside the truth."""

import math
from typing import TYPE_CHECKING, Any

import msgspec

from config.analyser_calibration import AnalyserCalibration
from config.world import PolarizationTruth
from sim_devices.receiver_optics import PlateErrors
from terminal.analyser_file import relative_efficiency, retardance_rad, sigmas

if TYPE_CHECKING:
    from rich.console import RenderableType

CHANNELS = "hvda"


def answer_of(calibration: AnalyserCalibration, truth: dict[str, float] | None) -> dict[str, Any]:
    """For JSON. truth: as `true_values`, of an emulated bench; None: nobody knows."""
    answer: dict[str, Any] = msgspec.to_builtins(calibration)
    answer["sigma"] = sigmas(calibration) | _efficiency_sigmas(calibration)
    answer["truth"] = truth
    return answer


def true_values(truth: PolarizationTruth, plate: PlateErrors) -> dict[str, float]:
    """What the fit should find in an emulated bench, by the fit's names."""
    # The wedge goes with the plate's true axis; the fit's with the encoder's angle.
    phase_rad = plate.wedge_rad - plate.offset_rad
    values = {
        "zero_rad": math.remainder(-plate.offset_rad, 0.5 * math.pi) / (1.0 + plate.scale),
        "unturned_share": math.cos(0.5 * plate.retardance_rad) ** 2,
        "wedge_cosine": plate.wedge * math.cos(phase_rad),
        "wedge_sine": plate.wedge * math.sin(phase_rad),
        "scale": plate.scale,
    }
    efficiency = relative_efficiency(truth.channel_efficiency, 0.5)
    for i, channel in enumerate(CHANNELS):
        values[f"efficiency_{channel}"] = efficiency[i]
        values[f"leak_{channel}"] = truth.channel_leak[i]
    return values


def _efficiency_sigmas(calibration: AnalyserCalibration) -> dict[str, float]:
    """To first order in the fluxes."""
    import numpy as np

    own = np.array(calibration.efficiency)
    # e_i = u_i / mean(u), u = flux / share: d ln e_i / d ln u_j = delta_ij - e_j / 4.
    by_flux = own[:, None] * (np.eye(4) - own / 4.0) / np.array(calibration.flux)
    covariance = np.array(calibration.covariance)[4:8, 4:8]
    sigma = np.sqrt(np.diag(by_flux @ covariance @ by_flux.T)).tolist()
    return {f"efficiency_{channel}": one for channel, one in zip(CHANNELS, sigma, strict=True)}


def table(answer: dict[str, Any]) -> "RenderableType":
    """For people."""
    from rich.table import Table

    chi2 = answer["chi2"] / answer["degrees_of_freedom"]
    shown = Table(
        "measured",
        caption=f"{answer['exposures']} exposures of {answer['exposure_s']:g} s; chi2 per degree "
        f"of freedom {chi2:.2f}\nresidual beside noise {answer['residual']:.2%}\n"
        f"{_retardance(answer)}\ngood until {answer['valid_until_utc']}",
    )
    heads = ("value", "1 sigma", "truth", "off, sigma") if answer["truth"] else ("value", "1 sigma")
    for head in heads:
        shown.add_column(head, justify="right")
    shown.add_column("unit")
    for row in _rows(answer):
        shown.add_row(*_cells(answer, *row))
    return shown


def _rows(answer: dict[str, Any]) -> list[tuple[str, str, float, float, str]]:
    """(name, key, value, factor, unit)."""
    degree = 180.0 / math.pi
    rows = [
        ("plate zero", "zero_rad", answer["zero_rad"], degree, "deg"),
        ("plate scale", "scale", answer["scale"], 1e3, "1e-3"),
        ("unturned light", "unturned_share", answer["unturned_share"], 100.0, "%"),
        ("wedge, cosine", "wedge_cosine", answer["wedge"][0], 100.0, "% of the flux"),
        ("wedge, sine", "wedge_sine", answer["wedge"][1], 100.0, "% of the flux"),
    ]
    for key, factor, unit in (("efficiency", 1.0, "of the mean"), ("leak", 100.0, "%")):
        for channel, value in zip(CHANNELS, answer[key], strict=True):
            rows.append((f"{key} {channel.upper()}", f"{key}_{channel}", value, factor, unit))
    return rows


def _cells(
    answer: dict[str, Any], name: str, key: str, value: float, factor: float, unit: str
) -> list[str]:
    sigma, truth = answer["sigma"][key], answer["truth"]
    cells = [name, f"{factor * value:.4f}", f"{factor * sigma:.4f}"]
    if truth:
        cells += [f"{factor * truth[key]:.4f}", f"{(value - truth[key]) / sigma:+.1f}"]
    return [*cells, unit]


def _retardance(answer: dict[str, Any]) -> str:
    share, sigma = answer["unturned_share"], answer["sigma"]["unturned_share"]
    if answer["undetermined"]:
        most_deg = math.degrees(retardance_rad(max(0.0, share) + 2.0 * sigma) - math.pi)
        return f"retardance set to half a wave: it is within {most_deg:.1f} deg of it (2 sigma)"
    off_deg = math.degrees(answer["retardance_rad"] - math.pi)
    return f"retardance {off_deg:.1f} deg from half a wave, to which side is not shown"
