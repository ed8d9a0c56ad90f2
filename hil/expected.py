"""The key that a run should have made: an analytic link model, the judge of a simulated flight.

It shares nothing with the simulation of photons: no click is drawn, only means are computed, from
the same configuration. What it takes as given from the run is when the link was usable, how far and
how high the partner was, what contrast the polarisation optics left, and in an uplink how well the
terminal pointed and how wide its beam was.

What is left out, with its order for a link of 0.1 million clicks a second at 200 MHz:
- double clicks in one slot, and a second signal photon in a pulse: clicks per slot, 1e-3 at most;
- in a downlink the loss at the field stop from our own pointing error: some urad against a field
  stop of 25;
- in an uplink an error that is not the same on both axes: 2 (sx^2 - sy^2)^2 / w^4, w the beam's
  half angle: 6e-4 for 2 and 1.5 urad in 10;
- the spread of the click rate (jitter, scintillation) inside the dead-time and saturation terms:
  clicks times dead time, times the relative variance; scintillation has mean 1 in all else;
- detectors of one basis that are not alike, in their dead time alone; the wedge of the wave plate,
  which changes the flux by as much as the scenario says; what mirrors do to one polarisation more;
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
from config.world import DetectorTruth, PolarizationTruth, World
from terminal.optics.background import background_rate_hz
from terminal.optics.beam import beam_radius_m, mean_collected_fraction
from terminal.qkd.finite_key import SiftedCounts, Triple, key_length, key_parameters

Array = NDArray[np.float64]


class Bins(NamedTuple):
    """The course of the run in bins of time; all (n,)."""

    gated_s: Array
    """Usable link inside the bin: what the terminal's key counts (docs/key-handover.md)."""
    range_m: Array
    elevation_rad: Array
    """Of the partner, at the terminal."""
    contrast_x: Array
    """How far ideal detectors behind the true optics tell H from V, -1 to 1: cos 2d for a frame
    that is off by d, less where a phase is left. Mean over the bin ..."""
    contrast_z: Array
    """... and so D from A."""
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


class _Shown(NamedTuple):
    """What the two detectors of one basis show of a photon that the splitter sends to them."""

    clicks: float
    """Probability of a click, mean of both states."""
    error: Array
    """(n,): share of the wrong detector's clicks."""


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

    def basis(share: float, contrast: Array, detectors: slice) -> _Basis:
        shown = shown_by(world.polarization, contrast, detectors)
        return _basis(share, transmittance, shown, background_hz, source, world.detectors, gate_s)

    x = basis(p_x, bins.contrast_x, slice(0, 2))
    z = basis(1 - p_x, bins.contrast_z, slice(2, 4))

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


def shown_by(truth: PolarizationTruth, contrast: Array, detectors: slice) -> _Shown:
    """What a basis's detectors make of photons sent in it. contrast: (n,) of the optics.

    A photon is along the detector's axis with probability (1 + C) / 2 if it has the detector's
    state, else (1 - C) / 2, where C is the contrast less the intrinsic error's flips. Along it
    clicks with the efficiency, across with `leak` of it; what leaks is missing elsewhere, which
    lowers all four by 1 + the largest leak.
    """
    efficiency = np.array(truth.channel_efficiency[detectors])
    leak = np.array(truth.channel_leak[detectors])
    efficiency = efficiency / (1.0 + max(truth.channel_leak))
    along = 0.5 * (1.0 + (1.0 - 2.0 * truth.intrinsic_qber) * contrast)[:, np.newaxis]
    right = (efficiency * (along + leak * (1.0 - along))).mean(axis=1)
    wrong = (efficiency * (1.0 - along + leak * along)).mean(axis=1)
    clicks = float(0.5 * (efficiency * (1.0 + leak)).sum())
    return _Shown(clicks, wrong / np.where(right + wrong > 0.0, right + wrong, 1.0))


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
    shown: _Shown,
    background_hz: float,
    source: Source,
    detectors: DetectorTruth,
    gate_half_width_s: Array,
) -> _Basis:
    """The two detectors of the basis that gets `share` of the light, alike to each other."""
    share = share * shown.clicks
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
    errors = alive * (signal * shown.error + noise_alone / 2)
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
