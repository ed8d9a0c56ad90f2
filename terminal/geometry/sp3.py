"""SP3-c and SP3-d (IGS, S. Hilla, "The Extended Standard Product 3 Orbit Format", 2010 and 2016):
fixed columns, kilometres, decimetres a second, an orbit in an Earth-fixed frame."""

from terminal.geometry.ephemeris_table import (
    EphemerisTable,
    Frame,
    Piece,
    PieceBuilder,
    read_frame,
    read_lines,
    read_number,
    read_vector,
    refused,
    tai_ns_from_calendar,
)
from terminal.geometry.time_scales import utc_text
from terminal.geometry.vector import Vec

_KM, _DM = 1000.0, 0.1
_ABSENT = (0.0, 0.0, 0.0)
_TIME_SYSTEMS = ("GPS", "UTC", "TAI")
_SKIPPED = ("##", "+", "%", "/*", "EP", "EV")
_MANEUVER_COLUMN = 79


def parse(text: str, source: str) -> EphemerisTable:
    """The ephemeris in the text of a file; `source` names it in errors.

    An absent position (0.000000) and a manoeuvre (flag M) end a piece. Raises EphemerisError for
    broken lines, several satellites, epochs out of order or not as many as the header counts, a
    frame or time system that is not known, and a file without its EOF.
    """
    reader = _Reader(source)
    last = read_lines(text, source, reader.take)
    return reader.finish(last)


class _Reader:
    def __init__(self, source: str) -> None:
        self._source = source
        self._satellite = ""
        self._frame = Frame.ITRF
        self._system = ""
        self._first_line = ""
        self._told_epochs = 0
        self._epochs = 0
        self._t_ns: int | None = None
        self._has_position = False
        self._builder = PieceBuilder()
        self._pieces: list[Piece] = []
        self._ended = False

    def take(self, number: int, line: str) -> None:
        """One line of the file. Raises ValueError with what is wrong."""
        if self._ended:
            if line.strip():
                raise ValueError("follows EOF")
        elif number == 1:
            self._header(line)
        elif line.rstrip() == "EOF":
            self._ended = True
        elif line.startswith("+ ") and not self._satellite:
            self._satellite = self._one_satellite(number, line)
        elif line.startswith("%c") and not self._system:
            self._system = line[9:12]
            if self._system not in _TIME_SYSTEMS:
                raise ValueError(f"columns 10 to 12: the time system {self._system!r} is none of "
                                 f"{', '.join(_TIME_SYSTEMS)}")  # fmt: skip
        elif line.startswith("*"):
            self._epoch(line)
        elif line.startswith("P"):
            self._position(number, line)
        elif line.startswith("V"):
            velocity = self._vector(line, _DM)
            if self._has_position and velocity != _ABSENT:
                self._builder.add_velocity(velocity)
        elif not line.startswith(_SKIPPED):
            raise ValueError(f"{line[:20]!r} is no line of SP3")

    def finish(self, last: int) -> EphemerisTable:
        """What was read, after line `last`."""
        if not self._ended:
            raise refused(self._source, last, "no EOF at the end: the file is cut off")
        if self._epochs != self._told_epochs:
            what = f"{self._epochs} epochs, but line 1 counts {self._told_epochs}"
            raise refused(self._source, last, what)
        self._close()
        if not self._pieces:
            raise refused(self._source, last, "no positions")
        return EphemerisTable(self._source, self._satellite, self._frame, self._pieces)

    def _header(self, line: str) -> None:
        if line[:2] not in ("#c", "#d") or line[2:3] not in ("P", "V"):
            raise ValueError(f"starts with {line[:3]!r}: no SP3-c or SP3-d")
        self._first_line = line
        self._told_epochs = _whole(line[32:39])
        self._frame = read_frame(line[46:51].strip())
        if self._frame is not Frame.ITRF:
            raise ValueError(f"columns 47 to 51: the frame {self._frame.value} does not turn with "
                             "the Earth, as SP3 wants it")  # fmt: skip

    def _one_satellite(self, number: int, line: str) -> str:
        count = _whole(line[3:6])
        if count != 1:
            what = f"the file holds {count} satellites"
            raise refused(self._source, number, what, "leave the one that is meant in the file")
        return line[9:12]

    def _epoch(self, line: str) -> None:
        if not (self._satellite and self._system):
            raise ValueError("an epoch before the header's satellites and time system")
        before_ns, self._t_ns = self._t_ns, _time_ns(self._system, line)
        if before_ns is None and self._t_ns != _time_ns(self._system, self._first_line):
            raise ValueError("the first epoch is not the one of line 1")
        if before_ns is not None and self._t_ns <= before_ns:
            raise ValueError(f"epoch {utc_text(self._t_ns)} comes after {utc_text(before_ns)}")
        self._epochs += 1
        self._has_position = False

    def _position(self, number: int, line: str) -> None:
        position = self._vector(line, _KM)
        if self._t_ns is None:
            raise ValueError("a position before the first epoch")
        if position == _ABSENT or line[_MANEUVER_COLUMN - 1 : _MANEUVER_COLUMN] == "M":
            self._close()
        if position != _ABSENT:
            self._builder.add(number, self._t_ns, position)
            self._has_position = True

    def _vector(self, line: str, unit: float) -> Vec:
        if line[1:4] != self._satellite:
            raise ValueError(f"satellite {line[1:4]!r}, in the header {self._satellite!r}")
        if len(line) < 46:
            raise ValueError("the line is cut off before column 46")
        columns = line[4:18], line[18:32], line[32:46]
        # Six decimals, to the right of their columns: what is shifted does not pass.
        if any(text[7] != "." or not text[8:].isdigit() for text in columns):
            raise ValueError("columns 5 to 46 are no three numbers of six decimals")
        return read_vector([text.strip() for text in columns], unit)

    def _close(self) -> None:
        if len(self._builder):
            self._pieces.append(self._builder.build())
            self._builder = PieceBuilder()


def _time_ns(system: str, line: str) -> int:
    """TAI of the date in columns 4 to 31."""
    bounds = (3, 7), (8, 10), (11, 13), (14, 16), (17, 19)
    year, month, day, hour, minute = (_whole(line[first:last]) for first, last in bounds)
    return tai_ns_from_calendar(system, year, month, day, hour, minute, line[20:31].strip())


def _whole(text: str) -> int:
    value = read_number(text.strip())
    if value != int(value) or value < 0.0:
        raise ValueError(f"{text!r} is no whole number")
    return int(value)
