"""Maximum likelihood of a clock's phase, frequency, drift and jerk from clicks without slots.

The signal of slot s is centred at t = s T + phase(t), phase a cubic in t; each click lies about
its nearest centre by a Gaussian on a uniform floor (`terminal.timetags.mixture`). Drift and jerk
have Gaussian priors: a span too short to show them takes them as small and says how unsure it is.
"""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from terminal.timetags import mixture as mx
from terminal.timetags.clock_filter import transition
from terminal.timetags.mixture import Array, Mixture

_ITERATIONS = 40
_SETTLED = 0.003
"""Step over standard error that ends the iteration."""


class PhaseFit(NamedTuple):
    """phase(t) = c0 + c1 t + c2 t^2 / 2 + c3 t^3 / 6, in s; c: (4,), covariance: (4, 4)."""

    coefficients: Array
    covariance: Array
    mixture: Mixture
    power: float
    """|sum exp(2 pi i offset / T)|^2 / n of the offsets from the fit: Exp(1) for noise if the
    fit were not made from the same clicks."""


class Prior(NamedTuple):
    """One sigma about zero, at t = 0."""

    drift_per_s: float
    jerk_per_s2: float


def phase_s(coefficients: Array, t_s: Array) -> Array:
    """phase(t), (n,), of the coefficients c."""
    c0, c1, c2, c3 = coefficients.tolist()
    return np.asarray(c0 + t_s * (c1 + t_s * (c2 / 2.0 + t_s * (c3 / 6.0))))


def phase_sigma_s(covariance: Array, t_s: float) -> float:
    """Standard error of phase(t)."""
    row = np.array([1.0, t_s, t_s**2 / 2.0, t_s**3 / 6.0])
    return math.sqrt(max(float(row @ covariance @ row), 0.0))


def moved(fit: PhaseFit, by_s: float) -> PhaseFit:
    """The same fit with its derivatives taken `by_s` later: of phase(t + by_s)."""
    f = transition(by_s)
    return fit._replace(coefficients=f @ fit.coefficients, covariance=f @ fit.covariance @ f.T)


def fit_phase(
    t_s: Array, slot_period_s: float, start: Array, mixture: Mixture, prior: Prior
) -> PhaseFit:
    """Fisher scoring for the phase, expectation maximisation for signal share and jitter.

    t_s: (n,), ascending, span above zero. start: (4,), within some tenth of a slot over all of
    t_s; what it lacks is a constant at most. The covariance is the Cramer-Rao bound with the prior.
    """
    n = t_s.size
    half = 0.5 * float(t_s[-1] - t_s[0])
    middle = float(t_s[0]) + half
    # Its products by einsum: the threads of BLAS cost more than these gain, and a busy machine
    # makes them wait.
    rows = np.polynomial.legendre.legvander((t_s - middle) / half, 3).T
    design = np.ascontiguousarray(rows)
    to_cubic = _cubic_from_legendre(-middle / half, half)
    precision = np.diag([0.0, 0.0, prior.drift_per_s**-2, prior.jerk_per_s2**-2])
    prior_information = to_cubic.T @ precision @ to_cubic
    gram = np.einsum("ik,jk->ij", design, design)

    a = np.linalg.solve(to_cubic, start)
    a[0] += mx.circular_mean(
        mx.wrap(t_s - np.einsum("ik,i->k", design, a), slot_period_s), slot_period_s
    )
    p, sigma = mixture
    for _ in range(_ITERATIONS):
        offset = mx.wrap(t_s - np.einsum("ik,i->k", design, a), slot_period_s)
        weight = mx.responsibility(offset, Mixture(p, sigma), slot_period_s)
        fisher = mx.information(Mixture(p, sigma), slot_period_s) * gram + prior_information
        slope = np.einsum("ik,k->i", design, weight * offset) / sigma**2 - prior_information @ a
        step = np.linalg.solve(fisher, slope)
        step *= min(1.0, sigma / max(float(np.max(np.abs(step))), 1e-300))
        a += step
        total = max(float(np.sum(weight)), 1.0)
        before = sigma
        sigma = math.sqrt(float(np.dot(weight, offset * offset)) / total)
        sigma = min(max(sigma, slot_period_s / 200.0), slot_period_s / 6.0)
        p = mx.bounded(total / n)
        error = 1.0 / math.sqrt(float(fisher[0, 0]))
        if float(np.max(np.abs(step))) < _SETTLED * error and abs(sigma - before) < 1e-3 * sigma:
            break
    mixture = Mixture(p, sigma)
    offset = mx.wrap(t_s - np.einsum("ik,i->k", design, a), slot_period_s)
    folded = complex(np.sum(np.exp(2j * math.pi / slot_period_s * offset)))
    fisher = mx.information(mixture, slot_period_s) * gram + prior_information
    return PhaseFit(
        coefficients=to_cubic @ a,
        covariance=to_cubic @ np.linalg.inv(fisher) @ to_cubic.T,
        mixture=mixture,
        power=abs(folded) ** 2 / n,
    )


def _cubic_from_legendre(x: float, half_s: float) -> NDArray[np.float64]:
    """(4, 4): derivatives 0..3 by t of the Legendre polynomials P0..P3 of x = (t - middle) / half.

    By definition of the P_k: P2 = (3 x^2 - 1) / 2, P3 = (5 x^3 - 3 x) / 2.
    """
    rows = np.array(
        [
            [1.0, x, 1.5 * x * x - 0.5, 2.5 * x**3 - 1.5 * x],
            [0.0, 1.0, 3.0 * x, 7.5 * x * x - 1.5],
            [0.0, 0.0, 3.0, 15.0 * x],
            [0.0, 0.0, 0.0, 15.0],
        ]
    )
    return np.asarray(rows / half_s ** np.arange(4.0)[:, None])
