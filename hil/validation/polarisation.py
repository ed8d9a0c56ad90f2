"""The half-wave plate: resolution, and what a wrong angle costs."""

import math
from functools import partial

from hil.validation.check import Check, Printed, closed_form
from sim_devices.waveplate_ell14 import TURN
from terminal.optics.polarization import half_wave_plate, linear_stokes, mueller

TITLE = "Polarisation"
ABOUT = "By the Mueller matrices of the terminal, light that arrives turned by 0.7 rad."
_MALUS = "sin^2 of the frame error (Malus)"


def checks() -> list[Check]:
    return [
        Check(
            "one pulse of the ELL14, 143,360 a turn",
            "Thorlabs, ELL14 data sheet",
            Printed("9"),
            "arc sec",
            lambda: 360.0 * 3600.0 / TURN,
        ),
        closed_form(
            "frame error of a plate that is wrong by 1 degree",
            "linear polarisation at t leaves at 2a - t",
            Printed("2.000"),
            "deg",
            lambda: math.degrees(2.0 * math.asin(math.sqrt(_error_rate(math.radians(1.0)))) / 2.0),
        ),
        *(
            closed_form(
                f"error rate of a frame error of {degrees} degrees",
                _MALUS,
                Printed(f"{100 * math.sin(math.radians(degrees)) ** 2:.4f}"),
                "%",
                partial(_percent, degrees),
            )
            for degrees in (1.0, 5.7)
        ),
    ]


def _percent(frame_error_deg: float) -> float:
    """The plate stands wrong by half of that."""
    return 100.0 * _error_rate(math.radians(frame_error_deg) / 2.0)


def _error_rate(plate_error_rad: float) -> float:
    """Of H sent in a frame turned by 0.7 rad, put right by a plate that is wrong by this.

    By Stokes vectors; the analyser that should see all of it is the mean of what H and V leave.
    """
    turned_rad = 0.7
    plate = mueller(half_wave_plate(0.5 * turned_rad + plate_error_rad))
    arrived = plate @ linear_stokes(turned_rad)
    wanted = linear_stokes(0.0)
    return float(0.5 * (1.0 - arrived[1:] @ wanted[1:]))
