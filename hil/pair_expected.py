"""What two ends of a pair source should share: an analytic model, the judge of a simulated flight.

It shares nothing with the simulation of photons. From the scenario it has source, optics, air,
detectors and sky, from the flights when either end counted, by which gate, and how far, how high
and how turned the frames were. Polarisation goes by Jones vectors here: a photon of Phi+ found in
the state v leaves its partner in the complex conjugate of v, so analysers that look for a and b
agree in the mean product 2 |<a|b*>|^2 - 1.

Left out, with its order for 0.3 million clicks a second at 200 MHz and a transmittance of 1 %:
- second photons in one detector, and slots spoilt by a third photon: 1e-3 of the coincidences, and
  of what they show 1e-3 of the accidentals;
- the recovered clocks' error against the gate: of the coincidences 2e-3, nothing of what they show;
- the loss at the field stop from pointing: some urad against 30;
- errors of the plate's retardance, its wedge, unequal detectors and their leak, mirrors of a coude
  path, a variable retarder, swapped detectors: `left_out` says which of these a scenario has.
"""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import erf

from config.mission import Mission, Pairs
from config.scenario import Scenario
from config.terminal import Optics
from config.world import World
from hil.expected import Bins, click_rate_hz, link_transmittance
from terminal.optics.background import background_rate_hz
from terminal.optics.fidelity import Arm
from terminal.qkd.entanglement import BASIS_ANGLES_RAD

Array = NDArray[np.float64]
Vectors = NDArray[np.complex128]


def left_out(scenario: Scenario) -> list[str]:
    """Keys of what this scenario has and the model has not."""
    truth, config = scenario.world.polarization, scenario.terminal.polarization
    has = {
        "world.polarization.plate_retardance_error_rad": truth.plate_retardance_error_rad > 0.0,
        "world.polarization.plate_wedge": truth.plate_wedge > 0.0,
        "world.polarization.channel_efficiency": min(truth.channel_efficiency) < 1.0,
        "world.polarization.channel_leak": max(truth.channel_leak) > 0.0,
        "world.faults (states_swapped)": any(
            fault.kind == "states_swapped" for fault in scenario.world.faults
        ),
        "terminal.polarization.path (coude)": config.path == "coude",
        "terminal.polarization.retarder": config.retarder is not None,
    }
    return [key for key, here in has.items() if here]


class Course(NamedTuple):
    """One end of the link in bins of time that both ends share; each (n,)."""

    gate_half_width_s: Array
    """0 where nothing counted."""
    range_m: Array
    elevation_rad: Array
    """Of the partner, at the terminal."""
    vectors: Vectors
    """(n, 2, 2): Jones vectors in the sender's frame (last axis) that H and D look for."""


class Expected(NamedTuple):
    """Of the bins; per basis of the first (row) and of the second, (2, 2) each."""

    coincidences: Array
    accidentals: Array
    """Where neither end knows of the other: the product of both ends' clicks."""
    correlation: Array
    arms: tuple[Arm, Arm]
    """What the gates of either end let through in the mean, all detectors together."""


def sought(frame_rad: Array, plate_rad: Array, retardance_rad: float) -> Vectors:
    """(n, 2, 2) Jones vectors, in the sender's frame, that the detectors H and D look for.

    frame_rad, plate_rad: (n,) the sender's H axis and the plate's true axis in the image.
    retardance_rad: phase by which light along the image's `right` leads.

    Light is turned into the image, delayed and mirrored at the plate; what is sought goes the same
    way back. The plate mirrors H to twice its angle, and the detector D, at -45 degrees, to 45
    degrees further.
    """
    vectors = np.empty((len(frame_rad), 2, 2), np.complex128)
    for basis, offset_rad in enumerate(BASIS_ANGLES_RAD):
        angle_rad = 2.0 * plate_rad + offset_rad
        right = np.cos(angle_rad) * np.exp(-0.5j * retardance_rad)
        up = np.sin(angle_rad) * np.exp(0.5j * retardance_rad)
        c, s = np.cos(frame_rad), np.sin(frame_rad)
        vectors[:, basis, 0] = c * right + s * up
        vectors[:, basis, 1] = c * up - s * right
    return vectors


def agreement(first: Vectors, second: Vectors) -> Array:
    """(n, 2, 2) mean products of outcomes of Phi+ without noise, by basis of either end."""
    overlap = np.einsum("nai,nbi->nab", first.conj(), second.conj())
    return np.asarray(2.0 * np.abs(overlap) ** 2 - 1.0)


