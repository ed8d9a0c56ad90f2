"""Emulators behind pseudo-terminals and TCP ports, and the command that serves them."""

import os
import signal
import socket
import subprocess
import sys
import termios
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from config.errors import InputError
from sim_devices import catalogue
from sim_devices.commands import emulate
from sim_devices.endpoints import (
    LONGEST_BACKLOG,
    Endpoint,
    PseudoTerminal,
    TcpPort,
    exchange,
    serve,
    stop_on_signal,
)
from sim_devices.truth_share import Truth, TruthReader

DEADLINE_S = 20.0
ALL_BYTES = bytes(range(256))


class Echo:
    """Sends back what it gets, and knows when it was called."""

    def __init__(self) -> None:
        self.times_ns: list[int] = []
        self._out = b""

    def receive(self, data: bytes, t_ns: int) -> None:
        self._out += data

    def poll(self, t_ns: int) -> bytes:
        self.times_ns.append(t_ns)
        out, self._out = self._out, b""
        return out


def pump(endpoint: Endpoint, until: Callable[[], bool]) -> None:
    echo = Echo()
    deadline_s = time.monotonic() + DEADLINE_S
    while not until():
        assert time.monotonic() < deadline_s
        exchange(endpoint, echo, 0)


class Host:
    """The other side: a raw descriptor of a port or socket."""

    def __init__(self, fd: int) -> None:
        os.set_blocking(fd, False)
        self.fd = fd
        self.got = b""

    def has(self, data: bytes) -> bool:
        with suppress(BlockingIOError):
            self.got += os.read(self.fd, 65536)
        return self.got == data


@pytest.fixture
def pty(tmp_path: Path) -> Iterator[PseudoTerminal]:
    pty = PseudoTerminal(tmp_path / "link")
    yield pty
    pty.close()


@pytest.fixture
def tcp() -> Iterator[TcpPort]:
    tcp = TcpPort(0)
    yield tcp
    tcp.close()


def test_bytes_pass_a_pseudo_terminal_untouched(pty: PseudoTerminal, tmp_path: Path) -> None:
    # Twice: a host may come, go and come again; what it sends needs no raw mode of its own.
    for _ in range(2):
        fd = os.open(tmp_path / "link", os.O_RDWR | os.O_NOCTTY)
        host = Host(fd)
        os.write(fd, ALL_BYTES)
        pump(pty, lambda host=host: host.has(ALL_BYTES))
        assert not termios.tcgetattr(fd)[3] & (termios.ECHO | termios.ICANON)
        os.close(fd)


def test_a_pseudo_terminal_without_a_host_does_not_block(pty: PseudoTerminal) -> None:
    assert pty.read() == b""
    for _ in range(100):
        pty.write(bytes(4096))


def test_the_link_goes_with_the_pseudo_terminal(tmp_path: Path) -> None:
    link = tmp_path / "link"
    pty = PseudoTerminal(link)
    assert link.is_symlink()
    assert str(link) in pty.name
    pty.close()
    assert not link.is_symlink()


def test_a_link_of_somebody_else_is_left_alone(tmp_path: Path) -> None:
    link = tmp_path / "link"
    pty = PseudoTerminal(link)
    link.unlink()
    link.symlink_to(tmp_path)
    pty.close()
    assert link.readlink() == tmp_path


