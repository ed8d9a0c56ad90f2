"""A flight judged against the truth: the fields of summary.json.

The scorer watches the terminal's rings and the world's truth while both run, so that nothing as
long as the pass has to be kept. It never gives anything back to the terminal.
"""

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from config.scenario import Scenario
from hil.clock_score import ClockScore
from hil.polarization_score import PolarizationScore
from hil.spans import FlagSpans
from sim_devices.detectors import NO_SLOT
from sim_devices.light import BlockTruth
from sim_devices.truth import TruthSample
from sim_devices.uplink import UplinkChannel
from sim_devices.world import World
from terminal.bus import Bus
from terminal.control.fine.events import FineEvent
from terminal.control.guidance.keep_out import KeepOutZone
from terminal.control.navigation import NavigationEvent
from terminal.control.polarization_flags import PolarizationFlag
from terminal.fields import NO_COUNTS
from terminal.mode import Mode
from terminal.qkd.track_quality import QUALITY_OF
from terminal.quantum_messages import TimingCommand, TimingSample
from terminal.timetags import click_results
from terminal.timetags.recovery import LOCKED

Slots = NDArray[np.int64]
Counts = NDArray[np.float64]

ROUNDING_PS = 8
KEEP_PS = 200_000_000_000
"""Truth is kept this long behind the newest click: 0.2 s."""
NANOSECOND_S = 1e-9
NO_FIX_S = 1e8
"""A fix that is older has never come ..."""
FIRST_FIX_S = 1.0
"""... and may take so long to come."""
TOLD = ~(PolarizationFlag.TOO_FEW | PolarizationFlag.PHASE_SIGN_UNSEEN)
"""Of the polarisation's flags what is an event: these two are the rule."""


class ModeSpan(NamedTuple):
    """One stay in a mode, seconds since the start of the window."""

    mode: Mode
    start_s: float
    end_s: float


class LinkBin(NamedTuple):
    """A block of the link, as the key saw it."""

    middle_s: float
    gated_s: float
    """How much of it counted."""
    gate_half_width_s: float
    """In force meanwhile; 0: nothing counted."""


class SquareSum:
    """Running mean square of two components."""

    def __init__(self) -> None:
        self.n = 0
        self._x = self._y = 0.0

    def add(self, x: NDArray[np.float64], y: NDArray[np.float64]) -> None:
        self.n += len(x)
        self._x += float(x @ x)
        self._y += float(y @ y)

    def rms(self) -> tuple[float, float] | None:
        """(x, y), None before anything was added."""
        if not self.n:
            return None
        return math.sqrt(self._x / self.n), math.sqrt(self._y / self.n)


class SlotScore:
    """The recovered slots against the true ones, and what the counts should have been."""

    def __init__(self, scenario: Scenario) -> None:
        mission, world = scenario.mission, scenario.world
        self._source = mission.source
        self._jitter_s = world.detectors.jitter_s
        self._afterpulse = world.detectors.afterpulse_probability
        self._dark_hz = world.detectors.dark_rate_hz
        self.unknown = 0
        """Clicks that nothing in the world made."""
        self.slips = 0
        self.right = 0
        self.gated_s = 0.0
        self._made_ps = np.empty(0, np.int64)
        self._made_slot = np.empty(0, np.int64)
        self._signal = self._noise = self._wrong = 0.0

    def clicks(self, truths: list[BlockTruth], sample: TimingSample, slot: Slots) -> None:
        """One timing tick: the slots that the terminal gave its clicks, against the true ones.

        A click is known again by its time: the tagger rounds to 1/256 ns, and the stream may hand
        some over later than they were made.
        """
        self._made_ps = np.concatenate([self._made_ps, *(t.time_ps for t in truths)])
        self._made_slot = np.concatenate([self._made_slot, *(t.true_slot for t in truths)])
        time_ps = sample.time_ps
        if not len(time_ps) or not len(self._made_ps):
            self.unknown += len(time_ps)
            return
        at = np.searchsorted(self._made_ps, time_ps - ROUNDING_PS)
        at = np.minimum(at, len(self._made_ps) - 1)
        same = np.abs(self._made_ps[at] - time_ps) <= ROUNDING_PS
        self.unknown += int(np.count_nonzero(~same))
        true_slot = np.where(same, self._made_slot[at], NO_SLOT)
        known = (slot >= 0) & (true_slot >= 0)
        self.right += int(np.count_nonzero(slot[known] == true_slot[known]))
        # A signal click in a neighbouring slot's gate is a slip; jitter alone stays in the gate.
        self.slips += int(np.count_nonzero(slot[known] != true_slot[known]))
        keep = int(np.searchsorted(self._made_ps, time_ps[-1] - KEEP_PS))
        self._made_ps, self._made_slot = self._made_ps[keep:], self._made_slot[keep:]

    def block(self, truth: BlockTruth, gate_half_width_s: float, used: float = 1.0) -> None:
        """What a block of the link should have given, while its clicks counted by this gate.

        used: share of the block that counted.
        """
        in_gate = math.erf(gate_half_width_s / (math.sqrt(2.0) * self._jitter_s))
        self.gated_s += used * (truth.end_s - truth.start_s)
        source = self._source
        p_x = source.basis_x_probability
        key_slots = truth.slots * (1.0 - source.public_share) * p_x
        detected = sum(
            p * d
            for p, d in zip(source.intensity_probabilities, truth.click_probability, strict=True)
        )
        m = truth.channel_probability
        in_x = 0.5 * float(m[0, :2].sum() + m[1, :2].sum())
        wrong = 0.5 * float(m[0, 1] + m[1, 0])
        signal = key_slots * detected * in_gate
        public = source.public_share
        pulses_hz = truth.slots / (truth.end_s - truth.start_s)
        mean = (1.0 - public) * detected + public * truth.click_probability[0]
        noise_hz = truth.background_hz * in_x + 2 * self._dark_hz
        # Afterpulses of the X detectors' clicks fall anywhere in later slots.
        noise_hz += self._afterpulse * (noise_hz + pulses_hz * mean * in_x)
        share = 2 * gate_half_width_s * source.pulse_rate_hz
        noise = noise_hz * (truth.end_s - truth.start_s) * share * (1 - public) * p_x
        self._signal += used * signal * in_x
        self._noise += used * noise
        self._wrong += used * (signal * wrong + 0.5 * noise)

    def qber_true(self) -> float | None:
        """Error rate of key-basis clicks that the world's truth implies; None without any."""
        total = self._signal + self._noise
        return self._wrong / total if total > 0 else None


