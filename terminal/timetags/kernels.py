"""Compiled loops over clicks: slots along a path, sums by run, sifting, folding, coincidences.

Each reads every click once; what is per knot of a path is worked out beforehand.
"""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from terminal.compiled import compiled
from terminal.timetags.clock_path import Pieces
from terminal.timetags.mixture import Array

NOT_SIFTED = 255
_CHUNK = 4096
"""Clicks at once: what is written down about them stays in the processor's cache."""
_WHOLE = 1.5 * 2.0**52
_WHOLE_BITS = 0x4338000000000000
"""The float and its bits: up to 2^51, a whole number is added to either alike, so that integers
become floats, and back, by an addition. (The processor converts them one by one.)"""


@compiled
def signal_probability(
    offset_s: Array, fraction: float, sigma_s: float, slot_period_s: float, probability: Array
) -> None:
    """`mixture.responsibility` to 1e-7; probability: (n,), to be filled.

    exp(x) = exp(x / 128)^128, by its power series: one loop without branches or tables is several
    clicks at once, where the library's exp takes one after the other.
    """
    peak = fraction * slot_period_s / (sigma_s * math.sqrt(2.0 * math.pi))
    steepness, floor = -0.5 / (sigma_s * sigma_s) / 128.0, 1.0 - fraction
    for i in range(offset_s.size):
        x = max(steepness * offset_s[i] * offset_s[i], -0.33)
        e = 1 / 120 + x * (1 / 720 + x * (1 / 5040))
        e = 1.0 + x * (1.0 + x * (1 / 2 + x * (1 / 6 + x * (1 / 24 + x * e))))
        e *= e
        e *= e
        e *= e
        e *= e
        e *= e
        e *= e
        e *= e
        signal = peak * e
        probability[i] = signal / (signal + floor)


@compiled
def assign(
    time_ps: NDArray[np.int64],
    channel: NDArray[np.uint8],
    pieces: Pieces,
    sure: NDArray[np.bool_],
    fraction: Array,
    delay_s: Array,
    sigma_s: float,
    length: int,
    slot_period_s: float,
    least_weight: float,
    slot: NDArray[np.int64],
    residual_s: Array,
    weight: Array,
    accepted: NDArray[np.bool_],
) -> None:
    """Slot, residual and weight of clicks, (n,), see `recovered.Clicks`; all to be filled.

    time_ps: ascending. sure, fraction: (k,), of each piece, the latter the share of signal. Pieces
    are shorter than 2^51 ps.
    """
    per_slot, turn, per_turn = 1.0 / slot_period_s, float(length), 1.0 / length
    bits = np.empty(_CHUNK, np.int64)
    number = bits.view(np.float64)
    end, last = 0, pieces.slot.size - 1
    n = time_ps.size
    while end < n:
        begin = end
        k = np.searchsorted(pieces.knot_ps, time_ps[begin], side="right") - 1
        inside = 0 <= k <= last or time_ps[begin] == pieces.knot_ps[-1]
        if not inside or not sure[min(k, last)]:
            # Up to the next knot; beyond the last one, all.
            end = n
            if k <= last:
                end = begin + np.searchsorted(time_ps[begin:], pieces.knot_ps[k + 1])
            end = max(end, begin + 1)
            slot[begin:end], residual_s[begin:end], weight[begin:end] = -1, 0.0, 0.0
            accepted[begin:end] = False
            continue
        k = min(k, last)
        end = begin + np.searchsorted(time_ps[begin:], pieces.knot_ps[k + 1])
        end = min(max(end, begin + 1), begin + _CHUNK)
        origin_ps, first = pieces.knot_ps[k] - _WHOLE_BITS, float(pieces.slot[k])
        start, rate, second, third = (
            pieces.start_s[k],
            pieces.rate[k],
            pieces.second[k],
            pieces.third[k],
        )
        offset = residual_s[begin:end]
        # One thing a loop, so that each is several clicks at once.
        for i in range(offset.size):
            bits[i] = time_ps[begin + i] - origin_ps
        for i in range(offset.size):
            offset[i] = delay_s[channel[begin + i]]
        for i in range(offset.size):
            x = (number[i] - _WHOLE) * 1e-12 - offset[i]
            along = start + x - x * (rate + x * (second + x * third))
            count = np.rint(along * per_slot)
            offset[i] = along - count * slot_period_s
            index = first + count
            index -= turn * np.floor(index * per_turn)
            # The quotient is rounded: it may be one turn off.
            index += turn if index < 0.0 else 0.0
            index -= turn if index >= turn else 0.0
            number[i] = index + _WHOLE
        for i in range(offset.size):
            slot[begin + i] = bits[i] - _WHOLE_BITS
        signal_probability(offset, fraction[k], sigma_s, slot_period_s, weight[begin:end])
        for i in range(begin, end):
            accepted[i] = weight[i] >= least_weight


