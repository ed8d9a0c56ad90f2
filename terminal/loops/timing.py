"""Clock recovery: clicks from the time tagger, delay from the pointing loop; then track quality."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from config.mission import Mission
from config.pattern import public_pattern
from config.terminal import TerminalConfig
from terminal.context import Context
from terminal.geometry.light_time import SPEED_OF_LIGHT_M_S
from terminal.loop import Step
from terminal.messages import ModesCommand, ModesSample
from terminal.mode import Mode
from terminal.qkd.slot_quality import KeySlots
from terminal.qkd.tagging import Rules, Tags, tag
from terminal.qkd.track_quality import Fact, limits
from terminal.quantum_messages import TimingCommand, TimingSample
from terminal.timetags import recovery
from terminal.timetags.pattern import PublicPattern
from terminal.timetags.recovery import Settings, TimingState
from terminal.timetags.time_gate import GateRule
from terminal.timetags.tracking import process_noise


class ClockAndTags(NamedTuple):
    """State of the loop."""

    clock: TimingState = TimingState()
    tags: Tags = Tags()


def make(
    mission: Mission, config: TerminalConfig, start_tai_ns: int
) -> tuple[ClockAndTags, Step[ClockAndTags, TimingSample, TimingCommand]]:
    source, timing = mission.source, config.timing
    slot_period_s = 1.0 / source.pulse_rate_hz
    pattern = public_pattern(source.pattern_length, source.public_share, source.pattern_seed)
    settings = Settings(
        pattern=PublicPattern(pattern),
        slot_period_s=slot_period_s,
        start_tai_ns=start_tai_ns,
        search_ppm=timing.search_ppm,
        false_lock_probability=timing.false_lock_probability,
        acquire_clicks=timing.acquire_clicks,
        gate=GateRule(
            narrowest_s=timing.gate_least_half_width_s,
            widest_s=timing.gate_half_width_s,
            least_probability=timing.gate_signal_probability,
        ),
        # Five standard deviations are half a slot, whatever the config says: no silent slip.
        unsure_sigma_s=min(timing.unsure_sigma_s, 0.1 * slot_period_s),
        noise=process_noise(timing.oscillator_wander),
    )

    rules = Rules(
        limits=limits(config),
        key_slots=KeySlots(pattern),
        slot_period_s=slot_period_s,
        start_tai_ns=start_tai_ns,
        unsure_sigma_s=settings.unsure_sigma_s,
        receives=mission.direction == "downlink",
    )

    def step(
        state: ClockAndTags, sample: TimingSample, dt_s: float
    ) -> tuple[ClockAndTags, TimingCommand]:
        clock, command = recovery.step(settings, state.clock, sample)
        tags, command = tag(rules, state.tags, sample, command)
        return ClockAndTags(clock, tags), command

    return ClockAndTags(), step


def _facts(sample: ModesSample, command: ModesCommand, optics_settled: bool) -> Fact:
    """What a tick of the modes loop says about the track."""
    facts = Fact.OPTICS_SETTLED if optics_settled else Fact(0)
    if command.mode == Mode.LINK and command.shutter_open:
        facts |= Fact.SHUTTER_ORDERED
    if sample.shutter_seen_open:
        facts |= Fact.SHUTTER_OPEN
    if sample.fine_closed:
        facts |= Fact.FINE_CLOSED
    if sample.fine_beacon:
        facts |= Fact.BEACON
    return facts


def _taken_ns(sample: ModesSample) -> int:
    """When the laser box told the shutter's state; 0: it has not."""
    return max(0, sample.t_ns - round(1e9 * sample.laser_age_s))


def bind(
    context: Context,
) -> tuple[Callable[[int], TimingSample], Callable[[TimingCommand, int], None]]:
    devices, bus = context.devices, context.bus
    receives = context.mission.direction == "downlink"
    tracked = bus.modes.subscribe()

    def read(t_ns: int) -> TimingSample:
        block = devices.tagger.poll(t_ns)
        pointing, modes = bus.pointing.command, bus.modes.command
        rate = pointing.range_rate_m_s / SPEED_OF_LIGHT_M_S
        # The prediction holds for its own tick; brought here it errs by half the delay's
        # acceleration times the age squared (2.7e-7 /s: 54 ps at 20 ms).
        age_s = (t_ns - bus.pointing.sample.t_ns) * 1e-9 if bus.pointing.sample else 0.0
        optics = bus.polarization.command
        # It stood still when that loop looked, and was not sent elsewhere then.
        settled = bool(optics.settled and not optics.move)
        track = list(tracked)
        tracked.clear()
        return TimingSample(
            t_ns=t_ns,
            pointing_valid=pointing.valid,
            light_time_s=pointing.light_time_s + rate * age_s,
            light_time_rate=rate,
            gate_open=bool(receives and modes.shutter_open and modes.mode == Mode.LINK),
            stream_defect=block.step_back,
            time_ps=block.time_ps,
            channel=_named(block.channel) if optics.swapped else block.channel,
            renamed=optics.forget,
            track_t_ns=np.array([s.t_ns for s, _ in track], np.int64),
            track_facts=np.array([_facts(*t, settled) for t in track], np.uint8),
            track_shutter_t_ns=np.array([_taken_ns(s) for s, _ in track], np.int64),
            track_fine_rms_rad=np.array([s.fine_rms_rad for s, _ in track], np.float64),
        )

    def write(command: TimingCommand, t_ns: int) -> None:
        """Nothing to command: other loops read the ring."""

    return read, write


def _named(channel: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Channels with the names of D and A exchanged, as the polarization loop found them to be."""
    return np.where(channel >= 2, 5 - channel, channel).astype(np.uint8)
