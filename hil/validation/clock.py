"""Clock recovery: what clicks tell, and the bounds of estimates from them."""

import math
from functools import cache, partial

import numpy as np
from numpy.typing import NDArray

from hil.validation.check import Check, Printed, Tolerance, closed_form
from terminal.timetags.clock_filter import Wander, smooth
from terminal.timetags.mixture import Mixture, information

TITLE = "Clock recovery"
ABOUT = """\
p: share of signal, g: its Gaussian, T: slot, J: information of one reading, n readings over T."""
_SIGMA_S, _SLOT_S = 212e-12, 10e-9
_FISHER = "sigma^2 int (p g')^2 / (p g + (1 - p)/T), by scipy"
_QUADRATURE = "0.1 %: the sum that a block of clicks is weighed with"
_KNOTS, _SPAN_S, _PHASE_S = 3000, 10.0, 1e-10
_DISCRETE = "1 %: many readings instead of a continuum"
_BUTTERWORTH_4 = 2.0 * (math.cos(math.pi / 8) + math.cos(3 * math.pi / 8))
"""Sum of the poles of the fourth-order filter: its gain of phase over its corner frequency."""
_WALK = 1e-20
"""Of the jerk, 1/s^5."""


def checks() -> list[Check]:
    return [*map(_fisher, (1.0, 0.95, 0.8, 0.5, 0.2)), *_bounds(), _steady()]


def _fisher(fraction: float) -> Check:
    expected = _fisher_by_scipy(fraction)
    return closed_form(
        f"Fisher information of a click, {100 * fraction:.0f} % signal, 212 ps in slots of 10 ns",
        _FISHER,
        Printed(f"{expected:.5f}"),
        "",
        partial(_fisher_here, fraction),
        Tolerance(_QUADRATURE, 1e-3 * expected),
    )


def _fisher_here(fraction: float) -> float:
    return information(Mixture(fraction, _SIGMA_S), _SLOT_S) * _SIGMA_S**2


def _fisher_by_scipy(p: float) -> float:
    """x in units of sigma."""
    from scipy.integrate import quad

    floor = (1.0 - p) * _SIGMA_S / _SLOT_S

    def taken(x: float) -> float:
        g = math.exp(-0.5 * x * x) / math.sqrt(2.0 * math.pi)
        return (p * x * g) ** 2 / (p * g + floor)

    half = min(0.5 * _SLOT_S / _SIGMA_S, 12.0)
    return 2.0 * float(quad(taken, 0.0, half, epsrel=1e-10)[0])


def _bounds() -> list[Check]:
    """Of n readings over T with drift free, information J each: the Cramer-Rao bounds."""
    rows = (
        ("phase at the end, drift free", "9 / (n J)", 0, 9.0, 0),
        ("frequency at the end, drift free", "192 / (n J T^2)", 1, 192.0, 2),
        ("drift", "720 / (n J T^4)", 2, 720.0, 4),
    )
    return [
        closed_form(
            f"variance of the {what}, times n J{f' T^{power}' if power else ''}",
            f"Cramer-Rao bound {formula}",
            Printed(f"{factor:.0f}"),
            "",
            partial(_variance_factor, state, power),
            Tolerance(_DISCRETE, 0.01 * factor),
        )
        for what, formula, state, factor, power in rows
    ]


def _variance_factor(state: int, power: int) -> float:
    information_total = _KNOTS / _PHASE_S**2
    return float(_least_squares()[state, state]) * information_total * _SPAN_S**power


@cache
def _least_squares() -> NDArray[np.float64]:
    """Covariance at the end, without wander."""
    return _at_the_end(_KNOTS, _SPAN_S, Wander(has_jerk=False))


def _at_the_end(knots: int, span_s: float, wander: Wander) -> NDArray[np.float64]:
    time_s = (np.arange(knots) + 0.5) * span_s / knots
    zero, variance = np.zeros(knots), np.full(knots, _PHASE_S**2)
    covariance: NDArray[np.float64] = smooth(time_s, zero, variance, 0.0, wander).covariance[-1]
    return covariance


def _steady() -> Check:
    """The filter's steady state."""
    step_s, span_s = 0.02, 60.0
    noise = _PHASE_S**2 * step_s
    expected_ps = 1e12 * math.sqrt(_BUTTERWORTH_4 * noise ** (7 / 8) * _WALK ** (1 / 8))
    weight = _BUTTERWORTH_4 * (_WALK / noise) ** (1 / 8) * step_s
    return closed_form(
        "steady error of the tracked phase, jerk a random walk of 1e-20 /s^5",
        "variance 2.613 R^(7/8) q^(1/8), the Kalman-Bucy filter of four integrators",
        Printed(f"{expected_ps:.4g}"),
        "ps",
        lambda: (
            1e12
            * math.sqrt(
                float(_at_the_end(round(span_s / step_s), span_s, Wander(jerk=_WALK))[0, 0])
            )
        ),
        Tolerance("the weight of one reading, half of it in sigma", 0.5 * weight * expected_ps),
    )
