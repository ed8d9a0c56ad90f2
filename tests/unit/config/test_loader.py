"""Loading: every complaint names the file, the key and the line, and says what to do."""

import contextlib
import re
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from minimal_scenario import as_yaml, drop, minimal, put, terminal

from config import loader
from config.errors import InputError
from config.loader import ConfigError, load_scenario, scenario_names
from config.mission import SatellitePartner
from config.scenario import Scenario


@pytest.fixture
def write(tmp_path: Path) -> Any:
    def write(data: dict[str, Any] | str) -> str:
        path = tmp_path / "scenario.yaml"
        path.write_text(data if isinstance(data, str) else as_yaml(data), encoding="utf-8")
        return str(path)

    return write


def complaint(path: str) -> str:
    with pytest.raises(ConfigError) as caught:
        load_scenario(path)
    assert isinstance(caught.value, InputError)
    message = str(caught.value)
    assert message.isprintable()
    return message


def line_of(path: str, text: str) -> int:
    """Number of the only line that starts with this text, indentation apart."""
    lines = Path(path).read_text().splitlines()
    (number,) = [i for i, line in enumerate(lines, 1) if line.strip().startswith(text)]
    return number


def test_reads_the_minimal_scenario(write: Any) -> None:
    scenario = load_scenario(write(minimal()))
    assert isinstance(scenario, Scenario)
    assert scenario.mission.beam.full_divergence_rad == 33e-6
    assert isinstance(scenario.mission.partner, SatellitePartner)
    assert scenario.world.faults[0].at_s == 100.0
    # Nothing is lost on the way: as plain data it is what was written, defaults apart.
    assert msgspec.convert(minimal(), Scenario) == scenario


def test_all_scenarios_of_the_package_load() -> None:
    for name in scenario_names():
        assert load_scenario(name).name == name


@pytest.mark.parametrize(
    ("key", "value", "says"),
    [
        ("terminal.fine.gain", 3, "expected number < 2.0, found 3"),
        ("terminal.fine.gain", "fast", "expected number, found 'fast'"),
        ("terminal.fine.gain", True, "expected number, found True"),
        ("terminal.rates.fine_hz", 5000.5, "expected whole number, found 5000.5"),
        ("terminal.rates.fine_hz", 0, "expected whole number >= 1, found 0"),
        ("mission.source.wavelength_m", 810, "found 810: is this in nm?"),
        ("mission.earth.ut1_minus_utc_s", -400, "expected number >= -0.9"),
        ("world.platform.residual", "silex", "'silex' is not known: did you mean esa_silex?"),
        ("world.platform.residual", "zzz", "known are aircraft, drone, esa_lines, esa_silex, haps"),
        ("mission.partner.kind", "satelite", "did you mean satellite?"),
        ("mission.window", 3, "expected mapping, found 3"),
        ("mission.partner.tle", ["1 41731U"], "expected list of length 2"),
        ("name", "../../etc/passwd", "matching regex"),
    ],
)
def test_wrong_values(write: Any, key: str, value: object, says: str) -> None:
    path = write(put(minimal(), key, value))
    message = complaint(path)
    assert re.match(rf"{re.escape(path)}:\d+: {re.escape(key)}: ", message), message
    assert says in message


def test_values_inside_lists_and_dicts_are_named(write: Any) -> None:
    path = write(put(minimal(), "world.faults.0.kind", "beacon_of"))
    message = complaint(path)
    assert f"{path}:{line_of(path, '- kind: beacon_of')}: world.faults[0].kind: " in message
    assert "did you mean beacon_off?" in message
    path = write(put(minimal(), "mission.source.intensities.1", -0.1))
    assert "mission.source.intensities[1]: expected number > 0.0, found -0.1" in complaint(path)
    # msgspec itself does not say which device, nor which option.
    data = put(minimal(), "terminal.devices.quad.options.offsets", [1.0, "a"])
    path = write(data)
    message = complaint(path)
    assert f"{path}:{line_of(path, '- a')}: terminal.devices.quad.options.offsets[1]: " in message
    path = write(put(minimal(), "terminal.devices.laser.url", 8))
    assert "terminal.devices.laser.url: expected text, found 8" in complaint(path)
    path = write(put(minimal(), "terminal.devices.Gimbal", {"driver": "a", "url": "b"}))
    assert "terminal.devices.Gimbal: expected text matching" in complaint(path)


