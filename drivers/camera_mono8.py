"""Beacon camera behind a vendor adapter, on a wire contract of our own.

No two vendors' cameras speak alike (V4L2, GigE Vision, USB3 Vision), and their libraries do not
belong into flight code: an adapter process per camera (V4L2, aravis, ...) speaks the following.

To the host, little-endian, one frame an image:
    magic "QF01" | seq u32 | t_ns i64 | exposure_us u32 | left u16 | top u16 | columns u16
    | rows u16 | payload length u32 | crc32 u32 | payload
    t_ns: TAI, middle of the exposure. left, top: sensor column and row of the first pixel.
    payload: Mono8 pixels, row by row. crc32 (zlib's): of all fields before it, then the payload.
To the camera, either of two commands of 16 bytes, obeyed from one of the next frames on:
    magic "QC01" | left u16 | top u16 | columns u16 | rows u16 | crc32 of all before
    magic "QE01" | exposure_us u32 | 0 u32 | crc32 of all before
An exposure that the camera can't make is ignored: every frame tells how it was exposed.
"""

import struct
import zlib

import numpy as np

from drivers.protocols import Frame, Health
from drivers.transport import Transport

MAGIC = b"QF01"
FIELDS = struct.Struct("<4sIqI4HI")
HEADER_BYTES = FIELDS.size + 4
WINDOW_COMMAND = struct.Struct("<4s4H")
EXPOSURE_COMMAND = struct.Struct("<4sII")
LONGEST_EXPOSURE_US = 0xFFFFFFFF
CHECKS_A_POLL = 8
"""Failed checksums after which the rest of the bytes waits for the next poll: bounds its cost."""
BACKLOG_FRAMES = 4
"""Of what waited longer only the newest part, this many full frames, is looked at."""


def encode_window(left: int, top: int, columns: int, rows: int) -> bytes:
    """The command to read out this part of the sensor. Raises struct.error outside 0..65535."""
    command = WINDOW_COMMAND.pack(b"QC01", left, top, columns, rows)
    return command + struct.pack("<I", zlib.crc32(command))


def encode_exposure(exposure_us: int) -> bytes:
    """The command to expose the next frames so long. Raises struct.error outside 0..2^32 - 1."""
    command = EXPOSURE_COMMAND.pack(b"QE01", exposure_us, 0)
    return command + struct.pack("<I", zlib.crc32(command))


class FrameReader:
    """Cuts frames of a sensor of (rows, columns) out of a byte stream.

    A header that does not fit the sensor is refused without waiting for its payload.
    """

    def __init__(self, columns: int, rows: int) -> None:
        self.garbage_bytes = 0
        self.bad_frames = 0
        self._columns, self._rows = columns, rows
        self._backlog_bytes = BACKLOG_FRAMES * (HEADER_BYTES + columns * rows)
        self._buffer = bytearray()

    def feed(self, data: bytes) -> Frame | None:
        """The newest whole frame, if any; frames before it are passed over."""
        self._buffer += data
        self._drop(len(self._buffer) - self._backlog_bytes)
        newest = None
        bad_before = self.bad_frames
        while self._hunt():
            frame = self._take()
            if frame is not None:
                newest = frame
            elif self.bad_frames - bad_before >= CHECKS_A_POLL:
                break
        return newest

    def _drop(self, size: int) -> None:
        if size > 0:
            self.garbage_bytes += size
            del self._buffer[:size]

    def _hunt(self) -> bool:
        """Drop what is before the next believable header; True when its frame is complete."""
        buffer = self._buffer
        while True:
            at = buffer.find(MAGIC)
            # Without a magic, the last bytes may be the beginning of one.
            self._drop(at if at >= 0 else len(buffer) - len(MAGIC) + 1)
            if at < 0 or len(buffer) < HEADER_BYTES:
                return False
            _, _, _, _, left, top, columns, rows, length = FIELDS.unpack_from(buffer)
            fits = left + columns <= self._columns and top + rows <= self._rows
            if fits and 0 < length == columns * rows:
                return len(buffer) >= HEADER_BYTES + int(length)
            self._drop(1)

    def _take(self) -> Frame | None:
        """The frame that the buffer begins with; without a right checksum, its first byte goes."""
        _, seq, t_ns, exposure_us, left, top, columns, rows, length = FIELDS.unpack_from(
            self._buffer
        )
        size = HEADER_BYTES + length
        payload = bytes(self._buffer[HEADER_BYTES:size])
        crc = zlib.crc32(payload, zlib.crc32(self._buffer[: FIELDS.size]))
        if crc != int.from_bytes(self._buffer[FIELDS.size : HEADER_BYTES], "little"):
            self.bad_frames += 1
            self._drop(1)
            return None
        del self._buffer[:size]
        pixels = np.frombuffer(payload, np.uint8).reshape(rows, columns)
        return Frame(t_ns, seq, exposure_us, left, top, pixels)


class Mono8Camera:
    """drivers.protocols.Camera on the contract above. Pixels are read-only.

    Args:
        transport: to the adapter process.
        pixel_rad: angle on the sky per pixel.
        columns, rows: of the whole sensor.

    Raises:
        ValueError: an option out of its range.
    """

    def __init__(self, transport: Transport, *, pixel_rad: float, columns: int, rows: int) -> None:
        if not pixel_rad > 0:
            raise ValueError(f"pixel_rad: must be positive, got {pixel_rad}")
        for name, value in (("columns", columns), ("rows", rows)):
            if not 0 < value <= 65535:
                raise ValueError(f"{name}: {value} is not in 1..65535")
        self.pixel_rad = pixel_rad
        self.sensor_shape = (rows, columns)
        self._transport = transport
        self._reader = FrameReader(columns, rows)
        self._given: tuple[int, int] | None = None

    @property
    def health(self) -> Health:
        error = "checksum of a frame is wrong" if self._reader.bad_frames else ""
        return Health(self._reader.garbage_bytes, self._reader.bad_frames, last_error=error)

    def close(self) -> None:
        self._transport.close()

    def poll(self, t_ns: int) -> Frame | None:
        frame = self._reader.feed(self._transport.read())
        if frame is None or (frame.seq, frame.t_ns) == self._given:
            return None
        self._given = frame.seq, frame.t_ns
        return frame

    def window(self, left: int, top: int, columns: int, rows: int, t_ns: int) -> None:
        """As in the protocol; what reaches beyond the sensor is moved and cut to fit."""
        sensor_rows, sensor_columns = self.sensor_shape
        columns, rows = max(1, min(columns, sensor_columns)), max(1, min(rows, sensor_rows))
        left = max(0, min(left, sensor_columns - columns))
        top = max(0, min(top, sensor_rows - rows))
        self._transport.write(encode_window(left, top, columns, rows))

    def expose(self, exposure_us: int, t_ns: int) -> None:
        """As in the protocol; at least a microsecond."""
        self._transport.write(encode_exposure(max(1, min(exposure_us, LONGEST_EXPOSURE_US))))
