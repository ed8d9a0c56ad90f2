"""Aim and refraction of a scenario: what cannot be flown is refused, key by key."""

from typing import Any

import msgspec
import pytest
from minimal_scenario import minimal, put

from config.aim_checks import AIR_WAVELENGTHS_M, LARGEST_DISPERSION_RAD
from config.problem import Problem
from config.scenario import Scenario
from config.terminal import LARGEST_AIM_SPOTS
from config.validation import find_problems
from terminal.geometry.lift import Lift
from terminal.geometry.refraction import RefractionError, refractivity

RECEIVER = {
    "aperture_m": 0.15,
    "transmittance": 0.5,
    "detector_efficiency": 0.6,
    "field_of_view_rad": 50e-6,
    "filter_bandwidth_m": 1e-9,
    "gate_half_width_s": 0.6e-9,
}


def problems(data: dict[str, Any]) -> list[Problem]:
    return list(find_problems(msgspec.convert(data, Scenario)))


def by_tracking_point(direction: str) -> dict[str, Any]:
    data = put(minimal(), "terminal.optics.point_ahead", "tracking_point")
    data = put(data, "terminal.optics.quad_spot_rad", 150e-6)
    if direction == "uplink":
        data = put(put(data, "mission.direction", direction), "mission.receiver", RECEIVER)
    return data


def test_a_tracking_point_is_for_who_sends_alone() -> None:
    """The boresight that leads a sender's beam would turn a receiver off its signal."""
    assert problems(by_tracking_point("uplink")) == []
    (problem,) = problems(by_tracking_point("downlink"))
    assert problem.key == "terminal.optics.point_ahead"
    assert "use mirror" in problem.text


def test_the_mirror_reaches_as_far_as_an_orbit_needs() -> None:
    """2 v / c: 52 urad at 7.8 km/s, and 3 for the ground that may turn against it."""

    def with_stroke(stroke_rad: float) -> dict[str, Any]:
        data = put(minimal(), "terminal.optics.point_ahead_stroke_rad", stroke_rad)
        key = "terminal.devices.point_ahead.options"
        return put(data, key, {"counts_per_rad": 32767 / stroke_rad})

    assert problems(with_stroke(56e-6)) == []
    (problem,) = problems(with_stroke(52e-6))
    assert problem.key == "terminal.optics.point_ahead_stroke_rad"
    assert "5.5e-05 rad" in problem.text
    # The air adds what it spreads signal and beacon.
    (bent,) = problems(put(with_stroke(56e-6), "mission.refraction", True))
    assert bent.key == problem.key
    assert "5.9e-05 rad" in bent.text
    # Two platforms hardly lead each other.
    platforms = with_stroke(1e-6)
    track = {**platforms["mission"]["track"], "speed_m_s": 50.0}
    platforms["mission"]["partner"] = {"kind": "platform", "name": "drone", "track": track}
    assert problems(platforms) == []


def test_the_spot_holds_what_it_is_asked_to() -> None:
    narrow = put(by_tracking_point("uplink"), "terminal.optics.quad_spot_rad", 109e-6)
    (problem,) = problems(narrow)
    assert problem.key == "terminal.optics.quad_spot_rad"
    assert "5.5e-05 rad" in problem.text
    assert problems(put(narrow, "terminal.optics.quad_spot_rad", 55.5e-6 / LARGEST_AIM_SPOTS)) == []
    # A receiver holds the beacon beside its signal by what the air spreads them.
    receiver = put(
        put(minimal(), "mission.refraction", True), "terminal.optics.quad_spot_rad", 3e-5
    )
    (problem,) = problems(receiver)
    assert problem.key == "terminal.optics.quad_spot_rad"
    assert problems(put(receiver, "mission.refraction", False)) == []


def test_the_largest_dispersion_is_that_of_the_air() -> None:
    """From sea level, with the rays that fly."""
    signal, beacon = (Lift(0.0, 6.37e6, 500e3, length_m) for length_m in (810e-9, 1550e-9))
    five_degrees = 0.0873
    spread_rad = signal.rad(five_degrees) - beacon.rad(five_degrees)
    assert 0.7 * LARGEST_DISPERSION_RAD < spread_rad < LARGEST_DISPERSION_RAD


def test_refraction_is_for_a_partner_beyond_the_air() -> None:
    data = put(minimal(), "mission.refraction", True)
    assert problems(data) == []
    data["mission"]["partner"] = {
        "kind": "platform",
        "name": "drone",
        "track": {**data["mission"]["track"], "altitude_m": 1000.0},
    }
    (problem,) = problems(data)
    assert problem.key == "mission.refraction"
    assert "platform" in problem.text


@pytest.mark.parametrize(
    "key", ["mission.source.wavelength_m", "terminal.optics.beacon_wavelength_m"]
)
def test_refraction_is_for_colours_whose_bending_is_known(key: str) -> None:
    plain = put(minimal(), key, 1.8e-6)
    assert problems(plain) == []
    (problem,) = problems(put(plain, "mission.refraction", True))
    assert problem.key == key
    assert "mission.refraction" in problem.text


def test_those_colours_are_the_ones_that_refraction_takes() -> None:
    low_m, high_m = AIR_WAVELENGTHS_M
    assert refractivity(low_m) > refractivity(high_m) > 0.0
    for length_m in (0.999 * low_m, 1.001 * high_m):
        with pytest.raises(RefractionError):
            refractivity(length_m)
