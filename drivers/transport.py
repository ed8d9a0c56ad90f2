"""How bytes reach a device: a port, a socket, or a queue in this process. None of them blocks."""

import os
import socket
from collections.abc import Callable
from typing import Protocol
from urllib.parse import parse_qs, urlsplit

import serial

from drivers.protocols import DeviceError


class Transport(Protocol):
    """A byte stream in both directions."""

    def read(self) -> bytes:
        """All that has arrived, perhaps nothing. Raises DeviceError if the device is gone."""

    def write(self, data: bytes) -> None: ...

    def close(self) -> None: ...


InProcess = dict[str, Transport]
"""Transports that someone else made, by device name: what `inproc:` refers to."""


class SerialTransport:
    """A serial port or pseudo-terminal in raw mode."""

    def __init__(self, path: str, baud: int) -> None:
        try:
            self._port = serial.Serial(path, baud, timeout=0, write_timeout=1.0, exclusive=True)
        except (serial.SerialException, OSError, ValueError) as error:
            raise DeviceError(f"{path}: cannot open serial port: {error}") from error
        self._path = path
        self._fd: int = self._port.fileno()

    def read(self) -> bytes:
        # pyserial's read costs a select; the descriptor itself is non-blocking and cheaper.
        try:
            return os.read(self._fd, 65536)
        except BlockingIOError:
            return b""
        except OSError as error:
            raise DeviceError(f"{self._path}: device is gone: {error}") from error

    def write(self, data: bytes) -> None:
        try:
            self._port.write(data)
        except (serial.SerialException, OSError) as error:
            raise DeviceError(f"{self._path}: write failed: {error}") from error

    def close(self) -> None:
        self._port.close()


class TcpTransport:
    """A connected TCP socket."""

    def __init__(self, host: str, port: int, timeout_s: float = 3.0) -> None:
        self._where = f"tcp://{host}:{port}"
        try:
            self._socket = socket.create_connection((host, port), timeout=timeout_s)
        except OSError as error:
            raise DeviceError(f"{self._where}: cannot connect: {error}") from error
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket.setblocking(False)

    def read(self) -> bytes:
        try:
            data = self._socket.recv(1 << 20)
        except BlockingIOError:
            return b""
        except OSError as error:
            raise DeviceError(f"{self._where}: {error}") from error
        if not data:
            raise DeviceError(f"{self._where}: the device closed the connection")
        return data

    def write(self, data: bytes) -> None:
        try:
            self._socket.setblocking(True)
            self._socket.sendall(data)
        except OSError as error:
            raise DeviceError(f"{self._where}: write failed: {error}") from error
        finally:
            self._socket.setblocking(False)

    def close(self) -> None:
        self._socket.close()


def _serial(parts: tuple[str, str, str]) -> Transport:
    _, path, query = parts
    baud = parse_qs(query).get("baud", ["115200"])[0]
    if not baud.isdigit():
        raise DeviceError(f"{path}: baud is no number: {baud!r}")
    return SerialTransport(path, int(baud))


def open_transport(url: str, name: str, in_process: InProcess) -> Transport:
    """Open what `url` names for the device called `name`.

    Raises:
        DeviceError: unknown scheme, missing part, or a port that cannot be opened.
    """
    scheme, netloc, path, query, _ = urlsplit(url)
    if scheme == "inproc":
        if name not in in_process:
            raise DeviceError(f"devices.{name}.url: nothing in this process offers {name!r}")
        return in_process[name]
    openers: dict[str, Callable[[], Transport]] = {
        "serial": lambda: _serial((netloc, path, query)),
        "pty": lambda: _serial((netloc, path, query)),
        "tcp": lambda: TcpTransport(netloc.rpartition(":")[0], int(netloc.rpartition(":")[2])),
    }
    if scheme not in openers:
        raise DeviceError(
            f"devices.{name}.url: unknown scheme {scheme!r} in {url!r}; use inproc, serial, pty "
            "or tcp"
        )
    return openers[scheme]()
