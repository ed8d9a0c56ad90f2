"""Flights for the tests in this folder: the public command, or a short flight in this process."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from config.loader import SCENARIOS, load_scenario
from hil.flight import fly, window_of
from sim_devices.sender import Sender
from terminal.telemetry.reader import Recording

QSKY = (sys.executable, "-c", "from terminal.cli import main; main()")


def qsky(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """The command as a user runs it; its exit code is left to the caller."""
    return subprocess.run(
        [*QSKY, *arguments],
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
        env={**os.environ, **environment},
    )


class Flown(NamedTuple):
    """A flight and what it left."""

    folder: Path
    summary: dict[str, Any]
    recording: Recording

    @classmethod
    def read(cls, folder: Path) -> "Flown":
        """From the files of the command."""
        summary = json.loads((folder / "summary.json").read_text())
        return cls(folder, summary, Recording(folder / "pass.mcap"))

    @property
    def modes(self) -> list[str]:
        """Names of the modes in order."""
        return [span["mode"] for span in self.summary["modes"]]

    def columns(self, message: str) -> dict[str, NDArray[Any]]:
        """Scalars of a message's ticks, and `t_s` since the start of the window."""
        columns = self.recording.columns(message)
        start_ns = int(self.recording.metadata["start_tai_ns"])
        return {**columns, "t_s": (columns["t_ns"] - start_ns) * 1e-9}


def scenario_text(name: str, *faults: tuple[str, float, float]) -> str:
    """A scenario that comes with the package, with faults (kind, at_s, duration_s) added."""
    text = (SCENARIOS / f"{name}.yaml").read_text()
    rows = [f"    - {{kind: {kind}, at_s: {at}, duration_s: {s}}}\n" for kind, at, s in faults]
    # `world` is the last section of these files.
    return text + "".join(["  faults:\n", *rows]) if rows else text


def flown(
    folder: Path, name: str, duration_s: float, *faults: tuple[str, float, float], seed: int = 1
) -> Flown:
    """Fly here, without the report that the command makes."""
    path = folder / "scenario.yaml"
    path.write_text(scenario_text(name, *faults))
    scenario = load_scenario(str(path))
    summary = fly(scenario, seed, window_of(scenario, duration_s), folder, lambda progress: None)
    return Flown(folder, summary, Recording(folder / "pass.mcap"))


class KeyClicks(NamedTuple):
    """All clicks in key slots that a flight announced, beside what the sender truly sent; (n,)."""

    t_s: NDArray[np.float64]
    """Of the announcement."""
    same_basis_x: NDArray[np.bool_]
    wrong: NDArray[np.bool_]
    """In the same basis, the other bit."""
    same_basis: NDArray[np.bool_]


def key_clicks(flight: Flown) -> KeyClicks:
    """The sender's choices come from its own generator, which the terminal never sees."""
    scenario = load_scenario(flight.summary["scenario"])
    sender = Sender(scenario.mission.source, flight.summary["seed"])
    start_ns = int(flight.recording.metadata["start_tai_ns"])
    ticks = [sample for _, sample, _ in flight.recording.ticks("link")]
    t_s = np.repeat([(s.t_ns - start_ns) * 1e-9 for s in ticks], [len(s.slot) for s in ticks])
    state = sender.slots(np.concatenate([s.slot for s in ticks])).state
    channel = np.concatenate([s.channel for s in ticks])
    same = state // 2 == channel // 2
    return KeyClicks(t_s, same & (channel < 2), same & (state != channel), same)


def worst_error_rate(clicks: KeyClicks, bin_s: float, least_clicks: int) -> float:
    """Largest error rate of a bin with enough clicks; slots that have slipped show a half."""
    index = (clicks.t_s[clicks.same_basis] / bin_s).astype(np.int64)
    total = np.bincount(index)
    wrong = np.bincount(index, clicks.wrong[clicks.same_basis])
    enough = total >= least_clicks
    return float((wrong[enough] / total[enough]).max())
