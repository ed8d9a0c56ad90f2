"""The partner's clock from block to block: a Kalman filter over phase, frequency, drift and jerk.

The signal of slot s is centred at u = s T + phase(u), u being the click time minus the predicted
delay. A block of clicks is a Gaussian on uniform background (`terminal.timetags.mixture`): what it
tells about the phase is in `terminal.timetags.centre`.
"""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from terminal.timetags import mixture as mx
from terminal.timetags.centre import Posterior, posterior
from terminal.timetags.clock_filter import transition
from terminal.timetags.mixture import Array, Mixture
from terminal.timetags.phase_fit import PhaseFit

# What the predicted delay may do beside the oscillator. Assumed [?] from ephemeris errors of some
# 100 m to 1 km in a pass that bends within some ten seconds; a jerk of 6e-12 /s^2 stays inside.
_DELAY_RANDOM_WALK = 2e-11
"""s per square-root second: dead reckoning on velocities that err by 3 cm/s, 50 times a second,
walks 14 ps."""
_DRIFT_RANDOM_WALK = 1e-11
"""1/s per square-root second."""
_RANDOM_WALK_FM_SHARE = 1.0 / 3.0
"""Frequency random walk per square-root second over the one-second Allan deviation [?]."""

LOW_ORBIT_JERK_WALK = (5e-10) ** 2
"""1/s^5, where nothing predicts the orbit: the jerk changes by 3 v^4 / (c d^3) each second where
the satellite is nearest (5e-10 /s^3 at 400 km, 1.5e-10 at 600 km), and the filter remembers about
a second at 100 clicks a second."""

_FAR_SHARE = 1.0 / 12.0
"""Of a slot: doubt from which on the phase is looked for all over the slot ..."""
_PEAK_IN_NOISE = 8.0
"""... where any noise has a peak, whose evidence is this or less."""
_MOST_PRESENCE = 6.0
"""Nats for or against a signal that the past counts at most: it may go out or come back at any
time (one block in 400), and a single block by bad luck should not be left out."""
_MEMORY_CLICKS = 2000.0
"""Over which signal fraction and jitter are averaged."""


class ProcessNoise(NamedTuple):
    """Spectral densities of the four random walks: s^2/s, 1/s, 1/s^3, 1/s^5."""

    phase: float
    frequency: float
    drift: float
    jerk: float = 0.0
    """0: there is no jerk to follow, or the walk of the drift stands for it."""


class Track(NamedTuple):
    """The clock at t_s (on the scale of u); covariance (4, 4) of phase, frequency, drift, jerk."""

    t_s: float
    phase_s: float
    frequency: float
    drift_per_s: float
    jerk_per_s2: float
    covariance: NDArray[np.float64]
    mixture: Mixture
    presence: float = 6.0
    """Log odds that there is a signal, by the blocks so far."""
    evidence: float = 0.0
    """What the latest block added to them."""

    @property
    def phase_sigma_s(self) -> float:
        return math.sqrt(self.covariance[0, 0])

    @property
    def frequency_sigma(self) -> float:
        return math.sqrt(self.covariance[1, 1])

    @property
    def drift_sigma_per_s(self) -> float:
        return math.sqrt(self.covariance[2, 2])


def process_noise(oscillator_wander: float) -> ProcessNoise:
    """From the one-second Allan deviation of the own oscillator, plus the allowance for the delay.

    White FM of Allan deviation a at 1 s is a random walk of phase of a^2 per second.
    """
    return ProcessNoise(
        phase=oscillator_wander**2 + _DELAY_RANDOM_WALK**2,
        frequency=(_RANDOM_WALK_FM_SHARE * oscillator_wander) ** 2,
        drift=_DRIFT_RANDOM_WALK**2,
    )


def start(fit: PhaseFit, t_s: float, span_s: float, noise: ProcessNoise) -> Track:
    """A track from a fit with its derivatives taken at the latest of its clicks, t_s.

    The fit is a cubic over span_s; the clock's wander beside that is taken for what wanders in a
    quarter of the span [?].
    """
    phase, frequency, drift, jerk = fit.coefficients.tolist()
    covariance = fit.covariance.copy()
    if not noise.jerk:
        jerk = covariance[3, :] = covariance[:, 3] = 0.0
    covariance += wander(span_s / 4.0, noise)
    return Track(t_s, phase, frequency, drift, jerk, covariance, fit.mixture)


def added(track: Track, reference: Track) -> Track:
    """The track with the phase of another put back, which had been taken out of its clicks."""
    there = _coasted(reference, track.t_s)
    return track._replace(
        phase_s=track.phase_s + there.phase_s,
        frequency=track.frequency + there.frequency,
        drift_per_s=track.drift_per_s + there.drift_per_s,
        jerk_per_s2=track.jerk_per_s2 + there.jerk_per_s2,
    )


def without_phase(track: Track) -> Track:
    """The track after something shifted its phase by nobody knows how much; the rest is kept."""
    covariance = track.covariance.copy()
    covariance[0, :] = covariance[:, 0] = 0.0
    covariance[0, 0] = 1.0
    return track._replace(covariance=covariance)


