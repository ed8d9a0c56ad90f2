"""Clicks kept for a lock, tick by tick, and what the attempts on them have found so far."""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from terminal.timetags import phase_fit
from terminal.timetags.lock_search import FIRST_CLICKS, GROWTH, Aim, Search, attempt
from terminal.timetags.mixture import Array
from terminal.timetags.phase_fit import PhaseFit

_LEAST_SPAN_S = 0.02
"""Shorter spans tell little about the frequency."""
_MOST_SPAN_S = 30.0
"""In longer ones the oscillators' wander is no cubic any more."""
_TICK_SHARE = 4
"""Of the most clicks of an attempt, a tick gives at most one in so many: span helps too."""


class Collected(NamedTuple):
    """Clicks in order of time, and the search among them; its clock counts from origin_s."""

    u_s: Array = np.empty(0)
    channel: NDArray[np.uint8] = np.empty(0, dtype=np.uint8)
    origin_s: float = 0.0
    search: Search = Search()
    attempt_at: int = FIRST_CLICKS
    """Clicks of the next attempt."""

    @property
    def span_s(self) -> float:
        return float(self.u_s[-1] - self.u_s[0]) if self.u_s.size else 0.0

    def fit_at(self, u_s: float) -> PhaseFit:
        """Of the clock found, its derivatives at u_s: phase(u - u_s) = u - origin_s - s T.

        Raises:
            ValueError: none has been found.
        """
        if self.search.clock is None:
            raise ValueError("collected clicks: no clock found yet")
        return phase_fit.moved(self.search.clock.fit, u_s - self.origin_s)


def collect(
    before: Collected, aim: Aim, u_s: Array, channel: NDArray[np.uint8], most: int
) -> Collected:
    """With the clicks of a tick, and after one attempt or a part of one, on so many clicks at most.

    u_s, channel: (n,), n >= 1. The answer's search has a shift where it has locked.
    """
    stride = -(-_TICK_SHARE * u_s.size // most)
    u = np.concatenate([before.u_s, u_s[::stride]])
    channel = np.concatenate([before.channel, channel[::stride]])
    if np.any(u[1:] < u[:-1]):
        order = np.argsort(u, kind="stable")
        u, channel = u[order], channel[order]
    origin_s = before.origin_s if before.u_s.size else float(u[0])
    now = before._replace(u_s=u, channel=channel, origin_s=origin_s)
    if u.size > most:
        now = _without_first(now, u.size - most)
    n = now.u_s.size
    full = n >= most or now.span_s > _MOST_SPAN_S
    soon = not full and (n < now.attempt_at or now.span_s < _LEAST_SPAN_S)
    if (soon and now.search.pending is None) or now.span_s <= 0.0:
        return now
    search = attempt(aim, now.search, now.u_s - now.origin_s, now.channel)
    now = now._replace(search=search, attempt_at=math.ceil(n * GROWTH))
    if search.shift is not None or search.pending is not None:
        return now
    if search.clock is None and now.span_s > aim.reach.fold_span_s:
        # No search would find a frequency in so long a span.
        since_s = now.u_s[-1] - aim.reach.fold_span_s
        return _without_first(now, int(np.searchsorted(now.u_s, since_s, "right")))
    if not full:
        return now
    return _without_first(now, n // 2)._replace(attempt_at=n)


def _without_first(collected: Collected, clicks: int) -> Collected:
    """Without the earliest; the clock found counts from the earliest left."""
    u, search = collected.u_s[clicks:], collected.search
    origin_s, clock = float(u[0]), search.clock
    later_s = origin_s - collected.origin_s
    if clock is not None:
        fit = phase_fit.moved(clock.fit, later_s)
        # The phase is that of times since the origin, which become less by as much.
        fit.coefficients[0] -= later_s
        search = search._replace(clock=clock._replace(fit=fit), begin_s=search.begin_s - later_s)
    attempt_at = math.ceil(u.size * GROWTH)
    return Collected(u, collected.channel[clicks:], origin_s, search, attempt_at)
