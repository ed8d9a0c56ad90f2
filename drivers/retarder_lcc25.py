"""Variable retarder on a Thorlabs LCC25 liquid-crystal controller.

Source: second-hand, from InstrumentKit's driver (LCC25, C. Holloway) and its tests [P]: 115200 8N1,
`keyword=value` and `keyword?` end in CR; the controller echoes the command, answers a question in a
line of its own, and ends with the prompt `>`; volt1 and volt2 are 0 to 25 V rms; mode 1 puts volt1
out; enable 1 switches the output on. Nothing was tried on a unit. To be confirmed on one:
  [?] an answer may repeat its keyword ("mode=1"): both forms are taken;
  [?] what it cannot do is answered by a line that begins with "Command error";
  [?] volt1 takes three decimals.

The drive that is told is what the controller says that it puts out; a cell that is unplugged or
broken is not seen here.
"""

import math
import re

from drivers.protocols import Health, RetarderState
from drivers.transport import Transport

ANSWER_LIMIT_NS = 500_000_000
SETTINGS = ("extern=0", "mode=1", "enable=1")
"""Sent after the controller has told its name: no external modulation, volt1 alone, output on."""
MOST_V = 25.0
PROMPT = b">"
LONGEST_BUFFER = 512
LONGEST_ERROR = 80

_NUMBER = re.compile(r"(?:[a-z0-9]+\s*=\s*)?([0-9]{1,3}(?:\.[0-9]{0,9})?)")


def parse_answer(command: str, text: str) -> str | None:
    """What stands between the echo of the command and the prompt, stripped; None without an echo.

    text: all up to the prompt.
    """
    lines = [line.strip() for line in text.replace("\n", "\r").split("\r")]
    if command not in lines:
        return None
    return " ".join(line for line in lines[lines.index(command) + 1 :] if line)


def parse_number(answer: str) -> float | None:
    """Of an answer such as `12.5` or `volt1=12.5`; None if it is anything else."""
    found = _NUMBER.fullmatch(answer)
    return float(found[1]) if found else None


class Lcc25:
    """drivers.protocols.Retarder on an LCC25.

    Args:
        transport: the controller's serial line.
        least_v, most_v: range of drives that are accepted, V rms.
        poll_interval_s: between two questions for the drive.

    Raises:
        ValueError: an option out of its range.

    One command is on the line at a time, and `poll` alone sends. What is not answered in time
    begins anew with the controller's name, since one that was without power has forgotten all.
    """

    def __init__(
        self,
        transport: Transport,
        *,
        least_v: float = 0.0,
        most_v: float = 10.0,
        poll_interval_s: float = 0.2,
    ) -> None:
        if not 0.0 <= least_v < most_v <= MOST_V:
            raise ValueError(f"least_v, most_v: {least_v}, {most_v} do not rise within 0 to 25")
        if not 0.0 < poll_interval_s <= 60.0:
            raise ValueError(f"poll_interval_s: {poll_interval_s} is not in (0, 60]")
        self._transport = transport
        self._range_v = least_v, most_v
        self._poll_interval_ns = round(poll_interval_s * 1e9)
        self._buffer = bytearray()
        self._command = ""
        """On the line; empty: none."""
        self._deadline_ns = 0
        self._next_question_ns = 0
        self._not_before_ns = 0
        """Nothing is sent until then."""
        self._steps = ["*idn?"]
        """What is to be sent before anything else."""
        self._wanted_v: float | None = None
        self._volt1_v: float | None = None
        """As just told, until it is known whether the output is on."""
        self._state: RetarderState | None = None
        self._seq = -1
        self._health = Health()

    @property
    def health(self) -> Health:
        return self._health

    def close(self) -> None:
        """The cell keeps its drive."""
        self._transport.close()

    def poll(self, t_ns: int) -> RetarderState | None:
        self._buffer += self._transport.read()
        while self._command and (end := self._buffer.find(PROMPT)) >= 0:
            text = self._buffer[:end].decode("ascii", "replace")
            del self._buffer[: end + 1]
            self._take(text, t_ns)
        if len(self._buffer) > LONGEST_BUFFER or (self._buffer and not self._command):
            self._count(garbage_bytes=len(self._buffer))
            self._buffer.clear()
        if self._command and t_ns > self._deadline_ns:
            self._count(timeouts=1, last_error=f"no answer to {self._command!r} in 0.5 s")
            self._restart(t_ns + ANSWER_LIMIT_NS)
        if not self._command:
            self._send_next(t_ns)
        return self._state

    def drive(self, drive_v: float, t_ns: int) -> bool:
        """Accept a drive in V rms; the next poll that finds the line free sends it.

        False: the controller is not known yet, still has a drive to send, or it is out of range.
        """
        if self._state is None or self._wanted_v is not None or not math.isfinite(drive_v):
            return False
        least_v, most_v = self._range_v
        if not least_v <= drive_v <= most_v:
            return False
        self._wanted_v = drive_v
        return True

    def _send_next(self, t_ns: int) -> None:
        if t_ns < self._not_before_ns:
            return
        if self._steps:
            self._send(self._steps.pop(0), t_ns)
        elif self._wanted_v is not None:
            self._send(f"volt1={self._wanted_v:.3f}", t_ns)
            self._wanted_v = None
            self._steps = ["volt1?", "enable?"]
        elif t_ns >= self._next_question_ns:
            self._next_question_ns = t_ns + self._poll_interval_ns
            self._send("volt1?", t_ns)
            self._steps = ["enable?"]

    def _send(self, command: str, t_ns: int) -> None:
        self._command, self._deadline_ns = command, t_ns + ANSWER_LIMIT_NS
        self._transport.write(f"{command}\r".encode("ascii"))

    def _restart(self, at_ns: int) -> None:
        """Begin anew, not before a late answer would have come."""
        self._command, self._steps = "", ["*idn?"]
        self._wanted_v = self._volt1_v = self._state = None
        self._not_before_ns = at_ns
        self._count(garbage_bytes=len(self._buffer))
        self._buffer.clear()

    def _take(self, text: str, t_ns: int) -> None:
        command = self._command
        answer = parse_answer(command, text)
        if answer is None:
            self._count(bad_frames=1, last_error=f"no echo of {command!r}")
            return
        self._command = ""
        if answer.lower().startswith("command error"):
            shown = "".join(filter(str.isprintable, answer))[:LONGEST_ERROR]
            self._count(device_errors=1, last_error=f"{command}: {shown}")
            if command.startswith(("*", "extern", "mode", "enable")):
                self._restart(t_ns + 2 * ANSWER_LIMIT_NS)
        elif command == "*idn?":
            if "LCC25" in answer.upper():
                self._steps = [*SETTINGS, "volt1?", "enable?"]
            else:
                self._count(device_errors=1, last_error=f"no LCC25: {answer[:LONGEST_ERROR]!r}")
                self._restart(t_ns + 2 * ANSWER_LIMIT_NS)
        elif command.endswith("?"):
            self._told(command, parse_number(answer), t_ns)

    def _told(self, command: str, value: float | None, t_ns: int) -> None:
        if value is None:
            self._count(bad_frames=1, last_error=f"no number after {command!r}")
        elif command == "volt1?":
            self._volt1_v = value
        elif self._volt1_v is not None:
            self._seq += 1
            self._state = RetarderState(t_ns, self._seq, self._volt1_v if value else 0.0)
            self._volt1_v = None

    def _count(self, *, last_error: str = "", **more: int) -> None:
        health = self._health._asdict()
        for name, n in more.items():
            health[name] += n
        self._health = Health(**{**health, "last_error": last_error or self._health.last_error})
