"""Compiled loops over PicoQuant's records. They carry their state in an array from block to block,
so that the cut into blocks makes no difference."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from terminal.compiled import compiled
from terminal.timetags.formats.blocks import BAD, SYNC, Times
from terminal.timetags.formats.ptu_rules import Rules

_RUN = 2048
_GROUP = 32
_SHORT = np.uint64(0xFFFFFFFF)
# State of decode_records.
CARRIED: Final = 0
BEFORE: Final = 1
BAD_FIRST: Final = 2
BAD_COUNT: Final = 3
LOST_FIRST: Final = 4
LOST_COUNT: Final = 5


@compiled
def _decode_any(
    words: NDArray[np.uint32],
    rules: Rules,
    state: NDArray[np.int64],
    time_ps: Times,
    channel: NDArray[np.int16],
) -> tuple[int, int]:
    """`decode_records` for records of all kinds."""
    layout, first_input, inputs = rules.layout, rules.first_input, rules.inputs
    count_bits, delay_bits, wrap = layout.count_bits, layout.delay_bits, layout.wrap
    count_whole_ps, count_part_ps = rules.count_ps
    delay_whole_ps, delay_part_ps = rules.delay_ps
    count_mask = (1 << count_bits) - 1
    delay_mask = (1 << delay_bits) - 1
    lost_at = wrap * 3 // 4
    has_parts = count_part_ps != 0.0 or delay_part_ps != 0.0
    carried, before = state[CARRIED], state[BEFORE]
    base = carried * wrap
    used, n = words.size, 0
    for i in range(words.size):
        word = np.int64(words[i])
        kind = word >> layout.kind_shift
        number = kind - first_input
        if number < 0 or number >= inputs:
            number = np.int64(rules.channel_of[kind])
            if kind == rules.overflow_kind and word & layout.marker_bits == 0:
                times = np.int64(1)
                if layout.overflows_counted and word & count_mask > 1:
                    times = word & count_mask
                if carried + times > rules.most_wraps:
                    used = i
                    break
                carried += times
                base += times * wrap
                continue
            if number < SYNC:
                if number == BAD:
                    if state[BAD_COUNT] == 0:
                        state[BAD_FIRST] = i
                    state[BAD_COUNT] += 1
                continue
        count = base + (word & count_mask)
        if before - count > lost_at:
            carried += 1
            base += wrap
            count += wrap
            if state[LOST_COUNT] == 0:
                state[LOST_FIRST] = n
            state[LOST_COUNT] += 1
        before = count
        delay = (word >> count_bits) & delay_mask
        at = count * count_whole_ps + delay * delay_whole_ps
        if has_parts:
            at += np.int64(np.rint(count * count_part_ps) + np.rint(delay * delay_part_ps))
        time_ps[n] = at
        channel[n] = number
        n += 1
    state[CARRIED], state[BEFORE] = carried, before
    return used, n


@compiled
def _split(
    words: NDArray[np.uint32],
    begin: int,
    end: int,
    bits: np.uint64,
    more_bits: np.uint64,
    step: np.uint64,
    base: np.uint64,
    n: np.uint64,
    time_ps: Times,
    channel: NDArray[np.int16],
) -> tuple[np.uint64, np.uint64, np.uint64]:
    """Records one after the other, without a branch; (base and n after them, 0 if all are known).

    Count and delay are written side by side; count: base + that of the record.
    """
    # Unsigned, or each index would be looked at for being negative.
    one, odd = np.uint64(1), np.uint64(0)
    count_mask, delay_mask = (one << bits) - one, (one << more_bits) - one
    for i in range(begin, end):
        word = np.uint64(words[np.uint64(i)])
        content = word & count_mask
        kind = word >> np.uint64(25)
        is_special = word >> np.uint64(31)
        odd |= is_special & np.uint64((kind != 127) | (content == 0))
        time_ps[n] = (base + content) << more_bits | (word >> bits) & delay_mask
        channel[n] = kind
        n += one - is_special
        base += content * step * is_special
    return base, n, odd


@compiled
def _decode_run(
    words: NDArray[np.uint32],
    rules: Rules,
    state: NDArray[np.int64],
    time_ps: Times,
    channel: NDArray[np.int16],
) -> int:
    """`decode_records` for counted overflows; how many clicks, -1 if there is anything else."""
    count_bits, delay_bits = rules.layout.count_bits, rules.layout.delay_bits
    wrap = rules.layout.wrap
    count_whole_ps, count_part_ps = rules.count_ps
    delay_whole_ps, delay_part_ps = rules.delay_ps
    one, bits, more_bits = np.uint64(1), np.uint64(count_bits), np.uint64(delay_bits)
    count_mask, delay_mask = (one << bits) - one, (one << more_bits) - one
    step, base, n, odd = np.uint64(wrap), np.uint64(0), np.uint64(0), np.uint64(0)
    for begin in range(0, words.size, _GROUP):
        end, specials = min(begin + _GROUP, words.size), np.uint32(0)
        for i in range(begin, end):
            specials |= words[np.uint64(i)]
        if specials >> np.uint32(31) or end < begin + _GROUP:
            base, n, unknown = _split(
                words, begin, end, bits, more_bits, step, base, n, time_ps, channel
            )
            odd |= unknown
        else:  # Clicks alone: several at once.
            for i in range(_GROUP):
                at, word = n + np.uint64(i), np.uint64(words[np.uint64(begin + i)])
                time_ps[at] = (base + (word & count_mask)) << more_bits | (
                    word >> bits
                ) & delay_mask
                channel[at] = word >> np.uint64(25)
            n += np.uint64(_GROUP)
    clicks = np.int64(n)
    carried = state[CARRIED] + np.int64(base // step)
    before, start = state[BEFORE], state[CARRIED] * wrap
    if odd or carried > rules.most_wraps:
        return -1
    latest, fall = before - start, np.int64(0)
    if clicks:
        fall = (latest << delay_bits) - time_ps[0]
        latest = time_ps[clicks - 1] >> delay_bits
    for i in range(1, clicks):
        fall = max(fall, time_ps[i - 1] - time_ps[i])
    # Of count and delay side by side: a bit too careful.
    if fall >> delay_bits >= wrap * 3 // 4:
        return -1
    state[BEFORE], state[CARRIED] = start + latest, carried
    has_parts = count_part_ps != 0.0 or delay_part_ps != 0.0
    if has_parts:
        for i in range(clicks):
            count = start + (time_ps[i] >> delay_bits)
            delay = time_ps[i] & np.int64(delay_mask)
            part_ps = np.rint(count * count_part_ps) + np.rint(delay * delay_part_ps)
            time_ps[i] = count * count_whole_ps + delay * delay_whole_ps + np.int64(part_ps)
    elif delay_bits == 0 and count_whole_ps == 1:
        for i in range(clicks):
            time_ps[i] += start
    elif base + count_mask <= _SHORT and max(count_whole_ps, delay_whole_ps) <= _SHORT:
        # The processor multiplies short numbers several at once.
        start_ps = np.uint64(start * count_whole_ps)
        count_ps, delay_ps = np.uint64(count_whole_ps), np.uint64(delay_whole_ps)
        for i in range(clicks):
            both = np.uint64(time_ps[i])
            count, delay = (both >> more_bits) & _SHORT, both & delay_mask & _SHORT
            time_ps[i] = start_ps + count * (count_ps & _SHORT) + delay * (delay_ps & _SHORT)
    else:
        for i in range(clicks):
            count = start + np.int64(np.uint64(time_ps[i]) >> more_bits)
            delay = time_ps[i] & np.int64(delay_mask)
            time_ps[i] = count * count_whole_ps + delay * delay_whole_ps
    return int(clicks)


@compiled
def decode_records(
    words: NDArray[np.uint32],
    rules: Rules,
    state: NDArray[np.int64],
    time_ps: Times,
    channel: NDArray[np.int16],
) -> tuple[int, int]:
    """PicoQuant records to clicks, see `ptu_records`; time_ps, channel: (n,), to be filled.

    Returns (records used: fewer where the overflows exceed most_wraps, clicks).

    Runs of clicks and sound overflows are decoded without a branch, else most time would go into
    branches guessed wrongly; what else there is, is decoded record by record.
    """
    n = 0
    for begin in range(0, words.size, _RUN):
        end = min(begin + _RUN, words.size)
        part, times, channels = words[begin:end], time_ps[n:], channel[n:]
        if rules.layout.overflows_counted:
            found = _decode_run(part, rules, state, times, channels)
            if found >= 0:
                n += found
                continue
        lost = state[LOST_COUNT]
        bad = state[BAD_COUNT]
        used, found = _decode_any(part, rules, state, times, channels)
        if lost == 0:
            state[LOST_FIRST] += n
        if bad == 0:
            state[BAD_FIRST] += begin
        n += found
        if used < end - begin:
            return begin + used, n
    return words.size, n


@compiled
def count_kinds(words: NDArray[np.uint32], kind_shift: int, counts: NDArray[np.int64]) -> None:
    """Adds the records of each kind. counts: (4, kinds), to be summed over the first axis: the
    same number is not written twice in a row, which would cost more than all else."""
    for i in range(words.size):
        counts[i & 3, np.int64(words[i]) >> kind_shift] += 1
