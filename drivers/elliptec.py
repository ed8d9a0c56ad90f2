"""Thorlabs Elliptec motors (ELLx protocol): frames, and the one exchange that is on the line.

Source: Elliptec ELLx protocol as coded and tested by TapyrLabs tl_elliptec (MIT) and in pylablib;
frames [P] from their logs. Nothing was tried on a unit. To be confirmed on one:
  [2nd] GS09 may come before PO; a move sent within 0.1 s after a PO can run to 0; the motor gives
  up after 2.5 s with GS02; PO may be some pulses off its target, or a little below 0;
  [?] the motor was homed after power-up (`ho`), so that its zero is where it was calibrated.
"""

import re
from typing import NamedTuple

from drivers.protocols import Health
from drivers.transport import Transport

STATUS_BUSY = 9
STATUS = {
    0x00: "ok",
    0x01: "communication time-out",
    0x02: "mechanical time-out",
    0x03: "command error or not supported",
    0x04: "value out of range",
    0x05: "module isolated",
    0x06: "module out of isolation",
    0x07: "initialising",
    0x08: "thermal error",
    STATUS_BUSY: "busy",
    0x0A: "sensor error",
    0x0B: "motor error",
    0x0C: "out of range",
    0x0D: "over-current",
}
"""Codes of GS."""

SECOND_NS = 1_000_000_000
ANSWER_LIMIT_NS = SECOND_NS
"""At 9600 baud the longest answer takes 40 ms."""
MOVE_LIMIT_NS = 4 * SECOND_NS
"""The motor itself gives up after 2.5 s."""
REST_NS = SECOND_NS // 10
"""Between a PO and the next move."""
ASK_AGAIN_NS = SECOND_NS
"""After an answer to `in` that is of no use."""
LONGEST_LINE = 64

_REPLY = re.compile(r"([0-9A-F])(IN|PO|GS|BO|BS)([0-9A-F]*)$")
_DIGITS = {"IN": 30, "PO": 8, "GS": 2}
"""How many each carries; of the button reports BO and BS nothing is used."""


def encode(address: str, command: str, value: int | None = None) -> bytes:
    """A command without terminator; `value` as 32-bit two's complement, eight hex digits."""
    data = "" if value is None else f"{value & 0xFFFFFFFF:08X}"
    return f"{address}{command}{data}".encode("ascii")


def signed32(hex_digits: str) -> int:
    """Eight hex digits, two's complement. Raises ValueError for anything but hex."""
    value = int(hex_digits, 16)
    return value - (1 << 32) if value & 0x80000000 else value


class LineReader:
    """Cuts replies `<address><two capitals><hex>CR LF` out of a byte stream."""

    def __init__(self) -> None:
        self.garbage_bytes = 0
        self.bad_frames = 0
        self._buffer = bytearray()

    def feed(self, data: bytes) -> list[tuple[str, str, str]]:
        """Complete replies as (address, kind, hex digits), oldest first.

        Bytes before a reply on its line are counted as garbage: noise, or a reply that was cut off.
        So a line that has begun and does not end spoils nothing but itself.
        """
        self._buffer += data
        *lines, rest = self._buffer.split(b"\n")
        self._buffer = rest
        if len(rest) > LONGEST_LINE:
            self.garbage_bytes += len(rest)
            rest.clear()
        replies: list[tuple[str, str, str]] = []
        for line in lines:
            found = _REPLY.search(line.removesuffix(b"\r").decode("latin-1"))
            if found is None or len(found[3]) != _DIGITS.get(found[2], len(found[3])):
                self.bad_frames += 1
                continue
            self.garbage_bytes += found.start()
            replies.append((found[1], found[2], found[3]))
        return replies


class Kind(NamedTuple):
    """What a driver takes for its device."""

    name: str
    types: frozenset[int]
    """As IN tells them."""
    wraps: bool
    """A turn, after which positions repeat; its pulses are what IN tells."""
    arrived: float
    """PO this near to the target ends a move: share of the pulses a unit that IN tells."""


class Position(NamedTuple):
    """As told, and whether a move is not over."""

    t_ns: int
    seq: int
    pulses: int
    moving: bool


