"""The command `qsky track`. Nothing heavy is imported before it runs."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from config.errors import InputError
from terminal.commands import JsonOut
from terminal.output import emit

if TYPE_CHECKING:
    from rich.table import Table

_URAD = 1e6


def track(
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE.npz",
            help="angle_rad (n, 2), noise_rad (n, 2; NaN: no measurement), rate_hz.",
        ),
    ],
    delay_samples: Annotated[
        int,
        typer.Option(
            "--delay-samples", help="From a measurement to the first one its command changes."
        ),
    ],
    train_s: Annotated[
        float, typer.Option("--train-s", help="Learned over so much first; the rest is scored.")
    ],
    residual: Annotated[
        Path | None,
        typer.Option("--residual", metavar="OUT.npy", help="What was left at each tick, rad."),
    ] = None,
    plot: Annotated[
        Path | None,
        typer.Option("--plot", metavar="FILE", help="Draw residual and spectra: .png .svg .pdf."),
    ] = None,
    json_out: JsonOut = None,
) -> None:
    """Close the fine loop over a recorded disturbance, and say how far from the bound it is.

    The controller knows nothing of the disturbance when it begins: it learns in the first --train-s
    seconds and goes on learning. Beside it: the integrator whose gain is the best in hindsight, and
    the best linear prediction that hindsight can fit. `qsky disturbance` makes such files.

    Examples:

      qsky track esa.npz --delay-samples 2 --train-s 5

      qsky track recorded.npz --delay-samples 1 --train-s 5 --plot recorded.png --json -
    """
    from terminal import track as loop
    from terminal.control.prediction.memory import MOST_DELAY
    from terminal.track_file import read_recording, write_residual

    recording = read_recording(file)
    if not 1 <= delay_samples <= MOST_DELAY:
        raise InputError(f"--delay-samples: must be 1 to {MOST_DELAY}, got {delay_samples}")
    angle, noise = recording.angle_rad, recording.noise_rad
    length_s = len(angle) / recording.rate_hz
    if not 0.0 <= train_s < length_s:
        raise InputError(
            f"--train-s: must be 0 or more and leave something of the {length_s:g} s of {file} "
            f"to score, got {train_s:g}"
        )
    scored_from = round(train_s * recording.rate_hz)
    if scored_from >= len(angle):
        raise InputError(f"--train-s: {train_s:g} leaves no tick of {file} to score")
    tracked = loop.close_loop(angle, noise, recording.rate_hz, delay_samples)
    if residual is not None:
        write_residual(residual, tracked.residual_rad, file)
    integrators = [
        loop.best_integrator(angle[:, i], noise[:, i], delay_samples, scored_from) for i in (0, 1)
    ]
    hindsight = [
        loop.hindsight_rms(angle[:, i], noise[:, i], delay_samples, scored_from) for i in (0, 1)
    ]
    knows_bound = recording.delay_samples == delay_samples
    bound = recording.bound_urad_rms if knows_bound else None
    left = [_URAD * loop.rms(tracked.residual_rad[scored_from:, i]) for i in (0, 1)]
    answer: dict[str, Any] = {
        "residual_urad_rms": left,
        "integrator_urad_rms": [_URAD * rms for rms, _ in integrators],
        "compute_us_per_tick": tracked.compute_us_per_tick,
        "integrator_gain": [gain for _, gain in integrators],
        "hindsight_linear_urad_rms": [None if rms is None else _URAD * rms for rms in hindsight],
        "bound_urad_rms": None if bound is None else bound.tolist(),
        "over_bound": None
        if bound is None
        else [float(a / b) for a, b in zip(left, bound, strict=True)],
        "jumps": list(tracked.jumps),
        "scored_s": (len(angle) - scored_from) / recording.rate_hz,
    }
    emit(answer, json_out, lambda: _table(answer))
    if plot is not None:
        from terminal.track_plot import draw

        draw(recording, tracked.residual_rad, answer, delay_samples, scored_from, plot)


def _table(answer: dict[str, Any]) -> "Table":
    from rich.table import Table

    def row(name: str, values: list[float | None] | None, form: str = ".3f") -> None:
        if values is not None:
            shown.add_row(name, *("-" if v is None else f"{v:{form}}" for v in values))

    shown = Table(
        "",
        caption=f"scored {answer['scored_s']:g} s; "
        f"{answer['compute_us_per_tick']:.1f} us of computing a tick",
    )
    shown.add_column("x", justify="right")
    shown.add_column("y", justify="right")
    row("residual, urad rms", answer["residual_urad_rms"])
    row("best integrator in hindsight, urad rms", answer["integrator_urad_rms"])
    row("  its gain", answer["integrator_gain"])
    row("best linear prediction in hindsight, urad rms", answer["hindsight_linear_urad_rms"])
    row("bound of any controller, urad rms", answer["bound_urad_rms"])
    row("residual over bound", answer["over_bound"])
    row("steps met", answer["jumps"], "d")
    return shown
