"""Follows a clock from knot to knot through a stream, forward or backward in time.

A knot is a run of clicks short enough for one phase. No prediction helps: the filter of
`terminal.timetags.tracking` takes the drift as a random walk as fast as a low orbit bends it.
"""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from terminal.timetags import tracking
from terminal.timetags.frame import counts_by_state
from terminal.timetags.mixture import Array
from terminal.timetags.pattern import PublicPattern
from terminal.timetags.tracking import LOW_ORBIT_JERK_WALK, ProcessNoise, Track

OSCILLATOR = (2e-11) ** 2
"""s^2/s: random walk of the phase by an oscillator of 2e-11 at one second [?]."""
LOW_ORBIT = ProcessNoise(phase=OSCILLATOR, frequency=0.0, drift=0.0, jerk=LOW_ORBIT_JERK_WALK)

_KNOT_S = 0.02
_FEWEST_CLICKS = 32
_ENOUGH_CLICKS = 500.0
"""Of signal alone, that the filter takes of a knot: they tell the phase to 1/20 of the jitter. Of
more clicks every second, third ... is taken; all count when the knots are measured again."""
_LONGEST_KNOT_S = 0.5
_STEP_SHARE = 0.25
"""Of the doubt about the phase that is allowed: what one knot may add."""
UNSURE_SHARE = 1.0 / 12.0
"""Of a slot: one-sigma doubt about the phase from which on the slot is no longer sure (half a slot
is then six sigma)."""


class Knot(NamedTuple):
    """One run of clicks; times in s."""

    begin_s: float
    end_s: float
    time_s: float
    """Mean of the clicks taken."""
    clicks: int
    phase_s: float
    phase_sigma_s: float
    """Posterior."""
    innovation: float
    """What the clicks moved the phase by, over the standard deviation of that: of unit variance if
    the filter's model is true. NaN where nothing was learnt."""
    frequency: float
    fraction: float
    sigma_s: float
    """Signal share and jitter as known by then."""
    seen: bool
    """Whether the clicks show the signal."""
    evidence: float
    """Log likelihood ratio of signal against background alone."""
    counts: NDArray[np.float64]
    """(16,), of the clicks taken, in public slots, see `terminal.timetags.frame`."""


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
    time_ps: NDArray[np.int64],
    channel: NDArray[np.uint8],
    reference_ps: int,
    slot_period_s: float,
    pattern: PublicPattern,
    first_slot: int,
    to_end: bool,
    most_knots: int,
    direction: int = 1,
) -> Followed:
    """Over the clicks time_ps (n,), ascending, none before the track; channel (n,). The track's
    times are s after reference_ps.

    Pattern index = first_slot + direction times the track's slot. to_end: use the last, incomplete
    knot as well.
    """
    knots: list[Knot] = []
    at = 0
    limit_s = UNSURE_SHARE * slot_period_s
    while at < time_ps.size and len(knots) < most_knots:
        # A frequency from a short lock must not carry the phase too far at once.
        short_s = min(_KNOT_S, _STEP_SHARE * limit_s / track.frequency_sigma)
        end = _end_of_knot(time_ps, at, short_s)
        if end >= time_ps.size and not to_end:
            break
        taken = slice(at, end, _stride(end - at, track.mixture.fraction))
        u_s: Array = (time_ps[taken] - reference_ps).astype(np.float64) * 1e-12
        time_s = float(np.mean(u_s))
        if time_s > track.t_s:
            track = tracking.predict(track, time_s, LOW_ORBIT)
        if track.phase_sigma_s > limit_s:
            return Followed(knots, track, at, lost=True)
        before = track
        track, seen = tracking.update(track, u_s, slot_period_s)
        counts = np.zeros(16)
        if seen:
            slot, residual = tracking.slots(track, u_s, slot_period_s)
            slot = np.mod(first_slot + direction * slot, pattern.length)
            slot[np.abs(residual) > 2.5 * track.mixture.sigma_s] = -1
            counts = counts_by_state(slot, channel[taken], pattern)
        knots.append(
            Knot(
                begin_s=(int(time_ps[at]) - reference_ps) * 1e-12,
                end_s=(int(time_ps[end - 1]) - reference_ps) * 1e-12,
                time_s=time_s,
                clicks=end - at,
                phase_s=track.phase_s,
                phase_sigma_s=track.phase_sigma_s,
                innovation=_innovation(before, track),
                frequency=track.frequency,
                fraction=track.mixture.fraction,
                sigma_s=track.mixture.sigma_s,
                seen=seen,
                evidence=track.evidence,
                counts=counts,
            )
        )
        at = end
    return Followed(knots, track, at, lost=False)


def _innovation(before: Track, after: Track) -> float:
    """By the law of total variance, the phase moves by the root of what its variance lost."""
    lost = float(before.covariance[0, 0] - after.covariance[0, 0])
    return (after.phase_s - before.phase_s) / math.sqrt(lost) if lost > 0.0 else math.nan


def follow_back(
    track: Track,
    time_ps: NDArray[np.int64],
    channel: NDArray[np.uint8],
    reference_ps: int,
    slot_period_s: float,
    pattern: PublicPattern,
    first_slot: int,
) -> list[Knot]:
    """The knots before the track, ascending, as far as the phase is sure; clicks before it.

    In mirrored time u' = -u the clock is one with phase' = -phase and slots s' = -s.
    """
    mirror = np.array([-1.0, 1.0, -1.0, 1.0])
    mirrored = track._replace(
        t_s=-track.t_s,
        phase_s=-track.phase_s,
        drift_per_s=-track.drift_per_s,
        covariance=track.covariance * np.outer(mirror, mirror),
    )
    found = follow(
        mirrored,
        reference_ps - time_ps[::-1],
        channel[::-1],
        0,
        slot_period_s,
        pattern,
        first_slot,
        to_end=True,
        most_knots=1 + time_ps.size,
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
    """Up to where the rest, taken together, speaks against a signal: one knot of background alone
    may look like one."""
    so_far = np.cumsum([0.0, *(knot.evidence for knot in knots)])
    return knots[: int(np.argmax(so_far))]


def _end_of_knot(time_ps: NDArray[np.int64], at: int, short_s: float) -> int:
    begin_ps = int(time_ps[at])
    short = int(np.searchsorted(time_ps, begin_ps + round(short_s * 1e12)))
    far = max(int(np.searchsorted(time_ps, begin_ps + round(_LONGEST_KNOT_S * 1e12))), at + 1)
    return min(max(short, at + _FEWEST_CLICKS), far)


def _stride(clicks: int, fraction: float) -> int:
    """Each how many-th click is enough: information goes with the square of a small fraction."""
    return max(1, int(clicks * fraction * fraction / _ENOUGH_CLICKS))
