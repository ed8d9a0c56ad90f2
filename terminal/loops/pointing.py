"""Navigation in, prediction out: where the partner is, how it moves, what its light does."""

from collections.abc import Callable

from config.mission import Mission
from config.terminal import TerminalConfig
from terminal.context import Context
from terminal.control.pointing import PointingState, Predictor
from terminal.loop import Step
from terminal.mission_ephemeris import partner_ephemeris
from terminal.pass_mounting import mounting_sigma
from terminal.pointing_messages import PointingCommand, PointingSample


def make(
    mission: Mission, config: TerminalConfig, start_tai_ns: int
) -> tuple[PointingState, Step[PointingState, PointingSample, PointingCommand]]:
    predictor = Predictor(
        mission,
        config,
        start_tai_ns,
        partner_ephemeris(mission, start_tai_ns),
        mounting_sigma(mission, config, start_tai_ns),
    )
    return PointingState(), predictor.step


def bind(
    context: Context,
) -> tuple[Callable[[int], PointingSample], Callable[[PointingCommand, int], None]]:
    devices = context.devices

    def read(t_ns: int) -> PointingSample:
        fix = devices.navigation.poll(t_ns)
        if fix is None:
            return PointingSample(t_ns, 0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0)
        return PointingSample(
            t_ns,
            fix.t_ns,
            fix.latitude_rad,
            fix.longitude_rad,
            fix.altitude_m,
            fix.velocity_north_m_s,
            fix.velocity_east_m_s,
            fix.velocity_down_m_s,
            *fix.q_ned_from_body,
            fix.attitude_sigma_rad,
            fix.position_sigma_m,
        )

    def write(command: PointingCommand, t_ns: int) -> None:
        """Prediction commands no device."""

    return read, write
