"""One scan period of mirror, spot and quad cell, compiled: the world's share of every fine tick.

All state lies in arrays, so that a call across the border costs little more than its arguments.
"""

import math

from numba import njit

# State: mirror angle and rate (rad, rad/s), the gimbal's error and its change per tick (rad), that
# error with the jitter (rad), light on the cell (counts), place among the delayed commands.
X, VX, Y, VY, GIMBAL_X, GIMBAL_Y, SLOPE_X, SLOPE_Y, SEEN_X, SEEN_Y, LIGHT, WAITING = range(12)
STATES = 12
# Constants: of the mirror's step, of the DAC, of the spot.
A11, A12, A21, A22, B1, B2, RAD_PER_COUNT, ERF_SCALE, EDGE_RAD2, BORESIGHT_X, BORESIGHT_Y = range(
    11
)
ADC_LIMIT = 32767


@njit(cache=True)
def tick(c, s, draws, delayed, residual, k, x_counts, y_counts):  # type: ignore[no-untyped-def]
    """Counts of the quadrants a, b, c, d under the newest DAC values.

    c: constants; s: state, moved on. draws (n, 6): jitter x, y (rad) and noise of the quadrants
    (counts) of tick k. delayed (d, 2): commands on their way, moved on; d may be 0.
    residual (n, 2): row k becomes where the partner stands behind the mirror, rad.
    """
    if len(delayed):
        place = int(s[WAITING])
        s[WAITING] = (place + 1) % len(delayed)
        now_x, now_y = delayed[place]
        delayed[place, 0], delayed[place, 1] = x_counts, y_counts
    else:
        now_x, now_y = x_counts, y_counts
    ux, uy = now_x * c[RAD_PER_COUNT], now_y * c[RAD_PER_COUNT]
    x, vx, y, vy = s[X], s[VX], s[Y], s[VY]
    s[X], s[VX] = c[A11] * x + c[A12] * vx + c[B1] * ux, c[A21] * x + c[A22] * vx + c[B2] * ux
    s[Y], s[VY] = c[A11] * y + c[A12] * vy + c[B1] * uy, c[A21] * y + c[A22] * vy + c[B2] * uy
    s[GIMBAL_X] += s[SLOPE_X]
    s[GIMBAL_Y] += s[SLOPE_Y]
    s[SEEN_X], s[SEEN_Y] = s[GIMBAL_X] + draws[k, 0], s[GIMBAL_Y] + draws[k, 1]
    ex, ey = s[SEEN_X] - s[X], s[SEEN_Y] - s[Y]
    residual[k, 0], residual[k, 1] = ex, ey

    # Gaussian spot, separable: the share right of and above the centre.
    right = 0.5 * (1.0 + math.erf(c[ERF_SCALE] * (ex + c[BORESIGHT_X])))
    above = 0.5 * (1.0 + math.erf(c[ERF_SCALE] * (ey + c[BORESIGHT_Y])))
    total = s[LIGHT] if ex * ex + ey * ey <= c[EDGE_RAD2] else 0.0
    return (
        _counts(total * right * above + draws[k, 2]),
        _counts(total * (1.0 - right) * above + draws[k, 3]),
        _counts(total * (1.0 - right) * (1.0 - above) + draws[k, 4]),
        _counts(total * right * (1.0 - above) + draws[k, 5]),
    )


@njit(cache=True)
def _counts(light):  # type: ignore[no-untyped-def]
    """Whole counts, cut off, within what the converter can say."""
    return int(max(-ADC_LIMIT, min(ADC_LIMIT, light)))
