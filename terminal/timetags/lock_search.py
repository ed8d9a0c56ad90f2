"""Attempts to lock, on ever more of the same clicks: find the clock, then prove the slot.

Each attempt finds frequency and drift (`chirp_search`) or carries on those found (`phase_fit`),
then looks for the pattern (`slot_search`). What one attempt leaves is the start of the next, so
that a stream needs no work twice.
"""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from terminal.timetags import phase_fit, slot_search
from terminal.timetags.chirp_search import alias_power, search_chirp
from terminal.timetags.mixture import Array, Mixture, bounded, likelihood_ratio
from terminal.timetags.pattern import PublicPattern
from terminal.timetags.phase_fit import PhaseFit, Prior, fit_phase
from terminal.timetags.slot_search import SlotSearch, contrast, evidence, log_chance_hoped

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
_ENOUGH_SHARE = 0.9
"""Nats to be hoped for grow with the clicks or a little slower."""
_MOST_GROWTH = 1.8
"""Without an attempt: a clock that folds by chance should be dropped soon."""
_SILENT_NATS = 10.0
"""By which the first clicks must speak against a signal among them. Where it is as strong as in the
mean of all, they do so with the probability exp(-10) at most (Ville's inequality)."""


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


_COASTING_SIGMA = 6.0
_LEAST_RATE = 1e-8
"""On either side, where a filter thinks that it knows better."""


def about_coasting(
    reach: Reach, rate_sigma: float, drift_sigma_per_s: float, least_drift_per_s: float
) -> Reach:
    """What is left to search about a clock that has coasted, whose doubts these are."""
    rate = _COASTING_SIGMA * rate_sigma + _LEAST_RATE
    drift = _COASTING_SIGMA * drift_sigma_per_s + least_drift_per_s
    return reach._replace(rate=min(reach.rate, rate), drift_per_s=min(reach.drift_per_s, drift))


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
    enough_clicks: int = 0
    """With fewer no slot will be proved: the clock found is carried on only where it must be."""
    begin_s: float = -math.inf
    """Of the signal: background alone before it would bend the clock."""
    pending: SlotSearch | None = None
    """Search for the slot that goes on with the next attempt, whatever its clicks."""
    shift: int | None = None
    """Of a lock: slot s of the clock's count is s + shift of the pattern, modulo its length."""


def attempt(aim: Aim, search: Search, t_s: Array, channel: NDArray[np.uint8]) -> Search:
    """One attempt, or a part of it (`pending`): locked where the answer has a shift.

    t_s: (n,), n >= 2, ascending, span above zero, from a reference that all attempts share;
    channel: (n,), 0..3 = H V D A.
    """
    if search.clock is not None and search.pending is not None:
        return _search_slot(aim, search, search.pending)
    first = int(np.searchsorted(t_s, search.begin_s))
    t_s, channel = t_s[first:], channel[first:]
    if _may_wait(aim, search, t_s):
        return search
    clock = _clock(aim, t_s, search.clock)
    if clock is None:
        return search._replace(clock=None, begin_s=-math.inf)
    silent = _silent_clicks(aim, clock.fit, t_s)
    if silent:
        t_s, channel = t_s[silent:], channel[silent:]
        search = search._replace(begin_s=float(t_s[0]))
        clock = clock._replace(fit=_refit(aim, clock.fit, t_s))
    return _prove(aim, search._replace(clock=clock), clock.fit, t_s, channel)


def _may_wait(aim: Aim, search: Search, t_s: Array) -> bool:
    """Too few clicks to prove a slot, and the clock known carries on to those of the attempt after
    the next."""
    if search.clock is None or t_s.size >= search.enough_clicks:
        return False
    next_s = GROWTH**2 * float(t_s[-1])
    doubt_s = phase_fit.phase_sigma_s(search.clock.fit.covariance, next_s)
    return doubt_s < _CARRY_SHARE * aim.slot_period_s


def _prove(
    aim: Aim, search: Search, fit: PhaseFit, t_s: Array, channel: NDArray[np.uint8]
) -> Search:
    """Begins the search for the slot, where there is hope for it."""
    slot, offset = slots(t_s, aim.slot_period_s, fit.coefficients)
    log_limit = math.log(aim.false_lock_probability) - _log_trials(search)
    x = contrast(offset, fit.mixture, aim.slot_period_s)
    hit = evidence(slot, channel, x, aim.pattern)
    hope = log_chance_hoped(hit) / (log_limit - math.log(aim.pattern.length))
    if hope < 1.0:
        growth = min(_ENOUGH_SHARE / max(hope, 1e-9), _MOST_GROWTH)
        return search._replace(enough_clicks=math.floor(growth * t_s.size))
    if fit.power - alias_power(t_s, offset, aim.slot_period_s) < _ALIAS_ODDS:
        return search
    return _search_slot(aim, search, slot_search.begin(slot, channel, x, aim.pattern))


def _search_slot(aim: Aim, search: Search, pending: SlotSearch) -> Search:
    """One part of the search for the slot."""
    pending = slot_search.advance(pending, aim.pattern)
    if not pending.correlation.done:
        return search._replace(pending=pending)
    found = slot_search.best_shift(pending, aim.pattern)
    probability = math.exp(min(0.0, found.log_false_probability + _log_trials(search)))
    return search._replace(
        slot_searches=search.slot_searches + 1,
        probability=probability,
        pending=None,
        shift=found.shift if probability <= aim.false_lock_probability else None,
    )


def _log_trials(search: Search) -> float:
    """The k-th search may use 1 / (k (k + 1)) of the false locks allowed: all together, one."""
    return math.log((search.slot_searches + 1) * (search.slot_searches + 2))


def _silent_clicks(aim: Aim, fit: PhaseFit, t_s: Array) -> int:
    """First clicks that the signal is not among, 0 as a rule; what is left has a span above 0."""
    _, offset_s = slots(t_s, aim.slot_period_s, fit.coefficients)
    ratio = likelihood_ratio(offset_s, fit.mixture, aim.slot_period_s)
    for_signal = np.cumsum(np.log1p(fit.mixture.fraction * (ratio - 1.0)))
    least = int(np.argmin(for_signal[:-2]))
    if for_signal[least] >= -_SILENT_NATS or t_s[-1] <= t_s[least + 1]:
        return 0
    return least + 1


def _refit(aim: Aim, fit: PhaseFit, t_s: Array) -> PhaseFit:
    """The fit carried on to other clicks."""
    prior = _prior(aim.reach)
    return fit_phase(t_s, aim.slot_period_s, fit.coefficients, fit.mixture, prior)


def _prior(reach: Reach) -> Prior:
    return Prior(reach.drift_per_s, reach.jerk_per_s2)


def slots(t_s: Array, slot_period_s: float, coefficients: Array) -> tuple[NDArray[np.int64], Array]:
    """Slot of each click by a clock's phase, (n,), and the time from its centre, s, (n,)."""
    along = t_s - phase_fit.phase_s(coefficients, t_s)
    slot = np.rint(along / slot_period_s)
    return slot.astype(np.int64), along - slot * slot_period_s


def _clock(aim: Aim, t_s: Array, known: Clock | None) -> Clock | None:
    """The clock over all of t_s: carried on from what is known, else searched for."""
    reach, period = aim.reach, aim.slot_period_s
    if known is not None:
        doubt_s = phase_fit.phase_sigma_s(known.fit.covariance, float(t_s[-1]))
        if doubt_s < _CARRY_SHARE * period:
            fit = _refit(aim, known.fit, t_s)
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
    return Clock(fit_phase(t_s, period, start, mixture, _prior(reach)), least_power)