def phase_at(track: Track, u_s: Array) -> Array:
    """Phase in s at each u, (n,)."""
    dt = u_s - track.t_s
    bend = dt * (track.drift_per_s / 2.0 + dt * (track.jerk_per_s2 / 6.0))
    return np.asarray(track.phase_s + dt * (track.frequency + bend))


def slots(track: Track, u_s: Array, slot_period_s: float) -> tuple[NDArray[np.int64], Array]:
    """Absolute slot of each click, (n,), and the time from its centre in s, (n,)."""
    along = u_s - phase_at(track, u_s)
    slot = np.rint(along / slot_period_s)
    return slot.astype(np.int64), along - slot * slot_period_s


def wander(dt_s: float, noise: ProcessNoise) -> NDArray[np.float64]:
    """Covariance (4, 4) that the four random walks add in a time, ahead or, below zero, back."""
    dt, dt2 = abs(dt_s), dt_s * dt_s
    odd = dt * dt_s
    q1, q2, q3, q4 = noise
    q11 = dt * (q1 + dt2 * (q2 / 3.0 + dt2 * (q3 / 20.0 + q4 * dt2 / 252.0)))
    q12 = odd * (q2 / 2.0 + dt2 * (q3 / 8.0 + q4 * dt2 / 72.0))
    q13 = dt * dt2 * (q3 / 6.0 + q4 * dt2 / 30.0)
    q14 = q4 * dt2 * odd / 24.0
    q22 = dt * (q2 + dt2 * (q3 / 3.0 + q4 * dt2 / 20.0))
    q23 = odd * (q3 / 2.0 + q4 * dt2 / 8.0)
    q24 = q4 * dt * dt2 / 6.0
    q33 = dt * (q3 + q4 * dt2 / 3.0)
    q34 = q4 * odd / 2.0
    return np.array(
        [[q11, q12, q13, q14], [q12, q22, q23, q24], [q13, q23, q33, q34], [q14, q24, q34, q4 * dt]]
    )


def predict(track: Track, t_s: float, noise: ProcessNoise) -> Track:
    """The clock at another time, as a rule a later one, without any click in between."""
    dt = t_s - track.t_s
    f = transition(dt)
    covariance = f @ track.covariance @ f.T + wander(dt, noise)
    return _coasted(track, t_s)._replace(covariance=covariance)


def _coasted(track: Track, t_s: float) -> Track:
    """The same clock by its derivatives at another time; its covariance stays that of before."""
    dt = t_s - track.t_s
    frequency, drift, jerk = track.frequency, track.drift_per_s, track.jerk_per_s2
    return track._replace(
        t_s=t_s,
        phase_s=track.phase_s + dt * (frequency + dt * (drift / 2.0 + dt * jerk / 6.0)),
        frequency=frequency + dt * (drift + dt * jerk / 2.0),
        drift_per_s=drift + dt * jerk,
    )


def update(predicted: Track, u_s: Array, slot_period_s: float) -> tuple[Track, bool]:
    """The clock after a block of clicks (n >= 1, predicted to their middle).

    False, and the clock unchanged, where the clicks so far speak against a signal.
    """
    _, residual = slots(predicted, u_s, slot_period_s)
    known, variance = predicted.mixture, predicted.covariance[0, 0]
    past = predicted.presence
    if predicted.phase_sigma_s > _FAR_SHARE * slot_period_s:
        past = 0.0
        # The likelihood's slope would not find the peak from there, the first harmonic does.
        start = mx.circular_mean(residual, slot_period_s)
        fit = mx.fit_centre(residual, slot_period_s, known, start)
        left = variance * fit.variance_s2 / (variance + fit.variance_s2)
        found = Posterior(
            fit.centre_s * left / fit.variance_s2, left, fit.mixture, fit.evidence - _PEAK_IN_NOISE
        )
    else:
        found = posterior(residual, variance, known, slot_period_s)
    presence = min(max(past + found.evidence, -_MOST_PRESENCE), _MOST_PRESENCE)
    predicted = predicted._replace(presence=presence, evidence=found.evidence)
    if presence < 0.0:
        return predicted, False
    covariance = predicted.covariance
    gain = covariance[:, 0] / variance
    covariance = covariance - np.outer(gain, gain) * (variance - found.variance_s2)
    return (
        predicted._replace(
            phase_s=predicted.phase_s + float(gain[0]) * found.shift_s,
            frequency=predicted.frequency + float(gain[1]) * found.shift_s,
            drift_per_s=predicted.drift_per_s + float(gain[2]) * found.shift_s,
            jerk_per_s2=predicted.jerk_per_s2 + float(gain[3]) * found.shift_s,
            covariance=0.5 * (covariance + covariance.T),
            mixture=_averaged(known, found.mixture, u_s.size, slot_period_s),
        ),
        True,
    )


def _averaged(known: Mixture, seen: Mixture, clicks: int, slot_period_s: float) -> Mixture:
    share = clicks / (clicks + _MEMORY_CLICKS)
    signal = seen.fraction * clicks
    share_signal = signal / (signal + _MEMORY_CLICKS)
    fraction = known.fraction + share * (seen.fraction - known.fraction)
    variance = known.sigma_s**2 + share_signal * (seen.sigma_s**2 - known.sigma_s**2)
    sigma = min(max(math.sqrt(variance), slot_period_s / 200.0), slot_period_s / 6.0)
    return Mixture(fraction, sigma)
