"""`qsky plan` with a scenario and with a terminal: what it says, draws and refuses."""

import json
import sys
from collections.abc import Callable
from importlib.metadata import EntryPoint
from math import cos, radians, sin
from pathlib import Path
from re import search
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.loader import PROFILES, SCENARIOS
from terminal import cli
from terminal.plan_mission import read_profile
from terminal.plan_plot import _circle

LINE1 = "1 41731U 16051A   16353.90152003  .00000364  00000-0  17957-4 0  9993"
LINE2 = "2 41731  97.3699 267.4500 0013200 178.5836 246.0824 15.23915303 19063"
DAY = ["--site", "35.66,139.68,20", "--start", "2016-12-19T02:10:30Z", "--duration-s", "480"]
ZENITH = ["--site", "36.584,135.2,20", "--start", "2016-12-19T15:15:55Z", "--duration-s", "360"]

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def tle(tmp_path: Path) -> str:
    file = tmp_path / "sat.tle"
    file.write_text(f"{LINE1}\n{LINE2}\n")
    return str(file)


@pytest.fixture
def plan(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    entries = [EntryPoint("plan", "terminal.plan_commands:plan", cli.GROUP)]
    monkeypatch.setattr(cli, "entry_points", lambda group: entries)
    monkeypatch.delenv("QSKY_TRACEBACK", raising=False)

    def run(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["qsky", "plan", *arguments])
        with pytest.raises(SystemExit) as exit_info:
            cli.main()
        out, err = capsys.readouterr()
        return int(exit_info.value.code or 0), out, err

    return run


def answer(plan: Run, *arguments: str) -> dict[str, Any]:
    code, out, err = plan(*arguments, "--json", "-")
    assert (code, err) == (0, "")
    return dict(json.loads(out))


def test_a_scenario_plans_its_own_mission(plan: Run) -> None:
    said = answer(plan, "--scenario", "leo_haps_downlink")
    assert (said["scenario"], said["terminal"]) == ("leo_haps_downlink", None)
    assert said["rows"][0]["utc"] == "2016-12-19T15:16:49.000Z"
    assert len(said["rows"]) == 26
    link = said["link"]
    assert link["secret_key_bits"] > 1e5
    assert link["sifted_bits"] == pytest.approx(said["rows"][-1]["link"]["sifted_bits"])
    assert said["acquisition"]["median_s"] < said["acquisition"]["p95_s"]
    assert said["guidance"]["chosen"] == "direct"
    assert said["guidance"]["on_sway"]["quantile_loss_s"] == 0.0
    assert {a["option"] for a in said["assumptions"]} >= {"--jitter-urad", "--air"}
    assert said["rows"][0]["ephemeris_sigma_m"] > 1000.0


def test_options_replace_what_the_scenario_says(plan: Run, tle: str) -> None:
    """The daytime pass, of the same satellite, over a site at rest, on another terminal."""
    said = answer(
        plan, "--scenario", "leo_haps_downlink", "--tle", tle, *DAY, "--terminal", "laps",
        "--step-s", "5", "--eop", "none", "--qber", "0.02",
    )  # fmt: skip
    plain = answer(plan, "--tle", tle, *DAY, "--step-s", "5")
    assert len(said["rows"]) == len(plain["rows"]) == 97
    for a, b in zip(said["rows"], plain["rows"], strict=True):
        for key in ("utc", "field_of_regard"):
            assert a[key] == b[key]
        for key in ("azimuth_deg", "elevation_deg", "range_m", "doppler", "point_ahead_urad"):
            assert a[key] == pytest.approx(b[key], rel=1e-9)
    assert said["terminal"] == "laps"
    assert [found["limit"] for found in said["violations"]] == ["sun_keep_out"]
    shut = [row["link"]["detected_rate_hz"] for row in said["rows"] if row["field_of_regard"]]
    assert shut
    assert set(shut) == {0.0}
    by_option = {a["option"]: a["value"] for a in said["assumptions"]}
    assert by_option["--qber"] == 0.02
    assert by_option["--sky-radiance"] == pytest.approx(1.5, rel=0.01)


def test_the_daytime_pass_is_said_in_words(plan: Run, tle: str, tmp_path: Path) -> None:
    picture = tmp_path / "day.png"
    code, out, err = plan("--tle", tle, *DAY, "--step-s", "10", "--plot", str(picture))
    assert (code, err) == (0, "")
    assert picture.read_bytes().startswith(b"\x89PNG")
    said = " ".join(out.split())
    assert search(r"nearest to the Sun 10.8 deg at 12-19 02:12:3\d", said)
    assert "within 15.0 deg of the Sun: the shutter is shut" in said
    assert "…" not in out


def test_the_zenith_pass_is_chosen_by_cost(plan: Run, tle: str, tmp_path: Path) -> None:
    picture = tmp_path / "zenith.png"
    options = [*ZENITH, "--step-s", "1", "--plot", str(picture)]
    haps, laps = (
        answer(plan, "--tle", tle, *options, "--terminal", name) for name in ("haps", "laps")
    )
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert "keyhole" in {found["limit"] for found in haps["violations"]}
    assert haps["guidance"]["chosen"] == "third_axis"
    assert haps["guidance"]["loss_s"] == 0.0
    for said in (haps, laps):
        ways = [way for way in said["guidance"]["ways"] if way["possible"]]
        least = min(way["loss_s"] for way in ways)
        assert said["guidance"]["loss_s"] == pytest.approx(least, abs=0.05)
    assert laps["guidance"]["loss_s"] > 0.0
    # The platform has a third axis; the drone sways by more than the distance to its zenith.
    assert haps["guidance"]["on_sway"]["quantile_loss_s"] == 0.0
    sway = laps["guidance"]["on_sway"]
    assert (sway["sigma_mrad"], sway["period_s"]) == (13.0, 4.0)
    assert sway["quantile_loss_s"] > sway["mean_loss_s"] > 0.5 * laps["guidance"]["loss_s"]
    assert sway["quantile_loss_s"] > 1.5 * laps["guidance"]["loss_s"]
    code, out, _ = plan("--tle", tle, *options, "--terminal", "laps")
    assert code == 0
    said_s = f"95 % lose at most {sway['quantile_loss_s']:.1f} s, mean {sway['mean_loss_s']:.1f} s"
    assert f"on 13.0 mrad of sway: {said_s}" in " ".join(out.split())
    assert not next(w for w in laps["guidance"]["ways"] if w["name"] == "third_axis")["possible"]


@pytest.mark.parametrize("name", ["haps_laps_uplink", "leo_laps_downlink"])
def test_scenarios_as_text(plan: Run, name: str, tmp_path: Path) -> None:
    code, out, err = plan("--scenario", name, "--plot", str(tmp_path / "sky.png"))
    assert (code, err) == (0, "")
    for heading in ("Field of regard", "Guidance", "Acquisition", "Link", "Assumed"):
        assert f"\n{heading}\n" in out
    assert "…" not in out
    assert "Expected secret key" in out


def test_a_search_by_two_with_a_narrow_beam_may_fail(plan: Run, tmp_path: Path) -> None:
    """A beacon of 1 mrad is seen over half of its peak 0.6 mrad across: within the window of 30 s
    it does not get round the field."""
    file = tmp_path / "two.yaml"
    file.write_text(
        "name: two\ndescription: both search\nbased_on: haps_laps_downlink\n"
        "terminal: {acquisition: {role: scan}}\n"
    )
    code, out, err = plan("--scenario", str(file), "--json", "-")
    assert code == 0
    # A partner as patient as we are would not wait for our cover.
    assert "acquisition.stare_s: a cover takes " in err
    search = json.loads(out)["acquisition"]
    assert search["role"] == "scan"
    assert search["turn_s"] == 30.0
    assert 0.3 < search["probability"] < 0.9


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "--site: missing: give it, or --scenario to plan a mission"),
        (["--scenario", "leo_hasp_downlink"], "did you mean leo_haps_downlink?"),
        (["--scenario", "leo_haps_downlink", "--terminal", "hasp"], "did you mean haps?"),
        (["--scenario", "leo_haps_downlink", "--start", "noon"], "--start: 'noon' is not a UTC"),
        (["--scenario", "leo_haps_downlink", "--start", "2016-12-19T15:17:00Z"], "--duration-s: m"),
        (["--scenario", "leo_haps_downlink", "--duration-s", "1e5"], "is too long for a mission"),
        (["--scenario", "leo_haps_downlink", "--duration-s", "nan"], "--duration-s: must be over"),
        (["--scenario", "leo_haps_downlink", "--site", "1,2"], "--site: '1,2' is no LAT_DEG"),
        (["--scenario", "leo_haps_downlink", "--site", "90,0,0"], "latitude 90"),
        (["--scenario", "leo_haps_downlink", "--eop", "/no/eop"], "/no/eop: cannot read"),
        (["--scenario", "leo_haps_downlink", "--tle", "/no/tle"], "/no/tle: cannot read"),
        (["--scenario", "leo_haps_downlink", "--step-s", "0"], "--step-s: must be over 0"),
        (["--scenario", "leo_haps_downlink", "--air", "1.1"], "--air: must be from 1e-06 to 1"),
        (["--scenario", "leo_haps_downlink", "--qber", "nan"], "--qber: must be from 0 to 0.5"),
        (["--scenario", "haps_laps_downlink", "--tle", __file__], "is a platform, which has"),
        (["--scenario", "leo_haps_downlink", "--tle", "a", "--ephemeris", "b"], "at most one"),
        (["--scenario", "leo_haps_downlink", "--wavelength-nm", "nan"], "--wavelength-nm: refract"),
        (["--scenario", "leo_haps_downlink", "--max-age-days", "nan"], "--max-age-days: must be"),
        ([*ZENITH, "--step-s", "9", "--jitter-urad", "2"], "means nothing without one"),
    ],
)
def test_what_is_wrong_is_one_line_and_exit_2(
    plan: Run, arguments: list[str], message: str
) -> None:
    code, out, err = plan(*arguments)
    assert (code, out) == (2, "")
    assert err.count("\n") == 1
    assert message in err


