"""Clicks into time order, with bounded memory.

A click is late by how far it lies behind the latest time before it. Clicks at the same time keep
their order, and none is left out.
"""

from collections.abc import Iterable, Iterator

import numpy as np

from terminal.timetags.formats.blocks import TagBlock

FIRST_PS = np.iinfo(np.int64).min
_NEAR = 4
"""Clicks before one that are looked at for its like."""


def lateness_ps(blocks: Iterable[TagBlock]) -> int:
    """How late the latest of all clicks is: the window that puts the whole file in order."""
    latest, worst = FIRST_PS, 0
    for block in blocks:
        t = block.time_ps
        if not t.size:
            continue
        if int(t[0]) >= latest and bool(np.all(t[1:] >= t[:-1])):
            latest = int(t[-1])
            continue
        reached = np.maximum(np.maximum.accumulate(t), latest)
        worst = max(worst, int(np.max(reached - t)))
        latest = int(reached[-1])
    return worst


class TimeOrder:
    """Blocks in time order; iterate once. What was found stands in the attributes afterwards."""

    def __init__(self, blocks: Iterable[TagBlock], window_ps: int | None) -> None:
        self._blocks = blocks
        self._window_ps = window_ps
        self.largest_lateness_ps = 0
        self.late = 0
        """Clicks later than the window: handed on all the same, behind ones of a later time."""

    def __iter__(self) -> Iterator[TagBlock]:
        held: list[TagBlock] = []
        latest = handed_on = FIRST_PS
        for block in self._blocks:
            if not block.time_ps.size:
                continue
            reached = np.maximum(np.maximum.accumulate(block.time_ps), latest)
            lateness = int(np.max(reached - block.time_ps))
            self.largest_lateness_ps = max(self.largest_lateness_ps, lateness)
            latest = int(reached[-1])
            self.late += int(np.count_nonzero(block.time_ps < handed_on))
            held.append(block)
            if self._window_ps is None:
                continue
            ordered = _merged(held)
            ready = int(np.searchsorted(ordered.time_ps, latest - self._window_ps, side="left"))
            held = [ordered.part(slice(ready, None))]
            if ready:
                handed_on = max(handed_on, int(ordered.time_ps[ready - 1]))
                yield ordered.part(slice(ready))
        rest = _merged(held)
        if rest.time_ps.size:
            yield rest


def time_order(blocks: Iterable[TagBlock], window_ps: int | None) -> TimeOrder:
    """Put clicks in time order.

    window_ps: how late a click may come; what is held in memory are the clicks of the window and a
    block. None: any; all clicks are held, and come as one block.
    """
    return TimeOrder(blocks, window_ps)


def _merged(held: list[TagBlock]) -> TagBlock:
    block = TagBlock(
        np.concatenate([np.empty(0, np.int64), *(part.time_ps for part in held)]),
        np.concatenate([np.empty(0, np.uint8), *(part.channel for part in held)]),
        np.concatenate([np.empty(0, np.int64), *(part.index for part in held)]),
    )
    return block.part(np.argsort(block.time_ps, kind="stable"))


def distinct(before: TagBlock, block: TagBlock) -> TagBlock:
    """A block without the clicks that repeat the time and channel of one before.

    before: the block before it; both ascending in time.
    """
    from terminal.timetags.formats import click_kernels

    # Clicks at one time are next to each other, those of four channels in any order.
    seam_ps = np.concatenate([before.time_ps[-_NEAR:], block.time_ps[:_NEAR]])
    seam_channel = np.concatenate([before.channel[-_NEAR:], block.channel[:_NEAR]])
    at_seam = np.zeros(seam_ps.size, dtype=np.bool_)
    found = np.zeros(block.time_ps.size, dtype=np.bool_)
    count = click_kernels.find_repeats(seam_ps, seam_channel, _NEAR, at_seam)
    count += click_kernels.find_repeats(block.time_ps, block.channel, _NEAR, found)
    if not count:
        return block
    found[:_NEAR] |= at_seam[min(before.time_ps.size, _NEAR) :]
    time_ps, channel = np.empty_like(block.time_ps), np.empty_like(block.channel)
    index = block.index
    n = click_kernels.keep_others(block.time_ps, block.channel, found, time_ps, channel, index)
    return TagBlock(time_ps[:n], channel[:n], index[:n])
