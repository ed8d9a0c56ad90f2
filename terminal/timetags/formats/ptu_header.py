"""The header of PicoQuant's unified TTTR files (.ptu).

Source: PicoQuant's published description and tag dictionary of PTU files. 8 bytes magic, 8 bytes
version, then tags of 48 bytes: name (32 bytes), index (int32), type (uint32), value (8 bytes); of
strings and arrays the value is the length in bytes of what follows. The tag Header_End is the last.

Read here and not through ptufile, which does not say where a header is broken. It is the referee
in the tests.
"""

import struct
from pathlib import Path
from typing import BinaryIO, NamedTuple

from terminal.timetags.formats.blocks import TagFormatError

MAGIC = b"PQTTTR\0\0"
PREAMBLE_BYTES = 16
TAG = struct.Struct("<32siI8s")
INTEGERS = frozenset({0x00000008, 0x10000008, 0x11000008, 0x12000008})
"""bool, integer, bit set, colour"""
FLOATS = frozenset({0x20000008, 0x21000008})
"""float, date"""
EMPTY = 0xFFFF0008
FOLLOWED = frozenset({0x2001FFFF, 0x4001FFFF, 0x4002FFFF, 0xFFFFFFFF})
"""float array, string, wide string, blob"""

RECORD_TYPE = "TTResultFormat_TTTRRecType"
RECORD_BITS = "TTResultFormat_BitsPerRecord"
RECORDS = "TTResult_NumberOfRecords"
GLOBAL_RESOLUTION_S = "MeasDesc_GlobalResolution"
RESOLUTION_S = "MeasDesc_Resolution"

REMEDY = "take a whole copy of the file"


class PtuHeader(NamedTuple):
    numbers: dict[str, float | int]
    """Values by name; of those with an index the first."""
    end: int
    """Where the records begin, in bytes."""


def read_header(path: Path) -> PtuHeader:
    """Read the header of a .ptu file.

    Raises:
        TagFormatError: no PTU file, or a header that is cut off or broken.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        if file.read(PREAMBLE_BYTES)[: len(MAGIC)] != MAGIC:
            raise TagFormatError(
                path,
                0,
                "no PTU file: it does not begin with PQTTTR",
                "give the file the suffix of its format (.npz .ptu .qutag .a1)",
            )
        return _tags(path, file, size)


def _tags(path: Path, file: BinaryIO, size: int) -> PtuHeader:
    numbers: dict[str, float | int] = {}
    while True:
        place = file.tell()
        tag = file.read(TAG.size)
        if len(tag) < TAG.size:
            raise TagFormatError(path, place, "the header is cut off", REMEDY)
        name_bytes, _, kind, value = TAG.unpack(tag)
        name = name_bytes.split(b"\0")[0].decode("ascii", errors="replace")
        if name == "Header_End":
            return PtuHeader(numbers, file.tell())
        number: int = int.from_bytes(value, "little", signed=True)
        if kind in INTEGERS:
            numbers.setdefault(name, number)
        elif kind in FLOATS:
            numbers.setdefault(name, struct.unpack("<d", value)[0])
        elif kind in FOLLOWED:
            if not 0 <= number <= size - file.tell():
                raise TagFormatError(path, place, f"{name!r} does not fit into the file", REMEDY)
            file.seek(number, 1)
        elif kind != EMPTY:
            raise TagFormatError(path, place, f"{name!r} is of no known type ({kind:#x})", REMEDY)
