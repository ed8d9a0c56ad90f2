"""What is known before a lock and what follows from one: reach of the search, first slot, track.

Clicks have times u: own clock from the start of the slot count, less the predicted delay.
"""

import numpy as np

from terminal.timetags import tracking
from terminal.timetags.collecting import Collected
from terminal.timetags.lock_search import Reach, about_coasting
from terminal.timetags.tracking import ProcessNoise, Track

# Beside our own oscillator's offset.
PREDICTED = Reach(rate=0.0, drift_per_s=6e-10, jerk_per_s2=1e-11, fold_span_s=10.0)
"""An ephemeris off by some kilometres [?]: see the walks of `tracking`."""
UNPREDICTED = Reach(fold_span_s=1.0)
"""A low orbit."""
_LEAST_DRIFT_PER_S = 1e-10
"""On either side of a coasting clock's."""
_EPOCH_DOUBT_S = 5e-6
"""Sender's clock and predicted delay may be off by this much [?] ..."""
_RATE_DOUBT = 1e-7
"""... plus the time since the start times this: the frequency has changed meanwhile [?]."""


def search_reach(own_rate: float, reference: Track | None, *, predicted: bool) -> Reach:
    """own_rate: our oscillator's offset at most; reference: a coasting clock that guides."""
    reach = PREDICTED if predicted else UNPREDICTED
    reach = reach._replace(rate=reach.rate + own_rate)
    if reference is None:
        return reach
    doubts = (reference.frequency_sigma, reference.drift_sigma_per_s)
    return about_coasting(reach, *doubts, _LEAST_DRIFT_PER_S)


def repetitions_told(now_s: float, repetition_s: float) -> bool:
    """Whether own clock and predicted delay tell the pattern's repetitions apart."""
    return _EPOCH_DOUBT_S + _RATE_DOUBT * abs(now_s) <= 0.5 * repetition_s


def absolute_shift(
    collected: Collected, shift: int, pattern_length: int, slot_period_s: float
) -> int:
    """Shift of a lock for absolute slots: the pattern gives it modulo its length, own clock and
    predicted delay the rest."""
    middle_s = float(np.mean(collected.u_s))
    phase_s, rate, *_ = collected.fit_at(middle_s).coefficients.tolist()
    counted = (middle_s - collected.origin_s - phase_s) / slot_period_s
    # A clock that has run fast by `rate` since the start of the count.
    expected = middle_s * (1.0 - rate) / slot_period_s
    repetitions = round((expected - counted - shift) / pattern_length)
    return shift + pattern_length * int(repetitions)


def start_track(
    collected: Collected, shift_s: float, noise: ProcessNoise, reference: Track | None
) -> Track:
    """The track from clicks that have locked. shift_s: the shift of their slots, in s.

    reference: the track whose phase had been taken out of the clicks, and is put back.
    """
    end_s = float(collected.u_s[-1])
    track = tracking.start(collected.fit_at(end_s), end_s, collected.span_s, noise)
    track = track._replace(phase_s=track.phase_s + collected.origin_s - shift_s)
    if reference is None:
        return track
    at_s = end_s + float(tracking.phase_at(reference, np.array([end_s]))[0])
    return tracking.added(track._replace(t_s=at_s), reference)
