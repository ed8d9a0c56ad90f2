"""The policy of the sent beam's width: what it does with what it is told."""

from itertools import pairwise

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from config.loader import load_scenario
from config.terminal import TerminalConfig
from terminal.control.beam_width import Sent, mean_share
from terminal.control.divergence import Flag, Policy, State
from terminal.control.expander import curve_of
from terminal.quantum_messages import DivergenceCommand, DivergenceSample

SCENARIO = load_scenario("leo_haps_uplink")
assert SCENARIO.terminal.divergence is not None
CONFIG = SCENARIO.terminal.divergence
CURVE = curve_of(CONFIG)
NARROWEST, WIDEST = CURVE.limits_rad
RANGE_M, JITTER_RAD = 800e3, 1.5e-6
DT_S = 0.1
START_NS = 1_860_000_000_000_000_000


def with_divergence(**changes: object) -> TerminalConfig:
    changed = msgspec.structs.replace(CONFIG, **changes)
    return msgspec.structs.replace(SCENARIO.terminal, divergence=changed)


class Bench:
    """A stage that obeys in 0.2 s, a link that stands, and a partner that counts its clicks."""

    def __init__(self, config: TerminalConfig = SCENARIO.terminal, offset_rad: float = 0.0) -> None:
        self.policy = Policy(SCENARIO.mission, config)
        self.state: State = self.policy.initial()
        self.command = DivergenceCommand()
        self.offset_rad = offset_rad
        self.linked, self.stuck, self.silent = True, False, False
        self.moves: list[tuple[float, float]] = []
        """(s, full angle)"""
        self.ticks = 0
        self._position, self._target, self._arrives = 0.0, 0.0, 0
        self._counted, self._told = 0.0, (0, 0)
        self._told_ns = 0

    @property
    def width_rad(self) -> float:
        """In force in truth."""
        return CURVE.angle_at(self._position)

    def run(self, seconds: float) -> DivergenceCommand:
        receiver, source = SCENARIO.mission.receiver, SCENARIO.mission.source
        assert receiver is not None
        sent = Sent(source.wavelength_m, receiver.aperture_m, NARROWEST, WIDEST)
        for _ in range(round(seconds / DT_S)):
            t_ns = START_NS + self.ticks * 100_000_000
            if self.ticks >= self._arrives and not self.stuck:
                self._position = self._target
            if not self.silent:
                self._told_ns = t_ns
            sample = DivergenceSample(
                t_ns=t_ns,
                stage_t_ns=self._told_ns,
                stage_position=self._position,
                stage_moving=self.ticks < self._arrives,
                fine_closed=self.linked,
                fine_rms_rad=JITTER_RAD * 2**0.5,
                quad_sum_counts=8000.0,
                quad_diagonal_counts=0.0,
                linked=self.linked,
                range_m=RANGE_M,
                counted_until_ns=self._told[0],
                counted=self._told[1],
                counted_vacuum=0,
            )
            self.state, self.command = self.policy.step(self.state, sample, DT_S)
            if self.command.move:
                self.moves.append((self.ticks * DT_S, self.command.wanted_rad))
                self._target, self._arrives = self.command.position, self.ticks + 2
            share = float(mean_share(sent, self.width_rad, RANGE_M, JITTER_RAD, self.offset_rad))
            mean = sum(
                p * mu
                for p, mu in zip(source.intensity_probabilities, source.intensities, strict=True)
            )
            rate_hz = source.pulse_rate_hz * 0.9 * mean * 0.3
            self._counted += self.linked * share * rate_hz * DT_S
            self.ticks += 1
            if self.ticks % 10 == 0:
                self._told = START_NS + self.ticks * 100_000_000, round(self._counted)
        return self.command


def test_widest_until_the_link_stands_then_narrow() -> None:
    bench = Bench()
    bench.linked = False
    command = bench.run(5.0)
    assert Flag(command.flags) is Flag.NO_JITTER
    assert (command.full_divergence_rad, bench.moves) == (WIDEST, [])
    bench.linked = True
    command = bench.run(10.0)
    assert command.flags == 0
    assert command.full_divergence_rad == pytest.approx(NARROWEST)
    assert bench.moves[0][0] <= 5.7
    assert command.jitter_rad == pytest.approx(JITTER_RAD, rel=1e-6)


def test_a_short_outage_changes_nothing_a_long_one_widens() -> None:
    bench = Bench()
    bench.run(10.0)
    moves = len(bench.moves)
    bench.linked = False
    bench.run(0.9 * CONFIG.coast_s)
    assert len(bench.moves) == moves
    bench.run(2.0)
    assert bench.width_rad == WIDEST


