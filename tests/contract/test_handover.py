"""The hand-over through real sockets: what arrives, what is lost and told, who is let in."""

import re
import socket as plain_socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pytest
import zmq
from msgspec.structs import replace

from config.errors import InputError
from config.handover import Handover
from config.loader import load_scenario
from terminal.bus import Bus
from terminal.fields import NO_I64S, NO_U8S
from terminal.handover.handover import KeyHandover
from terminal.handover.keys import read_pair, read_public, write_pair
from terminal.handover.publisher import Publisher
from terminal.handover.wire import Message, decode
from terminal.quantum_messages import LinkCommand, LinkSample, TimingCommand, TimingSample
from terminal.window import Window

MISSION = load_scenario("leo_haps_downlink").mission
WINDOW = Window(10**18, 2 * 10**18)
ANY_PORT = "tcp://127.0.0.1:*"
PATIENCE_MS = 10_000
GREETING = b"\xff" + 8 * b"\0" + b"\x7f\x03\x00" + b"NULL".ljust(20, b"\0") + 32 * b"\0"
"""Of ZMTP 3.0 without keys."""
PAGE = Path(__file__).resolve().parents[2] / "docs/key-handover.md"


class Readers:
    """Sockets that read, closed after the test."""

    def __init__(self) -> None:
        self._context: zmq.Context[Any] = zmq.Context()
        self._sockets: list[zmq.Socket[Any]] = []

    def socket(self, kind: int, endpoint: str, **options: Any) -> "zmq.Socket[Any]":
        made = self._context.socket(kind)
        self._sockets.append(made)
        for name, value in options.items():
            setattr(made, name, value)
        made.rcvtimeo = PATIENCE_MS
        made.connect(endpoint)
        return made

    def sub(self, endpoint: str, **options: Any) -> "zmq.Socket[Any]":
        """Of all streams."""
        made = self.socket(zmq.SUB, endpoint, **options)
        made.subscribe(b"")
        return made

    def close(self) -> None:
        self._context.destroy(linger=0)


@pytest.fixture
def readers() -> Iterator[Readers]:
    made = Readers()
    yield made
    made.close()


@contextmanager
def publishing(settings: Handover) -> Iterator[Publisher]:
    publisher = Publisher(settings)
    try:
        yield publisher
    finally:
        publisher.close()


def joined(publisher: Publisher, readers: int = 1) -> None:
    """Until so many have subscribed. Fails where they do not."""
    for _ in range(PATIENCE_MS):
        readers -= publisher.listen()
        if readers <= 0:
            return
        threading.Event().wait(0.001)
    pytest.fail(f"{readers} more should have subscribed")


def heard(sub: "zmq.Socket[Any]", until: str = "end") -> list[Message]:
    """Messages up to the first of that stream."""
    messages = []
    while not messages or messages[-1].stream != until:
        messages.append(decode(sub.recv_multipart()))
    return messages


def tick(slots: list[int], channel: int = 0) -> tuple[TimingSample, TimingCommand]:
    n = len(slots)
    sample = TimingSample(
        0, 1, 0.0, 0.0, 1, 0, np.array(slots, np.int64), np.full(n, channel, np.uint8)
    )
    command = TimingCommand(
        gate_half_width_s=1e-9,
        slot=np.array(slots, np.int64),
        residual_ps=np.arange(n) * 10,
        quality=np.full(n, 2, np.uint8),
        key_slots=np.array([1, 2, 3]),
    )
    return sample, command


def link_tick(slots: list[int], **counts: Any) -> tuple[LinkSample, LinkCommand]:
    codes = np.arange(len(slots)).astype(np.uint8)
    sample = LinkSample(0, NO_I64S, NO_U8S, NO_I64S, NO_I64S, NO_U8S, NO_U8S, NO_U8S)
    return sample, LinkCommand(
        sifted_slot=np.array(slots, np.int64),
        sifted_state=codes % 4,
        sifted_sent_bit=np.where(codes % 4 < 2, 255, codes % 2).astype(np.uint8),
        sifted_intensity=codes % 3,
        sifted_quality=np.full(len(slots), 2, np.uint8),
        **counts,
    )


def keyed(folder: Path, *clients: str) -> Handover:
    """Settings with a key of their own, for these clients."""
    files = [write_pair(folder, name) for name in ("server", *clients)]
    return Handover(
        url=ANY_PORT,
        server_secret_key_file=str(files[0].secret),
        client_public_key_files=tuple(str(f.public) for f in files[1:]),
    )


