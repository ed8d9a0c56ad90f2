"""The columns of a recording that a report shows, whatever the flight has left of them."""

from pathlib import Path
from typing import Any

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
        self.channel_delays_s: tuple[Array, Array] = np.empty(0), np.empty((0, 4))
        """(t_s, delay of the detectors H V D A that the terminal took off)."""
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
        for name in MESSAGES:
            try:
                self._tables[name] = self._table(recording, name)
            except InputError as error:
                self._note(error)
        try:
            self.disclosed = self._disclosed(recording)
            self.channel_delays_s = self._channel_delays_s(recording)
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
        t_s, counts = self._arrays(recording, "link", "disclosed_counts", 16)
        return t_s, counts.reshape(-1, 4, 4)

    def _channel_delays_s(self, recording: Recording) -> tuple[Array, Array]:
        return self._arrays(recording, "timing", "channel_delays_s", 4)

    def _arrays(
        self, recording: Recording, message: str, field: str, size: int
    ) -> tuple[Array, Array]:
        """(t_s, values (n, size)) of an array in a loop's commands."""
        t_ns, values = [], []
        for _, sample, command in recording.ticks(message):
            found = getattr(command, field, ())
            if len(found) == size:
                t_ns.append(sample.t_ns)
                values.append(found)
        return self._elapsed_s(np.array(t_ns, np.int64)), np.array(values, float).reshape(-1, size)


def _start_tai_ns(recording: Recording) -> int:
    try:
        return int(recording.metadata["start_tai_ns"])
    except (KeyError, ValueError):
        return 0
