"""Two-line elements: checked column by column before SGP4 sees them.

Format: NORAD two-line element set, as in Hoots & Roehrich, Spacetrack Report No. 3 (1980), with
"Alpha-5" catalogue numbers. SGP4 takes them with the WGS-72 constants (Vallado et al.,
"Revisiting Spacetrack Report #3", AIAA 2006-6753).
"""

import re
from dataclasses import dataclass
from datetime import date

from sgp4.api import SGP4_ERRORS, WGS72, Satrec

from terminal.geometry.time_scales import DAY_NS, tai_ns_from_posix_ns

_LENGTH = 69
_EPOCH_UNIT_NS = DAY_NS // 10**8
"""The epoch has eight decimals of a day: 0.864 ms, a whole number of nanoseconds."""

_BLANK = " "
_CATALOGUE = r"[A-HJ-NP-Z]\d{4}| *\d+"
_ANGLE = r" *\d+\.\d{4}"
_EXPONENTIAL = r"[ +-]\d{5}[+-]\d"

# (first column, last column, what, pattern); columns count from 1, as in every description.
_LINE_1 = (
    (1, 1, "line number", "1"),
    (2, 2, "separator", _BLANK),
    (3, 7, "catalogue number", _CATALOGUE),
    (9, 9, "separator", _BLANK),
    (18, 18, "separator", _BLANK),
    (19, 20, "epoch year", r"\d\d"),
    (21, 32, "epoch day", r" *\d+\.\d{8}"),
    (33, 33, "separator", _BLANK),
    (34, 43, "first derivative of mean motion", r"[ +-]\.\d{8}"),
    (44, 44, "separator", _BLANK),
    (45, 52, "second derivative of mean motion", _EXPONENTIAL),
    (53, 53, "separator", _BLANK),
    (54, 61, "drag term", _EXPONENTIAL),
    (62, 62, "separator", _BLANK),
    (63, 63, "ephemeris type", r"[ \d]"),
    (64, 64, "separator", _BLANK),
    (65, 68, "element set number", r" *\d*"),
    (69, 69, "checksum", r"\d"),
)
_LINE_2 = (
    (1, 1, "line number", "2"),
    (2, 2, "separator", _BLANK),
    (3, 7, "catalogue number", _CATALOGUE),
    (8, 8, "separator", _BLANK),
    (9, 16, "inclination", _ANGLE),
    (17, 17, "separator", _BLANK),
    (18, 25, "right ascension of the node", _ANGLE),
    (26, 26, "separator", _BLANK),
    (27, 33, "eccentricity", r"\d{7}"),
    (34, 34, "separator", _BLANK),
    (35, 42, "argument of perigee", _ANGLE),
    (43, 43, "separator", _BLANK),
    (44, 51, "mean anomaly", _ANGLE),
    (52, 52, "separator", _BLANK),
    (53, 63, "mean motion", r" *\d+\.\d{8}"),
    (64, 68, "revolution number", r" *\d*"),
    (69, 69, "checksum", r"\d"),
)


class TleError(ValueError):
    """Two-line elements that can't be used. The text names line and column."""


@dataclass(frozen=True, slots=True)
class Tle:
    """Elements as parsed, ready to propagate."""

    catalogue_number: int
    epoch_tai_ns: int
    satrec: Satrec


def parse_tle(line1: str, line2: str) -> Tle:
    """Checked elements from the two lines (white space at the ends is ignored).

    Raises TleError for a wrong length, line number, character, checksum, for lines of two different
    objects, values out of range, and elements that SGP4 itself refuses.
    """
    line1, line2 = line1.strip(), line2.strip()
    _check_line(1, line1, _LINE_1)
    _check_line(2, line2, _LINE_2)
    if line1[2:7] != line2[2:7]:
        raise TleError(
            f"TLE line 2, column 3: catalogue number {line2[2:7]!r} is not that of line 1, "
            f"{line1[2:7]!r}"
        )
    _check_range(line2, 9, 16, "inclination", 180.0)
    _check_range(line2, 18, 25, "right ascension of the node", 360.0)
    _check_range(line2, 35, 42, "argument of perigee", 360.0)
    _check_range(line2, 44, 51, "mean anomaly", 360.0)
    if float(line2[52:63]) == 0.0:
        raise TleError("TLE line 2, column 53: mean motion is zero")
    epoch_tai_ns = _epoch_tai_ns(line1)
    satrec = Satrec.twoline2rv(line1, line2, WGS72)
    if satrec.error:
        raise TleError(f"TLE refused by SGP4: {SGP4_ERRORS[satrec.error]}")
    return Tle(satrec.satnum, epoch_tai_ns, satrec)


def checksum(line: str) -> int:
    """Sum of the digits in columns 1 to 68, minus signs counting one, modulo 10."""
    return sum(int(c) if "0" <= c <= "9" else c == "-" for c in line[: _LENGTH - 1]) % 10


def _check_line(number: int, line: str, fields: tuple[tuple[int, int, str, str], ...]) -> None:
    if len(line) != _LENGTH:
        raise TleError(f"TLE line {number} has {len(line)} columns, expected {_LENGTH}")
    for column, c in enumerate(line, start=1):
        if not " " <= c <= "~":
            raise TleError(f"TLE line {number}, column {column}: {c!r} is no printable ASCII")
    for first, last, what, pattern in fields:
        found = line[first - 1 : last]
        if re.fullmatch(pattern, found) is None:
            raise TleError(f"TLE line {number}, column {first}: {found!r} is no valid {what}")
    expected = checksum(line)
    if int(line[-1]) != expected:
        raise TleError(
            f"TLE line {number}, column {_LENGTH}: checksum is {line[-1]}, expected {expected}"
        )


def _check_range(line: str, first: int, last: int, what: str, limit_deg: float) -> None:
    if float(line[first - 1 : last]) > limit_deg:
        raise TleError(
            f"TLE line 2, column {first}: {what} {line[first - 1 : last].strip()} is over "
            f"{limit_deg:.0f} degrees"
        )


def _epoch_tai_ns(line1: str) -> int:
    two_digits = int(line1[18:20])
    # Pivot of the format: the first satellite flew in 1957.
    year = two_digits + (1900 if two_digits >= 57 else 2000)
    day, fraction = int(line1[20:23]), int(line1[24:32])
    first_day = date(year, 1, 1).toordinal()
    if not 1 <= day <= date(year, 12, 31).toordinal() - first_day + 1:
        raise TleError(f"TLE line 1, column 21: the year {year} has no day {day}")
    days = first_day - date(1970, 1, 1).toordinal() + day - 1
    try:
        return tai_ns_from_posix_ns(days * DAY_NS + fraction * _EPOCH_UNIT_NS)
    except ValueError as error:
        raise TleError(f"TLE line 1, column 19: {error}") from None