def credentials(folder: Path, client: str, server: str = "server") -> dict[str, bytes]:
    pair = read_pair(folder / f"{client}.key_secret", "client")
    return {
        "curve_serverkey": read_public(folder / f"{server}.key", "server"),
        "curve_publickey": pair.public,
        "curve_secretkey": pair.secret,
    }


def test_all_that_the_rings_got_arrives_in_order(readers: Readers) -> None:
    bus = Bus()
    handover = KeyHandover(Handover(url=ANY_PORT), MISSION, bus, WINDOW)
    sub = readers.sub(handover.endpoint)
    joined(handover._publisher)
    # Key slots of the mission's pattern alone go out.
    pattern = handover._pattern
    key = np.flatnonzero(pattern == 255)[:6].tolist()
    public = np.flatnonzero(pattern != 255)[:2].tolist()
    bus.timing.push(*tick([key[0], public[0], key[1]], channel=1))
    bus.timing.push(*tick([key[2]], channel=3))
    bus.link.push(*link_tick(key[:3], sifted=3))
    handover.drain(10**18 + 1)
    bus.timing.push(*tick([public[1]]))
    bus.link.push(*link_tick([], sifted=3))
    bus.link.push(*link_tick(key[3:], sifted=6, secret_key_bits=1.5))
    handover.drain(10**18 + 2)
    handover.close()
    messages = heard(sub)
    assert [m.stream for m in messages] == [
        "begin", "raw", "sifted", "estimate", "raw", "sifted", "estimate", "estimate", "end"
    ]  # fmt: skip
    raw = messages[1]
    assert raw.arrays["slot"].tolist() == key[:3]
    assert raw.arrays["channel"].tolist() == [1, 1, 3]
    assert raw.arrays["residual_ps"].tolist() == [0, 20, 0]
    assert raw.arrays["quality"].tolist() == [2, 2, 2]
    assert raw.header["key_slots_by_quality"] == [2, 4, 6]
    # No key click, and yet slots in which there could have been one.
    assert not len(messages[4].arrays["slot"])
    assert messages[4].header["key_slots_by_quality"] == [1, 2, 3]
    sifted = [m.arrays for m in messages if m.stream == "sifted"]
    assert np.concatenate([a["slot"] for a in sifted]).tolist() == key
    assert sifted[0]["sent_bit"].tolist() == [255, 255, 0]
    estimates = [m.header for m in messages if m.stream == "estimate"]
    assert [e["sifted"] for e in estimates] == [3, 6, 6]
    assert estimates[1]["secret_key_bits"] == 1.5
    assert estimates[1]["gain"] == [[None] * 3] * 2
    for stream, count in messages[-1].header["next_sequence"].items():
        of = [m.header["sequence"] for m in messages if m.stream == stream]
        # The end's own number is not counted in what it tells.
        assert of == list(range(count)) or stream == "end"
    assert len({m.header["session"] for m in messages}) == 1
    begin = messages[0].header
    assert begin["intensities"] == list(MISSION.source.intensities)
    assert begin["next_sequence"] == {"raw": 0, "sifted": 0}


def test_in_an_uplink_only_the_estimate_goes_out(readers: Readers) -> None:
    """Our key slots are counted there too, and no click is ours."""
    bus = Bus()
    uplink = replace(MISSION, direction="uplink")
    handover = KeyHandover(Handover(url=ANY_PORT), uplink, bus, WINDOW)
    sub = readers.sub(handover.endpoint)
    joined(handover._publisher)
    bus.timing.push(*tick([]))
    bus.link.push(*link_tick([], sifted=3))
    handover.drain(10**18 + 1)
    handover.close()
    assert [m.stream for m in heard(sub)] == ["begin", "estimate", "estimate", "end"]


