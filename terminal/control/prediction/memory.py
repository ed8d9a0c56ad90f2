"""What the predictor keeps of two axes: one record, so that a compiled tick takes one argument.

The disturbance of each axis is written on a tape as its distance from a level that jumps where it
jumps, so that a step is no part of what is learned. Over the tape run two exponential windows; for
each, sums of values and of products by lag hold all that least squares needs.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

AXES = 2
TAPS = 120
"""Past values in a learned prediction: 24 ms at 5 kHz, which tells lines 40 Hz apart."""
MOST_DELAY = 40
LAGS = TAPS + MOST_DELAY + 1
WINDOWS_S = (0.5, 6.0)
"""Time constants of what is learned: one for what has just changed, one for accuracy."""
WINDOWS = len(WINDOWS_S)

SMOOTH, BRISK, SLOPE, EXPERTS = WINDOWS, WINDOWS + 1, WINDOWS + 2, WINDOWS + 3
"""Experts: one a window, two integrators, a constant rate."""
BLEND = EXPERTS
"""Place of the blend of all beside them."""

KEPT = TAPS + MOST_DELAY + LAGS
"""Newest values that a tick may still need."""
TAPE = 16 * KEPT
RING = 64
"""Places of predictions by the tick that they are for: more than MOST_DELAY, a power of two."""

ROWS_PER_S, MOST_ROWS_A_TICK = 5000.0, 600
"""Rows of the normal equations worked off: every window of both axes some eight times a second, and
not more often than each tick."""
JUMP_SIGMA = 6.0
RIDGE = 0.01
"""Added to the normal equations, in units of the one-step error: as if each past value had a
hundredth of that as noise of its own."""
SCORE_S, LEAST_SCORE_TICKS = 0.1, 200.0
"""Memory of the experts' errors."""

_MEMORY = np.dtype(
    [
        ("tick", np.int64),
        ("place", np.int64),  # of the newest value on the tape
        ("delay", np.int64),
        ("forget", np.float64, WINDOWS),
        ("forget_error", np.float64),
        ("gain", np.float64, 2),  # of the integrators
        ("seen", np.int64, AXES),  # measurements so far
        ("level", np.float64, AXES),
        ("tape", np.float64, (AXES, TAPE)),
        ("sums", np.float64, (AXES, WINDOWS, LAGS)),  # of products, lag 0 last
        ("total", np.float64, (AXES, WINDOWS)),  # of values
        ("ahead", np.float64, (AXES, WINDOWS, TAPS)),  # weights for `delay` ticks, newest last
        ("next", np.float64, (AXES, WINDOWS, TAPS)),  # weights for one tick
        ("constant", np.float64, (AXES, WINDOWS, 2)),  # added to each of the two
        ("learned", np.int64, (AXES, WINDOWS)),  # solutions so far
        ("steered", np.float64, (AXES, 2)),  # the integrators
        ("track", np.float64, (AXES, 2)),  # place and change a tick
        ("made", np.float64, (AXES, EXPERTS + 1, RING)),  # by the tick that it is for
        ("expected", np.float64, AXES),  # on the tape, at the next tick
        ("missing", np.int64, AXES),  # ticks since the last measurement
        ("loss", np.float64, (AXES, EXPERTS)),
        ("square", np.float64, AXES),  # sum of one-step errors squared
        ("weight", np.float64, AXES),  # of these sums
        ("share", np.float64, (AXES, EXPERTS)),  # in the blend
        ("jumps", np.int64, AXES),  # steps that were believed
        ("spikes", np.int64, AXES),  # single values far off
        ("jumped", np.float64, AXES),  # by how much at the tick before
        ("waiting", np.int64, AXES),  # for the next value, to know what the last one was
        # The normal equations being solved, some rows a tick.
        ("rows_a_tick", np.int64),
        ("stage", np.int64),
        ("axis", np.int64),
        ("window", np.int64),
        ("row", np.int64),
        ("top", np.int64),
        ("ridge", np.float64),
        ("lags", np.float64, LAGS),
        ("totals", np.float64, LAGS),  # of values, by how many ticks ago the window ended
        ("ticks", np.float64),  # in the window, each by its weight
        ("copy", np.float64, KEPT),
        ("matrix", np.float64, (TAPS, TAPS + 2)),
    ],
    align=True,
)

Memory = NDArray[Any]
"""(1,) of the record above."""


def new_memory(rate_hz: float, delay: int) -> Memory:
    """Nothing learned yet.

    Args:
        delay: samples from a measurement to the first one that its command changes.
    Raises:
        ValueError: delay not 1 to MOST_DELAY, or a rate that is not positive.
    """
    if not 1 <= delay <= MOST_DELAY:
        raise ValueError(f"a delay of {delay} samples is not between 1 and {MOST_DELAY}")
    if not 0.0 < rate_hz < float("inf"):
        raise ValueError(f"a rate of {rate_hz} Hz is not positive")
    memory = np.zeros(1, _MEMORY)
    memory["delay"] = delay
    memory["place"] = KEPT
    memory["forget"] = np.exp(-1.0 / (np.array(WINDOWS_S) * rate_hz))
    memory["forget_error"] = 1.0 - 1.0 / max(LEAST_SCORE_TICKS, SCORE_S * rate_hz)
    memory["gain"] = integrator_gains(delay)
    memory["rows_a_tick"] = min(max(1, round(ROWS_PER_S / rate_hz)), MOST_ROWS_A_TICK)
    return memory


def integrator_gains(delay: int) -> tuple[float, float]:
    """Gain a sample of a smooth and a brisk integrator, as shares of `ringing_gain`."""
    limit = ringing_gain(delay)
    return 0.2 * limit, min(0.5 * limit, 0.9)


def ringing_gain(delay: int) -> float:
    """2 sin(pi / (4 D - 2)), from where on an integrator over a delay of D samples rings without
    end: its phase margin is gone at the frequency at which its gain is one."""
    return 2.0 * float(np.sin(np.pi / (4 * delay - 2)))
