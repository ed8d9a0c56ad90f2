"""Gimbal rates: guidance first, then the camera's beacon, then the mirror's mean offset."""

from collections.abc import Callable

from config.mission import Mission
from config.terminal import TerminalConfig
from terminal.context import Context
from terminal.control.coarse import CoarseState, step
from terminal.loop import Step
from terminal.pointing_messages import CoarseCommand, CoarseSample


def make(
    mission: Mission, config: TerminalConfig, start_tai_ns: int
) -> tuple[CoarseState, Step[CoarseState, CoarseSample, CoarseCommand]]:
    def bound(
        state: CoarseState, sample: CoarseSample, dt_s: float
    ) -> tuple[CoarseState, CoarseCommand]:
        return step(config, state, sample, dt_s)

    return CoarseState(), bound


def bind(
    context: Context,
) -> tuple[Callable[[int], CoarseSample], Callable[[CoarseCommand, int], None]]:
    devices, bus = context.devices, context.bus

    def read(t_ns: int) -> CoarseSample:
        state = devices.gimbal.poll(t_ns)
        guided, guidance = bus.guidance.sample, bus.guidance.command
        modes, camera, fine = bus.modes.command, bus.camera.command, bus.fine.command
        return CoarseSample(
            t_ns=t_ns,
            gimbal_t_ns=state.t_ns if state else 0,
            yaw_rad=state.yaw_rad if state else 0.0,
            pitch_rad=state.pitch_rad if state else 0.0,
            roll_rad=state.roll_rad if state else 0.0,
            motors_on=bool(state and state.motors_on),
            mode=modes.mode,
            pointing_valid=guided.pointing_valid if guided else 0,
            los_x=guidance.los_x,
            los_y=guidance.los_y,
            los_z=guidance.los_z,
            target_yaw_rad=guidance.target_yaw_rad,
            target_pitch_rad=guidance.target_pitch_rad,
            target_roll_rad=guidance.target_roll_rad,
            yaw_rate_rad_s=guidance.yaw_rate_rad_s,
            pitch_rate_rad_s=guidance.pitch_rate_rad_s,
            roll_rate_rad_s=guidance.roll_rate_rad_s,
            detour_rad=guidance.detour_rad,
            keep_out=guidance.keep_out,
            look_yaw_rad=guidance.look_yaw_rad,
            look_pitch_rad=guidance.look_pitch_rad,
            look_roll_rad=guidance.look_roll_rad,
            look_yaw_rate_rad_s=guidance.look_yaw_rate_rad_s,
            look_pitch_rate_rad_s=guidance.look_pitch_rate_rad_s,
            look_roll_rate_rad_s=guidance.look_roll_rate_rad_s,
            camera_seen=bool(camera.found and camera.confirmed),
            camera_frame_t_ns=camera.frame_t_ns,
            camera_x_rad=camera.x_rad,
            camera_y_rad=camera.y_rad,
            fine_closed=fine.closed,
            mirror_x_rad=fine.mean_mirror_x_rad,
            mirror_y_rad=fine.mean_mirror_y_rad,
            false_locks=modes.false_locks,
        )

    def write(command: CoarseCommand, t_ns: int) -> None:
        if command.switch_motors_on:
            devices.gimbal.motors(True, t_ns)
        devices.gimbal.command_rate(
            command.yaw_rate_rad_s, command.pitch_rate_rad_s, t_ns, command.roll_rate_rad_s
        )

    return read, write
