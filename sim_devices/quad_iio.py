"""Emulator of a Linux IIO ADC behind a quad cell: buffer scans, and nothing that listens.

Written apart from the driver. The world decides when a scan is taken and what it reads.
"""

import struct

_pack = struct.Struct("<hhhhq").pack
SCAN_BYTES = 16


class IioQuadEmulator:
    """sim_devices.emulator.Emulator of the device file.

    Args:
        buffer_scans: length of the kernel's buffer. A scan that finds it full is dropped [?].
    """

    def __init__(self, *, buffer_scans: int = 1024) -> None:
        self._buffer_bytes = buffer_scans * SCAN_BYTES
        self._waiting = b""

    def push(self, t_ns: int, a: int, b: int, c: int, d: int) -> None:
        """One conversion at `t_ns` (TAI): upper right, upper left, lower left, lower right.

        Raises struct.error for counts outside the ADC's -32768..32767.
        """
        if len(self._waiting) < self._buffer_bytes:
            self._waiting += _pack(a, b, c, d, t_ns)

    def receive(self, data: bytes, t_ns: int) -> None:
        """An ADC is not written to."""

    def poll(self, t_ns: int) -> bytes:
        waiting = self._waiting
        self._waiting = b""
        return waiting