def test_a_start_far_from_the_elements_is_refused(plan: Run) -> None:
    changes = ["--start", "2017-03-01T00:00:00Z", "--duration-s", "60"]
    code, _, err = plan("--scenario", "leo_haps_downlink", *changes)
    assert code == 2
    assert "days from the elements' epoch" in err


def test_all_profiles_can_be_planned_with() -> None:
    for name in sorted(path.stem for path in PROFILES.glob("*.yaml")):
        assert read_profile(name).keep_out.sun_rad > 0.0


def test_the_daytime_scenario_says_that_it_yields_nothing(plan: Run) -> None:
    """Page and scenario give the figures of the plan."""
    day = answer(plan, "--scenario", "leo_haps_daytime", "--step-s", "1")
    moon = answer(
        plan, "--scenario", "leo_haps_daytime", "--step-s", "1", "--sky-radiance", "0.0015"
    )
    assert day["link"]["secret_key_bits"] == 0.0
    errors = [f"{100 * said['link']['qber']:.1f} %" for said in (day, moon)]
    page = " ".join((SCENARIOS.parents[1] / "docs/scenario.md").read_text().split())
    kept = f"{moon['link']['secret_key_bits'] / 1e3:.0f} kbit"
    assert f"`qsky plan` makes {errors[0]} of errors and no key" in page
    assert f"would be worth {errors[1]} and {kept}" in page
    comment = " ".join((SCENARIOS / "leo_haps_daytime.yaml").read_text().split())
    assert f"makes {errors[0]} of errors" in comment.replace("# ", "")


@given(st.floats(0.0, 360.0), st.floats(-90.0, 90.0), st.floats(0.1, 80.0))
def test_circles_are_circles(azimuth_deg: float, elevation_deg: float, radius_deg: float) -> None:
    def vector(azimuth_deg: float, elevation_deg: float) -> tuple[float, float, float]:
        a, e = radians(azimuth_deg), radians(elevation_deg)
        return cos(e) * sin(a), cos(e) * cos(a), sin(e)

    middle = vector(azimuth_deg, elevation_deg)
    for point in _circle(azimuth_deg, elevation_deg, radius_deg)[::20]:
        cosine = sum(a * b for a, b in zip(middle, vector(*point), strict=True))
        assert cosine == pytest.approx(cos(radians(radius_deg)), abs=1e-9)


def test_a_source_of_pairs_is_planned_without_a_key(plan: Run) -> None:
    code, out, err = plan("--scenario", "haps_two_laps", "--json", "-")
    assert code == 0
    answer = json.loads(out)
    assert answer["link"] is None
    assert "entangled pairs makes no key" in err
    for row in answer["rows"]:
        assert row["link"]["detected_rate_hz"] == row["link"]["sifted_bits"] == 0.0
        assert 15.0 < row["link"]["loss_db"] < 25.0
