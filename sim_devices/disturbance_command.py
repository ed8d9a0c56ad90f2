"""`qsky disturbance`. Only typer and the standard library are imported before the command runs."""

import math
from pathlib import Path
from typing import Annotated, Any

import typer

MOST_SAMPLES = 10_000_000
"""Half an hour at 5 kHz; 320 MB of file."""


def disturbance(
    name: Annotated[str | None, typer.Argument(help="Which one; see --list.")] = None,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE.npz", help="Where it is written.")
    ] = None,
    rate_hz: Annotated[float, typer.Option("--rate-hz", help="Of the samples.")] = 5000.0,
    duration_s: Annotated[float, typer.Option("--duration-s", help="Length.")] = 20.0,
    delay_samples: Annotated[
        int, typer.Option("--delay-samples", help="For which the bound holds.", min=1, max=1000)
    ] = 2,
    noise_urad: Annotated[
        float, typer.Option("--noise-urad", help="Noise of each reading, rms per axis.")
    ] = 0.2,
    seed: Annotated[int, typer.Option("--seed", help="Of the realisation.", min=0)] = 1,
    list_: Annotated[bool, typer.Option("--list", help="Name the disturbances and end.")] = False,
    json_out: Annotated[
        Path | None,
        typer.Option("--json", metavar="FILE", help="Write the answer as JSON (- for stdout)."),
    ] = None,
) -> None:
    """Write a simulated disturbance of the line of sight for `qsky track`.

    FILE.npz holds angle_rad and noise_rad (n, 2), rate_hz, and what no controller can beat:
    bound_urad_rms (2,) for delay_samples, from the model that made the angles (Riccati equation).
    Events (steps, gusts, gaps) are not in the bound: they only make it harder.

    Examples:

        qsky disturbance --list

        qsky disturbance drone --out drone.npz --delay-samples 2 --noise-urad 0.2 --seed 3
    """
    from config.errors import InputError
    from config.explain import meant
    from sim_devices import disturbance_file
    from sim_devices.spectra import DISTURBANCES
    from terminal.output import emit

    if list_:
        for known, entry in DISTURBANCES.items():
            typer.echo(f"{known:<12}{entry.description}")
        return
    if name is None:
        raise InputError("which disturbance? `qsky disturbance --list` names them")
    if name not in DISTURBANCES:
        raise InputError(f"{name!r} is no disturbance{meant(name, list(DISTURBANCES))}")
    if out is None:
        raise InputError("--out FILE.npz: where shall it be written?")
    _check("--rate-hz", rate_hz, 1.0, 1e6)
    _check("--duration-s", duration_s, 0.0, 1e6)
    _check("--noise-urad", noise_urad, 0.0, 1e6)
    samples = round(rate_hz * duration_s)
    if not 1 <= samples <= MOST_SAMPLES:
        raise InputError(
            f"--duration-s: {duration_s:g} s at {rate_hz:g} Hz are {samples} samples: "
            f"1 to {MOST_SAMPLES} are allowed"
        )
    recorded = disturbance_file.record(
        name, rate_hz, samples, delay_samples, noise_urad * 1e-6, seed
    )
    disturbance_file.write(out, recorded)
    rms_urad = (1e6 * (recorded.angle_rad**2).mean(axis=0) ** 0.5).tolist()
    answer: dict[str, Any] = {
        "name": name,
        "samples": samples,
        "rate_hz": rate_hz,
        "delay_samples": delay_samples,
        "noise_urad": noise_urad,
        "seed": seed,
        "angle_urad_rms": rms_urad,
        "bound_urad_rms": recorded.bound_urad_rms.tolist(),
    }

    def table() -> Any:
        from rich.table import Table

        shown = Table(str(out), "x", "y")
        shown.add_row("angle, urad rms", *(f"{value:.3g}" for value in rms_urad))
        bound = answer["bound_urad_rms"]
        shown.add_row("bound, urad rms", *(f"{value:.4g}" for value in bound))
        return shown

    emit(answer, json_out, table)


def _check(option: str, value: float, least: float, most: float) -> None:
    from config.errors import InputError

    if not (math.isfinite(value) and least <= value <= most):
        raise InputError(f"{option}: must be {least:g} to {most:g}, got {value:g}")
