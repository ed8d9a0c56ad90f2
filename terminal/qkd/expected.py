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


def receiver_behind_splitter(
    share: float,
    dark_rate_hz: float,
    background_rate_hz: float,
    signal_rate_hz: float,
    gate_s: float,
    afterpulse_probability: float,
    intrinsic_qber: float,
) -> Receiver:
    """The receiver of one basis, to which a beam splitter sends this share of all light.

    `detection_probability` has the basis chosen, and `expected_counts` multiplies by the share: sky
    light divides like the signal, while a dark count comes whether or not the light does, so it
    counts 1 / share times. Afterpulses live longer than a slot, so they come in slots of any
    intensity, wrong or right: they are extraneous counts too.

    Args:
        dark_rate_hz: of each detector.
        background_rate_hz, signal_rate_hz: clicks by sky light and by the sender's, all four
            detectors together.
        gate_s: full width.
    """
    light_hz = 0.5 * share * (background_rate_hz + signal_rate_hz)
    afterpulses_hz = afterpulse_probability * (light_hz + dark_rate_hz)
    extraneous_hz = 0.5 * background_rate_hz + (dark_rate_hz + afterpulses_hz) / share
    return Receiver(extraneous_hz * gate_s, 0.0, intrinsic_qber)


def expected_counts(
    transmittance: ArrayLike,
    pulses_per_slot: float,
    intensities: Triple,
    probabilities: Triple,
    basis_x_probability: float,
    receiver: Receiver,
    receiver_z: Receiver | None = None,
    *,
    shared_errors: bool = True,
) -> SiftedCounts:
    """Expected sifted counts of both bases over all slots.

    transmittance: (n,), sender to click, each valid for `pulses_per_slot` pulses (pulse rate times
    the slot's length, times the number of passes). Sender and receiver both take the key basis with
    `basis_x_probability`. receiver_z: of the check basis, if it is not that of the key basis.
    shared_errors: as in the published model, which shares them over the intensities; else each
    intensity has its own, which is what happens (half of the vacuum's clicks are wrong).

    Raises ValueError for a transmittance outside [0, 1].
    """
    eta = np.atleast_1d(np.asarray(transmittance, dtype=np.float64))
    if not np.all((eta >= 0) & (eta <= 1)):
        raise ValueError("transmittance: must lie in [0, 1]")
    sent = pulses_per_slot * np.asarray(probabilities)[:, np.newaxis]
    x, x_wrong = _clicks(eta, sent, intensities, receiver, shared_errors)
    z, z_wrong = _clicks(eta, sent, intensities, receiver_z or receiver, shared_errors)
    both_x = basis_x_probability**2
    both_z = (1 - basis_x_probability) ** 2
    return SiftedCounts(
        _triple(both_x * x),
        _triple(both_z * z),
        float(both_x * x_wrong.sum()),
        _triple(both_z * z_wrong),
    )


def _clicks(
    eta: NDArray[np.float64],
    sent: NDArray[np.float64],
    intensities: Triple,
    receiver: Receiver,
    shared_errors: bool,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(3,) clicks and wrong ones of each intensity, were all pulses of this basis."""
    clicks = sent * np.stack([detection_probability(eta, mu, receiver) for mu in intensities])
    errors = sent * np.stack([error_probability(eta, mu, receiver) for mu in intensities])
    if not shared_errors:
        return clicks.sum(axis=1), errors.sum(axis=1)
    in_slot = clicks.sum(axis=0)
    rate = np.divide(errors.sum(axis=0), in_slot, out=np.zeros_like(in_slot), where=in_slot > 0)
    return clicks.sum(axis=1), (clicks * rate).sum(axis=1)


def _triple(values: NDArray[np.float64]) -> Triple:
    signal, decoy, vacuum = values.tolist()
    return signal, decoy, vacuum
