"""What the emulated Elliptec motors have in common (ELLx protocol, 9600 baud).

Written apart from the drivers. Modelled: in, gs, gp, ma, mr, ho, go, so; the pace of the line; a
motor of constant speed that goes the plain way from count to count [?] and is deaf while it turns
(GS09). Not modelled: jogging, frequency search, cleaning, and other addresses on the line.
"""

from collections import deque
from typing import NamedTuple

BYTE_NS = 10 * 1_000_000_000 // 9600
GIVES_UP_NS = 2_500_000_000
OK, MECHANICAL_TIMEOUT, BAD_COMMAND, BUSY, OUT_OF_RANGE = 0x00, 0x02, 0x03, 0x09, 0x0C
DATA_DIGITS = {"in": 0, "gs": 0, "gp": 0, "go": 0, "ho": 1, "ma": 8, "mr": 8, "so": 8}
HEX_DIGITS = frozenset("0123456789ABCDEF")
LOWER_CASE = frozenset("abcdefghijklmnopqrstuvwxyz")


class Move(NamedTuple):
    """Positions in pulses, times in TAI nanoseconds."""

    origin: int
    target: int
    start_ns: int
    end_ns: int
    status: int
    """OK, or the fault that is reported in the end."""


class ElliptecEmulator:
    """sim_devices.emulator.Emulator of one motor.

    Args:
        identity: what `in` answers, 30 digits.
        wrap: pulses after which positions repeat; 0: a linear stage.
        reach: the farthest target, pulses from the home offset.
        pulses_per_s: speed of a move.
        address: one of 0-9 and A-F.
        stuck: it does not move; looked at when a move starts, may be changed at any time.
    """

    def __init__(
        self,
        identity: str,
        *,
        wrap: int,
        reach: int,
        pulses_per_s: float,
        address: str = "0",
        stuck: bool = False,
    ) -> None:
        self.stuck = stuck
        self.silent = False
        """Its answers are lost."""
        self._identity = identity
        self._wrap, self._reach = wrap, reach
        self._address = address
        self._pulses_per_s = pulses_per_s
        self._t_ns = 0
        self._heard = ""
        # Positions count from the home sensor; the host sees them from the home offset on.
        self._home_offset = 0
        self._position = 0
        self._wound = 0
        """Whole turns behind it, in pulses."""
        self._move: Move | None = None
        self._fault = OK
        self._out: deque[tuple[int, int]] = deque()
        """When each byte has left, and the byte."""
        self._line_free_ns = 0

    @property
    def true_pulses(self) -> float:
        """From the encoder's zero at the last advance."""
        return self._wrapped(self.gone_pulses)

    @property
    def gone_pulses(self) -> float:
        """The same, counted on over whole turns since the start."""
        pulses: float = self._position + self._wound
        if self._move:
            origin, target, start_ns, end_ns, _ = self._move
            done = (self._t_ns - start_ns) / max(1, end_ns - start_ns)
            pulses = self._wound + origin + (target - origin) * max(0.0, min(1.0, done))
        return pulses - self._home_offset

    def _wrapped(self, pulses: float) -> float:
        return pulses % self._wrap if self._wrap else pulses

    def advance(self, t_ns: int) -> None:
        """Move on to `t_ns`; a time that has passed already changes nothing."""
        self._t_ns = max(self._t_ns, t_ns)
        if self._move and self._t_ns >= self._move.end_ns:
            move, self._move = self._move, None
            self._position = int(self._wrapped(move.target))
            self._wound += move.target - self._position
            self._fault = move.status
            if move.status == OK:
                self._reply_position(move.end_ns)
            else:
                self._reply(f"GS{move.status:02X}", move.end_ns)

    def receive(self, data: bytes, t_ns: int) -> None:
        self.advance(t_ns)
        arrived_ns = t_ns + len(data) * BYTE_NS
        self._heard += data.decode("latin-1")
        while (command := self._next_command()) is not None:
            self._obey(*command, arrived_ns)

    def poll(self, t_ns: int) -> bytes:
        self.advance(t_ns)
        sent = bytearray()
        while self._out and self._out[0][0] <= t_ns:
            sent.append(self._out.popleft()[1])
        return b"" if self.silent else bytes(sent)

    def _next_command(self) -> tuple[str, str] | None:
        """Cut the first command for this address off, with all before it. None: not complete."""
        while len(self._heard) >= 3:
            address, name = self._heard[0], self._heard[1:3]
            size = 3 + DATA_DIGITS.get(name, 0)
            data = self._heard[3:size]
            begins_well = address == self._address and LOWER_CASE.issuperset(name)
            if not begins_well or not HEX_DIGITS.issuperset(data):
                self._heard = self._heard[1:]
            elif len(self._heard) < size:
                return None
            else:
                self._heard = self._heard[size:]
                return name, data
        return None

    def _obey(self, name: str, data: str, t_ns: int) -> None:
        if name not in DATA_DIGITS:
            self._reply(f"GS{BAD_COMMAND:02X}", t_ns)
        elif self._move:
            self._reply(f"GS{BUSY:02X}", t_ns)
        elif name == "in":
            self._reply(f"IN{self._identity}", t_ns)
        elif name == "gs":
            self._reply(f"GS{self._fault:02X}", t_ns)
            self._fault = OK
        elif name == "gp":
            self._reply_position(t_ns)
        elif name == "go":
            self._reply(f"HO{self._home_offset & 0xFFFFFFFF:08X}", t_ns)
        elif name == "so":
            self._home_offset = _signed(data)
            self._reply(f"GS{OK:02X}", t_ns)
        elif name == "ho":
            self._start(self._home_offset, t_ns)
        elif name == "ma":
            self._start(_signed(data) + self._home_offset, t_ns)
        else:
            self._start(_signed(data) + self._position, t_ns)

    def _start(self, target: int, t_ns: int) -> None:
        wanted = target - self._home_offset
        # A turn may be asked for either way round; a linear stage ends at its home.
        if not (-self._reach if self._wrap else 0) <= wanted <= self._reach:
            self._reply(f"GS{OUT_OF_RANGE:02X}", t_ns)
        elif self.stuck:
            still = self._position
            self._move = Move(still, still, t_ns, t_ns + GIVES_UP_NS, MECHANICAL_TIMEOUT)
        else:
            duration_s = abs(target - self._position) / self._pulses_per_s
            self._move = Move(self._position, target, t_ns, t_ns + round(duration_s * 1e9), OK)

    def _reply_position(self, t_ns: int) -> None:
        pulses = int(self._wrapped(self._position - self._home_offset))
        self._reply(f"PO{pulses & 0xFFFFFFFF:08X}", t_ns)

    def _reply(self, text: str, t_ns: int) -> None:
        self._line_free_ns = max(self._line_free_ns, t_ns)
        for byte in f"{self._address}{text}\r\n".encode("ascii"):
            self._line_free_ns += BYTE_NS
            self._out.append((self._line_free_ns, byte))


def _signed(digits: str) -> int:
    """Eight hex digits, two's complement."""
    return int.from_bytes(bytes.fromhex(digits), "big", signed=True)
