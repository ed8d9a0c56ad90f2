"""The half-wave plate's mount: where it stands by its encoder, and whether it obeys."""

import math
from typing import NamedTuple

from config.polarization import Plate

MAX_AGE_S = 2.0
"""The plate tells where it stands every 0.2 s at rest."""
LONGEST_MOVE_S = 5.0
"""The motor gives up after 2.5 s, its driver after 4."""
SMALL_STEP_RAD = math.radians(0.2)
"""Steps up to this are made while the light is counted."""
ARRIVED_RAD = math.radians(0.15)
"""A mount ends within 0.1 degrees of its target."""
SLACK_NS = 20_000_000
"""Of a tick, that may still belong to the end of settling."""
MISSES = 2
"""Moves in a row that ended elsewhere, after which it counts as stuck."""
RETRY_S = 5.0
"""Between two tries to move a plate that is stuck."""


class Drive(NamedTuple):
    """What is known of the mount. Angles by its encoder, counted on over whole turns."""

    told_ns: int = 0
    """0: it has told nothing yet."""
    angle_rad: float = 0.0
    moving: bool = False
    target_rad: float | None = None
    """Of the move that was sent last and not judged yet."""
    sent_ns: int = 0
    steady_ns: int = 0
    """From then on the light is steady."""
    misses: int = 0

    @property
    def stuck(self) -> bool:
        return self.misses >= MISSES

    def silent(self, t_ns: int) -> bool:
        """Neither at rest nor under way does it tell what it should."""
        limit_s = LONGEST_MOVE_S if self.moving else MAX_AGE_S
        return not self.told_ns or (t_ns - self.told_ns) * 1e-9 > limit_s

    def steady(self, since_ns: int, t_ns: int) -> bool:
        """Whether it stood still, small steps aside, all the time since, at a known angle.

        since_ns: the loop's last look. What it ordered then goes out with the look of t_ns.
        """
        far = (
            self.moving
            and since_ns != self.sent_ns
            and (self.target_rad is None or abs(self.target_rad - self.angle_rad) > SMALL_STEP_RAD)
        )
        return not (far or self.silent(t_ns)) and since_ns >= self.steady_ns - SLACK_NS

    def may_move(self, t_ns: int) -> bool:
        """At rest, and not stuck; or it is time to try again.

        One that is silent is only asked: an order that nobody hears would be waited for.
        """
        if self.moving or self.silent(t_ns):
            return False
        return not self.stuck or (t_ns - self.sent_ns) * 1e-9 >= RETRY_S


def heard(
    drive: Drive,
    plate: Plate,
    told_ns: int,
    angle_rad: float,
    moving: bool,
    last_look_ns: int,
    t_ns: int,
) -> Drive:
    """After a look at the mount; angle_rad within one turn. told_ns 0: it never told anything."""
    if not told_ns or not abs(angle_rad) <= 4.0 * math.pi:
        # Nothing, or no angle within a turn.
        return drive
    if drive.told_ns and (plate.least_rad is None or plate.most_rad is None):
        turned = math.remainder(angle_rad - drive.angle_rad, 2.0 * math.pi)
    else:
        # Between ends the angle tells the turn, after a move of more than half a turn as well.
        turned = _first(plate, angle_rad) - drive.angle_rad
    jumped = not drive.told_ns or abs(turned) > SMALL_STEP_RAD
    ordered = drive.moving and drive.target_rad is not None
    angle = drive.angle_rad + turned
    drive = drive._replace(told_ns=told_ns, angle_rad=angle, moving=moving)
    if jumped:
        # It moved between the last look, which sent the order, and this one.
        way_s = abs(turned) / plate.rate_rad_s
        ended_ns = min(t_ns, last_look_ns + round(way_s * 1e9)) if ordered else t_ns
        drive = drive._replace(steady_ns=max(t_ns, ended_ns + round(plate.settle_s * 1e9)))
    if moving:
        return drive
    if drive.target_rad is not None and told_ns > drive.sent_ns:
        missed = abs(angle - drive.target_rad) > ARRIVED_RAD
        drive = drive._replace(target_rad=None, misses=drive.misses + 1 if missed else 0)
    return drive


def sent(drive: Drive, target_rad: float, t_ns: int) -> Drive:
    """After a move was ordered."""
    return drive._replace(target_rad=target_rad, sent_ns=t_ns)


def _first(plate: Plate, angle_rad: float) -> float:
    """The turn of the encoder that lies within its travel, or nearest to it."""
    if plate.least_rad is None or plate.most_rad is None:
        return angle_rad
    middle = 0.5 * (plate.least_rad + plate.most_rad)
    return middle + math.remainder(angle_rad - middle, 2.0 * math.pi)
