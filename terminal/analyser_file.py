"""Between a fitted plate and analyser and their dated calibration file."""

import math
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from config.analyser_calibration import PARAMETERS, AnalyserCalibration, read_analyser
from config.errors import InputError
from config.mission import Mission
from config.terminal import TerminalConfig
from terminal.geometry.time_scales import DAY_NS, SECOND_NS, posix_ns_from_tai_ns, utc_text

if TYPE_CHECKING:
    from terminal.analyser_scan import AnalyserScan
    from terminal.control.plate_calibration import PlateCalibration

Four = tuple[float, float, float, float]

SHOWN_SIGMA = 2.0
"""A share of the light left unturned under so many of its sigmas shows no error of retardance."""
_SAME = 1e-6
"""Between two numbers that should be one."""


def load_analyser(
    path: Path, config: TerminalConfig, mission: Mission, now_tai_ns: int
) -> AnalyserCalibration:
    """Read a calibration of plate and channels for use at a time, in this terminal and mission.

    Raises:
        InputError: as `read_analyser`; one of other devices or another splitter; one of emulated
            devices for real ones; or values that do not follow from those they are made of.
    """
    now_utc = datetime.fromtimestamp(posix_ns_from_tai_ns(now_tai_ns) / SECOND_NS, UTC)
    calibration = read_analyser(path, now_utc)
    plate, tagger = config.devices["waveplate"], config.devices["tagger"]
    for key, told, here in (
        ("waveplate", calibration.waveplate, plate.driver),
        ("tagger", calibration.tagger, tagger.driver),
    ):
        if told != here:
            raise InputError(f"{path}: {key}: {told} is not this terminal's {here}: calibrate anew")
    if calibration.source == "emulated" and not plate.url.startswith("inproc:"):
        raise InputError(
            f"{path}: source: is of emulated devices, and terminal.devices.waveplate.url is "
            f"{plate.url}: calibrate the real ones"
        )
    told_x, agreed_x = calibration.basis_x_probability, mission.source.basis_x_probability
    if abs(told_x - agreed_x) > _SAME:
        raise InputError(
            f"{path}: basis_x_probability: {told_x:g} is not mission.source.basis_x_probability "
            f"{agreed_x:g}: calibrate anew"
        )
    efficiency = relative_efficiency(calibration.flux, told_x)
    known = "retardance_rad" not in calibration.undetermined
    turned_rad = retardance_rad(calibration.unturned_share) if known else math.pi
    for key, told_values, values in (
        ("efficiency", calibration.efficiency, efficiency),
        ("retardance_rad", (calibration.retardance_rad,), (turned_rad,)),
    ):
        pairs = zip(told_values, values, strict=True)
        if any(abs(one - other) > _SAME for one, other in pairs):
            raise InputError(f"{path}: {key}: does not follow from what it is made of: {values}")
    return calibration


def with_calibrated_analyser(
    config: TerminalConfig, mission: Mission, now_tai_ns: int
) -> TerminalConfig:
    """The configuration with plate and channels of the calibration that it names, if it names one.

    A scale error that was seen counts as what the scale may be off: the loop learns it from there.
    In an uplink the channels are the partner's, and stay as configured.

    Raises:
        InputError: as `load_analyser`.
    """
    named = config.polarization.calibration
    if named is None:
        return config
    found = load_analyser(Path(named), config, mission, now_tai_ns)
    sigma = sigmas(found)
    replace = msgspec.structs.replace
    plate = replace(
        config.polarization.plate,
        zero_rad=found.zero_rad,
        retardance_rad=found.retardance_rad,
        zero_sigma_rad=sigma["zero_rad"],
        scale_sigma=math.hypot(found.scale, sigma["scale"]),
    )
    optics = replace(config.polarization, plate=plate)
    if mission.receiver is not None:
        return replace(config, polarization=optics)
    h, v, d, a = (max(0.0, leak) for leak in found.leak)
    channels = replace(config.polarization.channels, efficiency=found.efficiency, leak=(h, v, d, a))
    return replace(config, polarization=replace(optics, channels=channels))


def sigmas(calibration: AnalyserCalibration) -> dict[str, float]:
    """1-sigma of each parameter by name."""
    rows = zip(PARAMETERS, calibration.covariance, strict=True)
    return {name: math.sqrt(row[i]) for i, (name, row) in enumerate(rows)}


def relative_efficiency(flux: Four, basis_x_probability: float) -> Four:
    """Of H V D A over their mean, what the splitter sends to each basis taken off."""
    x, z = basis_x_probability, 1.0 - basis_x_probability
    own = [clicks / share for clicks, share in zip(flux, (x, x, z, z), strict=True)]
    mean = sum(own) / len(own)
    h, v, d, a = (one / mean for one in own)
    return h, v, d, a


def retardance_rad(unturned_share: float) -> float:
    """Of a plate that leaves this share cos^2(G / 2) of linear light unturned: G in [pi, 2 pi]."""
    return math.pi + 2.0 * math.asin(math.sqrt(min(1.0, max(0.0, unturned_share))))


def calibration_of(
    found: "PlateCalibration", scan: "AnalyserScan", valid_days: float
) -> AnalyserCalibration:
    """The content of the file for what a scan has shown.

    Raises:
        InputError: times that are none.
    """
    try:
        measured_ns = scan.measured_tai_ns
        dates = [utc_text(measured_ns + round(days * DAY_NS)) for days in (0.0, valid_days)]
    except ValueError as error:
        raise InputError(f"the scan bears no usable time: {error}") from error
    shown = found.unturned_share > SHOWN_SIGMA * math.sqrt(found.covariance[1, 1])
    excess = max(0.0, found.chi2 - found.degrees_of_freedom)
    return AnalyserCalibration(
        kind="analyser",
        waveplate=scan.waveplate,
        tagger=scan.tagger,
        source=scan.source,
        measured_utc=dates[0],
        valid_until_utc=dates[1],
        exposures=len(scan.plate_rad),
        exposure_s=scan.exposure_s,
        dead_time_s=scan.dead_time_s,
        basis_x_probability=scan.basis_x_probability,
        sent_sigma_rad=scan.sent_sigma_rad,
        zero_rad=found.zero_rad,
        unturned_share=found.unturned_share,
        retardance_rad=retardance_rad(found.unturned_share) if shown else math.pi,
        scale=found.scale,
        wedge=(found.wedge_cosine, found.wedge_sine),
        flux=found.flux,
        efficiency=relative_efficiency(found.flux, scan.basis_x_probability),
        leak=found.leak,
        undetermined=() if shown else ("retardance_rad",),
        covariance=tuple(map(tuple, found.covariance.tolist())),
        chi2=found.chi2,
        degrees_of_freedom=found.degrees_of_freedom,
        # Relative scatter f adds f^2 times the sum of the means to Pearson's chi2.
        residual=math.sqrt(excess / float(scan.counts.sum())),
    )
