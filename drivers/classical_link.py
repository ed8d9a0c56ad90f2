"""The public channel to the partner, on a wire contract of our own.

Little-endian frames:
    magic "QL01" | type u8 | request u32 | count u32 | payload length u32 | payload | crc32 u32
    crc32 (zlib's): of everything before it. count: clicks, at most a million.
    type 1, announcement, to the partner: slot i64 of every click, then a u8 of every click:
        bit 0 basis, bit 1 the bit is asked for. Payload length 9 * count.
    type 2, reply: a u8 of every click of the announcement, in its order: bit 0 basis, bits 1-2
        intensity, bit 3 the bit is disclosed, bit 4 the bit. Payload length = count.
The checksum finds errors, not liars: who flies a key authenticates what carries these frames.
"""

import struct
import zlib

import numpy as np
from numpy.typing import NDArray

from drivers.protocols import Health, SiftReply
from drivers.transport import Transport

MAGIC = b"QL01"
HEADER = struct.Struct("<4sBIII")
CRC_BYTES = 4
ANNOUNCE, REPLY = 1, 2
MOST_CLICKS = 1_000_000
KEPT = 255
CHECKS_A_POLL = 8
"""Failed checksums after which the rest of the bytes waits for the next poll: bounds its cost."""
BACKLOG_BYTES = 1 << 23
"""Eight replies of full length; what waited longer is dropped."""


def encode_announcement(
    request: int, slot: NDArray[np.int64], basis: NDArray[np.uint8], disclose: NDArray[np.uint8]
) -> bytes:
    """A frame of type 1. Arrays (n,).

    Raises:
        ValueError: a request number that is no u32, too many clicks, or lengths that differ.
    """
    count = len(slot)
    if not 0 <= request < 1 << 32:
        raise ValueError(f"request: {request} is no 32-bit number")
    if count > MOST_CLICKS:
        raise ValueError(f"slot: {count} clicks are more than {MOST_CLICKS} in one announcement")
    if len(basis) != count or len(disclose) != count:
        raise ValueError(
            f"basis, disclose: {len(basis)}, {len(disclose)} entries for {count} clicks"
        )
    told = (basis & 1) | ((disclose != 0).astype(np.uint8) << 1)
    payload = slot.astype("<i8").tobytes() + told.astype(np.uint8).tobytes()
    frame: bytes = HEADER.pack(MAGIC, ANNOUNCE, request, count, len(payload)) + payload
    return frame + struct.pack("<I", zlib.crc32(frame))


def decode_reply(request: int, payload: bytes) -> SiftReply:
    """Codes as they are told: intensity 3 means nothing and is given through."""
    told = np.frombuffer(payload, np.uint8)
    bit = np.where(told & 8, (told >> 4) & 1, KEPT).astype(np.uint8)
    basis, intensity = told & np.uint8(1), told >> np.uint8(1) & np.uint8(3)
    return SiftReply(request, basis, intensity, bit)


class ReplyReader:
    """Cuts replies out of a byte stream.

    A header that is no reply's, or whose lengths are impossible, is refused at once.
    """

    def __init__(self) -> None:
        self.garbage_bytes = 0
        self.bad_frames = 0
        self._buffer = bytearray()

    def feed(self, data: bytes) -> list[SiftReply]:
        """Whole replies, in the order they came."""
        self._buffer += data
        self._drop(len(self._buffer) - BACKLOG_BYTES)
        replies: list[SiftReply] = []
        bad_before = self.bad_frames
        while self.bad_frames - bad_before < CHECKS_A_POLL and self._hunt():
            reply = self._take()
            if reply is not None:
                replies.append(reply)
        return replies

    def _drop(self, size: int) -> None:
        if size > 0:
            self.garbage_bytes += size
            del self._buffer[:size]

    def _hunt(self) -> bool:
        """Drop what is before the next believable header; True when its frame is complete."""
        buffer = self._buffer
        while True:
            at = buffer.find(MAGIC)
            # Without a magic, the last bytes may be the beginning of one.
            self._drop(at if at >= 0 else len(buffer) - len(MAGIC) + 1)
            if at < 0 or len(buffer) < HEADER.size:
                return False
            _, kind, _, count, length = HEADER.unpack_from(buffer)
            if kind == REPLY and length == count <= MOST_CLICKS:
                return len(buffer) >= HEADER.size + int(length) + CRC_BYTES
            self._drop(1)

    def _take(self) -> SiftReply | None:
        """The reply that the buffer begins with; without a right checksum, its first byte goes."""
        _, _, request, _, length = HEADER.unpack_from(self._buffer)
        size = HEADER.size + length
        frame = bytes(self._buffer[:size])
        if zlib.crc32(frame) != int.from_bytes(self._buffer[size : size + CRC_BYTES], "little"):
            self.bad_frames += 1
            self._drop(1)
            return None
        del self._buffer[: size + CRC_BYTES]
        return decode_reply(request, frame[HEADER.size :])


class FramedClassicalLink:
    """drivers.protocols.ClassicalLink on the contract above.

    Replies are given as they come: late, repeated, or to requests never made. The caller decides.
    """

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self._reader = ReplyReader()

    @property
    def health(self) -> Health:
        error = "checksum of a reply is wrong" if self._reader.bad_frames else ""
        return Health(self._reader.garbage_bytes, self._reader.bad_frames, last_error=error)

    def close(self) -> None:
        self._transport.close()

    def announce(
        self,
        request: int,
        slot: NDArray[np.int64],
        basis: NDArray[np.uint8],
        disclose: NDArray[np.uint8],
        t_ns: int,
    ) -> None:
        """As in the protocol. Raises ValueError as `encode_announcement` does."""
        self._transport.write(encode_announcement(request, slot, basis, disclose))

    def poll(self, t_ns: int) -> list[SiftReply]:
        return self._reader.feed(self._transport.read())
