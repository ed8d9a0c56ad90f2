"""Search patterns over a field of uncertainty, as timed paths that a gimbal can follow.

A path is made of smooth pieces, each of which starts and ends at rest. Its speed is the highest
that a speed limit and an acceleration limit allow (time-optimal motion along a given path by a
forward and a backward pass: Bobrow, Dubowsky and Gibson, Int. J. Robotics Research 4(3), 1985).
So the middle of a spiral, where constant speed would ask for boundless acceleration, is run
through at the pace that its curvature allows.
"""

import math
from bisect import bisect_right
from collections.abc import Sequence
from statistics import NormalDist
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from terminal.control.search.scan_limits import ScanLimits
from terminal.control.search.scan_paths import Piece, leg, raster, spiral
from terminal.control.search.uncertainty import Uncertainty, covering_sigmas

Array = NDArray[np.float64]
Pattern = Literal["spiral", "raster"]


class Scan:
    """A timed path in the image, rad on the sky; it begins anew when it is over."""

    def __init__(self, covers: Sequence[Sequence[Piece]], limits: ScanLimits) -> None:
        """Pieces of one or more covers, each piece beginning where the one before ends."""
        end_s = 0.0
        covers_s, knots = [], []
        for pieces in covers:
            for piece in pieces:
                timed = _timed(piece, limits)
                timed[:, 0] += end_s
                end_s = float(timed[-1, 0])
                knots.append(timed)
            covers_s.append(end_s)
        table = np.concatenate(knots)
        self._t_s: list[float] = table[:, 0].tolist()
        self._knots: list[tuple[float, ...]] = [tuple(row) for row in table.tolist()]
        self.covers_s = tuple(covers_s)
        """When each cover is over, the way back to the middle included."""

    @property
    def duration_s(self) -> float:
        """Of all covers."""
        return self._t_s[-1]

    def _span(self, t_s: float) -> tuple[float, float, tuple[float, ...], tuple[float, ...]]:
        """Length of the interval between two knots, the share of it that is over, and the knots."""
        t_s %= self._t_s[-1]
        index = bisect_right(self._t_s, t_s)
        before, after = self._knots[index - 1], self._knots[index]
        length_s = after[0] - before[0]
        return length_s, (t_s - before[0]) / length_s, before, after

    def offset(self, t_s: float) -> tuple[float, float]:
        """(x, y), rad, `t_s` after the search began."""
        h, u, (_, x0, y0, vx0, vy0), (_, x1, y1, vx1, vy1) = self._span(t_s)
        # Cubic Hermite: place and velocity are those of the knots.
        w = 1.0 - u
        p0, p1 = (1.0 + 2.0 * u) * w * w, (3.0 - 2.0 * u) * u * u
        m0, m1 = h * u * w * w, -h * u * u * w
        return (
            p0 * x0 + p1 * x1 + m0 * vx0 + m1 * vx1,
            p0 * y0 + p1 * y1 + m0 * vy0 + m1 * vy1,
        )

    def rate(self, t_s: float) -> tuple[float, float]:
        """(x, y), rad/s: the derivative of `offset`."""
        h, u, (_, x0, y0, vx0, vy0), (_, x1, y1, vx1, vy1) = self._span(t_s)
        w = 1.0 - u
        p = 6.0 * u * w / h
        m0, m1 = w * (w - 2.0 * u), u * (u - 2.0 * w)
        return p * (x1 - x0) + m0 * vx0 + m1 * vx1, p * (y1 - y0) + m0 * vy0 + m1 * vy1


def _timed(piece: Piece, limits: ScanLimits) -> Array:
    """(n, 5): t, x, y, vx, vy at the knots of a piece, from rest to rest."""
    steps = np.diff(piece.points, axis=0)
    # From chord to arc, of a circle that turns the tangent by as much.
    cosine = np.sum(piece.tangents[1:] * piece.tangents[:-1], axis=1)
    half = 0.5 * np.arccos(np.clip(cosine, -1.0, 1.0))
    length = np.hypot(steps[:, 0], steps[:, 1]) / np.sinc(half / math.pi)
    # Half of the square each for holding the curve and for changing the speed, where it is curved.
    share = limits.acceleration_rad_s2
    if piece.curvature.any():
        share /= math.sqrt(2.0)
    fastest = (limits.speed_rad_s * piece.pace) ** 2
    with np.errstate(divide="ignore"):
        squared = np.minimum(fastest, share / piece.curvature).tolist()
    squared[0] = squared[-1] = 0.0
    gain = (2.0 * share * length).tolist()
    for i, most in enumerate(gain):
        squared[i + 1] = min(squared[i + 1], squared[i] + most)
    for i in reversed(range(len(gain))):
        squared[i] = min(squared[i], squared[i + 1] + gain[i])
    speed = np.sqrt(np.array(squared))
    t_s = np.concatenate([[0.0], np.cumsum(2.0 * length / (speed[:-1] + speed[1:]))])
    return np.column_stack([t_s, piece.points, speed[:, None] * piece.tangents])


def search_scan(
    uncertainty: Uncertainty,
    limits: ScanLimits,
    *,
    pattern: Pattern = "spiral",
    coverage: float = 0.999,
    widening: float = 1.5,
    covers: int = 4,
) -> Scan:
    """Covers one after the other, each of a field wider by `widening` than the one before.

    Args:
        coverage: probability that the first cover holds the partner.
        widening: factor on the sigmas: what is not found where it should be is sought further out.
        covers: after the last of them the first comes again.

    Raises ValueError for an uncertainty of nothing, and a coverage outside [0, 1).
    """
    axes = uncertainty.axes()
    if not axes.minor_rad > 0.0:
        raise ValueError("uncertainty: no width in one direction")
    made = []
    for k in range(covers):
        if pattern == "spiral":
            sigmas = covering_sigmas(coverage) * widening**k
            pieces = spiral(axes, sigmas, limits)
        else:
            sigmas = _covering_square_sigmas(coverage) * widening**k
            pieces = raster(axes, sigmas, limits)
        back = leg(pieces[-1].points[-1], np.zeros(2), limits)
        made.append([*pieces, back])
    return Scan(made, limits)


def _covering_square_sigmas(probability: float) -> float:
    """Half side, in sigmas, of the square that holds this share: erf(k / sqrt 2)^2 = P."""
    return NormalDist().inv_cdf(0.5 * (1.0 + math.sqrt(probability)))