def test_who_comes_late_is_told_what_was_agreed_and_where_it_begins(
    readers: Readers,
) -> None:
    bus = Bus()
    handover = KeyHandover(Handover(url=ANY_PORT), MISSION, bus, WINDOW)
    slot = int(np.flatnonzero(handover._pattern == 255)[0])
    for k in range(3):
        bus.timing.push(*tick([slot]))
        handover.drain(10**18 + k)
    sub = readers.sub(handover.endpoint)
    # The drain in which it is noticed sends `begin` again.
    for k in range(PATIENCE_MS):
        bus.timing.push(*tick([slot]))
        handover.drain(10**18 + 10 + k)
        if handover._publisher.sequence["begin"] == 2:
            break
        threading.Event().wait(0.001)
    handover.close()
    messages = heard(sub)
    at = next(k for k, m in enumerate(messages) if m.stream == "begin")
    begin = messages[at].header
    assert begin["sequence"] == 1
    assert begin["next_sequence"]["raw"] >= 3
    # From the first that it hears on, it hears all, whether before `begin` or behind it.
    raw = [m.header["sequence"] for m in messages if m.stream == "raw"]
    assert raw == list(range(raw[0], messages[-1].header["next_sequence"]["raw"]))
    after = [m.header["sequence"] for m in messages[at:] if m.stream == "raw"]
    assert after[:1] in ([], [begin["next_sequence"]["raw"]])


def test_a_reader_that_does_not_read_delays_and_harms_nobody(readers: Readers) -> None:
    """Each message is a megabyte: no buffer of the system holds two hundred of them."""
    with publishing(Handover(url=ANY_PORT, high_water_messages=4)) as publisher:
        asleep = readers.sub(publisher.endpoint, rcvhwm=1)
        awake = readers.sub(publisher.endpoint, rcvhwm=0)
        joined(publisher, 2)
        got: list[int] = []

        def read() -> None:
            while len(got) < 200:
                got.append(decode(awake.recv_multipart()).header["sequence"])

        thread = threading.Thread(target=read)
        thread.start()
        clicks = {"slot": np.zeros(1 << 17, np.int64)}
        for k in range(200):
            publisher.send("raw", k, {}, clicks)
            # The reader that is awake gets its time; the sender itself never waits.
            for _ in range(PATIENCE_MS):
                if len(got) > k or not thread.is_alive():
                    break
                threading.Event().wait(0.001)
        thread.join(PATIENCE_MS / 1000)
        assert got == list(range(200))
        assert publisher.overflows["raw"] >= 1
        # The sleeper sees what it missed by the numbers, once it wakes up.
        asleep.rcvtimeo = 20
        sequences: list[int] = []
        for _ in range(PATIENCE_MS):
            try:
                message = decode(asleep.recv_multipart())
            except zmq.Again:
                publisher.send("end", 0, {"next_sequence": publisher.sequence}, {})
                continue
            if message.stream == "end":
                break
            sequences.append(message.header["sequence"])
        assert sequences[0] == 0
        assert len(sequences) < 100
        assert message.header["next_sequence"]["raw"] == 200


def test_only_listed_keys_are_let_in(readers: Readers, tmp_path: Path) -> None:
    settings = keyed(tmp_path, "distiller", "monitor")
    write_pair(tmp_path, "stranger")
    write_pair(tmp_path, "other_server")
    with publishing(settings) as publisher:
        url = publisher.endpoint
        good = [readers.sub(url, **credentials(tmp_path, c)) for c in ("distiller", "monitor")]
        joined(publisher, 2)
        bad = [
            readers.sub(url, **credentials(tmp_path, "stranger")),
            readers.sub(url, **credentials(tmp_path, "distiller", server="other_server")),
            readers.sub(url),
        ]
        # The stranger has asked, and was told no, as often as it wants to ask.
        for _ in range(PATIENCE_MS):
            publisher.listen()
            if publisher.refused:
                break
            threading.Event().wait(0.001)
        assert publisher.refused
        for k in range(20):
            publisher.send("sifted", k, {}, {"state": np.array([1], np.uint8)})
            assert not publisher.listen()
        for sub in good:
            assert [decode(sub.recv_multipart()).header["sequence"] for _ in range(20)] == [
                *range(20)
            ]
        for sub in bad:
            sub.rcvtimeo = 50
            with pytest.raises(zmq.Again):
                sub.recv_multipart()


