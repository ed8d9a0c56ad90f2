"""The clock and the slot number from the clicks alone: no prediction, no sync signal.

On ever more of the stream's first clicks: find frequency and drift (`chirp_search`) or carry on
those found (`phase_fit`), then look for the pattern (`slot_search`), until the slot is proved.
"""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from terminal.timetags import phase_fit
from terminal.timetags.chirp_search import alias_power, search_chirp
from terminal.timetags.mixture import Array, Mixture, bounded
from terminal.timetags.pattern import PublicPattern
from terminal.timetags.phase_fit import ZERO_JERK_PER_S2, PhaseFit, Prior, fit_phase
from terminal.timetags.slot_search import contrast, evidence, promising, search_slot

MOST_RATE = 30e-6
MOST_DRIFT_PER_S = 5e-7
FALSE_LOCK_PROBABILITY = 1e-6
MIN_CLICKS = 30

_JERK_SIGMA_PER_S2 = 5e-9
"""2.6e-9 at most over a 600 km zenith pass, and as the inverse square of the height."""
_JERK_SHOWS_SIGMA = 3.0
"""Below, jerk only adds its doubt: fitting it would raise the frequency's error at the ends 2.5
times (variance 1200 instead of 192 over n J T^2)."""
_FREQUENCY_FALSE_ALARM = 1e-3
"""Only saves useless work: what a false frequency leads to must still pass the slot search."""
_ALIAS_ODDS = 15.0
"""Nats by which the clock found must be likelier than another that folds the clicks too."""
_FIRST_CLICKS = 64
_FIRST_CLICKS_MOST = 1000
_FIRST_SPAN_S = 0.02
"""The first attempt waits for this much, or for that many clicks: shorter spans tell little."""
_GROWTH = 1.2
_PERIODOGRAM_SPAN_S = 3.0
"""In longer spans jerk would spoil the fold, and the cells grow with the cube of the span."""
_CARRY_SHARE = 0.12
"""Of a slot: one-sigma doubt up to which the phase is carried on to later clicks."""
_JITTER_SHARE = 0.05
"""Of a slot: jitter to start from."""


class BlindLock(NamedTuple):
    """Where the clock stands. The reference is the earliest click, all on the receiver's clock.

    The m-th slot after the one of the earliest click is centred at the time t after the reference
    for which t = m T + phase_s + rate t + rate_per_s t^2 / 2 + rate_per_s2 t^3 / 6; the latter
    three follow from frequency_offset f by rate = f / (1 + f) (see `phase_coefficients`).
    """

    locked: bool
    false_lock_probability: float
    """Bound on the probability that clicks without this pattern would have led to a lock, all
    trials so far included; of the last attempt if there is no lock."""
    clicks_used: int
    seconds_used: float
    reference_time_ps: int
    frequency_offset: float = 0.0
    """True over nominal slot period, minus 1, at the reference; its derivatives follow."""
    drift_per_s: float = 0.0
    jerk_per_s2: float = 0.0
    phase_s: float = 0.0
    offset_slots: int = 0
    """Pattern index of the slot in which the earliest click lies."""
    covariance: Array = np.zeros((4, 4))
    """Of phase, frequency offset, drift, jerk. Contains the doubt about a jerk not seen."""
    mixture: Mixture = Mixture(0.5, 0.0)

    @property
    def sigmas(self) -> tuple[float, float, float, float]:
        """Standard errors of phase_s, frequency_offset, drift_per_s, jerk_per_s2."""
        a, b, c, d = np.sqrt(np.diag(self.covariance)).tolist()
        return a, b, c, d

    def phase_coefficients(self) -> Array:
        """Phase, rate, rate_per_s, rate_per_s2, (4,): derivatives of t - m T at the reference."""
        f, drift, jerk = self.frequency_offset, self.drift_per_s, self.jerk_per_s2
        scale = 1.0 / (1.0 + f)
        return np.array(
            [
                self.phase_s,
                f * scale,
                drift * scale**2,
                jerk * scale**2 - 2.0 * drift**2 * scale**3,
            ]
        )

    def slots(
        self, time_ps: NDArray[np.int64], slot_period_s: float
    ) -> tuple[NDArray[np.int64], Array]:
        """Slots after that of the earliest click, (n,), and the times from their centres, s."""
        t = (time_ps - self.reference_time_ps).astype(np.float64) * 1e-12
        return _slots(t, slot_period_s, self.phase_coefficients())


class _Frequency(NamedTuple):
    fit: PhaseFit
    least_power: float
    """Below, noise would fold as well in the cells once searched."""


