"""Slots of all the clicks of a file, searched again where the pattern speaks against them."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from terminal.clock_input import TagStream
from terminal.timetags import quality
from terminal.timetags.formats import TagBlock
from terminal.timetags.leap_search import found_again, without
from terminal.timetags.pattern import PublicPattern
from terminal.timetags.recovered import Clicks, Recovery
from terminal.timetags.slot_audit import SlotAudit, Span


class FirstClick(NamedTuple):
    """The earliest click whose slot is sure."""

    time_ps: int
    channel: int


class Totals:
    """Over all clicks of a file."""

    def __init__(self, recovery: Recovery, pattern: PublicPattern) -> None:
        self._pattern = pattern
        self._slot_period_s = recovery.slot_period_s
        self._histogram = np.zeros(quality.BINS, dtype=np.int64)
        self._far = np.zeros((4, 4), dtype=np.int64)
        self._counts = np.zeros((4, 16), dtype=np.int64)
        self._figures = np.zeros(3, dtype=np.int64)
        self._clicks = 0
        self.first: FirstClick | None = None
        self._audit = SlotAudit(recovery, pattern)

    @property
    def histogram(self) -> NDArray[np.float64]:
        """Of the residuals, over one slot."""
        return self._histogram.astype(np.float64)

    @property
    def far(self) -> NDArray[np.float64]:
        """By channel: clicks in the half of the slot that is far from its centre."""
        return np.asarray(np.sum(self._far, axis=0), dtype=np.float64)

    @property
    def counts(self) -> NDArray[np.float64]:
        """Accepted clicks in public slots, see `terminal.timetags.frame`."""
        return np.asarray(np.sum(self._counts, axis=0), dtype=np.float64)

    @property
    def by_window(self) -> tuple[int, int, int]:
        """Clicks in the window, out of it, without a slot."""
        sure, accepted, _ = self._figures.tolist()
        return accepted, sure - accepted, self._clicks - sure

    @property
    def sure_s(self) -> float:
        """Time in which the slot is sure."""
        return 1e-12 * float(self._figures[-1])

    def add(self, block: TagBlock, clicks: Clicks) -> None:
        """Clicks of a block, ascending in time."""
        from terminal.timetags import tally_kernels

        tally_kernels.tally(
            block.time_ps,
            block.channel,
            clicks.slot,
            clicks.residual_s,
            clicks.accepted,
            self._pattern.state,
            self._slot_period_s,
            self._histogram,
            self._far,
            self._counts,
            self._figures,
        )
        self._clicks += block.time_ps.size
        if self.first is None and np.any(sure := clicks.slot >= 0):
            k = int(np.argmax(sure))
            self.first = FirstClick(int(block.time_ps[k]), int(block.channel[k]))
        self._audit.feed(block.time_ps, block.channel, clicks)

    def wrong(self) -> list[Span]:
        """Where the slots don't fit the pattern, after all blocks."""
        return self._audit.wrong()


def assign_all(
    stream: TagStream,
    recovery: Recovery,
    pattern: PublicPattern,
    slots: NDArray[np.int64] | None,
) -> Totals:
    """One pass over the file: totals, and the slots of all clicks into `slots` (clicks,)."""
    totals = Totals(recovery, pattern)
    for block in stream.blocks():
        clicks = recovery.assign(block.time_ps, block.channel)
        if slots is not None:
            slots[block.rows] = clicks.slot
        totals.add(block, clicks)
    return totals


class Settled(NamedTuple):
    """A recovery whose slots fit the pattern wherever they are given."""

    recovery: Recovery
    totals: Totals | None
    """None: no lock."""
    leaps: list[Span]
    """Where they surely did not at first."""
    unsure: list[Span]
    """What was left out beside: the pattern does not say that they fit."""


def settle(
    stream: TagStream,
    recovery: Recovery,
    pattern: PublicPattern,
    slots: NDArray[np.int64] | None,
) -> Settled:
    """Slots of all clicks, as `assign_all`; where they don't fit, the clock is searched again, and
    where those found then don't, there are none."""
    if not recovery.stretches:
        return Settled(recovery, None, [], [])
    totals = assign_all(stream, recovery, pattern, slots)
    wrong = totals.wrong()
    if wrong:
        recovery = found_again(stream.distinct_blocks, pattern, recovery, wrong)
        totals = assign_all(stream, recovery, pattern, slots)
        still = totals.wrong()
        if still:
            recovery = without(recovery, still)
            totals = assign_all(stream, recovery, pattern, slots)
            wrong = sorted(wrong + still, key=lambda span: span.begin_ps)
    return Settled(
        recovery,
        totals,
        [span for span in wrong if span.is_leap],
        [span for span in wrong if not span.is_leap],
    )
