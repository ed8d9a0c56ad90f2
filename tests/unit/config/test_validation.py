"""Cross-field checks: the good scenario has no problem, each bad one exactly the expected one."""

from typing import Any

import msgspec
import pytest
from minimal_scenario import ROLES, drop, minimal, put

from config.ranges import RANGES
from config.scenario import Scenario
from config.validation import DEVICE_ROLES, OPTIONAL_ROLES, Problem, find_problems
from terminal.devices import Devices


def problems(data: dict[str, Any]) -> list[Problem]:
    return list(find_problems(msgspec.convert(data, Scenario)))


def platform_partner() -> dict[str, Any]:
    data = minimal()
    track = {**data["mission"]["track"], "altitude_m": 1000.0}
    data["mission"]["partner"] = {"kind": "platform", "name": "drone", "track": track}
    return data


def test_good_scenarios_have_no_problem() -> None:
    assert problems(minimal()) == []
    assert problems(platform_partner()) == []


def test_roles_are_those_that_the_terminal_opens() -> None:
    assert set(DEVICE_ROLES) == set(ROLES)
    assert {*DEVICE_ROLES, *OPTIONAL_ROLES} == set(Devices._fields)


@pytest.mark.parametrize(
    ("key", "value", "hint"),
    [
        ("mission.source.intensities", [0.1, 0.8, 0.0], "must fall"),
        ("mission.source.intensities", [0.8, 0.8, 0.0], "must fall"),
        ("mission.source.intensities", [0.8, 0.1, 0.2], "must fall"),
        ("mission.source.intensities", [0.5, 0.4, 0.2], "exceed decoy + vacuum"),
        ("mission.source.intensity_probabilities", [0.5, 0.25, 0.250001], "sum to 1"),
        ("mission.source.pattern_length", 1_000_000, "take 524288 or 1048576"),
        ("terminal.rates.coarse_hz", 300, "5000 must be a multiple"),
        ("terminal.rates.link_hz", 10_000, "5000 must be a multiple"),
        ("world.detectors.channel_delay_s", 0.5e-9, "under a tenth of a slot, 5e-10 s"),
        ("terminal.timing.gate_half_width_s", 2.5e-9, "under half a slot, 2.5e-09 s"),
        (
            "terminal.timing.gate_least_half_width_s",
            1.5e-9,
            "not be above gate_half_width_s, 1e-09",
        ),
        ("terminal.devices.gimball", {"driver": "a", "url": "b"}, "did you mean gimbal?"),
        ("mission.track.latitude_deg", 89.5, "pole"),
        ("mission.track.radius_m", 3.0, "is this in km?"),
        ("mission.window.start_utc", "tomorrow", "2026-06-21T22:15:00Z"),
        ("mission.window.start_utc", "2026-13-01T00:00:00Z", "is no time"),
        ("mission.window.start_utc", "2026-06-21T22:15:00+02:00", "not UTC"),
    ],
)
def test_fields_that_do_not_fit(key: str, value: object, hint: str) -> None:
    (problem,) = problems(put(minimal(), key, value))
    assert problem.key == key
    assert hint in problem.text


def of_pairs() -> dict[str, Any]:
    data = minimal()
    data["mission"]["source"]["pairs"] = {
        "mean_pairs_per_slot": 0.02,
        "fidelity": 0.98,
        "second_track": {**data["mission"]["track"]},
    }
    return data


def test_a_source_of_pairs_feeds_two_terminals_from_above() -> None:
    assert problems(of_pairs()) == []
    turned = put(of_pairs(), "terminal.polarization.turns_rad", [0.0, 0.39])
    assert problems(turned) == []
    far = put(of_pairs(), "mission.source.pairs.second_track.latitude_deg", 89.5)
    (problem,) = problems(far)
    assert problem.key == "mission.source.pairs.second_track.latitude_deg"
    uplink = put(of_pairs(), "mission.direction", "uplink")
    uplink["mission"]["receiver"] = {
        "aperture_m": 0.3,
        "transmittance": 0.5,
        "detector_efficiency": 0.5,
        "field_of_view_rad": 5e-5,
        "filter_bandwidth_m": 1e-9,
        "gate_half_width_s": 5e-10,
    }
    assert "mission.source.pairs" in [p.key for p in problems(uplink)]


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("mean_pairs_per_slot", 0.0),
        ("mean_pairs_per_slot", 1.5),
        ("fidelity", 0.2),
        ("fidelity", 1.1),
    ],
)
def test_pairs_that_cannot_be(key: str, value: float) -> None:
    with pytest.raises(msgspec.ValidationError, match=key):
        problems(put(of_pairs(), f"mission.source.pairs.{key}", value))


