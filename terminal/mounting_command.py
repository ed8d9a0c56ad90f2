"""The command `qsky mounting`. Nothing heavy is imported before it runs."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from config.errors import InputError, RunError
from terminal.commands import JsonOut
from terminal.output import emit

if TYPE_CHECKING:
    from config.calibration import MountingCalibration
    from config.terminal import TerminalConfig
    from terminal.telemetry.reader import Recording


def mounting(
    file: Annotated[Path, typer.Argument(metavar="PASS.mcap", help="The recording of a pass.")],
    out: Annotated[
        Path, typer.Option("--out", metavar="FILE", help="Write the calibration here (YAML).")
    ],
    noise_urad: Annotated[
        float,
        typer.Option(
            "--noise-urad",
            help="White noise of a sighting, 1 sigma per image axis: camera, encoders, jitter.",
        ),
    ] = 200.0,
    attitude_mrad: Annotated[
        float | None,
        typer.Option(
            "--attitude-mrad",
            help="Attitude error of the navigation unit, 1 sigma per axis; else what it claims.",
        ),
    ] = None,
    valid_days: Annotated[
        float, typer.Option("--valid-days", help="From the last sighting on.")
    ] = 30.0,
    json_out: JsonOut = None,
) -> None:
    """Fit how the gimbal really stands to the sightings of the beacon in a recording.

    Writes a dated calibration file with the nine terms of the mounting model and their covariance.
    One pass does not tell all terms apart; what it leaves open is said, and its covariance kept.
    The attitude error of the navigation unit is in the sightings: they make no rotation better.

    Examples:

      qsky mounting out/first/pass.mcap --out mounting.yaml

      qsky mounting out/first/pass.mcap --out mounting.yaml --attitude-mrad 2 --json -
    """
    from config.calibration import write_calibration
    from terminal.control.mounting.fit import MountingFitError, fit, surveyed_prior
    from terminal.control.mounting.sightings import SightingNoise
    from terminal.mounting_file import calibration_of
    from terminal.telemetry.reader import Recording
    from terminal.telemetry.sightings import find_sightings

    _check("--noise-urad", noise_urad, 1.0, 1e4)
    _check("--valid-days", valid_days, 1e-3, 3660.0)
    if attitude_mrad is not None:
        _check("--attitude-mrad", attitude_mrad, 1e-3, 100.0)
    recording = Recording(file)
    config = _terminal(recording)
    found = find_sightings(recording)
    attitude_rad = found.attitude_sigma_rad if attitude_mrad is None else attitude_mrad * 1e-3
    if not 0.0 < attitude_rad < 0.1:
        raise InputError(
            f"{file}: the navigation unit claims an attitude error of {attitude_rad:g} rad: say "
            "what it is with --attitude-mrad"
        )
    noise = SightingNoise(noise_urad * 1e-6, attitude_rad, along_s=found.along_sigma_s)
    try:
        fitted = fit(found.sightings, surveyed_prior(config.mounting.sigma_rad), noise)
    except MountingFitError as error:
        raise RunError(f"{file}: no calibration: {error}") from error
    calibration = calibration_of(fitted, config, attitude_rad, found.last_tai_ns, valid_days, file)
    write_calibration(out, calibration)
    answer = _answer(calibration)
    emit(answer, json_out, lambda: _table(answer))


def _check(option: str, value: float, low: float, high: float) -> None:
    if not low <= value <= high:
        raise InputError(f"{option}: must be {low:g} to {high:g}, got {value:g}")


def _terminal(recording: "Recording") -> "TerminalConfig":
    import msgspec

    from config.terminal import TerminalConfig

    try:
        config = msgspec.json.decode(recording.metadata["terminal"], type=TerminalConfig)
        config.devices["gimbal"]
    except (KeyError, ValueError) as error:
        raise InputError(
            f"{recording.path}: its metadata hold no terminal of this version: {error}"
        ) from error
    return config


def _answer(calibration: "MountingCalibration") -> dict[str, Any]:
    import msgspec

    answer: dict[str, Any] = msgspec.to_builtins(calibration)
    answer["sigma"] = {
        name: row[i] ** 0.5
        for i, (name, row) in enumerate(zip(answer["terms"], calibration.covariance, strict=True))
    }
    return answer


def _table(answer: dict[str, Any]) -> Any:
    from rich.table import Table

    shown = Table(
        "term",
        caption=f"{answer['sightings']} sightings, {answer['rejected']} left out; residual "
        f"{answer['residual_rad_rms'] * 1e6:.0f} urad rms; chi2 per degree of freedom "
        f"{answer['chi2'] / answer['degrees_of_freedom']:.2f}",
    )
    shown.add_column("value", justify="right")
    shown.add_column("1 sigma", justify="right")
    shown.add_column("unit")
    shown.add_column("")
    for name, value in answer["terms"].items():
        unit = "urad" if name.endswith("_rad") else "ppm"
        note = "not determined" if name in answer["undetermined"] else ""
        sigma = answer["sigma"][name]
        shown.add_row(
            name.removesuffix("_rad"), f"{value * 1e6:.0f}", f"{sigma * 1e6:.0f}", unit, note
        )
    return shown
