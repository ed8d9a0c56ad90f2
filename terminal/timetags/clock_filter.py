"""Kalman filter and smoother of a clock: phase, frequency, drift, jerk, from measured phases.

The jerk wanders (white snap) and so does the phase (white frequency noise of an oscillator). How
much is not known beforehand: it is what makes the measured phases most likely.
"""

import itertools
import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from terminal.timetags.mixture import Array

STATES = 4
JERK_SIGMA_PER_S2 = 5e-9
"""2.6e-9 at most over a 600 km zenith pass, and as the inverse square of the height."""
DRIFT_SIGMA_PER_S = 5e-7
_FREQUENCY_SIGMA = 1e-6
"""About the start: wide against what a lock knows."""

# Candidates. Phase: 1 ps to 300 ps per square-root second. Jerk: a low orbit changes it by some
# 1e-10 /s^2 each second.
_PHASE_WANDER = (0.0, 1e-24, 1e-22, 1e-21, 1e-20, 1e-19)
_JERK_WANDER = tuple(10.0**k for k in range(-25, -16))
_COST = 5.0
"""In log likelihood, of one more parameter. Chance alone gains this with 0.2 % probability (chi
square of 10), for each of the candidates: one too many doubles the frequency's error or worse."""
_RUN_KNOTS = 400
_RUNS = 4


class Wander(NamedTuple):
    """Spectral densities of phase and jerk random walks, s^2/s and 1/s^5; whether there is jerk."""

    phase: float = 0.0
    jerk: float = 0.0
    has_jerk: bool = True


class Smoothed(NamedTuple):
    """state (n, 4): phase s, frequency, drift 1/s, jerk 1/s^2; covariance (n, 4, 4)."""

    state: Array
    covariance: Array


def transition(dt_s: float) -> Array:
    """(4, 4), constant jerk; dt_s of either sign."""
    d2, d3 = dt_s * dt_s / 2.0, dt_s**3 / 6.0
    return np.array(
        [
            [1.0, dt_s, d2, d3],
            [0.0, 1.0, dt_s, d2],
            [0.0, 0.0, 1.0, dt_s],
            [0.0, 0.0, 0.0, 1.0],
        ]
    )


def _unit_noise(dt_s: float) -> Array:
    """Covariance that a jerk random walk of unit density adds in dt_s: integral of g g^T dt with
    g = (t^3/6, t^2/2, t, 1)."""
    g = (6.0, 2.0, 1.0, 1.0)
    return np.array(
        [[dt_s ** (7 - i - j) / (g[i] * g[j] * (7 - i - j)) for j in range(4)] for i in range(4)]
    )


def added_noise(dt_s: float, wander: Wander) -> Array:
    """(4, 4), dt_s >= 0."""
    q = wander.jerk * _unit_noise(dt_s)
    q[0, 0] += wander.phase * dt_s
    return q


def _prior(frequency: float, phase: float, phase_sigma_s: float) -> tuple[Array, Array]:
    mean = np.array([phase, frequency, 0.0, 0.0])
    sigma = np.array([phase_sigma_s, _FREQUENCY_SIGMA, DRIFT_SIGMA_PER_S, JERK_SIGMA_PER_S2])
    return mean, np.diag(sigma**2)


def smooth(
    t_s: Array, phase_s: Array, variance_s2: Array, frequency: float, wander: Wander
) -> Smoothed:
    """Rauch-Tung-Striebel smoother.

    t_s: (n,), ascending, n >= 1; variance_s2: (n,), infinite where nothing was measured;
    frequency: known to within 1e-6 at the first time.
    """
    size = STATES if wander.has_jerk else STATES - 1
    n = t_s.size
    first = int(np.argmax(np.isfinite(variance_s2)))
    mean, covariance = _prior(frequency, float(phase_s[first]), 1e-7)
    mean, covariance = mean[:size], covariance[:size, :size]
    predicted = np.zeros((n, size))
    predicted_covariance = np.zeros((n, size, size))
    state = np.zeros((n, STATES))
    covariances = np.zeros((n, STATES, STATES))
    steps = []
    for k in range(n):
        if k:
            dt = float(t_s[k] - t_s[k - 1])
            f = transition(dt)[:size, :size]
            steps.append(f)
            mean = f @ mean
            covariance = f @ covariance @ f.T + added_noise(dt, wander)[:size, :size]
        predicted[k], predicted_covariance[k] = mean, covariance
        r = float(variance_s2[k])
        if math.isfinite(r):
            column = covariance[:, 0].copy()
            gain = column / (column[0] + r)
            mean = mean + gain * (float(phase_s[k]) - float(mean[0]))
            covariance = _after(covariance[None], gain[None], np.array([r]))[0]
        state[k, :size], covariances[k, :size, :size] = mean, covariance
    for k in range(n - 2, -1, -1):
        p = covariances[k, :size, :size]
        scale = np.sqrt(np.diag(predicted_covariance[k + 1]))
        scaled = predicted_covariance[k + 1] / np.outer(scale, scale)
        right = (steps[k] @ p) / scale[:, None]
        gain2 = (np.linalg.solve(scaled, right) / scale[:, None]).T
        state[k, :size] += gain2 @ (state[k + 1, :size] - predicted[k + 1])
        gap = covariances[k + 1, :size, :size] - predicted_covariance[k + 1]
        p = p + gain2 @ gap @ gain2.T
        covariances[k, :size, :size] = 0.5 * (p + p.T)
    return Smoothed(state, covariances)