@pytest.mark.parametrize(
    ("key", "near"),
    [
        ("terminal.fine.gian", "did you mean gain?"),
        ("terminal.fnie", "did you mean fine?"),
        ("terminal.devices.gimbal.drivers", "did you mean driver?"),
        ("mission.partner.useful_day", "did you mean useful_days?"),
        ("mission.window.duration", "did you mean duration_s?"),
        ("world.sead", "did you mean seed?"),
        ("zzzzz", "known are name, description, mission"),
    ],
)
def test_unknown_keys_with_the_nearest_known(write: Any, key: str, near: str) -> None:
    path = write(put(minimal(), key, 1))
    message = complaint(path)
    line = line_of(path, key.split(".")[-1] + ": 1")
    assert message.startswith(f"{path}:{line}: {key}: unknown key: {near}")


@pytest.mark.parametrize("key", ["mission.beam", "terminal.fine.gain", "mission.window.kind"])
def test_missing_keys(write: Any, key: str) -> None:
    path = write(drop(minimal(), key))
    assert re.match(rf"{re.escape(path)}:\d+: {re.escape(key)}: missing", complaint(path))


def test_cross_checks_name_file_line_and_key(write: Any) -> None:
    path = write(put(minimal(), "mission.beam.full_divergence_rad", 33))
    line = line_of(path, "full_divergence_rad: 33")
    assert complaint(path).startswith(f"{path}:{line}: mission.beam.full_divergence_rad: 33 is ")


def test_names_and_paths(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(loader, "SCENARIOS", tmp_path)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "good_pass.yaml").write_text(as_yaml(minimal()))
    assert scenario_names() == ["good_pass"]
    assert load_scenario("good_pass") == load_scenario(str(tmp_path / "good_pass.yaml"))
    assert "good_pas: no such file, and no scenario of this name: did you mean good_pass?" in (
        complaint("good_pas")
    )
    assert "No such file" in complaint("elsewhere/good_pass.yaml")
    (tmp_path / "folder").mkdir()
    assert "folder: is no regular file" in complaint("folder")
    with pytest.raises(ConfigError):
        load_scenario("")
    with pytest.raises(ConfigError):
        load_scenario("a\0b")


def test_profiles(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, write: Any) -> None:
    profiles = tmp_path / "profiles"
    profiles.mkdir()
    monkeypatch.setattr(loader, "PROFILES", profiles)
    haps = profiles / "haps.yaml"
    haps.write_text(as_yaml(terminal()))
    path = write(put(minimal(), "terminal", "haps"))
    assert load_scenario(path) == msgspec.convert(minimal(), Scenario)

    haps.write_text(as_yaml(put(terminal(), "fine.gain", 3)))
    line = line_of(str(haps), "gain: 3")
    assert complaint(path).startswith(f"{haps}:{line}: terminal.fine.gain: expected number < 2.0")
    haps.write_text(as_yaml(put(terminal(), "optics.aperture_m", 150)))
    line = line_of(str(haps), "aperture_m")
    assert complaint(path).startswith(f"{haps}:{line}: terminal.optics.aperture_m: 150 is outside")
    haps.write_text(as_yaml(drop(terminal(), "fine")))
    assert complaint(path).startswith(f"{haps}:1: terminal.fine: missing")
    haps.write_text("a: 1\na: 2\n")
    assert complaint(path).startswith(f"{haps}:2: a: duplicate")

    path = write(put(minimal(), "terminal", "hasp"))
    line = line_of(path, "terminal: hasp")
    assert complaint(path).startswith(f"{path}:{line}: terminal: no profile 'hasp': did you mean")
    path = write(put(minimal(), "terminal", "../profiles/haps"))
    assert "no profile" in complaint(path)


