"""Half-wave plate and retarder: geometry feeds forward, disclosed and public states trim."""

from collections.abc import Callable

from config.mission import Mission
from config.terminal import TerminalConfig
from terminal.analyser_file import with_calibrated_analyser
from terminal.context import Context
from terminal.control.polarization import PolarizationPolicy, PolarizationState
from terminal.loop import Step
from terminal.mode import Mode
from terminal.polarization_plan import planned_course
from terminal.quantum_messages import PolarizationCommand, PolarizationSample
from terminal.timetags import recovery

MOST_ASKED = 1000
"""Announcements without answer whose time is remembered."""


def make(
    mission: Mission, config: TerminalConfig, start_tai_ns: int
) -> tuple[PolarizationState, Step[PolarizationState, PolarizationSample, PolarizationCommand]]:
    """Raises InputError for a calibration that cannot be used, or a travel that is too short."""
    config = with_calibrated_analyser(config, mission, start_tai_ns)
    policy = PolarizationPolicy(
        mission,
        config.polarization,
        start_tai_ns,
        1.0 / config.rates.polarization_hz,
        config.timing.acquire_clicks,
        planned_course(mission, config, start_tai_ns),
    )
    return policy.initial(), policy.step


def bind(
    context: Context,
) -> tuple[Callable[[int], PolarizationSample], Callable[[PolarizationCommand, int], None]]:
    devices, bus = context.devices, context.bus
    link_ticks, timing_ticks = bus.link.subscribe(), bus.timing.subscribe()
    asked: dict[int, tuple[int, int]] = {}
    """Of each announcement: when its clicks came."""
    linked_ns, tallied_ns = 0, 0

    def disclosed_span() -> tuple[int, int]:
        """When the photons came, or left, whose states the link loop learnt since the last call."""
        nonlocal linked_ns, tallied_ns
        spans: list[tuple[int, int]] = []
        while link_ticks:
            sample, command = link_ticks.popleft()
            spans += [asked.pop(r) for r in sample.reply_request.tolist() if r in asked]
            if command.request:
                asked[command.request] = linked_ns or sample.t_ns, sample.t_ns
                if len(asked) > MOST_ASKED:
                    del asked[next(iter(asked))]
            if command.tallied_until_ns > tallied_ns:
                spans.append((tallied_ns or command.tallied_until_ns, command.tallied_until_ns))
                tallied_ns = command.tallied_until_ns
            linked_ns = sample.t_ns
        if not spans:
            return 0, 0
        return min(begin for begin, _ in spans), max(end for _, end in spans)

    def searched_clicks() -> int:
        ticks = list(timing_ticks)
        timing_ticks.clear()
        return sum(
            s.time_ps.size for s, c in ticks if s.gate_open and c.status == recovery.SEARCHING
        )

    def read(t_ns: int) -> PolarizationSample:
        plate = devices.waveplate.poll(t_ns)
        retarder = devices.retarder.poll(t_ns) if devices.retarder else None
        scan = devices.polarimeter.poll(t_ns) if devices.polarimeter else None
        begin_ns, end_ns = disclosed_span()
        joints, timing = bus.coarse.sample, bus.timing.command
        return PolarizationSample(
            t_ns=t_ns,
            pointing_valid=bus.pointing.command.valid,
            linked=bus.modes.command.mode == Mode.LINK,
            frame_angle_rad=bus.guidance.command.frame_angle_rad,
            yaw_rad=joints.yaw_rad if joints else 0.0,
            pitch_rad=joints.pitch_rad if joints else 0.0,
            plate_t_ns=plate.t_ns if plate else 0,
            plate_angle_rad=plate.angle_rad if plate else 0.0,
            plate_moving=bool(plate and plate.moving),
            retarder_t_ns=retarder.t_ns if retarder else 0,
            retarder_drive_v=retarder.drive_v if retarder else 0.0,
            beacon_fresh=scan is not None,
            beacon_h=scan.a if scan else 0,
            beacon_v=scan.b if scan else 0,
            beacon_d=scan.c if scan else 0,
            beacon_a=scan.d if scan else 0,
            public_counts=timing.public_counts,
            disclosed_counts=bus.link.command.disclosed_counts,
            disclosed_from_ns=begin_ns,
            disclosed_until_ns=end_ns,
            background_hz=timing.background_hz,
            gate_half_width_s=timing.gate_half_width_s,
            clock_known=timing.status != recovery.SEARCHING,
            searched_clicks=searched_clicks(),
        )

    def write(command: PolarizationCommand, t_ns: int) -> None:
        if command.move:
            devices.waveplate.move_to(command.plate_target_rad, t_ns)
        if command.drive and devices.retarder:
            devices.retarder.drive(command.retarder_drive_v, t_ns)

    return read, write
