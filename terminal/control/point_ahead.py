"""Aiming ahead: by the mirror in the transmit path, or by a tracking point beside the beacon."""

from typing import NamedTuple

from config.mission import Mission
from config.terminal import MIRROR_DAC_COUNTS, TerminalConfig
from terminal.messages import PointAheadCommand, PointAheadSample

LARGEST_AIM_SPOTS = 0.5
"""Farther out than half the spot's 1/e^2 radius, the quad cell's slope falls under 60 %."""


class Settings(NamedTuple):
    """What aims ahead, and how far it reaches."""

    by_mirror: bool
    receives: bool
    """A downlink: the boresight belongs on the signal that arrives."""
    stroke_rad: float
    largest_aim_rad: float


def settings_of(mission: Mission, config: TerminalConfig) -> Settings:
    """The constants of `step`."""
    optics = config.optics
    return Settings(
        by_mirror=optics.point_ahead == "mirror",
        receives=mission.direction == "downlink",
        stroke_rad=optics.point_ahead_stroke_rad,
        largest_aim_rad=LARGEST_AIM_SPOTS * optics.quad_spot_rad,
    )


def _cut(value: float, limit: float) -> float:
    return max(-limit, min(limit, value))


def step(
    k: Settings, state: None, s: PointAheadSample, dt_s: float
) -> tuple[None, PointAheadCommand]:
    """Mirror and tracking point for the predicted angle, each within its reach; else centred.

    The beacon is held at minus the angle by which the boresight shall stand beside it.
    """
    if not s.valid:
        return None, PointAheadCommand()
    x_rad, y_rad = s.point_ahead_x_rad, s.point_ahead_y_rad
    if not k.by_mirror:
        aim = k.largest_aim_rad
        return None, PointAheadCommand(0, 0, _cut(-x_rad, aim), _cut(-y_rad, aim))
    counts_per_rad = MIRROR_DAC_COUNTS / k.stroke_rad
    # The beam that leaves is aimed from the boresight, which a receiver holds on the signal.
    aim_y_rad = -s.signal_offset_rad if k.receives else 0.0
    return None, PointAheadCommand(
        round(_cut(x_rad, k.stroke_rad) * counts_per_rad),
        round(_cut(y_rad + aim_y_rad, k.stroke_rad) * counts_per_rad),
        0.0,
        _cut(aim_y_rad, k.largest_aim_rad),
    )
