"""Beacon camera: frames in, beacon position out."""

from collections.abc import Callable

import cv2

from config.mission import Mission
from config.terminal import TerminalConfig
from terminal.context import Context
from terminal.control.image.beacon import BeaconState, camera_geometry, step
from terminal.control.image.frame_pose import Motion
from terminal.control.image.star_motion import rate_against_stars
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
    predictions, readings = bus.pointing.subscribe(), bus.coarse.subscribe()
    los = Motion((1.0, 0.0, 0.0), angles=False)
    joints = Motion((0.0, 0.0, 0.0), angles=True)
    # On images this small, handing work to threads costs more than it saves.
    cv2.setNumThreads(1)

    def follow() -> None:
        """Take in the newest predictions and gimbal readings."""
        while predictions:
            sample, command = predictions.popleft()
            if command.valid:
                los.follow(sample.t_ns, (command.los_x, command.los_y, command.los_z))
        while readings:
            reading, _ = readings.popleft()
            angles = reading.yaw_rad, reading.pitch_rad, reading.roll_rad
            joints.follow(reading.gimbal_t_ns, angles)

    def read(t_ns: int) -> CameraSample:
        follow()
        frame = devices.camera.poll(t_ns)
        mode, false_locks = bus.modes.command.mode, bus.modes.command.false_locks
        if frame is None:
            pose = *joints.newest, *los.newest, 0.0, 0.0, 0.0
            return CameraSample(t_ns, 0, -1, 0, 0, 0, 0, mode, *pose, NO_U8S, false_locks)
        p = bus.pointing.command
        q = (
            p.q_gimbal_from_ecef_w,
            p.q_gimbal_from_ecef_x,
            p.q_gimbal_from_ecef_y,
            p.q_gimbal_from_ecef_z,
        )
        predicted = (p.los_x, p.los_y, p.los_z), (p.los_rate_x, p.los_rate_y, p.los_rate_z)
        return CameraSample(
            t_ns,
            frame.t_ns,
            frame.seq,
            frame.exposure_us,
            frame.left,
            frame.top,
            frame.pixels.shape[1],
            mode,
            *joints.at(frame.t_ns),
            *los.at(frame.t_ns),
            *rate_against_stars(*predicted, q),
            frame.pixels.reshape(-1),
            false_locks,
        )

    def write(command: CameraCommand, t_ns: int) -> None:
        if command.exposure_us:
            devices.camera.expose(command.exposure_us, t_ns)
        if command.window_columns:
            devices.camera.window(
                command.window_left,
                command.window_top,
                command.window_columns,
                command.window_rows,
                t_ns,
            )

    return read, write
