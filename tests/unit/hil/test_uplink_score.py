"""An uplink judged: what the terminal was told of, the receiver's gate, our own pointing error."""

import math
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from msgspec import structs

from config.loader import load_scenario
from config.scenario import Scenario
from hil.expected import Bins, expected_key
from hil.score import LinkBin, Scorer, SquareSum
from hil.summary import expectation
from sim_devices.detectors import NO_DELAY
from sim_devices.light import BlockTruth
from terminal.bus import Bus
from terminal.fields import NO_I64S, NO_U8S
from terminal.messages import ModesCommand, ModesSample
from terminal.mode import Mode
from terminal.quantum_messages import LinkCommand, LinkSample

SCENARIO = load_scenario("leo_haps_uplink")
MISSION = SCENARIO.mission
RECEIVER = MISSION.receiver
assert RECEIVER is not None
START_NS = 10**18
RANGE_M, ELEVATION_RAD = 700e3, 0.8


def _block(index: int) -> BlockTruth:
    """A tenth of a second in which every photon shows its state."""
    matrix = np.diag([0.7, 0.7, 0.3, 0.3])
    none = np.empty(0, np.int64)
    start_s = 0.1 * index
    return BlockTruth(start_s, start_s + 0.1, none, none, (1e-4, 2e-5, 0.0), 2e7, matrix, 0.0)


class _World:
    """What the scorer reads of a world with an uplink."""

    def __init__(self) -> None:
        self.fine_errors: list[Any] = []
        self.plant = SimpleNamespace(seen_rad=(0.0, 0.0))
        self.channel = SimpleNamespace(blocks=[], channel_delay_s=NO_DELAY)
        self.uplink = SimpleNamespace(blocks=[])
        t_s = np.arange(0.0, 20.0, 0.01)
        self.los = SimpleNamespace(
            t_s=t_s,
            range_m=np.full(len(t_s), RANGE_M),
            elevation_rad=np.full(len(t_s), ELEVATION_RAD),
        )


WIDTH_RAD = 15.0e-6
"""Of the mission's beam."""


class _Run:
    def __init__(self, scenario: Scenario = SCENARIO) -> None:
        self.bus, self.world = Bus(), _World()
        self.width_rad = WIDTH_RAD
        self.scorer = Scorer(scenario, self.world, self.bus, START_NS)  # type: ignore[arg-type]
        sample = ModesSample(*[0] * len(ModesSample._fields))
        self.bus.modes.push(sample, ModesCommand(mode=Mode.LINK))

    def told_until(self, t_s: float) -> None:
        sample = LinkSample(0, NO_I64S, NO_U8S, NO_I64S, NO_I64S, NO_U8S, NO_U8S, NO_U8S)
        told_ns = START_NS + round(t_s * 1e9)
        self.bus.link.push(sample, LinkCommand(tallied_until_ns=told_ns))

    def step(self, t_s: float, error_rad: tuple[float, float] = (0.0, 0.0)) -> None:
        self.world.fine_errors = [(np.full(5, error_rad[0]), np.full(5, error_rad[1]))]
        truth = SimpleNamespace(
            t_ns=START_NS + round(t_s * 1e9),
            point_ahead_error_x_rad=2e-6,
            point_ahead_error_y_rad=0.0,
            polarization_error_rad=0.0,
            phase_error_rad=0.0,
            phase_correctable_rad=0.0,
            path_phase_rad=0.0,
            frame_angle_rad=0.0,
            contrast_x=1.0,
            contrast_z=1.0,
            divergence_rad=self.width_rad,
        )
        self.scorer.grid_step(truth.t_ns, [truth])  # type: ignore[list-item]


def test_blocks_count_once_the_terminal_was_told_of_them() -> None:
    run = _Run()
    run.world.uplink.blocks = [_block(i) for i in range(5)]
    run.step(0.5)
    assert run.scorer.slots_in_link == 0
    run.told_until(0.3)
    run.step(0.6)
    assert run.scorer.slots_in_link == 3 * 2e7
    gate_s = RECEIVER.gate_half_width_s
    assert run.scorer.link_bins == [
        pytest.approx(LinkBin(0.1 * i + 0.05, 0.1, gate_s)) for i in range(3)
    ]
    run.step(0.7)
    assert run.scorer.slots_in_link == 3 * 2e7
    run.told_until(0.5)
    run.step(0.8)
    assert run.scorer.slots_in_link == 5 * 2e7
    assert run.world.uplink.blocks == []
    assert (run.scorer.clock.locked_s, run.scorer.slots.slips) == (0.0, 0)


