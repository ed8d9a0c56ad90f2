"""Between a measured mirror response and its dated calibration file."""

from datetime import UTC, datetime
from math import hypot
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import msgspec

from config.errors import InputError
from config.response_calibration import ResponseCalibration, read_response
from config.terminal import MirrorAnswer, TerminalConfig
from terminal.control.mirror_response import Matrix, inverse, rotation_rad
from terminal.geometry.time_scales import DAY_NS, SECOND_NS, posix_ns_from_tai_ns, utc_text

if TYPE_CHECKING:  # it brings scipy, which a flight does not need
    from terminal.control.identification.identify import Identified

_SAME = 1e-6
"""Between two numbers that should be one."""


def load_response(path: Path, now_tai_ns: int, config: TerminalConfig) -> ResponseCalibration:
    """Read a calibration of the mirror for use at a time, in this terminal.

    Raises:
        InputError: as `read_response`; one of other devices, at another rate or of another scale;
            one of emulated devices for real ones; or one by which no mirror can be steered.
    """
    now_utc = datetime.fromtimestamp(posix_ns_from_tai_ns(now_tai_ns) / SECOND_NS, UTC)
    calibration = read_response(path, now_utc)
    mirror, quad = config.devices["mirror"], config.devices["quad"]
    for key, here in (
        ("mirror", mirror.driver),
        ("detector", quad.driver),
        ("rate_hz", config.rates.fine_hz),
        ("counts_per_rad", counts_per_rad(config)),
        ("quad_spot_rad", config.optics.quad_spot_rad),
    ):
        told = getattr(calibration, key)
        if told != here and not (isinstance(here, float) and abs(told - here) < _SAME * here):
            raise InputError(f"{path}: {key}: {told} is not this terminal's {here}: calibrate anew")
    if calibration.source == "emulated" and not mirror.url.startswith("inproc:"):
        raise InputError(
            f"{path}: source: is of emulated devices, and terminal.devices.mirror.url is "
            f"{mirror.url}: calibrate the real ones"
        )
    derived = _derived(calibration.matrix)
    for key, value in derived.items():
        told = getattr(calibration, key)
        pairs = zip(told, value, strict=True) if isinstance(value, tuple) else [(told, value)]
        if any(abs(one - other) > _SAME for one, other in pairs):
            raise InputError(f"{path}: {key}: {told} does not follow from its matrix: {value}")
    try:
        inverse(calibration.matrix)
    except ValueError as error:
        raise InputError(f"{path}: matrix: {error}: calibrate anew") from error
    return calibration


def with_calibrated_response(config: TerminalConfig, now_tai_ns: int) -> TerminalConfig:
    """The configuration with the response of the calibration that it names, if it names one.

    Raises:
        InputError: as `load_response`.
    """
    named = config.fine.calibration
    if named is None:
        return config
    found = load_response(Path(named), now_tai_ns, config)
    answer = MirrorAnswer(
        resonance_hz=found.resonance_hz,
        damping=found.damping,
        delay_samples=found.delay_samples,
        matrix=found.matrix,
    )
    replace = msgspec.structs.replace
    return replace(config, fine=replace(config.fine, response=answer))


def counts_per_rad(config: TerminalConfig) -> float:
    """Of the mirror's converter.

    Raises:
        InputError: the driver's option is missing or no number.
    """
    scale = config.devices["mirror"].options.get("counts_per_rad")
    if isinstance(scale, bool) or not isinstance(scale, int | float) or not scale > 0.0:
        raise InputError(
            f"terminal.devices.mirror.options.counts_per_rad: must be a number over 0, is {scale!r}"
        )
    return float(scale)


def calibration_of(
    found: "Identified",
    config: TerminalConfig,
    amplitude_rad: float,
    measured_tai_ns: int,
    valid_days: float,
    source: Literal["emulated", "real"],
    background_counts: float,
) -> ResponseCalibration:
    """The content of the file for a response.

    Raises:
        InputError: times that are none.
    """
    try:
        dates = [utc_text(measured_tai_ns + round(days * DAY_NS)) for days in (0.0, valid_days)]
    except ValueError as error:
        raise InputError(f"the measurement bears no usable time: {error}") from error
    response, impulse = found.response, found.impulse
    return ResponseCalibration(
        kind="mirror_response",
        mirror=config.devices["mirror"].driver,
        detector=config.devices["quad"].driver,
        counts_per_rad=counts_per_rad(config),
        quad_spot_rad=config.optics.quad_spot_rad,
        source=source,
        measured_utc=dates[0],
        valid_until_utc=dates[1],
        rate_hz=config.rates.fine_hz,
        scans=impulse.rows,
        amplitude_rad=amplitude_rad,
        background_counts=background_counts,
        matrix=response.matrix,
        **_derived(response.matrix),  # type: ignore[arg-type]
        resonance_hz=response.resonance_hz,
        damping=response.damping,
        delay_samples=response.delay_samples,
        undetermined=() if found.determined else ("resonance_hz", "damping"),
        covariance=tuple(map(tuple, found.covariance.tolist())),
        chi2=found.model.chi2,
        degrees_of_freedom=found.degrees_of_freedom,
        misfit=found.misfit,
        residual_rad_rms=impulse.residual_rad,
    )


def _derived(matrix: Matrix) -> dict[str, float | tuple[float, float]]:
    (a, b), (c, d) = matrix
    return {"gain": (hypot(a, c), hypot(b, d)), "rotation_rad": rotation_rad(matrix)}
