"""Orbit Ephemeris Messages in KVN form (CCSDS 502.0-B-3, section 5): kilometres, any number of
segments. Covariance blocks are passed over."""

import re
from datetime import date

from terminal.geometry.ephemeris_table import (
    EphemerisTable,
    Frame,
    Piece,
    PieceBuilder,
    read_frame,
    read_lines,
    read_vector,
    refused,
    tai_ns_from_calendar,
)
from terminal.geometry.time_scales import utc_text

_VERSIONS = ("1.0", "2.0", "3.0")
_HEADER_KEYS = {"CREATION_DATE", "ORIGINATOR", "CLASSIFICATION", "MESSAGE_ID"}
_NEEDED = {
    "OBJECT_NAME", "OBJECT_ID", "CENTER_NAME", "REF_FRAME", "TIME_SYSTEM", "START_TIME",
    "STOP_TIME",
}  # fmt: skip
_META_KEYS = _NEEDED | {
    "USEABLE_START_TIME", "USEABLE_STOP_TIME", "INTERPOLATION", "INTERPOLATION_DEGREE",
}  # fmt: skip
_KM = 1000.0
# CCSDS 502.0-B-3, 7.5.10: a calendar date or a day of the year.
_EPOCH = re.compile(r"(\d{4})-(?:(\d\d)-(\d\d)|(\d{3}))T(\d\d):(\d\d):(\d\d(?:\.\d*)?)Z?", re.ASCII)


def parse(text: str, source: str) -> EphemerisTable:
    """The ephemeris in the text of a message; `source` names it in errors.

    Raises EphemerisError for broken lines, epochs out of order, a segment that does not reach its
    START_TIME and STOP_TIME, another centre than the Earth, frames and time systems that are not
    known, and segments that differ in object, frame or time system.
    """
    reader = _Reader(source)
    last = read_lines(text, source, reader.take)
    # The message has no end mark, so a cut shows in its last line; 7.3.2 wants an end of line.
    if not text.endswith(("\n", "\r")):
        what = "the last line has no line end: the file is cut off"
        raise refused(source, last, what, "get it again whole, or end that line if it is whole")
    return reader.finish(last)


