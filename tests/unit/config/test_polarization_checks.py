"""The receiver's polarisation optics in a scenario: what does not fit is told, with its key."""

import math
from typing import Any

import pytest
from msgspec import structs

from config.loader import load_scenario
from config.polarization import Plate, Retarder
from config.polarization_checks import polarization_problems
from config.scenario import Scenario
from config.terminal import Device

FALLING = ((0.0, 4.0), (2.0, 3.0), (10.0, 0.1))


def scenario(name: str = "leo_haps_downlink", device: bool = False, **changes: Any) -> Scenario:
    loaded = load_scenario(name)
    terminal = loaded.terminal
    devices = {role: d for role, d in terminal.devices.items() if role != "retarder"}
    if device:
        devices["retarder"] = Device(driver="retarder_lcc25", url="inproc:")
    optics = structs.replace(terminal.polarization, **{"retarder": None, **changes})
    return structs.replace(
        loaded, terminal=structs.replace(terminal, devices=devices, polarization=optics)
    )


def keys(of: Scenario) -> list[str]:
    return [problem.key for problem in polarization_problems(of)]


def test_a_retarder_with_its_device_or_neither() -> None:
    retarder = Retarder(axis_rad=0.0, calibration=FALLING)
    assert keys(scenario()) == []
    assert keys(scenario(device=True, retarder=retarder)) == []
    assert keys(scenario(retarder=retarder)) == ["terminal.devices.retarder"]
    assert keys(scenario(device=True)) == ["terminal.polarization.retarder"]


@pytest.mark.parametrize(
    ("calibration", "hint"),
    [
        (((0.0, 4.0), (0.0, 3.0)), "drives must rise"),
        (((2.0, 4.0), (1.0, 3.0)), "drives must rise"),
        (((0.0, 4.0), (1.0, 3.0), (2.0, 3.5)), "rise, or fall"),
        (((0.0, 4.0), (1.0, 4.0)), "rise, or fall"),
        (((0.0, 230.0), (1.0, 10.0)), "degrees"),
    ],
)
def test_calibrations_that_are_none(calibration: Any, hint: str) -> None:
    told = polarization_problems(
        scenario(device=True, retarder=Retarder(axis_rad=0.0, calibration=calibration))
    )
    (problem,) = told
    assert problem.key == "terminal.polarization.retarder.calibration"
    assert hint in problem.text


@pytest.mark.parametrize(
    ("least", "most", "key"),
    [
        (None, None, None),
        (-0.5, math.pi, None),
        (1.0, None, "most_rad"),
        (None, 1.0, "least_rad"),
        (1.0, -1.0, "most_rad"),
        (1.0, 1.0, "most_rad"),
        (0.0, 0.25, "most_rad"),
    ],
)
def test_ends_of_the_plates_travel(
    least: float | None, most: float | None, key: str | None
) -> None:
    told = keys(scenario(plate=Plate(least_rad=least, most_rad=most)))
    assert told == ([f"terminal.polarization.plate.{key}"] if key else [])


def test_a_coude_path_needs_a_gimbal_of_two_axes() -> None:
    assert load_scenario("leo_haps_downlink").terminal.gimbal.roll_max_rad > 0.0
    assert keys(scenario(path="coude")) == ["terminal.polarization.path"]
    assert keys(scenario("leo_ground_downlink", path="coude")) == []


def test_mirrors_belong_to_a_coude_path() -> None:
    told = keys(scenario(fold_index=(0.04, 5.6)))
    assert told == ["terminal.polarization.fold_index"]
    ground = scenario("leo_ground_downlink", path="coude", fold_index=(0.0, 0.0))
    assert "terminal.polarization.fold_index" in keys(ground)
