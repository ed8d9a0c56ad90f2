"""Finds the clock in a stream of any length, block by block, follows it, and finds it again.

A lock is made on the first clicks that allow one, then the clock is followed back to the clicks
before and forward, until the slot is no longer sure. The slots are audited against the pattern all
the time. What comes out is a stretch of knots for each lock, few beside the clicks.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from terminal.timetags import guided_search
from terminal.timetags.blind import FALSE_LOCK_PROBABILITY, MIN_CLICKS, BlindLock
from terminal.timetags.clock_filter import transition
from terminal.timetags.clock_following import Knot, follow, follow_back, last_seen
from terminal.timetags.frame import CHECKED_CLICKS, LEAST_AGREEMENT, agreement
from terminal.timetags.guided_search import Guide
from terminal.timetags.pattern import PublicPattern
from terminal.timetags.tracking import Track

_MAX_CLICKS = 100_000
"""Of one attempt to lock."""
_WINDOW_S = 30.0
"""Of one attempt: no lock needs more, at rates at which tracking works."""
_STEP_S = 1.0
"""From one attempt to the next, where the signal may begin later."""
_MOST_PENDING = 4_000_000
"""Clicks kept to be followed back to after a lock; older ones get no slot."""
_CONFIRM_CLICKS = 100.0
_CONFIRM_AGREEMENT = 20.0
"""A lock after many attempts is proved by clicks that it was not made from: chance gets there with
2e-9 each time."""
_REST_AGREEMENT = 6.0
"""Of the clicks after the last audit: wrong slots get there in 0.25 % of all cases."""
_MANY_CLICKS = 1000
_KNOTS_AT_ONCE = 64


class Stretch(NamedTuple):
    """The clock from one lock until the slot was no longer sure; knots in order of time, in s after
    the lock's reference."""

    lock: BlindLock
    knots: list[Knot]
    late: bool
    """The signal was there from the first click searched, but only later ones did lock: the clock
    may have leapt before."""


