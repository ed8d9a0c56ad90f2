"""Emulator of a Thorlabs LCC25 liquid-crystal controller (115200 baud, ASCII, echo and prompt).

Written apart from the driver. Modelled: *idn?, volt1, volt2, freq, mode, enable, extern, remote;
each command is echoed, answered in a line of its own if it is a question, and followed by the
prompt. Not modelled: test mode, presets, the front panel, the pace of the line (0.1 ms a byte).
Wording of the errors [2nd], number of decimals [?].
"""

import math
import re

IDENTITY = "THORLABS LCC25 V1.00"
LONGEST_LINE = 80
UNKNOWN = "Command error CMD_NOT_DEFINED"
REFUSED = "Command error CMD_ARG_INVALID"
VOLTAGE_1, VOLTAGE_2 = 1, 2
"""Modes in which one of them stands; in mode 0 it changes from one to the other."""

_SPELLING = re.compile(r"([a-z0-9*]+)(\?|=(.*))")
_NUMBER = re.compile(r"[0-9]+(\.[0-9]*)?|\.[0-9]+")

# Keyword -> least, most, format of the answer.
_SETTINGS: dict[str, tuple[float, float, str]] = {
    "volt1": (0.0, 25.0, ".3f"),
    "volt2": (0.0, 25.0, ".3f"),
    "freq": (0.5, 150.0, ".2f"),
    "mode": (0, 2, ".0f"),
    "enable": (0, 1, ".0f"),
    "extern": (0, 1, ".0f"),
    "remote": (0, 1, ".0f"),
}


class Lcc25Emulator:
    """sim_devices.emulator.Emulator of one controller."""

    def __init__(self) -> None:
        self.silent = False
        """Its answers are lost."""
        self._heard = ""
        self._out = ""
        self._set: dict[str, float] = {}
        self.power_down()

    def power_down(self) -> None:
        """As if its plug had been pulled and put back."""
        self._set = dict.fromkeys(_SETTINGS, 0.0) | {"freq": 5.0}
        self._heard = self._out = ""

    @property
    def drive_v(self) -> float:
        """What is on its output, V rms; the mean square of both voltages where it modulates."""
        if not self._set["enable"]:
            return 0.0
        one, two = self._set["volt1"], self._set["volt2"]
        if self._set["mode"] == VOLTAGE_1:
            return one
        return two if self._set["mode"] == VOLTAGE_2 else math.sqrt(0.5 * (one**2 + two**2))

    def receive(self, data: bytes, t_ns: int) -> None:
        self._heard += data.decode("latin-1")
        *lines, self._heard = self._heard.split("\r")
        self._heard = self._heard[-LONGEST_LINE:]
        for line in lines:
            answer = self._obey(line.strip().lower())
            self._out += f"{line}\r" + (f"{answer}\r" if answer else "") + ">"

    def poll(self, t_ns: int) -> bytes:
        sent, self._out = self._out, ""
        return b"" if self.silent else sent.encode("latin-1")

    def _obey(self, command: str) -> str:
        found = _SPELLING.fullmatch(command)
        if command == "*idn?":
            return IDENTITY
        if found is None or found[1] not in _SETTINGS:
            return UNKNOWN
        keyword = found[1]
        least, most, form = _SETTINGS[keyword]
        if found[2] == "?":
            return format(self._set[keyword], form)
        if not _NUMBER.fullmatch(found[3]):
            return REFUSED
        value = float(found[3])
        if not least <= value <= most or (form == ".0f" and value != round(value)):
            return REFUSED
        self._set[keyword] = value
        return ""
