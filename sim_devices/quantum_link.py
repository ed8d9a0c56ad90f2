"""All between the partner's optics and ours that single photons pass, and what aims it.

The partner follows our beacon; our beacon and, in an uplink, our quantum beam leave along the fine
mirror's line of sight, turned on by the point-ahead mirror.
"""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from config.scenario import Scenario
from sim_devices.beam_budget import BeamBudget
from sim_devices.carrier import GRID_HZ, Draws
from sim_devices.classical_link import ClassicalLinkEmulator
from sim_devices.emulator import SimClock
from sim_devices.light import GridLight, QuantumChannel
from sim_devices.line_of_sight import Delay
from sim_devices.optical_axes import AxisErrors, across, axes, frame_angle_rad
from sim_devices.pair_source import PairArm
from sim_devices.partner import Partner
from sim_devices.photons import PhotonStream
from sim_devices.randomness import stream
from sim_devices.receiver_optics import OpticsView, ReceiverOptics
from sim_devices.searching_partner import SearchingPartner
from sim_devices.sender import Sender
from sim_devices.true_sky import TrueSky
from sim_devices.uplink import UplinkChannel

Array = NDArray[np.float64]
STEP_S = 1.0 / GRID_HZ


class Aim(NamedTuple):
    """What of the terminal's hardware the link depends on, at a grid point."""

    joints: tuple[float, float, float]
    error_rad: tuple[float, float]
    """Partner's beacon relative to the line of sight behind the fine mirror."""
    ahead_rad: tuple[float, float]
    """The point-ahead mirror's angle."""
    beacon_on: bool
    shutter_open: bool
    plate_rad: float
    """True axis of the wave plate."""
    retarder_rad: float
    """True retardance of the variable retarder; 0 without one."""
    divergence_rad: float
    """True 1/e^2 full angle of the quantum beam, ours or the partner's."""


class LinkTruth(NamedTuple):
    """What a grid step was like."""

    view: OpticsView
    ahead_error_rad: tuple[float, float]
    uplink_fraction: float
    """Of our beacon's peak at the partner."""
    transmittance: float
    wanted_rad: tuple[float, float]
    """Where the line of sight should stand beside the partner's beacon."""


