"""Emulator of an Optotune Lens Driver 4i with an EL-10-30 lens (115200 baud, CRC-16/ARC).

Written apart from the driver. Modelled: Start, H, V, X, MMA, MwDA, MwCA, PwDA, PrDA, TCA; replies
with check sums, "N" for a command whose own is wrong; a lens that goes to its power exponentially.
Commands have no terminator: one is complete when its length, known by its name, has arrived. Not
modelled: signal generator, EEPROM, limits by temperature, baud (a frame takes a millisecond).
"""

import math
import struct

OFFSET = 1000
"""Counts of no power, lens type A: 5 dioptres at 200 counts."""
LEAST, MOST = 600, 2000
"""Counts: -2 to 5 dioptres."""
TIME_CONSTANT_S = 5e-3
"""[?] 10 to 90 % in some 2.5 ms, settled in 15."""
DEGREES_16THS = 408
"""25.5 degrees Celsius."""
SIZES = {
    b"H": 1,
    b"V\0": 2,
    b"X": 1,
    b"MMA": 3,
    b"MwDA": 4,
    b"MwCA": 4,
    b"PwDA": 8,
    b"PrDA": 8,
    b"TCA": 3,
}
"""Name of a command -> its length without check sum."""


def table() -> tuple[int, ...]:
    """Of the reflected polynomial 0xA001, one byte at a time."""
    rows = []
    for value in range(256):
        for _ in range(8):
            value = value >> 1 ^ (0xA001 if value & 1 else 0)
        rows.append(value)
    return tuple(rows)


TABLE = table()


def check_sum(data: bytes) -> bytes:
    """CRC-16/ARC, low byte first."""
    crc = 0
    for byte in data:
        crc = crc >> 8 ^ TABLE[(crc ^ byte) & 0xFF]
    return crc.to_bytes(2, "little")


class Ld4iEmulator:
    """sim_devices.emulator.Emulator of one lens driver.

    Args:
        stuck: the lens keeps its power, whatever it is told; may be changed at any time.
    """

    def __init__(self, *, stuck: bool = False) -> None:
        self.stuck = stuck
        self.silent = False
        """Its answers are lost."""
        self._t_ns = 0
        self._heard = b""
        self._out = b""
        self._started = False
        self._focal = False
        self._set = OFFSET
        self._power = float(OFFSET)
        """True, in counts."""

    @property
    def position(self) -> float:
        """True power at the last advance, dioptres."""
        return (self._power - OFFSET) / 200.0

    def power_down(self) -> None:
        """As if its plug had been pulled and put back."""
        self._started = self._focal = False
        self._set, self._heard, self._out = OFFSET, b"", b""

    def advance(self, t_ns: int) -> None:
        """Move on to `t_ns`; a time that has passed already changes nothing."""
        seconds = max(0, t_ns - self._t_ns) * 1e-9
        self._t_ns = max(self._t_ns, t_ns)
        if not self.stuck:
            left = math.exp(-seconds / TIME_CONSTANT_S)
            self._power = self._set + (self._power - self._set) * left

    def receive(self, data: bytes, t_ns: int) -> None:
        self.advance(t_ns)
        self._heard += data
        while self._heard:
            if self._heard.startswith(b"Start"):
                self._heard, self._started = self._heard[5:], True
                self._out += b"Ready\r\n"
                continue
            names = [name for name in SIZES if self._heard.startswith(name)]
            if not names:
                if b"Start".startswith(self._heard) or any(
                    name.startswith(self._heard) for name in SIZES
                ):
                    return
                self._heard = self._heard[1:]
                continue
            size = SIZES[names[0]]
            if len(self._heard) < size + 2:
                return
            command, told = self._heard[:size], self._heard[size : size + 2]
            self._heard = self._heard[size + 2 :]
            if not self._started:
                continue
            if told == check_sum(command):
                self._obey(names[0], command)
            else:
                self._out += b"N\r\n"

    def poll(self, t_ns: int) -> bytes:
        self.advance(t_ns)
        sent, self._out = self._out, b""
        return b"" if self.silent else sent

    def _obey(self, name: bytes, command: bytes) -> None:
        if name == b"H":
            self._reply(b"HA")
        elif name == b"V\0":
            self._reply(b"V" + bytes((1, 11)) + struct.pack(">HH", 1158, 0))
        elif name == b"X":
            self._reply(b"XABCD1234")
        elif name == b"MMA":
            self._reply(b"MMA" + bytes((5 if self._focal else 1,)))
        elif name == b"MwDA":
            self._focal = False
            self._reply(b"MDA")
        elif name == b"MwCA":
            self._focal = True
            self._reply(b"MCA" + struct.pack(">Bhh", 0, MOST, LEAST))
        elif name == b"TCA":
            self._reply(b"TCA" + struct.pack(">h", DEGREES_16THS))
        elif name == b"PrDA":
            self._reply(b"PDA" + struct.pack(">h", self._set) + bytes(2))
        elif self._focal:
            (counts,) = struct.unpack(">h", command[4:6])
            self._set = max(LEAST, min(MOST, counts))

    def _reply(self, data: bytes) -> None:
        self._out += data + check_sum(data) + b"\r\n"
