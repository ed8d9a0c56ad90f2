"""A beam expander's stage: what width its position stands for, and whether it obeys."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from config.divergence import Divergence

Array = NDArray[np.float64]

SETTLED_NS = 500_000_000
"""A position told so long after a move was sent, by a stage that says it rests, is where it ended:
an exchange at 9600 baud takes 40 ms, the longest rest before a move 100 ms."""


class Curve(NamedTuple):
    """The calibration: straight lines between its points, level outside."""

    position: Array
    """(n,), rising."""
    angle_rad: Array
    """(n,) 1/e^2 full angles, rising or falling."""

    def angle_at(self, position: float) -> float:
        """1/e^2 full angle with the stage there."""
        return float(np.interp(position, self.position, self.angle_rad))

    def position_for(self, full_divergence_rad: float) -> float:
        """Where the stage has to stand; at an end for an angle beyond it."""
        position, angle = self.position, self.angle_rad
        if angle[0] > angle[-1]:
            position, angle = position[::-1], angle[::-1]
        return float(np.interp(full_divergence_rad, angle, position))

    @property
    def limits_rad(self) -> tuple[float, float]:
        """(narrowest, widest)."""
        return float(self.angle_rad.min()), float(self.angle_rad.max())


def curve_of(config: Divergence) -> Curve:
    """The stage's calibration."""
    position, angle = np.array(config.calibration, dtype=np.float64).T
    return Curve(position, angle)


class Stage(NamedTuple):
    """What is known of the stage."""

    told_ns: int = 0
    """Time of the newest position; 0: none yet."""
    width_rad: float = 0.0
    """In force, by that position; 0: not known."""
    moving: bool = False
    target_rad: float = 0.0
    """Where it was sent last; 0: nowhere yet."""
    sent_ns: int = 0
    stuck: bool = False
    """It rests elsewhere than where it was sent."""

    def busy(self, t_ns: int) -> bool:
        """Under way, or it may not yet have heard."""
        return self.moving or t_ns - self.sent_ns < SETTLED_NS

    def silent(self, t_ns: int, max_age_s: float) -> bool:
        """It has not told its position for too long, or never."""
        return not self.told_ns or (t_ns - self.told_ns) * 1e-9 > max_age_s


def heard(
    stage: Stage, curve: Curve, tolerance_rad: float, told_ns: int, position: float, moving: bool
) -> Stage:
    """After a look at the stage; told_ns 0: it has never told anything."""
    if not told_ns:
        return stage
    width = curve.angle_at(position)
    stage = stage._replace(told_ns=told_ns, width_rad=width, moving=moving)
    if stage.target_rad and not moving and told_ns - stage.sent_ns >= SETTLED_NS:
        stage = stage._replace(stuck=abs(width - stage.target_rad) > tolerance_rad)
    return stage


def sent(stage: Stage, target_rad: float, t_ns: int) -> Stage:
    """After a move was sent."""
    return stage._replace(target_rad=target_rad, sent_ns=t_ns)
