"""Members of a zip archive as streams, also of one that was cut off or has wrong bits.

Source: PKWARE's APPNOTE 6.3, sections 4.3.7 (local header), 4.5.3 (zip64 sizes).

A whole archive has a directory at its end. One that was cut off has none, but each member begins
with a header of its own, and can be read as far as it goes.
"""

import struct
import zipfile
import zlib
from pathlib import Path
from typing import BinaryIO, NamedTuple

MAGIC = b"PK\x03\x04"
LOCAL = struct.Struct("<4s5H3I2H")
"""magic, version, flags, method, time, date, checksum, size packed and not, name, extra lengths"""
ZIP64_FIELD = 1
ZIP64_SIZE = 0xFFFFFFFF
STORED = 0
DEFLATED = 8
CHUNK_BYTES = 1 << 16


class Member(NamedTuple):
    """Where the content of a member lies in the archive."""

    start: int
    packed_bytes: int
    method: int
    checksum: int
    """CRC-32 of the unpacked bytes."""


def members(path: Path) -> tuple[dict[str, Member], bool]:
    """(members by name, whether the archive has a directory).

    Raises:
        OSError: the file can't be read.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        try:
            with zipfile.ZipFile(file) as archive:
                directory = [info for info in archive.infolist() if info.header_offset < size]
            found = {info.filename: _from_directory(file, info) for info in directory}
            return {name: member for name, member in found.items() if member}, True
        except (zipfile.BadZipFile, NotImplementedError, ValueError, struct.error):
            return _from_headers(file, size), False


def _from_directory(file: BinaryIO, info: zipfile.ZipInfo) -> Member | None:
    file.seek(info.header_offset)
    header = file.read(LOCAL.size)
    if len(header) < LOCAL.size:
        return None
    name_bytes, extra_bytes = LOCAL.unpack(header)[9:]
    start = info.header_offset + LOCAL.size + name_bytes + extra_bytes
    return Member(start, info.compress_size, info.compress_type, info.CRC)


def _from_headers(file: BinaryIO, archive_bytes: int) -> dict[str, Member]:
    found: dict[str, Member] = {}
    place = 0
    while place < archive_bytes:
        file.seek(place)
        header = file.read(LOCAL.size)
        if len(header) < LOCAL.size or header[:4] != MAGIC:
            break
        fields = LOCAL.unpack(header)
        method, checksum, packed, name_bytes, extra_bytes = (fields[i] for i in (3, 6, 7, 9, 10))
        name = file.read(name_bytes).decode("ascii", errors="replace")
        extra = file.read(extra_bytes)
        if packed == ZIP64_SIZE:
            packed = _zip64_packed(extra)
        start = place + LOCAL.size + name_bytes + extra_bytes
        found.setdefault(name, Member(start, packed, method, checksum))
        place = start + packed
    return found


def _zip64_packed(extra: bytes) -> int:
    """The packed size of the zip64 field, which follows the unpacked one; 0 if it is not there."""
    while len(extra) >= 4:
        kind, size = struct.unpack_from("<2H", extra)
        if kind == ZIP64_FIELD and size >= 16 and len(extra) >= 20:
            return int(struct.unpack_from("<Q", extra, 12)[0])
        extra = extra[4 + size :]
    return 0


class MemberStream:
    """The unpacked bytes of a member. Ends early where the archive is cut off or broken."""

    def __init__(self, file: BinaryIO, member: Member, checked: bool = True) -> None:
        """file: of the stream's own, since it is moved about. checked: whether to sum it up, which
        takes as long as reading it.

        Raises:
            ValueError: the member is packed by another method than stored or deflated.
        """
        if member.method not in (STORED, DEFLATED):
            raise ValueError(f"zip method {member.method} is not known")
        self._file = file
        self._checksum = member.checksum
        self._checked = checked
        self._sum = 0
        self._left = member.packed_bytes
        self._inflate = zlib.decompressobj(-zlib.MAX_WBITS) if member.method == DEFLATED else None
        file.seek(member.start)

    def read(self, size: int) -> bytes:
        """So many bytes, or fewer at the end."""
        data = bytearray(size)
        return bytes(data[: self.read_into(data)])

    def read_into(self, data: bytearray | memoryview) -> int:
        """How many bytes were read: all that `data` holds, or fewer at the end."""
        view = memoryview(data)
        filled = 0
        while filled < len(view):
            part = self._some(view[filled:])
            if not part:
                break
            if self._checked:
                self._sum = zlib.crc32(view[filled : filled + part], self._sum)
            filled += part
        return filled

    @property
    def is_sound(self) -> bool:
        """Once all is read: whether the checksum fits, or was not asked for."""
        return not self._checked or self._sum == self._checksum

    def _some(self, view: memoryview) -> int:
        inflate = self._inflate
        if inflate is None:
            return self._packed_into(view)
        while not inflate.eof:
            packed = inflate.unconsumed_tail or self._packed(CHUNK_BYTES)
            try:
                part = inflate.decompress(packed, len(view)) if packed else inflate.flush()
            except zlib.error:
                break
            if part or not packed:
                view[: len(part)] = part
                return len(part)
        return 0

    def _packed_into(self, view: memoryview) -> int:
        # A raw file's readinto would be typed; what `open` gives has it as well.
        size = self._file.readinto(view[: self._left])  # type: ignore[attr-defined]
        self._left -= size
        return int(size)

    def _packed(self, size: int) -> bytes:
        data = self._file.read(min(size, self._left))
        self._left -= len(data)
        return data
