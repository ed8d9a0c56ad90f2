"""The search: where to look beside the prediction, and what partners in search tell each other."""

from collections.abc import Callable
from functools import partial

from config.mission import Mission
from config.terminal import TerminalConfig
from terminal.context import Context
from terminal.control.search.acquire import SearchState, settings_of, step
from terminal.loop import Step
from terminal.pointing_messages import AcquisitionCommand, AcquisitionSample


def make(
    mission: Mission, config: TerminalConfig, start_tai_ns: int
) -> tuple[SearchState, Step[SearchState, AcquisitionSample, AcquisitionCommand]]:
    return SearchState(), partial(step, settings_of(mission, config))


def bind(
    context: Context,
) -> tuple[Callable[[int], AcquisitionSample], Callable[[AcquisitionCommand, int], None]]:
    devices, bus = context.devices, context.bus

    def read(t_ns: int) -> AcquisitionSample:
        pointing, guidance, camera = bus.pointing.command, bus.guidance.command, bus.camera.command
        modes = bus.modes.command
        note = devices.classical.note(t_ns)
        return AcquisitionSample(
            t_ns=t_ns,
            mode=modes.mode,
            sigma_rad=pointing.sigma_rad,
            along_sigma_s=pointing.along_sigma_s,
            los_rate_x_rad_s=guidance.los_rate_x_rad_s,
            los_rate_y_rad_s=guidance.los_rate_y_rad_s,
            camera_confirmed=camera.confirmed,
            camera_frame_t_ns=camera.frame_t_ns,
            note=note.kind if note else 0,
            note_t_ns=note.t_ns if note else 0,
            quad_lit=bus.fine.command.beacon,
            false_locks=modes.false_locks,
        )

    def write(command: AcquisitionCommand, t_ns: int) -> None:
        if command.note:
            devices.classical.tell(command.note, command.note_t_ns, t_ns)

    return read, write