def test_an_analyser_turned_on_purpose_makes_no_key() -> None:
    (problem,) = problems(put(minimal(), "terminal.polarization.turns_rad", [0.0, 0.39]))
    assert problem.key == "terminal.polarization.turns_rad"
    assert "mission.source.pairs" in problem.text


@pytest.mark.parametrize("role", ["mirror", "point_ahead"])
def test_the_scale_of_a_mirror_fits_its_stroke(role: str) -> None:
    key = f"terminal.devices.{role}.options"
    data = put(minimal(), f"terminal.optics.{role}_stroke_rad", 1e-3)
    assert problems(put(data, key, {"counts_per_rad": 32.767e6})) == []
    (problem,) = problems(put(data, key, {"counts_per_rad": 16.0e6}))
    assert problem.key == f"{key}.counts_per_rad"
    assert "write 3.2767e+07" in problem.text


@pytest.mark.parametrize(("role", "loop"), [("quad", "fine_hz"), ("navigation", "pointing_hz")])
def test_a_device_streams_at_the_rate_of_its_loop(role: str, loop: str) -> None:
    data = minimal()
    rate_hz = data["terminal"]["rates"][loop]
    key = f"terminal.devices.{role}.options"
    assert problems(put(data, key, {"rate_hz": rate_hz})) == []
    (problem,) = problems(put(minimal(), key, {"rate_hz": 2 * rate_hz}))
    assert problem.key == f"{key}.rate_hz"
    assert f"write {rate_hz}" in problem.text


SEARCH = {
    "begins": "stare",
    "pointing_error_rad": 4e-3,
    "beacon_divergence_rad": 5e-3,
    "field_rad": 20e-3,
}
RECEIVER = {
    "aperture_m": 0.15,
    "transmittance": 0.5,
    "detector_efficiency": 0.6,
    "field_of_view_rad": 50e-6,
    "filter_bandwidth_m": 1e-9,
    "gate_half_width_s": 0.6e-9,
}


def test_an_uplink_and_only_an_uplink_has_a_receiver() -> None:
    uplink = put(minimal(), "mission.direction", "uplink")
    both = put(uplink, "mission.receiver", RECEIVER)
    assert problems(both) == []
    choosing = put(both, "mission.security.least_track_quality", "good")
    assert [p.key for p in problems(choosing)] == ["mission.security.least_track_quality"]
    (missing,) = problems(put(minimal(), "mission.direction", "uplink"))
    assert missing.key == "mission.receiver"
    assert "missing" in missing.text
    (idle,) = problems(put(minimal(), "mission.receiver", RECEIVER))
    assert idle.key == "mission.receiver"
    assert "mission.direction" in idle.text


@pytest.mark.parametrize(
    ("name", "value", "hint"),
    [
        ("gate_half_width_s", 2.5e-9, "under half a slot, 2.5e-09 s"),
        ("aperture_m", 150, "is this in mm?"),
        ("field_of_view_rad", 50, "is this in urad?"),
        ("filter_bandwidth_m", 1, "is this in nm?"),
    ],
)
def test_the_receiver_of_an_uplink_is_checked(name: str, value: float, hint: str) -> None:
    data = put(minimal(), "mission.direction", "uplink")
    (problem,) = problems(put(data, "mission.receiver", {**RECEIVER, name: value}))
    assert problem.key == f"mission.receiver.{name}"
    assert hint in problem.text


