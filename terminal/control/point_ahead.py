"""Point-ahead mirror: from the predicted angle to DAC counts."""

from config.terminal import MIRROR_DAC_COUNTS
from terminal.messages import PointAheadCommand, PointAheadSample


def step(
    stroke_rad: float, state: None, s: PointAheadSample, dt_s: float
) -> tuple[None, PointAheadCommand]:
    """The predicted angle, cut to the mirror's half range `stroke_rad`; centred without one."""
    if not s.valid:
        return None, PointAheadCommand()
    x_rad = max(-stroke_rad, min(stroke_rad, s.point_ahead_x_rad))
    y_rad = max(-stroke_rad, min(stroke_rad, s.point_ahead_y_rad))
    counts_per_rad = MIRROR_DAC_COUNTS / stroke_rad
    return None, PointAheadCommand(round(x_rad * counts_per_rad), round(y_rad * counts_per_rad))