def test_what_crosses_the_wire_is_not_readable(readers: Readers, tmp_path: Path) -> None:
    """A listener in the middle sees neither names nor bits."""
    seen = bytearray()
    with publishing(keyed(tmp_path, "distiller")) as publisher, ExitStack() as stack:
        relay = stack.enter_context(plain_socket.create_server(("127.0.0.1", 0)))
        port = int(publisher.endpoint.rsplit(":", 1)[1])

        def pump(source: plain_socket.socket, sink: plain_socket.socket) -> None:
            while data := source.recv(65536):
                seen.extend(data)
                sink.sendall(data)

        def serve() -> None:
            client, _ = relay.accept()
            server = plain_socket.create_connection(("127.0.0.1", port))
            with client, server:
                back = threading.Thread(target=_quietly, args=(pump, client, server), daemon=True)
                back.start()
                _quietly(pump, server, client)
                client.shutdown(plain_socket.SHUT_RDWR)
                back.join()

        thread = threading.Thread(target=serve)
        thread.start()
        host = f"tcp://127.0.0.1:{relay.getsockname()[1]}"
        sub = readers.sub(host, **credentials(tmp_path, "distiller"))
        joined(publisher)
        secret = bytes(range(1, 200))
        publisher.send("sifted", 0, {}, {"state": np.frombuffer(secret, np.uint8)})
        assert decode(sub.recv_multipart()).arrays["state"].tobytes() == secret
    thread.join(PATIENCE_MS / 1000)
    assert not thread.is_alive()
    assert len(seen) > 500
    assert secret[:16] not in seen
    assert b"qsky-handover" not in seen
    assert b"sifted" not in seen


def _quietly(pump: Any, source: plain_socket.socket, sink: plain_socket.socket) -> None:
    """Until one of them is gone."""
    try:
        pump(source, sink)
    except OSError:
        return


@pytest.mark.parametrize("secure", [False, True])
def test_garbage_on_the_port_changes_nothing(
    readers: Readers, tmp_path: Path, secure: bool
) -> None:
    settings = keyed(tmp_path, "distiller") if secure else Handover(url=ANY_PORT)
    options = credentials(tmp_path, "distiller") if secure else {}
    rng = np.random.default_rng(4)
    with publishing(settings) as publisher:
        port = int(publisher.endpoint.rsplit(":", 1)[1])
        sub = readers.sub(publisher.endpoint, **options)
        joined(publisher)
        for start in (b"", b"\xff\0\0\0\0\0\0\0\1\x7f", GREETING, b"GET / HTTP/1.1\r\n\r\n"):
            with plain_socket.create_connection(("127.0.0.1", port)) as raw:
                raw.sendall(start + rng.bytes(5000))
            publisher.listen()
        publisher.send("raw", 0, {}, {"slot": np.arange(5)})
        assert decode(sub.recv_multipart()).arrays["slot"].tolist() == [0, 1, 2, 3, 4]


def test_a_reader_that_talks_is_not_listened_to(readers: Readers) -> None:
    """More than a subscription cuts it off, whatever it says."""
    with publishing(Handover(url=ANY_PORT)) as publisher:
        chatty = readers.socket(zmq.XSUB, publisher.endpoint)
        chatty.send(b"\x01")
        joined(publisher)
        for size in (1, 100, 100_000):
            chatty.send(b"\x02" + size * b"x")
        sub = readers.sub(publisher.endpoint)
        joined(publisher)
        publisher.send("raw", 0, {}, {})
        assert decode(sub.recv_multipart()).stream == "raw"


@contextmanager
def by_hand(publisher: Publisher) -> Iterator[plain_socket.socket]:
    """A reader of all streams, without the library: by ZMTP 3.0."""
    name = b"\5READY\x0bSocket-Type\0\0\0\3SUB"
    port = int(publisher.endpoint.rsplit(":", 1)[1])
    with plain_socket.create_connection(("127.0.0.1", port), PATIENCE_MS / 1000) as raw:
        raw.sendall(GREETING)
        raw.recv(len(GREETING), plain_socket.MSG_WAITALL)
        raw.sendall(bytes([4, len(name)]) + name + b"\0\1\1")
        joined(publisher)
        yield raw


def test_a_reader_that_leaves_while_it_talks_takes_nobody_along(readers: Readers) -> None:
    """With more than the library takes in at a time still unheard for some seconds."""
    with publishing(Handover(url=ANY_PORT)) as publisher:
        with by_hand(publisher) as raw:
            raw.sendall(3000 * b"\0\1\1")
            threading.Event().wait(0.2)
        threading.Event().wait(2.5)
        publisher.listen()
        sub = readers.sub(publisher.endpoint)
        joined(publisher)
        publisher.send("raw", 0, {}, {})
        assert decode(sub.recv_multipart()).stream == "raw"


