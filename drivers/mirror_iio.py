"""Fast steering mirror (or point-ahead mirror) on a Linux IIO DAC, written as buffer scans.

Source: Linux kernel ABI sysfs-bus-iio, output buffers of newer kernels, from general knowledge [?].
A scan is two channels le:s16/16, x then y, one write(2) a command. The stream has no header: what
carries the bytes must keep them whole. To be confirmed on a unit:
  [?] the DAC is signed (else its offset has to be added), and the channel order on the board.
"""

import struct

from drivers.protocols import Health
from drivers.transport import Transport

_pack = struct.Struct("<2h").pack
DAC_LIMIT = 32767


class IioMirror:
    """drivers.protocols.Mirror on IIO buffer scans.

    Args:
        transport: takes the scans' bytes.
        counts_per_rad: DAC counts per radian on the sky.
        max_counts: largest magnitude of a command; what is beyond is clamped.

    Raises:
        ValueError: an option out of its range.
    """

    def __init__(
        self, transport: Transport, *, counts_per_rad: float, max_counts: int = DAC_LIMIT
    ) -> None:
        if not counts_per_rad > 0:
            raise ValueError(f"counts_per_rad: must be positive, got {counts_per_rad}")
        if not 0 < max_counts <= DAC_LIMIT:
            raise ValueError(f"max_counts: {max_counts} is not in 1..{DAC_LIMIT}")
        self.counts_per_rad = counts_per_rad
        self.max_counts = max_counts
        self._transport = transport
        self._write = transport.write

    @property
    def health(self) -> Health:
        """Always good: nothing comes back from a DAC."""
        return Health()

    def close(self) -> None:
        self._transport.close()

    def command(self, x_counts: int, y_counts: int, t_ns: int) -> None:
        limit = self.max_counts
        if not (-limit <= x_counts <= limit and -limit <= y_counts <= limit):
            x_counts = max(-limit, min(limit, x_counts))
            y_counts = max(-limit, min(limit, y_counts))
        self._write(_pack(x_counts, y_counts))