def acquire_blind(
    time_ps: NDArray[np.int64],
    channel: NDArray[np.uint8],
    pattern: PublicPattern,
    slot_period_s: float,
    max_clicks: int = 100_000,
) -> BlindLock:
    """Tries to lock on the first clicks of a stream.

    time_ps: (n,), ascending, receiver's clock; channel: (n,), 0..3 = H V D A, others are skipped.
    Takes as few clicks as prove the slot, max_clicks at most. Searches +-30 ppm, +-5e-7 /s and
    any slot. The stream should not pause for long: past a gap over which the frequency found so
    far does not carry the phase, nothing is used.

    Raises:
        ValueError: times go back, or the two arrays differ in length.
    """
    if time_ps.shape != channel.shape or time_ps.ndim != 1:
        raise ValueError("blind acquisition: one channel for each click time")
    if np.any(time_ps[1:] < time_ps[:-1]):
        raise ValueError("blind acquisition: click times must ascend")
    usable = channel < 4
    time_ps, channel = time_ps[usable][:max_clicks], channel[usable][:max_clicks]
    reference = int(time_ps[0]) if time_ps.size else 0
    t = (time_ps - reference).astype(np.float64) * 1e-12
    known: _Frequency | None = None
    searches, probability = 0, 1.0
    for n in _attempts(t):
        part, part_channel = t[:n], channel[:n]
        known = _frequency(part, slot_period_s, known)
        if known is None:
            continue
        fit = known.fit
        slot, offset = _slots(part, slot_period_s, fit.coefficients)
        # The k-th search may use 1 / (k (k + 1)) of the false locks allowed: all together, one.
        log_trials = math.log((searches + 1) * (searches + 2))
        log_limit = math.log(FALSE_LOCK_PROBABILITY) - log_trials
        x = contrast(offset, fit.mixture, slot_period_s)
        slots = evidence(slot, part_channel, x, pattern)
        if not promising(slots, log_limit - math.log(pattern.length)):
            continue
        if fit.power - alias_power(part, offset, slot_period_s) < _ALIAS_ODDS:
            continue
        found = search_slot(slot, part_channel, x, pattern)
        searches += 1
        probability = math.exp(min(0.0, found.log_false_probability + log_trials))
        if probability <= FALSE_LOCK_PROBABILITY:
            fit = _settled(part, slot_period_s, fit)
            lock = BlindLock(True, probability, n, float(part[-1]), reference)
            return _at_reference(lock, fit, slot_period_s, found.shift, pattern.length)
    return BlindLock(False, probability, t.size, float(t[-1]) if t.size else 0.0, reference)


def _attempts(t_s: Array) -> list[int]:
    """Numbers of clicks to try with, ascending."""
    if t_s.size < MIN_CLICKS or t_s[-1] <= 0.0:
        return []
    n = int(np.searchsorted(t_s, _FIRST_SPAN_S))
    n = min(max(n, _FIRST_CLICKS), _FIRST_CLICKS_MOST)
    sizes = []
    while n < t_s.size:
        if t_s[n - 1] > 0.0:
            sizes.append(n)
        n = math.ceil(n * _GROWTH)
    return [*sizes, t_s.size]


def _frequency(t_s: Array, slot_period_s: float, known: _Frequency | None) -> _Frequency | None:
    """The clock over all of t_s: carried on from what is known, else searched for."""
    prior = Prior(MOST_DRIFT_PER_S, _JERK_SIGMA_PER_S2)
    span = float(t_s[-1])
    if known is not None:
        before = known.fit
        doubt_s = phase_fit.phase_sigma_s(before.covariance, span)
        if doubt_s < _CARRY_SHARE * slot_period_s:
            fit = fit_phase(t_s, slot_period_s, before.coefficients, before.mixture, prior)
            if fit.power > known.least_power:
                return known._replace(fit=fit)
    if span > _PERIODOGRAM_SPAN_S:
        return None
    chirp = search_chirp(t_s, slot_period_s, MOST_RATE, MOST_DRIFT_PER_S)
    if chirp.false_alarm_probability > _FREQUENCY_FALSE_ALARM:
        return None
    least_power = math.log(chirp.trials / _FREQUENCY_FALSE_ALARM)
    middle = chirp.middle_s
    rate = chirp.rate - chirp.rate_per_s * middle
    constant = 0.5 * chirp.rate_per_s * middle**2 - chirp.rate * middle
    start = np.array([constant, rate, chirp.rate_per_s, 0.0])
    mixture = Mixture(bounded(math.sqrt(chirp.power / t_s.size)), _JITTER_SHARE * slot_period_s)
    return _Frequency(fit_phase(t_s, slot_period_s, start, mixture, prior), least_power)


def _settled(t_s: Array, slot_period_s: float, fit: PhaseFit) -> PhaseFit:
    """Without a jerk that the clicks do not show."""
    # Gaussian prior and likelihood: 1/s^2 = 1/sigma^2 - 1/prior^2, value / s^2 = fitted / sigma^2.
    variance = float(fit.covariance[3, 3])
    information = 1.0 / variance - _JERK_SIGMA_PER_S2**-2
    shown = float(fit.coefficients[3]) / variance
    if information > 0.0 and abs(shown) > _JERK_SHOWS_SIGMA * math.sqrt(information):
        return fit
    start = fit.coefficients.copy()
    start[3] = 0.0
    prior = Prior(MOST_DRIFT_PER_S, ZERO_JERK_PER_S2)
    straight = fit_phase(t_s, slot_period_s, start, fit.mixture, prior)
    left_out = straight.coefficients - fit.coefficients
    return straight._replace(covariance=fit.covariance + np.outer(left_out, left_out))


def _slots(
    t_s: Array, slot_period_s: float, coefficients: Array
) -> tuple[NDArray[np.int64], Array]:
    along = t_s - phase_fit.phase_s(coefficients, t_s)
    slot = np.rint(along / slot_period_s)
    return slot.astype(np.int64), along - slot * slot_period_s


def _at_reference(
    lock: BlindLock, fit: PhaseFit, slot_period_s: float, shift: int, pattern_length: int
) -> BlindLock:
    """The lock with the fit, slots counted from that of the earliest click (t = 0)."""
    phase, rate, rate_per_s, rate_per_s2 = fit.coefficients.tolist()
    first_slot = round(-phase / slot_period_s)
    # f = rate / (1 - rate), differentiated twice.
    scale = 1.0 / (1.0 - rate)
    jacobian = np.diag([1.0, scale**2, scale**2, scale**2])
    return lock._replace(
        frequency_offset=rate * scale,
        drift_per_s=rate_per_s * scale**2,
        jerk_per_s2=rate_per_s2 * scale**2 + 2.0 * rate_per_s**2 * scale**3,
        phase_s=phase + first_slot * slot_period_s,
        offset_slots=(first_slot + shift) % pattern_length,
        covariance=jacobian @ fit.covariance @ jacobian,
        mixture=fit.mixture,
    )