@compiled
def add_sums(
    time_ps: NDArray[np.int64],
    channel: NDArray[np.uint8],
    pieces: Pieces,
    begin_ps: NDArray[np.int64],
    end_ps: NDArray[np.int64],
    stride: NDArray[np.int64],
    fraction: Array,
    delay_s: Array,
    sigma_s: float,
    slot_period_s: float,
    of_run: Array,
    of_channel: Array,
) -> float:
    """Adds clicks to the sums of `knot_phases.KnotSums`; returns the weighted square of offsets.

    time_ps, channel: (n,), ascending; outside of the knots the nearest piece goes on. begin_ps,
    end_ps, fraction: of runs of clicks, both ends included; clicks outside of these are left out.
    stride: of each run, every how many-th of its clicks in time_ps counts.
    of_run: (runs, 3), clicks, weight, weight times offset; of_channel: (4, 3).
    """
    per_slot = 1.0 / slot_period_s
    last = pieces.slot.size - 1
    square = 0.0
    sums = np.empty((4, 4, 4))
    offset, weight = np.empty(_CHUNK), np.empty(_CHUNK)
    run = max(np.searchsorted(begin_ps, time_ps[0], side="right") - 1, 0) if time_ps.size else 0
    while run < begin_ps.size and time_ps.size and begin_ps[run] <= time_ps[-1]:
        begin = np.searchsorted(time_ps, begin_ps[run])
        run_end = np.searchsorted(time_ps, end_ps[run], side="right")
        while begin < run_end:
            k = np.searchsorted(pieces.knot_ps, time_ps[begin], side="right") - 1
            k = min(max(k, 0), last)
            end = min(run_end, begin + _CHUNK * stride[run])
            if k < last:
                end = min(end, begin + np.searchsorted(time_ps[begin:], pieces.knot_ps[k + 1]))
            knot_ps = pieces.knot_ps[k]
            start, rate, second, third = (
                pieces.start_s[k],
                pieces.rate[k],
                pieces.second[k],
                pieces.third[k],
            )
            each = stride[run]
            n = (end - begin + each - 1) // each
            for i in range(n):
                click = begin + i * each
                x = (time_ps[click] - knot_ps) * 1e-12 - delay_s[channel[click]]
                along = start + x - x * (rate + x * (second + x * third))
                offset[i] = along - slot_period_s * np.rint(along * per_slot)
            signal_probability(offset[:n], fraction[run], sigma_s, slot_period_s, weight[:n])
            sums[:] = 0.0
            for i in range(n):
                lane, number = i & 3, channel[begin + i * each]
                moment = weight[i] * offset[i]
                sums[lane, number, 0] += 1.0
                sums[lane, number, 1] += weight[i]
                sums[lane, number, 2] += moment
                sums[lane, number, 3] += moment * offset[i]
            for lane in range(4):
                for number in range(4):
                    for what in range(3):
                        of_run[run, what] += sums[lane, number, what]
                        of_channel[number, what] += sums[lane, number, what]
                    square += sums[lane, number, 3]
            begin = end
        run += 1
    return square


@compiled
def sift(
    slot: NDArray[np.int64],
    channel: NDArray[np.uint8],
    accepted: NDArray[np.bool_],
    state: NDArray[np.uint8],
    counts: NDArray[np.int64],
    bit: NDArray[np.uint8],
) -> None:
    """Bits of accepted clicks whose detector is of the basis that was sent, in public slots.

    slot: (n,), pattern index, negative: none; state: (length,). counts: (4, 16), 4 * sent state +
    channel, to be summed over the first axis, to which accepted clicks in public slots are added;
    bit: (n,), to be filled with 0 (H, D), 1 (V, A) or NOT_SIFTED.
    """
    for i in range(slot.size):
        number = channel[i]
        sent = state[max(slot[i], 0)]
        usable = accepted[i] & (slot[i] >= 0) & (sent < 4)
        counts[i & 3, 4 * np.int64(sent & 3) + number] += usable
        bit[i] = number & 1 if usable & (sent >> 1 == number >> 1) else NOT_SIFTED


@compiled
def add_fold(
    time_ps: NDArray[np.int64],
    origin_ps: int,
    turns: float,
    turns_per_ps: float,
    counts: NDArray[np.int64],
) -> None:
    """Adds the phases of clicks to a histogram over one turn, 0..1.

    time_ps: (n,), in any order; phase = turns + (time - origin) turns_per_ps, turns 0..1,
    turns_per_ps 0..0.5. counts: (4, bins), bins < 2^32, to be summed over the first axis: the same
    number is not written twice in a row, which would cost more than all else.

    The phase is a product modulo 2^64, exact but for the rate, which is rounded to 2^-64 turns a
    ps: a millionth of a turn after 10 s. Move the origin on for more.
    """
    bins = np.uint64(counts.shape[1])
    # Rounding may make it one whole turn, which 2^64 would not hold.
    begin = np.uint64(turns * 2.0**63) << np.uint64(1)
    step = np.uint64(turns_per_ps * 2.0**64)
    for i in range(time_ps.size):
        phase = begin + np.uint64(time_ps[i] - origin_ps) * step
        counts[i & 3, ((phase >> np.uint64(32)) * bins) >> np.uint64(32)] += 1


@compiled
def coincidences(
    a: NDArray[Any],
    b: NDArray[Any],
    half_window: float,
    at: tuple[int, int],
    of_a: NDArray[np.int64],
    of_b: NDArray[np.int64],
) -> tuple[int, int, int]:
    """All pairs with |b - a| <= half_window, ascending in a and then in b.

    a: (n,), b: (m,), ascending, of one type and unit. of_a, of_b: (p,), to be filled with the
    pairs' indices. at: (0, 0), or where the call before stopped.
    Returns (index in a and in b at which it stopped: n for a if all are found, else there was no
    room for all pairs of the next a; pairs found).
    """
    i, j = at
    n, m, found = a.size, b.size, 0
    while True:
        # Most steps find nothing: that these have no branch to guess wrongly is the speed.
        while i < n and j < m:
            gap = b[j] - a[i]
            if abs(gap) <= half_window:
                break
            is_behind = gap < 0
            j += is_behind
            i += 1 - is_behind
        if i >= n or j >= m:
            return n, j, found
        before, k = found, j
        while k < m and b[k] - a[i] <= half_window:
            if found == of_a.size:
                return i, j, before
            of_a[found], of_b[found] = i, k
            found += 1
            k += 1
        i += 1
