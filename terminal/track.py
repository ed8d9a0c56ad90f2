"""A recorded disturbance through the terminal's own predictor, and what it could be held against.

The loop is that of the contract: e[k] = angle[k] - u[k-D] + noise[k], u[k] from e[0..k], u before
the start 0. A mirror that stands where it was told makes of control a pure prediction: e[k] +
u[k-D] is the disturbance as seen, whatever the mirror did, and the best u[k] is where it will be
D samples on.
"""

from time import perf_counter_ns
from typing import NamedTuple

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar

from terminal.compiled import compiled
from terminal.control.prediction.memory import TAPS, new_memory, ringing_gain
from terminal.control.prediction.predictor import predict

Array = NDArray[np.float64]

_GAINS = 48
_BLOCK = 8192


class Tracked(NamedTuple):
    """What the loop did."""

    residual_rad: Array
    """(n, 2), angle[k] - u[k-D]."""
    compute_us_per_tick: float
    """Median."""
    jumps: tuple[int, int]
    """Steps that were taken for such, x and y."""


def close_loop(
    angle_rad: Array,
    noise_rad: Array,
    rate_hz: float,
    delay: int,
) -> Tracked:
    """Run the controller over the recording.

    Args:
        angle_rad, noise_rad: (n, 2); NaN in noise_rad: no measurement.
    Raises:
        ValueError: the delay is out of range.
    """
    n = len(angle_rad)
    memory = new_memory(rate_hz, delay)
    predict(new_memory(rate_hz, delay), 0.0, 0.0)  # Compiled before it is timed.
    # The first `delay` ticks see the mirror where it stood at the start.
    mirror = [(0.0, 0.0)] * delay
    spent_ns = np.empty(n, np.int64)
    for k, (x, y) in enumerate((angle_rad + noise_rad).tolist()):
        held_x, held_y = mirror[k]
        measured_x, measured_y = x - held_x, y - held_y
        started = perf_counter_ns()
        mirror.append(predict(memory, measured_x + held_x, measured_y + held_y))
        spent_ns[k] = perf_counter_ns() - started
    jumps = memory["jumps"][0]
    return Tracked(
        angle_rad - np.array(mirror[:n]),
        float(np.median(spent_ns)) * 1e-3,
        (int(jumps[0]), int(jumps[1])),
    )


@compiled
def integrate(angle_rad: Array, noise_rad: Array, delay: int, gain: float) -> Array:
    """(n,) residual of u[k] = u[k-1] + gain e[k], held where there is no measurement. One axis."""
    n = angle_rad.size
    command = np.zeros(n)
    residual = np.empty(n)
    last = 0.0
    for k in range(n):
        held = command[k - delay] if k >= delay else 0.0
        residual[k] = angle_rad[k] - held
        measured = residual[k] + noise_rad[k]
        if not np.isnan(measured):
            last += gain * measured
        command[k] = last
    return residual


def best_integrator(
    angle_rad: Array, noise_rad: Array, delay: int, scored_from: int
) -> tuple[float, float]:
    """(rms of the scored part, rad; gain) with the gain that hindsight would choose. One axis."""
    angle, noise = np.ascontiguousarray(angle_rad), np.ascontiguousarray(noise_rad)

    def left(gain: float) -> float:
        return rms(integrate(angle, noise, delay, gain)[scored_from:])

    gains = np.geomspace(1e-6, 0.999 * ringing_gain(delay), _GAINS)
    tried = [left(float(gain)) for gain in gains]
    best = int(np.argmin(tried))
    around = float(gains[max(best - 1, 0)]), float(gains[min(best + 1, _GAINS - 1)])
    gain = float(minimize_scalar(left, bounds=around, method="bounded", options={"xatol": 1e-4}).x)
    return min((left(gain), gain), (tried[best], float(gains[best])))


def hindsight_rms(angle_rad: Array, noise_rad: Array, delay: int, scored_from: int) -> float | None:
    """Rms, rad, that the best fixed linear prediction from TAPS past values leaves of the scored
    part, fitted to that part itself: none of its kind can leave less. One axis.

    None where more than a tenth of the ticks cannot be used for want of measurements, or there are
    too few for the fit.
    """
    seen = angle_rad + noise_rad
    first = max(scored_from, TAPS + delay)
    rows, used = angle_rad.size - first, 0
    if rows < 20 * TAPS or np.isfinite(seen[first:]).sum() < 0.9 * rows:
        return None
    # From the mean: a constant is what every controller holds.
    centre = float(np.nanmean(seen[first - TAPS - delay :]))
    windows = sliding_window_view(seen - centre, TAPS)
    products, target_products, squares = np.zeros((TAPS, TAPS)), np.zeros(TAPS), 0.0
    for begin in range(first, angle_rad.size, _BLOCK):
        ticks = np.arange(begin, min(begin + _BLOCK, angle_rad.size))
        past = windows[ticks - delay - TAPS + 1]
        whole = np.isfinite(past).all(axis=1)
        past, target = past[whole], angle_rad[ticks[whole]] - centre
        products += past.T @ past
        target_products += past.T @ target
        squares += float(target @ target)
        used += target.size
    if used < 0.9 * rows:
        return None
    weights = np.linalg.lstsq(products, target_products, rcond=1e-15)[0]
    left = float(squares - 2.0 * weights @ target_products + weights @ products @ weights)
    return float(np.sqrt(max(left, 0.0) / used))


def rms(values: Array) -> float:
    """Root mean square."""
    return float(np.sqrt(np.mean(np.square(values))))
