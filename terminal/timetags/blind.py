"""The clock and the slot number from the clicks alone: no prediction, no sync signal.

Attempts on ever more of the stream's first clicks (`lock_search`), until the slot is proved.
"""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from terminal.timetags import lock_search
from terminal.timetags.lock_search import FIRST_CLICKS, GROWTH, Aim, Reach, Search
from terminal.timetags.mixture import Array, Mixture
from terminal.timetags.pattern import PublicPattern
from terminal.timetags.phase_fit import PhaseFit

FALSE_LOCK_PROBABILITY = 1e-6
MIN_CLICKS = 30

_REACH = Reach()
_SHORT_SLOT_S = 5e-9
"""The cells that are searched grow with the inverse square of the slot and the cube of the span
folded: below this slot the span shrinks instead."""
_FIRST_CLICKS_MOST = 1000
_FIRST_SPAN_S = 0.02
"""The first attempt waits for this much, or for that many clicks: shorter spans tell little."""


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
    """Of phase, frequency offset, drift, jerk; what is known of these before is included."""
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

    def with_coefficients(self, coefficients: Array) -> "BlindLock":
        """The same with another phase, as `phase_coefficients` gives it."""
        phase, rate, rate_per_s, rate_per_s2 = coefficients.tolist()
        # f = rate / (1 - rate), differentiated twice.
        scale = 1.0 / (1.0 - rate)
        return self._replace(
            phase_s=phase,
            frequency_offset=rate * scale,
            drift_per_s=rate_per_s * scale**2,
            jerk_per_s2=rate_per_s2 * scale**2 + 2.0 * rate_per_s**2 * scale**3,
        )

    def slots(
        self, time_ps: NDArray[np.int64], slot_period_s: float
    ) -> tuple[NDArray[np.int64], Array]:
        """Slots after that of the earliest click, (n,), and the times from their centres, s."""
        t = (time_ps - self.reference_time_ps).astype(np.float64) * 1e-12
        return lock_search.slots(t, slot_period_s, self.phase_coefficients())


def acquire_blind(
    time_ps: NDArray[np.int64],
    channel: NDArray[np.uint8],
    pattern: PublicPattern,
    slot_period_s: float,
    max_clicks: int = 100_000,
    reach: Reach = _REACH,
) -> BlindLock:
    """Tries to lock on the first clicks of a stream.

    time_ps: (n,), ascending, receiver's clock; channel: (n,), 0..3 = H V D A, others are skipped.
    Takes as few clicks as prove the slot, max_clicks at most. Searches any slot within reach:
    without a word +-30 ppm, +-5e-7 /s. The stream should not pause for long: past a gap over which
    the frequency found so far does not carry the phase, nothing is used.

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
    shorter = min(1.0, slot_period_s / _SHORT_SLOT_S) ** (2.0 / 3.0)
    reach = reach._replace(fold_span_s=shorter * reach.fold_span_s)
    aim = Aim(pattern, slot_period_s, reach, FALSE_LOCK_PROBABILITY)
    search = Search()
    for n in _attempts(t):
        search = lock_search.attempt(aim, search, t[:n], channel[:n])
        while search.pending is not None:
            search = lock_search.attempt(aim, search, t[:n], channel[:n])
        if search.clock is not None and search.shift is not None:
            lock = BlindLock(True, search.probability, n, float(t[n - 1]), reference)
            fit = search.clock.fit
            return _at_reference(lock, fit, slot_period_s, search.shift, pattern.length)
    seconds = float(t[-1]) if t.size else 0.0
    return BlindLock(False, search.probability, t.size, seconds, reference)


def _attempts(t_s: Array) -> list[int]:
    """Numbers of clicks to try with, ascending."""
    if t_s.size < MIN_CLICKS or t_s[-1] <= 0.0:
        return []
    n = int(np.searchsorted(t_s, _FIRST_SPAN_S))
    n = min(max(n, FIRST_CLICKS), _FIRST_CLICKS_MOST)
    sizes = []
    while n < t_s.size:
        if t_s[n - 1] > 0.0:
            sizes.append(n)
        n = math.ceil(n * GROWTH)
    return [*sizes, t_s.size]


def _at_reference(
    lock: BlindLock, fit: PhaseFit, slot_period_s: float, shift: int, pattern_length: int
) -> BlindLock:
    """The lock with the fit, slots counted from that of the earliest click (t = 0)."""
    phase, rate, *_ = fit.coefficients.tolist()
    first_slot = round(-phase / slot_period_s)
    scale = 1.0 / (1.0 - rate)
    jacobian = np.diag([1.0, scale**2, scale**2, scale**2])
    first_s = np.array([first_slot * slot_period_s, 0.0, 0.0, 0.0])
    return lock.with_coefficients(fit.coefficients + first_s)._replace(
        offset_slots=(first_slot + shift) % pattern_length,
        covariance=jacobian @ fit.covariance @ jacobian,
        mixture=fit.mixture,
    )
