"""What every emulator is: bytes in, bytes out, at a time that somebody hands it.

The physics of a device is driven by the handed time alone, never by a wall clock, so that the same
emulator serves lock-step (in process) and real time (behind a port, `sim_devices.endpoints`).
"""

from typing import Protocol


class Emulator(Protocol):
    """One device on the wire."""

    def receive(self, data: bytes, t_ns: int) -> None:
        """Bytes from the host; may be cut anywhere, joined or rubbish."""

    def poll(self, t_ns: int) -> bytes:
        """Advance the device to `t_ns` and return all that it has sent since the last call."""


class SimClock:
    """The one clock of a simulated world: TAI, int64 nanoseconds. Who owns the world moves it."""

    __slots__ = ("t_ns",)

    def __init__(self, t_ns: int) -> None:
        self.t_ns = t_ns


class InProcessTransport:
    """A driver's transport straight into an emulator in this process."""

    __slots__ = ("_clock", "_emulator")

    def __init__(self, emulator: Emulator, clock: SimClock) -> None:
        self._emulator = emulator
        self._clock = clock

    def read(self) -> bytes:
        return self._emulator.poll(self._clock.t_ns)

    def write(self, data: bytes) -> None:
        self._emulator.receive(data, self._clock.t_ns)

    def close(self) -> None:
        pass
