"""`qsky plan` and `qsky passes` with a precise ephemeris, and with an orientation that is old."""

import json
from collections.abc import Callable
from functools import cache
from pathlib import Path

import astropy_iers_data
import pytest
from known_elements import MICIUS
from orbit_files import START_NS, earth_fixed, low_orbit, oem_text, sp3_text

from terminal.geometry.eop import EopTable
from terminal.geometry.ephemeris import SatelliteEphemeris
from terminal.geometry.time_scales import SECOND_NS
from terminal.geometry.tle import parse_tle

FINALS = astropy_iers_data.IERS_A_FILE
SITE = ("--site", "35.66,139.68,20")
PLAN = ("plan", *SITE, "--start", "2016-12-19T15:16:00Z", "--duration-s", "360", "--step-s", "60")

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def tle(tmp_path: Path) -> str:
    file = tmp_path / "sat.tle"
    file.write_text("\n".join(MICIUS))
    return str(file)


def teme(t_s: float) -> tuple[list[float], list[float]]:
    """What SGP4 says of the same elements, as another program would write it into an OEM."""
    elements = parse_tle(*MICIUS)
    since_s = (START_NS - elements.epoch_tai_ns) * 1e-9 + t_s
    _, position_km, velocity_km_s = elements.satrec.sgp4_tsince(since_s / 60.0)
    return [1e3 * v for v in position_km], [1e3 * v for v in velocity_km_s]


@cache
def elements_with_orientation() -> SatelliteEphemeris:
    return SatelliteEphemeris(parse_tle(*MICIUS), EopTable.load(Path(FINALS)), 3.0)


def earth_fixed_sgp4(t_s: float) -> tuple[tuple, tuple]:
    return elements_with_orientation().state_ecef(START_NS + round(t_s * SECOND_NS))


@pytest.mark.parametrize("frame", ["TEME", "ITRF"])
def test_the_same_orbit_from_elements_and_from_a_file(
    qsky: Run, tle: str, tmp_path: Path, frame: str
) -> None:
    file = tmp_path / "sat.oem"
    file.write_text(oem_text(teme if frame == "TEME" else earth_fixed_sgp4, 60, 120, frame))
    _, out, _ = qsky(*PLAN, "--tle", tle, "--eop", FINALS, "--json", "-")
    elements = json.loads(out)
    code, out, err = qsky(*PLAN, "--ephemeris", str(file), "--eop", FINALS, "--json", "-")
    assert (code, err) == (0, "")
    table = json.loads(out)
    assert (table["satellite"], table["warnings"]) == ("MICIUS", [])
    assert 0.0 < table["interpolation_error_m"] < 1e-3
    assert (elements["satellite"], elements["interpolation_error_m"]) == (41731, None)
    for a, b in zip(elements["rows"], table["rows"], strict=True):
        assert a["range_m"] == pytest.approx(b["range_m"], abs=1e-3)
        assert a["azimuth_deg"] == pytest.approx(b["azimuth_deg"], abs=1e-7)
        assert a["elevation_deg"] == pytest.approx(b["elevation_deg"], abs=1e-7)
        assert a["range_rate_m_s"] == pytest.approx(b["range_rate_m_s"], abs=1e-3)
        assert a["point_ahead_urad"] == pytest.approx(b["point_ahead_urad"], abs=1e-4)


def test_passes_from_a_file_without_orientation(qsky: Run, tmp_path: Path) -> None:
    file = tmp_path / "sat.sp3"
    file.write_text(sp3_text(earth_fixed_sgp4, 60, 120))
    code, out, err = qsky(
        "passes", *SITE, "--start", "2016-12-19T14:10:00Z", "--days", "0.06",
        "--ephemeris", str(file), "--json", "-",
    )  # fmt: skip
    assert (code, err) == (0, "")
    found = json.loads(out)
    assert [row["culmination_utc"][:16] for row in found["passes"]] == ["2016-12-19T15:18"]
    assert found["satellite"] == "L51"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ((), "--tle, --ephemeris: exactly one of the two must be given"),
        (("--tle", "TLE", "--ephemeris", "OEM"), "--tle, --ephemeris: exactly one of the two"),
        (("--ephemeris", "/no/file"), "--ephemeris: /no/file: cannot read the ephemeris: No such"),
        (("--ephemeris", "TLE"), "sat.tle, line 1: starts with '1 41731U 16051A 16'; expected"),
        (("--ephemeris", "OEM"), "is in GCRF and needs the Earth's orientation to the time: give"),
        (("--ephemeris", "OEM", "--eop", FINALS), "has no position of MICIUS for 2016-12-19T15:1"),
    ],
)
@pytest.mark.parametrize("command", ["plan", "passes"])
def test_what_is_wrong_is_one_line_and_exit_2(
    qsky: Run, tle: str, tmp_path: Path, options: tuple[str, ...], message: str, command: str
) -> None:
    file = tmp_path / "sat.oem"
    file.write_text(oem_text(low_orbit(), 60, 30, "GCRF"))
    names = {"TLE": tle, "OEM": str(file)}
    words = [names.get(word, word) for word in options]
    start = ["--start", "2016-12-19T15:16:00Z", "--days", "0.1"]
    code, out, err = qsky(*(PLAN if command == "plan" else ("passes", *SITE, *start)), *words)
    assert (code, out) == (2, "")
    assert err.count("\n") == 1
    assert message in err