def test_probabilities_may_miss_one_by_rounding() -> None:
    assert problems(put(minimal(), "mission.source.intensity_probabilities", [0.7, 0.2, 0.1])) == []


@pytest.mark.parametrize("role", DEVICE_ROLES)
def test_missing_devices(role: str) -> None:
    (problem,) = problems(drop(minimal(), f"terminal.devices.{role}"))
    assert problem == Problem(f"terminal.devices.{role}", problem.text)
    assert "missing" in problem.text


def test_a_best_pass_needs_a_satellite() -> None:
    window = {
        "kind": "best_pass",
        "search_start_utc": "2016-12-19T00:00:00",
        "search_days": 1,
        "min_elevation_deg": 20,
    }
    assert problems(put(minimal(), "mission.window", window)) == []
    (problem,) = problems(put(platform_partner(), "mission.window", window))
    assert problem.key == "mission.window.kind"
    late = put(minimal(), "mission.window", {**window, "search_start_utc": "soon"})
    (problem,) = problems(late)
    assert problem.key == "mission.window.search_start_utc"


def test_faults_lie_inside_the_window() -> None:
    (problem,) = problems(put(minimal(), "world.faults.0.at_s", 300.0))
    assert problem.key == "world.faults[0].at_s"
    assert "end of the window (300 s)" in problem.text


def test_the_partners_track_is_checked_too() -> None:
    (problem,) = problems(put(platform_partner(), "mission.partner.track.latitude_deg", -89.9))
    assert problem.key == "mission.partner.track.latitude_deg"


@pytest.mark.parametrize(
    ("key", "value", "unit"),
    [
        ("mission.beam.full_divergence_rad", 33, "urad"),
        ("mission.source.pulse_rate_hz", 200, "MHz"),
        ("mission.track.altitude_m", 65_600, "feet"),
        ("terminal.optics.aperture_m", 150, "mm"),
        ("terminal.optics.field_of_view_rad", 50, "urad"),
        ("terminal.optics.filter_bandwidth_m", 1, "nm"),
        ("terminal.fine.settled_rad", 20, "urad"),
        ("terminal.safety.gimbal_max_age_s", 100, "ms"),
        ("world.partner.jitter_rad", 3.3, "urad"),
        ("world.detectors.dead_time_s", 50, "ns or us"),
        ("world.detectors.jitter_s", 200, "ps or ns"),
        ("world.polarization.retardance_rad", 30, "degrees"),
    ],
)
def test_wrong_units(key: str, value: float, unit: str) -> None:
    problem = problems(put(minimal(), key, value))[0]
    assert problem.key == key
    assert f"is this in {unit}?" in problem.text


def test_wrong_unit_inside_a_tuple() -> None:
    (problem,) = problems(put(minimal(), "terminal.mounting.rotation_vector_rad", [0.0, 0.0, 90.0]))
    assert problem.key == "terminal.mounting.rotation_vector_rad[2]"
    assert "degrees" in problem.text


@pytest.mark.parametrize("limit", RANGES, ids=lambda limit: limit.key)
def test_every_range_belongs_to_a_field(limit: Any) -> None:
    # A field that was renamed would go unchecked without a word.
    data = platform_partner() if "partner.track" in limit.key else minimal()
    if limit.key.startswith("mission.source.pairs."):
        data = of_pairs()
    if limit.key.startswith("mission.receiver."):
        data = put(put(data, "mission.direction", "uplink"), "mission.receiver", RECEIVER)
    if limit.key.startswith("terminal.divergence."):
        data = put(data, "terminal.divergence", {"calibration": [[0.0, 2e-4], [1e-3, 2e-5]]})
    if limit.key.startswith("world.partner.search."):
        data = put(data, "world.partner.search", SEARCH)
    if limit.key.startswith("terminal.sifting."):
        data = put(data, "terminal.sifting", {"good_fine_rms_rad": 6e-6})
    value: object = msgspec.convert(data, Scenario)
    for name in limit.key.split("."):
        value = getattr(value, name)
    assert isinstance(value, int | float | tuple)
    assert limit.low < limit.high
