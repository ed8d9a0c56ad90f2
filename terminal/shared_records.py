"""Records that one process writes and others read, in memory that they share. Nobody waits.

A ring of slots, each a CRC-32, the record's number and the record. A reader copies a slot and takes
it if checksum and number are right, so what is just being written is never taken for a record.
(Two looks at a counter, as in a seqlock, would not do: Python has no memory barriers, and ARM
reorders stores.)

The memory has no name (memfd_create(2)): it is gone with the last process that has it open, however
that ends.
"""

import mmap
import os
import struct
import zlib

_HEADER = struct.Struct("<8sQII")
"""Magic, number of records written, bytes of a record, number of slots."""
_MAGIC = b"qskyring"
_COUNT_AT = 8
_FIRST_SLOT = 64
_CRC = struct.Struct("<I")
_SEQ = struct.Struct("<Q")
_SLOT_EXTRA = _CRC.size + _SEQ.size
_TRIES = 10


class SharedMemory:
    """The memory of one ring; the process that makes it hands `fd` to others."""

    def __init__(self, fd: int) -> None:
        """Open what another process has made. Raises ValueError if it is no such ring."""
        self.fd = fd
        try:
            self.map = mmap.mmap(fd, 0)
            if len(self.map) < _FIRST_SLOT:
                raise ValueError("too short")
            magic, _, self.record_bytes, self.slots = _HEADER.unpack_from(self.map)
            self.slot_bytes = self.record_bytes + _SLOT_EXTRA
            size = _FIRST_SLOT + self.slots * self.slot_bytes
            if magic != _MAGIC or len(self.map) != size:
                raise ValueError("not a ring")
        except (OSError, ValueError) as error:
            raise ValueError(f"shared memory {fd}: {error}") from error
        self.count = memoryview(self.map)[_COUNT_AT : _COUNT_AT + 8].cast("Q")
        """[0]: records written so far, stored as one word."""

    @classmethod
    def create(cls, record_bytes: int, slots: int) -> "SharedMemory":
        """A ring in which the newest `slots` - 1 records can be read."""
        fd = os.memfd_create("qsky-ring")
        try:
            os.ftruncate(fd, _FIRST_SLOT + slots * (record_bytes + _SLOT_EXTRA))
            os.write(fd, _HEADER.pack(_MAGIC, 0, record_bytes, slots))
            return cls(fd)
        except BaseException:
            os.close(fd)
            raise

    def close(self) -> None:
        """Here; others keep it."""
        self.count.release()
        self.map.close()
        os.close(self.fd)


class RecordWriter:
    """The one process that writes."""

    def __init__(self, memory: SharedMemory) -> None:
        self._memory = memory
        self._map, self._count = memory.map, memory.count
        self._slots, self._slot_bytes = memory.slots, memory.slot_bytes
        self._seq = 0

    def push(self, record: bytes) -> None:
        """Raises IndexError for a record that has not the ring's size."""
        seq = self._seq
        body = _SEQ.pack(seq) + record
        at = _FIRST_SLOT + seq % self._slots * self._slot_bytes
        self._map[at : at + self._slot_bytes] = _CRC.pack(zlib.crc32(body)) + body
        self._seq = self._count[0] = seq + 1


class RecordReader:
    """One of those that read, each at its own pace."""

    def __init__(self, memory: SharedMemory) -> None:
        self.lost = 0
        """Records that were overwritten before `take` saw them."""
        self._map, self._count = memory.map, memory.count
        self._slots, self._slot_bytes = memory.slots, memory.slot_bytes
        self._next = 0
        self._newest_count = 0
        self._newest: bytes | None = None

    def _whole(self, seq: int) -> bytes | None:
        """Record number `seq`, if it is there in whole."""
        at = _FIRST_SLOT + seq % self._slots * self._slot_bytes
        slot = self._map[at : at + self._slot_bytes]
        body = slot[4:]
        if slot[:4] == _CRC.pack(zlib.crc32(body)) and body[:8] == _SEQ.pack(seq):
            return body[8:]
        return None

    def newest(self) -> bytes | None:
        """The newest record, the same object as before if there is no newer one; None before the
        first."""
        for _ in range(_TRIES):
            count = self._count[0]
            if count == self._newest_count or not count:
                break
            record = self._whole(count - 1)
            if record is not None:
                self._newest_count, self._newest = count, record
                break
        return self._newest

    def take(self) -> list[bytes]:
        """Records since the last call, in order; those that were overwritten are counted."""
        count = self._count[0]
        # A count is believed only if its record is there.
        if not count or self._whole(count - 1) is None:
            return []
        taken = []
        self._skip(count)
        while self._next < count:
            record = self._whole(self._next)
            if record is None:
                behind = self._next
                self._skip(self._count[0])
                if self._next == behind:
                    # Written, but not yet to be seen from here.
                    break
                continue
            taken.append(record)
            self._next += 1
        return taken

    def _skip(self, count: int) -> None:
        """To the oldest record that is not being overwritten."""
        oldest = count - self._slots + 1
        if oldest > self._next:
            self.lost += oldest - self._next
            self._next = oldest
