"""The beam expander in a scenario: what does not fit is told."""

import msgspec
import pytest

from config.divergence import Divergence
from config.divergence_checks import divergence_problems
from config.loader import load_scenario
from config.scenario import Scenario

GOOD = ((0.0, 200e-6), (2.5e-3, 13e-6))


def scenario(name: str, divergence: Divergence | None, device: bool = True) -> Scenario:
    loaded = load_scenario(name)
    devices = dict(loaded.terminal.devices)
    if not device:
        devices.pop("expander", None)
    terminal = msgspec.structs.replace(loaded.terminal, divergence=divergence, devices=devices)
    return msgspec.structs.replace(loaded, terminal=terminal)


def told(scenario: Scenario) -> list[tuple[str, str]]:
    return [(problem.key, problem.text) for problem in divergence_problems(scenario)]


def test_with_both_or_with_neither() -> None:
    assert told(scenario("leo_haps_uplink", Divergence(calibration=GOOD))) == []
    assert told(scenario("leo_haps_uplink", None, device=False)) == []
    assert told(load_scenario("leo_ground_uplink")) == []
    ((key, _),) = told(scenario("leo_haps_uplink", None))
    assert key == "terminal.divergence"
    ((key, _),) = told(scenario("leo_haps_uplink", Divergence(calibration=GOOD), device=False))
    assert key == "terminal.devices.expander"


@pytest.mark.parametrize(
    ("calibration", "hint"),
    [
        (((1.0, 2e-5), (0.0, 1e-5)), "positions must rise"),
        (((0.0, 2e-5), (1.0, 1e-5), (2.0, 3e-5)), "must rise, or fall"),
        (((0.0, 200.0), (1.0, 13.0)), "are they in urad?"),
    ],
)
def test_calibrations_that_are_none(
    calibration: tuple[tuple[float, float], ...], hint: str
) -> None:
    ((key, text),) = told(scenario("leo_haps_downlink", Divergence(calibration=calibration)))
    assert key == "terminal.divergence.calibration"
    assert hint in text


def test_a_fixed_width_has_to_be_in_reach() -> None:
    narrow = ((0.0, 12e-6), (1.0, 10e-6))
    ((key, text),) = told(
        scenario("leo_haps_uplink", Divergence(calibration=narrow, policy="fixed"))
    )
    assert key == "mission.beam.full_divergence_rad"
    assert "1.5e-05 is beyond" in text
    assert told(scenario("leo_haps_uplink", Divergence(calibration=narrow))) == []
    fixed = Divergence(calibration=narrow, policy="fixed")
    assert told(scenario("leo_haps_downlink", fixed)) == []
