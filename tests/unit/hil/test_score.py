"""The judge itself: slips, expected error rate, mode spans, sums of squares."""

import math
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from config.loader import load_scenario
from hil.score import ModeSpan, Scorer, SlotScore, SquareSum
from sim_devices.detectors import NO_DELAY
from sim_devices.light import BlockTruth
from terminal.bus import Bus
from terminal.messages import ModesCommand, ModesSample, PointAheadCommand, PointAheadSample
from terminal.mode import Mode
from terminal.quantum_messages import TimingCommand, TimingSample

SCENARIO = load_scenario("leo_haps_downlink")
SLOT_PS = 5000
START_NS = 1_000_000_000_000
GATE_S = 0.6e-9


def _channels(error: float = 0.01, p_x: float = 0.7) -> Any:
    """(4, 4) of a receiver that mixes up the states of a basis with `error`."""
    right, wrong = 1 - error, error
    x, z = [p_x * right, p_x * wrong], [(1 - p_x) * right, (1 - p_x) * wrong]
    half_x, half_z = [p_x / 2] * 2, [(1 - p_x) / 2] * 2
    rows = [[*x, *half_z], [*x[::-1], *half_z], [*half_x, *z], [*half_x, *z[::-1]]]
    return np.array(rows)


def _block(true_slot: Any, start_s: float = 0.0, **changes: Any) -> BlockTruth:
    slot = np.asarray(true_slot, np.int64)
    times = np.abs(slot) * SLOT_PS
    block = BlockTruth(
        start_s, start_s + 0.1, times, slot, (1e-3, 2e-4, 0.0), 2e7, _channels(), 0.0
    )
    return block._replace(**changes)


def _sample(time_ps: Any, gate_open: int = 1) -> TimingSample:
    times = np.asarray(time_ps, np.int64)
    return TimingSample(0, 1, 0.0, 0.0, gate_open, 0, times, np.zeros(len(times), np.uint8))


class TestSlots:
    def test_right_slots_are_no_slips(self) -> None:
        score, slots = SlotScore(SCENARIO), np.arange(10, 1010, 10)
        score.clicks([_block(slots)], _sample(slots * SLOT_PS), slots)
        assert (score.slips, score.right, score.unknown) == (0, 100, 0)

    @pytest.mark.parametrize("shift", [-1, 1, 1 << 20])
    def test_every_click_of_shifted_slots_is_a_slip(self, shift: int) -> None:
        score, slots = SlotScore(SCENARIO), np.arange(10, 1010, 10)
        score.clicks([_block(slots)], _sample(slots * SLOT_PS), slots + shift)
        assert (score.slips, score.right) == (100, 0)

    def test_a_slip_in_the_middle_counts_from_there(self) -> None:
        score, slots = SlotScore(SCENARIO), np.arange(10, 1010, 10)
        given = np.where(slots > 500, slots + 1, slots)
        score.clicks([_block(slots)], _sample(slots * SLOT_PS), given)
        assert (score.slips, score.right) == (50, 50)

    def test_clicks_without_slot_are_not_judged(self) -> None:
        """Neither those that the terminal left out, nor noise, which has no true slot."""
        score, slots = SlotScore(SCENARIO), np.arange(10, 1010, 10)
        made = _block(slots)._replace(true_slot=np.where(slots > 500, -1, slots))
        score.clicks([made], _sample(slots * SLOT_PS), np.where(slots > 300, slots, -1))
        assert (score.slips, score.right) == (0, 20)

    def test_the_taggers_rounding_does_not_matter(self) -> None:
        score, slots = SlotScore(SCENARIO), np.arange(10, 1010, 10)
        units = np.rint(slots * SLOT_PS * 256 / 1000)
        score.clicks([_block(slots)], _sample(np.rint(units * 1000 / 256)), slots)
        assert (score.slips, score.right, score.unknown) == (0, 100, 0)

    def test_a_click_that_nothing_made_is_told(self) -> None:
        score, slots = SlotScore(SCENARIO), np.arange(10, 1010, 10)
        score.clicks([_block(slots)], _sample(slots * SLOT_PS + 1000), slots)
        assert (score.unknown, score.right, score.slips) == (100, 0, 0)

    def test_clicks_may_be_handed_over_in_a_later_tick(self) -> None:
        score, slots = SlotScore(SCENARIO), np.arange(10, 1010, 10)
        early, late = slots[:70], slots[70:]
        score.clicks([_block(slots)], _sample(early * SLOT_PS), early)
        score.clicks([], _sample(late * SLOT_PS), late)
        assert (score.slips, score.right, score.unknown) == (0, 100, 0)

    def test_clicks_before_anything_was_made_are_unknown(self) -> None:
        score = SlotScore(SCENARIO)
        score.clicks([], _sample([1000]), np.array([0]))
        assert (score.unknown, score.right, score.slips) == (1, 0, 0)


