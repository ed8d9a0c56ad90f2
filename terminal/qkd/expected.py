"""Sifted counts to be expected from a channel's transmittance, slot of time by slot of time.

Source: the channel model of Lim et al. 2014 and Sidhu et al. 2022 (SatQuMA 2.0), with the errors
of a slot shared over the intensities in proportion to their counts.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from terminal.qkd.finite_key import SiftedCounts, Triple


class Receiver(NamedTuple):
    """What spoils a click, as probabilities."""

    extraneous_count_probability: float
    """Per pulse and detector: dark counts and background light in the gate."""
    afterpulse_probability: float
    intrinsic_qber: float
    """That a signal click shows the other state of its basis."""


def detection_probability(
    transmittance: ArrayLike, intensity: float, receiver: Receiver
) -> NDArray[np.float64]:
    """D: probability of a click per pulse of mean photon number `intensity`; input's shape."""
    silent = np.exp(-intensity * np.asarray(transmittance, dtype=np.float64))
    extraneous = 2 * receiver.extraneous_count_probability
    return (1 + receiver.afterpulse_probability) * (1 - (1 - extraneous) * silent)


def error_probability(
    transmittance: ArrayLike, intensity: float, receiver: Receiver
) -> NDArray[np.float64]:
    """e: the same for a wrong click; input's shape."""
    signal = -np.expm1(-intensity * np.asarray(transmittance, dtype=np.float64))
    clicks = detection_probability(transmittance, intensity, receiver)
    return (
        receiver.extraneous_count_probability
        + receiver.afterpulse_probability * clicks / 2
        + receiver.intrinsic_qber * signal
    )


def expected_counts(
    transmittance: ArrayLike,
    pulses_per_slot: float,
    intensities: Triple,
    probabilities: Triple,
    basis_x_probability: float,
    receiver: Receiver,
) -> SiftedCounts:
    """Expected sifted counts of both bases over all slots.

    transmittance: (n,), sender to click, each valid for `pulses_per_slot` pulses (pulse rate times
    the slot's length, times the number of passes). Sender and receiver both take the key basis with
    `basis_x_probability`. Raises ValueError for a transmittance outside [0, 1].
    """
    eta = np.atleast_1d(np.asarray(transmittance, dtype=np.float64))
    if not np.all((eta >= 0) & (eta <= 1)):
        raise ValueError("transmittance: must lie in [0, 1]")
    sent = pulses_per_slot * np.asarray(probabilities)[:, np.newaxis]
    clicks = sent * np.stack([detection_probability(eta, mu, receiver) for mu in intensities])
    errors = sent * np.stack([error_probability(eta, mu, receiver) for mu in intensities])
    in_slot = clicks.sum(axis=0)
    rate = np.divide(errors.sum(axis=0), in_slot, out=np.zeros_like(in_slot), where=in_slot > 0)
    wrong = (clicks * rate).sum(axis=1)

    both_x = basis_x_probability**2
    both_z = (1 - basis_x_probability) ** 2
    total = clicks.sum(axis=1)
    return SiftedCounts(
        _triple(both_x * total),
        _triple(both_z * total),
        float(both_x * wrong.sum()),
        _triple(both_z * wrong),
    )


def _triple(values: NDArray[np.float64]) -> Triple:
    signal, decoy, vacuum = values.tolist()
    return signal, decoy, vacuum
