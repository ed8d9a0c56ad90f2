"""Where the gimbal shall look: the prediction within limits, round the Sun, through the keyhole."""

from collections.abc import Callable
from functools import partial

from config.mission import Mission
from config.terminal import TerminalConfig
from terminal.context import Context
from terminal.control.guidance.steering import GuidanceState, step
from terminal.guidance_plan import flight_settings
from terminal.loop import Step
from terminal.pointing_messages import GuidanceCommand, GuidanceSample


def make(
    mission: Mission, config: TerminalConfig, start_tai_ns: int
) -> tuple[GuidanceState, Step[GuidanceState, GuidanceSample, GuidanceCommand]]:
    return GuidanceState(), partial(step, flight_settings(mission, config, start_tai_ns))


def bind(
    context: Context,
) -> tuple[Callable[[int], GuidanceSample], Callable[[GuidanceCommand, int], None]]:
    bus = context.bus

    def read(t_ns: int) -> GuidanceSample:
        scan = bus.acquisition.command
        p, joints, seen = bus.pointing.command, bus.coarse.sample, bus.coarse.command
        # A way from where the gimbal does not stand could lead through the Sun.
        known = joints is not None and joints.gimbal_t_ns > 0
        return GuidanceSample(
            t_ns=t_ns,
            pointing_valid=p.valid if known else 0,
            los_x=p.los_x,
            los_y=p.los_y,
            los_z=p.los_z,
            los_rate_x=p.los_rate_x,
            los_rate_y=p.los_rate_y,
            los_rate_z=p.los_rate_z,
            ahead_x=p.ahead_x,
            ahead_y=p.ahead_y,
            ahead_z=p.ahead_z,
            reference_x=p.reference_x,
            reference_y=p.reference_y,
            reference_z=p.reference_z,
            q_gimbal_from_ecef_w=p.q_gimbal_from_ecef_w,
            q_gimbal_from_ecef_x=p.q_gimbal_from_ecef_x,
            q_gimbal_from_ecef_y=p.q_gimbal_from_ecef_y,
            q_gimbal_from_ecef_z=p.q_gimbal_from_ecef_z,
            elevation_rad=p.elevation_rad,
            yaw_rad=joints.yaw_rad if joints else 0.0,
            pitch_rad=joints.pitch_rad if joints else 0.0,
            roll_rad=joints.roll_rad if joints else 0.0,
            offset_x_rad=seen.offset_x_rad,
            offset_y_rad=seen.offset_y_rad,
            offset_z_rad=seen.offset_z_rad,
            scan_x_rad=scan.scan_x_rad,
            scan_y_rad=scan.scan_y_rad,
            scan_rate_x_rad_s=scan.scan_rate_x_rad_s,
            scan_rate_y_rad_s=scan.scan_rate_y_rad_s,
        )

    def write(command: GuidanceCommand, t_ns: int) -> None:
        """Guidance commands no device: the coarse loop follows it."""

    return read, write
