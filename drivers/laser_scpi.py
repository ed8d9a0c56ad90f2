"""Beacon laser and receive shutter on one SCPI controller box.

Laser: commands of Thorlabs CLD101x and ITC4000 (ITC4000 manual; order of switching on as in
catkit2's thorlabs_cld101x service). Shutter: `OUTPut3:STATe`, our own choice of name for a shutter
driver in the same box [?]; no Thorlabs controller has it. Nothing was tried on a unit. To be
confirmed on one:
  [?] queries joined by `;:` in one line are answered in one line, as IEEE 488.2 asks;
  [?] a set bit 2 of the measurement condition register means that the interlock is open.
"""

import contextlib
import re
from typing import NamedTuple

from drivers.protocols import DeviceError, Health, LaserState
from drivers.transport import Transport

LASER, TEC, SHUTTER = "OUTPut1:STATe", "OUTPut2:STATe", "OUTPut3:STATe"
MODE = "SOURce1:FUNCtion:MODE"
LEVEL_A = "SOURce1:CURRent:LEVel:AMPLitude"
CONDITION = "STATus:MEASurement:CONDition"
INTERLOCK_BIT = 2
QUESTION = f"{LASER}?;:{SHUTTER}?;:{CONDITION}?;:SYSTem:ERRor?"
"""One line, one answer: what belongs together cannot be paired wrongly."""

ANSWER_LIMIT_NS = 500_000_000
LONGEST_LINE = 512
LONGEST_ERROR = 80

_ANSWER = re.compile(r'\s*([01]);([01]);\+?([0-9]{1,5});([+-]?[0-9]{1,6}),"?(.*?)"?\s*')


class Answer(NamedTuple):
    laser_on: bool
    shutter_open: bool
    condition: int
    """Measurement condition register."""
    error_code: int
    """0: none."""
    error_text: str


def parse_answer(line: str) -> Answer | None:
    """What the box says to QUESTION; None if it is anything else."""
    found = _ANSWER.fullmatch(line)
    if found is None:
        return None
    laser, shutter, condition, code, text = found.groups()
    return Answer(laser == "1", shutter == "1", int(condition), int(code), text)


class _Order(NamedTuple):
    on: bool
    question: int
    """Number of the last question asked before it."""


class ScpiLaser:
    """drivers.protocols.Laser on a SCPI laser controller with a shutter output.

    Args:
        transport: of text lines; a Thorlabs unit speaks USBTMC, which needs a gateway.
        beacon_current_a: laser current of the beacon.
        poll_interval_s: between two questions for the state.

    Raises:
        ValueError: an option out of its range.

    `beacon` and `shutter` write at once when the wish changes, and again when called after a
    read-back that disagrees and was asked for later than the last order. The driver never switches
    anything by itself, but `close` switches all off.
    """

    def __init__(
        self, transport: Transport, *, beacon_current_a: float = 0.1, poll_interval_s: float = 0.2
    ) -> None:
        if not 0.0 < beacon_current_a <= 20.0:
            raise ValueError(f"beacon_current_a: {beacon_current_a} is not in (0, 20]")
        if not 0.0 < poll_interval_s <= 60.0:
            raise ValueError(f"poll_interval_s: {poll_interval_s} is not in (0, 60]")
        self._transport = transport
        self._beacon_current_a = beacon_current_a
        self._poll_interval_ns = round(poll_interval_s * 1e9)
        self._buffer = bytearray()
        self._questions = 0
        self._asked_ns: int | None = None
        """When the question that is not answered yet was asked."""
        self._next_question_ns = 0
        self._state: LaserState | None = None
        self._beacon_order: _Order | None = None
        self._shutter_order: _Order | None = None
        self._garbage_bytes = 0
        self._bad_frames = 0
        self._timeouts = 0
        self._device_errors = 0
        self._last_error = ""

    @property
    def health(self) -> Health:
        return Health(
            self._garbage_bytes,
            self._bad_frames,
            self._timeouts,
            self._device_errors,
            self._last_error,
        )

    def close(self) -> None:
        """Shutter closed, laser and TEC off; then the line."""
        with contextlib.suppress(DeviceError):
            self._send(f"{SHUTTER} OFF", f"{LEVEL_A} 0", f"{LASER} OFF", f"{TEC} OFF")
        self._transport.close()

    def poll(self, t_ns: int) -> LaserState | None:
        """Newest state, None before the first; its seq counts questions: a gap is a lost answer."""
        self._buffer += self._transport.read()
        *lines, self._buffer = self._buffer.split(b"\n")
        if len(self._buffer) > LONGEST_LINE:
            self._drop_rest()
        for line in lines:
            if self._asked_ns is None:
                self._garbage_bytes += len(line) + 1
            else:
                self._asked_ns = None
                self._take(line.decode("ascii", "replace"), t_ns)
        if self._asked_ns is not None and t_ns - self._asked_ns > ANSWER_LIMIT_NS:
            # A pause before the next question, so that a late answer is not taken for its answer.
            self._asked_ns = None
            self._next_question_ns = t_ns + ANSWER_LIMIT_NS
            self._timeouts += 1
            self._last_error = "no answer in 0.5 s"
            self._drop_rest()
        if self._asked_ns is None and t_ns >= self._next_question_ns:
            self._asked_ns = t_ns
            self._next_question_ns = t_ns + self._poll_interval_ns
            self._questions += 1
            self._send(QUESTION)
        return self._state

    def beacon(self, on: bool, t_ns: int) -> None:
        if self._is_due(self._beacon_order, on, self._state and self._state.beacon_on):
            self._beacon_order = _Order(on, self._questions)
            if on:
                self._send(
                    f"{TEC} ON",
                    f"{MODE} CURRent",
                    f"{LEVEL_A} 0",
                    f"{LASER} ON",
                    f"{LEVEL_A} {self._beacon_current_a:.6g}",
                )
            else:
                self._send(f"{LEVEL_A} 0", f"{LASER} OFF")

    def shutter(self, is_open: bool, t_ns: int) -> None:
        if self._is_due(self._shutter_order, is_open, self._state and self._state.shutter_open):
            self._shutter_order = _Order(is_open, self._questions)
            self._send(f"{SHUTTER} {'ON' if is_open else 'OFF'}")

    def _is_due(self, order: _Order | None, on: bool, is_on: bool | None) -> bool:
        """Whether to write: a new wish, or one that did not come true."""
        if order is None or order.on != on:
            return True
        return self._state is not None and self._state.seq > order.question and is_on != on

    def _send(self, *lines: str) -> None:
        self._transport.write("".join(f"{line}\n" for line in lines).encode("ascii"))

    def _take(self, line: str, t_ns: int) -> None:
        answer = parse_answer(line)
        if answer is None:
            self._bad_frames += 1
            return
        if answer.error_code:
            self._device_errors += 1
            text = "".join(filter(str.isprintable, answer.error_text))[:LONGEST_ERROR]
            self._last_error = f"{answer.error_code}, {text}"
        self._state = LaserState(
            t_ns=t_ns,
            seq=self._questions,
            beacon_on=answer.laser_on,
            shutter_open=answer.shutter_open,
            interlock_ok=not answer.condition >> INTERLOCK_BIT & 1,
        )

    def _drop_rest(self) -> None:
        self._garbage_bytes += len(self._buffer)
        self._buffer.clear()
