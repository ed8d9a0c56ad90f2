"""Emulator of the partner's end of the public channel, on our own wire contract.

Written apart from the driver. Announcements (type 1) are answered by a partner that remembers what
it sent, each by one reply (type 2); frames that are no whole, right announcement are ignored. A
partner that receives tells its tally (type 3) unasked. Notes (type 4) go both ways.
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
ANNOUNCEMENT, NOTE = 1, 4

Bytes = NDArray[np.uint8]


class AnsweringPartner(Protocol):
    def answer(
        self, slot: NDArray[np.int64], basis: Bytes, disclose: Bytes
    ) -> tuple[Bytes, Bytes, Bytes]:
        """(basis, intensity, bit) of every announced slot; bit 255 where it is kept."""

    def noted(self, kind: int, note_t_ns: int) -> None:
        """Of the search for each other: 1 we have seen its beacon then, 2 it shall scan."""


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


def pack_tally(seq: int, t_ns: int, counts: NDArray[np.int64]) -> bytes:
    """A frame of type 3. counts: (28,)."""
    body = b"QL01\x03" + struct.pack("<3I", seq, len(counts), 8 + 8 * len(counts))
    body += struct.pack("<q", t_ns) + counts.astype("<i8").tobytes()
    return body + struct.pack("<I", zlib.crc32(body))


def pack_note(seq: int, kind: int, t_ns: int) -> bytes:
    """A frame of type 4."""
    body = b"QL01\x04" + struct.pack("<3I", seq, kind, 8) + struct.pack("<q", t_ns)
    return body + struct.pack("<I", zlib.crc32(body))


class ClassicalLinkEmulator:
    """sim_devices.emulator.Emulator of the channel with the partner behind it.

    Args:
        partner: asked when an announcement has arrived.
        latency_ns: from then, or from the end of a tally, until the partner's frame is here; a
            note takes as long either way.
    """

    def __init__(self, partner: AnsweringPartner, *, latency_ns: int) -> None:
        self._partner = partner
        self._latency_ns = latency_ns
        self._heard = bytearray()
        self._leaving: deque[tuple[int, bytes]] = deque()
        self._coming: deque[tuple[int, int, int]] = deque()
        """(arrives, kind, its time) of notes on their way to the partner."""
        self._notes = 0

    def receive(self, data: bytes, t_ns: int) -> None:
        self._heard += data
        while (frame := self._next()) is not None:
            kind, request, count, payload = frame
            if kind == NOTE:
                note_t_ns = int(struct.unpack("<q", payload)[0])
                self._coming.append((t_ns + self._latency_ns, count, note_t_ns))
                continue
            slot = np.frombuffer(payload, "<i8", count).astype(np.int64)
            told = np.frombuffer(payload, np.uint8, count, 8 * count)
            reply = self._partner.answer(
                slot, told & np.uint8(1), told >> np.uint8(1) & np.uint8(1)
            )
            self._leaving.append((t_ns + self._latency_ns, pack_reply(request, *reply)))

    def tell(self, seq: int, t_ns: int, counts: NDArray[np.int64]) -> None:
        """Send a tally that is complete at `t_ns`."""
        self._leaving.append((t_ns + self._latency_ns, pack_tally(seq, t_ns, counts)))

    def note(self, kind: int, note_t_ns: int, t_ns: int) -> None:
        """Send a note at `t_ns`."""
        self._notes += 1
        self._leaving.append((t_ns + self._latency_ns, pack_note(self._notes, kind, note_t_ns)))

    def poll(self, t_ns: int) -> bytes:
        while self._coming and self._coming[0][0] <= t_ns:
            _, kind, note_t_ns = self._coming.popleft()
            self._partner.noted(kind, note_t_ns)
        sent = bytearray()
        while self._leaving and self._leaving[0][0] <= t_ns:
            sent += self._leaving.popleft()[1]
        return bytes(sent)

    def _next(self) -> tuple[int, int, int, bytes] | None:
        """(type, request, count, payload) of the first frame, cut off. None: not complete."""
        heard = self._heard
        while len(heard) >= HEADER_BYTES:
            if heard.startswith(b"QL01") and heard[4] in (ANNOUNCEMENT, NOTE):
                kind = heard[4]
                request, count, length = struct.unpack_from("<3I", heard, 5)
                announced = kind == ANNOUNCEMENT and length == 9 * count and count <= MOST_CLICKS
                if announced or (kind == NOTE and length == 8):
                    end = HEADER_BYTES + length
                    if len(heard) < end + 4:
                        return None
                    body = bytes(heard[:end])
                    if heard[end : end + 4] == struct.pack("<I", zlib.crc32(body)):
                        del heard[: end + 4]
                        return kind, request, count, body[HEADER_BYTES:]
            following = heard.find(b"Q", 1)
            del heard[: following if following > 0 else len(heard)]
        return None