class TestTrueErrorRate:
    def test_without_noise_it_is_that_of_the_optics(self) -> None:
        score = SlotScore(_quiet())
        score.block(_block([1], channel_probability=_channels(0.03)), GATE_S)
        assert score.qber_true() == pytest.approx(0.03)

    def test_blocks_weigh_by_their_clicks(self) -> None:
        score = SlotScore(_quiet())
        score.block(_block([1], channel_probability=_channels(0.01)), GATE_S)
        bright = _block([1], channel_probability=_channels(0.05))
        score.block(bright._replace(click_probability=(3e-3, 6e-4, 0.0)), GATE_S)
        assert score.qber_true() == pytest.approx((0.01 + 3 * 0.05) / 4)

    def test_without_signal_half_of_the_clicks_are_wrong(self) -> None:
        score = SlotScore(SCENARIO)
        score.block(_block([1], click_probability=(0.0, 0.0, 0.0), background_hz=1000.0), GATE_S)
        assert score.qber_true() == pytest.approx(0.5)

    def test_before_any_block_there_is_none(self) -> None:
        assert SlotScore(SCENARIO).qber_true() is None

    @pytest.mark.parametrize("gate_ns", [0.6, 0.25])
    def test_noise_adds_half_of_its_clicks(self, gate_ns: float) -> None:
        """By hand: rates of the key basis in key slots, per second."""
        score = SlotScore(SCENARIO)
        noisy = _block([1], background_hz=5000.0, channel_probability=_channels(0.02))
        score.block(noisy, 1e-9 * gate_ns)
        mean = 0.7 * 1e-3 + 0.2 * 2e-4
        in_gate = math.erf(gate_ns / (math.sqrt(2) * 0.15))
        signal = 2e8 * 0.9 * 0.7 * 0.7 * mean * in_gate
        made = 0.7 * 5000.0 + 2 * 25.0
        made += 5e-3 * (made + 0.7 * 2e8 * (0.9 * mean + 0.1 * 1e-3))
        noise = made * (2 * gate_ns / 5.0) * 0.9 * 0.7
        expected = (0.02 * signal + 0.5 * noise) / (signal + noise)
        assert score.qber_true() == pytest.approx(expected, rel=1e-3)


def _quiet() -> Any:
    """The scenario with detectors that make no noise."""
    import msgspec

    replace = msgspec.structs.replace
    quiet = replace(SCENARIO.world.detectors, dark_rate_hz=0.0, afterpulse_probability=0.0)
    return replace(SCENARIO, world=replace(SCENARIO.world, detectors=quiet))


class TestSquareSum:
    def test_rms_of_nothing_is_none(self) -> None:
        assert SquareSum().rms() is None

    def test_rms_over_all_that_was_added(self) -> None:
        total, draws = SquareSum(), np.random.default_rng(1).normal(size=(2, 100))
        total.add(draws[0, :30], draws[1, :30])
        total.add(draws[0, 30:], draws[1, 30:])
        assert total.rms() == pytest.approx(np.sqrt(np.mean(draws**2, axis=1)))
        assert total.n == 100