def old_finals(tmp_path: Path, days_before: int) -> str:
    """A real table whose last measured day lies before the file's first, the rest predicted."""
    mjd = 57_741 - days_before
    lines = [
        line[:57] + ("I" if int(line[7:12]) <= mjd else "P") + line[58:134]
        for line in Path(FINALS).read_text().splitlines()
        if 57_600 <= int(line[7:12]) <= 57_760
    ]
    file = tmp_path / "old.finals"
    file.write_text("\n".join(lines))
    return str(file)


def test_an_orientation_that_is_predicted_is_warned_of(qsky: Run, tle: str, tmp_path: Path) -> None:
    old = old_finals(tmp_path, 10)
    file = tmp_path / "sat.oem"
    file.write_text(oem_text(teme, 60, 120, "TEME"))
    for source in (("--tle", tle), ("--ephemeris", str(file))):
        code, out, err = qsky(*PLAN, *source, "--eop", old, "--json", "-")
        assert code == 0
        (warning,) = json.loads(out)["warnings"]
        assert err == f"qsky: warning: {warning}\n"
        assert "predicted, 10.6 days after the last measured day: UT1 to 1.47 ms, 0.69 m" in warning


def test_a_planned_mission_is_warned_of_it_too(qsky: Run, tle: str, tmp_path: Path) -> None:
    old = old_finals(tmp_path, 10)
    inertial, fixed = tmp_path / "inertial.oem", tmp_path / "fixed.oem"
    inertial.write_text(oem_text(teme, 60, 120, "TEME"))
    fixed.write_text(oem_text(earth_fixed_sgp4, 60, 120))
    mission = ("plan", "--scenario", "leo_haps_downlink", "--step-s", "60", "--json", "-")
    start = ("--start", "2016-12-19T15:17:00Z", "--duration-s", "240")
    for source, warned in (
        (("--tle", tle), True),
        (("--ephemeris", str(inertial)), True),
        (("--ephemeris", str(fixed)), False),
    ):
        code, out, err = qsky(*mission, *start, *source, "--eop", old)
        assert code == 0
        warnings = json.loads(out)["warnings"]
        assert err == "".join(f"qsky: warning: {warning}\n" for warning in warnings)
        assert len(warnings) == warned
        for warning in warnings:
            assert warning.startswith("mission.earth.eop: ")
            assert "predicted, 10.6 days after the last measured day: UT1 to 1.47 ms" in warning
    code, out, err = qsky(*mission, *start, "--tle", tle, "--eop", FINALS)
    assert (code, err, json.loads(out)["warnings"]) == (0, "", [])


def test_one_that_is_too_old_is_refused_for_a_precise_ephemeris_alone(
    qsky: Run, tle: str, tmp_path: Path
) -> None:
    old = old_finals(tmp_path, 60)
    inertial, fixed = tmp_path / "inertial.oem", tmp_path / "fixed.oem"
    inertial.write_text(oem_text(low_orbit(), 60, 120, "EME2000"))
    fixed.write_text(oem_text(earth_fixed(low_orbit()), 60, 120))
    code, _, err = qsky(*PLAN, "--ephemeris", str(inertial), "--eop", old)
    assert code == 2
    assert "too uncertain for a precise ephemeris (limit 2 m): use a newer file" in err
    code, _, err = qsky(*PLAN, "--ephemeris", str(fixed), "--eop", old)
    assert (code, err) == (0, "")
    code, _, err = qsky(*PLAN, "--tle", tle, "--eop", old)
    assert code == 0
    assert err.startswith("qsky: warning: --eop: ")
