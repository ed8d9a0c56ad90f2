"""How far from its slot's centre a click may lie and still count.

A click is signal with a probability that falls with its distance from the centre
(`mixture.responsibility`). All clicks above one least probability count: of all gates that let as
much signal in, this one lets in least background (Neyman and Pearson), and as one signal click is
worth as much key as any other, one least probability is right for a whole pass. It knows times and
rates alone, and its width is the same for all detectors: clicks that it leaves out tell nothing
about the key.

It stands about each detector's own centre: delays are taken off before, by channel. The channel is
the state seen, so what is left of a delay lets in a little more of one state than of another. With
gates of x sigma and a delay of d sigma left it is a share of x d^2 exp(-x^2/2)/sqrt(2 pi) of that
detector's signal: at x = 2.5 and delays below four sigma of 10,000 clicks (d = 0.04), 7e-5.

What the least probability w should be: the key l = s0 + s1 (1 - h(phi)) - f n h(Q) grows by A with
a signal click and falls by B with one of background, and at the edge A w = B (1 - w). From the
derivatives, with h'(x) = log2((1 - x)/x):

    A = (1 - h(phi)) s1/n - f (h(Q) - Q h'(Q))
    B = f (h(Q) + (1/2 - Q) h'(Q)) + h'(phi)/2

With s1/n = 1/2, Q = 1 %, phi = 3 %, f = 1.16: A = 0.39, B = 6.3, w = 0.94.
"""

import math
from typing import NamedTuple

from terminal.timetags.mixture import Mixture

_WORTH_A_STEP = 0.05
"""Of the gate: it stays until the rule wants it so much wider or narrower. Near the best gate the
key changes with the square of that."""


class GateRule(NamedTuple):
    """What bounds the gate, and from which probability of signal on a click counts."""

    narrowest_s: float
    widest_s: float
    """Half widths."""
    least_probability: float


def half_width_s(mixture: Mixture, slot_period_s: float, least_probability: float) -> float:
    """The distance from the centre at which a click is signal with `least_probability`; 0 where it
    is less likely to be everywhere.

    `mixture.responsibility` solved for the offset.
    """
    p, sigma = mixture
    at_centre = p / (1.0 - p) * slot_period_s / (sigma * math.sqrt(2.0 * math.pi))
    ratio = at_centre * (1.0 - least_probability) / least_probability
    return sigma * math.sqrt(2.0 * math.log(ratio)) if ratio > 1.0 else 0.0


def signal_share(mixture: Mixture, slot_period_s: float, half_width_s: float) -> float:
    """Of the clicks in a gate: Gaussian of signal over a uniform floor."""
    signal = mixture.fraction * math.erf(half_width_s / (math.sqrt(2.0) * mixture.sigma_s))
    noise = (1.0 - mixture.fraction) * 2.0 * half_width_s / slot_period_s
    return signal / (signal + noise)


def wanted_s(mixture: Mixture, slot_period_s: float, rule: GateRule) -> float:
    """Half width that the rule asks for."""
    free_s = half_width_s(mixture, slot_period_s, rule.least_probability)
    return min(max(free_s, rule.narrowest_s), rule.widest_s)


def following(gate_s: float, mixture: Mixture, slot_period_s: float, rule: GateRule) -> float:
    """Half width from now on; gate_s: that in force, 0: none yet.

    Jitter and signal share are means over thousands of clicks, and small changes are not followed:
    the gate moves slowly, in few steps.
    """
    wanted = wanted_s(mixture, slot_period_s, rule)
    return gate_s if abs(wanted - gate_s) <= _WORTH_A_STEP * gate_s else wanted
