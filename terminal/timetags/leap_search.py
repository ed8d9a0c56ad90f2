"""Where slots were found not to fit the pattern (`slot_audit`), the clock is searched anew."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from terminal.timetags.file_recovery import Blocks, recover
from terminal.timetags.formats.blocks import TagBlock
from terminal.timetags.pattern import PublicPattern
from terminal.timetags.recovered import Recovery
from terminal.timetags.slot_audit import SlotAudit, Span

_DEPTH = 3
"""Searches in what did not fit of the search before."""


def without(recovery: Recovery, wrong: list[Span]) -> Recovery:
    """The stretches less the spans: what is left of them, in order of time."""
    stretches = []
    for k, stretch in enumerate(recovery.stretches):
        begin_ps = stretch.begin_ps
        for span in (span for span in wrong if span.stretch == k):
            if span.begin_ps > begin_ps:
                stretches.append(stretch._replace(begin_ps=begin_ps, end_ps=span.begin_ps - 1))
            begin_ps = span.end_ps + 1
        if begin_ps <= stretch.end_ps:
            stretches.append(stretch._replace(begin_ps=begin_ps))
    return replace(recovery, stretches=stretches)


def found_again(
    blocks: Blocks,
    pattern: PublicPattern,
    recovery: Recovery,
    wrong: list[Span],
    adjoins: tuple[bool, bool] = (False, False),
    depth: int = _DEPTH,
) -> Recovery:
    """The recovery without the spans, and with the clock searched anew in those that are leaps.

    adjoins: whether the stream goes on before and after the blocks.
    """
    stretches, searches = without(recovery, wrong).stretches, recovery.searches
    for span in (span for span in wrong if span.is_leap and depth):
        within = _within(blocks, span)
        anew = recover(within, pattern, recovery.slot_period_s, searches=searches)
        its_adjoins = (
            adjoins[0] or span.begin_ps > recovery.first_ps,
            adjoins[1] or span.end_ps < recovery.last_ps,
        )
        audit = SlotAudit(anew, pattern, its_adjoins)
        for block in within() if anew.stretches else []:
            clicks = anew.assign(block.time_ps, block.channel)
            audit.feed(block.time_ps, block.channel, clicks)
        anew = found_again(within, pattern, anew, audit.wrong(), its_adjoins, depth - 1)
        stretches, searches = stretches + anew.stretches, anew.searches
    stretches.sort(key=lambda stretch: stretch.begin_ps)
    return replace(recovery, stretches=stretches, searches=searches)


def _within(blocks: Blocks, span: Span) -> Blocks:
    """The clicks of a span."""

    def cut() -> Iterator[TagBlock]:
        for block in blocks():
            begin = int(np.searchsorted(block.time_ps, span.begin_ps))
            end = int(np.searchsorted(block.time_ps, span.end_ps, side="right"))
            if begin < end:
                yield block.part(slice(begin, end))

    return cut
