"""What the variable retarder is told: the retardance that undoes the phase, dither included."""

import math
from typing import NamedTuple

from config.polarization import Retarder
from terminal.control import phase_control
from terminal.control.frame_filter import FrameFilter
from terminal.control.polarization_flags import PolarizationFlag
from terminal.control.polarization_path import Path
from terminal.optics.polarization import Jones

DITHER_FROM_RAD = math.radians(1.0)
"""1-sigma of the trim below which the phase is looked for: rotation first."""


class RetarderOrder(NamedTuple):
    """Which retardance is wanted, by which drive, and whether to send it now."""

    retardance_rad: float = 0.0
    drive_v: float = 0.0
    due: bool = False


def ordered(
    config: Retarder,
    path: Path,
    train: Jones,
    drive: phase_control.Drive,
    known: FrameFilter,
    plate_rad: float,
    linked: bool,
    t_ns: int,
) -> tuple[phase_control.Drive, RetarderOrder, PolarizationFlag]:
    """train: of the mirrors now. plate_rad: the plate's axis by its encoder."""
    silent = drive.silent(t_ns)
    rotation_known = known.trim_sigma_rad(plate_rad) < DITHER_FROM_RAD
    sigma_rad = known.phase_sigma_rad(plate_rad)
    drive = phase_control.dithered(drive, sigma_rad, linked and rotation_known and not silent, t_ns)
    ideal_rad = path.best_retardance_rad(train, known.phase_rad(plate_rad))
    now_rad = phase_control.retardance_rad(config, drive.drive_v)
    wanted_rad = phase_control.within(config, ideal_rad, now_rad)
    wanted_rad += drive.side * phase_control.DITHER_RAD
    volts = phase_control.drive_v(config, wanted_rad)
    due = phase_control.due(drive, config, wanted_rad, t_ns)
    if due:
        drive = phase_control.sent(drive, config, volts, t_ns)
    flags = PolarizationFlag.RETARDER_SILENT if silent else PolarizationFlag(0)
    if drive.side:
        flags |= PolarizationFlag.DITHERING
    return drive, RetarderOrder(wanted_rad, volts, due), flags