def expected_pairs(
    mission: Mission,
    pairs: Pairs,
    optics: Optics,
    world: World,
    first: Course,
    second: Course,
    pair_slots: Array,
) -> Expected:
    """Coincidences of bins with so many slots that carry pairs and count, (n,); what they show.

    Both ends are built alike, under the same sky.
    """
    slots = pair_slots * (first.gate_half_width_s > 0) * (second.gate_half_width_s > 0)
    ends = [_End.of(mission, pairs, optics, world, course) for course in (first, second)]
    noiseless = agreement(first.vectors, second.vectors)
    # What imperfect optics and the source leave of it.
    contrast = (1.0 - 2.0 * world.polarization.intrinsic_qber) ** 2
    contrast *= (4.0 * pairs.fidelity - 1.0) / 3.0
    p_x = mission.source.basis_x_probability
    total, alone, same = (np.zeros((2, 2)) for _ in range(3))
    for a, p_a in enumerate((p_x, 1.0 - p_x)):
        for b, p_b in enumerate((p_x, 1.0 - p_x)):
            usable = slots * ends[0].alive[a] * ends[1].alive[b]
            eta = ends[0].transmittance, ends[1].transmittance
            mean = pairs.mean_pairs_per_slot
            paired = usable * mean * eta[0] * p_a * eta[1] * p_b
            # A photon whose partner does not come, or a click without any pair.
            chance = usable * (mean * p_a * eta[0] * (1.0 - eta[1]) + ends[0].noise[a])
            chance *= mean * p_b * eta[1] * (1.0 - eta[0]) + ends[1].noise[b]
            total[a, b] = float((paired + chance).sum())
            strangers = usable * (mean * p_a * eta[0] + ends[0].noise[a])
            strangers *= mean * p_b * eta[1] + ends[1].noise[b]
            alone[a, b] = float(strangers.sum())
            same[a, b] = contrast * float((paired * noiseless[:, a, b]).sum())
    with np.errstate(invalid="ignore"):
        return Expected(total, alone, same / total, (ends[0].arm(slots), ends[1].arm(slots)))


class _End(NamedTuple):
    """One end, (n,) or by basis (2, n)."""

    transmittance: Array
    """Sender to click in the gate, dead time apart."""
    noise: Array
    """Mean clicks in the gate of a slot that no photon of a pair makes."""
    alive: Array
    """Probability that a detector is not dead."""

    def arm(self, slots: Array) -> Arm:
        """Mean over the slots of the bins; of no slot at all: nothing."""
        weight = slots / max(float(slots.sum()), 1.0)
        return Arm(float(weight @ self.transmittance), float(weight @ self.noise.sum(axis=0)))

    @classmethod
    def of(
        cls, mission: Mission, pairs: Pairs, optics: Optics, world: World, course: Course
    ) -> "_End":
        source, detectors = mission.source, world.detectors
        n = len(course.range_m)
        arriving = link_transmittance(
            mission,
            optics,
            world,
            Bins(
                gated_s=np.ones(n),
                range_m=course.range_m,
                elevation_rad=course.elevation_rad,
                contrast_x=np.ones(n),
                contrast_z=np.ones(n),
                jitter_rad=np.full(n, world.partner.jitter_rad),
            ),
        )
        gate_s = np.minimum(course.gate_half_width_s, 0.5 / source.pulse_rate_hz)
        sky_hz = (
            optics.transmittance
            * optics.detector_efficiency
            * background_rate_hz(
                world.atmosphere.background_radiance_w_m2_sr_um,
                optics.field_of_view_rad,
                optics.aperture_m,
                optics.filter_bandwidth_m,
                source.wavelength_m,
            )
        )
        public, mean = source.public_share, pairs.mean_pairs_per_slot
        p_x = source.basis_x_probability
        noise, alive = np.empty((2, n)), np.empty((2, n))
        for basis, share in enumerate((p_x, 1.0 - p_x)):
            photons = share * arriving
            signal_hz: Array = source.pulse_rate_hz * (
                public * -np.expm1(-photons * source.intensities[0])
                + (1.0 - public) * mean * photons
            )
            noise_hz = share * sky_hz + 2.0 * detectors.dark_rate_hz
            clicks_hz = click_rate_hz(
                0.5 * (signal_hz + noise_hz),
                detectors.dead_time_s,
                detectors.afterpulse_probability,
            )
            alive[basis] = 1.0 - clicks_hz * detectors.dead_time_s
            afterpulses_hz = 2.0 * detectors.afterpulse_probability * clicks_hz
            noise[basis] = 2.0 * gate_s * (noise_hz + afterpulses_hz)
        in_gate = erf(gate_s / (math.sqrt(2.0) * detectors.jitter_s))
        return cls(arriving * in_gate, noise, alive)


def model_fidelity(expected: Expected) -> float:
    """What `terminal.qkd.entanglement.shared` would make of the means."""
    return float(1.0 + expected.correlation[0, 0] + 2.0 * expected.correlation[1, 1]) / 4.0


def model_chsh(expected: Expected, turn_rad: float) -> float:
    """What `terminal.qkd.entanglement.chsh` would make of the means."""
    (xx, xz), (zx, zz) = expected.correlation.tolist()
    return float(xx + zz + math.copysign(1.0, turn_rad) * (xz - zx))
