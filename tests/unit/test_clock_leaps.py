"""`qsky clock recover` where slots do not fit the pattern: what it says, and what it leaves out."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from clock_case import SLOT_PS, Case, Run
from numpy.typing import NDArray

from terminal import clock_totals
from terminal.timetags.file_recovery import Blocks, recover
from terminal.timetags.formats import TagBlock
from terminal.timetags.leap_search import found_again
from terminal.timetags.pattern import PublicPattern
from terminal.timetags.recovered import Recovery
from terminal.timetags.slot_audit import SlotAudit


def leapt(case: Case, begin_s: float, end_s: float) -> NDArray[np.int64]:
    """Times that are late by one slot in between; few clicks change places."""
    t_s = case.time_ps * 1e-12
    return case.time_ps + np.where((t_s >= begin_s) & (t_s < end_s), SLOT_PS, 0)


def wrong(slots: NDArray[np.int64], case: Case) -> int:
    """Clicks of signal."""
    return int(np.count_nonzero(case.is_signal & (slots >= 0) & (slots != case.slot)))


def blocks_of(time_ps: NDArray[np.int64], channel: NDArray[np.uint8]) -> Blocks:
    order = np.argsort(time_ps, kind="stable")

    def blocks() -> Iterator[TagBlock]:
        yield TagBlock(time_ps[order], channel[order], np.arange(order.size))

    return blocks


def test_what_was_cut_out_is_not_a_clock_lost_and_found(qsky: Run, tmp_path: Path) -> None:
    """Sixty clicks late by one slot, with one lock before and after, and too few for another."""
    case = Case(tmp_path, n=12_000, span_s=6.0)
    case.write("npz", leapt(case, 3.0, 3.03), case.channel)
    got, slots = case.recovered(qsky)
    assert len(got["stretches"]) == 2
    assert "relocked" not in got["flags"]
    assert {"slot_leap", "slots_unsure"} & set(got["flags"])
    assert wrong(slots, case) == 0


def test_slots_that_the_second_search_leaves_wrong_are_left_out(
    qsky: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def not_found(
        blocks: Blocks, pattern: PublicPattern, recovery: Recovery, spans: object
    ) -> Recovery:
        return recovery

    monkeypatch.setattr(clock_totals, "found_again", not_found)
    case = Case(tmp_path, n=12_000, span_s=6.0)
    case.write("npz", leapt(case, 3.0, 3.4), case.channel)
    got, slots = case.recovered(qsky)
    assert "slot_leap" in got["flags"]
    assert wrong(slots, case) == 0
    assert np.mean(slots[case.is_signal] >= 0) > 0.9


def test_a_lock_after_many_attempts_needs_clicks_that_prove_it(tmp_path: Path) -> None:
    """A thousand attempts at 1e-6 each are no lock at 1e-6; the clicks that come later are."""
    case = Case(tmp_path, n=3000, span_s=1.5)
    pattern = PublicPattern(case.state)
    few = slice(0, 240)
    alone = blocks_of(case.time_ps[few], case.channel[few])
    first = recover(alone, pattern, 1e-12 * SLOT_PS)
    assert first.stretches
    assert first.searches == 1
    assert not recover(alone, pattern, 1e-12 * SLOT_PS, searches=1000).stretches
    whole = blocks_of(case.time_ps, case.channel)
    later = recover(whole, pattern, 1e-12 * SLOT_PS, searches=1000)
    assert later.stretches
    assert later.searches > 1000


def test_searches_after_a_leap_count_with_those_before(tmp_path: Path) -> None:
    case = Case(tmp_path, n=12_000, span_s=6.0)
    blocks = blocks_of(leapt(case, 4.0, 6.1), case.channel)
    pattern = PublicPattern(case.state)
    recovery = recover(blocks, pattern, 1e-12 * SLOT_PS)
    audit = SlotAudit(recovery, pattern)
    for block in blocks():
        audit.feed(block.time_ps, block.channel, recovery.assign(block.time_ps, block.channel))
    spans = audit.wrong()
    anew = found_again(blocks, pattern, recovery, spans)
    assert anew.searches >= recovery.searches + sum(span.is_leap for span in spans)
