"""Damaged ephemeris files: refused, or as good as they say; never a silent wrong direction."""

from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from orbit_files import START_NS, cpf_text, earth_fixed, low_orbit, oem_text, sp3_text

from terminal.geometry.ephemeris import EphemerisError
from terminal.geometry.ephemeris_file import interpolated, parse_table
from terminal.geometry.table_ephemeris import TableEphemeris

MINUTE_NS = 60_000_000_000
TIMES_NS = [START_NS + (k * MINUTE_NS) // 7 for k in range(7 * 7, 7 * 16, 3)]


@cache
def whole(kind: str) -> str:
    """Positions and velocities over 25 minutes."""
    write = {"oem": oem_text, "sp3": sp3_text, "cpf": cpf_text}[kind]
    return write(earth_fixed(low_orbit()), 60, 25)


@cache
def truth(kind: str) -> np.ndarray:
    ephemeris = interpolated(parse_table(whole(kind), "file"), None)
    return np.array([ephemeris.state_ecef(t_ns)[0] for t_ns in TIMES_NS])


def refused_or_as_stated(kind: str, text: str) -> None:
    try:
        ephemeris = interpolated(parse_table(text, "file"), None)
    except EphemerisError as error:
        said = str(error)
        assert said.startswith("file")
        assert "\n" not in said
        assert len(said) < 500
        return
    assert ephemeris.interpolation_error_m <= 10.0
    for t_ns, true in zip(TIMES_NS, truth(kind), strict=True):
        if answers(ephemeris, t_ns):
            off_m = float(np.linalg.norm(np.subtract(ephemeris.state_ecef(t_ns)[0], true)))
            # What both files leave open: theirs and the whole one's.
            assert off_m <= ephemeris.interpolation_error_m + 2e-3


def answers(ephemeris: TableEphemeris, t_ns: int) -> bool:
    return any(start <= t_ns <= end for start, end in ephemeris.spans_ns)


KINDS = st.sampled_from(["oem", "sp3", "cpf"])
PRINTABLE = st.characters(min_codepoint=32, max_codepoint=126)


@settings(max_examples=300)
@given(KINDS, st.floats(0.0, 1.0, exclude_max=True), PRINTABLE)
def test_a_wrong_character(kind: str, where: float, character: str) -> None:
    text = whole(kind)
    at = int(where * len(text))
    refused_or_as_stated(kind, text[:at] + character + text[at + 1 :])


@settings(max_examples=200)
@given(
    KINDS, st.floats(0.0, 1.0, exclude_max=True), st.integers(1, 3), st.sampled_from("0123456789")
)
def test_a_wrong_digit_in_a_record(kind: str, where: float, skip: int, digit: str) -> None:
    text = whole(kind)
    digits = [at for at, c in enumerate(text) if c.isdigit() and at > len(text) // 3]
    at = digits[int(where * len(digits))]
    refused_or_as_stated(kind, text[:at] + digit + text[at + skip :])


@settings(max_examples=100)
@given(KINDS, st.floats(0.0, 1.0, exclude_max=True))
def test_a_cut(kind: str, where: float) -> None:
    text = whole(kind)
    at = int(where * (len(text) - 1))
    cut = text[:at]
    # All that may be missing is the last line end.
    if cut.rstrip() == text.rstrip():
        return
    with pytest.raises(EphemerisError):
        interpolated(parse_table(cut, "file"), None)


@settings(max_examples=100)
@given(KINDS, st.floats(0.0, 1.0, exclude_max=True), st.floats(0.0, 1.0, exclude_max=True))
def test_lines_lost_repeated_or_elsewhere(kind: str, a: float, b: float) -> None:
    lines = whole(kind).split("\n")
    i, j = int(a * len(lines)), int(b * len(lines))
    refused_or_as_stated(kind, "\n".join(lines[:i] + lines[i + 1 :]))
    refused_or_as_stated(kind, "\n".join([*lines[:i], lines[j], *lines[i:]]))
    swapped = list(lines)
    swapped[i], swapped[j] = swapped[j], swapped[i]
    refused_or_as_stated(kind, "\n".join(swapped))


@settings(max_examples=100)
@given(KINDS, st.floats(0.0, 1.0, exclude_max=True), st.text(max_size=40))
def test_rubbish_in_between(kind: str, where: float, rubbish: str) -> None:
    text = whole(kind)
    at = int(where * len(text))
    refused_or_as_stated(kind, text[:at] + rubbish + text[at:])


@settings(max_examples=100)
@given(
    st.sampled_from(["", "CCSDS_OEM_VERS = 2.0\n", "#cP", "H1", "H1 CPF", "H1 CPF  2 "]),
    st.text(max_size=200),
)
def test_any_text_is_refused(start: str, rest: str) -> None:
    with pytest.raises(EphemerisError):
        interpolated(parse_table(start + rest, "file"), None)
