"""Jitter of the line of sight, from the fine loop's residual with the quad cell's noise taken off.

The residual is the true error plus the noise of a scan. The noise shows alone in the diagonal
a - b + c - d, to which a small error adds only the product of its two parts. Channels whose zeros
or gains differ add a constant, so it is looked at from one scan to another: four independent
channels of sigma s give the difference the variance 8 s^2, and the angle of one axis has
4 s^2 / (slope sum)^2, with slope = sqrt(8 / pi) / w of a Gaussian spot of 1/e^2 half angle w.
"""

import math
from typing import NamedTuple

SLOPE = math.sqrt(8.0 / math.pi)
CORRELATION_S = 0.1
"""[?] Errors this far apart are independent: half a period of 5 Hz."""
LEAST_S = 0.5
"""A shorter measurement says too little."""
MOST_NOISE_SHARE = 0.9
"""Of the residual's mean square; taking off more would leave an error of the noise's estimate."""


class Jitter(NamedTuple):
    """Running mean squares of one axis."""

    residual_rad2: float = 0.0
    noise_rad2: float = 0.0
    seconds: float = 0.0
    """For which it was measured, at most the window."""
    diagonal_counts: float | None = None
    """Of the scan before."""

    @property
    def known(self) -> bool:
        return self.seconds >= LEAST_S

    @property
    def rad(self) -> float:
        """1-sigma per axis, without the noise; 0 where it is not known."""
        if not self.known:
            return 0.0
        noise = min(self.noise_rad2, MOST_NOISE_SHARE * self.residual_rad2)
        return math.sqrt(self.residual_rad2 - noise)

    @property
    def sigma_rad(self) -> float:
        """1-sigma of `rad`: of n independent squares of both axes, 1 / sqrt(4 n) of it."""
        return self.rad / math.sqrt(4.0 * max(self.seconds, CORRELATION_S) / CORRELATION_S)


def measured(
    jitter: Jitter,
    rms_rad: float,
    sum_counts: float,
    diagonal_counts: float,
    spot_rad: float,
    dt_s: float,
    window_s: float,
) -> Jitter:
    """After one more look. rms_rad: of both axes; counts: of one scan, no sum where none came."""
    noise, before = jitter.noise_rad2, jitter.diagonal_counts
    if sum_counts > 0.0 and before is not None:
        noise = 0.5 * ((diagonal_counts - before) * spot_rad / (SLOPE * sum_counts)) ** 2
    seconds = min(jitter.seconds + dt_s, window_s)
    share = min(dt_s / seconds, 1.0) if seconds > 0.0 else 1.0
    return Jitter(
        jitter.residual_rad2 + share * (0.5 * rms_rad**2 - jitter.residual_rad2),
        jitter.noise_rad2 + share * (noise - jitter.noise_rad2),
        seconds,
        diagonal_counts if sum_counts > 0.0 else before,
    )
