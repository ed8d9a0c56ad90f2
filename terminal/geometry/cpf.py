"""Consolidated Prediction Format of the ILRS, versions 1 and 2 (R. Ricklefs, "Consolidated Laser
Ranging Prediction Format", 2006 and 2018): UTC, metres, an Earth-fixed frame. Read by fields and
not by columns, which the writers do not keep."""

from collections.abc import Callable

from terminal.geometry.ephemeris_table import (
    EphemerisTable,
    Frame,
    PieceBuilder,
    read_lines,
    read_number,
    read_vector,
    refused,
)
from terminal.geometry.time_scales import DAY_NS, tai_ns_from_posix_ns

_UNIX_MJD = 40_587
_LAST_MJD = 125_000
"""In 2201; 64-bit nanoseconds end in 2262."""
_NAME_FIELD = {"1": 9, "2": 10}
"""Where H1 has the target's name, by version: 2 adds the sub-daily sequence number before it."""
_FRAME_FIELD = 19
_FEWEST_H2_FIELDS = 22
_FRAMES = {"0": "Earth-fixed", "1": "true of date", "2": "mean of J2000"}


def parse(text: str, source: str) -> EphemerisTable:
    """The ephemeris in the text of a file; `source` names it in errors.

    Corrections, offsets and rotation records (30 to 70) are passed over. Raises EphemerisError for
    broken lines, epochs out of order, several satellites, another frame than the Earth-fixed,
    positions that are not at a common epoch, a leap second within the file, and a file without its
    end mark 99.
    """
    reader = _Reader(source)
    last = read_lines(text, source, reader.take)
    return reader.finish(last)


class _Reader:
    def __init__(self, source: str) -> None:
        self._source = source
        self._satellite = ""
        self._headers: list[str] = []
        self._builder = PieceBuilder()
        self._ended = False
        self._handlers: dict[str, Callable[[int, list[str]], None]] = {
            "H1": self._h1,
            "H2": self._h2,
            "H9": self._h9,
            "10": self._position,
            "20": self._velocity,
            "99": self._end,
        }

    def take(self, number: int, line: str) -> None:
        """One line of the file. Raises ValueError with what is wrong."""
        fields = line.split()
        if not fields:
            return
        if self._ended:
            raise ValueError("follows the end mark 99")
        kind = fields[0].upper()
        if kind in self._handlers:
            self._handlers[kind](number, fields)
        elif kind not in ("H3", "H4", "H5", "00", "30", "40", "50", "60", "70"):
            raise ValueError(f"{kind[:20]!r} is no record of CPF")

    def finish(self, last: int) -> EphemerisTable:
        """What was read, after line `last`."""
        if not self._ended:
            raise refused(self._source, last, "no end mark 99: the file is cut off")
        if not len(self._builder):
            raise refused(self._source, last, "no positions")
        return EphemerisTable(self._source, self._satellite, Frame.ITRF, [self._builder.build()])

    def _h1(self, number: int, fields: list[str]) -> None:
        if self._headers:
            advice = "leave one satellite in the file"
            raise refused(self._source, number, "a second H1: several ephemerides", advice)
        if len(fields) < 10 or fields[1] != "CPF" or fields[2] not in _NAME_FIELD:
            raise ValueError("H1 is not that of CPF version 1 or 2")
        self._satellite = fields[min(_NAME_FIELD[fields[2]], len(fields) - 1)]
        self._headers.append("H1")

    def _h2(self, number: int, fields: list[str]) -> None:
        if self._headers != ["H1"]:
            raise ValueError("H2 does not follow H1")
        if len(fields) < _FEWEST_H2_FIELDS:
            raise ValueError(f"H2 has {len(fields)} fields, not {_FEWEST_H2_FIELDS} or more")
        frame = fields[_FRAME_FIELD]
        if frame != "0":
            what = f"reference frame {frame} ({_FRAMES.get(frame, 'unknown')}) in H2"
            raise refused(self._source, number, what, "ask for the Earth-fixed frame, 0")
        self._headers.append("H2")

    def _h9(self, number: int, fields: list[str]) -> None:
        if self._headers != ["H1", "H2"]:
            raise ValueError("H9 without H1 and H2 before it")
        self._headers.append("H9")

    def _position(self, number: int, fields: list[str]) -> None:
        if self._headers != ["H1", "H2", "H9"]:
            raise ValueError("a position before the end of the header, H9")
        if len(fields) != 8:
            raise ValueError(f"{len(fields)} fields in a position, not 8")
        _, direction, mjd, seconds, leap, *position = fields
        if direction != "0":
            what = f"direction {direction}: not a position at a common epoch"
            raise refused(self._source, number, what, "ask for a file with direction 0")
        # What the field means for the seconds was changed between the versions [2nd].
        if read_number(leap) != 0.0:
            what = "a leap second in the file"
            raise refused(self._source, number, what, "get one that starts after it")
        self._builder.add(number, _tai_ns(mjd, seconds), read_vector(position, 1.0))

    def _velocity(self, number: int, fields: list[str]) -> None:
        if len(fields) != 5:
            raise ValueError(f"{len(fields)} fields in a velocity, not 5")
        # The example in the format's own test files has zeros for "not given".
        velocity = read_vector(fields[2:], 1.0)
        if velocity != (0.0, 0.0, 0.0):
            self._builder.add_velocity(velocity)

    def _end(self, number: int, fields: list[str]) -> None:
        self._ended = True


def _tai_ns(mjd: str, seconds: str) -> int:
    day, second = read_number(mjd), read_number(seconds)
    if day != int(day) or not 0.0 <= second < 86_400.0:
        raise ValueError(f"{mjd} {seconds} are no modified Julian date and seconds of a day")
    if not _UNIX_MJD < day < _LAST_MJD:
        raise ValueError(f"the modified Julian date {mjd} is no day of this age")
    midnight_ns = (int(day) - _UNIX_MJD) * DAY_NS
    # Six decimals in the format: the microsecond is exact.
    return tai_ns_from_posix_ns(midnight_ns) + round(second * 1e9)
