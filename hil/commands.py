"""Commands that need a simulated world."""

import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from config.errors import InputError

if TYPE_CHECKING:
    from config.scenario import Scenario

SHORTEST_S = 0.01
"""One step of the world."""


def _checked_duration_s(duration_s: float | None) -> float | None:
    if duration_s is not None and not SHORTEST_S <= duration_s < math.inf:
        raise typer.BadParameter(f"must be {SHORTEST_S:g} or more, and finite; got {duration_s}")
    return duration_s


def run(
    scenario: Annotated[
        str, typer.Argument(help="A scenario file, or the name of one in config/scenarios.")
    ],
    out: Annotated[Path, typer.Option("--out", help="Folder for recording, summary and report.")],
    seed: Annotated[
        int | None,
        typer.Option(
            "--seed", min=0, max=2**63 - 1, help="Seed of the world; default: the scenario's."
        ),
    ] = None,
    realtime: Annotated[
        bool,
        typer.Option(
            "--realtime",
            help="Fly against the wall clock, with gimbal, wave plate and navigation emulators as "
            "processes of their own behind pseudo-terminals.",
        ),
    ] = False,
    duration_s: Annotated[
        float | None,
        typer.Option(
            "--duration-s",
            callback=_checked_duration_s,
            help="Stop after so many seconds of the window.",
        ),
    ] = None,
    handover: Annotated[
        str | None,
        typer.Option(
            "--handover",
            metavar="URL",
            help="Hand raw and sifted clicks and the estimate over here, as tcp://127.0.0.1:5555 "
            "(docs/key-handover.md); in place of terminal.handover.url.",
        ),
    ] = None,
    json_out: Annotated[
        Path | None,
        typer.Option("--json", help="Write the summary here too; - is standard output."),
    ] = None,
) -> None:
    """Fly a scenario in a simulated world and record it.

    Writes pass.mcap, timing.mcap, summary.json and report.html into the folder. A scenario whose
    source sends entangled pairs is flown by two terminals, one after the other: the second's files
    are in the folder `second`, and the time tags of both beside their recordings.

    Examples:

      qsky run leo_haps_downlink --out out/demo

      qsky run leo_haps_downlink --out out/rt --realtime --duration-s 60

      qsky run leo_haps_downlink --out out/demo --handover tcp://127.0.0.1:5555
    """
    from config.loader import load_scenario
    from hil.flight import check_realtime, fly, window_of
    from hil.outputs import write_results
    from hil.progress import shown
    from hil.two_arms import fly_two_arms
    from terminal.mission_ephemeris import orientation_warnings
    from terminal.output import warn

    if json_out is not None and not json_out.parent.is_dir():
        raise InputError(f"--json: no folder {json_out.parent} to write {json_out.name} into")
    loaded = _with_handover(load_scenario(scenario), handover)
    try:
        window = window_of(loaded, duration_s)
        if realtime:
            check_realtime(loaded)
    except InputError as error:
        raise InputError(f"{scenario}: {error}") from error
    warn(orientation_warnings(loaded.mission, *window))
    use_seed = loaded.world.seed if seed is None else seed
    with shown(loaded.name) as progress:
        if realtime:
            from hil.realtime import fly_realtime

            fine_hz = loaded.realtime.fine_hz
            summary = fly_realtime(loaded, scenario, use_seed, window, fine_hz, out, progress)
        elif loaded.mission.source.pairs:
            summary = fly_two_arms(loaded, use_seed, window, out, progress)
        else:
            summary = fly(loaded, use_seed, window, out, progress)
    write_results(out, loaded, summary)
    _tell(summary, out, json_out)


def _with_handover(scenario: "Scenario", url: str | None) -> "Scenario":
    """The scenario with its key hand-over at this URL; None: as it says itself."""
    from msgspec.structs import replace

    from config.handover import Handover, handover_problems

    if url is None:
        return scenario
    terminal = scenario.terminal
    settings = replace(terminal.handover, url=url) if terminal.handover else Handover(url=url)
    for problem in handover_problems(settings, "--handover"):
        raise InputError(f"{problem.key.removesuffix('.url')}: {problem.text}")
    return replace(scenario, terminal=replace(terminal, handover=settings))


def _tell(summary: dict[str, Any], folder: Path, json_out: Path | None) -> None:
    from hil.outputs import table
    from terminal.output import emit

    emit(summary, json_out, lambda: table(summary, folder))