class _Reader:
    def __init__(self, source: str) -> None:
        self._source = source
        self._take = self._version
        self._meta: dict[str, str] = {}
        self._first_meta: dict[str, str] = {}
        self._frame = Frame.ITRF
        self._builder = PieceBuilder()
        self._pieces: list[Piece] = []

    def take(self, number: int, line: str) -> None:
        """One line of the file. Raises ValueError with what is wrong."""
        line = line.strip()
        if line and line.split()[0] != "COMMENT":
            self._take(number, line)

    def finish(self, last: int) -> EphemerisTable:
        """What was read, after line `last`."""
        if self._take not in (self._data, self._after_covariance):
            raise refused(self._source, last, "the file ends before the end of a segment")
        try:
            self._close()
        except ValueError as error:
            raise refused(self._source, last, str(error)) from None
        satellite = self._first_meta["OBJECT_NAME"]
        return EphemerisTable(self._source, satellite, self._frame, self._pieces)

    def _version(self, number: int, line: str) -> None:
        key, value = _assignment(line)
        if key != "CCSDS_OEM_VERS" or value not in _VERSIONS:
            raise ValueError(f"starts with {line!r}, not with a CCSDS_OEM_VERS of {_VERSIONS}")
        self._take = self._header

    def _header(self, number: int, line: str) -> None:
        if line == "META_START":
            self._take = self._metadata
        elif _assignment(line)[0] not in _HEADER_KEYS:
            raise ValueError(f"{line!r} has no place in the header")

    def _metadata(self, number: int, line: str) -> None:
        if line == "META_STOP":
            self._open(number)
            self._take = self._data
            return
        key, value = _assignment(line)
        if key == "REF_FRAME_EPOCH":
            raise ValueError("a frame frozen at REF_FRAME_EPOCH is not known here")
        if key not in _META_KEYS:
            raise ValueError(f"{key!r} is no keyword of the metadata")
        if key in self._meta:
            raise ValueError(f"{key} stands twice")
        self._meta[key] = value if key == "OBJECT_NAME" else value.upper()

    def _open(self, number: int) -> None:
        meta = self._meta
        missing = sorted(_NEEDED - meta.keys())
        if missing:
            raise ValueError(f"{', '.join(missing)} missing in the metadata")
        if meta["CENTER_NAME"] != "EARTH":
            what = f"CENTER_NAME is {meta['CENTER_NAME']!r}"
            raise refused(self._source, number, what, "ask for the file about EARTH")
        self._frame = read_frame(meta["REF_FRAME"])
        self._first_meta = self._first_meta or meta
        for key in ("OBJECT_NAME", "OBJECT_ID", "REF_FRAME", "TIME_SYSTEM"):
            first = self._first_meta[key]
            if meta[key] != first:
                what = f"{key} is {meta[key]!r}, in the first segment {first!r}"
                raise refused(self._source, number, what, "leave one of them in the file")

    def _data(self, number: int, line: str) -> None:
        if line == "META_START":
            self._close()
            self._take = self._metadata
        elif line == "COVARIANCE_START":
            self._take = self._covariance
        else:
            fields = line.split()
            if len(fields) not in (7, 10):
                raise ValueError(f"{len(fields)} fields, not an epoch and 6 or 9 numbers")
            read_vector(fields[-3:], 1.0)
            self._builder.add(number, self._epoch(fields[0]), read_vector(fields[1:4], _KM))
            self._builder.add_velocity(read_vector(fields[4:7], _KM))

    def _covariance(self, number: int, line: str) -> None:
        if line in ("META_START", "META_STOP"):
            raise ValueError(f"{line} inside a covariance block")
        if line == "COVARIANCE_STOP":
            self._take = self._after_covariance

    def _after_covariance(self, number: int, line: str) -> None:
        if line != "META_START":
            raise ValueError(f"{line!r} after a covariance block, not META_START")
        self._data(number, line)

    def _close(self) -> None:
        """The end of a segment."""
        if len(self._builder) < 2:
            raise ValueError(f"a segment of {len(self._builder)} positions")
        meta, piece = self._meta, self._builder.build()
        start_ns, stop_ns = self._epoch(meta["START_TIME"]), self._epoch(meta["STOP_TIME"])
        first_ns, last_ns = piece.useful_ns
        # A last step may go beyond the span that is told.
        step_ns = int(max(piece.times_ns[1:] - piece.times_ns[:-1]))
        for key, told_ns, found_ns in (
            ("START_TIME", start_ns, first_ns),
            ("STOP_TIME", stop_ns, last_ns),
        ):
            if abs(told_ns - found_ns) > step_ns:
                raise ValueError(
                    f"{key} is {utc_text(told_ns)}, but the positions of the segment before go "
                    f"from {utc_text(first_ns)} to {utc_text(last_ns)}: cut off"
                )
        useful_ns = (
            max(first_ns, self._epoch(meta.get("USEABLE_START_TIME", meta["START_TIME"]))),
            min(last_ns, self._epoch(meta.get("USEABLE_STOP_TIME", meta["STOP_TIME"]))),
        )
        if self._pieces and useful_ns[0] < self._pieces[-1].useful_ns[1]:
            raise ValueError("the segment before is useful from a time within the one before it")
        self._pieces.append(self._builder.build(useful_ns))
        self._builder = PieceBuilder()
        self._meta = {}

    def _epoch(self, text: str) -> int:
        match = _EPOCH.fullmatch(text.strip())
        if match is None:
            raise ValueError(f"{text!r} is no epoch like 2016-12-19T15:18:51.250")
        year, month, day, of_year, hour, minute, second = match.groups()
        calendar = date(int(year), 1, 1) if of_year else date(int(year), int(month), int(day))
        if of_year:
            calendar = date.fromordinal(calendar.toordinal() + int(of_year) - 1)
            if int(of_year) < 1 or calendar.year != int(year):
                raise ValueError(f"{text!r}: the year has no day {of_year}")
        numbers = calendar.year, calendar.month, calendar.day, int(hour), int(minute)
        return tai_ns_from_calendar(self._meta["TIME_SYSTEM"], *numbers, second)


def _assignment(line: str) -> tuple[str, str]:
    key, equals, value = (part.strip() for part in line.partition("="))
    if not equals or not value:
        raise ValueError(f"{line!r} is no keyword = value")
    return key, value
