"""Compiled sums over the recovered clicks of a block, each in one pass."""

import numpy as np
from numpy.typing import NDArray

from terminal.compiled import compiled
from terminal.timetags.mixture import Array

# Places in `figures` of `tally`.
SURE, ACCEPTED, SURE_PS = 0, 1, 2
_FAR_SHARE = 0.25


@compiled
def tally(
    time_ps: NDArray[np.int64],
    channel: NDArray[np.uint8],
    slot: NDArray[np.int64],
    residual_s: Array,
    accepted: NDArray[np.bool_],
    state: NDArray[np.uint8],
    slot_period_s: float,
    histogram: NDArray[np.int64],
    far: NDArray[np.int64],
    counts: NDArray[np.int64],
    figures: NDArray[np.int64],
) -> None:
    """Adds clicks to the sums of `clock_totals.Totals`; all of the clicks (n,), ascending in time.

    histogram: (bins,), of residuals over one slot; far: (4, 4), by channel, of residuals over a
    quarter slot; counts: (4, 16), 4 * sent state + channel of accepted clicks in public slots: to
    be summed over the first axis, as the same number is not written twice in a row. figures:
    clicks with a slot, clicks accepted, time between neighbours that both have a slot.
    """
    bins = histogram.size
    per_slot = 1.0 / slot_period_s
    begin = n = slot.size
    sure = taken = sure_ps = 0
    for i in range(n):
        if slot[i] < 0:
            if begin < i:
                sure_ps += time_ps[i - 1] - time_ps[begin]
            begin = n
            continue
        begin = min(begin, i)
        lane, number = i & 3, np.uint64(channel[i])
        share = residual_s[i] * per_slot
        place = np.uint64(min(max((share + 0.5) * bins, 0.0), bins - 1.0))
        histogram[place] += 1
        far[lane, number] += abs(share) > _FAR_SHARE
        sent = state[slot[i]]
        counts[lane, np.uint64(sent & 3) << np.uint64(2) | number] += accepted[i] & (sent < 4)
        sure += 1
        taken += accepted[i]
    if begin < n:
        sure_ps += time_ps[n - 1] - time_ps[begin]
    figures[SURE] += sure
    figures[ACCEPTED] += taken
    figures[SURE_PS] += sure_ps


@compiled
def add_turns(
    time_ps: NDArray[np.int64],
    channel: NDArray[np.uint8],
    slot: NDArray[np.int64],
    residual_s: Array,
    accepted: NDArray[np.bool_],
    click_weight: Array,
    state: NDArray[np.uint8],
    quarter: NDArray[np.int64],
    slot_period_s: float,
    edges_ps: NDArray[np.int64],
    turns: Array,
    sums: Array,
) -> None:
    """Adds clicks to sums by bin: accepted ones in public slots by (quarter of channel - quarter of
    sent state) mod 4; see `slot_audit.Bins` for the others.

    time_ps ... click_weight: (n,), ascending in time, see `recovered.Clicks`. edges_ps: (k - 1,),
    between the bins; turns: (k, 4); sums: (k, 3).
    """
    by_turn, others = np.empty((4, 4)), np.empty((4, 3))
    per_quarter = 4.0 / slot_period_s
    end, n = 0, time_ps.size
    while end < n:
        begin = end
        k = np.searchsorted(edges_ps, time_ps[begin], side="right")
        end = n
        if k < edges_ps.size:
            end = begin + np.searchsorted(time_ps[begin:], edges_ps[k])
        by_turn[:], others[:] = 0.0, 0.0
        for i in range(begin, end):
            # Four lanes, as the same number is not written twice in a row.
            lane, sure = i & 3, slot[i] >= 0
            sent = state[max(slot[i], 0)]
            usable = accepted[i] & (sent < 4)
            turn = (quarter[channel[i]] - quarter[sent & 3]) & 3
            by_turn[lane, turn] += usable
            others[lane, 0] += click_weight[i] * usable
            others[lane, 1] += sure
            others[lane, 2] += sure * (1.0 - abs(residual_s[i]) * per_quarter)
        for lane in range(4):
            for column in range(4):
                turns[k, column] += by_turn[lane, column]
            for column in range(3):
                sums[k, column] += others[lane, column]
