"""Earth orientation against astropy's reading and interpolation of the IERS tables."""

from collections.abc import Callable
from contextlib import suppress
from math import pi
from pathlib import Path

import astropy_iers_data
import numpy as np
import pytest
from astropy.time import Time
from astropy.utils.iers import IERS_A, IERS_B
from hypothesis import given
from hypothesis import strategies as st

from terminal.geometry.eop import Eop, EopError, EopTable
from terminal.geometry.ephemeris import EphemerisError, SatelliteEphemeris
from terminal.geometry.time_scales import DAY_NS, SECOND_NS, tai_ns_from_utc
from terminal.geometry.tle import Tle

FINALS = Path(astropy_iers_data.IERS_A_FILE)
ARCSEC = pi / 648_000


def finals_line(mjd: int, x: float, y: float, ut1: float, b: str = "") -> str:
    """A line of finals2000A; FORTRAN's format of the IERS readme."""
    day = Time(mjd, format="mjd").to_datetime()
    line = f"{day.year % 100:2}{day.month:2}{day.day:2} {mjd:8.2f} "
    line += f"I {x:9.6f}{2e-5:9.6f} {y:9.6f}{2e-5:9.6f}  I{ut1:10.7f}{2e-6:10.7f}"
    return line.ljust(134) + b


@pytest.fixture(scope="module")
def real() -> EopTable:
    return EopTable.load(FINALS)


@pytest.fixture(scope="module")
def astropy_table() -> IERS_A:
    return IERS_A.open(str(FINALS))


def at(table: EopTable, utc: str) -> Eop:
    return table.at(tai_ns_from_utc(utc))


def test_bulletin_a_is_read_as_astropy_reads_it(real: EopTable, astropy_table: IERS_A) -> None:
    rows = [row for row in astropy_table if not np.ma.is_masked(row["UT1_UTC_A"])]
    assert len(rows) > 19_000
    for row in rows[:: len(rows) // 500]:
        mjd = round(float(row["MJD"].value))
        eop = at(real, Time(mjd, format="mjd", scale="utc").isot)
        assert eop.ut1_minus_utc_s == pytest.approx(row["UT1_UTC_A"].value, abs=1e-12)
        assert eop.pole_x_rad == pytest.approx(row["PM_x_A"].value * ARCSEC, abs=1e-18)
        assert eop.pole_y_rad == pytest.approx(row["PM_y_A"].value * ARCSEC, abs=1e-18)


@pytest.mark.parametrize(
    "utc",
    [
        "2016-12-19T15:18:51",
        "2016-12-31T00:00:00",
        "2016-12-31T17:00:00",
        "2017-01-01T00:00:00",
        "2017-01-01T06:00:00",
        "2020-02-29T12:00:00",
    ],
)
def test_interpolation_is_that_of_astropy_over_a_leap_second_too(utc: str) -> None:
    """From a file written of astropy's IERS B table (series C04)."""
    series = IERS_B.open()
    mjds = [*range(57_735, 57_765), *range(58_900, 58_930)]
    rows = {round(float(row["MJD"].value)): row for row in series if row["MJD"].value in mjds}
    chosen = [mjd for mjd in mjds if (mjd < 58_000) == (utc < "2018")]
    text = "\n".join(
        finals_line(mjd, *(float(rows[mjd][key].value) for key in ("PM_x", "PM_y", "UT1_UTC")))
        for mjd in chosen
    )
    ours = at(EopTable.parse(text, "written"), utc)
    time = Time(utc, scale="utc")
    ut1 = float(series.ut1_utc(time).to_value("s"))
    x, y = (float(pole.to_value("rad")) for pole in series.pm_xy(time))
    # Seven and six decimals in the file.
    assert ours.ut1_minus_utc_s == pytest.approx(ut1, abs=1e-7)
    assert ours.pole_x_rad == pytest.approx(x, abs=1e-6 * ARCSEC)
    assert ours.pole_y_rad == pytest.approx(y, abs=1e-6 * ARCSEC)


def test_ut1_runs_on_through_a_leap_second(real: EopTable) -> None:
    times = [
        tai_ns_from_utc(text)
        for text in ("2016-12-31T23:59:59.5Z", "2016-12-31T23:59:60.5Z", "2017-01-01T00:00:00.5Z")
    ]
    before, within, after = (real.at(t_ns).ut1_minus_utc_s for t_ns in times)
    # As elsewhere, a leap second bears the numbers of the second after it.
    assert within == pytest.approx(before, abs=1e-7)
    assert after - before == pytest.approx(1.0, abs=1e-7)


TWO = [
    finals_line(57_741, 0.108374, 0.265923, -0.3952822),
    finals_line(57_742, 0.106395, 0.266002, -0.3965624),
]
BULLETIN_B = "  0.108487  0.265822 -0.3953003"


def test_bulletin_b_stands_in_where_a_is_blank() -> None:
    blank = TWO[0][:17] + " " * 117 + BULLETIN_B
    table = EopTable.parse("\n".join([blank, TWO[1] + BULLETIN_B]), "f")
    expected = Eop(-0.3953003, 0.108487 * ARCSEC, 0.265822 * ARCSEC)
    assert at(table, "2016-12-19T00:00:00") == pytest.approx(expected)
    assert at(table, "2016-12-20T00:00:00").ut1_minus_utc_s == pytest.approx(-0.3965624)


def test_days_without_values_end_the_table(real: EopTable) -> None:
    text = "\n".join([*TWO, finals_line(57_743, 0, 0, 0)[:16], ""])
    table = EopTable.parse(text, "finals")
    last = at(table, "2016-12-20T00:00:00")
    assert last.ut1_minus_utc_s == pytest.approx(-0.3965624)
    message = (
        "finals: has no Earth orientation for 2016-12-20T00:00:01.000Z: it holds "
        "2016-12-19T00:00:00.000Z to 2016-12-20T00:00:00.000Z; use a newer file"
    )
    for utc in ("2016-12-20T00:00:01", "2016-12-18T23:59:59"):
        with pytest.raises(EopError, match="has no Earth orientation"):
            at(table, utc)
    with pytest.raises(EopError, match=message):
        at(table, "2016-12-20T00:00:01")


def changed(first_column: int, text: str) -> Callable[[list[str]], list[str]]:
    """The second of two lines with `text` from a column on."""

    def change(lines: list[str]) -> list[str]:
        at = first_column - 1
        return [lines[0], lines[1][:at] + text + lines[1][at + len(text) :]]

    return change


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (changed(59, "-0.39656X4"), "line 2: columns 59 to 68: '-0.39656X4' is no UT1-UTC"),
        (changed(59, " -0.396562"), "line 2: columns 59 to 68: .* 7 decimals"),
        (changed(59, "       nan"), "line 2: columns 59 to 68"),
        (changed(59, " 9.3965624"), "line 2: UT1-UTC in s is 9.3965624, over 1.0"),
        (changed(59, "-0.2965624"), r"line 2: UT1 steps by \+0.0987 s in a day"),
        (changed(59, " 0.6034376"), "a leap second newer than this software"),
        (changed(19, "         "), "line 2: only some of pole x, pole y and UT1-UTC are there"),
        (changed(8, "57743.00"), "line 2: columns 1 to 6: '161220' is not the date of MJD 57743"),
        (changed(1, "161221 57743.00"), "line 2: comes 2 days after the line before, not 1"),
        (changed(1, "161219 57741.00"), "line 2: comes 0 days after the line before"),
        (changed(8, "57742.50"), "line 2: columns 8 to 15: '57742.50' is no day"),
        (lambda lines: lines[::-1], "line 2: comes -1 days after"),
        (lambda lines: [lines[0], lines[1][:64]], r"line 2: columns 59 to 68: .*\(cut off"),
        (lambda lines: [lines[0], lines[1][:50]], "line 2: only some of .* cut off"),
        (lambda lines: [lines[0], lines[1][:12]], "line 2: columns 8 to 15"),
        (lambda lines: [lines[0], "", lines[1]], "line 2: columns 8 to 15: '' is no day"),
        (lambda lines: [lines[0], lines[0][:16], lines[1]], "line 3: follows a day without values"),
        (lambda lines: lines[:1], "holds 1 days of Earth orientation, needs 2"),
        (lambda lines: [], "line 1: columns 8 to 15: '' is no day"),
        (lambda lines: ["MJD;Year;Month"], "line 1: columns 8 to 15: 'r;Month'"),
    ],
)
def test_what_is_wrong_is_said_with_its_line(
    change: Callable[[list[str]], list[str]], message: str
) -> None:
    with pytest.raises(EopError, match=message):
        EopTable.parse("\n".join(change(TWO)), "finals2000A.all")


