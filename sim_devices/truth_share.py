"""True state of an emulator in another process, told to the simulated world through a mapped file.

One writer, any number of readers, no locks. The file: a fixed header, the names of the values,
then one record: sequence counter, time, the values, and a CRC-32 over all of it. A reader copies
the record and takes it if the CRC holds. (The two looks at the counter of a seqlock would not do:
Python has no memory barriers, and ARM reorders stores.)
"""

import contextlib
import mmap
import os
import struct
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from config.errors import InputError

_HEADER = struct.Struct("<8sII")
"""Magic, number of values, bytes of the names."""
_MAGIC = b"qskytrut"
_CRC = struct.Struct("<I")
_TRIES = 100


class Truth(NamedTuple):
    """One record. `sequence` counts from 1 and grows by one at each write."""

    sequence: int
    t_ns: int
    values: tuple[float, ...]


def _record(count: int) -> struct.Struct:
    return struct.Struct(f"<Qq{count}d")


class TruthWriter:
    """Makes the file anew and writes to it.

    Args:
        path: replaced in one step, so that a reader never sees half a file.
        names: of the values, with units (`yaw_rad`), one line each.

    Raises:
        InputError: the file cannot be made.
    """

    def __init__(self, path: Path, names: Sequence[str]) -> None:
        text = "\n".join(names).encode()
        self._record = _record(len(names))
        self._sequence = 0
        self._start = _HEADER.size + len(text)
        size = self._start + self._record.size + _CRC.size
        fresh = path.with_name(f"{path.name}.{os.getpid()}")
        try:
            with fresh.open("w+b") as file:
                file.write(_HEADER.pack(_MAGIC, len(names), len(text)) + text)
                file.truncate(size)
                file.flush()
                self._map = mmap.mmap(file.fileno(), size)
            fresh.replace(path)
        except OSError as error:
            with contextlib.suppress(OSError):
                fresh.unlink()
            raise InputError(f"{path}: cannot write the truth file: {error.strerror}") from error

    def write(self, t_ns: int, values: Sequence[float]) -> None:
        """Tell the state at `t_ns` (TAI). Raises struct.error if the number of values is wrong."""
        record = self._record.pack(self._sequence + 1, t_ns, *values)
        self._sequence += 1
        self._map[self._start :] = record + _CRC.pack(zlib.crc32(record))

    def close(self) -> None:
        self._map.close()


class TruthReader:
    """Reads what a TruthWriter tells.

    Attributes:
        names: of the values, in their order.

    Raises:
        InputError: there is no such file, or it is of another kind.
    """

    def __init__(self, path: Path) -> None:
        try:
            with path.open("rb") as file:
                self._map = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        except (OSError, ValueError) as error:
            raise InputError(f"{path}: cannot read the truth file: {error}") from error
        self._start, self._record, self.names = _layout(self._map, path)
        self._newest: Truth | None = None

    def read(self) -> Truth | None:
        """The newest whole record, None before the first.

        A record that is just being written is looked at again; should its writer have died over it,
        the one read before is given.
        """
        for _ in range(_TRIES):
            copy = self._map[self._start :]
            record = copy[: self._record.size]
            if copy[self._record.size :] == _CRC.pack(zlib.crc32(record)):
                sequence, t_ns, *values = self._record.unpack(record)
                self._newest = Truth(sequence, t_ns, tuple(values))
                break
            if not any(copy):
                break
        return self._newest

    def close(self) -> None:
        self._map.close()


def _layout(data: mmap.mmap, path: Path) -> tuple[int, struct.Struct, tuple[str, ...]]:
    """Offset and form of the record, and the names of its values."""
    if len(data) >= _HEADER.size:
        magic, count, text_size = _HEADER.unpack_from(data)
        start = _HEADER.size + text_size
        names = data[_HEADER.size : start].decode("utf-8", "replace").split("\n")
        # The count is believed only if the file is as long as it says.
        size = start + struct.calcsize("<Qq") + 8 * count + _CRC.size
        if magic == _MAGIC and len(names) == count and size == len(data):
            return start, _record(count), tuple(names)
    raise InputError(f"{path}: not a truth file; give the one that the emulator writes (--truth)")
