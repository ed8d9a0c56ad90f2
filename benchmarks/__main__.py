"""`make bench`: every speed figure of qsky, in one table.

Costs stand beside two units measured in the same run: `sum(range(1000))`, timed in turn with the
work, and an empty tick. Judge the ratios; the microseconds are this machine's of this moment.
Time tags have a table of their own: `python -m benchmarks.throughput`.
"""

import argparse
import json
import os
import platform
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks import command, device_calls, fine_tick, loops
from benchmarks.cost import UNIT, Cost, Figure, unit_us
from config.loader import load_scenario


def figures(duration_s: float | None, folder: Path) -> Iterator[Figure]:
    """All of them; the flight comes first, since other benchmarks use its recording."""
    flown = command.fly(folder, duration_s)
    simulated_s, wall_s = flown.summary["simulated_s"], flown.summary["wall_s"]
    yield Figure(f"lock-step flight, {simulated_s:g} s", simulated_s / wall_s, "x real time")
    yield Figure("the same, whole command", simulated_s / flown.command_s, "x real time")
    yield Figure("the same, by processor time", simulated_s / flown.processor_s, "x real time")
    yield Figure("peak memory of that command", flown.peak_mib, "MiB")
    yield Figure("recording, per simulated second", _size_mb(folder) / simulated_s, "MB")
    yield Figure("report of that flight", command.report_s(folder), "s")
    help_s, python_s = command.help_s()
    yield Figure("qsky --help", help_s, "s")
    yield Figure("qsky --help over bare python", help_s / python_s, "x")

    scenario = load_scenario(command.SCENARIO)
    ticks = fine_tick.recorded_ticks(folder / "pass.mcap")
    empty = fine_tick.empty_tick(ticks)

    def row(name: str, measured: Cost) -> Figure:
        return Figure(name, measured.us, "us", measured.units, measured.units / empty.units)

    yield row(UNIT, Cost(unit_us(), 1.0))
    yield row("empty tick", empty)
    whole, plant = fine_tick.in_flight(scenario, folder / "fine")
    yield row("fine tick in flight, plant included", whole)
    yield row("  plant", plant)
    yield row("  step", fine_tick.step(scenario, ticks))
    yield row("  push", fine_tick.push(ticks))
    yield row("  recording, outside of the tick", fine_tick.recording(ticks, folder))
    yield row("pointing step", loops.pointing_step(scenario, folder / "pass.mcap"))
    for clicks in loops.CLICKS:
        yield row(f"timing step, {clicks} clicks", loops.timing_step(scenario, clicks))
    clicks = scenario.terminal.timing.acquire_clicks
    yield row(f"clock acquisition, {clicks} clicks", loops.acquisition(scenario))
    before = unit_us()
    device_us = device_calls.measure()
    unit = 0.5 * (before + unit_us())
    for name, us in device_us.items():
        yield row(name, Cost(us, us / unit))


def _size_mb(folder: Path) -> float:
    return (folder / "pass.mcap").stat().st_size * 1e-6


def table(rows: list[Figure]) -> Table:
    """The figures for people."""
    shown = Table(title=f"{platform.processor() or platform.machine()}, {os.cpu_count()} CPUs")
    shown.add_column("what")
    for column in ("value", "unit", f"x {UNIT}", "x empty tick"):
        shown.add_column(column, justify="right")
    for figure in rows:
        ratios = (figure.units, figure.empty_ticks)
        shown.add_row(
            figure.name,
            f"{figure.value:.3g}" if figure.value < 1000 else f"{figure.value:.0f}",
            figure.unit,
            *("" if ratio is None else f"{ratio:.3g}" for ratio in ratios),
        )
    return shown


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--json", metavar="FILE", type=Path, help="write the figures here too")
    parser.add_argument(
        "--duration-s", type=float, default=20.0, help="of the flight (default: 20)"
    )
    parser.add_argument("--whole-pass", action="store_true", help="fly all of the pass instead")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="qsky-bench-") as folder:
        duration_s = None if options.whole_pass else options.duration_s
        rows = list(figures(duration_s, Path(folder)))
    Console(width=110).print(table(rows))
    if options.json:
        answer = {
            "utc": datetime.now(UTC).isoformat(timespec="seconds"),
            "python": platform.python_version(),
            "cpus": os.cpu_count(),
            "figures": [figure._asdict() for figure in rows],
        }
        options.json.write_text(json.dumps(answer, indent=2) + "\n")


if __name__ == "__main__":
    main()
