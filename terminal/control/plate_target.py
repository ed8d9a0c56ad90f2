"""Where the half-wave plate shall stand: the frame's rotation, the path's, and the way there."""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from config.polarization import Plate

Array = NDArray[np.float64]

QUARTER = 0.5 * math.pi
"""The plate acts alike a quarter turn further on."""
_FASTEST_RAD_S = 1.0
"""A plate's target that moves faster was no motion: the prediction leapt, or a zenith goes by."""


class Course(NamedTuple):
    """Encoder angles of a planned pass, on the branch that needs no unwrap if there is one."""

    times_s: tuple[float, ...] = ()
    encoder_rad: tuple[float, ...] = ()

    def at(self, time_s: float) -> float | None:
        """None: nothing is planned."""
        if not self.times_s:
            return None
        return float(np.interp(time_s, self.times_s, self.encoder_rad))


def unwrapped(axes_rad: Array) -> Array:
    """(n,) the plate's axes of a pass, each known up to quarter turns, without leaps."""
    return np.asarray(np.unwrap(axes_rad, period=QUARTER))


def choose_branch(encoder_rad: Array, least_rad: float, most_rad: float) -> int:
    """Quarter turns to add to a course (n,) without leaps, so that the plate stays in its travel.

    Of several the one nearest to the middle of the travel; if there is none, the one that leaves
    the travel last. Raises ValueError for a travel of less than a quarter turn: there are angles it
    cannot reach.
    """
    if most_rad - least_rad < QUARTER:
        raise ValueError(f"a travel from {least_rad} to {most_rad} rad is under a quarter turn")
    middle = 0.5 * (least_rad + most_rad)
    first = math.floor((least_rad - float(encoder_rad.max())) / QUARTER)
    last = math.ceil((most_rad - float(encoder_rad.min())) / QUARTER)

    def merit(turns: int) -> tuple[int, float]:
        course = encoder_rad + turns * QUARTER
        outside = np.flatnonzero((course < least_rad) | (course > most_rad))
        lasts = int(outside[0]) if len(outside) else len(course)
        return lasts, -float(np.abs(course - middle).max())

    return max(range(first, last + 1), key=merit)


def target(
    plate: Plate, axis_rad: float, encoder_rad: float, planned_rad: float | None, linked: bool
) -> tuple[float, bool]:
    """(encoder angle for this axis, counted on over turns; whether the travel ends before it).

    Of the equivalent angles the nearest to the plan, or without one to where the plate stands. With
    limits of travel, another one is taken only out of LINK.
    """
    wanted = axis_rad + plate.zero_rad
    near = encoder_rad if planned_rad is None else planned_rad
    found = near + math.remainder(wanted - near, QUARTER)
    if plate.least_rad is None or plate.most_rad is None:
        return found, False
    if plate.least_rad <= found <= plate.most_rad:
        return found, False
    if linked:
        return min(max(found, plate.least_rad), plate.most_rad), True
    inside = plate.least_rad + (found - plate.least_rad) % QUARTER
    # The last of them before the end of the travel, or the first after its begin.
    if found > plate.most_rad:
        inside += max(0, math.floor((plate.most_rad - inside) / QUARTER)) * QUARTER
    return inside, False


def rate_rad_s(before_rad: float, now_rad: float, dt_s: float, period_rad: float) -> float:
    """Of an angle known up to its period."""
    rate = math.remainder(now_rad - before_rad, period_rad) / dt_s
    return rate if abs(rate) < _FASTEST_RAD_S else 0.0


def lead_s(plate: Plate, period_s: float, way_rad: float) -> float:
    """Until a move ordered now has ended and its light is steady.

    The driver sends it with the loop's next look at the plate.
    """
    return period_s + abs(way_rad) / plate.rate_rad_s + plate.settle_s
