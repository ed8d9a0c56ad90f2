"""What the fine loop's process shares with that of the other loops, and what it is told first."""

import struct
from typing import NamedTuple

import msgspec

from config.terminal import TerminalConfig
from terminal.shared_records import RecordReader, RecordWriter, SharedMemory
from terminal.shared_ring import ring_memory

SILENCE_NS = 500_000_000
"""What the other process has said is believed for so long: 25 ticks of the modes loop."""

_TICKS = 1 << 15
"""Of the fine loop that can wait: 6.5 s at 5 kHz, longer than any tick of a slow loop."""
_ORDERS = 64
_TIMES = struct.Struct("<III")
_MOST = 2**32 - 1


class TickTimes(NamedTuple):
    """Of one fine tick, by the wall clock."""

    periods: int
    """Since the tick before: 1, or more after an overrun."""
    compute_ns: int
    lateness_ns: int


class TimesWriter:
    """In the fine loop's process."""

    def __init__(self, memory: SharedMemory) -> None:
        self._records = RecordWriter(memory)

    def push(self, periods: int, compute_ns: int, lateness_ns: int) -> None:
        """What does not fit counts as 4.29 s."""
        self._records.push(
            _TIMES.pack(min(periods, _MOST), min(compute_ns, _MOST), min(lateness_ns, _MOST))
        )


class TimesReader:
    """In the other process."""

    def __init__(self, memory: SharedMemory) -> None:
        self._records = RecordReader(memory)

    def take(self) -> list[TickTimes]:
        """Since the last call."""
        return [TickTimes._make(_TIMES.unpack(record)) for record in self._records.take()]


class FineMemory(NamedTuple):
    """All rings between the two, by what lies in them."""

    fine: SharedMemory
    """Ticks of the fine loop."""
    times: SharedMemory
    """TickTimes of the fine loop."""
    modes: SharedMemory
    """Ticks of the modes loop: whether the mirror loop may close."""
    point_ahead: SharedMemory
    """Ticks of the point-ahead loop: where the beacon shall stand."""

    @classmethod
    def create(cls) -> "FineMemory":
        return cls(
            ring_memory("fine", _TICKS),
            SharedMemory.create(_TIMES.size, _TICKS),
            ring_memory("modes", _ORDERS),
            ring_memory("point_ahead", _ORDERS),
        )

    @classmethod
    def attach(cls, fds: tuple[int, int, int, int]) -> "FineMemory":
        """What another process has made. Raises ValueError if it is something else."""
        return cls._make(SharedMemory(fd) for fd in fds)

    @property
    def fds(self) -> tuple[int, int, int, int]:
        return self.fine.fd, self.times.fd, self.modes.fd, self.point_ahead.fd

    def close(self) -> None:
        """Here; the other process keeps it."""
        for memory in self:
            memory.close()


class FineJob(msgspec.Struct, frozen=True):
    """One flight of the fine loop. When it starts is said later, once its process is ready."""

    config: TerminalConfig
    start_tai_ns: int
    """Of tick 0."""
    periods: int
    parent_pid: int
    fds: tuple[int, int, int, int]
    """Of the FineMemory."""

    @property
    def period_ns(self) -> int:
        return round(1e9 / self.config.rates.fine_hz)


class FineReport(msgspec.Struct, frozen=True):
    """What the fine loop's process says at its end."""

    granted: dict[str, bool]
    ticks: int
    overruns: int
    health: dict[str, dict[str, int | str]]
    """By role, what the driver saw go wrong on the wire."""
