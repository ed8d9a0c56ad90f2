"""The key that a run should have made: an analytic link model, the judge of a simulated flight.

It shares nothing with the simulation of photons: no click is drawn, only means are computed, from
the same configuration. What it takes as given from the run is when the link was usable, how far and
how high the partner was, how the polarisation frames stood, and in an uplink how well the terminal
pointed and how wide its beam was.

What is left out, with its order for a link of 0.1 million clicks a second at 200 MHz:
- double clicks in one slot, and a second signal photon in a pulse: clicks per slot, 1e-3 at most;
- in a downlink the loss at the field stop from our own pointing error: some urad against a field
  stop of 25;
- in an uplink an error that is not the same on both axes: 2 (sx^2 - sy^2)^2 / w^4, w the beam's
  half angle: 6e-4 for 2 and 1.5 urad in 10;
- the spread of the click rate (jitter, scintillation) inside the dead-time and saturation terms:
  clicks times dead time, times the relative variance; scintillation has mean 1 in all else;
- the recovered clock's error against the gate, tens of picoseconds: of the clicks 1e-3 at 20 ps, a
  jitter of 150 and a gate of 330; and detectors' delays until the clock has found them.
"""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import erf

from config.mission import Mission, Receiver, SatellitePartner, Source
from config.terminal import Optics
from config.world import DetectorTruth, World
from terminal.optics.background import background_rate_hz
from terminal.optics.beam import beam_radius_m, mean_collected_fraction
from terminal.qkd.finite_key import SiftedCounts, Triple, key_length, key_parameters

Array = NDArray[np.float64]


class Bins(NamedTuple):
    """The course of the run in bins of time; all (n,)."""

    gated_s: Array
    """Usable link inside the bin: mode LINK, shutter open, clock locked."""
    range_m: Array
    elevation_rad: Array
    """Of the partner, at the terminal."""
    misalignment_rad: Array
    """True angle from where the sender's axes should be analysed to where they are."""
    frame_angle_rad: Array
    """True angle of the partner's H axis from the axis of the terminal optics' retardance, outside
    the wave plate, in the same sense. Of no effect while the retardance is 0."""
    jitter_rad: Array
    """Pointing error of the sender's beam, rms per axis."""
    full_divergence_rad: Array | None = None
    """Width of the sent beam, 1/e^2; None: the mission's all the time."""


class Expectation(NamedTuple):
    """What the bins should give."""

    secret_key_bits: float
    qber_x: float
    counts: SiftedCounts
    """Key slots, less the disclosed share of the key basis."""
    disclosed_x: float
    detected: float
    """Clicks inside the gate, public slots included."""
    detected_key: float
    """The same in key slots: what is announced."""
    click_rate_hz: Array
    """(n,): all clicks at the time tagger per second of usable link, in the gate or not."""
    transmittance: Array
    """(n,): sender to click, gate and dead time apart."""


class _Basis(NamedTuple):
    """What the two detectors of one basis do."""

    click_probability: Array
    """(3, n): per pulse and intensity, inside the gate."""
    error_probability: Array
    """(3, n): of a wrong click, per pulse sent in the same basis."""
    click_rate_hz: Array
    """(n,): in the gate or not."""


def expected_key(
    mission: Mission,
    optics: Optics | Receiver,
    gate_half_width_s: ArrayLike,
    world: World,
    bins: Bins,
) -> Expectation:
    """Expected counts and secret key of a run; optics and gate are of whoever receives.

    gate_half_width_s: one for all, or (n,), of each bin; 0 where no click counts.

    A receiver's beam splitter sends each photon to the key basis with the sender's probability, so
    background light is split the same way, and its two detectors share it equally.
    """
    source, security = mission.source, mission.security
    p_x = source.basis_x_probability
    transmittance = link_transmittance(mission, optics, world, bins)
    background_hz = _background_hz(optics, world, source.wavelength_m)
    # A click belongs to the nearest slot, so a gate ends where the next slot's begins.
    gate_s = np.minimum(gate_half_width_s, 0.5 / source.pulse_rate_hz)

    def basis(share: float, axis_rad: Array) -> _Basis:
        error = signal_error(
            world.polarization.intrinsic_qber,
            world.polarization.retardance_rad,
            axis_rad,
            bins.misalignment_rad,
        )
        return _basis(share, transmittance, error, background_hz, source, world.detectors, gate_s)

    x = basis(p_x, bins.frame_angle_rad)
    z = basis(1 - p_x, bins.frame_angle_rad + math.pi / 4)

    key_sent = source.pulse_rate_hz * bins.gated_s * _key_weights(source)[:, np.newaxis]
    matched_x = p_x * (key_sent * x.click_probability).sum(axis=1)
    wrong_x = p_x * float((key_sent * x.error_probability).sum())
    kept = 1 - security.disclosed_x_share
    counts = SiftedCounts(
        _triple(kept * matched_x),
        _triple((1 - p_x) * (key_sent * z.click_probability).sum(axis=1)),
        kept * wrong_x,
        _triple((1 - p_x) * (key_sent * z.error_probability).sum(axis=1)),
    )
    estimate = key_length(counts, key_parameters(source, security))

    per_pulse = x.click_probability + z.click_probability
    gated_rate_hz = source.pulse_rate_hz * (_slot_weights(source) @ per_pulse)
    return Expectation(
        estimate.secret_key_bits,
        estimate.qber_x,
        counts,
        security.disclosed_x_share * float(matched_x.sum()),
        float(gated_rate_hz @ bins.gated_s),
        float((key_sent * per_pulse).sum()),
        x.click_rate_hz + z.click_rate_hz,
        transmittance,
    )


