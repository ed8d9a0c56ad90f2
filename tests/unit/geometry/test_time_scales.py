"""Time scales against ERFA's leap seconds and astropy's conversions."""

from contextlib import suppress
from itertools import pairwise

import erfa
import pytest
from astropy.time import Time
from hypothesis import given
from hypothesis import strategies as st

from terminal.geometry.time_scales import (
    SECOND_NS,
    posix_ns_from_tai_ns,
    tai_ns_from_posix_ns,
    tai_ns_from_utc,
    utc_julian_date,
    utc_text,
)

FIRST_MS = tai_ns_from_utc("1972-01-01T00:00:00Z") // 1_000_000
LAST_MS = tai_ns_from_utc("2261-12-31T23:59:59.999Z") // 1_000_000
TIMES = ["1972-01-01T00:00:00.000", "1999-12-31T23:59:59.123", "2016-12-19T15:18:51.250"]


def test_leap_seconds_are_those_of_erfa() -> None:
    table = [entry for entry in erfa.leap_seconds.get() if entry["year"] >= 1972]
    assert len(table) == 28
    for entry in table:
        midnight = f"{entry['year']}-{entry['month']:02}-01T00:00:00"
        midnight_ns = tai_ns_from_utc(midnight)
        assert midnight_ns - posix_ns_from_tai_ns(midnight_ns) == entry["tai_utc"] * SECOND_NS
    for before, after in pairwise(table):
        start_ns = tai_ns_from_utc(f"{after['year']}-{after['month']:02}-01T00:00:00")
        last_ns = start_ns - SECOND_NS - 1  # before the leap second itself
        assert last_ns - posix_ns_from_tai_ns(last_ns) == before["tai_utc"] * SECOND_NS


@pytest.mark.parametrize("text", TIMES)
def test_tai_and_julian_date_are_those_of_astropy(text: str) -> None:
    ours_ns = tai_ns_from_utc(text)
    theirs = Time(text, scale="utc")
    since_1970_s = (theirs.tai - Time("1970-01-01T00:00:00", scale="tai")).to_value("s")
    assert ours_ns * 1e-9 == pytest.approx(since_1970_s, abs=1e-6)
    day, fraction = utc_julian_date(ours_ns)
    assert (day % 1.0, 0.0 <= fraction < 1.0) == (0.5, True)
    assert (day - theirs.jd1) + (fraction - theirs.jd2) == pytest.approx(0.0, abs=1e-15)


def test_leap_second_has_its_own_name() -> None:
    before, within, after = (
        tai_ns_from_utc(text)
        for text in (
            "2016-12-31T23:59:59.5Z",
            "2016-12-31T23:59:60.5Z",
            "2017-01-01T00:00:00.5Z",
        )
    )
    assert (within - before, after - within) == (SECOND_NS, SECOND_NS)
    assert utc_text(within) == "2016-12-31T23:59:60.500Z"
    assert utc_text(before - SECOND_NS // 2 - 400_000) == "2016-12-31T23:59:59.000Z"
    assert utc_text(after - SECOND_NS // 2 - 400_000) == "2017-01-01T00:00:00.000Z"


@given(st.integers(FIRST_MS, LAST_MS))
def test_text_goes_there_and_back(tai_ms: int) -> None:
    assert tai_ns_from_utc(utc_text(tai_ms * 1_000_000)) == tai_ms * 1_000_000


def test_text_with_other_decimals() -> None:
    t_ns = tai_ns_from_utc("2016-12-31T23:59:60.987654321Z")
    assert utc_text(t_ns, 9) == "2016-12-31T23:59:60.987654321Z"
    assert utc_text(t_ns, 6) == "2016-12-31T23:59:60.987654Z"
    assert utc_text(t_ns, 1) == "2017-01-01T00:00:00.0Z"


@given(st.integers(63_072_000 * SECOND_NS, 2**63 - 1))
def test_posix_goes_there_and_back(posix_ns: int) -> None:
    assert posix_ns_from_tai_ns(tai_ns_from_posix_ns(posix_ns)) == posix_ns


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("2016-12-19T15:18:51+09:00", "not a UTC time"),
        ("2016-12-19T15:18:51.1234567891Z", "not a UTC time"),
        ("yesterday", "not a UTC time"),
        ("2016-02-30T00:00:00Z", "day"),
        ("2016-12-19T24:00:00Z", "time of day"),
        ("2016-12-19T23:59:60Z", "no leap second"),
        ("1971-12-31T23:59:60Z", "no leap second"),
        ("2016-12-31T12:59:60Z", "no leap second"),
        ("1971-12-31T23:59:59Z", "1972"),
        ("2262-01-01T00:00:00Z", "2261"),
    ],
)
def test_what_is_no_time_is_refused(text: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        tai_ns_from_utc(text)


def test_before_1972_there_is_no_utc() -> None:
    with pytest.raises(ValueError, match="1972"):
        utc_text(0)


@given(st.text(max_size=30))
def test_any_text_is_a_time_or_a_value_error(text: str) -> None:
    with suppress(ValueError):
        tai_ns_from_utc(text)
