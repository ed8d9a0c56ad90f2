"""An emulator behind a real pseudo-terminal, but without a process or a clock of its own."""

import time
from pathlib import Path

from drivers.transport import SerialTransport
from sim_devices.emulator import Emulator, SimClock
from sim_devices.endpoints import PseudoTerminal

DEADLINE_S = 10.0


class PumpedPty:
    """drivers.transport.Transport through the kernel to an emulator in this process.

    Whatever one side writes is fetched on the other before the call returns, so that simulated time
    does not depend on when the kernel passes bytes on.
    """

    def __init__(self, emulator: Emulator, clock: SimClock, link: Path) -> None:
        self._emulator = emulator
        self._clock = clock
        self._endpoint = PseudoTerminal(link)
        self._port = SerialTransport(str(link), 9600)
        self._closed = False

    def read(self) -> bytes:
        sent = self._emulator.poll(self._clock.t_ns)
        self._endpoint.write(sent)
        return _fetch(self._port, len(sent))

    def write(self, data: bytes) -> None:
        self._port.write(data)
        self._emulator.receive(_fetch(self._endpoint, len(data)), self._clock.t_ns)

    def close(self) -> None:
        """Once more does nothing."""
        if not self._closed:
            self._closed = True
            self._port.close()
            self._endpoint.close()


def _fetch(side: SerialTransport | PseudoTerminal, size: int) -> bytes:
    fetched = side.read()
    deadline_s = time.monotonic() + DEADLINE_S
    while len(fetched) < size:
        assert time.monotonic() < deadline_s, f"{len(fetched)} of {size} bytes came through"
        fetched += side.read()
    return fetched
