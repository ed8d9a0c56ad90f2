"""Optotune Lens Driver 4i with a tunable lens of the EL-10-30 kind: the lens of a beam expander.

Source: public drivers of elhananby (optotune-lens, MIT) and funalab (LensDriver, LGPL); frames [P]
from their tests. 115200 8N1. Numbers big-endian; every command but "Start" and every reply but
"Ready" carries CRC-16/ARC, low byte first; a reply ends in CR LF and may hold CR LF inside, so it
is cut by its length. Nothing was tried on a unit. To be confirmed on one:
  [?] the answer to PrDA is "PDA", the power as int16, and two bytes more;
  [?] the lens type "A" counts its powers from -5 dioptres.

Setting a power has no reply: the power that is read back is the one that was set. A lens that does
not follow is not seen here.
"""

import math
import struct
from typing import NamedTuple

from drivers.protocols import ExpanderState, Health
from drivers.transport import Transport

SECOND_NS = 1_000_000_000
ANSWER_LIMIT_NS = SECOND_NS // 2
"""At 115200 baud the longest answer takes 1.2 ms, behind a USB bridge some 20."""
SETTLING_NS = SECOND_NS // 20
"""P: an EL-10-30 settles in some 15 ms."""
COUNTS_PER_DIOPTRE = 200
TYPE_A_OFFSET = 5.0
LONGEST_BUFFER = 256

READY = b"Ready\r\n"
CRC_ERROR = b"N\r\n"


def crc16_arc(data: bytes) -> int:
    """CRC-16/ARC: polynomial 0x8005 reflected, initial value 0."""
    crc = 0
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = (crc >> 1) ^ 0xA001 if crc & 1 else crc >> 1
    return crc


def framed(command: bytes) -> bytes:
    """A command with its check sum."""
    return command + struct.pack("<H", crc16_arc(command))


class Exchange(NamedTuple):
    """A command that is on the line, and what a reply to it looks like."""

    name: str
    head: bytes
    size: int
    """Of the reply, data only."""


START = Exchange("Start", b"", 0)
LENS_TYPE = Exchange("H", b"H", 2)
FOCAL_MODE = Exchange("MwCA", b"MCA", 8)
READ_POWER = Exchange("PrDA", b"PDA", 7)
TAIL = 4
"""Check sum and CR LF."""


