"""The receiving end of a planned link, and what it counts."""

from math import expm1
from typing import TYPE_CHECKING, NamedTuple

from config.mission import Mission, Source
from config.terminal import TerminalConfig
from terminal.plan_assumptions import AFTERPULSE_PROBABILITY, Assumed

if TYPE_CHECKING:
    from terminal.qkd.expected import Receiver
    from terminal.qkd.finite_key import SiftedCounts, Triple


class Receiving(NamedTuple):
    """Optics and detectors of whoever receives."""

    aperture_m: float
    transmittance: float
    detector_efficiency: float
    gate_s: float
    """Full width."""
    sky_hz: float
    """Clicks by sky light, all detectors together."""


class BasisErrors(NamedTuple):
    """Probability that a signal click shows the other state of its basis."""

    x: float
    z: float

    @classmethod
    def of(cls, assumed: Assumed, error_x: float = 0.0, error_z: float = 0.0) -> "BasisErrors":
        """What is assumed of the optics, and independent of it what is left of polarisation."""
        own = assumed.intrinsic_qber
        return cls(own + (1.0 - 2.0 * own) * error_x, own + (1.0 - 2.0 * own) * error_z)


def receiving_end(mission: Mission, config: TerminalConfig, assumed: Assumed) -> Receiving:
    from terminal.optics.background import background_rate_hz

    source, receiver = mission.source, mission.receiver
    optics = receiver or config.optics
    half_s = receiver.gate_half_width_s if receiver else config.timing.gate_half_width_s
    sky_hz = background_rate_hz(
        assumed.background_w_m2_sr_um,
        optics.field_of_view_rad,
        optics.aperture_m,
        optics.filter_bandwidth_m,
        source.wavelength_m,
    )
    return Receiving(
        optics.aperture_m,
        optics.transmittance,
        optics.detector_efficiency,
        min(2.0 * half_s, 1.0 / source.pulse_rate_hz),
        sky_hz * optics.transmittance * optics.detector_efficiency,
    )


def summed_counts(
    each_s: "list[SiftedCounts]", seconds: list[float], kept: float
) -> "SiftedCounts":
    """Of the whole pass; `kept`: of the key basis, what is not disclosed."""
    import numpy as np

    from terminal.qkd.finite_key import SiftedCounts

    x, z, z_errors = (
        np.dot(seconds, [getattr(counts, name) for counts in each_s])
        for name in ("x", "z", "z_errors")
    )
    x_errors = float(np.dot(seconds, [counts.x_errors for counts in each_s]))
    return SiftedCounts(_triple(kept * x), _triple(z), kept * x_errors, _triple(z_errors))


def clicks_per_second(
    transmittance: float,
    mission: Mission,
    receiving: Receiving,
    assumed: Assumed,
    errors: BasisErrors,
) -> tuple[float, "SiftedCounts"]:
    """(clicks in the gate per second, all slots and bases; sifted counts of key slots a second)."""
    from terminal.qkd.expected import detection_probability, expected_counts

    source = mission.source
    p_x = source.basis_x_probability
    receivers = receivers_of_bases(transmittance, source, receiving, assumed, errors)
    per_slot = sum(
        weight * share * float(detection_probability(transmittance, mu, receiver))
        for weight, mu in _slots(source)
        for share, receiver in zip((p_x, 1.0 - p_x), receivers, strict=True)
    )
    counts = expected_counts(
        [transmittance],
        source.pulse_rate_hz * (1.0 - source.public_share),
        source.intensities,
        source.intensity_probabilities,
        p_x,
        *receivers,
        shared_errors=False,
    )
    return source.pulse_rate_hz * per_slot, counts


def _slots(source: Source) -> list[tuple[float, float]]:
    """(share of all slots, public ones included; photons) of each intensity."""
    weights = [(1.0 - source.public_share) * p for p in source.intensity_probabilities]
    weights[0] += source.public_share
    return list(zip(weights, source.intensities, strict=True))


def receivers_of_bases(
    transmittance: float,
    source: Source,
    receiving: Receiving,
    assumed: Assumed,
    errors: BasisErrors,
) -> tuple["Receiver", "Receiver"]:
    """Of the key and of the check basis."""
    from terminal.qkd.expected import receiver_behind_splitter

    signal_hz = source.pulse_rate_hz * sum(
        weight * -expm1(-mu * transmittance) for weight, mu in _slots(source)
    )

    def behind(share: float, error: float) -> "Receiver":
        return receiver_behind_splitter(
            share,
            assumed.dark_rate_hz,
            receiving.sky_hz,
            signal_hz,
            receiving.gate_s,
            AFTERPULSE_PROBABILITY,
            error,
        )

    p_x = source.basis_x_probability
    return behind(p_x, errors.x), behind(1.0 - p_x, errors.z)


def _triple(values: list[float]) -> "Triple":
    signal, decoy, vacuum = values
    return signal, decoy, vacuum
