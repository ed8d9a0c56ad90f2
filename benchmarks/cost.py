"""What a piece of work costs, in microseconds and in units of a plain Python loop timed beside it.

All in processor time of this process, so that time given to others does not count. A shared machine
still changes its speed from second to second: the unit is timed in turn with the work, and their
ratio holds where the microseconds do not.
"""

from collections.abc import Callable
from statistics import median
from time import process_time_ns
from typing import NamedTuple

ROUNDS = 9
UNIT = "sum(range(1000))"
_UNIT_CALLS = 20


class Cost(NamedTuple):
    """Of one operation; medians over the rounds."""

    us: float
    units: float
    """The same in calls of `sum(range(1000))`."""


class Figure(NamedTuple):
    """One row of the table. What is no time has no ratios."""

    name: str
    value: float
    unit: str
    units: float | None = None
    empty_ticks: float | None = None


def unit_us() -> float:
    """One `sum(range(1000))`, us."""
    start = process_time_ns()
    for _ in range(_UNIT_CALLS):
        sum(range(1000))
    return (process_time_ns() - start) * 1e-3 / _UNIT_CALLS


def cost(work: Callable[[], int], rounds: int = ROUNDS) -> Cost:
    """Cost of one operation of `work`, which does a batch of them and tells how many."""
    work()  # Caches, lazy imports.
    us, units = [], []
    for _ in range(rounds):
        before = unit_us()
        start = process_time_ns()
        operations = work()
        each = (process_time_ns() - start) * 1e-3 / operations
        us.append(each)
        units.append(each / (0.5 * (before + unit_us())))
    return Cost(median(us), median(units))