class Motor:
    """One motor; its owner turns pulses into what they mean.

    One command is on the line at a time, and `poll` alone sends: at rest it asks for the position,
    a move accepted by `start` goes out as soon as the line is free and the motor has rested.
    `moving` holds from acceptance until the motor tells its target as position, reports an error,
    or does neither in time; then the position is asked for. Any PO is the newest position, whatever
    it answers: so a late one does no harm, and is not taken for the arrival of a later move.
    """

    def __init__(
        self, transport: Transport, kind: Kind, *, address: str, poll_interval_s: float
    ) -> None:
        """Raises ValueError for an option out of its range."""
        if not re.fullmatch("[0-9A-F]", address):
            raise ValueError(f"address: {address!r} is not one of 0-9, A-F")
        if not 0.0 < poll_interval_s <= 60.0:
            raise ValueError(f"poll_interval_s: {poll_interval_s} is not in (0, 60]")
        self.pulses_per_unit = 0
        """A turn, or a millimetre; 0: the motor has not told yet what it is."""
        self.travel = 0
        """Degrees or millimetres."""
        self._kind = kind
        self._transport = transport
        self._address = address
        self._poll_interval_ns = round(poll_interval_s * 1e9)
        self._reader = LineReader()
        self._awaited = ""
        """The command on the line; empty: the line is free."""
        self._deadline_ns = 0
        self._next_question_ns = 0
        self._rested_ns = 0
        self._target: int | None = None
        """Pulses; a move that was accepted and is not over."""
        self._position: Position | None = None
        self._timeouts = 0
        self._device_errors = 0
        self._last_error = ""

    @property
    def health(self) -> Health:
        return Health(
            self._reader.garbage_bytes,
            self._reader.bad_frames,
            self._timeouts,
            self._device_errors,
            self._last_error,
        )

    def close(self) -> None:
        self._transport.close()

    def poll(self, t_ns: int) -> Position | None:
        """Take what has come, send what is due; the newest position, None before the first."""
        for address, kind, digits in self._reader.feed(self._transport.read()):
            if address != self._address:
                continue
            if kind == "IN":
                self._take_identity(digits, t_ns)
            elif kind == "PO":
                self._take_position(signed32(digits), t_ns)
            elif kind == "GS":
                self._take_status(int(digits, 16))
        if self._awaited and t_ns > self._deadline_ns:
            self._timeouts += 1
            self._last_error = f"no answer to {self._awaited!r} in time"
            self._end_exchange()
        if not self._awaited:
            self._send_next(t_ns)
        if self._position is None:
            return None
        return self._position._replace(moving=self._target is not None)

    def start(self, pulses: int) -> bool:
        """Accept a move; the next poll sends it. False: not known yet, or a move is not over."""
        if not self.pulses_per_unit or self._target is not None:
            return False
        self._target = pulses
        return True

    def _send_next(self, t_ns: int) -> None:
        if not self.pulses_per_unit:
            if t_ns >= self._next_question_ns:
                self._send("in", None, t_ns + ANSWER_LIMIT_NS)
        elif self._target is not None:
            if t_ns >= self._rested_ns:
                self._send("ma", self._target, t_ns + MOVE_LIMIT_NS)
        elif t_ns >= self._next_question_ns:
            self._next_question_ns = t_ns + self._poll_interval_ns
            self._send("gp", None, t_ns + ANSWER_LIMIT_NS)

    def _send(self, command: str, value: int | None, deadline_ns: int) -> None:
        self._awaited = command
        self._deadline_ns = deadline_ns
        self._transport.write(encode(self._address, command, value))

    def _end_exchange(self) -> None:
        if self._awaited == "ma":
            self._target = None
            self._next_question_ns = 0
        self._awaited = ""

    def _take_identity(self, digits: str, t_ns: int) -> None:
        """Digits: type 2, serial 8, year 4, firmware 2, hardware 2, travel 4, pulses a unit 8."""
        device_type, pulses = int(digits[:2], 16), int(digits[22:], 16)
        if self._awaited == "in":
            self._awaited = ""
            if device_type in self._kind.types and pulses:
                self.pulses_per_unit, self.travel = pulses, int(digits[18:22], 16)
                self._next_question_ns = t_ns
            else:
                self._next_question_ns = t_ns + ASK_AGAIN_NS
                self._fail(f"type {device_type}, {pulses} pulses a unit: not an {self._kind.name}")

    def _take_position(self, pulses: int, t_ns: int) -> None:
        unit = self.pulses_per_unit
        if not unit:
            return
        seq = self._position.seq + 1 if self._position else 0
        self._position = Position(t_ns, seq, pulses, False)
        self._rested_ns = t_ns + REST_NS
        if self._awaited == "gp":
            self._end_exchange()
        elif self._awaited == "ma" and self._target is not None:
            away = pulses - self._target
            if self._kind.wraps:
                away = (away + unit // 2) % unit - unit // 2
            if abs(away) <= self._kind.arrived * unit:
                self._end_exchange()
                # It has just told: another answer would put off the next move by its rest.
                self._next_question_ns = t_ns + self._poll_interval_ns

    def _take_status(self, code: int) -> None:
        if code == STATUS_BUSY:
            return  # The answer follows when the motor has stopped.
        if code:
            self._fail(f"GS{code:02X}: {STATUS.get(code, 'reserved')}")
        if self._awaited == "in":
            return
        self._end_exchange()

    def _fail(self, error: str) -> None:
        self._device_errors += 1
        self._last_error = error
