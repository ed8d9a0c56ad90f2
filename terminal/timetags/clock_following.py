"""Follows a clock from knot to knot through a stream, forward or backward in time.

A knot is a run of clicks short enough for one phase. No prediction helps: the filter of
`terminal.timetags.tracking` takes the drift as a random walk as fast as a low orbit bends it.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from terminal.timetags import mixture as mx
from terminal.timetags import tracking
from terminal.timetags.frame import counts_by_state
from terminal.timetags.mixture import Array, Mixture
from terminal.timetags.pattern import PublicPattern
from terminal.timetags.tracking import ProcessNoise, Track

LOW_ORBIT = ProcessNoise(phase=(2e-11) ** 2, frequency=0.0, drift=(3e-9) ** 2 * 0.2)
"""s^2/s, 1/s, 1/s^3. A jerk of 3e-9 /s^2 (600 km zenith pass) over the 0.2 s that the filter
remembers at 100 clicks a second; phase: an oscillator of 2e-11 at one second [?]."""

_KNOT_S = 0.02
_FEWEST_CLICKS = 32
_MOST_CLICKS = 20_000
_LONGEST_KNOT_S = 0.5
_WEAK_FRACTION = 0.3
UNSURE_SHARE = 1.0 / 12.0
"""Of a slot: one-sigma doubt about the phase from which on the slot is no longer sure (half a slot
is then six sigma)."""


class Knot(NamedTuple):
    """One run of clicks; times in s."""

    begin_s: float
    end_s: float
    time_s: float
    """Mean of the clicks."""
    clicks: int
    phase_s: float
    frequency: float
    fraction: float
    sigma_s: float
    """Signal share and jitter as known by then."""
    seen: bool
    """Whether the clicks show the signal."""
    counts: NDArray[np.float64]
    """(16,), of public slots, see `terminal.timetags.frame`."""


class Followed(NamedTuple):
    """Where following stopped."""

    knots: list[Knot]
    track: Track
    used: int
    """Clicks in these knots."""
    lost: bool
    """The phase is no longer sure; else there were no more whole knots."""


def follow(
    track: Track,
    u_s: Array,
    channel: NDArray[np.uint8],
    slot_period_s: float,
    pattern: PublicPattern,
    first_slot: int,
    to_end: bool,
    most_knots: int,
    direction: int = 1,
) -> Followed:
    """Over the clicks u_s (n,), ascending, none before track.t_s; channel (n,).

    Pattern index = first_slot + direction times the track's slot. to_end: use the last, incomplete
    knot as well.
    """
    knots: list[Knot] = []
    at = 0
    limit_s = UNSURE_SHARE * slot_period_s
    while at < u_s.size and len(knots) < most_knots:
        end = _end_of_knot(u_s, at)
        if end >= u_s.size and not to_end:
            break
        u = u_s[at:end]
        time_s = float(np.mean(u))
        if time_s > track.t_s:
            track = tracking.predict(track, time_s, LOW_ORBIT)
        if track.phase_sigma_s > limit_s:
            return Followed(knots, track, at, lost=True)
        track, seen = _updated(track, u, slot_period_s)
        counts = np.zeros(16)
        if seen:
            slot, residual = tracking.slots(track, u, slot_period_s)
            slot = np.mod(first_slot + direction * slot, pattern.length)
            slot[np.abs(residual) > 2.5 * track.mixture.sigma_s] = -1
            counts = counts_by_state(slot, channel[at:end], pattern)
        knots.append(
            Knot(
                begin_s=float(u[0]),
                end_s=float(u[-1]),
                time_s=time_s,
                clicks=u.size,
                phase_s=track.phase_s,
                frequency=track.frequency,
                fraction=track.mixture.fraction,
                sigma_s=track.mixture.sigma_s,
                seen=seen,
                counts=counts,
            )
        )
        at = end
    return Followed(knots, track, at, lost=False)


def _updated(track: Track, u_s: Array, slot_period_s: float) -> tuple[Track, bool]:
    """The track after a knot, unchanged where the knot does not show the signal."""
    _, offset = tracking.slots(track, u_s, slot_period_s)
    near = track.phase_sigma_s < 0.5 * track.mixture.sigma_s
    # Where the phase is known, the clicks must lie there; a fit finds some peak in any noise.
    if near and _evidence(offset, track.mixture, slot_period_s) < 0.0:
        return track, False
    return tracking.update(track, u_s, slot_period_s)


def _evidence(offset_s: Array, mixture: Mixture, slot_period_s: float) -> float:
    """Log likelihood ratio of a signal that may have become weak against background alone."""
    p = min(mixture.fraction, _WEAK_FRACTION)
    ratio = mx.likelihood_ratio(offset_s, mixture, slot_period_s)
    return float(np.sum(np.log1p(p * (ratio - 1.0))))


def follow_back(
    track: Track,
    u_s: Array,
    channel: NDArray[np.uint8],
    slot_period_s: float,
    pattern: PublicPattern,
    first_slot: int,
) -> list[Knot]:
    """The knots before the track, ascending, as far as the phase is sure; u_s before track.t_s.

    In mirrored time u' = -u the clock is one with phase' = -phase and slots s' = -s.
    """
    mirror = np.array([-1.0, 1.0, -1.0])
    mirrored = track._replace(
        t_s=-track.t_s,
        phase_s=-track.phase_s,
        drift_per_s=-track.drift_per_s,
        covariance=track.covariance * np.outer(mirror, mirror),
    )
    found = follow(
        mirrored,
        -u_s[::-1],
        channel[::-1],
        slot_period_s,
        pattern,
        first_slot,
        to_end=True,
        most_knots=1 + u_s.size,
        direction=-1,
    )
    knots = last_seen(found.knots)
    return [
        knot._replace(
            begin_s=-knot.end_s, end_s=-knot.begin_s, time_s=-knot.time_s, phase_s=-knot.phase_s
        )
        for knot in reversed(knots)
    ]


def last_seen(knots: list[Knot]) -> list[Knot]:
    """Up to the last knot that shows the signal."""
    n = len(knots)
    while n and not knots[n - 1].seen:
        n -= 1
    return knots[:n]


def _end_of_knot(u_s: Array, at: int) -> int:
    begin = float(u_s[at])
    short = int(np.searchsorted(u_s, begin + _KNOT_S))
    far = max(int(np.searchsorted(u_s, begin + _LONGEST_KNOT_S)), at + 1)
    return min(max(short, at + _FEWEST_CLICKS), far, at + _MOST_CLICKS)
