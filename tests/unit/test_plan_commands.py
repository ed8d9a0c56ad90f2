"""`qsky plan` and `qsky passes` as typed: answers, tables, pictures, and what is refused."""

import json
import re
from collections.abc import Callable
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import astropy_iers_data
import pytest
from typer.testing import CliRunner

from terminal import cli

LINE1 = "1 41731U 16051A   16353.90152003  .00000364  00000-0  17957-4 0  9993"
LINE2 = "2 41731  97.3699 267.4500 0013200 178.5836 246.0824 15.23915303 19063"
DECAYING1 = "1 28872U 05037B   05333.02012661  .25992681  00000-0  24476-3 0  1534"
DECAYING2 = "2 28872  96.4736 157.9986 0303955 244.0492 110.6523 16.46015938 10708"
ENTRIES = [
    EntryPoint(name, f"terminal.plan_commands:{name}", cli.GROUP) for name in ("plan", "passes")
]
CONTRACT = (
    "utc",
    "azimuth_deg",
    "elevation_deg",
    "range_m",
    "range_rate_m_s",
    "doppler",
    "light_time_s",
    "point_ahead_urad",
    "point_ahead_elevation_urad",
    "point_ahead_cross_elevation_urad",
)

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def tle(tmp_path: Path) -> Path:
    file = tmp_path / "sat.tle"
    file.write_text(f"MICIUS\n{LINE1}\n{LINE2}\n")
    return file


def plan_arguments(tle: Path, /, **changes: str) -> list[str]:
    options = {
        "tle": str(tle),
        "site": "35.66,139.68,20",
        "start": "2016-12-19T15:16:00Z",
        "duration-s": "360",
        "step-s": "60",
        **changes,
    }
    return ["plan", *(word for key, value in options.items() for word in (f"--{key}", value))]


def passes_arguments(tle: Path, /, **changes: str) -> list[str]:
    options = {
        "tle": str(tle),
        "site": "35.66,139.68,20",
        "start": "2016-12-18T22:00:00Z",
        "days": "1",
        **changes,
    }
    return ["passes", *(word for key, value in options.items() for word in (f"--{key}", value))]


def rows(qsky: Run, *arguments: str) -> list[dict[str, Any]]:
    code, out, err = qsky(*arguments, "--json", "-")
    assert (code, err) == (0, "")
    return list(json.loads(out)["rows"])


def test_plan_answers_with_the_fields_of_the_contract(qsky: Run, tle: Path) -> None:
    found = rows(qsky, *plan_arguments(tle))
    times = [f"2016-12-19T15:{minute}:00.000Z" for minute in range(16, 23)]
    assert [row["utc"] for row in found] == times
    for row in found:
        assert set(CONTRACT) <= set(row)
        assert all(isinstance(row[key], float) for key in CONTRACT[1:])


def test_through_the_runner_of_typer(tle: Path) -> None:
    result = CliRunner().invoke(cli.build(ENTRIES), [*plan_arguments(tle), "--json", "-"])
    assert result.exit_code == 0
    assert len(json.loads(result.stdout)["rows"]) == 7


def test_steps_are_exact_and_both_ends_are_in(qsky: Run, tle: Path) -> None:
    found = rows(qsky, *plan_arguments(tle, **{"duration-s": "0.3", "step-s": "0.1"}))
    assert [row["utc"][-7:] for row in found] == ["00.000Z", "00.100Z", "00.200Z", "00.300Z"]
    found = rows(qsky, *plan_arguments(tle, **{"duration-s": "1", "step-s": "0.4"}))
    assert [row["utc"][-7:] for row in found] == ["00.000Z", "00.400Z", "00.800Z"]
    found = rows(qsky, *plan_arguments(tle, **{"duration-s": "1e-3", "step-s": "1e-4"}))
    assert found[1]["utc"] == "2016-12-19T15:16:00.000100000Z"


