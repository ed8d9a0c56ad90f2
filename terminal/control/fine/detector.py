"""Compiled: the light's place on a position detector, beyond where a quad cell is linear."""

from math import erf, exp, log1p, pi, sqrt

from terminal.compiled import compiled

_LAST = 0.98
"""Share of all light on one side from where on a reading says little but the direction."""


@compiled
def offset_in_spots(share: float, linear: int) -> float:
    """Offset in units of the spot's 1/e^2 half angle from the normalised difference of two halves.

    Quad cell: inverts share = erf(sqrt(2) t), a Gaussian spot on a cell that takes it whole, by
    Newton's method; beyond 0.98 the answer stays where it is there. Lateral-effect detector: the
    same slope all over.
    """
    slope = 2.0 * sqrt(2.0 / pi)
    if linear:
        return min(max(share, -1.0), 1.0) / slope
    share = min(max(share, -_LAST), _LAST)
    t = share / slope
    if abs(share) < 0.02:
        # The cubic of the series is under 1e-4 of t here.
        return t * (1.0 + pi * share * share / 12.0)
    # Winitzki's approximation to the inverse error function starts within 0.4 %.
    log = log1p(-share * share)
    a = 0.147
    b = 2.0 / (pi * a) + 0.5 * log
    start = sqrt(sqrt(b * b - log / a) - b) / sqrt(2.0)
    t = start if share > 0.0 else -start
    for _ in range(2):
        t -= (erf(sqrt(2.0) * t) - share) / (slope * exp(-2.0 * t * t))
    return t