def test_a_reader_that_never_stops_talking_is_heard_out() -> None:
    """It is seen how much is taken from it: subscriptions of 1000 bytes each."""
    talk = memoryview(1000 * (bytes([2]) + (991).to_bytes(8, "big") + b"\1" + 990 * b"x"))
    with publishing(Handover(url=ANY_PORT)) as publisher, by_hand(publisher) as raw:
        raw.setblocking(False)
        waiting, taken, heard = [], 0, 0
        for _ in range(20):
            with suppress(BlockingIOError):
                while taken < (heard + 100_000) * 1000:
                    taken += raw.send(talk[taken % len(talk) :])
            heard += publisher.listen()
            publisher.send("raw", 0, {}, {})
            waiting.append(taken // 1000 - heard)
            threading.Event().wait(0.05)
    # It waits in the buffers of both systems, and they do not grow.
    assert waiting[-1] < waiting[9] + 2000


def test_an_address_in_use_is_said(tmp_path: Path) -> None:
    in_use = r"terminal\.handover\.url: cannot bind .*in use"
    with publishing(Handover(url=ANY_PORT)) as first, pytest.raises(InputError, match=in_use):
        Publisher(Handover(url=first.endpoint))
    path = tmp_path / "no" / "such" / "folder" / "x"
    with pytest.raises(InputError, match=r"terminal\.handover\.url: cannot bind"):
        Publisher(Handover(url=f"ipc://{path}"))


def test_a_path_to_bind_takes_no_file_and_no_socket_of_another(tmp_path: Path) -> None:
    """The library itself removes whatever stands there."""
    with TemporaryDirectory(prefix="qsky-") as short:
        for name, make in (("file", Path.touch), ("folder", Path.mkdir)):
            path = Path(short, name)
            make(path)
            with pytest.raises(InputError, match=r"terminal\.handover\.url: .*is no socket"):
                Publisher(Handover(url=f"ipc://{path}"))
            assert path.exists()
        link = Path(short, "link")
        link.symlink_to(Path(short, "file"))
        with pytest.raises(InputError, match="is no socket"):
            Publisher(Handover(url=f"ipc://{link}"))
        url = f"ipc://{short}/socket"
        with publishing(Handover(url=url)), pytest.raises(InputError, match="in use"):
            Publisher(Handover(url=url))
        # What a flight that was killed has left behind is in nobody's way.
        with plain_socket.socket(plain_socket.AF_UNIX) as dead:
            dead.bind(f"{short}/dead")
        with publishing(Handover(url=f"ipc://{short}/dead")) as publisher:
            assert publisher.endpoint.endswith("dead")


def test_nobody_is_let_in_while_nobody_is_there_to_say_who_may(
    readers: Readers, tmp_path: Path
) -> None:
    """As in the moment of closing."""
    settings = keyed(tmp_path, "distiller")
    write_pair(tmp_path, "stranger")
    with publishing(settings) as publisher:
        assert publisher._gate is not None
        publisher._gate.close()
        readers.sub(publisher.endpoint, **credentials(tmp_path, "stranger"))
        assert not publisher._socket.poll(500)


def test_key_files_are_read_before_the_port_is_opened(tmp_path: Path) -> None:
    settings = Handover(
        url="tcp://*:5555",
        server_secret_key_file=str(tmp_path / "none"),
        client_public_key_files=("x",),
    )
    with pytest.raises(InputError, match=r"terminal\.handover\.server_secret_key_file: .*none"):
        Publisher(settings)
    with pytest.raises(InputError, match=r"terminal\.handover\.url: .*other machines"):
        Publisher(Handover(url="tcp://*:5555"))


def test_the_pages_own_reader_reads_it_all(tmp_path: Path) -> None:
    """The program in docs/key-handover.md, as it stands there, with keys."""
    (program,) = re.findall(r"^```python\n(.*?)^```$", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    bus = Bus()
    mission = replace(MISSION, security=replace(MISSION.security, least_track_quality="good"))
    handover = KeyHandover(keyed(tmp_path, "distiller"), mission, bus, WINDOW)
    reading = subprocess.Popen(
        [
            sys.executable, "-c", program, handover.endpoint,
            str(tmp_path / "server.key"), str(tmp_path / "distiller.key_secret"),
        ],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        joined(handover._publisher)
        for _ in range(5):
            sample, command = link_tick(list(range(8)))
            bus.link.push(sample, command)
            poor = command._replace(sifted_quality=np.full(8, 1, np.uint8))
            bus.link.push(sample, poor)
            handover.drain(10**18)
        handover.close()
        out, err = reading.communicate(timeout=PATIENCE_MS / 1000)
    finally:
        reading.kill()
    # Of eight good ones with our states 0 1 2 3 0 1 2 3, those in X are kept.
    assert (out, err) == ("20 key bits, to be corrected and shortened\n", "")
    assert reading.returncode == 0
