"""The same coincidences by another way: from the time tags of both ends, without any slot.

What `qsky clock pair` does finds offset, rate and drift between the two taggers' clocks from the
coincidences themselves. Which clicks belong together by that curve is held against which have the
same slot number by either terminal's clock recovery. All clicks in either end's gate take part:
light in public slots coincides too, and helps.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from terminal.telemetry.pair_clicks import Found
from terminal.timetags.pairs import PairLock, find_pairs

SPAN_PS = 8 * 10**12
"""Long enough for some thousand pairs, and short against the curvature of two flight paths."""
MAX_OFFSET_S = 1e-3
"""Between the taggers, which were started by GNSS time. Further off, at the public pattern's
period, public light would coincide as well."""
MAX_RATE = 5e-6
"""Between their oscillators, and by Doppler."""
WINDOW_SIGMAS = 3.0
"""Of the pairs' jitter, on either side of the curve."""

Slots = NDArray[np.int64]


def by_time(first: Found, second: Found) -> dict[str, Any]:
    """Both ways' coincidences in the middle of the flight.

    `by_slot` and `by_time` are their numbers, `both` is the number of those that are the same two
    clicks.
    """
    times = [f.tags.time_ps[f.place] for f in (first, second)]
    if not (len(times[0]) and len(times[1])):
        return {"locked": False}
    begin = max(int(time_ps.min()) for time_ps in times)
    end = min(int(time_ps.max()) for time_ps in times)
    begin = max(begin, (begin + end - SPAN_PS) // 2)
    end = min(end, begin + SPAN_PS)
    chosen = [_between(time_ps, begin, end) for time_ps in times]
    a_ps, b_ps = (time_ps[one] for time_ps, one in zip(times, chosen, strict=True))
    lock = find_pairs(a_ps, b_ps, MAX_OFFSET_S, MAX_RATE)
    answer: dict[str, Any] = {
        "locked": lock.locked,
        "false_lock_probability": lock.false_lock_probability,
    }
    if not lock.locked:
        return answer
    timed = set(zip(*_along(a_ps, b_ps, lock), strict=True))
    slots = [f.accepted.slot[one] for f, one in zip((first, second), chosen, strict=True)]
    slotted = set(zip(*_same(*slots), strict=True))
    return answer | {
        "offset_ps": lock.offset_ps,
        "frequency_offset": lock.frequency_offset,
        "drift_per_s": lock.drift_per_s,
        "jitter_ps": lock.jitter_ps,
        "seconds": (end - begin) * 1e-12,
        "by_slot": len(slotted),
        "by_time": len(timed),
        "both": len(slotted & timed),
    }


def _between(time_ps: NDArray[np.int64], begin_ps: int, end_ps: int) -> NDArray[np.int64]:
    """Indices of clicks in a span, by time."""
    inside = np.flatnonzero((time_ps >= begin_ps) & (time_ps < end_ps))
    return inside[np.argsort(time_ps[inside], kind="stable")]


def _along(
    a_ps: NDArray[np.int64], b_ps: NDArray[np.int64], lock: PairLock
) -> tuple[list[int], list[int]]:
    """Indices of clicks, ascending in time, whose nearest partner lies on the curve."""
    x_s = 1e-12 * (a_ps - lock.reference_time_ps)
    shift_s = x_s * (lock.frequency_offset + 0.5 * lock.drift_per_s * x_s)
    wanted_ps = a_ps + np.rint(lock.offset_ps + 1e12 * shift_s).astype(np.int64)
    after = np.clip(np.searchsorted(b_ps, wanted_ps), 1, len(b_ps) - 1)
    near = np.where(
        wanted_ps - b_ps[after - 1] <= np.abs(b_ps[after] - wanted_ps), after - 1, after
    )
    found = np.flatnonzero(np.abs(b_ps[near] - wanted_ps) <= WINDOW_SIGMAS * lock.jitter_ps)
    return found.tolist(), near[found].tolist()


def _same(a_slot: Slots, b_slot: Slots) -> tuple[list[int], list[int]]:
    """Indices of clicks in the same slot, one of each slot."""
    a, a_at = np.unique(a_slot, return_index=True)
    b, b_at = np.unique(b_slot, return_index=True)
    _, i, j = np.intersect1d(a, b, assume_unique=True, return_indices=True)
    return a_at[i].tolist(), b_at[j].tolist()