@given(st.integers(0, len("\n".join(TWO))))
def test_a_cut_file_is_refused_or_has_only_whole_days(length: int) -> None:
    text = "\n".join(TWO)
    with suppress(EopError):
        table = EopTable.parse(text[:length], "cut")
        assert at(table, "2016-12-20T00:00:00") == at(
            EopTable.parse(text, "whole"), "2016-12-20T00:00:00"
        )


@given(st.integers(0, 150), st.characters(max_codepoint=0x2FF))
def test_a_wrong_character_is_refused_or_harmless(where: int, character: str) -> None:
    line = TWO[1][:where] + character + TWO[1][where + 1 :]
    with suppress(EopError):
        eop = at(EopTable.parse("\n".join([TWO[0], line]), "f"), "2016-12-19T12:00:00")
        assert abs(eop.ut1_minus_utc_s) < 1.0


@given(st.text(max_size=300))
def test_any_text_is_refused(text: str) -> None:
    with pytest.raises(EopError):
        EopTable.parse(text, "f")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(EopError, match=r"none\.all: cannot read: No such file"):
        EopTable.load(tmp_path / "none.all")
    (tmp_path / "binary").write_bytes(bytes(range(256)))
    with pytest.raises(EopError, match="binary, line 1"):
        EopTable.load(tmp_path / "binary")


def test_ephemeris_takes_the_table(micius: Tle, real: EopTable) -> None:
    t_ns = micius.epoch_tai_ns + 3600 * SECOND_NS
    moved = np.subtract(
        SatelliteEphemeris(micius, real, 1.0).state_ecef(t_ns)[0],
        SatelliteEphemeris(micius, real.at(t_ns).ut1_minus_utc_s, 1.0).state_ecef(t_ns)[0],
    )
    # Polar motion of 0.11 and 0.27 arcsec at 6.9 Mm: up to 10 m, and no more.
    assert 1.0 < np.linalg.norm(moved) < 10.0
    short = EopTable.parse("\n".join(TWO), "two days")
    with pytest.raises(EphemerisError, match="two days: has no Earth orientation for"):
        SatelliteEphemeris(micius, short, 9.0).state_ecef(t_ns + 3 * DAY_NS)
