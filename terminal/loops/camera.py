"""Beacon camera: frames in, beacon position out."""

from collections.abc import Callable

import cv2

from config.mission import Mission
from config.terminal import TerminalConfig
from terminal.context import Context
from terminal.control.beacon import BeaconState, camera_geometry, step
from terminal.fields import NO_U8S
from terminal.loop import Step
from terminal.messages import CameraCommand, CameraSample


def make(
    mission: Mission, config: TerminalConfig, start_tai_ns: int
) -> tuple[BeaconState, Step[BeaconState, CameraSample, CameraCommand]]:
    geometry = camera_geometry(config)

    def bound(
        state: BeaconState, sample: CameraSample, dt_s: float
    ) -> tuple[BeaconState, CameraCommand]:
        return step(config, geometry, state, sample, dt_s)

    return BeaconState(), bound


def bind(
    context: Context,
) -> tuple[Callable[[int], CameraSample], Callable[[CameraCommand, int], None]]:
    devices, bus = context.devices, context.bus
    # On images this small, handing work to threads costs more than it saves.
    cv2.setNumThreads(1)

    def read(t_ns: int) -> CameraSample:
        frame = devices.camera.poll(t_ns)
        mode = bus.modes.command.mode
        if frame is None:
            return CameraSample(t_ns, 0, -1, 0, 0, 0, mode, NO_U8S)
        return CameraSample(
            t_ns,
            frame.t_ns,
            frame.seq,
            frame.left,
            frame.top,
            frame.pixels.shape[1],
            mode,
            frame.pixels.reshape(-1),
        )

    def write(command: CameraCommand, t_ns: int) -> None:
        if command.window_columns:
            devices.camera.window(
                command.window_left,
                command.window_top,
                command.window_columns,
                command.window_rows,
                t_ns,
            )

    return read, write