def test_two_lines_without_a_name_and_a_southern_site(qsky: Run, tmp_path: Path) -> None:
    file = tmp_path / "bare.tle"
    file.write_bytes(f"\r\n{LINE1}\r\n{LINE2}\r\n".encode())
    (row, *_) = rows(qsky, *plan_arguments(file, site="-33.92, 18.42, -50"))
    assert row["elevation_deg"] < 0.0


def test_earth_orientation_moves_the_satellite(qsky: Run, tle: Path) -> None:
    plain = rows(qsky, *plan_arguments(tle))
    none = rows(qsky, *plan_arguments(tle, eop="none"))
    real = rows(qsky, *plan_arguments(tle, eop=astropy_iers_data.IERS_A_FILE))
    assert plain == none
    # UT1 - UTC was -0.396 s: 150 m of the site's way east.
    moved = [abs(a["range_m"] - b["range_m"]) for a, b in zip(plain, real, strict=True)]
    assert 50.0 < max(moved) < 200.0


def test_refraction_and_its_wavelength(qsky: Run, tle: Path) -> None:
    plain = rows(qsky, *plan_arguments(tle))
    green, red = (
        rows(qsky, *plan_arguments(tle, **{"wavelength-nm": nm}), "--refraction")
        for nm in ("532", "1550")
    )
    for a, b, c in zip(plain, green, red, strict=True):
        assert a["elevation_deg"] < c["elevation_deg"] < b["elevation_deg"]


def test_plan_as_table_and_picture(qsky: Run, tle: Path, tmp_path: Path) -> None:
    picture = tmp_path / "sky.png"
    code, out, err = qsky(*plan_arguments(tle), "--plot", str(picture))
    assert (code, err) == (0, "")
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert "12-19 15:16:00" in out
    assert "highest 47.3 deg at 12-19 15:18:55" in out
    assert "…" not in out


def test_a_picture_as_its_name_ends(qsky: Run, tle: Path, tmp_path: Path) -> None:
    _, told, _ = qsky("plan", "--help")
    for ending, begins in (("png", b"\x89PNG"), ("svg", b"<?xml"), ("pdf", b"%PDF")):
        picture = tmp_path / f"sky.{ending}"
        assert qsky(*plan_arguments(tle), "--plot", str(picture))[0] == 0
        assert picture.read_bytes().startswith(begins)
        assert f".{ending}" in told


def test_a_long_plan_is_thinned_out(qsky: Run, tle: Path) -> None:
    _, out, _ = qsky(*plan_arguments(tle, **{"step-s": "0.5"}))
    assert "1 row in 4 shown" in " ".join(out.split())
    # The caption may break before a time too.
    assert len(re.findall(r"^ 12-19 15:\d\d:\d\d(?:\.5)? +\d", out, re.MULTILINE)) == 181