class Ld4i:
    """drivers.protocols.Expander on an Optotune LD4i; positions are dioptres.

    Args:
        transport: the driver's line.
        poll_interval_s: between two questions for the power.

    Raises:
        ValueError: an option out of its range.

    One command with an answer is on the line at a time, and `poll` alone sends. What is not
    answered in time is asked again from the start, since a driver that was without power has
    forgotten its mode. A power that was accepted holds as `moving` until it is read back and the
    lens has had time to settle.
    """

    def __init__(self, transport: Transport, *, poll_interval_s: float = 0.2) -> None:
        if not 0.0 < poll_interval_s <= 60.0:
            raise ValueError(f"poll_interval_s: {poll_interval_s} is not in (0, 60]")
        self._transport = transport
        self._poll_interval_ns = round(poll_interval_s * 1e9)
        self._buffer = bytearray()
        self._exchange: Exchange | None = None
        self._deadline_ns = 0
        self._next_question_ns = 0
        self._next = START
        self._offset_dioptres = 0.0
        self._limits: tuple[float, float] | None = None
        """Dioptres; None: the lens is not known yet."""
        self._target: int | None = None
        self._sent_ns = 0
        """When the target went out; 0: not yet."""
        self._state: ExpanderState | None = None
        self._health = Health()

    @property
    def health(self) -> Health:
        return self._health

    def close(self) -> None:
        self._transport.close()

    def poll(self, t_ns: int) -> ExpanderState | None:
        self._buffer += self._transport.read()
        self._take(t_ns)
        if self._exchange and t_ns > self._deadline_ns:
            name = self._exchange.name
            self._health = self._health._replace(
                timeouts=self._health.timeouts + 1, last_error=f"no answer to {name!r} in time"
            )
            self._restart(t_ns)
        if self._exchange is None:
            self._send_next(t_ns)
        if self._state is None:
            return None
        return self._state._replace(moving=self._target is not None)

    def move_to(self, position: float, t_ns: int) -> bool:
        """Accept a power in dioptres; the next poll sends it.

        False: the lens is not known yet, has not settled, or does not reach there.
        """
        if self._limits is None or self._target is not None or not math.isfinite(position):
            return False
        low, high = self._limits
        if not low <= position <= high:
            return False
        self._target = round((position + self._offset_dioptres) * COUNTS_PER_DIOPTRE)
        self._sent_ns = 0
        return True

    def _send_next(self, t_ns: int) -> None:
        if self._next is READ_POWER and self._target is not None and not self._sent_ns:
            self._sent_ns = t_ns
            self._transport.write(framed(struct.pack(">4sh2x", b"PwDA", self._target)))
            self._next_question_ns = t_ns + SETTLING_NS
        if t_ns < self._next_question_ns:
            return
        self._next_question_ns = t_ns + self._poll_interval_ns
        self._exchange, self._deadline_ns = self._next, t_ns + ANSWER_LIMIT_NS
        if self._next is START:
            self._transport.write(b"Start")
        elif self._next is READ_POWER:
            self._transport.write(framed(b"PrDA\0\0\0\0"))
        else:
            self._transport.write(framed(self._next.name.encode("ascii")))

    def _restart(self, t_ns: int) -> None:
        self._exchange, self._next, self._limits = None, START, None
        self._target = None
        self._next_question_ns = t_ns

    def _take(self, t_ns: int) -> None:
        """The reply that is awaited, if it is there; all before it is garbage."""
        exchange, buffer = self._exchange, self._buffer
        if exchange is START:
            found = buffer.find(READY)
            if found >= 0:
                self._cut(found, len(READY))
                self._advance(LENS_TYPE, t_ns)
        elif exchange is not None:
            at = buffer.find(exchange.head)
            while at >= 0 and len(buffer) >= at + exchange.size + TAIL:
                reply = bytes(buffer[at : at + exchange.size])
                tail = buffer[at + exchange.size : at + exchange.size + TAIL]
                if tail == struct.pack("<H", crc16_arc(reply)) + b"\r\n":
                    self._cut(at, exchange.size + TAIL)
                    self._answered(exchange, reply, t_ns)
                    return
                at = buffer.find(exchange.head, at + 1)
            if buffer.endswith(CRC_ERROR):
                self._fail("the lens driver saw a wrong check sum")
                self._cut(len(buffer) - len(CRC_ERROR), len(CRC_ERROR))
                self._exchange = None
        if len(buffer) > LONGEST_BUFFER or (exchange is None and buffer):
            self._cut(len(buffer), 0)

    def _cut(self, garbage: int, used: int) -> None:
        del self._buffer[: garbage + used]
        self._health = self._health._replace(garbage_bytes=self._health.garbage_bytes + garbage)

    def _advance(self, after: Exchange, t_ns: int) -> None:
        """`after` is asked at once, the power at its turn."""
        self._exchange, self._next = None, after
        if after is not READ_POWER:
            self._next_question_ns = t_ns

    def _answered(self, exchange: Exchange, reply: bytes, t_ns: int) -> None:
        if exchange is LENS_TYPE:
            self._offset_dioptres = TYPE_A_OFFSET if reply[1:] == b"A" else 0.0
            self._advance(FOCAL_MODE, t_ns)
        elif exchange is FOCAL_MODE:
            status, high, low = struct.unpack(">3xBhh", reply)
            if status or low >= high:
                self._fail(f"MwCA: status {status}, powers {low} to {high}")
                self._restart(t_ns)
                self._next_question_ns = t_ns + SECOND_NS
                return
            self._limits = self._dioptres(low), self._dioptres(high)
            self._advance(READ_POWER, t_ns)
            self._next_question_ns = t_ns
        else:
            (power,) = struct.unpack(">3xh2x", reply)
            seq = self._state.seq + 1 if self._state else 0
            self._state = ExpanderState(t_ns, seq, self._dioptres(power), False)
            if self._sent_ns and t_ns - self._sent_ns >= SETTLING_NS:
                # What was not taken shows as the old power: the move is over all the same.
                self._target, self._sent_ns = None, 0
            self._advance(READ_POWER, t_ns)

    def _dioptres(self, counts: int) -> float:
        return counts / COUNTS_PER_DIOPTRE - self._offset_dioptres

    def _fail(self, error: str) -> None:
        self._health = self._health._replace(
            device_errors=self._health.device_errors + 1, last_error=error
        )
