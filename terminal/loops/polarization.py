"""Half-wave plate: geometry feeds forward, disclosed and public states trim."""

from collections.abc import Callable

from config.mission import Mission
from config.terminal import TerminalConfig
from terminal.context import Context
from terminal.control.polarization import PolarizationState, step
from terminal.loop import Step
from terminal.quantum_messages import PolarizationCommand, PolarizationSample


def make(
    mission: Mission, config: TerminalConfig, start_tai_ns: int
) -> tuple[PolarizationState, Step[PolarizationState, PolarizationSample, PolarizationCommand]]:
    def bound(
        state: PolarizationState, sample: PolarizationSample, dt_s: float
    ) -> tuple[PolarizationState, PolarizationCommand]:
        return step(config, state, sample, dt_s)

    return PolarizationState(), bound


def bind(
    context: Context,
) -> tuple[Callable[[int], PolarizationSample], Callable[[PolarizationCommand, int], None]]:
    devices, bus = context.devices, context.bus

    def read(t_ns: int) -> PolarizationSample:
        plate = devices.waveplate.poll(t_ns)
        return PolarizationSample(
            t_ns=t_ns,
            pointing_valid=bus.pointing.command.valid,
            frame_angle_rad=bus.guidance.command.frame_angle_rad,
            plate_t_ns=plate.t_ns if plate else 0,
            plate_angle_rad=plate.angle_rad if plate else 0.0,
            plate_moving=bool(plate and plate.moving),
            counts=bus.timing.command.public_counts + bus.link.command.disclosed_counts,
        )

    def write(command: PolarizationCommand, t_ns: int) -> None:
        if command.move:
            devices.waveplate.move_to(command.plate_target_rad, t_ns)

    return read, write
