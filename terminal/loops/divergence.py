"""Beam expander: width of the sent beam from jitter, loss and the partner's counts."""

from collections.abc import Callable

from config.mission import Mission
from config.terminal import TerminalConfig
from terminal.context import Context
from terminal.control.divergence import Policy, State
from terminal.loop import Step
from terminal.mode import Mode
from terminal.qkd.tally import COUNTS
from terminal.quantum_messages import DivergenceCommand, DivergenceSample


def make(
    mission: Mission, config: TerminalConfig, start_tai_ns: int
) -> tuple[State, Step[State, DivergenceSample, DivergenceCommand]]:
    policy = Policy(mission, config)
    return policy.initial(), policy.step


def bind(
    context: Context,
) -> tuple[Callable[[int], DivergenceSample], Callable[[DivergenceCommand, int], None]]:
    devices, bus = context.devices, context.bus
    sends = context.mission.direction == "uplink"
    link_ticks = bus.link.subscribe()
    told: tuple[int, int, int] = 0, 0, 0
    """(until ns, clicks, vacuum) of the newest tally that the link loop took."""

    def newest_tally() -> tuple[int, int, int]:
        nonlocal told
        while link_ticks:
            sample, command = link_ticks.popleft()
            for i, t_ns in enumerate(sample.tally_t_ns.tolist()):
                # The link loop judges tallies; what it refused never becomes its newest.
                if t_ns == command.tallied_until_ns:
                    counts = sample.tally_counts[i * COUNTS : (i + 1) * COUNTS].tolist()
                    told = t_ns, counts[0], counts[3] + counts[6]
        return told

    def read(t_ns: int) -> DivergenceSample:
        stage = devices.expander.poll(t_ns) if devices.expander and sends else None
        fine, quad = bus.fine.command, bus.fine.sample
        modes = bus.modes.command
        a, b, c, d = (quad.a, quad.b, quad.c, quad.d) if quad and quad.fresh else (0, 0, 0, 0)
        until_ns, counted, vacuum = newest_tally()
        return DivergenceSample(
            t_ns=t_ns,
            stage_t_ns=stage.t_ns if stage else 0,
            stage_position=stage.position if stage else 0.0,
            stage_moving=bool(stage and stage.moving),
            fine_closed=fine.closed and fine.beacon,
            fine_rms_rad=fine.rms_rad,
            quad_sum_counts=a + b + c + d,
            quad_diagonal_counts=a - b + c - d,
            linked=modes.mode == Mode.LINK and modes.shutter_open,
            range_m=bus.pointing.command.range_m if bus.pointing.command.valid else 0.0,
            counted_until_ns=until_ns,
            counted=counted,
            counted_vacuum=vacuum,
        )

    def write(command: DivergenceCommand, t_ns: int) -> None:
        if command.move and devices.expander:
            devices.expander.move_to(command.position, t_ns)

    return read, write
