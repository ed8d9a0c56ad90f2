"""Commands of the flight software. Nothing heavy is imported before a command runs."""

from pathlib import Path
from typing import Annotated, Any

import typer

from config.errors import InputError
from terminal.output import emit

JsonOut = Annotated[
    Path | None,
    typer.Option("--json", metavar="FILE", help="Write the answer as JSON (- for stdout)."),
]


def replay(
    file: Annotated[Path, typer.Argument(metavar="FILE.mcap", help="The recording of a run.")],
    verify: Annotated[
        bool, typer.Option("--verify", help="Run every loop again and compare, bit for bit.")
    ] = False,
    json_out: JsonOut = None,
) -> None:
    """Count a recording's ticks, or fly them again.

    With --verify, every recorded sample goes through the same step once more, and the command that
    comes out must be the recorded one, bit for bit; exit code 1 if one is not.

    Examples:

      qsky replay out/demo/pass.mcap

      qsky replay out/demo/pass.mcap --verify --json -
    """
    from terminal.telemetry import replay as engine

    result = engine.verify(file) if verify else engine.count(file)
    if not result.ticks:
        raise InputError(f"{file}: holds no ticks")
    answer: dict[str, Any] = result._asdict()
    answer["loops"] = {name: loop._asdict() for name, loop in result.loops.items()}
    if not verify:
        answer["mismatches"] = None

    def table() -> Any:
        from rich.table import Table

        note = "cut off or damaged: what was whole is counted" if result.truncated else None
        counts = ["ticks", "mismatches", "lost"] if verify else ["ticks", "lost"]
        shown = Table("loop", caption=note)
        for count in counts:
            shown.add_column(count, justify="right")
        for name, row in {**answer["loops"], "all": answer}.items():
            shown.add_row(name, *(f"{row[count]:,}" for count in counts))
        return shown

    emit(answer, json_out, table)
    if result.mismatches:
        raise typer.Exit(1)


def rt_check(
    duration_s: Annotated[
        float, typer.Option("--duration-s", min=0.1, help="Time for all measurements together.")
    ] = 120.0,
    json_out: JsonOut = None,
) -> None:
    """Measure the fine-loop rate that this machine can hold.

    Runs the fine loop in its own process, as in flight, on a dummy quad cell and mirror at several
    rates, and tells how late its ticks start and how long they take (medians, 99th percentiles,
    maxima). A rate is held if lateness and computing time (p99 each) together fit into the period,
    fewer than one tick in 10,000 is skipped, and every slower rate is held. To be 95 % sure of that
    takes 30,000 ticks at each rate, two minutes in all: after less time the answer is "unknown".
    cyclictest runs beside it where it is installed.

    Example:

      qsky rt-check --json rt.json
    """
    if not duration_s < 3600:
        raise InputError(f"--duration-s: must be under 3600, got {duration_s}")
    from terminal.rt_check import check, table

    answer = check(duration_s)
    emit(answer, json_out, lambda: table(answer))
