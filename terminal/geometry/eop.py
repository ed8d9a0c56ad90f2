"""Earth orientation: how far the Earth has really turned, and where its pole stands.

Read from the IERS file finals2000A, daily values at 0 h UTC in fixed columns (IERS
"readme.finals2000A"). Bulletin A is used, and Bulletin B where A is blank: from 1990 on, A departs
from the IERS series C04 by 20 to 30 us of UT1 (rms; 1 cm on the equator), B by 20 to 40 us.

The file tells which days were measured and which are predicted; UT1 of a prediction gets worse with
its age. `EopTable.quality` says how bad, `warning` says it in words, `check_precise` refuses.
"""

import re
from bisect import bisect_right
from datetime import date
from math import inf, pi
from pathlib import Path
from typing import NamedTuple, Protocol

from terminal.geometry.time_scales import (
    DAY_NS,
    posix_ns_from_tai_ns,
    tai_ns_from_posix_ns,
    utc_text,
)

_ARCSEC_RAD = pi / 648_000.0
_UNIX_MJD = 40_587
_UNIX_ORDINAL = date(1970, 1, 1).toordinal()


class Eop(NamedTuple):
    """Earth orientation at one time."""

    ut1_minus_utc_s: float
    pole_x_rad: float = 0.0
    """IERS pole, positive toward Greenwich."""
    pole_y_rad: float = 0.0
    """Positive toward 90 degrees west."""


PRECISE_LIMIT_M = 2.0
"""UT1 error, in metres on the equator, beyond which a precise ephemeris in a frame among the stars
has lost its worth: 4 urad at 500 km. Reached 45 days after the last measured day."""

_MEASURED_ERROR_S = 1e-4
"""Of UT1 between measured days: see EopTable."""
_EQUATOR_M_S = 465.1
"""Speed of the ground on the equator."""


class EopQuality(NamedTuple):
    """How well UT1 is known at one time."""

    measured: bool
    age_days: float
    """Since the last measured day; 0 where measured, infinite if no day of the table is."""
    ut1_error_s: float
    """0.00025 s x days^0.75 for predictions, the rule of IERS Bulletin A; the errors in the file
    itself are far smaller in the first week and up to a fifth larger after a month."""

    @property
    def error_m(self) -> float:
        """The same on the equator."""
        return self.ut1_error_s * _EQUATOR_M_S


class EopError(ValueError):
    """A table that is broken, or does not reach the time asked for. The text names the file."""


class EarthOrientation(Protocol):
    """Anything that knows the Earth's orientation."""

    def at(self, tai_ns: int) -> Eop:
        """Orientation at a TAI time. Raises EopError without an answer."""
        ...


class SteadyEarth:
    """The same orientation at all times."""

    def __init__(self, eop: Eop) -> None:
        self._eop = eop

    def at(self, tai_ns: int) -> Eop:
        return self._eop


_DECIMALS = {n: re.compile(rf" *-?\d*\.\d{{{n}}}", re.ASCII) for n in (2, 6, 7)}
"""A number of FORTRAN's format F, filling its columns to the right, by its decimals."""


class _Column(NamedTuple):
    what: str
    first: int
    """Columns count from 1, as in the IERS readme."""
    last: int
    decimals: int
    limit: float
    """Largest magnitude that can be meant: a value from shifted columns falls out."""

    def read(self, line: str) -> float | None:
        """The value, or None for blanks. Raises ValueError with what is wrong."""
        text = line[self.first - 1 : self.last]
        if not text.strip():
            return None
        if _DECIMALS[self.decimals].fullmatch(text) is None:
            raise ValueError(
                f"columns {self.first} to {self.last}: {text!r} is no {self.what} with "
                f"{self.decimals} decimals (cut off, or in the wrong columns)"
            )
        value = float(text)
        if abs(value) > self.limit:
            raise ValueError(f"{self.what} is {value}, over {self.limit}")
        return value


