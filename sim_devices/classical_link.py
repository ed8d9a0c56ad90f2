"""Emulator of the partner's end of the public channel, on our own wire contract.

Written apart from the driver. Announcements (type 1) are answered by a partner that remembers what
it sent, each by one reply (type 2); frames that are no whole, right announcement are ignored.
"""

import struct
import zlib
from collections import deque
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

KEPT = 255
HEADER_BYTES = 17
MOST_CLICKS = 1_000_000

Bytes = NDArray[np.uint8]


class AnsweringPartner(Protocol):
    def answer(
        self, slot: NDArray[np.int64], basis: Bytes, disclose: Bytes
    ) -> tuple[Bytes, Bytes, Bytes]:
        """(basis, intensity, bit) of every announced slot; bit 255 where it is kept."""


def pack_reply(request: int, basis: Bytes, intensity: Bytes, bit: Bytes) -> bytes:
    """A frame of type 2. Arrays (n,)."""
    told = np.zeros(len(basis), np.uint8)
    told |= basis
    told |= intensity * np.uint8(2)
    told[bit != KEPT] |= 8
    told[bit == 1] |= 16
    head = b"QL01\x02" + struct.pack("<3I", request, len(told), len(told))
    body = head + told.tobytes()
    return body + struct.pack("<I", zlib.crc32(body))


class ClassicalLinkEmulator:
    """sim_devices.emulator.Emulator of the channel with the partner behind it.

    Args:
        partner: asked when an announcement has arrived.
        latency_ns: from then until its reply is here.
    """

    def __init__(self, partner: AnsweringPartner, *, latency_ns: int) -> None:
        self._partner = partner
        self._latency_ns = latency_ns
        self._heard = bytearray()
        self._leaving: deque[tuple[int, bytes]] = deque()

    def receive(self, data: bytes, t_ns: int) -> None:
        self._heard += data
        while (announcement := self._next()) is not None:
            request, count, payload = announcement
            slot = np.frombuffer(payload, "<i8", count).astype(np.int64)
            told = np.frombuffer(payload, np.uint8, count, 8 * count)
            reply = self._partner.answer(
                slot, told & np.uint8(1), told >> np.uint8(1) & np.uint8(1)
            )
            self._leaving.append((t_ns + self._latency_ns, pack_reply(request, *reply)))

    def poll(self, t_ns: int) -> bytes:
        sent = bytearray()
        while self._leaving and self._leaving[0][0] <= t_ns:
            sent += self._leaving.popleft()[1]
        return bytes(sent)

    def _next(self) -> tuple[int, int, bytes] | None:
        """(request, count, payload) of the first announcement, cut off. None: not complete."""
        heard = self._heard
        while len(heard) >= HEADER_BYTES:
            if heard.startswith(b"QL01\x01"):
                request, count, length = struct.unpack_from("<3I", heard, 5)
                if length == 9 * count and count <= MOST_CLICKS:
                    end = HEADER_BYTES + length
                    if len(heard) < end + 4:
                        return None
                    body = bytes(heard[:end])
                    if heard[end : end + 4] == struct.pack("<I", zlib.crc32(body)):
                        del heard[: end + 4]
                        return request, count, body[HEADER_BYTES:]
            following = heard.find(b"Q", 1)
            del heard[: following if following > 0 else len(heard)]
        return None
