"""Thorlabs Elliptec ELL14 rotation mount: the half-wave plate. Protocol: `drivers.elliptec`."""

import math

from drivers.elliptec import Kind, Motor
from drivers.protocols import Health, PlateState
from drivers.transport import Transport

ELL14 = Kind("ELL14", frozenset({14}), wraps=True, arrived=0.1 / 360.0)
"""A move ends within 0.1 degrees of its target: 40 pulses, where 2 are usual."""


class Ell14:
    """drivers.protocols.WavePlate on a Thorlabs Elliptec ELL14, 9600 baud 8N1.

    Args:
        transport: a line on which this is the only driver; replies of other addresses are ignored.
        address: the mount's, one of 0-9 and A-F.
        poll_interval_s: between two questions for the position, at rest.

    Raises:
        ValueError: an option out of its range.
    """

    def __init__(
        self, transport: Transport, *, address: str = "0", poll_interval_s: float = 0.2
    ) -> None:
        self._motor = Motor(transport, ELL14, address=address, poll_interval_s=poll_interval_s)

    @property
    def health(self) -> Health:
        return self._motor.health

    def close(self) -> None:
        self._motor.close()

    def poll(self, t_ns: int) -> PlateState | None:
        told = self._motor.poll(t_ns)
        if told is None:
            return None
        turn = self._motor.pulses_per_unit
        angle_rad = 2.0 * math.pi * ((told.pulses % turn) / turn)
        return PlateState(told.t_ns, told.seq, angle_rad, told.moving)

    def move_to(self, angle_rad: float, t_ns: int) -> bool:
        """Accept a move to this encoder angle, any finite number of turns; the next poll sends it.

        False: the mount is not known yet, a move is not over, or the angle is not finite.
        """
        turn = self._motor.pulses_per_unit
        if not turn or not math.isfinite(angle_rad):
            return False
        turns = math.remainder(angle_rad, 2.0 * math.pi) / (2.0 * math.pi)
        return self._motor.start(round(turns * turn) % turn)
