"""The variable retarder: which drive undoes the phase, and when to dither it.

At the setting that undoes the phase, the counts depend on what is left to second order only, alike
for both signs. A known step of the retarder to either side shows it to first order: the contrast of
the basis at 45 degrees to the axis goes with cos(left +- step). The steps cost error rate in that
basis alone, and are made only while the phase is not known well enough.

A known click of that basis, errors q of all else apart, holds C^2 sin^2 d / (1 - C^2 cos^2 d) of
information on what is left, C = 1 - 2 q, and costs sin^2(d / 2) of errors: what the information
costs grows with d^2 + 4 q. Beyond d^2 = 4 q a wider step hardly shortens the search, as the errors
that it makes are themselves noise. docs/polarization.md has the figures.
"""

import math
from typing import NamedTuple

import numpy as np

from config.polarization import Retarder

NEED_RAD = math.radians(1.0)
"""What shall be left of a phase at most."""
DITHER_RAD = 0.2
"""Half of the most information of a click where 1 % are errors, for 1 % more in one basis."""
DITHER_STEP_S = 3.0
"""On each side, of which settling takes half a second."""
DITHER_ABOVE_RAD = 0.8 * NEED_RAD
"""1-sigma of the phase at which dithering begins ..."""
DITHER_BELOW_RAD = 0.5 * NEED_RAD
"""... and at which it ends: nineteen in twenty errors lie within the need."""
LONGEST_DITHER_S = 60.0
"""By then it ends with what is known. Light that was too faint even for the upper limit ..."""
DITHER_REST_S = 180.0
"""... is left alone so long: a quarter of the time at most is spent on it."""
MAX_AGE_S = 2.0
SMALL_STEP_RAD = 0.05
"""Steps up to this are made while the light is counted."""
_RESEND_NS = 1_000_000_000
_SAME_V = 2e-3
"""Drives are told in millivolts."""


class Drive(NamedTuple):
    """What is known of the retarder's controller."""

    told_ns: int = 0
    """0: it has told nothing yet."""
    drive_v: float = 0.0
    sent_v: float = math.nan
    sent_ns: int = 0
    steady_ns: int = 0
    """From then on the light is steady."""
    side: int = 0
    """Of the dither: -1, 0 or 1."""
    side_ns: int = 0
    """Since when."""
    begun_ns: int = 0
    """Of the dither."""
    rest_until_ns: int = 0
    """No dither begins before."""

    def silent(self, t_ns: int) -> bool:
        return not self.told_ns or (t_ns - self.told_ns) * 1e-9 > MAX_AGE_S

    def steady(self, since_ns: int) -> bool:
        return bool(self.told_ns) and since_ns >= self.steady_ns


def retardance_rad(config: Retarder, drive_v: float) -> float:
    """By the calibration: straight lines between its points, level outside."""
    drives, values = np.array(config.calibration).T
    return float(np.interp(drive_v, drives, values))


def drive_v(config: Retarder, retardance: float) -> float:
    """For this retardance or, beyond the calibration, the nearest that it has."""
    drives, values = np.array(config.calibration).T
    if values[0] > values[-1]:
        drives, values = drives[::-1], values[::-1]
    return float(np.interp(retardance, values, drives))


def within(config: Retarder, retardance: float, near_rad: float) -> float:
    """Of the equivalents, whole turns apart, the one inside the calibration that is nearest; or the
    nearest end."""
    values = [value for _, value in config.calibration]
    low, high = min(values), max(values)
    # Room for a dither to both sides, if there is a choice.
    for margin in (DITHER_RAD, 0.0):
        first = math.ceil((low + margin - retardance) / (2.0 * math.pi))
        last = math.floor((high - margin - retardance) / (2.0 * math.pi))
        if first <= last:
            turns = min(max(round((near_rad - retardance) / (2.0 * math.pi)), first), last)
            return retardance + turns * 2.0 * math.pi
    near = retardance + round((0.5 * (low + high) - retardance) / (2.0 * math.pi)) * 2.0 * math.pi
    return min(max(near, low), high)


def heard(drive: Drive, config: Retarder, told_ns: int, told_v: float, t_ns: int) -> Drive:
    """After a look at the controller. told_ns 0: it never told anything."""
    if not told_ns or not math.isfinite(told_v):
        return drive
    if not drive.told_ns or _far(config, told_v, drive.drive_v):
        drive = drive._replace(steady_ns=t_ns + round(config.settle_s * 1e9))
    return drive._replace(told_ns=told_ns, drive_v=told_v)


def sent(drive: Drive, config: Retarder, drive_volts: float, t_ns: int) -> Drive:
    """After a new drive was ordered: from now on the light moves."""
    if _far(config, drive_volts, drive.drive_v):
        drive = drive._replace(steady_ns=t_ns + round(config.settle_s * 1e9))
    return drive._replace(sent_v=drive_volts, sent_ns=t_ns)


def _far(config: Retarder, one_v: float, other_v: float) -> bool:
    """Light that is counted on the way between them would tell neither."""
    return abs(retardance_rad(config, one_v) - retardance_rad(config, other_v)) > SMALL_STEP_RAD


def dithered(drive: Drive, sigma_rad: float, allowed: bool, t_ns: int) -> Drive:
    """On which side of its best setting the retarder shall stand now."""
    if not drive.side:
        if not allowed or sigma_rad <= DITHER_ABOVE_RAD or t_ns < drive.rest_until_ns:
            return drive
        return drive._replace(side=1, side_ns=t_ns, begun_ns=t_ns)
    if not allowed:
        return drive._replace(side=0)
    if (t_ns - drive.side_ns) * 1e-9 < DITHER_STEP_S:
        return drive
    if drive.side < 0:
        # Only after both sides alike: what the retarder's calibration errs by cancels.
        if sigma_rad <= DITHER_BELOW_RAD:
            return drive._replace(side=0)
        if (t_ns - drive.begun_ns) * 1e-9 >= LONGEST_DITHER_S:
            rest_ns = round(DITHER_REST_S * 1e9) if sigma_rad > DITHER_ABOVE_RAD else 0
            return drive._replace(side=0, rest_until_ns=t_ns + rest_ns)
    return drive._replace(side=-drive.side, side_ns=t_ns)


def due(drive: Drive, config: Retarder, wanted_rad: float, t_ns: int) -> bool:
    """Whether the retarder stands so far off that it is worth a drive that was not just sent."""
    if not drive.told_ns:
        return False
    wanted_v = drive_v(config, wanted_rad)
    if abs(wanted_v - drive.sent_v) <= _SAME_V and t_ns - drive.sent_ns < _RESEND_NS:
        return False
    off_rad = abs(wanted_rad - retardance_rad(config, drive.drive_v))
    return off_rad > config.deadband_rad and abs(wanted_v - drive.drive_v) > _SAME_V
