"""Quad cell to fast steering mirror, the fastest loop."""

from collections.abc import Callable
from functools import partial

from config.mission import Mission
from config.terminal import TerminalConfig
from terminal.context import Context
from terminal.control.fine import FineState, limits_of, new_tuple, step
from terminal.loop import Step
from terminal.messages import FineCommand, FineSample


def make(
    mission: Mission, config: TerminalConfig, start_tai_ns: int
) -> tuple[FineState, Step[FineState, FineSample, FineCommand]]:
    return FineState(), partial(step, limits_of(config))


def bind(
    context: Context,
) -> tuple[Callable[[int], FineSample], Callable[[FineCommand, int], None]]:
    devices, bus = context.devices, context.bus
    poll, command_mirror = devices.quad.poll, devices.mirror.command
    modes, ahead = bus.modes, bus.point_ahead

    def read(t_ns: int) -> FineSample:
        scan, enable = poll(t_ns), modes.command.fine_enable
        _, _, aim_x, aim_y, _ = ahead.command
        if scan is None:
            return FineSample(t_ns, 0, 0, 0, 0, 0, 0, enable, aim_x, aim_y)
        _, _, a, b, c, d, lost = scan
        if lost > 255:
            lost = 255
        return new_tuple(FineSample, (t_ns, a, b, c, d, 1, lost, enable, aim_x, aim_y))

    def write(command: FineCommand, t_ns: int) -> None:
        command_mirror(command.x_counts, command.y_counts, t_ns)

    return read, write