def _used_share(command: TimingCommand, least_quality: int) -> float:
    """Of a timing tick's key slots those that count; the terminal says which, as it says when its
    clock was locked."""
    slots = command.key_slots
    return float(slots[least_quality:].sum() / slots.sum()) if slots.any() else 0.0


class Scorer:
    """Follows one flight."""

    def __init__(self, scenario: Scenario, world: World, bus: Bus, start_tai_ns: int) -> None:
        self._world = world
        self._bus = bus
        self._start_tai_ns = start_tai_ns
        self.modes: list[ModeSpan] = [ModeSpan(Mode.STANDBY, 0.0, 0.0)]
        self.events: list[dict[str, Any]] = []
        self.navigation = FlagSpans(NavigationEvent, "names")
        self.keep_out = FlagSpans(KeepOutZone, "zones")
        self.mirror = FlagSpans(FineEvent, "names")
        self.optics = FlagSpans(PolarizationFlag, "names")
        self._unsafe = 0
        self._ready = False
        self.coarse, self.fine, self.ahead = SquareSum(), SquareSum(), SquareSum()
        self.slots = SlotScore(scenario)
        self._aims = bus.point_ahead.subscribe()
        self.aims_limited = 0
        """Ticks in which point-ahead was cut at the reach of mirror or tracking point."""
        self._timing = bus.timing.subscribe()
        self.clock = ClockScore(scenario, world.channel.channel_delay_s)
        receiver = scenario.mission.receiver
        self._partner_gate_s = receiver.gate_half_width_s if receiver else 0.0
        self.polarization = PolarizationScore(scenario)
        self.divergences_rad: list[float] = []
        """Width of the quantum beam, 1/e^2 full angle, of every truth record."""
        self.link_bins: list[LinkBin] = []
        self.slots_in_link = 0.0
        self._least_quality = QUALITY_OF[scenario.mission.security.least_track_quality]
        self._told: tuple[Counts, Counts] = NO_COUNTS, NO_COUNTS
        """Public and disclosed clicks, as the terminal last knew them."""
        self._silent: list[tuple[list[BlockTruth], float]] = []
        """Blocks of ticks without a click since the last with some, and what share counted."""
        self._gate_s = 0.0
        """In force at the last tick with clicks; 0: none."""

    def _elapsed_s(self, t_ns: int) -> float:
        return (t_ns - self._start_tai_ns) * 1e-9

    def grid_step(self, t_ns: int, truths: list[TruthSample]) -> None:
        """After each grid step of world and terminal."""
        t_s = self._elapsed_s(t_ns)
        command = self._bus.modes.command
        mode = Mode(command.mode)
        last = self.modes[-1]
        if mode is not last.mode:
            self.modes[-1] = last._replace(end_s=t_s)
            self.modes.append(ModeSpan(mode, t_s, t_s))
        # Before its devices have first answered the terminal is silent, not in danger.
        self._ready = self._ready or not command.unsafe
        if self._ready and command.unsafe & ~self._unsafe:
            self.events.append({"t_s": round(t_s, 3), "unsafe": command.unsafe})
        self._unsafe = command.unsafe
        pointing = self._bus.pointing.command
        if pointing.fix_age_s < NO_FIX_S or t_s >= FIRST_FIX_S:
            self.navigation.see(t_s, pointing.events)
            self.keep_out.see(t_s, self._bus.guidance.command.keep_out)
        self.mirror.see(t_s, self._bus.fine.command.events)
        self.optics.see(t_s, self._bus.polarization.command.flags & TOLD)

        while self._aims:
            self.aims_limited += self._aims.popleft()[1].limited
        fine_errors, self._world.fine_errors = self._world.fine_errors, []
        plant = self._world.plant
        for x, y in fine_errors:
            if mode is Mode.LINK:
                self.fine.add(x, y)
            elif mode is Mode.TRACK and not command.fine_enable:
                seen_x_rad, seen_y_rad = plant.seen_rad
                self.coarse.add(np.array([seen_x_rad]), np.array([seen_y_rad]))
        self._take_truth(mode, truths)
        if self._world.uplink:
            self._take_tally(self._world.uplink)
        else:
            self._take_timing()
        told = self._bus.timing.command.public_counts, self._bus.link.command.disclosed_counts
        if told[0] is not self._told[0] or told[1] is not self._told[1]:
            self._told = told
            self.polarization.told(t_s, told[0] + told[1])
        self.modes[-1] = self.modes[-1]._replace(end_s=t_s)

    def _take_truth(self, mode: Mode, truths: list[TruthSample]) -> None:
        optics = self._bus.polarization.command
        dithering = bool(optics.flags & PolarizationFlag.DITHERING)
        for truth in truths:
            if mode is Mode.LINK:
                self.ahead.add(
                    np.array([truth.point_ahead_error_x_rad]),
                    np.array([truth.point_ahead_error_y_rad]),
                )
            self.polarization.truth(
                self._elapsed_s(truth.t_ns), truth, mode is Mode.LINK, optics.turn_rad, dithering
            )
            self.divergences_rad.append(truth.divergence_rad)

    def pointing_rad(self) -> float:
        """Rms per axis of our own beam's error in LINK: fine error and point-ahead error."""
        parts = [self.fine.rms() or (0.0, 0.0), self.ahead.rms() or (0.0, 0.0)]
        return math.sqrt(0.5 * sum(x * x + y * y for x, y in parts))

    def _take_timing(self) -> None:
        """Ticks without clicks wait for the next with some; at the end they count for nothing."""
        while self._timing:
            blocks, self._world.channel.blocks = self._world.channel.blocks, []
            sample, command = self._timing.popleft()
            accepted = click_results.accepted(command)
            self.slots.clicks(blocks, sample, np.where(accepted, command.slot, NO_SLOT))
            self.clock.tick(command, blocks)
            if sample.gate_open:
                self.slots_in_link += sum(block.slots for block in blocks)
            used = _used_share(command, self._least_quality)
            if sample.gate_open and not len(sample.time_ps):
                self._silent.append((blocks, used))
                continue
            # Whether time counts must not depend on which clicks fell into the gate: the clock is
            # locked with a gate in force, or was so before and after a tick that nothing fell into.
            gate_s = command.gate_half_width_s if command.status == LOCKED else 0.0
            for silent, silent_used in self._silent:
                self._link_blocks(silent, self._gate_s if gate_s else 0.0, silent_used)
            self._link_blocks(blocks, gate_s, used)
            self._silent, self._gate_s = [], gate_s

    def _link_blocks(self, blocks: list[BlockTruth], gate_s: float, used: float) -> None:
        """gate_s: 0 where nothing counted. used: share of the blocks with a track good enough."""
        for block in blocks:
            used_s = used * (block.end_s - block.start_s) if gate_s else 0.0
            if used_s:
                self.slots.block(block, gate_s, used)
                self.polarization.block(block, gate_s)
            middle_s = 0.5 * (block.start_s + block.end_s)
            self.link_bins.append(LinkBin(middle_s, used_s, gate_s))

    def _take_tally(self, uplink: UplinkChannel) -> None:
        """In an uplink: what of the partner's reception the terminal has been told of.

        The blocks that are still to be told wait, so that counts and truth cover the same slots.
        """
        told_s = self._elapsed_s(self._bus.link.command.tallied_until_ns)
        told = [block for block in uplink.blocks if block.end_s <= told_s + NANOSECOND_S]
        uplink.blocks = uplink.blocks[len(told) :]
        for block in told:
            self.slots.block(block, self._partner_gate_s)
            self.polarization.block(block, self._partner_gate_s)
            self.slots_in_link += block.slots
            middle_s = 0.5 * (block.start_s + block.end_s)
            self.link_bins.append(
                LinkBin(middle_s, block.end_s - block.start_s, self._partner_gate_s)
            )
