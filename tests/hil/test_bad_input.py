"""Bad input through the real command: one clear line, exit code 2, nothing written."""

from pathlib import Path

import pytest
from flights import qsky, scenario_text

from terminal import cli

SCENARIO = scenario_text("leo_haps_downlink")
TLE_1 = "1 41731U 16051A   16353.90152003  .00000364  00000-0  17957-4 0  9993"

# What is wrong: (text, instead of it, what the message must name besides the file).
BROKEN = {
    "unknown key": ("secrecy: 1.0e-9", "secrecy: 1.0e-9\n    secrecie: 1", "security.secrecie"),
    "wrong type": ("pulse_rate_hz: 200.0e+6", "pulse_rate_hz: fast", "source.pulse_rate_hz"),
    "missing key": ("altitude_m: 20000.0", "", "track.altitude_m"),
    "wrong unit": (
        "full_divergence_rad: 33.0e-6",
        "full_divergence_rad: 33",
        "beam.full_divergence_rad",
    ),
    "duplicate key": ("seed: 1", "seed: 1\n  seed: 2", "world.seed"),
    "wrong sign": ("dead_time_s: 45.0e-9", "dead_time_s: -45.0e-9", "detectors.dead_time_s"),
    "boolean of another kind": ("seed: 1", "seed: on", "world.seed"),
    "no terminal of that name": ("terminal: haps", "terminal: hapz", "terminal"),
    "broken yaml": ("source:", "source: {", ""),
}

# The same for what only shows when the window is looked for.
BROKEN |= {
    "wrong checksum": (TLE_1, TLE_1[:-1] + "4", "mission.partner.tle"),
    "letter in the elements": (TLE_1, TLE_1.replace("16353.9", "16X53.9"), "mission.partner.tle"),
    "outside of the useful days": (
        "2016-12-17T21:38:11Z",
        "2017-01-17T21:38:11Z",
        "mission.window",
    ),
    "no pass": ("min_elevation_deg: 20.0", "min_elevation_deg: 89.9", "mission.window"),
    "no such day": ("2016-12-17T21:38:11Z", "2016-12-32T21:38:11Z", "mission.window"),
}


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):  # type: ignore[no-untyped-def]
    """Calls the command in this process; gives its line, after checking that it is one."""

    def refused(*arguments: str) -> str:
        monkeypatch.delenv("QSKY_TRACEBACK", raising=False)
        monkeypatch.setattr("sys.argv", ["qsky", "run", *arguments])
        with pytest.raises(SystemExit) as end:
            cli.main()
        output = capsys.readouterr()
        assert end.value.code == 2, output.err
        assert output.out == ""
        assert output.err.endswith("\n")
        lines = output.err.splitlines()
        assert len(lines) == 1, output.err
        assert lines[0].startswith("qsky: ")
        assert "internal error" not in lines[0]
        return lines[0]

    return refused


@pytest.mark.parametrize("what", BROKEN)
def test_a_broken_scenario_is_refused_by_file_and_key(what, run, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    wrong, instead, key = BROKEN[what]
    assert wrong in SCENARIO
    path, out = tmp_path / "scenario.yaml", tmp_path / "out"
    path.write_text(SCENARIO.replace(wrong, instead, 1))
    line = run(str(path), "--out", str(out))
    assert str(path) in line
    assert key in line
    assert not out.exists()


@pytest.mark.parametrize("name", ["leo_haps_downlynk", "nowhere/scenario.yaml", "", "."])
def test_an_unknown_scenario_is_refused_by_name(name, run, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    out = tmp_path / "out"
    assert name in run(name, "--out", str(out))
    assert not out.exists()


def test_a_misspelt_scenario_gets_a_hint(run, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    assert "leo_haps_downlink" in run("leo_haps_downlynk", "--out", str(tmp_path / "out"))


@pytest.mark.parametrize("duration", ["0", "-5", "nan", "inf", "1e-9", "long", ""])
def test_a_duration_that_is_none_is_refused(duration, run, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    out = tmp_path / "out"
    line = run("leo_haps_downlink", "--out", str(out), "--duration-s", duration)
    assert "--duration-s" in line
    assert not out.exists()


@pytest.mark.parametrize("seed", ["-1", "1.5", "one", "9" * 30])
def test_a_seed_that_is_none_is_refused(seed, run, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    out = tmp_path / "out"
    assert "--seed" in run("leo_haps_downlink", "--out", str(out), "--seed", seed)
    assert not out.exists()


def test_a_folder_under_a_file_cannot_be_written(run, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    """Root may write everywhere, but not here."""
    file = tmp_path / "file"
    file.write_text("kept")
    out = file / "out"
    line = run("leo_haps_downlink", "--out", str(out), "--duration-s", "1")
    assert "--out" in line
    assert str(out) in line
    assert file.read_text() == "kept"


@pytest.mark.parametrize("place", ["/proc/qsky", "/dev/null"])
def test_a_folder_that_no_one_may_make_cannot_be_written(place, run) -> None:  # type: ignore[no-untyped-def]
    assert place in run("leo_haps_downlink", "--out", place, "--duration-s", "1")


def test_a_recording_that_cannot_be_replaced_is_named(run, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    (tmp_path / "pass.mcap").mkdir()
    line = run("leo_haps_downlink", "--out", str(tmp_path), "--duration-s", "1")
    assert str(tmp_path / "pass.mcap") in line
    assert [path.name for path in tmp_path.iterdir()] == ["pass.mcap"]


def test_the_folder_must_be_given(run) -> None:  # type: ignore[no-untyped-def]
    assert "--out" in run("leo_haps_downlink")


def test_bad_input_stops_a_flight_in_real_time_as_well(run, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    path, out = tmp_path / "scenario.yaml", tmp_path / "out"
    path.write_text(SCENARIO.replace("seed: 1", "sead: 1"))
    assert "world.sead" in run(str(path), "--out", str(out), "--realtime")
    assert not out.exists()


def test_a_rate_that_cannot_be_flown_is_refused_before_anything_starts(run, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    path, out = tmp_path / "scenario.yaml", tmp_path / "out"
    path.write_text(SCENARIO + "realtime: {fine_hz: 333}\n")
    assert "realtime.fine_hz" in run(str(path), "--out", str(out), "--realtime")
    assert not out.exists()


def test_a_summary_without_a_folder_is_refused_before_the_flight(run, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    out, answer = tmp_path / "out", tmp_path / "nowhere" / "answer.json"
    assert "--json" in run("leo_haps_downlink", "--out", str(out), "--json", str(answer))
    assert not out.exists()


def test_the_installed_command_says_the_same(tmp_path: Path) -> None:
    out = tmp_path / "out"
    done = qsky("run", "leo_haps_downlynk", "--out", str(out))
    assert done.returncode == 2
    assert done.stdout == ""
    assert len(done.stderr.splitlines()) == 1
    assert not out.exists()
