"""The partner's clock from block to block: a Kalman filter over phase, frequency and drift.

The signal of slot s is centred at u = s T + phase(u), u being the click time minus the predicted
delay. The phase of a block of clicks is the maximum-likelihood centre of a Gaussian on uniform
background (`terminal.timetags.mixture`), its variance the Cramer-Rao bound 1/(n J).
"""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from terminal.timetags import mixture as mx
from terminal.timetags.acquisition import Lock
from terminal.timetags.mixture import Array, Mixture

# What the predicted delay may do beside the oscillator. Assumed [?] from ephemeris errors of some
# 100 m to 1 km in a pass that bends within some ten seconds; a jerk of 6e-12 /s^2 stays inside.
_DELAY_RANDOM_WALK = 2e-11
"""s per square-root second: dead reckoning on velocities that err by 3 cm/s, 50 times a second,
walks 14 ps."""
_DRIFT_RANDOM_WALK = 1e-11
"""1/s per square-root second."""
_DRIFT_SIGMA_PER_S = 3e-10
"""At the start."""
_RANDOM_WALK_FM_SHARE = 1.0 / 3.0
"""Frequency random walk per square-root second over the one-second Allan deviation [?]."""

_MIN_EVIDENCE = 0.0
"""Of a block, as log likelihood ratio, to be taken for more than background ..."""
_MIN_EVIDENCE_FAR = 8.0
"""... and where its centre was looked for all over the slot."""
_MEMORY_CLICKS = 2000.0
"""Over which signal fraction and jitter are averaged."""


class ProcessNoise(NamedTuple):
    """Spectral densities of the three random walks: s^2/s, 1/s, 1/s^3."""

    phase: float
    frequency: float
    drift: float


class Track(NamedTuple):
    """The clock at t_s (on the scale of u); covariance (3, 3) of phase, frequency, drift."""

    t_s: float
    phase_s: float
    frequency: float
    drift_per_s: float
    covariance: NDArray[np.float64]
    mixture: Mixture

    @property
    def phase_sigma_s(self) -> float:
        return math.sqrt(self.covariance[0, 0])

    @property
    def frequency_sigma(self) -> float:
        return math.sqrt(self.covariance[1, 1])


def process_noise(oscillator_wander: float) -> ProcessNoise:
    """From the one-second Allan deviation of the own oscillator, plus the allowance for the delay.

    White FM of Allan deviation a at 1 s is a random walk of phase of a^2 per second.
    """
    return ProcessNoise(
        phase=oscillator_wander**2 + _DELAY_RANDOM_WALK**2,
        frequency=(_RANDOM_WALK_FM_SHARE * oscillator_wander) ** 2,
        drift=_DRIFT_RANDOM_WALK**2,
    )


def start(lock: Lock, reference: Track | None = None) -> Track:
    """A track from a lock. `reference`: what was taken out of the clicks before locking."""
    # A drift unknown to the lock's straight line leaves D span^2 / 24 in the phase at its middle.
    bend = _DRIFT_SIGMA_PER_S * lock.span_s**2 / 24.0
    covariance = np.diag(
        [lock.phase_sigma_s**2 + bend**2, lock.frequency_sigma**2, _DRIFT_SIGMA_PER_S**2]
    )
    t = lock.time_s
    phase, frequency, drift = lock.phase_s, lock.frequency_offset, 0.0
    if reference is not None:
        dt = t - reference.t_s
        phase += reference.phase_s + dt * (reference.frequency + 0.5 * dt * reference.drift_per_s)
        frequency += reference.frequency + dt * reference.drift_per_s
        drift = reference.drift_per_s
    return Track(t, phase, frequency, drift, covariance, lock.mixture)


def without_phase(track: Track) -> Track:
    """The track after something shifted its phase by nobody knows how much; the rest is kept."""
    covariance = track.covariance.copy()
    covariance[0, :] = covariance[:, 0] = 0.0
    covariance[0, 0] = 1.0
    return track._replace(covariance=covariance)


def phase_at(track: Track, u_s: Array) -> Array:
    """Phase in s at each u, (n,)."""
    dt = u_s - track.t_s
    return np.asarray(track.phase_s + dt * (track.frequency + dt * (0.5 * track.drift_per_s)))


def slots(track: Track, u_s: Array, slot_period_s: float) -> tuple[NDArray[np.int64], Array]:
    """Absolute slot of each click, (n,), and the time from its centre in s, (n,)."""
    along = u_s - phase_at(track, u_s)
    slot = np.rint(along / slot_period_s)
    return slot.astype(np.int64), along - slot * slot_period_s


def predict(track: Track, t_s: float, noise: ProcessNoise) -> Track:
    """The clock at a later time, without any click in between."""
    dt = t_s - track.t_s
    dt2 = dt * dt
    transition = np.array([[1.0, dt, 0.5 * dt2], [0.0, 1.0, dt], [0.0, 0.0, 1.0]])
    q1, q2, q3 = noise
    q11 = dt * (q1 + dt2 * (q2 / 3.0 + q3 * dt2 / 20.0))
    q12 = dt2 * (q2 / 2.0 + q3 * dt2 / 8.0)
    q13 = q3 * dt * dt2 / 6.0
    q22 = dt * (q2 + q3 * dt2 / 3.0)
    q23 = q3 * dt2 / 2.0
    added = np.array([[q11, q12, q13], [q12, q22, q23], [q13, q23, q3 * dt]])
    return track._replace(
        t_s=t_s,
        phase_s=track.phase_s + dt * (track.frequency + 0.5 * dt * track.drift_per_s),
        frequency=track.frequency + dt * track.drift_per_s,
        covariance=transition @ track.covariance @ transition.T + added,
    )


def update(predicted: Track, u_s: Array, slot_period_s: float) -> tuple[Track, bool]:
    """The clock after a block of clicks (n >= 1, predicted to their middle).

    False, and the track unchanged, where the block does not show the signal.
    """
    _, residual = slots(predicted, u_s, slot_period_s)
    known = predicted.mixture
    # From far off, the likelihood's slope would not find the peak.
    far = predicted.phase_sigma_s > 0.5 * known.sigma_s
    centre = mx.circular_mean(residual, slot_period_s) if far else 0.0
    fit = mx.fit_centre(residual, slot_period_s, known, centre)
    if fit.evidence < (_MIN_EVIDENCE_FAR if far else _MIN_EVIDENCE):
        return predicted, False
    covariance = predicted.covariance
    column = covariance[:, 0]
    gain = column / (column[0] + fit.variance_s2)
    covariance = covariance - np.outer(gain, column)
    return (
        predicted._replace(
            phase_s=predicted.phase_s + float(gain[0]) * fit.centre_s,
            frequency=predicted.frequency + float(gain[1]) * fit.centre_s,
            drift_per_s=predicted.drift_per_s + float(gain[2]) * fit.centre_s,
            covariance=0.5 * (covariance + covariance.T),
            mixture=_averaged(known, fit.mixture, u_s.size, slot_period_s),
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
