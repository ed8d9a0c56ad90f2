"""Quad cell to fast steering mirror, the fastest loop."""

from collections.abc import Callable
from typing import Protocol

from config.mission import Mission
from config.terminal import TerminalConfig
from drivers.protocols import QuadScan
from terminal.context import Context
from terminal.control.fine.step import FineState, initial, new_tuple, step
from terminal.loop import Step
from terminal.messages import FineCommand, FineSample, ModesCommand, PointAheadCommand
from terminal.response_file import with_calibrated_response

Read = Callable[[int], FineSample]
Write = Callable[[FineCommand, int], None]


class TellsMode(Protocol):
    """A ring of the modes loop, wherever that runs."""

    command: ModesCommand


class TellsAim(Protocol):
    """A ring of the point-ahead loop, wherever that runs."""

    command: PointAheadCommand


def make(
    mission: Mission, config: TerminalConfig, start_tai_ns: int
) -> tuple[FineState, Step[FineState, FineSample, FineCommand]]:
    return initial(with_calibrated_response(config, start_tai_ns)), step


def bind(context: Context) -> tuple[Read, Write]:
    devices, bus = context.devices, context.bus
    return bound(devices.quad.poll, devices.mirror.command, bus.modes, bus.point_ahead)


def bound(
    poll: Callable[[int], QuadScan | None],
    command_mirror: Callable[[int, int, int], None],
    modes: TellsMode,
    ahead: TellsAim,
) -> tuple[Read, Write]:
    """The loop on its two devices, and on what other loops tell it."""

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
