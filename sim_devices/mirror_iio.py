"""Emulator of a Linux IIO DAC behind a two-axis mirror: scans in, two voltages out.

Written apart from the driver. How the mirror answers to them is the world's business.
"""

import struct

_SCAN = struct.Struct("<hh")
_unpack = _SCAN.unpack


class IioMirrorEmulator:
    """sim_devices.emulator.Emulator of the device file."""

    def __init__(self) -> None:
        self.x_counts = 0
        """Of the latest whole scan."""
        self.y_counts = 0
        self._rest = b""

    def receive(self, data: bytes, t_ns: int) -> None:
        if len(data) == 4 and not self._rest:
            self.x_counts, self.y_counts = _unpack(data)
            return
        buffer = self._rest + data
        whole = len(buffer) // 4 * 4
        if whole:
            self.x_counts, self.y_counts = _SCAN.unpack_from(buffer, whole - 4)
        self._rest = buffer[whole:]

    def poll(self, t_ns: int) -> bytes:
        """A DAC sends nothing."""
        return b""