def link_transmittance(
    mission: Mission, optics: Optics | Receiver, world: World, bins: Bins
) -> Array:
    """Mean probability (n,) that a photon sent makes a click, all but gate and dead time.

    Extinction follows the plane-parallel air mass 1 / sin(elevation) to a satellite; between two
    platforms it is given along the link.
    """
    width_rad = bins.full_divergence_rad
    if width_rad is None:
        width_rad = np.full_like(bins.range_m, mission.beam.full_divergence_rad)
    radius_m = beam_radius_m(bins.range_m, width_rad, mission.source.wavelength_m)
    collected = mean_collected_fraction(optics.aperture_m, radius_m, bins.range_m, bins.jitter_rad)
    if isinstance(mission.partner, SatellitePartner):
        # The plane-parallel air mass has no meaning at the horizon; it stops at 1000 there.
        air_mass = 1 / np.maximum(np.sin(bins.elevation_rad), 1e-3)
    else:
        air_mass = np.ones_like(bins.range_m)
    atmosphere = world.atmosphere.zenith_transmittance**air_mass
    receiver = optics.transmittance * optics.detector_efficiency
    return np.asarray(collected * atmosphere * receiver)


def signal_error(
    intrinsic_qber: float, retardance_rad: float, axis_rad: Array, misalignment_rad: Array
) -> Array:
    """Probability that a signal photon shows the other state of its own basis; shape of the angles.

    Light polarised at `axis_rad` from the axis of a retarder, analysed at `misalignment_rad` from
    where it should be: contrast cos 2a cos 2(a + d) + cos(retardance) sin 2a sin 2(a + d) (Stokes
    calculus), which is cos 2d without retardance, hence an error of sin^2 d. The intrinsic error
    flips the outcome independently.
    """
    analyser_rad = axis_rad + misalignment_rad
    along = np.cos(2 * axis_rad) * np.cos(2 * analyser_rad)
    across = np.sin(2 * axis_rad) * np.sin(2 * analyser_rad)
    contrast = along + math.cos(retardance_rad) * across
    return 0.5 * (1 - (1 - 2 * intrinsic_qber) * contrast)


def click_rate_hz(incident_hz: Array, dead_time_s: float, afterpulse_probability: float) -> Array:
    """Clicks per second of one detector that would fire `incident_hz` times without memory.

    Non-paralysable dead time, c = s / (1 + s t), where s counts the afterpulses p c as well; the
    positive root of t s^2 + (1 - p - r t) s - r = 0. Afterpulses are taken to come after the dead
    time.
    """
    b = 1 - afterpulse_probability - incident_hz * dead_time_s
    total_hz = 2 * incident_hz / (b + np.sqrt(b**2 + 4 * dead_time_s * incident_hz))
    return total_hz / (1 + total_hz * dead_time_s)


def _basis(
    share: float,
    transmittance: Array,
    signal_error_probability: Array,
    background_hz: float,
    source: Source,
    detectors: DetectorTruth,
    gate_half_width_s: Array,
) -> _Basis:
    """The two detectors of the basis that gets `share` of the light."""
    noise_hz = 2 * detectors.dark_rate_hz + share * background_hz
    photons = share * transmittance * np.array(source.intensities)[:, np.newaxis]
    signal_hz = source.pulse_rate_hz * (_slot_weights(source) @ -np.expm1(-photons))

    each_hz = (signal_hz + noise_hz) / 2
    clicks_hz = click_rate_hz(each_hz, detectors.dead_time_s, detectors.afterpulse_probability)
    alive = 1 - clicks_hz * detectors.dead_time_s

    # Afterpulses live much longer than a slot, so they fall evenly on gate and gap.
    afterpulses_hz = 2 * detectors.afterpulse_probability * clicks_hz
    noise = 2 * gate_half_width_s * (noise_hz + afterpulses_hz)
    in_gate = erf(gate_half_width_s / (math.sqrt(2) * detectors.jitter_s))
    signal = -np.expm1(-photons * in_gate)
    noise_alone = (1 - signal) * noise
    clicks = alive * (signal + noise_alone)
    errors = alive * (signal * signal_error_probability + noise_alone / 2)
    return _Basis(clicks, errors, 2 * clicks_hz)


def _background_hz(optics: Optics | Receiver, world: World, wavelength_m: float) -> float:
    """Clicks per second that sky light makes, all detectors together."""
    photons_hz = background_rate_hz(
        world.atmosphere.background_radiance_w_m2_sr_um,
        optics.field_of_view_rad,
        optics.aperture_m,
        optics.filter_bandwidth_m,
        wavelength_m,
    )
    return photons_hz * optics.transmittance * optics.detector_efficiency


def _key_weights(source: Source) -> Array:
    """(3,) share of all slots that are key slots of each intensity."""
    return np.array(source.intensity_probabilities) * (1 - source.public_share)


def _slot_weights(source: Source) -> Array:
    """(3,) share of all slots of each intensity; public slots are sent at the signal's."""
    signal, decoy, vacuum = _key_weights(source)
    return np.array([signal + source.public_share, decoy, vacuum])


def _triple(values: Array) -> Triple:
    signal, decoy, vacuum = values.tolist()
    return signal, decoy, vacuum
