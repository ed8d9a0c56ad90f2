"""Emulator of an S-Fifteen time tagger that sends a1 words.

Written from fpfind's published notes, apart from the driver: time in 1/256 ns from bit 10 up, bit 4
a marker, bits 3..0 the detectors. One word a click; a real card joins clicks of one instant, and
puts some words out of order.
"""

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

MARKER = 0b11000
"""Low bits of a marker; cards set a detector bit in it too [P]."""
TIME_MASK = (1 << 54) - 1
MARKER_EVERY_NS = 100_000_000
"""A quiet stream says so often that it lives. Cards do it every 131 us [P]."""
MARKER_LAG_NS = 50_000_000
"""Markers stay so far behind: the source hands clicks over a little late, and on its own clock."""


class ClickSource(Protocol):
    def take(self, t_ns: int) -> tuple[NDArray[np.int64], NDArray[np.uint8]]:
        """(time_ps on the tagger's clock, sorted; channel 0..3) of clicks since the last call."""


def encode(time_ps: NDArray[np.int64], channel: NDArray[np.uint8]) -> NDArray[np.uint64]:
    """Words of clicks, (n,). Times before the counter's zero are sent as zero; it wraps at 2^54.

    256 units a ns: 32/125 a ps. Split, so that no int64 is too large for it.
    """
    whole, rest = np.divmod(np.maximum(time_ps, 0), 125)
    units = whole * 32 + (rest * 32 + 62) // 125
    detector = np.left_shift(np.uint64(1), channel.astype(np.uint64))
    words: NDArray[np.uint64] = (units & TIME_MASK).astype(np.uint64) << np.uint64(10) | detector
    return words


class A1TaggerEmulator:
    """sim_devices.emulator.Emulator of the tagger.

    Setting `silent` stops all output; clicks made meanwhile are lost.
    """

    def __init__(self, source: ClickSource) -> None:
        self.silent = False
        self._source = source
        self._clicked_ns: int | None = None
        """When the latest click was taken. Only clicks tell the time on the tagger's clock."""
        self._clicked_ps = 0
        self._spoke_ns = 0

    def receive(self, data: bytes, t_ns: int) -> None:
        """The stream runs by itself."""

    def poll(self, t_ns: int) -> bytes:
        time_ps, channel = self._source.take(t_ns)
        if len(time_ps):
            self._clicked_ns, self._clicked_ps = t_ns, int(time_ps[-1])
            self._spoke_ns = t_ns
            sent = encode(time_ps, channel).astype("<u8").tobytes()
        else:
            sent = self._marker(t_ns)
        return b"" if self.silent else sent

    def _marker(self, t_ns: int) -> bytes:
        if self._clicked_ns is None or t_ns - self._spoke_ns < MARKER_EVERY_NS:
            return b""
        self._spoke_ns = t_ns
        since_ns = max(0, t_ns - self._clicked_ns - MARKER_LAG_NS)
        units = (max(0, self._clicked_ps) + since_ns * 1000) * 32 // 125
        return ((units & TIME_MASK) << 10 | MARKER).to_bytes(8, "little")