class QuantumLink:
    """The link of one flight; `channel` feeds the time tagger, `classical` is the other's voice."""

    def __init__(
        self,
        scenario: Scenario,
        seed: int,
        sky: TrueSky,
        draws: Draws,
        axis_errors: AxisErrors,
        clock: SimClock,
    ) -> None:
        mission, truth = scenario.mission, scenario.world
        self._optics, self._sky, self.draws = scenario.terminal.optics, sky, draws
        self._axis_errors, self._clock = axis_errors, clock
        self._start_tai_ns = clock.t_ns
        self._threshold = truth.partner.uplink_threshold
        self._budget = BeamBudget(scenario, sky.los)
        self.polarization = ReceiverOptics(
            truth.polarization,
            mission.source.basis_x_probability,
            scenario.terminal.polarization,
            draws.plate,
        )
        self.swapped = False
        """Fault: detectors D and A have changed places."""
        sender = Sender(mission.source, seed)
        photons = PhotonStream(
            sender,
            mission.source.intensities,
            stream(seed, "photons"),
        )
        rngs = {
            name: stream(seed, name)
            for name in ("detectors", "oscillator", "beam", "air", "sifting")
        }
        self.channel = channel = QuantumChannel(
            mission,
            self._optics,
            truth,
            photons,
            Delay(sky.los.t_s, sky.los.light_time_s),
            draws.clock_offset_s,
            STEP_S,
            rngs,
            draws.oscillator_offset,
            draws.channel_delay_s,
            self.polarization,
        )
        if mission.source.pairs:
            channel.pairs = PairArm(
                mission.source,
                mission.source.pairs,
                seed,
                self._optics.transmittance * self._optics.detector_efficiency,
                stream(seed, "photons_of_pairs"),
            )
        self.partner = Partner(truth.partner, sender, lambda: channel.sent_until_slot, self._noted)
        self.classical = ClassicalLinkEmulator(
            self.partner, latency_ns=round(truth.partner.reply_latency_s * 1e9)
        )
        self.seeker = (
            SearchingPartner(truth.partner.search, self._tell, stream(seed, "partner_search"))
            if truth.partner.search
            else None
        )
        self.uplink = (
            UplinkChannel(
                mission,
                mission.receiver,
                truth,
                photons,
                sender,
                sky.los.t_s,
                STEP_S,
                rngs,
                self._start_tai_ns,
                self.classical.tell,
                self.polarization,
            )
            if mission.receiver
            else None
        )
        """In its place the downlink's channel stays dark, and so the tagger."""

    @property
    def background_hz(self) -> float:
        """Sky light on all of the receiver's detectors together."""
        return (self.uplink or self.channel).background_hz

    @property
    def beacon_fraction(self) -> float:
        """Of the peak of the partner's beacon, at us."""
        return self.seeker.beacon_fraction if self.seeker else 1.0

    def _tell(self, kind: int, t_ns: int) -> None:
        self.classical.note(kind, t_ns, self._clock.t_ns)

    def _noted(self, kind: int, note_t_ns: int) -> None:
        if self.seeker:
            self.seeker.noted(kind, note_t_ns, self._clock.t_ns)

    def grid_step(self, i: int, aim: Aim) -> LinkTruth:
        """The link of grid step `i`, as it is at its begin."""
        sky, optics = self._sky, self._optics
        gimbal = *aim.joints, self._axis_errors
        view = OpticsView(
            frame_angle_rad(sky.reference_g[i], *gimbal) + self.draws.reference_rad,
            aim.plate_rad,
            aim.retarder_rad,
            axes(*gimbal) if self.polarization.is_coude else None,
            self.swapped,
        )
        seen, leave = across(sky.partner_g[i], *gimbal), across(sky.launch_g[i], *gimbal)
        ahead = leave[0] - seen[0], leave[1] - seen[1]
        if optics.point_ahead == "tracking_point":
            wanted = ahead
        else:
            wanted = (0.0, 0.0 if self.uplink else sky.signal_offset_rad[i])
        ex, ey = aim.error_rad
        # The beam leaves from the line of sight; what that is off is not the mirror's fault.
        pa_x = aim.ahead_rad[0] + wanted[0] - ahead[0]
        pa_y = aim.ahead_rad[1] + wanted[1] - ahead[1]
        miss = math.hypot(pa_x - wanted[0] - ex, pa_y - wanted[1] - ey)
        half = optics.uplink_beacon_divergence_rad / 2
        lit = math.exp(-2 * (miss / half) ** 2) if aim.beacon_on else 0.0
        self._light_partner(lit)

        collected, beam_rad = self._budget.at(i, aim.divergence_rad)
        off = math.hypot(ex, ey + sky.signal_offset_rad[i])
        light = self._light = GridLight(
            collected,
            beam_rad,
            self.partner.offset_rad,
            aim.shutter_open,
            self.partner.tracks if self.uplink else off < optics.field_of_view_rad / 2,
            view,
        )
        self._beam_error = pa_x - wanted[0], pa_y - wanted[1]
        if not self.uplink:
            self.channel.grid_step(light)
        return LinkTruth(view, (pa_x, pa_y), lit, collected, wanted)

    def _light_partner(self, fraction: float) -> None:
        """What of our beacon arrives; one that searches must have found it."""
        if self.seeker:
            self.seeker.step(self._clock.t_ns, fraction >= self._threshold, STEP_S)
            if not self.seeker.follows:
                fraction = 0.0
        self.partner.light(fraction, STEP_S)

    def end_grid_step(self, error_x_rad: Array, error_y_rad: Array) -> None:
        """The true errors of the fine ticks (n,) of the step, beacon relative to line of sight."""
        if self.uplink:
            beam_x, beam_y = self._beam_error
            self.uplink.grid_step(self._light, beam_x - error_x_rad, beam_y - error_y_rad)