unhurried = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)


@unhurried
@given(st.binary(max_size=200))
def test_any_bytes_are_refused_in_one_line(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "scenario.yaml"
    path.write_bytes(data)
    complaint(str(path))


def paths_of(data: Any) -> list[list[str | int]]:
    """Every path into nested dicts and lists."""
    if isinstance(data, dict):
        items: list[tuple[Any, Any]] = list(data.items())
    elif isinstance(data, list):
        items = list(enumerate(data))
    else:
        return []
    return [[key, *rest] for key, value in items for rest in [[], *paths_of(value)]]


anything = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False)
    | st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["kind", "driver", "url", "a"]), inner, max_size=3)
    ),
    max_leaves=5,
)


@unhurried
@given(st.sampled_from(paths_of(minimal())), anything)
def test_any_value_anywhere_is_taken_or_refused(
    tmp_path: Path, where: list[str | int], value: object
) -> None:
    data = put(minimal(), ".".join(str(key) for key in where), value)
    path = tmp_path / "scenario.yaml"
    path.write_text(as_yaml(data))
    with contextlib.suppress(ConfigError):
        load_scenario(str(path))


def test_based_on_takes_what_is_left_out_from_another_scenario(write: Any) -> None:
    base = load_scenario("leo_haps_downlink")
    scenario = load_scenario(
        write(
            {
                "name": "mine",
                "based_on": "leo_haps_downlink",
                "mission": {
                    "track": {"latitude_deg": 40.0},
                    "window": {
                        "kind": "fixed",
                        "start_utc": "2016-12-19T15:17:00Z",
                        "duration_s": 60.0,
                    },
                },
                "terminal": {"mounting": {"lever_arm_m": [1.0, 0.0, 0.0]}},
            }
        )
    )
    assert scenario.name == "mine"
    assert scenario.mission.track.latitude_deg == 40.0
    assert scenario.mission.track.longitude_deg == base.mission.track.longitude_deg
    assert scenario.mission.window.duration_s == 60.0  # type: ignore[union-attr]
    assert scenario.terminal.mounting.lever_arm_m == (1.0, 0.0, 0.0)
    assert scenario.terminal.mounting.sigma_rad == base.terminal.mounting.sigma_rad
    assert scenario.terminal.optics == base.terminal.optics
    assert scenario.world == base.world


def test_based_on_with_a_profile_takes_the_whole_profile(write: Any) -> None:
    scenario = load_scenario(
        write({"name": "mine", "based_on": "leo_haps_downlink", "terminal": "laps"})
    )
    assert scenario.terminal == load_scenario("leo_laps_downlink").terminal


@pytest.mark.parametrize("name", ["leo_haps_downlonk", 7, ["a"]])
def test_based_on_what_is_not_there_is_refused(write: Any, name: Any) -> None:
    path = write({"name": "mine", "based_on": name})
    assert "based_on: no scenario" in complaint(path)


def test_a_wrong_key_over_a_base_is_found_in_the_file_that_has_it(write: Any) -> None:
    path = write(
        {"name": "mine", "based_on": "leo_haps_downlink", "mission": {"track": {"speed_kt": 3.0}}}
    )
    assert "scenario.yaml" in complaint(path)
    assert "speed_kt" in complaint(path)


def test_scenarios_based_on_each_other_are_refused(tmp_path: Path, monkeypatch: Any) -> None:
    for name, other in (("one", "two"), ("two", "one")):
        (tmp_path / f"{name}.yaml").write_text(f"name: {name}\nbased_on: {other}\n")
    monkeypatch.setattr(loader, "SCENARIOS", tmp_path)
    assert "circle" in complaint("one")
