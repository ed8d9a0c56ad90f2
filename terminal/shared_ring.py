"""Rings between processes: pushed in one, read in another as if it were a ring of its own.

Only for messages without arrays, whose ticks are all of one size.
"""

from typing import Generic, TypeVar

from terminal.bus import MAX_PENDING_TICKS, Ring
from terminal.codec import TickCodec
from terminal.messages import MESSAGES
from terminal.shared_records import RecordReader, RecordWriter, SharedMemory

M = TypeVar("M")
C = TypeVar("C")

_SEQ_MASK = 2**32 - 1


def ring_memory(name: str, slots: int) -> SharedMemory:
    """Memory for the ticks of a loop. Raises ValueError for one whose ticks vary in size."""
    size = TickCodec(MESSAGES[name]).size
    if size is None:
        raise ValueError(f"message {name}: has arrays, and its ticks no common size")
    return SharedMemory.create(size, slots)


class RingWriter(Generic[M, C]):
    """What a loop pushes into whose ticks are read in other processes only."""

    def __init__(self, name: str, memory: SharedMemory) -> None:
        self._pack = TickCodec(MESSAGES[name]).pack
        self._records = RecordWriter(memory)
        self._seq = 0

    def push(self, sample: M, command: C) -> None:
        self._records.push(self._pack(self._seq, sample, command))
        self._seq = (self._seq + 1) & _SEQ_MASK


class SharedRing(Ring[M, C]):
    """A ring of this process that another one reads too."""

    def __init__(self, name: str, initial: C, memory: SharedMemory) -> None:
        super().__init__(name, initial)
        self._shared: RingWriter[M, C] = RingWriter(name, memory)

    def push(self, sample: M, command: C) -> None:
        self._shared.push(sample, command)
        super().push(sample, command)


class Newest(Generic[M, C]):
    """The newest tick of a loop in another process."""

    def __init__(self, name: str, initial: C, memory: SharedMemory) -> None:
        self.sample: M | None = None
        self.command: C = initial
        self._unpack = TickCodec(MESSAGES[name]).unpack_from
        self._records = RecordReader(memory)
        self._seen: bytes | None = None

    def look(self) -> None:
        """Take over what is new."""
        newest = self._records.newest()
        if newest is not None and newest is not self._seen:
            self._seen = newest
            _, self.sample, self.command, _ = self._unpack(newest, 0)


class RemoteRing(Ring[M, C]):
    """The ring of a loop that runs in another process, for all who read it here.

    Between two calls of `refresh` it stands still, so that a tick of the loops here sees one state.
    """

    def __init__(self, name: str, initial: C, memory: SharedMemory) -> None:
        super().__init__(name, initial)
        self._records = RecordReader(memory)

    def push(self, sample: M, command: C) -> None:
        """Never: it is pushed where its loop runs. Raises RuntimeError."""
        raise RuntimeError(f"ring {self.codec.message.name}: its loop runs in another process")

    def refresh(self) -> None:
        """Take over all that has been pushed since the last call."""
        lost_before = self._records.lost
        taken = self._records.take()
        lost = self._records.lost - lost_before
        room = max(0, MAX_PENDING_TICKS - len(self.pending))
        self.pending += taken[:room]
        self.seq += len(taken) + lost
        self.lost += lost + max(0, len(taken) - room)
        if taken:
            for packed in taken if self._subscribers else taken[-1:]:
                _, sample, command, _ = self.codec.unpack_from(packed, 0)
                for queue in self._subscribers:
                    queue.append((sample, command))
            self.sample, self.command = sample, command
