"""How many public clicks tell the slot: the search on drawn clicks, against order statistics."""

import math
from functools import partial

import numpy as np

from config.pattern import public_pattern
from hil.validation.check import Check, Printed, Tolerance, closed_form
from terminal.timetags.mixture import Mixture
from terminal.timetags.pattern import PublicPattern
from terminal.timetags.slot_search import contrast, search_slot

TITLE = "Slot by correlation"
ABOUT = """\
The search on drawn clicks (seeded), against the order statistics of plain scores of +-1, which give
0.99 at these numbers; clicks that are weighed by their times do better."""
_LENGTH, _SEED, _TRIALS = 2**20, 7, 20
_ERROR_RATE = 0.03
_SIGMA_S, _SLOT_S, _SPAN_S = 212e-12, 10e-9, 1.0
_FORMULA = "int phi(u) Phi((mu + u s1) / s0)^(L - 1) du, scores of +-1"
_CLICKS = {1.0: 105, 0.8: 175, 0.5: 465, 0.2: 2980}
"""At which the formula gives 0.99, by share of signal."""


def checks() -> list[Check]:
    return [_peak(fraction, clicks) for fraction, clicks in _CLICKS.items()]


def _peak(fraction: float, clicks: int) -> Check:
    expected = chance_of_the_peak(clicks, fraction, _LENGTH)
    below = 3.0 * math.sqrt(expected * (1.0 - expected) / _TRIALS)
    return closed_form(
        f"right slot of 2^20 from {clicks} public clicks, {100 * fraction:.0f} % signal, 3 % wrong",
        _FORMULA,
        Printed(f"{expected:.3f}", ">"),
        "",
        partial(_share_right, fraction, clicks),
        Tolerance(f"three standard deviations of {_TRIALS} trials", below),
    )


def chance_of_the_peak(clicks: int, fraction: float, shifts: int) -> float:
    """That the right one of so many shifts has the largest score, by scipy's quadrature.

    A click in the basis it was sent in, half of them, scores +-1; with the right shift the mean is
    p (1 - 2 e) / 2.
    """
    from scipy.integrate import quad
    from scipy.stats import norm

    each = 0.5 * fraction * (1.0 - 2.0 * _ERROR_RATE)
    mean = clicks * each
    others = math.sqrt(0.5 * clicks)
    own = math.sqrt(clicks * (0.5 - each**2))

    def density(u: float) -> float:
        below = float(norm.logcdf((mean + u * own) / others))
        return float(norm.pdf(u)) * math.exp((shifts - 1) * below)

    return float(quad(density, -8.0, 8.0, points=[-3.0, 0.0, 3.0])[0])


def _share_right(fraction: float, clicks: int) -> float:
    pattern = PublicPattern(public_pattern(_LENGTH, 1.0, _SEED))
    rng = np.random.default_rng([_SEED, clicks])
    return sum(_found(pattern, fraction, clicks, rng) for _ in range(_TRIALS)) / _TRIALS


def _found(pattern: PublicPattern, fraction: float, clicks: int, rng: np.random.Generator) -> bool:
    slot = np.sort(rng.integers(0, round(_SPAN_S / _SLOT_S), clicks))
    signal = rng.random(clicks) < fraction
    offset = np.where(
        signal,
        rng.normal(0.0, _SIGMA_S, clicks),
        rng.uniform(-0.5, 0.5, clicks) * _SLOT_S,
    )
    sent = pattern.state[slot % _LENGTH]
    basis = rng.integers(0, 2, clicks)
    random_bit = rng.integers(0, 2, clicks)
    wrong = rng.random(clicks) < _ERROR_RATE
    bit = np.where(signal & (sent >> 1 == basis), (sent & 1) ^ wrong, random_bit)
    channel = (2 * basis + bit).astype(np.uint8)
    shift = int(rng.integers(0, _LENGTH))
    weight = contrast(offset, Mixture(min(fraction, 0.99), _SIGMA_S), _SLOT_S)
    best = search_slot((slot - shift).astype(np.int64), channel, weight, pattern)
    return best.shift == shift
