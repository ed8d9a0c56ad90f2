"""Transports for contract tests, besides `sim_devices.emulator.InProcessTransport`."""

import socket

from drivers.transport import TcpTransport
from sim_devices.emulator import Emulator, SimClock

PIECE = 1400
"""Bytes sent at once: frames arrive in parts, and no socket buffer fills up."""
LIMIT_S = 5.0


class LoopbackTransport:
    """The driver's TcpTransport, on a loopback connection whose other end is an emulator.

    Nothing runs beside the test: a read first lets the emulator send, and waits for those bytes.
    """

    def __init__(self, emulator: Emulator, clock: SimClock) -> None:
        self._emulator, self._clock = emulator, clock
        with socket.create_server(("127.0.0.1", 0)) as server:
            self._host = TcpTransport("127.0.0.1", server.getsockname()[1], LIMIT_S)
            self._device, _ = server.accept()
        self._device.settimeout(LIMIT_S)

    def read(self) -> bytes:
        sent = self._emulator.poll(self._clock.t_ns)
        arrived = bytearray()
        for start in range(0, len(sent), PIECE):
            piece = sent[start : start + PIECE]
            self._device.sendall(piece)
            while len(arrived) < start + len(piece):
                arrived += self._host.read()
        return bytes(arrived)

    def write(self, data: bytes) -> None:
        for start in range(0, len(data), PIECE):
            self._host.write(data[start : start + PIECE])
            awaited = len(data[start : start + PIECE])
            while awaited:
                heard = self._device.recv(awaited)
                awaited -= len(heard)
                self._emulator.receive(heard, self._clock.t_ns)

    def close(self) -> None:
        self._host.close()
        self._device.close()


class ScriptedTransport:
    """Gives what the test has put into `arriving`, one item a read; keeps what is written."""

    def __init__(self, *arriving: bytes) -> None:
        self.arriving = list(arriving)
        self.written = b""

    def read(self) -> bytes:
        return self.arriving.pop(0) if self.arriving else b""

    def write(self, data: bytes) -> None:
        self.written += data

    def close(self) -> None:
        pass
