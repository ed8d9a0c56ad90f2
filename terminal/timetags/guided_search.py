"""After an outage the clock is searched for where it should be by now, had it coasted: the cells
are few, and so is the time that noise alone takes."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from terminal.timetags import tracking
from terminal.timetags.blind import BlindLock, acquire_blind
from terminal.timetags.clock_following import LOW_ORBIT
from terminal.timetags.lock_search import Reach, about_coasting
from terminal.timetags.mixture import Array
from terminal.timetags.pattern import PublicPattern
from terminal.timetags.tracking import Track

_FULL = Reach()
_WORTH_SHARE = 0.5
"""Of the cells of a full search: a guide that leaves more is none."""
_GUIDED_CLICKS = 30_000
"""At most: few cells need few clicks, and the full searches take more."""
_TRIES = 10
"""One search in so many is a full one: the sender may have changed its clock meanwhile."""


class Guide(NamedTuple):
    """The clock when it was lost."""

    reference_ps: int
    track: Track
    """Its times are s after the reference."""
    failures: int = 0
    """Searches since then that found nothing."""

    def at(self, time_ps: int) -> tuple[Track, Reach]:
        """The clock that has coasted until then, and how far from it to search in clicks since.

        It may be a time before the track's: the track was followed on past the last signal.
        """
        t_s = (time_ps - self.reference_ps) * 1e-12
        track = tracking.predict(self.track, t_s, LOW_ORBIT)
        doubts = (track.frequency_sigma, track.drift_sigma_per_s)
        # Beside the drift's doubt at the first click, what jerk makes of it until the last one.
        least_drift_per_s = _FULL.jerk_per_s2 * _FULL.fold_span_s
        return track, about_coasting(_FULL, *doubts, least_drift_per_s)


def acquire(
    guide: Guide | None,
    time_ps: NDArray[np.int64],
    channel: NDArray[np.uint8],
    pattern: PublicPattern,
    slot_period_s: float,
    max_clicks: int,
) -> BlindLock:
    """`acquire_blind` around the guide, as long as there is one that is sure."""
    if guide is None or guide.failures % _TRIES == _TRIES - 1 or not time_ps.size:
        return acquire_blind(time_ps, channel, pattern, slot_period_s, max_clicks)
    track, reach = guide.at(int(time_ps[0]))
    if reach.rate * reach.drift_per_s > _WORTH_SHARE * _FULL.rate * _FULL.drift_per_s:
        return acquire_blind(time_ps, channel, pattern, slot_period_s, max_clicks)
    time_ps, channel = time_ps[:_GUIDED_CLICKS], channel[:_GUIDED_CLICKS]
    t = (time_ps - time_ps[0]).astype(np.float64) * 1e-12
    rate, rate_per_s = track.frequency, track.drift_per_s
    ahead_s = t * (rate + 0.5 * t * rate_per_s)
    straight_ps = time_ps - np.rint(1e12 * ahead_s).astype(np.int64)
    lock = acquire_blind(straight_ps, channel, pattern, slot_period_s, max_clicks, reach)
    seconds_used = float(t[lock.clicks_used - 1])
    return _with_guide(lock, rate, rate_per_s)._replace(seconds_used=seconds_used)


def _with_guide(lock: BlindLock, rate: float, rate_per_s: float) -> BlindLock:
    """The lock in times t, found in u = t - g(t) with g = rate t + rate_per_s t^2 / 2.

    u = m T + p(u), so t = m T + p(t - g(t)) + g(t): the derivatives of that at 0. The covariance
    stays: its factors differ from 1 by 3e-5.
    """
    if not lock.locked:
        return lock
    p: Array = lock.phase_coefficients()
    c = 1.0 - rate
    return lock.with_coefficients(
        np.array(
            [
                p[0],
                p[1] * c + rate,
                p[2] * c**2 + (1.0 - p[1]) * rate_per_s,
                p[3] * c**3 - 3.0 * p[2] * c * rate_per_s,
            ]
        )
    )
