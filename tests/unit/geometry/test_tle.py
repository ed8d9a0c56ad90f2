"""Two-line elements: what is refused, and the SGP4 report's own verification runs."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from known_elements import MICIUS, SGP4_FOLDER

from terminal.geometry.time_scales import utc_text
from terminal.geometry.tle import Tle, TleError, checksum, parse_tle


def test_demo_elements(micius: Tle) -> None:
    assert micius.catalogue_number == 41731
    # Day 353 of 2016 (a leap year) is 18 December; .90152003 of it is 21:38:11.330592.
    assert utc_text(micius.epoch_tai_ns) == "2016-12-18T21:38:11.331Z"
    assert micius.epoch_tai_ns % 1_000_000_000 == 330_592_000


def verification_elements() -> dict[int, tuple[str, str]]:
    lines = (SGP4_FOLDER / "SGP4-VER.TLE").read_text().splitlines()
    found = {}
    for line1, line2 in pairwise(lines):
        if line1.startswith("1 ") and line2.startswith("2 "):
            found.setdefault(int(line1[2:7]), (line1[:69], line2[:69]))
    return found


def verification_states(catalogue_number: int) -> list[list[float]]:
    """Rows of minutes since the epoch, x, y, z (km), vx, vy, vz (km/s) in TEME."""
    lines = iter((SGP4_FOLDER / "tcppver.out").read_text().splitlines())
    assert f"{catalogue_number} xx" in (line.strip() for line in lines)
    rows = []
    for line in lines:
        if line.strip().endswith("xx"):
            break
        rows.append([float(word) for word in line.split()[:7]])
    return rows


@pytest.mark.parametrize("catalogue_number", [5, 6251, 8195, 28057, 28626])
def test_sgp4_report_verification(catalogue_number: int) -> None:
    """AIAA 2006-6753: near Earth, low perigee, Molniya, Sun-synchronous, geostationary."""
    tle = parse_tle(*verification_elements()[catalogue_number])
    rows = verification_states(catalogue_number)
    assert len(rows) > 10
    for minutes, *expected in rows:
        error, position_km, velocity_km_s = tle.satrec.sgp4_tsince(minutes)
        assert error == 0
        # The report prints 8 decimals of a kilometre and 9 of a kilometre per second; its authors
        # name 0.1 mm as the agreement between compilers.
        assert position_km == pytest.approx(expected[:3], abs=1e-7)
        assert velocity_km_s == pytest.approx(expected[3:], abs=2e-9)


def with_checksum(line: str) -> str:
    return line[:68] + str(checksum(line))


def replaced(line: str, first_column: int, text: str) -> str:
    """`line` with `text` from a column on, and its checksum made right."""
    at = first_column - 1
    return with_checksum(line[:at] + text + line[at + len(text) :])


L1, L2 = MICIUS


@pytest.mark.parametrize(
    ("line1", "line2", "message"),
    [
        (L1[:68] + "7", L2, "line 1, column 69: checksum is 7, expected 3"),
        (L1, L2[:68] + "0", "line 2, column 69: checksum is 0, expected 3"),
        (L1[:60], L2, "line 1 has 60 columns, expected 69"),
        (L1, "", "line 2 has 0 columns, expected 69"),
        (L2, L1, "line 1, column 1: '2' is no valid line number"),
        (L1, replaced(L2, 3, "41732"), "line 2, column 3: catalogue number '41732'"),
        (replaced(L1, 24, ","), L2, "line 1, column 21: '353,90152003' is no valid epoch day"),
        (replaced(L1, 21, "367"), L2, "line 1, column 21: the year 2016 has no day 367"),
        (replaced(L1, 21, "000"), L2, "line 1, column 21: the year 2016 has no day 0"),
        (replaced(L1, 19, "71"), L2, "line 1, column 19: UTC before 1972"),
        (L1, replaced(L2, 27, "00x3200"), "line 2, column 27: '00x3200' is no valid eccentricity"),
        (L1, replaced(L2, 9, "197.3699"), "line 2, column 9: inclination 197.3699"),
        (L1, replaced(L2, 18, "367.4500"), "line 2, column 18: right ascension of the node"),
        (L1, replaced(L2, 53, " 0.00000000"), "line 2, column 53: mean motion is zero"),
        (L1, replaced(L2, 54, "\u0665"), "line 2, column 54: .* is no printable ASCII"),
        (L1, replaced(L2, 17, "7"), "line 2, column 17: '7' is no valid separator"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(line1: str, line2: str, message: str) -> None:
    with pytest.raises(TleError, match=message):
        parse_tle(line1, line2)


@given(
    st.sampled_from([0, 1]),
    st.integers(0, 68),
    st.characters(min_codepoint=0, max_codepoint=0x2FF),
    st.booleans(),
)
def test_any_single_wrong_character_is_refused_or_harmless(
    which: int, at: int, character: str, mend_checksum: bool
) -> None:
    lines = list(MICIUS)
    line = lines[which][:at] + character + lines[which][at + 1 :]
    lines[which] = with_checksum(line) if mend_checksum and at < 68 else line
    try:
        tle = parse_tle(*lines)
    except TleError:
        return
    assert 0 <= tle.catalogue_number <= 339_999


@given(st.text(max_size=80), st.text(max_size=80))
def test_any_text_is_refused(line1: str, line2: str) -> None:
    with pytest.raises(TleError):
        parse_tle(line1, line2)
