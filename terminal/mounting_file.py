"""Between a fitted mounting and its dated calibration file."""

import hashlib
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from config.calibration import MountingCalibration, MountingTerms, read_calibration
from config.errors import InputError
from config.terminal import TerminalConfig
from terminal.control.mounting.model import LEVEL_UP, MountingModel, MountingParameters
from terminal.control.mounting.sky_sigma import sky_sigma_rad
from terminal.geometry.gimbal_frame import Joints
from terminal.geometry.time_scales import DAY_NS, SECOND_NS, posix_ns_from_tai_ns, utc_text
from terminal.geometry.vector import Vec

if TYPE_CHECKING:  # it brings scipy, which a flight does not need
    from terminal.control.mounting.fit import MountingFit

SKY = tuple(
    Joints(yaw_rad, pitch_rad) for yaw_rad in (-2.0, 0.0, 2.0) for pitch_rad in (0.35, 0.8, 1.25)
)
"""Places all over the sky, on the cable's middle turn."""

SURVEY_TOLERANCE_RAD = 1e-9
"""Between the survey in a file and the terminal's; more than rounding is another survey."""


class LoadedMounting(NamedTuple):
    """A calibration, ready for use."""

    model: MountingModel
    covariance: NDArray[np.float64]
    """(9, 9), in the order and units of `MountingParameters`."""
    calibration: MountingCalibration

    def sky_sigma_rad(self, joints: Joints, up_base: Vec = LEVEL_UP) -> float:
        """1-sigma of where the boresight stands at these joints, along the worse direction."""
        return sky_sigma_rad(self.model.parameters, self.covariance, joints, up_base)


def load_mounting(
    path: Path, now_tai_ns: int, survey_rad: tuple[float, float, float] | None = None
) -> LoadedMounting:
    """Read a mounting calibration for use at a time, in a terminal with this survey.

    survey_rad: the terminal's `mounting.rotation_vector_rad`, against which the terms count; None:
    not compared.

    Raises:
        InputError: as `read_calibration`, or a calibration against another survey.
    """
    now_utc = datetime.fromtimestamp(posix_ns_from_tai_ns(now_tai_ns) / SECOND_NS, UTC)
    calibration = read_calibration(path, now_utc)
    if survey_rad is not None:
        off = np.subtract(survey_rad, calibration.survey_rotation_vector_rad)
        if np.abs(off).max() > SURVEY_TOLERANCE_RAD:
            raise InputError(
                f"{path}: survey_rotation_vector_rad: is not the terminal's "
                f"mounting.rotation_vector_rad {list(survey_rad)}: calibrate anew"
            )
    terms = [getattr(calibration.terms, name) for name in MountingParameters._fields]
    model = MountingModel(MountingParameters(*terms))
    return LoadedMounting(model, np.array(calibration.covariance), calibration)


def flown_mounting(config: TerminalConfig, now_tai_ns: int) -> LoadedMounting | None:
    """The calibration that the configuration names. Raises InputError as `load_mounting`."""
    named = config.mounting.calibration
    if named is None:
        return None
    return load_mounting(Path(named), now_tai_ns, config.mounting.rotation_vector_rad)


def worst_sigma_rad(mounting: LoadedMounting) -> float:
    """The largest 1-sigma all over the sky, for a level base: for those who know no pass.

    After the calibration of one pass it may be worse than the survey's, though along a similar pass
    the sigma is far smaller.
    """
    return max(mounting.sky_sigma_rad(place) for place in SKY)


def calibration_of(
    fit: "MountingFit",
    config: TerminalConfig,
    attitude_sigma_rad: float,
    measured_tai_ns: int,
    valid_days: float,
    recording: Path,
) -> MountingCalibration:
    """The content of the file for a fit to the sightings of a recording.

    Raises:
        InputError: the recording cannot be read, or its times are none.
    """
    try:
        dates = [utc_text(measured_tai_ns + round(days * DAY_NS)) for days in (0.0, valid_days)]
        with recording.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise InputError(f"{recording}: cannot read the recording: {error.strerror}") from error
    except ValueError as error:
        raise InputError(f"{recording}: the sightings bear no usable time: {error}") from error
    return MountingCalibration(
        kind="mounting",
        device=config.devices["gimbal"].driver,
        measured_utc=dates[0],
        valid_until_utc=dates[1],
        survey_rotation_vector_rad=config.mounting.rotation_vector_rad,
        sightings=fit.n,
        rejected=fit.rejected,
        residual_rad_rms=fit.residual_rad_rms,
        chi2=fit.chi2,
        degrees_of_freedom=fit.degrees_of_freedom,
        attitude_sigma_rad=attitude_sigma_rad,
        terms=MountingTerms(**fit.parameters._asdict()),
        undetermined=fit.undetermined,
        covariance=tuple(map(tuple, fit.covariance.tolist())),
        source=recording.name,
        source_sha256=digest,
    )
