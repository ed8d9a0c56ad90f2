"""The columns of a recording that a report shows, whatever the flight has left of them."""

from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from config.errors import InputError
from terminal.telemetry.reader import Recording

Array = NDArray[np.float64]

MESSAGES = ("truth", "modes", "guidance", "timing", "polarization", "link")


class Table:
    """Columns of one message by field name, each (n,) float64; NaN where it is unknown or inf."""

    def __init__(self, t_s: Array, columns: dict[str, NDArray[Any]]) -> None:
        self.t_s = t_s
        """Seconds since the start of the window."""
        self._columns = columns

    def __getitem__(self, name: str) -> Array:
        column = self._columns.get(name)
        if column is None:
            return np.full(len(self.t_s), np.nan)
        values = column.astype(np.float64)
        return np.where(np.isfinite(values), values, np.nan)


class _Timing(msgspec.Struct):
    gate_half_width_s: float


class _Config(msgspec.Struct):
    """The little of a terminal's configuration that a figure needs."""

    timing: _Timing


EMPTY = Table(np.empty(0), {})


class FlightData:
    """What there is of one flight; `problems` says in words what is missing and why."""

    def __init__(self, path: Path) -> None:
        """Never raises: a recording that cannot be read is a flight without columns."""
        self._path = path
        self.problems: list[str] = []
        self.start_tai_ns = 0
        """0: unknown."""
        self.disclosed: tuple[Array, Array] = np.empty(0), np.empty((0, 4, 4))
        """(t_s, clicks so far [sent state, channel] whose state the partner disclosed)."""
        self.gate_half_width_s: float | None = None
        """Of the terminal's configuration, if the recording says it."""
        self._tables: dict[str, Table] = {}
        try:
            recording = Recording(path)
        except InputError as error:
            self._note(error)
            return
        if recording.truncated:
            self.problems.append("The recording ends before its end.")
        if recording.damaged_chunks:
            self.problems.append(f"Damaged parts left out: {recording.damaged_chunks}.")
        self.start_tai_ns = _start_tai_ns(recording)
        self.gate_half_width_s = _gate_half_width_s(recording)
        for name in MESSAGES:
            try:
                self._tables[name] = self._table(recording, name)
            except InputError as error:
                self._note(error)
        try:
            self.disclosed = self._disclosed(recording)
        except InputError as error:
            self._note(error)

    def __getitem__(self, message: str) -> Table:
        return self._tables.get(message, EMPTY)

    def _note(self, error: InputError) -> None:
        """Once, and without the folder: a page is the same wherever it was made."""
        problem = str(error).replace(str(self._path), self._path.name)
        if problem not in self.problems:
            self.problems.append(problem)

    def _elapsed_s(self, t_ns: NDArray[Any]) -> Array:
        """Seconds since the start of the window; of the first record if that is unknown."""
        start = self.start_tai_ns or (int(t_ns[0]) if len(t_ns) else 0)
        return np.asarray((t_ns.astype(np.int64) - start) * 1e-9, np.float64)

    def _table(self, recording: Recording, name: str) -> Table:
        columns = recording.columns(name)
        return Table(self._elapsed_s(columns.get("t_ns", np.empty(0))), columns)

    def _disclosed(self, recording: Recording) -> tuple[Array, Array]:
        t_ns, counts = [], []
        for _, sample, command in recording.ticks("link"):
            found = getattr(command, "disclosed_counts", ())
            if len(found) == 16:
                t_ns.append(sample.t_ns)
                counts.append(found)
        shape = (len(counts), 4, 4)
        return self._elapsed_s(np.array(t_ns, np.int64)), np.array(counts, float).reshape(shape)


def _start_tai_ns(recording: Recording) -> int:
    try:
        return int(recording.metadata["start_tai_ns"])
    except (KeyError, ValueError):
        return 0


def _gate_half_width_s(recording: Recording) -> float | None:
    try:
        config = msgspec.json.decode(recording.metadata.get("terminal", ""), type=_Config)
    except msgspec.MsgspecError:
        return None
    return config.timing.gate_half_width_s
