"""Point-ahead: what we send leaves ahead of where the partner is seen."""

from collections.abc import Callable
from functools import partial

from config.mission import Mission
from config.terminal import TerminalConfig
from terminal.context import Context
from terminal.control.point_ahead import settings_of, step
from terminal.loop import Step
from terminal.messages import PointAheadCommand, PointAheadSample


def make(
    mission: Mission, config: TerminalConfig, start_tai_ns: int
) -> tuple[None, Step[None, PointAheadSample, PointAheadCommand]]:
    return None, partial(step, settings_of(mission, config))


def bind(
    context: Context,
) -> tuple[Callable[[int], PointAheadSample], Callable[[PointAheadCommand, int], None]]:
    devices, bus = context.devices, context.bus

    def read(t_ns: int) -> PointAheadSample:
        p, g = bus.pointing.command, bus.guidance.command
        return PointAheadSample(
            t_ns, p.valid, g.point_ahead_x_rad, g.point_ahead_y_rad, p.signal_offset_rad
        )

    def write(command: PointAheadCommand, t_ns: int) -> None:
        devices.point_ahead.command(command.x_counts, command.y_counts, t_ns)

    return read, write
