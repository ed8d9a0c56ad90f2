"""Clock recovery: clicks from the time tagger, delay from the pointing loop."""

from collections.abc import Callable

from config.mission import Mission
from config.pattern import public_pattern
from config.terminal import TerminalConfig
from terminal.context import Context
from terminal.geometry.light_time import SPEED_OF_LIGHT_M_S
from terminal.loop import Step
from terminal.mode import Mode
from terminal.quantum_messages import TimingCommand, TimingSample
from terminal.timetags import recovery
from terminal.timetags.pattern import PublicPattern
from terminal.timetags.recovery import Settings, TimingState
from terminal.timetags.time_gate import GateRule
from terminal.timetags.tracking import process_noise


def make(
    mission: Mission, config: TerminalConfig, start_tai_ns: int
) -> tuple[TimingState, Step[TimingState, TimingSample, TimingCommand]]:
    source, timing = mission.source, config.timing
    slot_period_s = 1.0 / source.pulse_rate_hz
    settings = Settings(
        pattern=PublicPattern(
            public_pattern(source.pattern_length, source.public_share, source.pattern_seed)
        ),
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

    def step(
        state: TimingState, sample: TimingSample, dt_s: float
    ) -> tuple[TimingState, TimingCommand]:
        return recovery.step(settings, state, sample)

    return TimingState(), step


def bind(
    context: Context,
) -> tuple[Callable[[int], TimingSample], Callable[[TimingCommand, int], None]]:
    devices, bus = context.devices, context.bus
    receives = context.mission.direction == "downlink"

    def read(t_ns: int) -> TimingSample:
        block = devices.tagger.poll(t_ns)
        pointing, modes = bus.pointing.command, bus.modes.command
        rate = pointing.range_rate_m_s / SPEED_OF_LIGHT_M_S
        # The prediction holds for its own tick; brought here it errs by half the delay's
        # acceleration times the age squared (2.7e-7 /s: 54 ps at 20 ms).
        age_s = (t_ns - bus.pointing.sample.t_ns) * 1e-9 if bus.pointing.sample else 0.0
        return TimingSample(
            t_ns=t_ns,
            pointing_valid=pointing.valid,
            light_time_s=pointing.light_time_s + rate * age_s,
            light_time_rate=rate,
            gate_open=bool(receives and modes.shutter_open and modes.mode == Mode.LINK),
            stream_defect=block.step_back,
            time_ps=block.time_ps,
            channel=block.channel,
        )

    def write(command: TimingCommand, t_ns: int) -> None:
        """Nothing to command: other loops read the ring."""

    return read, write
