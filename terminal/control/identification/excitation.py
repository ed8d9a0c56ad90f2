"""How the mirror is moved so that its answer shows: two independent pseudo-random sequences.

Each axis jumps from side to side by a sign chosen anew for every scan: white up to half the scan
rate, and of all signals within an amplitude near to the one with the most power (Ljung, System
Identification, 2nd ed., section 13.3). How far it jumps varies too, so that the steps of a coarse
converter average out. After a rest comes a part at half amplitude, which shows whether the answer
grows as the command does.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from terminal.control.identification.refusal import IdentificationError

Array = NDArray[np.float64]

RAMP_S = 0.05
_REST, _HALF = 0.1, 0.45
"""Shares of the time at which rest and half amplitude end."""
_MOST_STROKE = 0.5
"""Largest command over the mirror's stroke."""
_LEAST_COUNTS = 8.0
_LEAST_JUMP = 0.7
"""Over the amplitude."""


class MirrorLimits(NamedTuple):
    """What the mirror can take and what a command is."""

    counts_per_rad: float
    stroke_rad: float
    max_rate_rad_s: float


class Excitation(NamedTuple):
    """Commands scan by scan."""

    counts: NDArray[np.int64]
    """(n, 2), x and y; after the last the mirror is to be at its centre."""
    amplitude_rad: float
    limited_by: str
    """What kept the amplitude under the one asked for; empty if nothing did."""
    rest_end: int
    """Scan with which the half amplitude begins ..."""
    half_end: int
    """... and the full one."""


def excite(
    asked_rad: float, limits: MirrorLimits, rate_hz: float, duration_s: float, seed: int
) -> Excitation:
    """Commands of `duration_s` at most `asked_rad` from the centre, and within the limits.

    Raises:
        IdentificationError: an amplitude of a few counts.
    """
    # From one side to the other in one scan is the largest step.
    bounds = {
        "": asked_rad,
        "stroke": _MOST_STROKE * limits.stroke_rad,
        "rate": 0.5 * limits.max_rate_rad_s / rate_hz,
    }
    limited_by = min(bounds, key=lambda name: bounds[name])
    amplitude_rad = bounds[limited_by]
    if amplitude_rad * limits.counts_per_rad < _LEAST_COUNTS:
        because = f" within the mirror's {limited_by}" if limited_by else ""
        raise IdentificationError(
            f"an amplitude of {amplitude_rad * 1e6:.3g} urad{because} is "
            f"{amplitude_rad * limits.counts_per_rad:.1f} counts of the mirror's converter, under "
            f"{_LEAST_COUNTS:g}: ask for more"
        )
    n = round(duration_s * rate_hz)
    rest_end, half_end = round(_REST * n), round(_HALF * n)
    ramp = max(1, round(RAMP_S * rate_hz))
    envelope = np.interp(
        np.arange(n),
        [rest_end, rest_end + ramp, half_end, half_end + ramp, n - ramp, n],
        [0.0, 0.5, 0.5, 1.0, 1.0, 0.0],
    )
    rng = np.random.default_rng(seed)
    chips = rng.choice([-1.0, 1.0], size=(n, 2)) * rng.uniform(_LEAST_JUMP, 1.0, size=(n, 2))
    counts = np.rint(envelope[:, None] * amplitude_rad * limits.counts_per_rad * chips)
    return Excitation(counts.astype(np.int64), amplitude_rad, limited_by, rest_end, half_end)
