"""The socket of the hand-over: numbered messages to whoever may read, without ever waiting.

A reader that is slow or dead loses messages once `high_water_messages` wait for it, and nobody else
does. It sees by the numbers how many; here it is counted how often that has begun.
"""

import contextlib
import secrets
import socket
import stat
from pathlib import Path

import zmq

from config.errors import InputError
from config.handover import Handover, handover_problems, parse_url
from terminal.handover import keys
from terminal.handover.gatekeeper import DOMAIN, Gatekeeper
from terminal.handover.wire import STREAMS, Arrays, Header, encode

PROBE_S, PROBES = 2, 5
"""A reader whose machine does not answer so many in a row is cut off. TCP asks, not ZMTP: libzmq
4.3.5 aborts the process where a ZMTP heartbeat meets a reader that left with much unheard."""
LONGEST_HEARD = 1024
"""A reader sends names of streams, and before that at most some 300 bytes of handshake."""
MOST_HEARD = 10_000
"""In one call; more wait, in a queue of the library that has no end."""
LINGER_MS = 2000
"""What still waits for readers at the end has so long to reach them."""


class Publisher:
    """A bound XPUB socket."""

    def __init__(self, settings: Handover, key: str = "terminal.handover") -> None:
        """key: where the settings stand, for messages.

        Raises InputError: settings or key files that cannot be used, or a URL that cannot be bound.
        """
        for problem in handover_problems(settings, key):
            raise InputError(f"{problem.key}: {problem.text}")
        secret = settings.server_secret_key_file
        pair = None
        if secret is not None:
            pair = keys.read_pair(Path(secret), f"{key}.server_secret_key_file")
        allowed = [
            keys.read_public(Path(file), f"{key}.client_public_key_files[{i}]")
            for i, file in enumerate(settings.client_public_key_files)
        ]
        _leave_alone(settings.url, f"{key}.url")
        self.session = secrets.token_hex(8)
        """Of this run: sequence numbers begin anew with each."""
        self.sequence = dict.fromkeys(STREAMS, 0)
        """Next number of each stream."""
        self.overflows = dict.fromkeys(STREAMS, 0)
        """How often a message of the stream found a reader's queue just full: from there on that
        reader loses, until it has emptied half of it. How much, the sequence numbers tell it."""
        self._context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self._gate = Gatekeeper(self._context, allowed) if pair else None
        self._socket = self._context.socket(zmq.XPUB)
        try:
            self._prepare(settings, pair)
            self._socket.bind(settings.url)
        except zmq.ZMQError as error:
            self._end(0)
            raise InputError(f"{key}.url: cannot bind {settings.url}: {error.strerror}") from error
        self.endpoint = self._socket.getsockopt_string(zmq.LAST_ENDPOINT)

    def _prepare(self, settings: Handover, pair: keys.KeyPair | None) -> None:
        s = self._socket
        s.setsockopt(zmq.IPV6, parse_url(settings.url).is_ipv6)
        s.setsockopt(zmq.SNDHWM, settings.high_water_messages)
        s.setsockopt(zmq.XPUB_NODROP, 1)
        s.setsockopt(zmq.XPUB_VERBOSE, 1)
        s.setsockopt(zmq.MAXMSGSIZE, LONGEST_HEARD)
        s.setsockopt(zmq.TCP_KEEPALIVE, 1)
        s.setsockopt(zmq.TCP_KEEPALIVE_IDLE, PROBE_S)
        s.setsockopt(zmq.TCP_KEEPALIVE_INTVL, PROBE_S)
        s.setsockopt(zmq.TCP_KEEPALIVE_CNT, PROBES)
        s.setsockopt(zmq.TCP_MAXRT, 1000 * PROBE_S * PROBES)
        if pair:
            s.setsockopt(zmq.CURVE_SERVER, 1)
            s.setsockopt(zmq.CURVE_SECRETKEY, pair.secret)
            s.setsockopt(zmq.ZAP_DOMAIN, DOMAIN)
            # Without this, who comes while no gatekeeper answers is let in, whatever its key.
            s.setsockopt(zmq.ZAP_ENFORCE_DOMAIN, 1)

    @property
    def refused(self) -> int:
        """How often a client without a known key asked to be let in."""
        return self._gate.refused if self._gate else 0

    def listen(self) -> int:
        """Let in who may; how many subscriptions have come since the last call."""
        if self._gate:
            self._gate.answer()
        joined = 0
        for _ in range(MOST_HEARD):
            try:
                heard = self._socket.recv_multipart(zmq.NOBLOCK)
            except zmq.Again:
                break
            joined += heard[0][:1] == b"\x01"
        return joined

    def send(self, stream: str, t_tai_ns: int, header: Header, arrays: Arrays) -> None:
        """To all that read this stream. Never waits."""
        numbered = {
            "session": self.session,
            "sequence": self.sequence[stream],
            "overflows": self.overflows[stream],
            "t_tai_ns": t_tai_ns,
        }
        frames = encode(stream, {**numbered, **header}, arrays)
        self.sequence[stream] += 1
        try:
            self._socket.send_multipart(frames, zmq.NOBLOCK)
        except zmq.Again:
            # Somebody's queue is full, and nobody got it: now to all the others.
            self.overflows[stream] += 1
            self._socket.setsockopt(zmq.XPUB_NODROP, 0)
            with contextlib.suppress(zmq.Again):
                self._socket.send_multipart(frames, zmq.NOBLOCK)
            self._socket.setsockopt(zmq.XPUB_NODROP, 1)

    def close(self) -> None:
        """What still waits has LINGER_MS to go out."""
        self._end(LINGER_MS)

    def _end(self, linger_ms: int) -> None:
        self._socket.close(linger_ms)
        if self._gate:
            self._gate.close()
        self._context.term()


def _leave_alone(url: str, key: str) -> None:
    """The library removes what stands at an ipc path, be it a file or another flight's socket.

    Raises InputError for anything but a socket that nobody listens at.
    """
    if not url.startswith("ipc://"):
        return
    path = Path(url.removeprefix("ipc://"))
    try:
        mode = path.lstat().st_mode
    except OSError:
        return  # Nothing there, or no way to it: binding will tell.
    if not stat.S_ISSOCK(mode):
        raise InputError(f"{key}: cannot bind {url}: it is there already, and is no socket")
    with socket.socket(socket.AF_UNIX) as asking:
        try:
            asking.connect(str(path))
        except OSError:
            return
    raise InputError(f"{key}: cannot bind {url}: in use by another program")
