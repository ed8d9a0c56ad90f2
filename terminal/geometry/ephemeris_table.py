"""What every reader of a precise ephemeris gives: records as they stand in the file, checked.

A reader raises ValueError for a line that is broken; `refused` makes of it the one error that the
caller sees, with file, line and what to do.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import Enum
from math import hypot, isfinite

import numpy as np
from numpy.typing import NDArray

from terminal.geometry.ephemeris import EphemerisError
from terminal.geometry.time_scales import DAY_NS, SECOND_NS, tai_ns_from_utc, utc_text
from terminal.geometry.vector import Vec

_GET_AGAIN = "get the file again, it is damaged"
_LOWEST_M = 6_356_752.0
"""Polar radius of WGS-84: below it is below the ground everywhere."""
_FARTHEST_M = 5e8
"""Beyond the Moon."""
_FASTEST_M_S = 5e4
"""What rests against the stars at 5e8 m moves at 36 km/s in the Earth's frame."""
_MOST_RECORDS = 200_000

_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eEdD][+-]?\d{1,3})?", re.ASCII)
_SECONDS = re.compile(r"\d{1,2}(?:\.\d*)?", re.ASCII)
_ORDINAL_1970 = date(1970, 1, 1).toordinal()
# TAI minus the uniform time scales. GPS: IS-GPS-200; TT: IAU 1991.
_TAI_MINUS_NS = {"TAI": 0, "GPS": 19 * SECOND_NS, "TT": -32_184_000_000}

TIME_SYSTEMS = ("UTC", *_TAI_MINUS_NS)


class Frame(Enum):
    """Axes about the Earth's centre that an ephemeris may be in."""

    ITRF = "ITRF"
    """Earth-fixed: any ITRFxx, IGSxx, WGS-84; they agree to some centimetres."""
    GCRF = "GCRF"
    """Axes of the ICRF."""
    EME2000 = "EME2000"
    """Mean equator and equinox of J2000.0: 0.02 arcsec from GCRF, 0.8 m in a low orbit."""
    TEME = "TEME"
    """True equator, mean equinox of date, as SGP4 has it."""


_FRAME_NAMES = (
    (Frame.ITRF, re.compile(r"ITRF?-?\d{0,4}|IG[SB]-?\d{0,2}|SLRF?\d{0,4}|WGS-?84|ECF")),
    (Frame.GCRF, re.compile(r"GCRF|ICRF\d?")),
    (Frame.EME2000, re.compile(r"EME2000|J2000")),
    (Frame.TEME, re.compile(r"TEME|TEMEOFDATE")),
)


@dataclass(frozen=True, slots=True)
class Piece:
    """Records between which it is allowed to interpolate."""

    times_ns: NDArray[np.int64]
    """(n,) TAI, growing."""
    positions_m: NDArray[np.float64]
    """(n, 3)"""
    velocities_m_s: NDArray[np.float64] | None
    """(n, 3), or None unless each record has one."""
    lines: list[int]
    """Where each record stands in the file, from 1."""
    useful_ns: tuple[int, int]
    """First and last TAI time at which the file wants to be used."""


@dataclass(frozen=True, slots=True)
class EphemerisTable:
    """One satellite in one frame."""

    source: str
    satellite: str
    frame: Frame
    pieces: list[Piece]


