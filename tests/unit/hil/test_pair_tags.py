"""Coincidences by time against coincidences by slot, on streams whose pairs are known."""

import numpy as np

from hil.pair_tags import by_time
from terminal.qkd.entanglement import Clicks
from terminal.telemetry.pair_clicks import Found, Tags, Ticks

SLOT_PS = 5000
NONE = Ticks(np.empty(0, np.int64), np.empty(0), np.empty(0, np.int64), np.empty(0))
OFFSET_PS = 12_345_678
RATE = 3e-7


def streams(pairs: int, alone: int, seed: int, mislabel: int = 0) -> tuple[Found, Found]:
    """Two ends of 10 s: so many pairs and others; the second's clock is off. Of the second the
    slots are too high by `mislabel`."""
    rng = np.random.default_rng(seed)
    last = 10 * 10**12 // SLOT_PS
    shared = rng.integers(0, last, pairs)
    ends = []
    for second in (False, True):
        slot = np.sort(np.concatenate([shared, rng.integers(0, last, alone)]))
        time_ps = slot * SLOT_PS + np.rint(rng.normal(0, 150, len(slot))).astype(np.int64)
        if second:
            time_ps = time_ps + OFFSET_PS + np.rint(RATE * time_ps).astype(np.int64)
            slot = slot + mislabel
        channel = rng.integers(0, 4, len(slot)).astype(np.uint8)
        accepted = Clicks(slot, channel, np.zeros(len(slot)))
        ends.append(Found(Tags(time_ps, channel), accepted, np.arange(len(slot)), accepted, NONE))
    return ends[0], ends[1]


def test_both_ways_find_the_same_clicks() -> None:
    found = by_time(*streams(10_000, 40_000, 1))
    assert found["locked"]
    assert abs(found["frequency_offset"] - RATE) < 1e-10
    # 8 of 10 s; three sigma on either side leave out 0.3 %, and slots 0.
    assert found["by_slot"] > 7_500
    assert found["both"] > 0.993 * found["by_slot"]
    assert found["both"] > 0.993 * found["by_time"]


def test_wrong_slots_of_one_end_show() -> None:
    """One slot too many: by slots nothing is left, by time all is."""
    found = by_time(*streams(10_000, 40_000, 1, mislabel=1))
    assert found["locked"]
    assert found["by_time"] > 7_500
    assert found["both"] == 0


def test_strangers_do_not_lock() -> None:
    first, _ = streams(0, 300, 1)
    _, second = streams(0, 300, 2)
    assert not by_time(first, second)["locked"]


def test_an_end_without_clicks_has_nothing_to_lock() -> None:
    first, _ = streams(100, 100, 1)
    none = np.empty(0, np.int64)
    nothing = Clicks(none, none.astype(np.uint8), np.empty(0))
    empty = Found(Tags(none, none.astype(np.uint8)), nothing, none, nothing, NONE)
    assert by_time(first, empty) == {"locked": False}
