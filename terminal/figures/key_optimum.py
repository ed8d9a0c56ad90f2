"""The longest key that a pass can give, over the protocol's free parameters.

Free: the share of the key basis, two of the intensities' probabilities, the two intensities; the
vacuum is empty. The bounds are those of SatQuMA 2.0 (Sidhu et al., npj Quantum Inf. 8, 18 (2022)).
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from terminal.qkd.expected import Receiver, expected_counts
from terminal.qkd.finite_key import KeyParameters, SiftedCounts, key_length

Array = NDArray[np.float64]

BOUNDS = ((0.3, 0.9999), (0.6, 0.9999), (1e-4, 0.4), (0.3, 1.0), (1e-3, 0.5))
"""Of Protocol's fields, in order."""
START = (0.9, 0.8, 0.15, 0.6, 0.15)
_OUTSIDE = 1e12
_ITERATIONS = 1500


class Protocol(NamedTuple):
    """What the two ends may choose."""

    basis_x_probability: float
    signal_probability: float
    decoy_probability: float
    signal_intensity: float
    decoy_intensity: float


class Link(NamedTuple):
    """What they have to take."""

    transmittance: Array
    """(n,) of each second."""
    pulse_rate_hz: float
    receiver: Receiver
    secrecy: float
    correctness: float
    efficiency: float


class Optimum(NamedTuple):
    secret_key_bits: float
    protocol: Protocol


def key_bits(link: Link, protocol: Protocol) -> float:
    """Key length before it is cut at 0; very negative where the protocol cannot be."""
    p_x, signal, decoy, mu1, mu2 = protocol
    outside = sum(
        max(low - value, 0.0) + max(value - high, 0.0)
        for value, (low, high) in zip(protocol, BOUNDS, strict=True)
    )
    outside += max(signal + decoy - 0.9999, 0.0) + max(mu2 + 1e-6 - mu1, 0.0)
    if outside > 0:
        return -_OUTSIDE * (1 + outside)
    intensities = mu1, mu2, 0.0
    probabilities = signal, decoy, 1 - signal - decoy
    counts = expected_counts(
        link.transmittance, link.pulse_rate_hz, intensities, probabilities, p_x, link.receiver
    )
    return _length(counts, link, intensities, probabilities)


def longest_key(link: Link, start: Protocol | None = None) -> Optimum:
    """The best protocol by a simplex search from `start`, made twice so as not to get stuck.

    The unclipped length is climbed: cut at 0, much of the domain is a plateau.
    """

    def cost(x: Array) -> float:
        return -key_bits(link, Protocol(*x.tolist()))

    best: Array = np.array(start or START, dtype=np.float64)
    options: Any = {"xatol": 1e-4, "fatol": 1.0, "maxiter": _ITERATIONS, "adaptive": True}
    for _ in range(2):
        found = minimize(
            cost,
            best,
            method="Nelder-Mead",
            options=options,
        )
        best = found.x
    return Optimum(max(-float(found.fun), 0.0), Protocol(*best.tolist()))


def _length(
    counts: SiftedCounts,
    link: Link,
    intensities: tuple[float, float, float],
    probabilities: tuple[float, float, float],
) -> float:
    params = KeyParameters(
        intensities, probabilities, link.secrecy, link.correctness, link.efficiency
    )
    return float(key_length(counts, params).unclipped_key_bits)
