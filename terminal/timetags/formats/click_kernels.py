"""Compiled loops over the clicks of a file: channels, order in time, repeats."""

import numpy as np
from numpy.typing import NDArray

from terminal.compiled import compiled
from terminal.timetags.formats.blocks import NOT_TAKEN, Times
from terminal.timetags.formats.time_state import (
    CLICKS,
    EARLIEST_PS,
    FIRST_STEP_BACK,
    LAST_PS,
    LATENESS_PS,
    LATEST_PS,
    LEAST_TIME_PS,
    MOST_TIME_PS,
    OUT_OF_RANGE,
    STEP_BACK_PS,
    STEPS_BACK,
)


@compiled
def watch(
    time_ps: Times,
    number: NDArray[np.int16],
    table: NDArray[np.uint8],
    disorder_ps: int,
    state: NDArray[np.int64],
    counts: NDArray[np.int64],
    channel: NDArray[np.uint8],
) -> int:
    """Channels of clicks, how many each has, and what is wrong with their order in time.

    table: (65536,), channel by the device's number, negative ones from the end; channel: (n,), to
    be filled; counts: (4, 256), to be summed over the first axis (see count_kinds). A step back by
    more than disorder_ps counts as one; state: see `time_state`. Returns how many clicks are left
    out.
    """
    last, left_out = state[LAST_PS], 0
    earliest, latest, lateness = state[EARLIEST_PS], state[LATEST_PS], state[LATENESS_PS]
    if state[CLICKS] == 0 and time_ps.size:
        last = time_ps[0]
    for i in range(time_ps.size):
        taken_as = table[np.uint16(number[i])]
        channel[i] = taken_as
        counts[i & 3, taken_as] += 1
        left_out += taken_as == NOT_TAKEN
        t = time_ps[i]
        if taken_as != NOT_TAKEN:
            if LEAST_TIME_PS < t < MOST_TIME_PS:
                earliest = min(earliest, t)
                latest = max(latest, t)
                lateness = max(lateness, latest - t)
            else:
                state[OUT_OF_RANGE] += 1
        if t < last:
            state[STEP_BACK_PS] = max(state[STEP_BACK_PS], last - t)
            if last - t > disorder_ps:
                if state[STEPS_BACK] == 0:
                    state[FIRST_STEP_BACK] = state[CLICKS] + i
                state[STEPS_BACK] += 1
        last = t
    state[LAST_PS] = last
    state[EARLIEST_PS], state[LATEST_PS], state[LATENESS_PS] = earliest, latest, lateness
    state[CLICKS] += time_ps.size
    return left_out


@compiled
def rename(number: NDArray[np.int16], table: NDArray[np.uint8], channel: NDArray[np.uint8]) -> int:
    """Channels of clicks alone, see `watch`. Returns how many are left out."""
    left_out = 0
    for i in range(number.size):
        taken_as = table[np.uint16(number[i])]
        channel[i] = taken_as
        left_out += taken_as == NOT_TAKEN
    return left_out


@compiled
def find_repeats(
    time_ps: Times, channel: NDArray[np.uint8], near: int, found: NDArray[np.bool_]
) -> int:
    """Clicks of the time and channel of one of the `near` ones before; found: (n,), false, to be
    filled. time_ps: ascending. Returns how many."""
    count = 0
    for i in range(1, time_ps.size):
        if time_ps[i] == time_ps[i - 1]:
            for j in range(i - 1, max(i - near, 0) - 1, -1):
                if time_ps[j] == time_ps[i] and channel[j] == channel[i]:
                    found[i] = True
                    count += 1
                    break
    return count


@compiled
def keep_others(
    time_ps: Times,
    channel: NDArray[np.uint8],
    left_out: NDArray[np.bool_],
    kept_ps: Times,
    kept_channel: NDArray[np.uint8],
    index: Times,
) -> int:
    """Clicks but those left out, n of them; returns n. kept_...: to be filled; index: of all
    clicks, the first n then of those kept."""
    n = 0
    for i in range(time_ps.size):
        kept_ps[n], kept_channel[n], index[n] = time_ps[i], channel[i], index[i]
        n += not left_out[i]
    return n
