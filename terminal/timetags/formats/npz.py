"""The project's own format: a numpy .npz of `time_ps` (int64) and `channel` (uint8).

Channels 0..3 are H V D A. Read as a stream, in blocks, and as far as it goes if it was cut off:
writing begins with the channels, so that a cut in the times leaves all clicks before it.

Source of the array header: numpy's documentation of the .npy format, version 1 and 2.
"""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from config.whole_file import replacing
from terminal.timetags.formats.blocks import Defect, RawBlock, TagFormatError, Times
from terminal.timetags.formats.zip_members import MAGIC as ZIP_MAGIC
from terminal.timetags.formats.zip_members import MemberStream, members

TIME = "time_ps"
CHANNEL = "channel"
NPY_MAGIC = b"\x93NUMPY"
LENGTH_BYTES = {1: 2, 2: 4}
"""Of the header's length, by version."""
MOST_HEADER_BYTES = 1 << 12
INTEGERS = re.compile(r"'descr': '([<>|][iu][1248])'")
ROW = re.compile(r"'shape': \((\d{1,18}),\)")
REMEDY = "write it with numpy.savez(file, time_ps=..., channel=...)"
CHANNEL_LIMIT = 1 << 15
"""No device's number is larger."""


class Row(NamedTuple):
    """One of the two arrays: what its header says."""

    dtype: "np.dtype[Any]"
    length: int


def read_header(stream: MemberStream) -> Row:
    """Read the header of a row of integers; the stream stands at the first of them then.

    Raises:
        ValueError: the array is none, or no array.
    """
    begin = stream.read(len(NPY_MAGIC) + 2)
    size = LENGTH_BYTES.get(begin[-2], 0) if len(begin) > len(NPY_MAGIC) + 1 else 0
    if begin[: len(NPY_MAGIC)] != NPY_MAGIC or not size:
        raise ValueError("no numpy array")
    length = min(int.from_bytes(stream.read(size), "little"), MOST_HEADER_BYTES)
    text = stream.read(length).decode("latin-1").strip()
    kind, shape = INTEGERS.search(text), ROW.search(text)
    if kind is None or shape is None:
        raise ValueError(f"not a row of integers but {text[:80]!r}")
    return Row(np.dtype(kind[1]), int(shape[1]))


class NpzFile:
    """formats.blocks.Source of a .npz file.

    Raises:
        TagFormatError: no .npz file, or one that has not both rows of integers.
    """

    format = "npz"
    resolution_ps = 1.0
    disorder_ps = 0

    def __init__(self, path: Path) -> None:
        self.path = path
        with path.open("rb") as file:
            if file.read(len(ZIP_MAGIC)) != ZIP_MAGIC:
                raise TagFormatError(path, 0, "no .npz file", REMEDY)
        self._members, self._is_whole = members(path)
        told = (self._row(TIME).length, self._row(CHANNEL).length)
        self._most = max(told)
        self.records: int | None = min(told)
        self._read = self.records
        self._unsound: list[str] = []
        self._is_sound = False
        """All has been read, and fits its checksums."""

    def _row(self, name: str) -> Row:
        size = self.path.stat().st_size
        member = self._members.get(f"{name}.npy")
        if member is None:
            if self._is_whole:
                raise TagFormatError(self.path, 0, f"has no array {name!r}", REMEDY)
            raise TagFormatError(self.path, size, f"is cut off before {name!r}", "copy it again")
        with self.path.open("rb") as file:
            try:
                return read_header(MemberStream(file, member))
            except ValueError as error:
                problem = f"{name!r}: {error}"
                raise TagFormatError(self.path, member.start, problem, REMEDY) from error

    def defects(self) -> list[Defect]:
        found: list[Defect] = []
        if not self._is_whole:
            size = self.path.stat().st_size
            found.append(Defect("truncated", size, f"byte {size}: the archive has no end"))
        if self._read < self._most:
            text = f"click {self._read}: of {self._most} the rest is missing"
            found.append(Defect("truncated", self._read, text))
        for name in self._unsound:
            start = self._members[f"{name}.npy"].start
            text = f"byte {start}: the checksum of {name!r} does not fit: some of it is wrong"
            found.append(Defect("checksum", start, text))
        return found

    def channels(self) -> Mapping[int, int]:
        return dict.fromkeys(range(4), 0)

    def read(self, most: int) -> Iterator[RawBlock]:
        if most < 1:
            raise ValueError("a block must hold at least one record")
        self._read, self._unsound = 0, []
        with self.path.open("rb") as time_file, self.path.open("rb") as channel_file:
            checked = not self._is_sound
            time = MemberStream(time_file, self._members[f"{TIME}.npy"], checked)
            channel = MemberStream(channel_file, self._members[f"{CHANNEL}.npy"], checked)
            pieces = zip(values(time, most), values(channel, most), strict=False)
            for times, numbers in pieces:
                size = min(times.size, numbers.size)
                self._read += size
                yield RawBlock(
                    times[:size].astype(np.int64, copy=False), device_numbers(numbers[:size])
                )
            if self._read == self._most > 0:  # Of an empty row not all is read.
                streams = {TIME: time, CHANNEL: channel}
                self._unsound = [name for name, row in streams.items() if not row.is_sound]
                self._is_sound = not self._unsound


def device_numbers(numbers: NDArray[Any]) -> NDArray[np.int16]:
    """As they are, -1 for those that no device has."""
    if numbers.dtype.itemsize > 1:
        numbers = np.where((numbers >= 0) & (numbers < CHANNEL_LIMIT), numbers, -1)
    return numbers.astype(np.int16)


def values(stream: MemberStream, most: int) -> Iterator[NDArray[Any]]:
    """The integers of a row in pieces, as far as they go."""
    dtype, left = read_header(stream)
    while left > 0:
        piece = np.empty(min(most, left), dtype)
        piece = piece[: stream.read_into(piece.data.cast("B")) // dtype.itemsize]
        if not piece.size:
            return
        left -= piece.size
        yield piece


def write_npz(path: Path, time_ps: Times, channel: NDArray[np.uint8]) -> None:
    """Write clicks in the order given; the file appears whole or not at all.

    time_ps, channel: (n,).

    Raises:
        ValueError: not one channel for each time.
        InputError: the file can't be written.
    """
    if time_ps.shape != channel.shape or time_ps.ndim != 1:
        raise ValueError("npz: one channel for each time")
    with replacing(path) as file:
        np.savez(file, channel=channel.astype(np.uint8), time_ps=time_ps.astype(np.int64))