_MJD = _Column("modified Julian date", 8, 15, 2, 99_999.0)
# Each from Bulletin A, then from Bulletin B.
_POLE_X = (_Column("pole x in arcsec", 19, 27, 6, 1.0), _Column("pole x (B)", 135, 144, 6, 1.0))
_POLE_Y = (_Column("pole y in arcsec", 38, 46, 6, 1.0), _Column("pole y (B)", 145, 154, 6, 1.0))
_UT1 = (_Column("UT1-UTC in s", 59, 68, 7, 1.0), _Column("UT1-UTC (B)", 155, 165, 7, 1.0))

# Column 58, for UT1-UTC of Bulletin A. Bulletin B is measured.
_MEASURED_BY_FLAG = {"I": True, "P": False}

_LARGEST_STEP_S = 0.02
"""Of UT1 - TAI in a day. The day has been 4 ms too long at most since 1973; a leap second that we
do not know of is a step of 1 s."""


class _Day(NamedTuple):
    tai_ns: int
    ut1_minus_tai_s: float
    pole_x_rad: float
    pole_y_rad: float
    measured: bool


class EopTable:
    """Daily Earth orientation, interpolated linearly.

    Between the days UT1 - TAI is interpolated, which has no leap seconds. Linear interpolation and
    the tides within a day that it leaves out cost up to 0.1 ms of UT1 (5 cm on the equator).
    """

    def __init__(self, days: list[_Day], source: str) -> None:
        self._days = days
        self._times_ns = [day.tai_ns for day in days]
        self._source = source
        self._measured_until_ns = max((day.tai_ns for day in days if day.measured), default=None)

    @classmethod
    def load(cls, path: Path) -> "EopTable":
        """The table in a finals2000A file. Raises EopError, naming file and line."""
        try:
            text = path.read_text(encoding="ascii", errors="replace")
        except OSError as error:
            raise EopError(f"{path}: cannot read: {error.strerror}") from error
        return cls.parse(text, str(path))

    @classmethod
    def parse(cls, text: str, source: str) -> "EopTable":
        """The table in the text of a finals2000A file; `source` names it in errors.

        Raises EopError for a line with broken columns, days out of order or left out, a value or a
        step of UT1 that can't be, and for a text with fewer than two days.
        """
        lines = text.rstrip().split("\n")
        days: list[_Day] = []
        ended = False
        for number, line in enumerate(lines, start=1):
            try:
                day = _read_day(line)
                if day is None:
                    ended = True
                    continue
                if ended:
                    raise ValueError("follows a day without values")
                if days:
                    _check_step(days[-1], day)
            except ValueError as error:
                raise EopError(f"{source}, line {number}: {error}") from None
            days.append(day)
        if len(days) < 2:
            raise EopError(
                f"{source}: holds {len(days)} days of Earth orientation, needs 2 or more"
            )
        return cls(days, source)

    def at(self, tai_ns: int) -> Eop:
        """Orientation at a TAI time. Raises EopError outside the table."""
        days = self._days
        after = bisect_right(self._times_ns, tai_ns)
        if after == 0 or tai_ns > self._times_ns[-1]:
            raise EopError(
                f"{self._source}: has no Earth orientation for {utc_text(tai_ns)}: it holds "
                f"{utc_text(days[0].tai_ns)} to {utc_text(days[-1].tai_ns)}; use a newer file"
            )
        start_ns, ut1_minus_tai_s, pole_x_rad, pole_y_rad, _ = days[after - 1]
        if start_ns != tai_ns:
            following = days[after]
            part = (tai_ns - start_ns) / (following.tai_ns - start_ns)
            ut1_minus_tai_s += part * (following.ut1_minus_tai_s - ut1_minus_tai_s)
            pole_x_rad += part * (following.pole_x_rad - pole_x_rad)
            pole_y_rad += part * (following.pole_y_rad - pole_y_rad)
        tai_minus_utc_s = (tai_ns - posix_ns_from_tai_ns(tai_ns)) * 1e-9
        return Eop(ut1_minus_tai_s + tai_minus_utc_s, pole_x_rad, pole_y_rad)

    def quality(self, tai_ns: int) -> EopQuality:
        """How well UT1 is known at a TAI time, by the file's own word. The table need not reach
        that far."""
        if self._measured_until_ns is None:
            return EopQuality(False, inf, inf)
        age_days = (tai_ns - self._measured_until_ns) / DAY_NS
        if age_days <= 0.0:
            return EopQuality(True, 0.0, _MEASURED_ERROR_S)
        return EopQuality(False, age_days, max(_MEASURED_ERROR_S, 0.00025 * age_days**0.75))

    def warning(self, tai_ns: int) -> str | None:
        """What to know about UT1 at a TAI time in a line; None where it was measured."""
        quality = self.quality(tai_ns)
        if quality.measured:
            return None
        if self._measured_until_ns is None:
            return f"{self._source}: holds predictions of unknown age alone; use a newer file"
        return (
            f"{self._source}: the Earth's orientation at {utc_text(tai_ns)} is predicted, "
            f"{quality.age_days:.1f} days after the last measured day: UT1 to "
            f"{quality.ut1_error_s * 1e3:.2f} ms, {quality.error_m:.2g} m on the equator"
        )

    def check_precise(self, tai_ns: int) -> None:
        """Raises EopError if UT1 at a TAI time is too uncertain for a precise ephemeris, by
        PRECISE_LIMIT_M."""
        if self.quality(tai_ns).error_m > PRECISE_LIMIT_M:
            raise EopError(
                f"{self.warning(tai_ns)}; too uncertain for a precise ephemeris (limit "
                f"{PRECISE_LIMIT_M:g} m): use a newer file"
            )


