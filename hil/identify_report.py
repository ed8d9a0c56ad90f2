"""What `qsky identify` answers: the response, how well it is known, and the controller for it."""

import math
from typing import TYPE_CHECKING, Any

import msgspec

from config.response_calibration import PARAMETERS, ResponseCalibration
from config.scenario import Scenario
from sim_devices.disturbance import spectrum_bound_rad
from terminal.control.identification.design import design
from terminal.control.identification.excitation import Excitation
from terminal.control.identification.identify import Identified

if TYPE_CHECKING:
    from rich.console import RenderableType


def answer_of(
    scenario: Scenario,
    calibration: ResponseCalibration,
    found: Identified,
    excitation: Excitation,
    noise_rad: float | None,
) -> dict[str, Any]:
    """The file's content with sigmas, and the design.

    noise_rad: of a reading; None: as measured.
    """
    answer: dict[str, Any] = msgspec.to_builtins(calibration)
    answer["sigma"] = {
        name: math.sqrt(row[i])
        for i, (name, row) in enumerate(zip(PARAMETERS, calibration.covariance, strict=True))
    }
    answer["sigma"] |= _derived_sigma(calibration)
    answer["axis_resonance_hz"] = list(found.axis_resonance_hz)
    answer["gain_change_half_to_full"] = list(found.gain_change)
    answer["amplitude_limited_by"] = excitation.limited_by or None
    rate_hz = float(calibration.rate_hz)
    made = design(found.response, rate_hz)
    noise = math.hypot(*calibration.residual_rad_rms) / math.sqrt(2.0)
    noise = noise if noise_rad is None else noise_rad
    spectrum = scenario.world.platform.residual
    bound_rad = spectrum_bound_rad(spectrum, rate_hz, calibration.delay_samples, noise)
    answer["design"] = {
        "delay_us": 1e6 * made.delay_s,
        "steering_pull": made.steering.pull,
        "steering_lean": made.steering.lean,
        "ringing_pole": made.ringing,
        "settling_us": 1e6 * made.settling_samples / rate_hz,
        "integrator_gain": made.integrator_gain,
        "integrator_gain_limit": made.integrator_gain_limit,
        "disturbance": spectrum,
        "noise_urad": 1e6 * noise,
        "bound_urad_rms": 1e6 * bound_rad,
    }
    return answer


def _derived_sigma(calibration: ResponseCalibration) -> dict[str, Any]:
    """Of gains and rotation, to first order in the matrix."""
    import numpy as np

    (a, b), (c, d) = calibration.matrix
    gain_x, gain_y = calibration.gain
    turned = (a + d) ** 2 + (c - b) ** 2
    slopes = np.array(
        [
            [a / gain_x, 0.0, c / gain_x, 0.0],
            [0.0, b / gain_y, 0.0, d / gain_y],
            np.array([-(c - b), -(a + d), a + d, -(c - b)]) / max(turned, 1e-300),
        ]
    )
    covariance = np.array(calibration.covariance)[:4, :4]
    x, y, rotation = np.sqrt(np.diag(slopes @ covariance @ slopes.T)).tolist()
    return {"gain": [x, y], "rotation_rad": rotation}


def table(answer: dict[str, Any]) -> "RenderableType":
    """For people: what was measured, and what follows."""
    from rich.console import Group
    from rich.table import Table

    residual = " and ".join(f"{1e6 * r:.2f}" for r in answer["residual_rad_rms"])
    limited = answer["amplitude_limited_by"]
    measured = Table(
        "measured",
        caption=f"{answer['scans']:,} scans, commands up to {1e6 * answer['amplitude_rad']:.3g} "
        + (f"urad (the mirror's {limited})" if limited else "urad")
        + f"; background {answer['background_counts']:.0f} counts"
        f"; noise {residual} urad a scan (x, y); chi2 per degree of freedom "
        f"{answer['chi2'] / answer['degrees_of_freedom']:.2f}, misfit {answer['misfit']:.2%}; "
        f"good until {answer['valid_until_utc']}",
    )
    for column in ("value", "1 sigma"):
        measured.add_column(column, justify="right")
    measured.add_column("")
    for row in _measured_rows(answer):
        measured.add_row(*row)
    return Group(measured, _design_table(answer["design"]))


def _measured_rows(answer: dict[str, Any]) -> list[tuple[str, str, str, str]]:
    sigma = answer["sigma"]
    (xx, xy), (yx, yy) = answer["matrix"]
    rows = [
        (
            f"matrix {name}",
            f"{value:+.4f}",
            f"{sigma[f'matrix_{name}']:.4f}",
            "detector over command",
        )
        for name, value in (("xx", xx), ("xy", xy), ("yx", yx), ("yy", yy))
    ]
    rows += [
        (f"gain {name}", f"{gain:.4f}", f"{one:.4f}", "")
        for name, gain, one in zip("xy", answer["gain"], sigma["gain"], strict=True)
    ]
    rows.append(
        (
            "rotation",
            f"{1e3 * answer['rotation_rad']:.2f} mrad",
            f"{1e3 * sigma['rotation_rad']:.2f} mrad",
            "",
        )
    )
    known = not answer["undetermined"]
    set_ = "not determined: the mirror is there within a scan; set"
    alone = "x {:.0f}, y {:.0f} Hz alone".format(*answer["axis_resonance_hz"])
    rows += [
        (
            "resonance",
            f"{answer['resonance_hz']:.1f} Hz",
            f"{sigma['resonance_hz']:.1f} Hz" if known else "",
            alone if known else set_,
        ),
        (
            "damping",
            f"{answer['damping']:.4f}",
            f"{sigma['damping']:.4f}" if known else "",
            "" if known else set_,
        ),
        ("delay", f"{answer['delay_samples']} scans", "", "from a scan to the first that answers"),
    ]
    return rows


def _design_table(made: dict[str, Any]) -> "RenderableType":
    from rich.table import Table

    shown = Table("controller", "value", "")
    where = f"on {made['disturbance']} with {made['noise_urad']:.2f} urad of noise"
    for row in (
        ("delay", f"{made['delay_us']:.0f} us", ""),
        (
            "steering",
            f"pull {made['steering_pull']:.3f}, lean {made['steering_lean']:.3f}",
            "u = pull (target - a11 place - a12 speed) + lean target",
        ),
        ("largest pole", f"{made['ringing_pole']:.3f}", "of mirror and steering together"),
        ("settling", f"{made['settling_us']:.0f} us", "to a hundredth of a jump, delay included"),
        (
            "integrator",
            f"gain {made['integrator_gain']:.3f}",
            f"for fine.gain; rings from {made['integrator_gain_limit']:.3f} on",
        ),
        (
            "bound",
            f"{made['bound_urad_rms']:.2f} urad",
            f"of any controller, rms per axis, {where}",
        ),
    ):
        shown.add_row(*row)
    return shown
