"""Thorlabs Elliptec ELL17 or ELL20 linear stage: the lens of a beam expander.

Protocol: `drivers.elliptec`. Positions are metres from the stage's home, as it counts them.
"""

import math

from drivers.elliptec import Kind, Motor
from drivers.protocols import ExpanderState, Health
from drivers.transport import Transport

LINEAR = Kind("ELL17 or ELL20", frozenset({17, 20}), wraps=False, arrived=5e-3)
"""A move ends within 5 um of its target: 5 pulses, where 2 are usual."""
PULSES_PER_M = 1000.0
"""For each pulse a millimetre."""


class Ell20:
    """drivers.protocols.Expander on a Thorlabs Elliptec ELL17 or ELL20, 9600 baud 8N1.

    Args:
        transport: a line on which this is the only driver; replies of other addresses are ignored.
        address: the stage's, one of 0-9 and A-F.
        poll_interval_s: between two questions for the position, at rest.

    Raises:
        ValueError: an option out of its range.
    """

    def __init__(
        self, transport: Transport, *, address: str = "0", poll_interval_s: float = 0.2
    ) -> None:
        self._motor = Motor(transport, LINEAR, address=address, poll_interval_s=poll_interval_s)

    @property
    def health(self) -> Health:
        return self._motor.health

    def close(self) -> None:
        self._motor.close()

    def poll(self, t_ns: int) -> ExpanderState | None:
        told = self._motor.poll(t_ns)
        if told is None:
            return None
        position_m = told.pulses / (self._motor.pulses_per_unit * PULSES_PER_M)
        return ExpanderState(told.t_ns, told.seq, position_m, told.moving)

    def move_to(self, position: float, t_ns: int) -> bool:
        """Accept a move to so many metres from home; the next poll sends it.

        False: the stage is not known yet, a move is not over, or it does not reach there.
        """
        per_mm = self._motor.pulses_per_unit
        if not per_mm or not math.isfinite(position):
            return False
        pulses = round(position * per_mm * PULSES_PER_M)
        return 0 <= pulses <= self._motor.travel * per_mm and self._motor.start(pulses)
