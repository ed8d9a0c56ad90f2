"""Says to ZeroMQ which clients may read: the authentication protocol ZAP (ZeroMQ RFC 27).

It has no thread of its own: who asks waits until `answer` is called, twice a second in flight.
"""

import contextlib
from collections.abc import Iterable

import zmq
from zmq.utils import z85

ENDPOINT = "inproc://zeromq.zap.01"
DOMAIN = b"qsky"
MOST_AT_ONCE = 64
"""Questions answered in one call; more wait."""


class Gatekeeper:
    """Lets in the clients with these public keys."""

    def __init__(self, context: "zmq.Context[zmq.Socket[bytes]]", allowed: Iterable[bytes]) -> None:
        """allowed: public keys, Z85."""
        self.refused = 0
        """Clients, each time that they tried."""
        self._allowed = frozenset(z85.decode(key) for key in allowed)
        self._socket = context.socket(zmq.ROUTER)
        self._socket.linger = 0
        self._socket.bind(ENDPOINT)

    def answer(self) -> None:
        """What has been asked since the last call."""
        for _ in range(MOST_AT_ONCE):
            try:
                frames = self._socket.recv_multipart(zmq.NOBLOCK)
            except zmq.Again:
                return
            self._answer(frames)

    def _answer(self, frames: list[bytes]) -> None:
        # Asker and delimiter; version, request, domain, address, identity, mechanism, credentials.
        asker, question = frames[:2], frames[2:]
        if len(question) < 6:
            return
        version, request, domain, _, _, mechanism, *credentials = question
        is_known = (
            version == b"1.0"
            and domain == DOMAIN
            and mechanism == b"CURVE"
            and len(credentials) == 1
            and credentials[0] in self._allowed
        )
        self.refused += not is_known
        status = (b"200", b"OK") if is_known else (b"400", b"this key may not read")
        with contextlib.suppress(zmq.Again):
            reply = [*asker, b"1.0", request, *status, b"", b""]
            self._socket.send_multipart(reply, zmq.NOBLOCK)

    def close(self) -> None:
        self._socket.close()