class PieceBuilder:
    """Collects the records of one piece. Its methods raise ValueError for what can't be."""

    def __init__(self) -> None:
        self._lines: list[int] = []
        self._times_ns: list[int] = []
        self._positions: list[Vec] = []
        self._velocities: list[Vec | None] = []

    def __len__(self) -> int:
        return len(self._lines)

    def add(self, line: int, t_ns: int, position_m: Vec) -> None:
        """The next record: TAI time, position in metres."""
        if self._times_ns and t_ns <= self._times_ns[-1]:
            before = utc_text(self._times_ns[-1])
            wrong = "stands twice" if t_ns == self._times_ns[-1] else f"comes after {before}"
            raise ValueError(f"epoch {utc_text(t_ns)} {wrong}: epochs must grow")
        distance_m = hypot(*position_m)
        if distance_m < _LOWEST_M:
            raise ValueError(f"the position is {distance_m:,.0f} m from the Earth's centre: below "
                             "the ground (wrong unit?)")  # fmt: skip
        if not distance_m <= _FARTHEST_M:
            raise ValueError(
                f"the position is {distance_m:.3g} m from the Earth's centre, over {_FARTHEST_M:g} "
                "(wrong unit?)"
            )
        if len(self._lines) >= _MOST_RECORDS:
            raise ValueError(f"more than {_MOST_RECORDS:,} records: leave fewer in the file")
        self._lines.append(line)
        self._times_ns.append(t_ns)
        self._positions.append(position_m)
        self._velocities.append(None)

    def add_velocity(self, velocity_m_s: Vec) -> None:
        """The velocity of the record before, m/s."""
        if not self._velocities or self._velocities[-1] is not None:
            raise ValueError("a velocity without a position before it")
        speed_m_s = hypot(*velocity_m_s)
        if not speed_m_s <= _FASTEST_M_S:
            raise ValueError(f"a speed of {speed_m_s:.3g} m/s, over {_FASTEST_M_S:g} (wrong unit?)")
        self._velocities[-1] = velocity_m_s

    def build(self, useful_ns: tuple[int, int] | None = None) -> Piece:
        """The piece, useful where asked or over all its records, of which there must be one."""
        times_ns = self._times_ns
        velocities = [velocity for velocity in self._velocities if velocity is not None]
        return Piece(
            np.array(times_ns, np.int64),
            np.array(self._positions),
            np.array(velocities) if len(velocities) == len(times_ns) else None,
            self._lines,
            useful_ns or (times_ns[0], times_ns[-1]),
        )


class UnknownError(ValueError):
    """A whole line names something that is not known here: another file will help."""


def refused(source: str, line: int, what: str, advice: str = _GET_AGAIN) -> EphemerisError:
    """The error for one line of a file."""
    return EphemerisError(f"{source}, line {line}: {what}; {advice}")


def read_lines(text: str, source: str, take: Callable[[int, str], None]) -> int:
    """Give each line, with its number, to `take`; the number of lines. A ValueError of `take`
    becomes an EphemerisError with file and line."""
    number = 0
    for number, line in enumerate(text.splitlines(), start=1):
        try:
            take(number, line)
        except EphemerisError:
            raise
        except UnknownError as error:
            raise refused(source, number, str(error), "ask for the file in one of these") from None
        except ValueError as error:
            raise refused(source, number, str(error)) from None
    return number


def read_frame(name: str) -> Frame:
    """The frame of that name. Raises UnknownError for one that is not known here."""
    for frame, pattern in _FRAME_NAMES:
        if pattern.fullmatch(name.upper()):
            return frame
    known = ", ".join(frame.value for frame in Frame)
    raise UnknownError(f"the frame {name!r} is none of {known}")


def read_number(text: str) -> float:
    """A decimal number. Raises ValueError for anything else, NaN and infinity included."""
    if _NUMBER.fullmatch(text) is None:
        raise ValueError(f"{text!r} is no number")
    value = float(text.replace("D", "e").replace("d", "e"))
    if not isfinite(value):
        raise ValueError(f"{text!r} is beyond all numbers")
    return value


def read_vector(texts: list[str], unit: float) -> Vec:
    """Three numbers, times `unit`. Raises ValueError."""
    x, y, z = texts
    return read_number(x) * unit, read_number(y) * unit, read_number(z) * unit


def tai_ns_from_calendar(
    system: str, year: int, month: int, day: int, hour: int, minute: int, second: str
) -> int:
    """TAI nanoseconds of a date in one of TIME_SYSTEMS; seconds as text, to keep their decimals.

    Raises ValueError for a time system that is not known here, and for what is no time.
    """
    if _SECONDS.fullmatch(second) is None:
        raise ValueError(f"{second!r} are no seconds")
    whole = int(Decimal(second))
    fraction_ns = int(((Decimal(second) - whole) * SECOND_NS).to_integral_value())
    day_text = f"{year:04}-{month:02}-{day:02}"
    if system == "UTC":
        return tai_ns_from_utc(f"{day_text}T{hour:02}:{minute:02}:{whole:02}") + fraction_ns
    if system not in _TAI_MINUS_NS:
        raise UnknownError(f"the time system {system!r} is none of {', '.join(TIME_SYSTEMS)}")
    tai_ns_from_utc(day_text + "T00:00:00")
    if hour > 23 or minute > 59 or whole > 59:
        raise ValueError(f"there is no time of day {hour}:{minute}:{second}")
    of_day_ns = (hour * 3600 + minute * 60 + whole) * SECOND_NS + fraction_ns
    days = date(year, month, day).toordinal() - _ORDINAL_1970
    return days * DAY_NS + of_day_ns + _TAI_MINUS_NS[system]
