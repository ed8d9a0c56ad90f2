"""When a value that changes with time crosses 0, and when it is least; times are TAI ns."""

from collections.abc import Callable
from itertools import pairwise

from terminal.geometry.time_scales import SECOND_NS

RESOLUTION_NS = SECOND_NS // 100
_GOLDEN = 0.5 * (5.0**0.5 - 1.0)

Value = Callable[[int], float]


def spans_below(knots: list[tuple[int, float]], value: Value) -> list[tuple[int, int]]:
    """(from, to) where `value` is under 0 between the first and the last knot, good to 0.01 s.

    knots: (time, value) ascending, so dense that `value` turns at most once between three. Between
    two of them it may go under 0 and come back.
    """
    dips = []
    for (a_ns, a), (_, b), (c_ns, c) in zip(knots, knots[1:], knots[2:], strict=False):
        if 0.0 <= b <= min(a, c):
            turn_ns = turning_ns(value, a_ns, c_ns)
            dips.append((turn_ns, value(turn_ns)))
    knots = sorted(knots + dips)
    edges = [
        _change_ns(value, a_ns, c_ns, a < 0.0)
        for (a_ns, a), (c_ns, c) in pairwise(knots)
        if (a < 0.0) != (c < 0.0)
    ]
    if knots[0][1] < 0.0:
        edges.insert(0, knots[0][0])
    if knots[-1][1] < 0.0:
        edges.append(knots[-1][0])
    return list(zip(edges[::2], edges[1::2], strict=True))


def turning_ns(value: Value, from_ns: int, to_ns: int) -> int:
    """Where `value`, which turns once in the span, is least: golden section, good to 0.01 s."""
    low, high = from_ns, to_ns
    inward = round(_GOLDEN * (high - low))
    left, right = high - inward, low + inward
    at_left, at_right = value(left), value(right)
    while high - low > RESOLUTION_NS:
        if at_left <= at_right:
            high, right, at_right = right, left, at_left
            left = high - round(_GOLDEN * (high - low))
            at_left = value(left)
        else:
            low, left, at_left = left, right, at_right
            right = low + round(_GOLDEN * (high - low))
            at_right = value(right)
    return (low + high) // 2


def _change_ns(value: Value, low_ns: int, high_ns: int, negative: bool) -> int:
    """Where the sign changes, by halving; it is negative at the lower end or not."""
    while high_ns - low_ns > RESOLUTION_NS:
        middle_ns = (low_ns + high_ns) // 2
        if (value(middle_ns) < 0.0) == negative:
            low_ns = middle_ns
        else:
            high_ns = middle_ns
    return high_ns
