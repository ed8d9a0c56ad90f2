"""The mode of the link, and the switches that follow from it: beacon laser and shutter."""

import math
from collections.abc import Callable

from config.mission import Mission
from config.terminal import TerminalConfig
from terminal.context import Context
from terminal.control.coarse import CAMERA, MIRROR
from terminal.loop import Step
from terminal.messages import ModesCommand, ModesSample
from terminal.modes import Timers, step


def make(
    mission: Mission, config: TerminalConfig, start_tai_ns: int
) -> tuple[Timers, Step[Timers, ModesSample, ModesCommand]]:
    def bound(state: Timers, sample: ModesSample, dt_s: float) -> tuple[Timers, ModesCommand]:
        return step(config, state, sample, dt_s)

    return Timers(), bound


def bind(
    context: Context,
) -> tuple[Callable[[int], ModesSample], Callable[[ModesCommand, int], None]]:
    devices, bus = context.devices, context.bus
    opens_ns, closes_ns = context.window

    def read(t_ns: int) -> ModesSample:
        laser = devices.laser.poll(t_ns)
        pointing, camera = bus.pointing.command, bus.camera.command
        coarse, fine = bus.coarse.command, bus.fine.command
        return ModesSample(
            t_ns=t_ns,
            window_open=opens_ns <= t_ns < closes_ns,
            pointing_valid=pointing.valid,
            elevation_rad=pointing.elevation_rad,
            keep_out=bus.guidance.command.keep_out,
            navigation_age_s=pointing.fix_age_s,
            gimbal_age_s=coarse.gimbal_age_s,
            quad_age_s=fine.scan_age_s,
            gimbal_on_target=coarse.on_target,
            camera_found=camera.found,
            camera_confirmed=camera.confirmed,
            camera_error_rad=math.hypot(camera.x_rad, camera.y_rad),
            fine_closed=fine.closed,
            fine_beacon=fine.beacon,
            fine_rms_rad=fine.rms_rad,
            interlock_ok=bool(laser and laser.interlock_ok),
            laser_age_s=(t_ns - laser.t_ns) * 1e-9 if laser else 1e9,
            beacon_leads=coarse.source in (CAMERA, MIRROR),
            camera_false_locks=camera.false_locks,
            shutter_seen_open=bool(laser and laser.shutter_open),
        )

    def write(command: ModesCommand, t_ns: int) -> None:
        devices.laser.beacon(bool(command.beacon_on), t_ns)
        devices.laser.shutter(bool(command.shutter_open), t_ns)

    return read, write
