"""Track quality: the rule, and that no click ever has a say in it."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.pattern import public_pattern
from terminal.fields import NO_I64S, NO_U8S
from terminal.qkd.slot_quality import KeySlots, SlotQuality
from terminal.qkd.tagging import Rules, Tags, tag
from terminal.qkd.track_quality import GOOD, OFF, POOR, Fact, Limits, Track, follow
from terminal.quantum_messages import TimingCommand, TimingSample
from terminal.timetags.recovery import COASTING, LOCKED, LOCKED_MODULO, SEARCHING

MS = 1_000_000
START_NS = 10**18
LIMITS = Limits(shutter_settle_ns=50 * MS, good_fine_rms_rad=6e-6)
ALL = int(sum(Fact))
PATTERN = public_pattern(1024, 0.1, 3)
T_S = 1e-6
"""Long slots, so that a test can walk through them."""


def sample(facts: list[tuple[int, int, int, float]], t_ms: int = 0, **more: Any) -> TimingSample:
    """facts: (ms, Fact bits, ms of the shutter's reading, rms rad)."""
    t_ns, bits, read_ns, rms = zip(*facts, strict=True) if facts else ((), (), (), ())
    empty = TimingSample(START_NS + t_ms * MS, 1, 0.0, 0.0, 1, 0, NO_I64S, NO_U8S)
    return empty._replace(
        track_t_ns=START_NS + np.array(t_ns, np.int64) * MS,
        track_facts=np.array(bits, np.uint8),
        track_shutter_t_ns=START_NS + np.array(read_ns, np.int64) * MS,
        track_fine_rms_rad=np.array(rms, np.float64),
        **more,
    )


def qualities(*facts: tuple[int, int, int, float]) -> list[int]:
    return [span.quality for span in follow(LIMITS, Track(), sample(list(facts)))[1]]


def steady(bits: int, rms_rad: float = 2e-6) -> list[int]:
    """Ten ticks after 0.2 s with everything well."""
    before = [(t, ALL, t, 2e-6) for t in range(20, 220, 20)]
    return qualities(*before, *[(t, bits, t, rms_rad) for t in range(220, 420, 20)])[-9:]


@pytest.mark.parametrize(
    ("missing", "rms_rad", "quality"),
    [
        (0, 2e-6, GOOD),
        (0, 6.1e-6, POOR),
        (0, float("nan"), POOR),
        (Fact.BEACON, 2e-6, POOR),
        (Fact.OPTICS_SETTLED, 2e-6, POOR),
        (Fact.FINE_CLOSED, 2e-6, OFF),
        (Fact.SHUTTER_OPEN, 2e-6, OFF),
        (Fact.SHUTTER_ORDERED, 2e-6, OFF),
    ],
)
def test_each_fact_has_its_say(missing: int, rms_rad: float, quality: int) -> None:
    assert steady(ALL & ~missing, rms_rad) == [quality] * 9


def test_a_shutter_counts_from_a_reading_taken_after_it_has_settled() -> None:
    """Read every 100 ms; ordered open at 20 ms, so settled at 70 ms, and first read so at 100."""
    told = qualities(*[(t, ALL, t // 100 * 100, 2e-6) for t in range(20, 200, 20)])
    assert told == [OFF] * 5 + [GOOD] * 4


def test_an_old_reading_says_nothing_of_a_new_order() -> None:
    """Open, shut for one tick, open again: the reading never showed it shut."""
    before = [(t, ALL, t, 2e-6) for t in range(20, 220, 20)]
    closed = [(220, ALL & ~Fact.SHUTTER_ORDERED, 210, 2e-6)]
    again = [(t, ALL, 210, 2e-6) for t in range(240, 400, 20)]
    assert qualities(*before, *closed, *again)[10:] == [OFF] * 9


def test_a_change_spoils_the_span_in_which_it_happened_on_both_sides() -> None:
    well = [(t, ALL, t, 2e-6) for t in range(20, 420, 20)]
    well[10] = (220, ALL & ~Fact.BEACON, 220, 2e-6)
    assert qualities(*well)[8:14] == [GOOD, GOOD, POOR, POOR, GOOD, GOOD]


def test_silence_of_the_modes_loop_is_off_and_stale_facts_are_left_out() -> None:
    well = [(t, ALL, t, 2e-6) for t in range(20, 220, 20)]
    after = [(500, ALL, 500, 2e-6), (480, 0, 0, 1.0), (500, 0, 0, 1.0), (520, ALL, 520, 2e-6)]
    assert qualities(*well, *after)[10:] == [OFF, GOOD]


spans = st.lists(st.tuples(st.integers(-50, 400), st.integers(0, 2)), max_size=12)


@given(spans, st.integers(1, 500))
def test_slots_of_spans_are_those_of_a_plain_walk(steps: list[tuple[int, int]], keep: int) -> None:
    """Also where the ends step back, as after a prediction that jumped: no slot counts twice."""
    known, truth, end = SlotQuality(), [], 0
    counted = np.zeros(3, np.int64)
    key_slots = KeySlots(PATTERN)
    for step, quality in steps:
        before = known.last_end
        known = known.extended(
            np.array([end + step], np.int64), np.array([quality], np.uint8), keep
        )
        counted += known.key_slots_after(before, key_slots)
        truth += [quality] * max(0, step)
        end = max(end, end + step)
    slots = np.arange(end + 10)
    expected = np.array(truth + [OFF] * 10, np.uint8)
    found = known.of(slots)
    kept = slots >= end - keep
    np.testing.assert_array_equal(found[kept], expected[kept])
    assert not np.any(found[~kept] & (found[~kept] != expected[~kept]))
    key = PATTERN[slots[: len(truth)] % len(PATTERN)] == 255
    np.testing.assert_array_equal(counted, np.bincount(np.array(truth, int)[key], minlength=3)[:3])


@given(st.lists(st.integers(0, 10_000), max_size=30))
def test_key_slots_are_those_of_the_pattern(slots: list[int]) -> None:
    counted = KeySlots(PATTERN).before(np.array(slots, np.int64))
    whole = np.cumsum(np.tile(PATTERN == 255, 10))
    assert counted.tolist() == [int(whole[s - 1]) if s else 0 for s in slots]


def rules(receives: bool = True) -> Rules:
    return Rules(LIMITS, KeySlots(PATTERN), T_S, START_NS, 5e-10, receives)


class Story:
    """Ticks of 100 ms, with facts every 20 ms; light time 3 ms, falling by 1 us a second."""

    def __init__(self, receives: bool = True) -> None:
        self.rules, self.tags, self.k = rules(receives), Tags(), 0
        self.command = TimingCommand()

    def tick(
        self,
        bits: dict[int, int] | None = None,
        slots: list[int] | None = None,
        channel: list[int] | None = None,
        status: int = LOCKED,
        **more: Any,
    ) -> TimingCommand:
        """bits: of the facts at these ms of the tick, other than all."""
        self.k += 1
        t_ms = 100 * self.k
        facts = [
            (t_ms + at, (bits or {}).get(at + 100, ALL), t_ms + at, 2e-6)
            for at in range(-80, 20, 20)
        ]
        clicks = np.array(slots or [], np.int64)
        s = sample(
            facts,
            t_ms,
            light_time_s=3e-3 - 1e-7 * self.k,
            light_time_rate=-1e-6,
            time_ps=clicks,
            channel=np.array(channel or [0] * len(clicks), np.uint8),
        )
        found = TimingCommand(status=status, slot=clicks, residual_ps=0 * clicks, **more)
        self.tags, self.command = tag(self.rules, self.tags, s, found)
        return self.command


def test_clicks_are_judged_by_when_their_light_came_and_not_by_their_tick() -> None:
    """The loop opens between 160 and 180 ms. Slot s arrives at s us and 3 ms; some come a tick
    late."""
    story = Story()
    story.tick()
    story.tick(bits={80: ALL & ~Fact.FINE_CLOSED})
    slots = [110_000, 156_990, 157_010, 176_990, 196_990, 197_010]
    assert story.tick(slots=slots).quality.tolist() == [GOOD, GOOD, OFF, OFF, OFF, GOOD]


def test_slots_are_counted_by_quality_each_once() -> None:
    story = Story()
    first = story.tick()
    told = [story.tick(bits={80: ALL & ~Fact.BEACON, 60: ALL}) for _ in range(4)]
    # Nothing counts while the clock was not sure at the tick before, nor before the shutter is.
    assert first.key_slots[1:].sum() == 0
    share = np.count_nonzero(PATTERN == 255) / len(PATTERN)
    for command in told:
        # The span before the dark fact and the one after it, of five of 20 ms.
        assert command.key_slots.sum() == pytest.approx(share * 0.1 / T_S, rel=0.01)
        assert command.key_slots[POOR] == pytest.approx(share * 0.04 / T_S, rel=0.01)
    whole = first.key_slots.sum() + sum(c.key_slots.sum() for c in told)
    # All that came until 500 ms, to the slot: light that left 3 ms - 0.5 us before.
    last = int(np.ceil((0.5 - 3e-3 + 5e-7) / T_S))
    assert whole == KeySlots(PATTERN).before(np.array([last]))[0]


@pytest.mark.parametrize("status", [SEARCHING, COASTING, LOCKED_MODULO])
def test_nothing_counts_while_the_clock_is_unsure(status: int) -> None:
    """Nor in the tick in which it is sure again."""
    story = Story()
    story.tick()
    story.tick()
    assert story.tick(slots=[250_000], status=status).key_slots[1:].sum() == 0
    assert story.tick(slots=[350_000]).quality.tolist() == [OFF]
    assert story.tick(slots=[450_000]).quality.tolist() == [GOOD]


def test_a_tick_without_clicks_counts_while_the_clock_coasts_surely() -> None:
    story = Story()
    story.tick(slots=[50_000])
    story.tick(slots=[150_000])
    assert story.tick(status=COASTING, phase_sigma_s=4e-10).key_slots[GOOD] > 0
    assert story.tick(status=COASTING, phase_sigma_s=6e-10).key_slots[GOOD] == 0


def test_a_detector_without_slots_stops_all_of_them() -> None:
    """Clicks of the other three alone would be a choice by outcome."""
    story = Story()
    story.tick()
    story.tick()
    command = story.tick(slots=[250_000], detectors_off_pattern=4)
    assert command.quality.tolist() == [OFF]


def test_what_no_fact_covers_is_off() -> None:
    story = Story()
    story.tick()
    story.tick()
    story.k += 1
    s = sample([(220, ALL, 220, 2e-6)], 300, light_time_s=3e-3)
    late = np.array([210_000, 230_000], np.int64)
    s = s._replace(time_ps=late, channel=np.zeros(2, np.uint8))
    _, command = tag(story.rules, story.tags, s, TimingCommand(status=LOCKED, slot=late))
    assert command.quality.tolist() == [GOOD, OFF]


def test_a_sender_counts_its_slots_as_they_leave() -> None:
    """No clock to recover, no light time."""
    story = Story(receives=False)
    total = sum(story.tick(status=SEARCHING).key_slots for _ in range(5))
    before = KeySlots(PATTERN).before(np.array([100_000, 500_000]))
    assert np.sum(total) == before[1]
    # The shutter is settled, and so read, from 80 ms on; a tick counts from the second.
    # To a slot: where one begins is a matter of rounding.
    due = [before[0], 0, before[1] - before[0]]
    np.testing.assert_allclose(total, due, atol=1)


clicks = st.lists(st.tuples(st.integers(0, 500_000), st.integers(0, 3)), max_size=20)


@given(
    st.lists(
        st.dictionaries(st.sampled_from([20, 40, 60, 80, 100]), st.integers(0, 31)), max_size=4
    ),
    clicks,
    clicks,
    st.integers(100_000, 400_000),
)
def test_quality_of_a_slot_does_not_depend_on_any_click(
    ticks: list[dict[int, int]], some: Any, others: Any, asked: int
) -> None:
    """The same slot beside other clicks, in other detectors: the same answer."""
    answers = []
    for told, channel in ((some, 0), (others, 3)):
        story = Story()
        story.tick(slots=[1])
        for bits in ticks:
            story.tick(bits, [s for s, _ in told] or [1], [c for _, c in told] or [2])
        last = story.tick(
            slots=[asked, *[s for s, _ in told]], channel=[channel, *[c for _, c in told]]
        )
        answers.append((int(last.quality[0]), last.key_slots.tolist()))
    assert answers[0] == answers[1]