def test_the_link_of_a_killed_emulator_is_replaced(tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to("/dev/pts/987654")
    PseudoTerminal(link).close()


def test_links_and_files_in_use_are_not_replaced(pty: PseudoTerminal, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="remove it"):
        PseudoTerminal(tmp_path / "link")
    assert (tmp_path / "link").is_symlink()
    (tmp_path / "file").write_text("precious")
    with pytest.raises(InputError, match="is no link"):
        PseudoTerminal(tmp_path / "file")
    assert (tmp_path / "file").read_text() == "precious"
    (tmp_path / "elsewhere").symlink_to(tmp_path / "not there")
    with pytest.raises(InputError, match="remove it"):
        PseudoTerminal(tmp_path / "elsewhere")
    with pytest.raises(InputError, match="cannot make the link"):
        PseudoTerminal(tmp_path / "no" / "link")


def test_tcp_serves_one_client_after_another(tcp: TcpPort) -> None:
    for _ in range(2):
        with socket.create_connection(("127.0.0.1", tcp.port)) as client:
            client.sendall(ALL_BYTES)
            host = Host(client.fileno())
            pump(tcp, lambda host=host: host.has(ALL_BYTES))
    assert tcp.name == f"tcp://127.0.0.1:{tcp.port}"


def test_a_second_tcp_client_is_turned_away(tcp: TcpPort) -> None:
    with socket.create_connection(("127.0.0.1", tcp.port)) as first:
        first.sendall(b"1")
        host = Host(first.fileno())
        pump(tcp, lambda: host.has(b"1"))
        with socket.create_connection(("127.0.0.1", tcp.port)) as second:
            pump(tcp, lambda: not select_readable(first) and select_readable(second))
            assert second.recv(1) == b""
        first.sendall(b"2")
        pump(tcp, lambda: host.has(b"12"))


def select_readable(client: socket.socket) -> bool:
    client.setblocking(False)
    try:
        client.recv(1, socket.MSG_PEEK)
    except BlockingIOError:
        return False
    return True


def test_a_tcp_client_that_does_not_read_is_dropped(tcp: TcpPort) -> None:
    with socket.create_connection(("127.0.0.1", tcp.port)) as client:
        client.sendall(b"1")
        host = Host(client.fileno())
        pump(tcp, lambda: host.has(b"1"))
        for _ in range(20):
            tcp.write(bytes(LONGEST_BACKLOG))
        with socket.create_connection(("127.0.0.1", tcp.port)) as other:
            other.sendall(b"2")
            other_host = Host(other.fileno())
            pump(tcp, lambda: other_host.has(b"2"))


def test_a_port_in_use_is_an_input_error(tcp: TcpPort) -> None:
    with pytest.raises(InputError, match=f"--tcp {tcp.port}: cannot listen"):
        TcpPort(tcp.port)


def test_serving_hands_the_callers_time_and_stops(pty: PseudoTerminal) -> None:
    times_ns = iter(range(0, 10**9, 7))
    told: list[int] = []
    echo = Echo()
    serve(pty, echo, lambda: next(times_ns), lambda: len(told) == 5, told.append)
    assert echo.times_ns == told == [0, 7, 14, 21, 28]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_and_the_handlers_come_back(number: signal.Signals) -> None:
    before = signal.getsignal(number)
    with stop_on_signal() as stopped:
        assert not stopped()
        signal.raise_signal(number)
        assert stopped()
    assert signal.getsignal(number) is before


@pytest.mark.parametrize("name", sorted(catalogue.STANDALONE))
def test_every_device_of_the_catalogue_lives(name: str) -> None:
    served = catalogue.standalone(name)
    t_ns = 1_860_000_000_000_000_000
    served.emulator.receive(ALL_BYTES, t_ns)
    served.emulator.poll(t_ns + 1_000_000_000)
    assert len(served.truth()) == len(served.truth_names)
    assert catalogue.DESCRIPTIONS[name]


def test_list_names_the_devices(capsys: pytest.CaptureFixture[str]) -> None:
    emulate(list_=True)
    printed = capsys.readouterr().out
    assert [line.split()[0] for line in printed.splitlines()] == sorted(catalogue.STANDALONE)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "which device"),
        ({"device": "laser_scpi"}, "give one of"),
        ({"device": "laser_scpi", "tcp": 0, "pty": Path("x")}, "give one of"),
        ({"device": "hammer", "tcp": 0}, "unknown device 'hammer'; known: expander_ell20"),
        ({"device": "laser_scpi", "tcp": 0, "start_tai_ns": 1}, "go together"),
        (
            {"device": "laser_scpi", "tcp": 0, "scenario": "s"},
            "--scenario: no emulator 'laser_scpi'",
        ),
        (
            {"device": "navigation_vectornav", "tcp": 0, "truth": Path("x")},
            "--truth: navigation_vectornav has no state",
        ),
        ({"device": "laser_scpi", "tcp": 0, "truth": Path("/no/such/folder/t")}, "cannot write"),
    ],
)
def test_bad_arguments_are_named(arguments: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        emulate(**arguments)  # type: ignore[arg-type]


def test_emulate_serves_at_the_time_it_was_told(tmp_path: Path) -> None:
    link, truth = tmp_path / "link", tmp_path / "truth"
    started_ns = time.monotonic_ns()
    told: list[Truth] = []

    def stop_when_told() -> None:
        deadline_s = time.monotonic() + DEADLINE_S
        while not told and time.monotonic() < deadline_s:
            if truth.exists() and (newest := TruthReader(truth).read()) is not None:
                told.append(newest)
        os.kill(os.getpid(), signal.SIGTERM)

    # Only the main thread takes signals, so the command runs here and its user elsewhere.
    user = threading.Thread(target=stop_when_told)
    with stop_on_signal():  # also if the command should end too early
        user.start()
        emulate(
            "waveplate_ell14",
            pty=link,
            truth=truth,
            start_monotonic_ns=started_ns,
            start_tai_ns=10**18,
        )
        user.join()
    assert 0 < told[0].t_ns - 10**18 < time.monotonic_ns() - started_ns
    assert told[0].values == (0.0,)
    assert not link.is_symlink()


def test_importing_the_command_is_cheap() -> None:
    heavy = "numpy", "scipy", "msgspec", "serial", "config", "terminal"
    code = f"import sys, sim_devices.commands; sys.exit(str(set({heavy}) & set(sys.modules)))"
    root = Path(__file__).resolve().parents[3]
    done = subprocess.run([sys.executable, "-c", code], cwd=root, stderr=subprocess.PIPE, text=True)
    assert done.stderr.strip() == "set()"
