"""The `qsky` command as a user meets it: speed and memory of a flight, its report, its help."""

import json
import os
import subprocess
import sys
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any, NamedTuple

from hil.report import report_html

SCENARIO = "leo_haps_downlink"
_START = "from terminal.cli import main; main()"


class Flown(NamedTuple):
    """A flight in a process of its own."""

    summary: dict[str, Any]
    command_s: float
    """The whole command: start, world, flight, summary, report."""
    processor_s: float
    """Processor time of all that; what the command takes on a machine with nothing else to do."""
    peak_mib: float


def fly(folder: Path, duration_s: float | None) -> Flown:
    """Fly the demo's scenario into the folder. Raises RuntimeError if it fails."""
    command = [sys.executable, "-c", _START, "run", SCENARIO, "--out", str(folder)]
    if duration_s is not None:
        command += ["--duration-s", str(duration_s)]
    start = perf_counter()
    process = subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )
    assert process.stderr is not None
    said = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    process.stderr.close()
    if process.returncode:
        raise RuntimeError(f"the flight failed: {said.strip()}")
    summary = json.loads((folder / "summary.json").read_text())
    processor_s = usage.ru_utime + usage.ru_stime
    return Flown(summary, perf_counter() - start, processor_s, usage.ru_maxrss / 1024)


def report_s(folder: Path) -> float:
    """Making report.html of a flight that is on disk, the first time in a process."""
    summary = json.loads((folder / "summary.json").read_text())
    start = perf_counter()
    report_html(folder / "pass.mcap", summary)
    return perf_counter() - start


def start_s(*arguments: str) -> float:
    """A fresh interpreter with these arguments, median of five."""
    times = []
    for _ in range(5):
        start = perf_counter()
        subprocess.run([sys.executable, *arguments], stdout=subprocess.DEVNULL, check=True)
        times.append(perf_counter() - start)
    return median(times)


def help_s() -> tuple[float, float]:
    """(`qsky --help`, an interpreter that does nothing)."""
    return start_s("-c", _START, "--help"), start_s("-c", "pass")
