"""Attempts to lock, on ever more of the same clicks: find the clock, then prove the slot.

Each attempt finds frequency and drift (`chirp_search`) or carries on those found (`phase_fit`),
then looks for the pattern (`slot_search`). What one attempt leaves is the start of the next, so
that a stream needs no work twice.
"""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from terminal.timetags import phase_fit
from terminal.timetags.chirp_search import alias_power, search_chirp
from terminal.timetags.mixture import Array, Mixture, bounded
from terminal.timetags.pattern import PublicPattern
from terminal.timetags.phase_fit import PhaseFit, Prior, fit_phase
from terminal.timetags.slot_search import contrast, evidence, promising, search_slot

FIRST_CLICKS = 64
GROWTH = 1.2
"""Of the clicks, from one attempt to the next."""

_FREQUENCY_FALSE_ALARM = 1e-3
"""Only saves useless work: what a false frequency leads to must still pass the slot search."""
_ALIAS_ODDS = 15.0
"""Nats by which the clock found must be likelier than another that folds the clicks too."""
_CARRY_SHARE = 0.12
"""Of a slot: one-sigma doubt up to which the phase is carried on to later clicks."""
_JITTER_SHARE = 0.05
"""Of a slot: jitter to start from."""


class Reach(NamedTuple):
    """What is searched about the nominal clock. Without a prediction: all that a low orbit does."""

    rate: float = 30e-6
    drift_per_s: float = 5e-7
    """Both on either side of zero."""
    jerk_per_s2: float = 5e-9
    """One sigma. 2.6e-9 at most over a 600 km zenith pass, and as the inverse square of the
    height."""
    fold_span_s: float = 3.0
    """In longer spans jerk would spoil the fold, and the cells grow with the cube of the span."""


class Aim(NamedTuple):
    """What is looked for."""

    pattern: PublicPattern
    slot_period_s: float
    reach: Reach = Reach()
    false_lock_probability: float = 1e-6


class Clock(NamedTuple):
    """A clock that folds the clicks; its slots are not known."""

    fit: PhaseFit
    least_power: float
    """Below, noise would fold as well in the cells once searched."""


class Search(NamedTuple):
    """What the attempts so far have left."""

    clock: Clock | None = None
    slot_searches: int = 0
    probability: float = 1.0
    """Bound on the probability that clicks without this pattern would have led to a lock, all
    trials so far included; of the latest slot search."""
    shift: int | None = None
    """Of a lock: slot s of the clock's count is s + shift of the pattern, modulo its length."""


def attempt(aim: Aim, search: Search, t_s: Array, channel: NDArray[np.uint8]) -> Search:
    """One attempt: locked where the answer has a shift.

    t_s: (n,), n >= 2, ascending, span above zero, from a reference that all attempts share;
    channel: (n,), 0..3 = H V D A.
    """
    clock = _clock(aim, t_s, search.clock)
    search = search._replace(clock=clock)
    if clock is None:
        return search
    fit, period = clock.fit, aim.slot_period_s
    slot, offset = slots(t_s, period, fit.coefficients)
    # The k-th search may use 1 / (k (k + 1)) of the false locks allowed: all together, one.
    log_trials = math.log((search.slot_searches + 1) * (search.slot_searches + 2))
    log_limit = math.log(aim.false_lock_probability) - log_trials
    x = contrast(offset, fit.mixture, period)
    hit = evidence(slot, channel, x, aim.pattern)
    if not promising(hit, log_limit - math.log(aim.pattern.length)):
        return search
    if fit.power - alias_power(t_s, offset, period) < _ALIAS_ODDS:
        return search
    found = search_slot(slot, channel, x, aim.pattern)
    probability = math.exp(min(0.0, found.log_false_probability + log_trials))
    return Search(
        clock,
        search.slot_searches + 1,
        probability,
        found.shift if probability <= aim.false_lock_probability else None,
    )


def slots(t_s: Array, slot_period_s: float, coefficients: Array) -> tuple[NDArray[np.int64], Array]:
    """Slot of each click by a clock's phase, (n,), and the time from its centre, s, (n,)."""
    along = t_s - phase_fit.phase_s(coefficients, t_s)
    slot = np.rint(along / slot_period_s)
    return slot.astype(np.int64), along - slot * slot_period_s


def _clock(aim: Aim, t_s: Array, known: Clock | None) -> Clock | None:
    """The clock over all of t_s: carried on from what is known, else searched for."""
    reach, period = aim.reach, aim.slot_period_s
    prior = Prior(reach.drift_per_s, reach.jerk_per_s2)
    if known is not None:
        before = known.fit
        doubt_s = phase_fit.phase_sigma_s(before.covariance, float(t_s[-1]))
        if doubt_s < _CARRY_SHARE * period:
            fit = fit_phase(t_s, period, before.coefficients, before.mixture, prior)
            if fit.power > known.least_power:
                return known._replace(fit=fit)
    if t_s[-1] - t_s[0] > reach.fold_span_s:
        return None
    chirp = search_chirp(t_s, period, reach.rate, reach.drift_per_s)
    if chirp.false_alarm_probability > _FREQUENCY_FALSE_ALARM:
        return None
    least_power = math.log(chirp.trials / _FREQUENCY_FALSE_ALARM)
    middle = chirp.middle_s
    rate = chirp.rate - chirp.rate_per_s * middle
    constant = 0.5 * chirp.rate_per_s * middle**2 - chirp.rate * middle
    start = np.array([constant, rate, chirp.rate_per_s, 0.0])
    mixture = Mixture(bounded(math.sqrt(chirp.power / t_s.size)), _JITTER_SHARE * period)
    return Clock(fit_phase(t_s, period, start, mixture, prior), least_power)
