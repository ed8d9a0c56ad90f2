"""An emulator behind a pseudo-terminal or a TCP port, in real time.

The emulator still gets its time handed: here from the caller's `time_ns`, once a turn of a plain
loop that waits for bytes, but no longer than a period.
"""

import contextlib
import os
import select
import signal
import socket
import tty
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Protocol

from config.errors import InputError
from sim_devices.emulator import Emulator

PERIOD_S = 0.001
"""Longest time between two looks at the emulator."""
LONGEST_BACKLOG = 1 << 20
"""Bytes that a TCP client may fall behind before it is dropped."""


class Endpoint(Protocol):
    """Where a host finds the device. None of its calls waits."""

    name: str

    def fileno(self) -> int:
        """Readable when `read` may have something."""

    def read(self) -> bytes:
        """What the host has sent, perhaps nothing."""

    def write(self, data: bytes) -> None:
        """Send to the host; nothing is kept for a host that is not there."""

    def close(self) -> None: ...


class PseudoTerminal:
    """A pseudo-terminal whose other side is found under the symbolic link `link`.

    Like a serial line without flow control, it loses what the host does not take in time.

    Raises:
        InputError: the link exists and is in use or is something else, or cannot be made.
    """

    def __init__(self, link: Path) -> None:
        # The other side stays open here as well: else reading fails whenever no host has it open,
        # and what a host sends first would be echoed before it has set raw mode.
        self._master, self._slave = os.openpty()
        tty.setraw(self._slave)
        os.set_blocking(self._master, False)
        self._device = Path(os.ttyname(self._slave))
        self._link = link
        self.name = f"{link} ({self._device})"
        try:
            _make_link(link, self._device)
        except InputError:
            self._close_both()
            raise

    def fileno(self) -> int:
        return self._master

    def read(self) -> bytes:
        try:
            return os.read(self._master, 65536)
        except BlockingIOError:
            return b""

    def write(self, data: bytes) -> None:
        if data:
            with contextlib.suppress(BlockingIOError):
                os.write(self._master, data)

    def close(self) -> None:
        """Close both sides and remove the link if it is still this one's."""
        if self._link.is_symlink() and self._link.readlink() == self._device:
            self._link.unlink()
        self._close_both()

    def _close_both(self) -> None:
        os.close(self._master)
        os.close(self._slave)


def _make_link(link: Path, device: Path) -> None:
    if link.is_symlink():
        # An emulator that was killed leaves its link; the device it names is gone, or ours by now.
        target = link.readlink()
        if target.parent != device.parent or (target.exists() and target != device):
            raise InputError(
                f"--pty {link}: a link to {target} exists; if no emulator uses it, remove it"
            )
        link.unlink()
    try:
        link.symlink_to(device)
    except FileExistsError:
        raise InputError(f"--pty {link}: exists and is no link; choose another name") from None
    except OSError as error:
        raise InputError(f"--pty {link}: cannot make the link: {error.strerror}") from error


class TcpPort:
    """A TCP port of this machine for one client at a time; others are turned away at once.

    Args:
        port: 0 takes a free one.

    Raises:
        InputError: the port is in use or may not be used.
    """

    def __init__(self, port: int, host: str = "127.0.0.1") -> None:
        try:
            self._listener = socket.create_server((host, port))
        except OSError as error:
            raise InputError(f"--tcp {port}: cannot listen: {error}") from error
        self._listener.setblocking(False)
        self.port: int = self._listener.getsockname()[1]
        self.name = f"tcp://{host}:{self.port}"
        self._client: socket.socket | None = None
        self._backlog = bytearray()

    def fileno(self) -> int:
        return (self._client or self._listener).fileno()

    def read(self) -> bytes:
        # In this order a client that went before the next one came is seen to be gone.
        newcomer = self._accept()
        received = self._read_client()
        if newcomer is not None:
            if self._client is None:
                self._client = newcomer
            else:
                newcomer.close()
        return received

    def write(self, data: bytes) -> None:
        self._backlog += data
        if self._client is None or not self._backlog:
            self._backlog.clear()
            return
        try:
            del self._backlog[: self._client.send(self._backlog)]
        except BlockingIOError:
            pass
        except OSError:
            self._drop_client()
        if len(self._backlog) > LONGEST_BACKLOG:
            self._drop_client()

    def close(self) -> None:
        self._drop_client()
        self._listener.close()

    def _accept(self) -> socket.socket | None:
        try:
            newcomer, _ = self._listener.accept()
        except OSError:  # nobody there, or gone again
            return None
        newcomer.setblocking(False)
        newcomer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return newcomer

    def _read_client(self) -> bytes:
        received = bytearray()
        while self._client is not None and len(received) < LONGEST_BACKLOG:
            try:
                data = self._client.recv(65536)
            except BlockingIOError:
                break
            except OSError:
                data = b""
            received += data
            if not data:
                self._drop_client()
        return bytes(received)

    def _drop_client(self) -> None:
        self._backlog.clear()
        if self._client is not None:
            self._client.close()
            self._client = None


def exchange(endpoint: Endpoint, emulator: Emulator, t_ns: int) -> None:
    """One turn: what the host has sent goes in, what the device has to say comes out."""
    received = endpoint.read()
    if received:
        emulator.receive(received, t_ns)
    endpoint.write(emulator.poll(t_ns))


def serve(
    endpoint: Endpoint,
    emulator: Emulator,
    time_ns: Callable[[], int],
    stopped: Callable[[], bool],
    after: Callable[[int], None] = lambda t_ns: None,
) -> None:
    """Serve until `stopped`; `time_ns` gives TAI, with which `after` is called each turn."""
    while not stopped():
        select.select([endpoint], [], [], PERIOD_S)
        t_ns = time_ns()
        exchange(endpoint, emulator, t_ns)
        after(t_ns)


@contextlib.contextmanager
def stop_on_signal() -> Iterator[Callable[[], bool]]:
    """Inside, SIGTERM and SIGINT make the yielded function true instead of ending the process."""
    seen: list[int] = []
    signals = (signal.SIGTERM, signal.SIGINT)
    before = [signal.signal(number, lambda number, _: seen.append(number)) for number in signals]
    try:
        yield lambda: bool(seen)
    finally:
        for number, handler in zip(signals, before, strict=True):
            signal.signal(number, handler)
