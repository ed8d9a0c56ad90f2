"""How fast a line of sight moves, and what an azimuth mount has to turn for it."""

from itertools import pairwise
from math import hypot
from typing import NamedTuple

from terminal.geometry.ephemeris import EphemerisError
from terminal.geometry.time_scales import SECOND_NS
from terminal.geometry.vector import Vec, add, norm, scale, subtract
from terminal.plan_sight import sighted
from terminal.plan_view import View

SPAN_NS = SECOND_NS // 10
"""Rates come from a parabola through three directions so far apart."""
_SPANS = ((-1, 0, 1), (0, 1, 2), (-2, -1, 0))
"""Where an ephemeris begins or ends, the three lie on the one side that it has."""
_AT_ZENITH = 1e-9


class Motion(NamedTuple):
    """Of a line of sight against the local level, rad/s and rad/s2."""

    sky_rate: float
    azimuth_rate: float
    elevation_rate: float
    azimuth_acceleration: float
    elevation_acceleration: float


def motion(view: View, t_ns: int, los: Vec) -> Motion:
    """Of the line of sight `los` (east, north, up) at a TAI time. Raises EphemerisError.

    The vector's motion is as smooth at the zenith as elsewhere: the angles' follows from it.
    """
    rate, acceleration = _derivatives(view, t_ns, los)
    (e, n, u), (de, dn, du), (dde, ddn, ddu) = los, rate, acceleration
    level2 = e * e + n * n
    if level2 < _AT_ZENITH * _AT_ZENITH:
        # Every azimuth serves there: a mount that looks along the motion need not turn.
        return Motion(norm(rate), 0.0, hypot(de, dn), 0.0, 0.0)
    level = level2**0.5
    azimuth_rate = (n * de - e * dn) / level2
    spread = 2.0 * (e * de + n * dn) / level2
    azimuth_acceleration = (n * dde - e * ddn) / level2 - azimuth_rate * spread
    elevation_rate = du / level
    # sin(elevation) = u, twice differentiated.
    elevation_acceleration = (ddu + u * elevation_rate * elevation_rate) / level
    return Motion(
        norm(rate), azimuth_rate, elevation_rate, azimuth_acceleration, elevation_acceleration
    )


def _derivatives(view: View, t_ns: int, los: Vec) -> tuple[Vec, Vec]:
    """First and second derivative of the line of sight by time, from Newton's parabola."""
    refused: EphemerisError | None = None
    for spans in _SPANS:
        try:
            a, b, c = (los if k == 0 else sighted(view, t_ns + k * SPAN_NS).los_enu for k in spans)
        except EphemerisError as error:
            refused = refused or error
            continue
        per_s = SECOND_NS / SPAN_NS
        first, second = (scale(per_s, subtract(late, early)) for early, late in pairwise((a, b, c)))
        bend = scale(0.5 * per_s, subtract(second, first))
        # d/dt at 0 of a + first (t - t0) + bend (t - t0)(t - t1).
        return add(first, scale(-(spans[0] + spans[1]) / per_s, bend)), scale(2.0, bend)
    assert refused is not None
    raise refused
