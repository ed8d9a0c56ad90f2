"""How old the Earth's orientation is: flags and stated errors of a real finals2000A file."""

from itertools import pairwise
from math import inf, pi
from pathlib import Path

import astropy_iers_data
import pytest

from terminal.geometry.eop import PRECISE_LIMIT_M, EopError, EopTable
from terminal.geometry.time_scales import DAY_NS, tai_ns_from_utc

FINALS = Path(astropy_iers_data.IERS_A_FILE)


@pytest.fixture(scope="module")
def lines() -> list[str]:
    return FINALS.read_text().splitlines()


@pytest.fixture(scope="module")
def real() -> EopTable:
    return EopTable.load(FINALS)


def midnight_ns(line: str) -> int:
    year = 2000 + int(line[:2])
    return tai_ns_from_utc(f"{year}-{int(line[2:4]):02}-{int(line[4:6]):02}T00:00:00")


@pytest.fixture(scope="module")
def last_measured_ns(lines: list[str]) -> int:
    return midnight_ns([line for line in lines if line[57] == "I"][-1])


def test_measured_up_to_the_last_measured_day(real: EopTable, last_measured_ns: int) -> None:
    for t_ns in (tai_ns_from_utc("2016-12-19T15:00:00"), last_measured_ns):
        assert real.quality(t_ns) == (True, 0.0, 1e-4)
        assert real.warning(t_ns) is None
        real.check_precise(t_ns)
    after = real.quality(last_measured_ns + DAY_NS // 2)
    assert not after.measured
    assert after.age_days == 0.5


def test_predictions_are_as_uncertain_as_their_publisher_says(
    real: EopTable, lines: list[str], last_measured_ns: int
) -> None:
    """The file's own errors (columns 69 to 78), which are another estimate of the same centre: the
    rule of Bulletin A is above them for three weeks, and at most a fifth below for the year."""
    predicted = [line for line in lines if line[57] == "P"]
    assert len(predicted) > 300
    for line in predicted:
        quality = real.quality(midnight_ns(line))
        told_s = float(line[68:78])
        assert not quality.measured
        assert quality.age_days == (midnight_ns(line) - last_measured_ns) / DAY_NS
        least = told_s if quality.age_days <= 21.0 else 0.8 * told_s
        assert quality.ut1_error_s > least


def test_numbers_of_bulletin_a(real: EopTable, last_measured_ns: int) -> None:
    """Printed there: UT1 to 0.0014, 0.0024, 0.0032 and 0.0040 s after 10, 20, 30 and 40 days."""
    for days, printed_s in ((10, 0.0014), (20, 0.0024), (30, 0.0032), (40, 0.0040)):
        quality = real.quality(last_measured_ns + days * DAY_NS)
        assert quality.ut1_error_s == pytest.approx(printed_s, abs=0.00006)
        # The equator turns with 2 pi 6378 km a day of the stars.
        ground_m_s = 2 * pi * 6_378_137 / 86_164.0905
        assert quality.error_m == pytest.approx(quality.ut1_error_s * ground_m_s, rel=1e-4)


def test_warned_then_refused(real: EopTable, last_measured_ns: int) -> None:
    for days in (1, 20, 44):
        t_ns = last_measured_ns + days * DAY_NS
        warning = real.warning(t_ns)
        assert warning is not None
        assert f"is predicted, {days}.0 days after the last measured day" in warning
        real.check_precise(t_ns)
    assert real.quality(last_measured_ns + 44 * DAY_NS).error_m < PRECISE_LIMIT_M
    with pytest.raises(EopError, match=r"46\.0 days .* too uncertain .* use a newer file"):
        real.check_precise(last_measured_ns + 46 * DAY_NS)
    # Beyond the table, too: age is what counts.
    with pytest.raises(EopError, match="too uncertain for a precise ephemeris"):
        real.check_precise(last_measured_ns + 3000 * DAY_NS)


def test_an_old_file_is_old(lines: list[str]) -> None:
    """Cut after 2017-01-31: a day of March 2017 is 45 days behind its last measured one."""
    end = next(i for i, line in enumerate(lines) if line[7:12] == "57785")
    old = EopTable.parse("\n".join(lines[: end - 1]), "old")
    quality = old.quality(tai_ns_from_utc("2017-03-16T00:00:00"))
    assert quality.age_days == 45.0


def two(lines: list[str], first: str, second: str) -> str:
    """Two days of 2016 under the flags given."""
    days = [line for line in lines if line[7:12] in ("57741", "57742")]
    flagged = [a[:57] + flag + a[58:134] for a, flag in zip(days, (first, second), strict=True)]
    return "\n".join(flagged)


def test_flags(lines: list[str]) -> None:
    t_ns = tai_ns_from_utc("2016-12-19T12:00:00")
    assert EopTable.parse(two(lines, "I", "I"), "f").quality(t_ns).measured
    assert EopTable.parse(two(lines, "I", "P"), "f").quality(t_ns).age_days == 0.5
    unknown = EopTable.parse(two(lines, "P", "P"), "f")
    assert unknown.quality(t_ns) == (False, inf, inf)
    assert unknown.warning(t_ns) == "f: holds predictions of unknown age alone; use a newer file"
    with pytest.raises(EopError, match="too uncertain"):
        unknown.check_precise(t_ns)
    with pytest.raises(EopError, match="line 2: a measured day follows a predicted one"):
        EopTable.parse(two(lines, "P", "I"), "f")
    for flag in (" ", "X", "i"):
        with pytest.raises(EopError, match=f"line 2: column 58: '{flag}' is neither I"):
            EopTable.parse(two(lines, "I", flag), "f")


def test_the_error_grows(real: EopTable, last_measured_ns: int) -> None:
    errors = [
        real.quality(last_measured_ns + k * DAY_NS // 10).ut1_error_s for k in range(-10, 4000, 7)
    ]
    assert all(a <= b for a, b in pairwise(errors))
