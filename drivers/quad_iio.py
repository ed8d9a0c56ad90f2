"""Quad cell on a Linux IIO ADC, read as buffer scans.

Source: Linux kernel ABI sysfs-bus-iio, from general knowledge [?]. A scan is 16 bytes: four
channels le:s16/16 in the order a, b, c, d, then a timestamp le:s64/64. The clock of the stamps is
our choice (`current_timestamp_clock` = tai). To set the buffer up (sysfs) and to carry the bytes of
/dev/iio:deviceN here is not this driver's part. To be confirmed on a unit:
  [?] channel order on the board, and that no other scan element is enabled.
"""

import struct

from drivers.protocols import Health, QuadScan
from drivers.transport import Transport

SCAN = struct.Struct("<4hq")
SCAN_BYTES = 16
_new_tuple = tuple.__new__
"""Of a NamedTuple: half the cost of calling its class, which goes through Python."""
LONGEST_GAP_NS = 10_000_000_000
"""A stamp that jumps further, or back, is taken for a misaligned stream."""
BACKLOG_BYTES = 256 * SCAN_BYTES
"""Of what waited longer only the newest part is looked at: older scans are lost in any case."""
MOST_LOST = 1_000_000
"""Reported at most; more means that the clock was set."""


class IioQuad:
    """drivers.protocols.QuadDetector on IIO buffer scans.

    Args:
        transport: yields the scans' bytes.
        rate_hz: sampling frequency that the ADC is set to.

    Raises:
        ValueError: a rate that is not positive.

    The stream has no header. Two successive scans that lie one period apart (to half a period) show
    where scans begin: only then are readings given. Afterwards stamps have to grow, else bytes are
    dropped until two scans fit again; each such break counts as a bad frame. `lost` and the gaps in
    `seq` come from the stamps: scans that the ADC's buffer dropped, and those that a late poll has
    found superseded.
    """

    def __init__(self, transport: Transport, *, rate_hz: float = 5000) -> None:
        if not rate_hz > 0:
            raise ValueError(f"rate_hz: must be positive, got {rate_hz}")
        self._transport = transport
        self._read = transport.read
        self._period_ns = period_ns = round(1e9 / rate_hz)
        self._shortest_ns, self._longest_ns = period_ns // 2, period_ns + period_ns // 2
        self._rest = b""
        self._aligned = False
        self._ready = False
        """Aligned, and no part of a scan is waiting."""
        self._last_ns = 0
        """Stamp of the last scan given."""
        self._seq = -1
        self._garbage_bytes = 0
        self._bad_frames = 0

    @property
    def health(self) -> Health:
        error = "stamps do not grow by the period" if self._bad_frames else ""
        return Health(self._garbage_bytes, self._bad_frames, last_error=error)

    def close(self) -> None:
        self._transport.close()

    def poll(self, t_ns: int) -> QuadScan | None:
        data = self._read()
        # The usual case first: this runs at the ADC's rate.
        if self._ready and len(data) == SCAN_BYTES:
            a, b, c, d, scan_ns = SCAN.unpack(data)
            if 0 < scan_ns - self._last_ns < self._longest_ns:
                self._last_ns = scan_ns
                self._seq = seq = self._seq + 1
                return _new_tuple(QuadScan, (scan_ns, seq, a, b, c, d, 0))
        return self._search(data) if data else None

    def _search(self, data: bytes) -> QuadScan | None:
        """The newest scan of what waits and `data`, wherever scans begin in it."""
        buffer = self._rest + data
        at = max(0, (len(buffer) - BACKLOG_BYTES) // SCAN_BYTES * SCAN_BYTES)
        if not self._aligned:
            self._garbage_bytes += at
        last_ns = self._last_ns
        newest: tuple[int, int, int, int, int] | None = None
        while True:
            if self._aligned:
                if len(buffer) - at < SCAN_BYTES:
                    break
                scan = SCAN.unpack_from(buffer, at)
                if 0 < scan[4] - last_ns <= LONGEST_GAP_NS:
                    newest, last_ns = scan, scan[4]
                    at += SCAN_BYTES
                else:
                    self._aligned = False
                    self._bad_frames += 1
            else:
                if len(buffer) - at < 2 * SCAN_BYTES:
                    break
                first, second = (
                    SCAN.unpack_from(buffer, at),
                    SCAN.unpack_from(buffer, at + SCAN_BYTES),
                )
                if self._shortest_ns <= second[4] - first[4] <= self._longest_ns:
                    self._aligned = True
                    newest, last_ns = second, second[4]
                    at += 2 * SCAN_BYTES
                else:
                    self._garbage_bytes += 1
                    at += 1
        self._rest = buffer[at:]
        self._ready = self._aligned and not self._rest
        return self._give(newest) if newest else None

    def _give(self, scan: tuple[int, int, int, int, int]) -> QuadScan:
        a, b, c, d, scan_ns = scan
        lost = 0
        if self._seq >= 0:
            periods = (scan_ns - self._last_ns + self._period_ns // 2) // self._period_ns
            lost = min(max(periods - 1, 0), MOST_LOST)
        self._last_ns = scan_ns
        self._seq += 1 + lost
        return QuadScan(scan_ns, self._seq, a, b, c, d, lost)
