"""What a broken position sensor shows in place of what it sees."""

from collections.abc import Callable
from collections.abc import Set as AbstractSet

from sim_devices.position_sensor import ADC_LIMIT

Counts = tuple[int, int, int, int]
"""Of the channels a, b, c, d."""
CountsFault = Callable[[Counts], Counts | None]
"""From what it sees to what it shows; None: no conversion at all."""

LOOP_DELAY_SAMPLES = 2
"""By a fault `loop_delay`: commands reach the mirror so many scans later."""


def _axes_swapped(counts: Counts) -> Counts:
    """Two cables exchanged: x reads as y."""
    a, b, c, d = counts
    return a, d, c, b


def _sign_flipped(counts: Counts) -> Counts:
    """The sensor upside down: both axes read the other way."""
    a, b, c, d = counts
    return c, d, a, b


def _saturated(counts: Counts) -> Counts:
    """Glare: every channel at the converter's end."""
    return ADC_LIMIT, ADC_LIMIT, ADC_LIMIT, ADC_LIMIT


def _stuck() -> CountsFault:
    """Goes on with the first counts after it broke."""
    kept: list[Counts] = []

    def show(counts: Counts) -> Counts:
        if not kept:
            kept.append(counts)
        return kept[0]

    return show


_FAULTS: dict[str, Callable[[], CountsFault]] = {
    "quad_axes_swapped": lambda: _axes_swapped,
    "quad_sign_flipped": lambda: _sign_flipped,
    "quad_saturated": lambda: _saturated,
    "quad_stuck": _stuck,
    "quad_silent": lambda: lambda counts: None,
}
"""In the order in which they act."""
SENSOR_FAULTS = frozenset(_FAULTS)


def counts_fault(broken: AbstractSet[str]) -> CountsFault | None:
    """All faults of the position sensor that are in `broken`; None: it is whole."""
    chain = [make() for kind, make in _FAULTS.items() if kind in broken]
    if not chain:
        return None

    def show(counts: Counts) -> Counts | None:
        shown: Counts | None = counts
        for fault in chain:
            if shown is not None:
                shown = fault(shown)
        return shown

    return show