def _read_day(line: str) -> _Day | None:
    """One line; None for a day without values, as at the end of the predictions. Raises ValueError
    with what is wrong."""
    mjd = _MJD.read(line)
    if mjd is None or mjd != int(mjd):
        raise ValueError(f"columns 8 to 15: {line[7:15]!r} is no day (modified Julian date)")
    since_1970 = int(mjd) - _UNIX_MJD
    day = date.fromordinal(_UNIX_ORDINAL + since_1970)
    written = f"{day.year % 100:2}{day.month:2}{day.day:2}"
    if line[:6].replace(" ", "0") != written.replace(" ", "0"):
        raise ValueError(f"columns 1 to 6: {line[:6]!r} is not the date of MJD {mjd:.0f}, {day}")
    values = []
    for bulletin_a, bulletin_b in (_UT1, _POLE_X, _POLE_Y):
        value = bulletin_a.read(line)
        values.append(bulletin_b.read(line) if value is None else value)
    ut1_minus_utc_s, pole_x_arcsec, pole_y_arcsec = values
    if ut1_minus_utc_s is None and pole_x_arcsec is None and pole_y_arcsec is None:
        return None
    if ut1_minus_utc_s is None or pole_x_arcsec is None or pole_y_arcsec is None:
        raise ValueError("only some of pole x, pole y and UT1-UTC are there: the line is cut off")
    flag = line[57:58]
    measured = _UT1[0].read(line) is None or _MEASURED_BY_FLAG.get(flag)
    if measured is None:
        raise ValueError(f"column 58: {flag!r} is neither I (measured) nor P (predicted)")
    posix_ns = since_1970 * DAY_NS
    tai_ns = tai_ns_from_posix_ns(posix_ns)
    return _Day(
        tai_ns,
        ut1_minus_utc_s - (tai_ns - posix_ns) * 1e-9,
        pole_x_arcsec * _ARCSEC_RAD,
        pole_y_arcsec * _ARCSEC_RAD,
        measured,
    )


def _check_step(before: _Day, after: _Day) -> None:
    """Raises ValueError for days that do not follow each other."""
    # A day with a leap second has one second more.
    apart_days = round((after.tai_ns - before.tai_ns) / DAY_NS)
    if apart_days != 1:
        raise ValueError(f"comes {apart_days} days after the line before, not 1")
    if after.measured and not before.measured:
        raise ValueError("a measured day follows a predicted one")
    step_s = after.ut1_minus_tai_s - before.ut1_minus_tai_s
    if abs(step_s) > _LARGEST_STEP_S:
        raise ValueError(
            f"UT1 steps by {step_s:+.4f} s in a day: a wrong value, or a leap second newer than "
            "this software"
        )