@pytest.mark.parametrize("offset_rad", [8e-6, 10e-6, 14e-6, 20e-6])
def test_an_offset_that_the_counts_show_widens_the_beam(offset_rad: float) -> None:
    """Over two minutes, trials included, nine tenths of the light of the best width."""
    bench = Bench(offset_rad=offset_rad)
    sent = Sent(SCENARIO.mission.source.wavelength_m, 0.15, NARROWEST, WIDEST)
    light = []
    for _ in range(120):
        bench.run(1.0)
        light.append(mean_share(sent, bench.width_rad, RANGE_M, JITTER_RAD, offset_rad))
    widths = np.geomspace(NARROWEST, WIDEST, 200)
    best = mean_share(sent, widths, RANGE_M, JITTER_RAD, offset_rad).max()
    assert np.mean(light) > 0.9 * best
    assert bench.command.offset_rad == pytest.approx(offset_rad, rel=0.3)


def test_it_rests_between_moves_and_does_not_hunt() -> None:
    bench = Bench()
    bench.run(120.0)
    times = [t for t, _ in bench.moves]
    assert len(times) <= 3
    assert all(b - a >= CONFIG.hold_s - DT_S for a, b in pairwise(times))


def test_fixed_is_the_missions_width_for_good() -> None:
    bench = Bench(with_divergence(policy="fixed"), offset_rad=10e-6)
    bench.run(30.0)
    assert bench.width_rad == pytest.approx(SCENARIO.mission.beam.full_divergence_rad, rel=1e-6)
    assert len(bench.moves) == 1


def test_a_stuck_stage_is_told_and_tried_again() -> None:
    bench = Bench()
    bench.stuck = True
    command = bench.run(5.0)
    assert Flag.STUCK in Flag(command.flags)
    assert command.full_divergence_rad == WIDEST
    bench.run(30.0)
    gaps = np.diff([t for t, _ in bench.moves])
    assert len(gaps) >= 2
    assert gaps.min() >= CONFIG.retry_s - DT_S
    bench.stuck = False
    command = bench.run(2.0 * CONFIG.retry_s)
    assert command.flags & Flag.STUCK == 0
    assert command.full_divergence_rad == pytest.approx(NARROWEST)


def test_a_silent_stage_keeps_its_last_known_width_and_is_left_alone() -> None:
    bench = Bench()
    before = bench.run(10.0)
    bench.silent, bench.offset_rad = True, 15e-6
    moves = len(bench.moves)
    command = bench.run(30.0)
    assert Flag.SILENT in Flag(command.flags)
    assert command.full_divergence_rad == before.full_divergence_rad
    # One may be under way before the silence is noticed.
    assert len(bench.moves) <= moves + 1


def test_nothing_to_do_in_a_downlink_or_without_an_expander() -> None:
    sample = DivergenceSample(START_NS, START_NS, 0.0, 0, 1, 1e-6, 8e3, 0.0, 1, RANGE_M, 0, 0, 0)
    downlink = load_scenario("leo_haps_downlink")
    bare = msgspec.structs.replace(SCENARIO.terminal, divergence=None)
    for mission, config in (
        (downlink.mission, downlink.terminal),
        (SCENARIO.mission, bare),
    ):
        policy = Policy(mission, config)
        _, command = policy.step(policy.initial(), sample, DT_S)
        assert command == DivergenceCommand()


anything = st.floats(allow_nan=True, allow_infinity=True, width=64)
whole = st.integers(-(2**63), 2**63 - 1)
samples = st.builds(
    DivergenceSample,
    t_ns=st.integers(START_NS, START_NS + 10_000_000_000),
    stage_t_ns=st.integers(0, START_NS + 10_000_000_000),
    stage_position=anything,
    stage_moving=st.integers(0, 1),
    fine_closed=st.integers(0, 1),
    fine_rms_rad=anything,
    quad_sum_counts=st.integers(-4 * 2**15, 4 * 2**15).map(float),
    quad_diagonal_counts=st.integers(-4 * 2**15, 4 * 2**15).map(float),
    linked=st.integers(0, 1),
    range_m=anything | st.floats(1.0, 1e8),
    counted_until_ns=st.integers(START_NS - 10**10, START_NS + 10**11),
    counted=whole,
    counted_vacuum=whole,
)


@settings(max_examples=200, deadline=None)
@given(st.lists(samples, min_size=1, max_size=12))
def test_no_sample_breaks_it(told: list[DivergenceSample]) -> None:
    """A move, if any, stays within the stage's travel."""
    policy = Policy(SCENARIO.mission, SCENARIO.terminal)
    state = policy.initial()
    for sample in sorted(told, key=lambda s: s.t_ns):
        state, command = policy.step(state, sample, DT_S)
        if command.move:
            assert CURVE.position[0] <= command.position <= CURVE.position[-1]
        assert NARROWEST <= command.wanted_rad <= WIDEST
        assert np.all(np.isfinite(state.belief.weight))
