"""Emulator of a SCPI laser controller with TEC, key, interlock, and a shutter output of its own.

Written apart from the driver, from the ITC4000 manual's commands and status tables. The shutter,
`OUTPut3:STATe`, is our own choice [?]. Refusals: the laser stays off while the TEC is off, the
interlock open or the key off, and goes off with each of them; it does not come back by itself.
"""

from collections import deque
from collections.abc import Callable
from itertools import product
from typing import TypeVar

_Entry = TypeVar("_Entry", bound=Callable[..., object])

KEY_BIT, INTERLOCK_BIT = 0, 2
"""Of the measurement condition register: set is bad."""
IDENTITY = "THORLABS,ITC4020,E00000000,1.4.0/2.0.3/1.6.0"
LIMIT_A = 1.0
LONGEST_LINE = 1024
LONGEST_QUEUE = 20
NO_ERROR = (0, "No error")
SWITCH = {"ON": True, "1": True, "OFF": False, "0": False}

DATA_TYPE = (-104, "Data type error")
MISSING = (-109, "Missing parameter")
UNDEFINED = (-113, "Undefined header")
CONFLICT = (-221, "Settings conflict")
OUT_OF_RANGE = (-222, "Data out of range")
OVERFLOW = (-350, "Queue overflow")


class RefusedError(Exception):
    """A command that is not carried out: SCPI error number and text."""

    def __init__(self, error: tuple[int, str]) -> None:
        self.error = error


class ScpiLaserEmulator:
    """sim_devices.emulator.Emulator of the box. Time plays no role: it answers at once.

    `interlock_open` and `key_off` are its faults and may be set at any time.
    """

    def __init__(self) -> None:
        self._interlock_open = False
        self._key_off = False
        self._heard = b""
        self._out = bytearray()
        self._errors: deque[tuple[int, str]] = deque()
        self._event = 0
        self._questions = _by_spelling(
            {
                "*IDN": lambda: IDENTITY,
                "SYSTem:ERRor": self._next_error,
                "OUTPut1:STATe": lambda: str(int(self._laser_on)),
                "OUTPut2:STATe": lambda: str(int(self._tec_on)),
                "OUTPut3:STATe": lambda: str(int(self._shutter_open)),
                "SOURce1:FUNCtion:MODE": lambda: "CURR",
                "SOURce1:CURRent:LEVel:AMPLitude": lambda: f"{self._level_a:.6E}",
                "SOURce1:CURRent:LIMit:AMPLitude": lambda: f"{LIMIT_A:.6E}",
                "STATus:MEASurement:CONDition": lambda: str(self._condition()),
                "STATus:MEASurement:EVENt": self._take_event,
            }
        )
        self._orders = _by_spelling(
            {
                "*RST": lambda _: self._reset(),
                "*CLS": lambda _: self._errors.clear(),
                "OUTPut1:STATe": self._switch_laser,
                "OUTPut2:STATe": self._switch_tec,
                "OUTPut3:STATe": self._switch_shutter,
                "SOURce1:FUNCtion:MODE": self._set_mode,
                "SOURce1:CURRent:LEVel:AMPLitude": self._set_level,
            }
        )
        self._reset()

    @property
    def beacon_on(self) -> bool:
        """True state: there is light."""
        return self._laser_on and self._level_a > 0.0

    @property
    def shutter_open(self) -> bool:
        return self._shutter_open

    @property
    def interlock_open(self) -> bool:
        return self._interlock_open

    @interlock_open.setter
    def interlock_open(self, is_open: bool) -> None:
        self._interlock_open = is_open
        self._protect()

    @property
    def key_off(self) -> bool:
        return self._key_off

    @key_off.setter
    def key_off(self, off: bool) -> None:
        self._key_off = off
        self._protect()

    def receive(self, data: bytes, t_ns: int) -> None:
        *lines, self._heard = (self._heard + data).split(b"\n")
        if len(self._heard) > LONGEST_LINE:
            self._heard = b""
            self._complain(UNDEFINED)
        for line in lines:
            self._obey(line.decode("latin-1").strip())

    def poll(self, t_ns: int) -> bytes:
        sent = bytes(self._out)
        self._out.clear()
        return sent

    def _obey(self, line: str) -> None:
        answers = []
        for i, unit in enumerate(line.split(";") if line else ()):
            header, _, data = unit.strip().partition(" ")
            try:
                # Headers that go on from the one before, without a colon, are not modelled.
                if i and not header.startswith((":", "*")):
                    raise RefusedError(UNDEFINED)
                spelling = header.removeprefix(":").upper()
                if spelling.endswith("?"):
                    answers.append(_named(self._questions, spelling[:-1])())
                else:
                    _named(self._orders, spelling)(data.strip().upper())
            except RefusedError as refusal:
                self._complain(refusal.error)
        if answers:
            self._out += ";".join(answers).encode("ascii") + b"\n"

    def _reset(self) -> None:
        self._laser_on = self._tec_on = self._shutter_open = False
        self._level_a = 0.0

    def _condition(self) -> int:
        return int(self._key_off) << KEY_BIT | int(self._interlock_open) << INTERLOCK_BIT

    def _protect(self) -> None:
        self._event |= self._condition()
        if self._condition() or not self._tec_on:
            self._laser_on = False

    def _take_event(self) -> str:
        """The latched register: reading clears it, but what still holds comes again."""
        event, self._event = self._event, self._condition()
        return str(event)

    def _switch_laser(self, data: str) -> None:
        on = _switch(data)
        if on and (self._condition() or not self._tec_on):
            raise RefusedError(CONFLICT)
        self._laser_on = on

    def _switch_tec(self, data: str) -> None:
        self._tec_on = _switch(data)
        self._protect()

    def _switch_shutter(self, data: str) -> None:
        self._shutter_open = _switch(data)

    def _set_mode(self, data: str) -> None:
        if data not in ("CURR", "CURRENT"):
            raise RefusedError(CONFLICT if data in ("POW", "POWER") else DATA_TYPE)

    def _set_level(self, data: str) -> None:
        try:
            level_a = float(data)
        except ValueError:
            raise RefusedError(DATA_TYPE if data else MISSING) from None
        if not 0.0 <= level_a <= LIMIT_A:
            raise RefusedError(OUT_OF_RANGE)
        self._level_a = level_a

    def _complain(self, error: tuple[int, str]) -> None:
        if len(self._errors) < LONGEST_QUEUE:
            self._errors.append(error)
        else:
            self._errors[-1] = OVERFLOW

    def _next_error(self) -> str:
        code, text = self._errors.popleft() if self._errors else NO_ERROR
        return f'{code},"{text}"'


def _switch(data: str) -> bool:
    if data not in SWITCH:
        raise RefusedError(DATA_TYPE if data else MISSING)
    return SWITCH[data]


def _by_spelling(table: dict[str, _Entry]) -> dict[str, _Entry]:
    """The same entries under each spelling: every node in full or as its capitals and digits."""
    spelled = {}
    for header, entry in table.items():
        forms = [
            {node.upper(), "".join(c for c in node if not c.islower())}
            for node in header.split(":")
        ]
        spelled.update({":".join(nodes): entry for nodes in product(*forms)})
    return spelled


def _named(table: dict[str, _Entry], spelling: str) -> _Entry:
    if spelling not in table:
        raise RefusedError(UNDEFINED)
    return table[spelling]
