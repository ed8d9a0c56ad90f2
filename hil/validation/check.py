"""One published value, what licenses a difference from it, and the status that follows.

A status is never typed: `judge` derives it from the printed value, the tolerance, ours, and whether
ours rests on something that is not printed where the value is.
"""

import math
from collections.abc import Callable
from decimal import Decimal
from typing import Literal, NamedTuple

Status = Literal["not reproduced", "gap", "compatible", "reproduced"]
STATUSES: tuple[Status, ...] = ("not reproduced", "gap", "compatible", "reproduced")
"""In the order in which a reader should see them."""
MEANING: dict[Status, str] = {
    "not reproduced": "ours lies outside of the tolerance",
    "gap": "nothing here computes it",
    "compatible": "inside, with values that are assumed or fitted because they are not printed",
    "reproduced": "inside, from what is printed alone, or from the formula's own values",
}

Kind = Literal["published", "closed form"]
KINDS: tuple[Kind, ...] = ("published", "closed form")

HALF_DIGIT = "half the last printed digit"
AS_STATED = "the claim itself"


class Printed(NamedTuple):
    """What stands in print. Numbers keep their digits, so they are text."""

    text: str
    relation: Literal["=", "<", ">", "to"] = "="
    """`to`: anything from `text` to `to`."""
    to: str = ""

    def __str__(self) -> str:
        if self.relation == "to":
            return f"{self.text} to {self.to}"
        return self.text if self.relation == "=" else f"{self.relation} {self.text}"


class Tolerance(NamedTuple):
    """How far ours may lie, and why so far."""

    licence: str = HALF_DIGIT
    absolute: float | None = None
    """None: half of the last printed digit of a value, nothing beside a limit."""


class Check(NamedTuple):
    """One published value."""

    claim: str
    printed_in: str
    """Where, or, for a closed form, its formula."""
    printed: Printed | None
    """None: a claim without a number."""
    unit: str
    ours: Callable[[], float] | None
    """None: nothing here computes it."""
    tolerance: Tolerance = Tolerance()
    not_printed: str = ""
    """What ours rests on that is not printed there; fitted values are called fitted."""
    span: Callable[[], tuple[float, float]] | None = None
    """Least and greatest of ours over the range that is allowed for what is not printed."""
    note: str = ""
    """Why it is missing, or what explains a difference."""
    kind: Kind = "published"
    """A closed form is no publication: its value is computed apart from the code it checks."""


def closed_form(
    claim: str,
    formula: str,
    printed: Printed,
    unit: str,
    ours: Callable[[], float],
    tolerance: Tolerance | None = None,
    note: str = "",
) -> Check:
    """A value that a formula gives, computed apart from the code that is checked."""
    return Check(
        claim,
        formula,
        printed,
        unit,
        ours,
        tolerance or Tolerance(),
        note=note,
        kind="closed form",
    )


class Judged(NamedTuple):
    """A check with its result."""

    check: Check
    ours: float | None
    span: tuple[float, float] | None
    low: float
    high: float
    """Least and greatest that agrees with the printed value."""
    status: Status


def judge(check: Check) -> Judged:
    """Compute ours and derive the status. Raises ValueError for a span without saying of what."""
    if check.span and not check.not_printed:
        raise ValueError(f"{check.claim}: a span is over what is not printed: say what that is")
    if check.ours is None or check.printed is None:
        return Judged(check, None, None, math.nan, math.nan, "gap")
    low, high = limits(check.printed, check.tolerance)
    ours = float(check.ours())
    span = check.span() if check.span else None
    least, greatest = (min(*span, ours), max(*span, ours)) if span else (ours, ours)
    status: Status = "compatible" if check.not_printed else "reproduced"
    if not (least <= high and greatest >= low):  # Also where ours is no number.
        status = "not reproduced"
    return Judged(check, ours, span, low, high, status)


def limits(printed: Printed, tolerance: Tolerance) -> tuple[float, float]:
    """Least and greatest that agrees with the printed value.

    A range and a limit are widened by an absolute tolerance only: their ends are what is claimed.
    """
    value = float(printed.text)
    apart = tolerance.absolute
    if printed.relation == "=":
        half = float(half_digit(printed.text)) if apart is None else apart
        # Decimal halves are no binary numbers: an exact tie counts as inside.
        slack = 1e-9 * half
        return value - half - slack, value + half + slack
    wide = 0.0 if apart is None else apart
    if printed.relation == "<":
        return -math.inf, value + wide
    if printed.relation == ">":
        return value - wide, math.inf
    return value - wide, float(printed.to) + wide


def half_digit(text: str) -> Decimal:
    """Half a unit of the last digit of a number as printed: 0.05 of "0.6", 0.5e-7 of "5.011e-4"."""
    exponent = Decimal(text).as_tuple().exponent
    if not isinstance(exponent, int):
        raise ValueError(f"{text!r} is no finite number")
    return Decimal((0, (5,), exponent - 1))
