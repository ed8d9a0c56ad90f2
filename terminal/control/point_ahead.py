"""Aiming ahead: by the mirror in the transmit path, or by a tracking point beside the beacon."""

from typing import NamedTuple

from config.mission import Mission
from config.terminal import LARGEST_AIM_SPOTS, MIRROR_DAC_COUNTS, TerminalConfig
from terminal.control.guidance.joint_limits import clamp
from terminal.messages import PointAheadCommand, PointAheadSample


class Settings(NamedTuple):
    """What aims ahead, and how far it reaches."""

    by_mirror: bool
    receives: bool
    """A downlink: the boresight belongs on the signal that arrives. Only by mirror: a tracking
    point that leads the partner would turn it away from there."""
    stroke_rad: float
    largest_aim_rad: float
    boresight_rad: tuple[float, float] = (0.0, 0.0)
    """On the position detector: where the beacon stands when light leaves or is received along it.
    """


def settings_of(mission: Mission, config: TerminalConfig) -> Settings:
    """The constants of `step`."""
    optics = config.optics
    return Settings(
        by_mirror=optics.point_ahead == "mirror",
        receives=mission.direction == "downlink",
        stroke_rad=optics.point_ahead_stroke_rad,
        largest_aim_rad=LARGEST_AIM_SPOTS * optics.quad_spot_rad,
        boresight_rad=optics.boresight_rad,
    )


def step(
    k: Settings, state: None, s: PointAheadSample, dt_s: float
) -> tuple[None, PointAheadCommand]:
    """Mirror and tracking point for the predicted angle, each within its reach; else centred.

    The beacon is held at minus the angle by which the boresight shall stand beside it.
    """
    boresight_x_rad, boresight_y_rad = k.boresight_rad
    if not s.valid:
        return None, PointAheadCommand(aim_x_rad=boresight_x_rad, aim_y_rad=boresight_y_rad)
    x_rad, y_rad = s.point_ahead_x_rad, s.point_ahead_y_rad
    if k.by_mirror:
        # The beam that leaves is aimed from the boresight, which a receiver holds on the signal.
        aim_x_rad, aim_y_rad = 0.0, -s.signal_offset_rad if k.receives else 0.0
        mirror_x_rad, mirror_y_rad = x_rad, y_rad + aim_y_rad
    else:
        aim_x_rad, aim_y_rad = -x_rad, -y_rad
        mirror_x_rad = mirror_y_rad = 0.0
    aim_x_rad += boresight_x_rad
    aim_y_rad += boresight_y_rad
    stroke, farthest = k.stroke_rad, k.largest_aim_rad
    counts_per_rad = MIRROR_DAC_COUNTS / stroke
    return None, PointAheadCommand(
        round(clamp(mirror_x_rad, -stroke, stroke) * counts_per_rad),
        round(clamp(mirror_y_rad, -stroke, stroke) * counts_per_rad),
        clamp(aim_x_rad, -farthest, farthest),
        clamp(aim_y_rad, -farthest, farthest),
        limited=max(abs(mirror_x_rad), abs(mirror_y_rad)) > stroke
        or max(abs(aim_x_rad), abs(aim_y_rad)) > farthest,
    )
