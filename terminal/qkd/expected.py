"""Sifted counts to be expected from a channel's transmittance, slot of time by slot of time.

Source: the channel model of Lim et al. 2014 and Sidhu et al. 2022 (SatQuMA 2.0), with the errors
of a slot shared over the intensities in proportion to their counts.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from terminal.qkd.decoy_bounds import Counts, KeyRules, bound_key
from terminal.qkd.finite_key import KeyEstimate, SiftedCounts, Triple, estimate_of

Array = NDArray[np.float64]

_BLOCK = 1 << 15
"""Numbers of one intermediate array: with so many all of them stay in a core's cache."""


class Receiver(NamedTuple):
    """What spoils a click, as probabilities."""

    extraneous_count_probability: float
    """Per pulse and detector: dark counts and background light in the gate."""
    afterpulse_probability: float
    intrinsic_qber: float
    """That a signal click shows the other state of its basis."""


class Link(NamedTuple):
    """A pass as the photons see it."""

    transmittance: Array
    """(s,): sender to click, in each slot of time."""
    pulses: Array
    """(s,): sent in it, over all passes."""
    receiver: Receiver
    receiver_z: Receiver | None = None
    """Of the check basis, if it is not that of the key basis."""
    shared_errors: bool = True
    """As in the published model, which shares the errors of a slot over the intensities; else each
    intensity has its own, which is what happens (half of the vacuum's clicks are wrong)."""


def detection_probability(transmittance: ArrayLike, intensity: float, receiver: Receiver) -> Array:
    """D: probability of a click per pulse of mean photon number `intensity`; input's shape."""
    (dark, per_light), _ = _lines(receiver)
    return dark + per_light * _light(transmittance, intensity)


def error_probability(transmittance: ArrayLike, intensity: float, receiver: Receiver) -> Array:
    """e: the same for a wrong click; input's shape."""
    _, (dark, per_light) = _lines(receiver)
    return dark + per_light * _light(transmittance, intensity)


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
    """Expected sifted counts of both bases over all slots, for one set of parameters.

    transmittance: (s,), sender to click, each valid for `pulses_per_slot` pulses (pulse rate times
    the slot's length, times the number of passes). Sender and receiver both take the key basis with
    `basis_x_probability`. The rest: see `Link`.

    Raises ValueError for a transmittance outside [0, 1].
    """
    eta = np.atleast_1d(np.asarray(transmittance, dtype=np.float64))
    if not np.all((eta >= 0) & (eta <= 1)):
        raise ValueError("transmittance: must lie in [0, 1]")
    pulses = np.full(eta.shape, float(pulses_per_slot))
    counts = counts_over(
        Link(eta, pulses, receiver, receiver_z, shared_errors),
        np.array(intensities, dtype=np.float64),
        np.array(probabilities, dtype=np.float64),
        np.array(basis_x_probability),
    )
    return SiftedCounts(
        _triple(counts.x), _triple(counts.z), float(counts.x_errors), _triple(counts.z_errors)
    )


def counts_over(
    link: Link, intensities: Array, probabilities: Array, basis_x_probability: Array
) -> Counts:
    """Expected sifted counts for many sets of parameters at once.

    intensities, probabilities: (..., 3) of one shape; basis_x_probability: (...), broadcast against
    them.
    """
    shape = intensities.shape
    sets = max(1, _BLOCK // (3 * link.transmittance.size))
    mu, p = intensities.reshape(-1, 3), probabilities.reshape(-1, 3)
    receivers = (link.receiver,) if link.receiver_z is None else (link.receiver, link.receiver_z)
    blocks = [
        _clicks(link, mu[k : k + sets], p[k : k + sets], receivers) for k in range(0, len(mu), sets)
    ]
    clicks, errors = np.concatenate(blocks, axis=2).reshape(2, len(receivers), *shape)
    both_x = basis_x_probability[..., np.newaxis] ** 2
    both_z = (1.0 - basis_x_probability[..., np.newaxis]) ** 2
    return Counts(
        both_x * clicks[0], both_z * clicks[-1], (both_x * errors[0]).sum(-1), both_z * errors[-1]
    )


def key_over(
    link: Link,
    intensities: ArrayLike,
    probabilities: ArrayLike,
    basis_x_probability: ArrayLike,
    rules: KeyRules,
) -> KeyEstimate:
    """What a pass is worth with one set of parameters: (3,), (3,), one number."""
    mu = np.asarray(intensities, dtype=np.float64)
    p = np.asarray(probabilities, dtype=np.float64)
    p_x = np.asarray(basis_x_probability, dtype=np.float64)
    return estimate_of(bound_key(counts_over(link, mu, p, p_x), mu, p, rules))


def _clicks(link: Link, mu: Array, p: Array, receivers: tuple[Receiver, ...]) -> Array:
    """(2, receivers, m, 3): clicks and wrong ones over the pass, were all pulses of one basis.

    Both are straight lines in the share of pulses whose light clicks, so that the slots are summed
    once for both, and the light of a slot over the intensities once for its error rate.
    """
    light = _light(link.transmittance, mu[..., np.newaxis])
    lit = light @ link.pulses
    sent = link.pulses.sum()
    mixed = (p[:, np.newaxis, :] @ light)[:, 0] if link.shared_errors else None
    found = []
    for receiver in receivers:
        (dark, per_light), (wrong_dark, wrong_per_light) = _lines(receiver)
        clicks = p * (dark * sent + per_light * lit)
        if mixed is None:
            found.append((clicks, p * (wrong_dark * sent + wrong_per_light * lit)))
            continue
        share = p.sum(axis=-1, keepdims=True)
        in_slot = dark * share + per_light * mixed
        rate = wrong_dark * share + wrong_per_light * mixed
        rate = np.divide(rate, in_slot, out=np.zeros_like(rate), where=in_slot > 0)
        rate *= link.pulses
        wrong = per_light * (light @ rate[..., np.newaxis])[..., 0]
        wrong += dark * rate.sum(axis=-1, keepdims=True)
        found.append((clicks, p * wrong))
    return np.array(found).swapaxes(0, 1)


def _light(transmittance: ArrayLike, intensity: ArrayLike) -> Array:
    """Share of pulses of which light clicks, in an ideal detector."""
    light: Array = -np.expm1(-np.multiply(intensity, transmittance, dtype=np.float64))
    return light


def _lines(receiver: Receiver) -> tuple[tuple[float, float], tuple[float, float]]:
    """Of clicks and of wrong clicks: probability in the dark, and how it grows with the light."""
    extraneous, afterpulse, intrinsic = receiver
    dark = (1.0 + afterpulse) * 2.0 * extraneous
    per_light = (1.0 + afterpulse) * (1.0 - 2.0 * extraneous)
    wrong_dark = extraneous + 0.5 * afterpulse * dark
    return (dark, per_light), (wrong_dark, 0.5 * afterpulse * per_light + intrinsic)


def _triple(values: Array) -> Triple:
    signal, decoy, vacuum = values.tolist()
    return signal, decoy, vacuum
