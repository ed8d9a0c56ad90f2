"""Clicks into time order, with bounded memory.

A click is late by how far it lies behind the latest time before it. Clicks at the same time keep
their order, and none is left out.
"""

from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

from terminal.timetags.formats.blocks import TagBlock

Order = NDArray[np.intp]

FIRST_PS = np.iinfo(np.int64).min


def lateness_ps(blocks: Iterable[TagBlock]) -> int:
    """How late the latest of all clicks is: the window that puts the whole file in order."""
    latest, worst = FIRST_PS, 0
    for block in blocks:
        if not block.time_ps.size:
            continue
        reached = np.maximum(np.maximum.accumulate(block.time_ps), latest)
        worst = max(worst, int(np.max(reached - block.time_ps)))
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
            held = [_part(ordered, slice(ready, None))]
            if ready:
                handed_on = max(handed_on, int(ordered.time_ps[ready - 1]))
                yield _part(ordered, slice(ready))
        rest = _merged(held)
        if rest.time_ps.size:
            yield rest


def time_order(blocks: Iterable[TagBlock], window_ps: int | None) -> TimeOrder:
    """Put clicks in time order.

    window_ps: how late a click may come; what is held in memory are the clicks of the window and a
    block. None: any; all clicks are held, and come as one block.
    """
    return TimeOrder(blocks, window_ps)


def _part(block: TagBlock, chosen: slice | Order) -> TagBlock:
    return TagBlock(block.time_ps[chosen], block.channel[chosen], block.index[chosen])


def _merged(held: list[TagBlock]) -> TagBlock:
    block = TagBlock(
        np.concatenate([np.empty(0, np.int64), *(part.time_ps for part in held)]),
        np.concatenate([np.empty(0, np.uint8), *(part.channel for part in held)]),
        np.concatenate([np.empty(0, np.int64), *(part.index for part in held)]),
    )
    return _part(block, np.argsort(block.time_ps, kind="stable"))