class _World:
    """What the scorer reads of a world."""

    def __init__(self) -> None:
        self.fine_errors: list[Any] = []
        self.plant = SimpleNamespace(seen_rad=(3e-5, -4e-5))
        self.channel = SimpleNamespace(blocks=[], channel_delay_s=NO_DELAY)
        self.uplink: Any = None


class TestFlight:
    def _scorer(self) -> tuple[Scorer, Bus, Any]:
        bus, world = Bus(), _World()
        scorer = Scorer(SCENARIO, world, bus, START_NS)  # type: ignore[arg-type]
        return scorer, bus, world

    def _step(
        self, scorer: Scorer, bus: Bus, world: Any, t_s: float, mode: Mode, **command: Any
    ) -> None:
        sample = ModesSample(*[0] * len(ModesSample._fields))
        bus.modes.push(sample, ModesCommand(mode=mode, **command))
        world.fine_errors = [(np.full(5, 1e-6), np.full(5, 2e-6))]
        scorer.grid_step(START_NS + round(t_s * 1e9), [])

    def test_spans_follow_the_mode_and_join(self) -> None:
        scorer, bus, world = self._scorer()
        course = [Mode.STANDBY] * 2 + [Mode.POINT] * 3 + [Mode.ACQUIRE] * 2 + [Mode.POINT]
        for i, mode in enumerate(course):
            self._step(scorer, bus, world, 0.01 * i, mode)
        assert scorer.modes == [
            ModeSpan(Mode.STANDBY, 0.0, pytest.approx(0.02)),
            ModeSpan(Mode.POINT, pytest.approx(0.02), pytest.approx(0.05)),
            ModeSpan(Mode.ACQUIRE, pytest.approx(0.05), pytest.approx(0.07)),
            ModeSpan(Mode.POINT, pytest.approx(0.07), pytest.approx(0.07)),
        ]

    def test_fine_error_counts_in_link_coarse_before_the_hand_over(self) -> None:
        scorer, bus, world = self._scorer()
        self._step(scorer, bus, world, 0.00, Mode.TRACK)
        self._step(scorer, bus, world, 0.01, Mode.TRACK, fine_enable=1)
        self._step(scorer, bus, world, 0.02, Mode.LINK, fine_enable=1)
        self._step(scorer, bus, world, 0.03, Mode.LOST)
        assert scorer.fine.n == 5
        assert scorer.fine.rms() == pytest.approx((1e-6, 2e-6))
        assert scorer.coarse.n == 1
        assert scorer.coarse.rms() == pytest.approx((3e-5, 4e-5))

    def test_every_tick_with_its_aim_cut_is_counted(self) -> None:
        """Also those between two looks, and in whatever mode."""
        scorer, bus, world = self._scorer()
        sample = PointAheadSample(0, 1, 0.0, 0.0, 0.0)
        for i, limited in enumerate([(), (1, 0), (1, 1, 1), (0,)]):
            for value in limited:
                bus.point_ahead.push(sample, PointAheadCommand(limited=value))
            self._step(scorer, bus, world, 0.01 * i, Mode.TRACK)
        assert scorer.aims_limited == 4

    def test_a_reason_to_be_unsafe_is_one_event(self) -> None:
        """Not before all has been well once, and again only when it comes anew."""
        scorer, bus, world = self._scorer()
        for i, unsafe in enumerate([3, 2, 0, 1, 1, 3, 0, 1]):
            self._step(scorer, bus, world, 0.01 * i, Mode.TRACK, unsafe=unsafe)
        assert scorer.events == [
            {"t_s": 0.03, "unsafe": 1},
            {"t_s": 0.05, "unsafe": 3},
            {"t_s": 0.07, "unsafe": 1},
        ]

    def _timing_ticks(
        self, *ticks: tuple[int, float, int, int], key_slots: tuple[int, int, int] = (0, 0, 1000)
    ) -> Scorer:
        """Of 0.1 s: status, residual ps of all clicks, clicks, gate open."""
        scorer, bus, world = self._scorer()
        for i, (status, residual_ps, clicks, gate_open) in enumerate(ticks):
            slots = np.arange(10, 10 * clicks + 10, 10)
            world.channel.blocks = [_block(slots, 0.1 * i)]
            command = TimingCommand(
                status=status,
                timing_rms_s=2e-10,
                gate_half_width_s=3e-10 if status in (1, 3) else 0.0,
                slot=slots if status == 1 else np.full(clicks, -1),
                residual_ps=np.full(clicks, residual_ps),
                key_slots=np.array(key_slots),
            )
            bus.timing.push(_sample(slots * SLOT_PS, gate_open), command)
            self._step(scorer, bus, world, 0.1 * (i + 1), Mode.LINK)
        return scorer

    def test_time_counts_as_locked_and_gated_only_where_it_is(self) -> None:
        scorer = self._timing_ticks(
            (0, 200, 10, 1), (1, 200, 10, 1), (2, 200, 10, 0), (3, 200, 10, 1), (2, 200, 10, 1)
        )
        assert scorer.clock.locked_s == pytest.approx(0.1)
        assert scorer.clock.timing_rms_ps() == pytest.approx(200.0)
        assert scorer.slots.gated_s == pytest.approx(0.1)
        assert scorer.slots_in_link == pytest.approx(4 * 2e7)
        bins = scorer.link_bins
        assert [round(b.gated_s, 6) for b in bins] == [0.0, 0.1, 0.0, 0.0, 0.0]
        assert [round(b.middle_s, 6) for b in bins] == [0.05, 0.15, 0.25, 0.35, 0.45]
        assert [b.gate_half_width_s for b in bins] == [0.0, 3e-10, 0.0, 0.0, 0.0]

    def test_whether_time_counts_does_not_depend_on_where_its_clicks_fell(self) -> None:
        """All beside the gate, or none at all between two locked ticks: a key was possible."""
        scorer = self._timing_ticks(
            (1, 200, 10, 1), (1, -301, 10, 1), (2, 0, 0, 1), (2, 0, 0, 1), (1, 200, 1, 1)
        )
        assert scorer.slots.gated_s == pytest.approx(0.5)
        assert [b.gate_half_width_s for b in scorer.link_bins] == [3e-10] * 5
        assert [round(b.middle_s, 6) for b in scorer.link_bins] == [0.05, 0.15, 0.25, 0.35, 0.45]
        assert scorer.slots_in_link == pytest.approx(5 * 2e7)

    def test_time_counts_by_the_share_of_its_slots_that_do(self) -> None:
        """Off is half of the slots, in ticks with clicks and in one without."""
        ticks = (1, 200, 10, 1), (2, 0, 0, 1), (1, 200, 10, 1)
        scorer = self._timing_ticks(*ticks, key_slots=(500, 100, 400))
        assert scorer.slots.gated_s == pytest.approx(0.15)
        assert [b.gated_s for b in scorer.link_bins] == [pytest.approx(0.05)] * 3
        none = self._timing_ticks(*ticks, key_slots=(1000, 0, 0))
        assert none.slots.gated_s == 0.0
        assert none.slots.qber_true() is None

    @pytest.mark.parametrize("around", [(0, 1), (1, 2), (1, 3), (2, 2)])
    def test_silence_counts_only_between_locked_ticks(self, around: tuple[int, int]) -> None:
        before, after = around
        scorer = self._timing_ticks((before, 200, 10, 1), (2, 0, 0, 1), (after, 200, 10, 1))
        assert scorer.slots.gated_s == pytest.approx(0.1 * around.count(1))
        assert scorer.link_bins[1].gate_half_width_s == 0.0

    def test_never_locked_has_no_timing_rms(self) -> None:
        assert self._scorer()[0].clock.timing_rms_ps() is None
