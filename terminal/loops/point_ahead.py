"""Point-ahead mirror: our own beacon leaves ahead of where the partner is seen."""

from collections.abc import Callable

from config.mission import Mission
from config.terminal import TerminalConfig
from terminal.context import Context
from terminal.loop import Step
from terminal.messages import PointAheadCommand, PointAheadSample


def make(
    mission: Mission, config: TerminalConfig, start_tai_ns: int
) -> tuple[None, Step[None, PointAheadSample, PointAheadCommand]]:
    counts_per_rad = 32767.0 / config.optics.point_ahead_stroke_rad

    def step(state: None, s: PointAheadSample, dt_s: float) -> tuple[None, PointAheadCommand]:
        if not s.valid:
            return None, PointAheadCommand()
        limit = config.optics.point_ahead_stroke_rad
        x_rad = max(-limit, min(limit, s.point_ahead_x_rad))
        y_rad = max(-limit, min(limit, s.point_ahead_y_rad))
        return None, PointAheadCommand(round(x_rad * counts_per_rad), round(y_rad * counts_per_rad))

    return None, step


def bind(
    context: Context,
) -> tuple[Callable[[int], PointAheadSample], Callable[[PointAheadCommand, int], None]]:
    devices, bus = context.devices, context.bus

    def read(t_ns: int) -> PointAheadSample:
        p = bus.pointing.command
        return PointAheadSample(t_ns, p.valid, p.point_ahead_x_rad, p.point_ahead_y_rad)

    def write(command: PointAheadCommand, t_ns: int) -> None:
        devices.point_ahead.command(command.x_counts, command.y_counts, t_ns)

    return read, write