class StreamTracker:
    """Feed it blocks in the order of time, then finish. `stretches` holds what was found."""

    def __init__(
        self,
        pattern: PublicPattern,
        slot_period_s: float,
        first_clicks: int | None = None,
        searches: int = 0,
    ) -> None:
        """first_clicks: lock on that many first clicks of the stream, or not at all; searches:
        attempts to lock made before."""
        self.stretches: list[Stretch] = []
        self.failed_audits = 0
        self.last_attempt: BlindLock | None = None
        """The last one without a lock."""
        self.searches = searches
        """Attempts to lock, those before included."""
        self._pattern = pattern
        self._slot_period_s = slot_period_s
        self._first_clicks = first_clicks
        self._time_ps: NDArray[np.int64] = np.empty(0, dtype=np.int64)
        self._channel: NDArray[np.uint8] = np.empty(0, dtype=np.uint8)
        self._at = 0
        """Pending clicks before this one have been searched or followed."""
        self._gave_up = False
        self._current: _Current | None = None
        self._guide: Guide | None = None
        """The clock that was followed last."""

    def feed(self, time_ps: NDArray[np.int64], channel: NDArray[np.uint8]) -> None:
        """time_ps, channel: (n,), ascending, not before the clicks fed so far; channel 0..3."""
        if self._time_ps.size:
            time_ps = np.concatenate([self._time_ps, time_ps])
            channel = np.concatenate([self._channel, channel])
        self._time_ps, self._channel = time_ps, channel
        self._run(to_end=False)

    def finish(self) -> None:
        """No more clicks will come."""
        self._run(to_end=True)
        while self._current is not None:
            self._close(self._current)
            # Where the last slots did not fit, there is something left to search.
            self._run(to_end=True)

    def _run(self, to_end: bool) -> None:
        going = True
        while going and not self._gave_up:
            if self._current is None:
                going = self._search(to_end)
            else:
                going = self._follow(self._current, to_end)
        if self._gave_up:
            self._drop(self._time_ps.size)

    def _search(self, to_end: bool) -> bool:
        """One attempt to lock, where there are enough clicks for it; whether to go on."""
        begin = self._at
        if begin >= self._time_ps.size:
            return False
        most = self._first_clicks or _MAX_CLICKS
        end = min(begin + most, self._after(begin, _WINDOW_S))
        if end >= self._time_ps.size and not to_end:
            return False
        self.searches += 1
        lock = self._acquire(begin, end)
        if lock.locked:
            self._start(*self._tightened(lock, begin, end))
            return True
        self.last_attempt = lock
        if self._guide is not None:
            self._guide = self._guide._replace(failures=self._guide.failures + 1)
        self._gave_up = self._first_clicks is not None
        # A guided search takes fewer clicks than it is offered.
        latest = begin + lock.clicks_used
        if end == self._time_ps.size and end - begin >= 2 * MIN_CLICKS:
            # Near the end of the stream in ever smaller steps: the clock may have leapt just here.
            latest = min(latest, (begin + end) // 2)
        self._at = max(min(self._after(begin, _STEP_S), latest), begin + 1)
        self._drop(max(0, self._at - _MOST_PENDING))
        return True

    def _acquire(self, begin: int, end: int) -> BlindLock:
        return guided_search.acquire(
            self._guide,
            self._time_ps[begin:end],
            self._channel[begin:end],
            self._pattern,
            self._slot_period_s,
            end - begin,
        )

    def _tightened(self, lock: BlindLock, begin: int, end: int) -> tuple[BlindLock, int, int]:
        """A lock on later clicks if they need far fewer: the signal began within the first ones.
        Its first click, and which attempt it was."""
        attempt = self.searches
        while lock.clicks_used > _MANY_CLICKS:
            middle = begin + lock.clicks_used // 2
            later = self._acquire(middle, end)
            self.searches += 1
            if not later.locked or 2 * later.clicks_used > lock.clicks_used:
                break
            lock, begin, attempt = later, middle, self.searches
        return lock, begin, attempt

    def _start(self, lock: BlindLock, begin: int, attempt: int) -> None:
        # The k-th attempt may use 1 / (k (k + 1)) of the false locks allowed: all together, one.
        trials = attempt * (attempt + 1) if attempt > 1 else 1
        end = begin + lock.clicks_used
        track = _at_end(lock)
        before = follow_back(
            track,
            self._time_ps[:end],
            self._channel[:end],
            lock.reference_time_ps,
            self._slot_period_s,
            self._pattern,
            lock.offset_slots,
        )
        first_s = (int(self._time_ps[0]) - lock.reference_time_ps) * 1e-12
        self._current = _Current(
            lock,
            track,
            _agreeing_end(before),
            late=begin > 0 and bool(before) and before[0].begin_s <= first_s + 1e-9,
            confirmed=lock.false_lock_probability * trials <= FALSE_LOCK_PROBABILITY,
        )
        self._at = end
        self._first_clicks = None

    def _follow(self, current: "_Current", to_end: bool) -> bool:
        """Some knots on; whether to go on."""
        found = follow(
            current.track,
            self._time_ps[self._at :],
            self._channel[self._at :],
            current.lock.reference_time_ps,
            self._slot_period_s,
            self._pattern,
            current.lock.offset_slots,
            to_end,
            _KNOTS_AT_ONCE,
        )
        self._at += found.used
        current.track = found.track
        current.recent += found.knots
        seen = last_seen(current.recent)
        verdict = current.audit()
        if verdict is False:
            # Whatever went wrong: lock anew, and follow back from there.
            self.failed_audits += 1
            self._at = self._behind(current, current.fitting_until_s())
            current.recent = []
            end_s = self._keep(current)
            if end_s is not None:
                self._drop(self._behind(current, end_s))
            self._current = self._guide = None
        elif found.lost:
            self._close(current)
        elif verdict and seen:
            # What comes after the last signal will be searched, should the clock be lost.
            self._drop(self._behind(current, seen[-1].end_s))
        return found.lost or verdict is False or len(found.knots) == _KNOTS_AT_ONCE

    def _close(self, current: "_Current") -> None:
        """The stretch ends with its last knot that shows the signal; the search goes on there."""
        counts = np.sum([np.zeros(16), *(knot.counts for knot in current.recent)], axis=0)
        if np.sum(counts) < _CONFIRM_CLICKS or agreement(counts) > _REST_AGREEMENT:
            current.audited += current.recent
        end_s = self._keep(current)
        self._guide = None
        if end_s is not None:
            self._guide = Guide(current.lock.reference_time_ps, current.track)
            self._at = self._behind(current, end_s)
            self._drop(self._at)
        self._current = None

    def _keep(self, current: "_Current") -> float | None:
        """End of what is worth keeping, in s, None if nothing is."""
        knots = last_seen(current.before + current.audited)
        if not knots or not current.confirmed:
            return None
        self.stretches.append(Stretch(current.lock, knots, current.late))
        return knots[-1].end_s

    def _behind(self, current: "_Current", end_s: float) -> int:
        """The first pending click after that time of a stretch."""
        end_ps = current.lock.reference_time_ps + round(end_s * 1e12)
        # A click at the very end was rounded to float and back.
        return int(np.searchsorted(self._time_ps, end_ps + 1, side="right"))

    def _after(self, begin: int, span_s: float) -> int:
        return int(np.searchsorted(self._time_ps, self._time_ps[begin] + round(span_s * 1e12)))

    def _drop(self, count: int) -> None:
        self._time_ps, self._channel = self._time_ps[count:], self._channel[count:]
        self._at = max(0, self._at - count)


class _Current:
    """The stretch that is being followed."""

    def __init__(
        self, lock: BlindLock, track: Track, before: list[Knot], late: bool, confirmed: bool
    ) -> None:
        self.lock = lock
        self.late = late
        self.track = track
        self.before = before
        self.audited: list[Knot] = []
        self.recent: list[Knot] = []
        """Since the last audit."""
        self.confirmed = confirmed

    def audit(self) -> bool | None:
        """Whether the recent slots fit the pattern; None: too few clicks to say."""
        counts = np.sum([np.zeros(16), *(knot.counts for knot in self.recent)], axis=0)
        enough, least = CHECKED_CLICKS, LEAST_AGREEMENT
        if not self.confirmed:
            enough, least = _CONFIRM_CLICKS, _CONFIRM_AGREEMENT
        if np.sum(counts) < enough:
            return None
        if agreement(counts) < least:
            return False if np.sum(counts) >= CHECKED_CLICKS else None
        self.confirmed = True
        self.audited += self.recent
        self.recent = []
        return True

    def fitting_until_s(self) -> float:
        """End of those recent knots that fit best: agreement grows with right slots, and falls as
        soon as wrong ones are counted with them."""
        counts = np.cumsum([knot.counts for knot in self.recent], axis=0)
        fits = [agreement(until) for until in counts]
        best = int(np.argmax(fits))
        # If none do, they were wrong from the start.
        return self.recent[best if fits[best] > _REST_AGREEMENT else 0].end_s


def _at_end(lock: BlindLock) -> Track:
    """At the last click of the lock: what came before the signal, if anything, is the start."""
    t = lock.seconds_used
    f = transition(t)
    phase, rate, rate_per_s, rate_per_s2 = (f @ lock.phase_coefficients()).tolist()
    covariance = f @ lock.covariance @ f.T
    return Track(t, phase, rate, rate_per_s, rate_per_s2, covariance, lock.mixture)


def _agreeing_end(knots: list[Knot]) -> list[Knot]:
    """The last knots, as far back as their slots fit the pattern."""
    counts, good = np.zeros(16), len(knots)
    for k in range(len(knots) - 1, -1, -1):
        counts += knots[k].counts
        if np.sum(counts) >= CHECKED_CLICKS:
            if agreement(counts) < LEAST_AGREEMENT:
                return knots[good:]
            counts, good = np.zeros(16), k
    rest_is_good = np.sum(counts) < _CONFIRM_CLICKS or agreement(counts) > _REST_AGREEMENT
    return knots if rest_is_good else knots[good:]
