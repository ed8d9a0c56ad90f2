"""What the sender of a planned pass would best send: intensities and how often each.

The basis choice stays the mission's: a receiver's beam splitter is what it is.
"""

import msgspec
import numpy as np
from msgspec import Struct

from config.mission import Mission, Source
from terminal.plan_assumptions import Assumed
from terminal.plan_receiver import (
    BasisErrors,
    Receiving,
    clicks_per_second,
    receivers_of_bases,
    summed_counts,
)
from terminal.qkd.expected import Link
from terminal.qkd.finite_key import key_length, key_parameters
from terminal.qkd.optimise import optimise
from terminal.qkd.protocol_domain import Domain

_INTENSITIES = (0.2, 1.0), (0.01, 0.5)
"""Of signal and decoy. A vacuum that is not quite empty comes from the modulator: it stays."""
_PROBABILITIES = (0.3, 0.98), (0.01, 0.6)


class PlannedProtocol(Struct, frozen=True):
    """What the sender would best send over the pass that is expected; p_X is the mission's."""

    intensities: tuple[float, float, float]
    intensity_probabilities: tuple[float, float, float]
    secret_key_bits: float


def best_protocol(
    transmittance: list[float],
    errors: list[BasisErrors],
    seconds: list[float],
    mission: Mission,
    receiving: Receiving,
    assumed: Assumed,
) -> PlannedProtocol | None:
    """The mission's own protocol where no better one is found; None where the link never stands.

    transmittance: sender to click, with its errors, each for so many of `seconds`. The search takes
    errors, and the noise that the signal makes by its afterpulses, as the means over the pass, and
    nothing disclosed of the key basis; what it finds is judged as the plan judges the mission.
    """
    if not sum(seconds) > 0.0:
        return None
    source, security = mission.source, mission.security

    def key_bits(sent: Source) -> float:
        sending = msgspec.structs.replace(mission, source=sent)
        each_s = [
            clicks_per_second(eta, sending, receiving, assumed, wrong)[1]
            for eta, wrong in zip(transmittance, errors, strict=True)
        ]
        counts = summed_counts(each_s, seconds, 1.0 - security.disclosed_x_share)
        return key_length(counts, key_parameters(sent, security)).secret_key_bits

    mean = float(np.dot(transmittance, seconds)) / sum(seconds)
    x, z = np.average(errors, axis=0, weights=np.multiply(transmittance, seconds)).tolist()
    receivers = receivers_of_bases(mean, source, receiving, assumed, BasisErrors(x, z))
    pulses = source.pulse_rate_hz * (1.0 - source.public_share) * np.array(seconds)
    link = Link(np.array(transmittance), pulses, *receivers, shared_errors=False)
    vacuum, p_x = source.intensities[2], source.basis_x_probability
    domain = Domain((*_INTENSITIES, (vacuum, vacuum)), _PROBABILITIES, (p_x, p_x))
    found = optimise(link, domain, key_parameters(source, security).rules)
    better = msgspec.structs.replace(
        source, intensities=found.intensities, intensity_probabilities=found.probabilities
    )
    bits, best_bits = key_bits(source), key_bits(better)
    if best_bits <= bits:
        return PlannedProtocol(source.intensities, source.intensity_probabilities, bits)
    return PlannedProtocol(found.intensities, found.probabilities, best_bits)
