"""Time scales. The terminal counts TAI: int64 nanoseconds since 1970-01-01T00:00:00 TAI.

`posix_ns` below is UTC as POSIX counts it: nanoseconds since 1970-01-01T00:00:00 UTC with every day
86,400 s long, so that a leap second bears the same numbers as the second after it.
"""

import re
from bisect import bisect_right
from datetime import date

SECOND_NS = 1_000_000_000
DAY_NS = 86_400 * SECOND_NS
J2000_JULIAN_DATE = 2451545.0
CENTURY_DAYS = 36_525.0
"""Julian."""

_UNIX_ORDINAL = date(1970, 1, 1).toordinal()
_UNIX_JULIAN_DATE = 2440587.5

# First days with a new TAI - UTC, which is 10 s at the first and grows by 1 s at each.
# Source: IERS Bulletin C and its list of past leap seconds; none has been announced since 2017.
_LEAP_DAYS = (
    (1972, 1), (1972, 7), (1973, 1), (1974, 1), (1975, 1), (1976, 1), (1977, 1), (1978, 1),
    (1979, 1), (1980, 1), (1981, 7), (1982, 7), (1983, 7), (1985, 7), (1988, 1), (1990, 1),
    (1991, 1), (1992, 7), (1993, 7), (1994, 7), (1996, 1), (1997, 7), (1999, 1), (2006, 1),
    (2009, 1), (2012, 7), (2015, 7), (2017, 1),
)  # fmt: skip
_FIRST_OFFSET_S = 10
_POSIX_STARTS = [
    (date(year, month, 1).toordinal() - _UNIX_ORDINAL) * DAY_NS for year, month in _LEAP_DAYS
]
_TAI_STARTS = [
    posix_ns + (_FIRST_OFFSET_S + i) * SECOND_NS for i, posix_ns in enumerate(_POSIX_STARTS)
]
_LAST_YEAR = 2261  # int64 nanoseconds end in April 2262

_ISO = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)[T ](\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))?Z?", flags=re.ASCII
)


def tai_ns_from_utc(text: str) -> int:
    """TAI nanoseconds of an ISO 8601 UTC time like `2016-12-19T15:18:51.25Z` (Z may be left out).

    23:59:60 is understood where there was a leap second. Raises ValueError, with what is wrong, for
    anything else: other zones, impossible dates, more than nine decimals, before 1972, after 2261.
    """
    match = _ISO.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"{text!r} is not a UTC time like 2016-12-19T15:18:51.250Z")
    year, month, day, hour, minute, second = (int(group) for group in match.groups()[:6])
    try:
        ordinal = date(year, month, day).toordinal()
    except ValueError as error:
        raise ValueError(f"{text!r}: {error}") from None
    if year > _LAST_YEAR:
        raise ValueError(f"{text!r}: 64-bit nanoseconds end with the year {_LAST_YEAR}")
    if hour > 23 or minute > 59 or second > 60:
        raise ValueError(f"{text!r}: there is no such time of day")
    midnight_ns = (ordinal - _UNIX_ORDINAL) * DAY_NS
    last_minute = (hour, minute) == (23, 59)
    if second == 60 and not (last_minute and midnight_ns + DAY_NS in _POSIX_STARTS[1:]):
        raise ValueError(f"{text!r}: there was no leap second then")
    # Adding the time of day to the day's own midnight counts the leap second where it belongs.
    seconds = hour * 3600 + minute * 60 + second
    fraction_ns = int((match[7] or "").ljust(9, "0"))
    return tai_ns_from_posix_ns(midnight_ns) + seconds * SECOND_NS + fraction_ns


def tai_ns_from_posix_ns(posix_ns: int) -> int:
    """TAI nanoseconds of a POSIX UTC time. Raises ValueError before 1972."""
    index = bisect_right(_POSIX_STARTS, posix_ns) - 1
    if index < 0:
        raise ValueError("UTC before 1972-01-01 had no whole leap seconds and is not supported")
    return posix_ns + (_FIRST_OFFSET_S + index) * SECOND_NS


def posix_ns_from_tai_ns(tai_ns: int) -> int:
    """POSIX UTC nanoseconds of a TAI time. Raises ValueError before 1972."""
    return tai_ns - (_FIRST_OFFSET_S + _leap_index(tai_ns)) * SECOND_NS


def utc_text(tai_ns: int, decimals: int = 3) -> str:
    """ISO 8601 UTC, rounded to the nearest millisecond or to 1 to 9 decimals of a second:
    `2016-12-19T15:18:51.250Z`.

    Raises ValueError before 1972.
    """
    unit_ns = 10 ** (9 - decimals)
    rounded_ns = (tai_ns + unit_ns // 2) // unit_ns * unit_ns
    index = _leap_index(rounded_ns)
    following = _TAI_STARTS[index + 1 : index + 2]
    in_leap_second = bool(following) and rounded_ns >= following[0] - SECOND_NS
    # One second earlier is 23:59:59 of the day that the leap second ends.
    shown_ns = posix_ns_from_tai_ns(rounded_ns) - in_leap_second * SECOND_NS
    days, of_day_ns = divmod(shown_ns, DAY_NS)
    seconds, fraction_ns = divmod(of_day_ns, SECOND_NS)
    minutes, second = divmod(seconds, 60)
    hour, minute = divmod(minutes, 60)
    day = date.fromordinal(_UNIX_ORDINAL + days).isoformat()
    second += in_leap_second
    return f"{day}T{hour:02}:{minute:02}:{second:02}.{fraction_ns // unit_ns:0{decimals}}Z"


def utc_julian_date(tai_ns: int) -> tuple[float, float]:
    """UTC Julian date: (date of the preceding midnight, which ends in .5; fraction of the day).

    The pair keeps 10 ps where one float would keep 40 us. A leap second repeats as the first second
    of the next day, as in sgp4's `jday`. Raises ValueError before 1972.
    """
    days, of_day_ns = divmod(posix_ns_from_tai_ns(tai_ns), DAY_NS)
    return _UNIX_JULIAN_DATE + days, of_day_ns / DAY_NS


def _leap_index(tai_ns: int) -> int:
    index = bisect_right(_TAI_STARTS, tai_ns) - 1
    if index < 0:
        raise ValueError("TAI times before UTC 1972-01-01 are not supported")
    return index
