"""How bytes reach a device: a port, a socket, or a queue in this process. None of them blocks."""

import logging
import os
import socket
from typing import Protocol
from urllib.parse import parse_qs, urlsplit

import serial

from config.errors import InputError
from drivers.protocols import DeviceError


class Transport(Protocol):
    """A byte stream in both directions."""

    def read(self) -> bytes:
        """All that has arrived, perhaps nothing; nothing from a device that is gone."""

    def write(self, data: bytes) -> None: ...

    def close(self) -> None: ...


LONGEST_UNSENT_BYTES = 1 << 24
"""A host that has this much to say to a device that does not listen has lost it.

The longest message, a million clicks on the classical link, takes 9 MB."""

InProcess = dict[str, Transport]
"""Transports that someone else made, by device name: what `inproc:` refers to."""


_log = logging.getLogger("qsky.transport")


class SerialTransport:
    """A serial port or pseudo-terminal in raw mode.

    A port that goes away after it was opened falls silent: whoever reads it sees its data age,
    which is unsafe by rule. It is logged once.
    """

    def __init__(self, path: str, baud: int) -> None:
        """Raises DeviceError if the port cannot be opened."""
        try:
            self._port = serial.Serial(path, baud, timeout=0, exclusive=True)
        except (serial.SerialException, OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) and error.strerror else error
            raise DeviceError(f"{path}: cannot open serial port: {reason}") from error
        self._path = path
        self._gone = False
        # pyserial's own read and write cost a select each; its descriptor is non-blocking.
        self._fd: int = self._port.fileno()

    def read(self) -> bytes:
        if self._gone:
            return b""
        try:
            return os.read(self._fd, 65536)
        except BlockingIOError:
            return b""
        except OSError as error:
            return self._lose(error)

    def write(self, data: bytes) -> None:
        if self._gone:
            return
        try:
            # What a full line does not take is lost, as on a wire without flow control.
            os.write(self._fd, data)
        except BlockingIOError:
            return
        except OSError as error:
            self._lose(error)

    def _lose(self, error: OSError) -> bytes:
        self._gone = True
        _log.error("%s: device is gone: %s", self._path, error.strerror)
        return b""

    def close(self) -> None:
        self._port.close()


class TcpTransport:
    """A connected TCP socket. A connection that ends falls silent, as a serial port does."""

    def __init__(self, host: str, port: int, timeout_s: float = 3.0) -> None:
        """Raises DeviceError if nobody answers."""
        self._where = f"tcp://{host}:{port}"
        try:
            self._socket = socket.create_connection((host, port), timeout=timeout_s)
        except (OSError, ValueError) as error:  # ValueError: a name that no host can have
            raise DeviceError(f"{self._where}: cannot connect: {error}") from error
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket.setblocking(False)
        self._gone = False
        self._unsent = b""

    def read(self) -> bytes:
        if self._unsent:
            # Who has nothing more to say still has to be heard out.
            self.write(b"")
        if self._gone:
            return b""
        try:
            data = self._socket.recv(1 << 20)
        except BlockingIOError:
            return b""
        except OSError as error:
            return self._lose(error.strerror)
        return data or self._lose("closed by the device")

    def write(self, data: bytes) -> None:
        """Sends what fits now and the rest with the next write or read; never waits."""
        if self._gone:
            return
        data = self._unsent + data
        try:
            self._unsent = data[self._socket.send(data) :]
        except BlockingIOError:
            self._unsent = data
        except OSError as error:
            self._lose(error.strerror)
            return
        if len(self._unsent) > LONGEST_UNSENT_BYTES:
            self._lose("the device takes no more data")

    def _lose(self, reason: str | None) -> bytes:
        self._gone = True
        _log.error("%s: connection is gone: %s", self._where, reason)
        return b""

    def close(self) -> None:
        self._socket.close()


def _serial(name: str, path: str, query: str) -> Transport:
    baud = parse_qs(query).get("baud", ["115200"])[0]
    if not baud.isdecimal():
        raise InputError(f"terminal.devices.{name}.url: baud is no number: {baud!r}")
    return SerialTransport(path, int(baud))


def _tcp(name: str, netloc: str) -> Transport:
    host, _, port = netloc.rpartition(":")
    if not host or not port.isdecimal() or not 0 < int(port) < 65536:
        raise InputError(f"terminal.devices.{name}.url: write tcp://HOST:PORT, not {netloc!r}")
    return TcpTransport(host, int(port))


def open_transport(url: str, name: str, in_process: InProcess) -> Transport:
    """Open what `url` names for the device called `name`.

    Raises:
        InputError: unknown scheme or missing part.
        DeviceError: a port that cannot be opened.
    """
    try:
        scheme, netloc, path, query, _ = urlsplit(url)
    except ValueError as error:
        raise InputError(f"terminal.devices.{name}.url: {url!r}: {error}") from error
    if scheme == "inproc":
        if name not in in_process:
            raise InputError(
                f"terminal.devices.{name}.url: nothing in this process offers {name!r}; "
                "inproc is for simulated flights"
            )
        return in_process[name]
    if scheme in ("serial", "pty"):
        return _serial(name, path, query)
    if scheme == "tcp":
        return _tcp(name, netloc)
    raise InputError(
        f"terminal.devices.{name}.url: unknown scheme {scheme!r} in {url!r}; "
        "use inproc, serial, pty or tcp"
    )