def test_the_widest_values_fit_into_80_columns(
    qsky: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Over 10,000 km, by fractions of a second, with azimuth, elevation and Sun of most digits."""
    monkeypatch.setenv("COLUMNS", "80")
    file = tmp_path / "high.tle"
    file.write_text(f"{LINE1}\n{LINE2}\n")
    changes = {"site": "-33,-60,20", "duration-s": "0.003", "step-s": "0.001"}
    _, out, _ = qsky(*plan_arguments(file, **changes))
    (line,) = [line for line in out.splitlines() if "15:16:00.001" in line]
    assert "…" not in out
    for row in rows(qsky, *plan_arguments(file, **changes))[1:2]:
        assert row["range_m"] > 1e7
        assert f" {row['range_m'] / 1e3:.0f} " in line
        assert f" {row['point_ahead_urad']:.2f} " in line
        assert f" {row['azimuth_deg']:.2f} " in line
    assert line.split()[-1] == "h"


def test_a_plan_under_the_horizon(qsky: Run, tle: Path, tmp_path: Path) -> None:
    picture = str(tmp_path / "sky.png")
    code, out, _ = qsky(*plan_arguments(tle, site="-35,-40,0"), "--plot", picture)
    assert code == 0
    assert "never in sight" in out


def test_passes(qsky: Run, tle: Path) -> None:
    code, out, err = qsky(*passes_arguments(tle), "--json", "-")
    assert (code, err) == (0, "")
    found = json.loads(out)["passes"]
    assert [row["culmination_utc"][:16] for row in found] == [
        "2016-12-19T02:14",
        "2016-12-19T15:18",
    ]
    assert [(row["night"], row["sunlit"]) for row in found] == [(False, True), (True, False)]
    _, out, _ = qsky(*passes_arguments(tle, **{"min-elevation-deg": "60"}), "--json", "-")
    assert len(json.loads(out)["passes"]) == 1


def test_passes_as_a_table(qsky: Run, tle: Path) -> None:
    _, out, _ = qsky(*passes_arguments(tle))
    assert "night   shadow" in out
    assert "…" not in out
    assert out.split("\n")[0].strip() == "2016-12-18T22:00:00.000Z + 1 days, over 10 deg"
    asked = {"days": "0.01", "min-elevation-deg": "12.5"}
    _, out, _ = qsky(*passes_arguments(tle, **asked))
    assert "2016-12-18T22:00:00.000Z + 0.01 days, over 12.5 deg" in out
    assert "no passes" in out


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"site": "35.66,139.68"}, "--site: '35.66,139.68' is no LAT_DEG,LON_DEG,ALT_M, like"),
        ({"site": "north,east,up"}, "--site: 'north,east,up' is no LAT_DEG"),
        ({"site": "139.68,35.66,20"}, "--site: latitude 139.68 is outside -90 to 90; the order is"),
        ({"site": "nan,0,0"}, "--site: latitude nan is outside"),
        ({"site": "0,361,0"}, "--site: longitude 361 is outside -180 to 360"),
        ({"site": "0,0,1e6"}, "--site: altitude 1e+06 is outside -500 to 50000"),
        ({"start": "now"}, "--start: 'now' is not a UTC time like"),
        ({"start": "2017-03-01T00:00:00Z"}, "is up to 72.1 days from the epoch 2016-12-18T21:38"),
        ({"start": "2016-11-01T00:00:00Z"}, "more than 30: use newer elements, or --max-age-days"),
        ({"duration-s": "4e6"}, "is up to 47.0 days from the epoch"),
        ({"duration-s": "1e300"}, "days from the epoch"),
        ({"duration-s": "0"}, "--duration-s: must be over 0, got 0"),
        ({"duration-s": "inf"}, "--duration-s: must be over 0, got inf"),
        ({"step-s": "-1"}, "--step-s: must be over 0, got -1"),
        ({"step-s": "nan"}, "--step-s: must be over 0, got nan"),
        ({"step-s": "1e-4"}, "steps of 0.0001 s make 3,600,001 rows; at most 1,000,000"),
        ({"step-s": "1e-9", "duration-s": "1e-6"}, "--step-s: must be 1e-06 or longer"),
        ({"max-age-days": "0"}, "--max-age-days: must be over 0 and up to 3660"),
        ({"max-age-days": "nan"}, "--max-age-days: must be over 0"),
        ({"eop": "/no/finals"}, "--eop: /no/finals: cannot read: No such file"),
        ({"eop": __file__}, "line 1: columns 8 to 15:"),
        ({"tle": "/no/sat.tle"}, "/no/sat.tle: cannot read the elements: No such file"),
        ({"tle": __file__}, "test_plan_commands.py: has "),
        ({"wavelength-nm": "nan"}, "--wavelength-nm: refraction at nan nm: known from 300 to 1700"),
        ({"wavelength-nm": "-5"}, "--wavelength-nm: refraction at -5 nm: known from"),
        ({"wavelength-nm": "810e-9", "refraction": ""}, "--wavelength-nm: refraction at"),
        ({"plot": "/no/folder/sky.png"}, "--plot: /no/folder/sky.png: cannot write"),
        ({"plot": "no/sky.nothing"}, "--plot: no/sky.nothing: Format 'nothing' is not"),
        ({"step-s": "long"}, "Invalid value for '--step-s'"),
    ],
)
def test_what_is_wrong_is_one_line_and_exit_2(
    qsky: Run, tle: Path, changes: dict[str, str], message: str
) -> None:
    arguments = [word for word in plan_arguments(tle, **changes) if word]
    code, out, err = qsky(*arguments)
    assert (code, out) == (2, "")
    assert err.count("\n") == 1
    assert message in err


def test_old_elements_can_be_taken_all_the_same(qsky: Run, tle: Path) -> None:
    changes = {"start": "2017-03-01T00:00:00Z", "max-age-days": "90"}
    assert len(rows(qsky, *plan_arguments(tle, **changes))) == 7


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "has 0 lines; expected the two lines"),
        (LINE1, "has 1 line; expected the two lines"),
        (f"{LINE1}\n{LINE2}\n{LINE1}\n{LINE2}\n", "holds 2 satellites; leave one in the file"),
        (f"A\n{LINE1}\n{LINE2}\nB\n{LINE1}\n{LINE2}\n", "holds 2 satellites; leave one"),
        (f"{LINE1[:-1]}7\n{LINE2}\n", "TLE line 1, column 69: checksum is 7, expected 3"),
        (f"{LINE1[:50]}\n{LINE2}\n", "TLE line 1 has 50 columns, expected 69"),
        (f"{LINE2}\n{LINE1}\n", "TLE line 1, column 1: '2' is no valid line number"),
        ("\0\xff\n\0\n", "TLE line 1"),
    ],
)
@pytest.mark.parametrize("arguments", [plan_arguments, passes_arguments])
def test_broken_elements(
    qsky: Run, tmp_path: Path, text: str, message: str, arguments: Callable[[Path], list[str]]
) -> None:
    file = tmp_path / "bad.tle"
    file.write_text(text, encoding="latin-1")
    code, out, err = qsky(*arguments(file))
    assert (code, out) == (2, "")
    assert err.count("\n") == 1
    assert str(file) in err
    assert message in err


def test_an_orbit_that_decays_is_said(qsky: Run, tmp_path: Path) -> None:
    file = tmp_path / "decaying.tle"
    file.write_text(f"{DECAYING1}\n{DECAYING2}\n")
    for arguments in (
        plan_arguments(file, start="2005-11-29T00:30:00Z", **{"duration-s": "7200"}),
        passes_arguments(file, start="2005-11-29T00:30:00Z"),
    ):
        code, _, err = qsky(*arguments)
        assert code == 2
        assert "SGP4 has no position of 28872" in err


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"days": "0"}, "--days: must be over 0, got 0"),
        ({"days": "31"}, "days from the epoch"),
        ({"min-elevation-deg": "90"}, "--min-elevation-deg: must be between -90 and 90, got 90"),
        ({"min-elevation-deg": "nan"}, "--min-elevation-deg: must be between -90 and 90, got nan"),
        ({"max-age-days": "nan"}, "--max-age-days: must be over 0 and up to 3660, got nan"),
    ],
)
def test_wrong_passes(qsky: Run, tle: Path, changes: dict[str, str], message: str) -> None:
    code, _, err = qsky(*passes_arguments(tle, **changes))
    assert code == 2
    assert message in err


def test_a_table_of_earth_orientation_that_ends_is_said(
    qsky: Run, tle: Path, tmp_path: Path
) -> None:
    days = [
        line
        for line in Path(astropy_iers_data.IERS_A_FILE).read_text().splitlines()
        if line[7:12] in ("57740", "57741")
    ]
    file = tmp_path / "two_days.finals"
    file.write_text("\n".join(days))
    code, _, err = qsky(*plan_arguments(tle, eop=str(file)))
    assert code == 2
    assert f"{file}: has no Earth orientation for 2016-12-19T15:1" in err


def test_help_has_examples(qsky: Run) -> None:
    for name in ("plan", "passes"):
        code, out, _ = qsky(name, "--help")
        assert code == 0
        assert f"    qsky {name} --tle sat.tle --site 35.66,139.68,20 \\\n" in out