def likeliest_wander(t_s: Array, phase_s: Array, variance_s2: Array, frequency: Array) -> Wander:
    """The wander under which the measured phases are most likely; the simplest that explains them.

    Arrays (n,); frequency: known to within 1e-6 at each time. Of long records, some runs.
    """
    models = [Wander(phase, 0.0, has_jerk=False) for phase in _PHASE_WANDER]
    models += [
        Wander(phase, jerk)
        for phase, jerk in itertools.product(_PHASE_WANDER, (0.0, *_JERK_WANDER))
    ]
    cost = np.array([_COST * ((m.phase > 0) + (m.jerk > 0) + m.has_jerk) for m in models])
    measured = np.flatnonzero(np.isfinite(variance_s2))
    total = -cost
    for run in _runs(measured):
        total += _log_likelihood(
            t_s[run], phase_s[run], variance_s2[run], float(frequency[run[0]]), models
        )
    return models[int(np.argmax(total))]


def _runs(index: NDArray[np.int64]) -> list[NDArray[np.int64]]:
    if index.size <= _RUNS * _RUN_KNOTS:
        return [index]
    starts = np.linspace(0, index.size - _RUN_KNOTS, _RUNS).astype(int)
    return [index[a : a + _RUN_KNOTS] for a in starts.tolist()]


def _log_likelihood(
    t_s: Array, phase_s: Array, variance_s2: Array, frequency: float, models: list[Wander]
) -> Array:
    """Of the innovations of one run, for all models at once, (models,)."""
    mean0, covariance0 = _prior(frequency, float(phase_s[0]), 1e-7)
    mean = np.tile(mean0, (len(models), 1))
    covariance = np.tile(covariance0, (len(models), 1, 1))
    for k, model in enumerate(models):
        if not model.has_jerk:
            covariance[k, 3, 3] = 0.0
    q_phase = np.array([m.phase for m in models])
    q_jerk = np.array([m.jerk for m in models])[:, None, None]
    total = np.zeros(len(models))
    for k in range(t_s.size):
        if k:
            dt = float(t_s[k] - t_s[k - 1])
            f = transition(dt)
            mean = mean @ f.T
            covariance = f @ covariance @ f.T + q_jerk * _unit_noise(dt)
            covariance[:, 0, 0] += q_phase * dt
        column = covariance[:, :, 0]
        spread = column[:, 0] + variance_s2[k]
        innovation = phase_s[k] - mean[:, 0]
        total -= 0.5 * (innovation**2 / spread + np.log(spread))
        gain = column / spread[:, None]
        mean = mean + gain * innovation[:, None]
        covariance = _after(covariance, gain, variance_s2[k])
    return total


def _after(covariance: Array, gain: Array, variance_s2: Array | float) -> Array:
    """Covariances (m, s, s) after a measured phase, by Joseph's form, which rounding does not make
    negative in thousands of steps. gain: (m, s); variance_s2: (m,) or one for all."""
    half = covariance - gain[:, :, None] * covariance[:, :1, :]
    noise = np.reshape(variance_s2, (-1, 1, 1)) * gain[:, :, None] * gain[:, None, :]
    joseph = half - half[:, :, :1] * gain[:, None, :] + noise
    return np.asarray(0.5 * (joseph + np.swapaxes(joseph, 1, 2)))
