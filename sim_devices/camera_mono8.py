"""Emulator of a free-running beacon camera with its adapter process, on our own wire contract.

Written apart from the driver. Frames "QF01" leave at the end of exposure and read-out; window
commands "QC01" and exposure commands "QE01" hold from the next exposure on. Wrong and impossible
commands are ignored, as the adapter does.
"""

import struct
import zlib
from collections import deque
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Window = tuple[int, int, int, int]
"""left, top, columns, rows."""

COMMAND_BYTES = 16
BACKLOG_NS = 1_000_000_000
"""Exposures further behind than this are never made; their numbers are skipped."""


class Scene(Protocol):
    def expose(
        self, t_ns: int, exposure_us: int, left: int, top: int, columns: int, rows: int
    ) -> NDArray[np.uint8]:
        """(rows, columns) of the sensor from (top, left) on; t_ns: TAI, middle of the exposure."""


def pack_frame(
    seq: int, t_ns: int, exposure_us: int, left: int, top: int, pixels: NDArray[np.uint8]
) -> bytes:
    """One image, (rows, columns), on the wire."""
    rows, columns = pixels.shape
    payload = pixels.tobytes()
    header = b"QF01" + struct.pack("<I", seq & 0xFFFFFFFF) + struct.pack("<q", t_ns)
    header += struct.pack("<I4H", exposure_us, left, top, columns, rows)
    header += struct.pack("<I", len(payload))
    return header + struct.pack("<I", zlib.crc32(header + payload)) + payload


class Mono8CameraEmulator:
    """sim_devices.emulator.Emulator of the camera.

    Args:
        scene: what is before the lens. It is asked when time passes the middle of an exposure, so
            a scene that moves should be followed by calling `advance` as often as it does.
        rate_hz: frames per second; the first exposure begins at the first time handed in.
        columns, rows: of the sensor.
        exposure_us: until commanded otherwise; at most the frame's period.
        readout_ns: a frame leaves so long after its exposure ended.

    Raises:
        ValueError: an exposure that is longer than the frame's period.
    """

    def __init__(
        self,
        scene: Scene,
        *,
        rate_hz: float,
        columns: int,
        rows: int,
        exposure_us: int = 1000,
        readout_ns: int = 1_000_000,
    ) -> None:
        self._period_ns = round(1e9 / rate_hz)
        if not 0 < exposure_us * 1000 <= self._period_ns:
            raise ValueError(f"exposure_us: {exposure_us} is not within a period at {rate_hz} Hz")
        self._scene = scene
        self._sensor = columns, rows
        self._exposure_us = exposure_us
        """Of the exposure that is under way or comes next."""
        self._next_exposure_us = exposure_us
        self._readout_ns = readout_ns
        self._start_ns: int | None = None
        """Of the exposure that is under way or comes next."""
        self._seq = 0
        self._window: Window = (0, 0, columns, rows)
        """Of that exposure."""
        self._next_window = self._window
        self._heard = bytearray()
        self._leaving: deque[tuple[int, bytes]] = deque()

    def advance(self, t_ns: int) -> None:
        """Expose all frames whose middle has come."""
        if self._start_ns is None:
            self._start_ns = t_ns
        late_ns = t_ns - self._start_ns
        if late_ns > BACKLOG_NS:
            missed = late_ns // self._period_ns
            self._start_ns += missed * self._period_ns
            self._seq += missed
            self._take_commands()
        while self._start_ns + self._exposure_us * 500 <= t_ns:
            exposure_us = self._exposure_us
            middle_ns = self._start_ns + exposure_us * 500
            left, top, columns, rows = self._window
            pixels = self._scene.expose(middle_ns, exposure_us, left, top, columns, rows)
            frame = pack_frame(self._seq, middle_ns, exposure_us, left, top, pixels)
            self._leaving.append((self._start_ns + exposure_us * 1000 + self._readout_ns, frame))
            self._start_ns += self._period_ns
            self._seq += 1
            self._take_commands()

    def _take_commands(self) -> None:
        """Between two exposures."""
        self._window = self._next_window
        self._exposure_us = self._next_exposure_us

    def receive(self, data: bytes, t_ns: int) -> None:
        self.advance(t_ns)
        self._heard += data
        while len(self._heard) >= COMMAND_BYTES:
            command = bytes(self._heard[:COMMAND_BYTES])
            crc = struct.pack("<I", zlib.crc32(command[:12]))
            if command[:4] in (b"QC01", b"QE01") and command[12:] == crc:
                del self._heard[:COMMAND_BYTES]
                if command[:4] == b"QC01":
                    self._read_out(struct.unpack("<4H", command[4:12]))
                else:
                    self._expose(*struct.unpack("<II", command[4:12]))
                if self._start_ns is not None and t_ns < self._start_ns:
                    self._take_commands()
            else:
                following = self._heard.find(b"Q", 1)
                del self._heard[: following if following > 0 else len(self._heard)]

    def poll(self, t_ns: int) -> bytes:
        self.advance(t_ns)
        sent = bytearray()
        while self._leaving and self._leaving[0][0] <= t_ns:
            sent += self._leaving.popleft()[1]
        return bytes(sent)

    def _read_out(self, window: Window) -> None:
        left, top, columns, rows = window
        sensor_columns, sensor_rows = self._sensor
        if not (
            columns and rows and left + columns <= sensor_columns and top + rows <= sensor_rows
        ):
            return
        self._next_window = window

    def _expose(self, exposure_us: int, reserved: int) -> None:
        if reserved == 0 and 0 < exposure_us * 1000 <= self._period_ns:
            self._next_exposure_us = exposure_us