def test_the_receivers_gate_is_the_one_that_counts() -> None:
    receiver = structs.replace(RECEIVER, gate_half_width_s=0.2e-9)
    other = structs.replace(SCENARIO, mission=structs.replace(MISSION, receiver=receiver))
    run = _Run(other)
    run.world.uplink.blocks = [_block(0)]
    run.told_until(1.0)
    run.step(1.0)
    assert [b.gate_half_width_s for b in run.scorer.link_bins] == [0.2e-9]


def test_error_rate_from_the_truth_is_that_of_the_noise_alone() -> None:
    """Clean states: half of the noise in the gate over all clicks in it."""
    run = _Run()
    run.world.uplink.blocks = [_block(0)]
    run.told_until(1.0)
    run.step(1.0)
    detectors, source = SCENARIO.world.detectors, MISSION.source
    in_gate = math.erf(RECEIVER.gate_half_width_s / math.sqrt(2) / detectors.jitter_s)
    mean = 0.7 * 1e-4 + 0.2 * 2e-5
    signal = 2e7 * 0.9 * 0.7 * mean * in_gate * 0.7
    noise_hz = 2 * detectors.dark_rate_hz
    all_pulses = source.pulse_rate_hz * (0.9 * mean + 0.1 * 1e-4)
    noise_hz += detectors.afterpulse_probability * (noise_hz + all_pulses * 0.7)
    noise = noise_hz * 0.1 * 2 * RECEIVER.gate_half_width_s * source.pulse_rate_hz * 0.9 * 0.7
    assert run.scorer.slots.qber_true() == pytest.approx(0.5 * noise / (signal + noise), rel=1e-9)


def test_pointing_error_is_fine_and_point_ahead_error_together() -> None:
    run = _Run()
    run.step(0.1, (3e-6, 1e-6))
    assert run.scorer.pointing_rad() == pytest.approx(1e-6 * math.sqrt((9 + 1 + 4) / 2))


def test_the_expectation_takes_the_true_width_of_our_beam() -> None:
    """Twice as wide without jitter: a quarter of the light."""
    collected = []
    for width_rad in (WIDTH_RAD, 2 * WIDTH_RAD):
        run = _Run()
        run.width_rad = width_rad
        run.world.uplink.blocks = [_block(i) for i in range(100)]
        run.told_until(10.0)
        run.step(10.0)
        run.scorer.ahead = SquareSum()
        found = expectation(SCENARIO, run.world, run.scorer)  # type: ignore[arg-type]
        assert found is not None
        collected.append(found.transmittance.mean())
    assert collected[1] == pytest.approx(collected[0] / 4, rel=1e-3)


def test_the_expectation_is_that_of_our_beam_at_the_partner() -> None:
    run = _Run()
    run.world.uplink.blocks = [_block(i) for i in range(100)]
    run.told_until(10.0)
    run.step(10.0, (3e-6, 1e-6))
    found = expectation(SCENARIO, run.world, run.scorer)  # type: ignore[arg-type]
    assert found is not None
    # 15 urad full angle to 700 km: radius 5.25 m; jitter of sqrt(7) urad widens it.
    widened_m2 = 5.25**2 + 4 * 7e-12 * RANGE_M**2
    eta = 2 * 0.075**2 / widened_m2 * RECEIVER.transmittance * RECEIVER.detector_efficiency
    assert found.transmittance == pytest.approx(eta, rel=1e-3)
    ten = np.ones(10)
    bins = Bins(
        ten, RANGE_M * ten, ELEVATION_RAD * ten, ten, ten, jitter_rad=math.sqrt(7) * 1e-6 * ten
    )
    due = expected_key(MISSION, RECEIVER, RECEIVER.gate_half_width_s, SCENARIO.world, bins)
    assert found.detected_key == pytest.approx(due.detected_key, rel=1e-9)
