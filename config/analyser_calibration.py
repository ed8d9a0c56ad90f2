"""The half-wave plate and the four analyser channels, as a dated file: measured, not assumed."""

import math
from datetime import datetime
from pathlib import Path
from typing import Annotated, Literal

from msgspec import Meta

from config.dated_file import covariance_problem, file_error, read_dated, write_dated
from config.fields import Count, Name, NonNegative, OpenFraction, Positive, Spec

PARAMETERS = (
    *("zero_rad", "unturned_share", "wedge_cosine", "wedge_sine"),
    *("flux_h", "flux_v", "flux_d", "flux_a"),
    *("leak_h", "leak_v", "leak_d", "leak_a"),
    "scale",
)
"""Rows and columns of the covariance."""
MAY_BE_OPEN = ("retardance_rad",)

Small = Annotated[float, Meta(ge=-0.5, le=0.5)]
FittedLeak = Annotated[float, Meta(gt=-0.1, lt=1)]
FourFluxes = tuple[Positive, Positive, Positive, Positive]


class AnalyserCalibration(Spec, frozen=True):
    """One calibration of one plate in front of one set of channels."""

    kind: Literal["analyser"]
    waveplate: Name
    """Driver of the plate ..."""
    tagger: Name
    """... and of what counted, as in the terminal's configuration."""
    source: Literal["emulated", "real"]
    """Devices of a simulated bench, or hardware."""
    measured_utc: str
    """End of the scan."""
    valid_until_utc: str
    exposures: Count
    exposure_s: Positive
    dead_time_s: NonNegative
    """Of each detector: what the counts were corrected by."""
    basis_x_probability: OpenFraction
    """Share of the light that the splitter sends to H and V: what the efficiencies leave out."""
    sent_sigma_rad: NonNegative
    """1-sigma of the axis of the light sent; half of it is in the plate's zero."""
    zero_rad: Annotated[float, Meta(ge=-1.0, le=1.0)]
    """Encoder angle at which an axis of the plate, fast or slow, stands along H."""
    unturned_share: Annotated[float, Meta(gt=-0.1, lt=1)]
    """cos^2 of half the retardance, as fitted: below 0 by chance alone."""
    retardance_rad: Annotated[float, Meta(ge=math.pi, le=2 * math.pi)]
    """From that. Linear light does not show on which side of half a wave it lies."""
    scale: Small
    """Degrees turned over degrees told, minus 1."""
    wedge: tuple[Small, Small]
    """The flux goes with 1 + wedge[0] cos a + wedge[1] sin a, a the encoder's angle."""
    flux: FourFluxes
    """H V D A: clicks an exposure of light along the channel's axis, splitter included."""
    efficiency: FourFluxes
    """H V D A, relative to their mean, the splitter's share aside."""
    leak: tuple[FittedLeak, FittedLeak, FittedLeak, FittedLeak]
    """H V D A, one over the extinction ratio, as fitted: below 0 by chance alone."""
    undetermined: tuple[Name, ...]
    """What was set, since it is too near to ideal to show."""
    covariance: tuple[tuple[float, ...], ...]
    """Rows and columns in the order of `PARAMETERS` and their units."""
    chi2: NonNegative
    """Pearson's, of the model against the counts."""
    degrees_of_freedom: Count
    residual: NonNegative
    """What the counts scatter about the model beside their own noise, over the mean count (rms)."""


def read_analyser(path: Path, now_utc: datetime) -> AnalyserCalibration:
    """Read a calibration for use at a time (with a time zone).

    Raises:
        InputError: as `read_dated`, an undetermined value that can't be, or a covariance that is
            none.
    """
    calibration, document = read_dated(path, AnalyserCalibration, now_utc)
    for key in calibration.undetermined:
        if key not in MAY_BE_OPEN:
            raise file_error(document, ("undetermined",), f"{key!r} is never set")
    problem = covariance_problem(calibration.covariance, len(PARAMETERS), "parameter")
    if problem:
        raise file_error(document, ("covariance",), problem)
    return calibration


def write_analyser(path: Path, calibration: AnalyserCalibration) -> None:
    """Write the file that `read_analyser` reads, in whole or not at all.

    Raises:
        InputError: the file cannot be written.
    """
    write_dated(path, calibration)
