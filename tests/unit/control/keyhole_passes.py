"""Passes near the yaw axis, for the tests of guidance: closed forms and a brute-force referee."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from terminal.geometry.vector import Vec

Floats = NDArray[np.float64]

SPEED_RAD_S = 0.0152
"""Of a satellite at 500 km straight overhead: 7.6 km/s over 500 km."""
ALTITUDE_M, SPEED_M_S = 500e3, 7600.0


def flat_pass(
    elevation_deg: float, heading_rad: float = 0.4, right: bool = True
) -> Callable[[float], Vec]:
    """Unit vectors in a level base (x forward, y right, z down) by seconds since the culmination:
    a partner on a straight line 500 km above a flat Earth, at 7.6 km/s.

    So near the zenith it is the pass of a circular orbit to 0.3 %, and it needs no ephemeris.
    """
    beside_m = ALTITUDE_M / np.tan(np.radians(elevation_deg)) * (1.0 if right else -1.0)
    c, s = np.cos(heading_rad), np.sin(heading_rad)

    def los(time_s: float) -> Vec:
        ahead_m = SPEED_M_S * time_s
        x, y = c * ahead_m - s * beside_m, s * ahead_m + c * beside_m
        length = np.sqrt(x * x + y * y + ALTITUDE_M**2)
        return float(x / length), float(y / length), float(-ALTITUDE_M / length)

    return los


def sampled(los: Callable[[float], Vec], times_s: Floats) -> Floats:
    return np.array([los(t) for t in times_s.tolist()])


def least_loss_s(
    los: Callable[[float], Vec],
    half_span_s: float,
    max_rate_rad_s: float,
    pitch_max_rad: float,
    tolerance_rad: float,
    step_s: float = 0.05,
    cells_per_step: int = 5,
) -> float:
    """The shortest time of error over the tolerance that any yaw can reach which keeps the rate
    limit: dynamic programming over a yaw grid, pitch free from 0 to its end, no acceleration limit.

    It starts and ends on the line of sight, pitch not over the end.
    """
    grid_rad = max_rate_rad_s * step_s / cells_per_step
    yaw = np.arange(-3.0 * np.pi, 3.0 * np.pi, grid_rad)
    times = np.arange(-half_span_s, half_span_s + 0.5 * step_s, step_s)
    cost = np.zeros(len(yaw))
    for k, time in enumerate(times.tolist()):
        x, y, z = los(time)
        ahead, up = np.cos(yaw) * x + np.sin(yaw) * y, -z
        pitch = np.clip(np.arctan2(up, ahead), 0.0, pitch_max_rad)
        cosine = np.clip(ahead * np.cos(pitch) + up * np.sin(pitch), -1.0, 1.0)
        lost = np.arccos(cosine) > tolerance_rad
        if k:
            padded = np.pad(cost, cells_per_step, constant_values=np.inf)
            cost = np.lib.stride_tricks.sliding_window_view(padded, 2 * cells_per_step + 1).min(1)
        cost = cost + np.where(lost, step_s, 0.0)
        if k == 0:
            cost[lost] = np.inf
    return float(cost[~lost].min())
