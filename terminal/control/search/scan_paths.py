"""Shapes of search patterns: a spiral over an ellipse, rows over a rectangle.

All points in the image, rad on the sky, (n, 2).
"""

import math
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from terminal.control.search.scan_limits import ScanLimits
from terminal.control.search.uncertainty import PrincipalAxes

Array = NDArray[np.float64]

KNOTS_PER_TURN = 48
"""Half of them for winding: a cubic over 2 pi / 24 is off by (2 pi / 24)^4 / 384 of the radius."""
FINE_PER_TURN = 256


class Piece(NamedTuple):
    """A smooth piece of a path at its knots."""

    points: Array
    tangents: Array
    """Unit vectors, (n, 2)."""
    curvature: Array
    """(n,), per rad."""
    pace: Array
    """(n,), share of the scan's speed that leaves a target beside the path enough time."""


def _turned(x: Array, y: Array, angle_rad: float) -> Array:
    c, s = math.cos(angle_rad), math.sin(angle_rad)
    return np.column_stack([c * x - s * y, s * x + c * y])


def spiral(axes: PrincipalAxes, sigmas: float, limits: ScanLimits) -> list[Piece]:
    """Spiral from the middle outward over the ellipse of so many sigmas.

    x = (c + r) sin(theta), y = r cos(theta) along the principal axes, r growing by the spacing p a
    turn. Both half axes of an ellipse are then p longer a turn later, which along its normal is
    p at most. It winds about a slit from -c to c, whose left half is run along first, so that
    the search starts in the middle. Equal axes have no slit: the spiral of Archimedes.

    The other choice would be Archimedes' spiral drawn out by the ratio of the axes, in the order of
    falling probability. It has the spacing p along the major axis only and runs closer everywhere
    else. With c half the difference of the ellipse's half axes, at 3 : 1 and the same spacing, the
    median comes after 0.6 of its time and the 95th percentile after 0.6, where the whole difference
    (nearly parallel curves of the ellipse) has a shorter cover but first looks along its thin ends.
    """
    # A field smaller than the footprint is gone round within: the target stays in sight.
    limits = limits._replace(spacing_rad=min(limits.spacing_rad, sigmas * axes.major_rad))
    slit = 0.5 * sigmas * (axes.major_rad - axes.minor_rad)
    if slit < 0.25 * limits.spacing_rad:
        slit = 0.0
    start = -0.5 * math.pi
    # The last turn begins half a spacing inside the rim, and ends as far outside.
    turns = max((sigmas * axes.major_rad - slit) / limits.spacing_rad + 0.5, 1.0)
    fine = start + np.linspace(0.0, 2.0 * math.pi * turns, math.ceil(FINE_PER_TURN * turns) + 1)
    # Knots where the path has wound and turned on by equal amounts: dense in the slit's hairpins.
    curve = _winding(fine, start, slit, limits, axes.angle_rad)
    length = np.hypot(*np.diff(curve.points, axis=0).T)
    turned = 0.5 * (curve.curvature[1:] + curve.curvature[:-1]) * length
    passed = np.concatenate([[0.0], np.cumsum(turned + np.diff(fine))])
    knots = math.ceil(passed[-1] / (2.0 * math.pi) * KNOTS_PER_TURN) + 1
    theta = np.interp(np.linspace(0.0, passed[-1], knots), passed, fine)
    curve = _winding(theta, start, slit, limits, axes.angle_rad)
    return [leg(np.zeros(2), curve.points[0], limits), curve] if slit else [curve]


def _winding(
    theta: Array, start: float, slit_rad: float, limits: ScanLimits, angle_rad: float
) -> Piece:
    """The spiral of `spiral`, with its first and second derivative by theta."""
    per_rad = limits.spacing_rad / (2.0 * math.pi)
    r, sin, cos = per_rad * (theta - start), np.sin(theta), np.cos(theta)
    a = slit_rad + r
    dx, dy = per_rad * sin + a * cos, per_rad * cos - r * sin
    ddx, ddy = 2.0 * per_rad * cos - a * sin, -2.0 * per_rad * sin - r * cos
    speed = np.hypot(dx, dy)
    curvature = np.abs(dx * ddy - dy * ddx) / speed**3
    return Piece(
        _turned(a * sin, r * cos, angle_rad),
        _turned(dx / speed, dy / speed, angle_rad),
        curvature,
        _pace(curvature, limits),
    )


def _pace(curvature: Array, limits: ScanLimits) -> Array:
    """What a target half a spacing outside a curved path sees of it, over the straight chord.

    Two circles: the path's, of radius R, and the footprint's about the target. Further in it sees
    more of this turn, further out more than a chord of the next.
    """
    radius = 1.0 / np.maximum(curvature, 1.0)
    apart = radius + 0.5 * limits.spacing_rad
    footprint2 = 0.25 * (limits.spacing_rad**2 + limits.chord_rad**2)
    cosine = (radius**2 + apart**2 - footprint2) / (2.0 * radius * apart)
    arc = 2.0 * radius * np.arccos(np.clip(cosine, -1.0, 1.0))
    return np.minimum(arc / limits.chord_rad, 1.0)


def leg(start: Array, end: Array, limits: ScanLimits) -> Piece:
    """Straight from point to point, with knots where its acceleration changes."""
    way = end - start
    length = float(np.hypot(*way))
    reach = min(limits.speed_rad_s**2 / (2.0 * limits.acceleration_rad_s2), 0.5 * length)
    # Not np.unique: it imports masked arrays when first called, 12 ms of a tick in flight.
    s = np.array(sorted({0.0, reach, length - reach, length}))
    tangent = way / length
    return Piece(
        start + s[:, None] * tangent,
        np.tile(tangent, (len(s), 1)),
        np.zeros(len(s)),
        np.ones(len(s)),
    )


def raster(axes: PrincipalAxes, sigmas: float, limits: ScanLimits) -> list[Piece]:
    """Rows along the major axis over the rectangle of so many sigmas, the middle ones first.

    From the middle to the left, over the middle row, then by turns the next row above and below.
    Rows overrun the rectangle by half a chord, so that its ends too are crossed at full length.
    """
    half_x = sigmas * axes.major_rad + 0.5 * limits.chord_rad
    outer = max(math.ceil(sigmas * axes.minor_rad / limits.spacing_rad - 0.5), 0)
    rows = [0] + [side * n for n in range(1, outer + 1) for side in (1, -1)]
    x, corners = -half_x, [(0.0, 0.0)]
    for row in rows:
        y = row * limits.spacing_rad
        corners += [(x, y), (-x, y)]
        x = -x
    along, across = np.array(corners).T
    turned = _turned(along, across, axes.angle_rad)
    return [leg(a, b, limits) for a, b in pairwise(turned)]
