"""The expander of the world: its true beam follows the stage's true place."""

import msgspec
import numpy as np
import pytest

from config.loader import load_scenario
from sim_devices.expander import TrueExpander
from sim_devices.expander_ell20 import Ell20Emulator
from sim_devices.expander_ld4i import Ld4iEmulator

CALIBRATION = ((0.0, 200e-6), (1e-3, 100e-6), (2e-3, 20e-6))


def test_the_beam_goes_with_the_stage() -> None:
    """60 mm/s from home to 1 mm: half of the way after 8.3 ms, and the line's 11.5 ms before."""
    stage = Ell20Emulator()
    expander = TrueExpander(stage, CALIBRATION, 1.1)
    assert expander.divergence_rad(0) == pytest.approx(1.1 * 200e-6)
    stage.receive(b"0ma00000400", 0)
    arrived_ns = round(11 * 10 / 9600 * 1e9)
    assert expander.divergence_rad(arrived_ns) == pytest.approx(1.1 * 200e-6, rel=1e-3)
    half_ns = arrived_ns + round(0.5e-3 / 0.06 * 1e9)
    assert expander.divergence_rad(half_ns) == pytest.approx(1.1 * 150e-6, rel=1e-3)
    assert expander.divergence_rad(1_000_000_000) == pytest.approx(1.1 * 100e-6, rel=1e-6)


def test_the_scale_is_drawn_from_its_sigma() -> None:
    scenario = load_scenario("leo_haps_uplink")
    assert scenario.terminal.divergence is not None
    home_rad = scenario.terminal.divergence.calibration[0][1]
    ratios = []
    for seed in range(200):
        expander = TrueExpander.of(scenario, seed)
        assert expander is not None
        ratios.append(expander.divergence_rad(0) / home_rad - 1.0)
    sigma = scenario.world.expander.calibration_error
    # Of 200 draws: the standard error of the mean is 7 % of sigma, of the spread 5 %.
    assert np.mean(ratios) == pytest.approx(0.0, abs=0.3 * sigma)
    assert np.std(ratios) == pytest.approx(sigma, rel=0.2)


def test_the_device_is_that_of_the_terminal() -> None:
    scenario = load_scenario("leo_haps_uplink")
    devices = dict(scenario.terminal.devices)
    lens = msgspec.structs.replace(devices["expander"], driver="expander_ld4i")
    terminal = msgspec.structs.replace(scenario.terminal, devices={**devices, "expander": lens})
    other = msgspec.structs.replace(scenario, terminal=terminal)
    of_lens, of_stage = TrueExpander.of(other, 1), TrueExpander.of(scenario, 1)
    assert of_lens is not None
    assert of_stage is not None
    assert isinstance(of_lens.emulator, Ld4iEmulator)
    assert isinstance(of_stage.emulator, Ell20Emulator)
    assert TrueExpander.of(load_scenario("leo_ground_uplink"), 1) is None
