"""Mirror control on the quad cell: one integrator an axis, with a bumpless start and a way out.

The integrator is the simplest controller that nulls a standing error. Its state is the mirror
itself, so closing the loop starts from where the mirror stands. When the light goes, the mirror
holds; when it stays away, the loop opens and the mirror returns to its centre.
"""

import math
from typing import NamedTuple

from config.terminal import MIRROR_DAC_COUNTS, TerminalConfig
from terminal.control.quad_cell import quad_angles, reading_rad
from terminal.messages import FineCommand, FineSample

OFFLOAD_TIME_CONSTANT_S = 0.1
"""Low pass of the mirror for the gimbal: below its bandwidth, above the coarse loop's rate."""

RMS_TIME_CONSTANT_S = 0.1
RELEASE_TIME_CONSTANT_S = 0.05
"""An open loop lets the mirror back to its centre without a jump."""


new_tuple = tuple.__new__
"""Makes a NamedTuple of values in its order, at half the cost of calling its class."""


class FineState(NamedTuple):
    """Mirror angles on the sky, their low pass, mean square residual, how long without light."""

    x_rad: float = 0.0
    y_rad: float = 0.0
    mean_x_rad: float = 0.0
    mean_y_rad: float = 0.0
    mean_square_rad2: float = 1e-6
    dark_s: float = 1.0
    last_scan_ns: int = 0


class FineLimits(NamedTuple):
    """What `step` needs of the configuration, gathered once: it runs thousands of times a
    second."""

    gain: float
    spot_rad: float
    min_sum_counts: int
    drop_s: float
    stroke_rad: float
    counts_per_rad: float


def limits_of(config: TerminalConfig) -> FineLimits:
    """The fine loop's constants."""
    return FineLimits(
        gain=config.fine.gain,
        spot_rad=config.optics.quad_spot_rad,
        min_sum_counts=config.fine.min_sum_counts,
        drop_s=config.fine.drop_s,
        stroke_rad=config.optics.mirror_stroke_rad,
        counts_per_rad=MIRROR_DAC_COUNTS / config.optics.mirror_stroke_rad,
    )


def step(
    k: FineLimits, state: FineState, s: FineSample, dt_s: float
) -> tuple[FineState, FineCommand]:
    """One scan: residual, mirror command, and whether the loop is closed."""
    # Unpacked at once and compared instead of clipped: attribute by attribute it costs twice.
    x, y, mean_x, mean_y, mean_square, dark_s, last_scan_ns = state
    t_ns, a, b, c, d, fresh, _, enable, aim_x, aim_y = s
    gain, spot_rad, min_sum_counts, drop_s, stroke_rad, counts_per_rad = k
    # After a long overrun, an averaging weight over one would amplify.
    average_s = dt_s if dt_s < RELEASE_TIME_CONSTANT_S else RELEASE_TIME_CONSTANT_S
    ex = ey = 0.0
    beacon = False
    if fresh:
        last_scan_ns = t_ns
        ex, ey, total = quad_angles(a, b, c, d, spot_rad)
        beacon = total >= min_sum_counts
        if aim_x or aim_y:
            ex -= reading_rad(aim_x, spot_rad)
            ey -= reading_rad(aim_y, spot_rad)
    dark_s = 0.0 if beacon else dark_s + dt_s
    closed = bool(enable) and dark_s < drop_s
    if closed and beacon:
        x += gain * ex
        y += gain * ey
        if not -stroke_rad <= x <= stroke_rad:
            x = stroke_rad if x > 0.0 else -stroke_rad
        if not -stroke_rad <= y <= stroke_rad:
            y = stroke_rad if y > 0.0 else -stroke_rad
        mean_square += (ex * ex + ey * ey - mean_square) * (average_s / RMS_TIME_CONSTANT_S)
    elif not closed:
        release = 1.0 - average_s / RELEASE_TIME_CONSTANT_S
        x *= release
        y *= release
        # Nothing is known of a residual that is not looked at, but it lies on the cell.
        mean_square = spot_rad * spot_rad
    offload = average_s / OFFLOAD_TIME_CONSTANT_S
    mean_x += (x - mean_x) * offload
    mean_y += (y - mean_y) * offload
    after = (x, y, mean_x, mean_y, mean_square, dark_s, last_scan_ns)
    command = (
        round(x * counts_per_rad),
        round(y * counts_per_rad),
        ex,
        ey,
        mean_x,
        mean_y,
        math.sqrt(mean_square),
        closed,
        beacon,
        (t_ns - last_scan_ns) * 1e-9 if last_scan_ns else 1e9,
    )
    return new_tuple(FineState, after), new_tuple(FineCommand, command)
