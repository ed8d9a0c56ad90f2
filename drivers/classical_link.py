"""The public channel to the partner, on a wire contract of our own.

Little-endian frames:
    magic "QL01" | type u8 | request u32 | count u32 | payload length u32 | payload | crc32 u32
    crc32 (zlib's): of everything before it. count: clicks, at most a million.
    type 1, announcement, to the partner: slot i64 of every click, then a u8 of every click:
        bit 0 basis, bit 1 the bit is asked for. Payload length 9 * count.
    type 2, reply: a u8 of every click of the announcement, in its order: bit 0 basis, bits 1-2
        intensity, bit 3 the bit is disclosed, bit 4 the bit. Payload length = count.
    type 3, tally, of a partner that receives, about once a second; request: its sequence number.
        Time up to which it counts i64 (TAI ns), then `count` = 28 numbers i64, cumulative: detected
        clicks in key slots; key-basis bits kept, of the three intensities; check-basis bits; errors
        among these; disclosed key-basis bits; errors among these; clicks of disclosed and public
        slots by 4 * sent state + channel. Payload length = 8 * (1 + count).
    type 4, note, either way, of a search for each other; request: its sequence number, count: its
        kind (1 SEEN: your beacon was in our image at that time; 2 YOUR_TURN: scan yourself), then
        its time i64 (TAI ns). Payload length = 8.
The checksum finds errors, not liars: who flies a key authenticates what carries these frames.
"""

import struct
import zlib

import numpy as np
from numpy.typing import NDArray

from drivers.protocols import Health, PartnerNote, SiftReply, TallyReport
from drivers.transport import Transport

MAGIC = b"QL01"
HEADER = struct.Struct("<4sBIII")
CRC_BYTES = 4
ANNOUNCE, REPLY, TALLY, NOTE = 1, 2, 3, 4
MOST_CLICKS = 1_000_000
TALLY_COUNTS = 28
NOTE_KINDS = range(1, 3)
PartnerFrame = SiftReply | TallyReport | PartnerNote
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


def decode_tally(seq: int, payload: bytes) -> TallyReport:
    """Numbers as they are told: whether they can be is for the caller to judge."""
    told = np.frombuffer(payload, "<i8").astype(np.int64)
    return TallyReport(seq, int(told[0]), told[1:])


def encode_note(seq: int, kind: int, note_t_ns: int) -> bytes:
    """A frame of type 4. Raises ValueError for a number that does not fit."""
    if not 0 <= seq < 1 << 32 or kind not in NOTE_KINDS or not 0 <= note_t_ns < 1 << 63:
        raise ValueError(f"note: {seq}, {kind}, {note_t_ns} cannot be sent")
    body: bytes = HEADER.pack(MAGIC, NOTE, seq, kind, 8) + struct.pack("<q", note_t_ns)
    return body + struct.pack("<I", zlib.crc32(body))


def _believable(kind: int, count: int, length: int) -> bool:
    """Whether the partner sends frames with such a header."""
    if kind == REPLY:
        return length == count <= MOST_CLICKS
    if kind == NOTE:
        return count in NOTE_KINDS and length == 8
    return kind == TALLY and count == TALLY_COUNTS and length == 8 * (1 + count)


class FrameReader:
    """Cuts the partner's frames out of a byte stream.

    A header that is none of the partner's, or whose lengths are impossible, is refused at once.
    """

    def __init__(self) -> None:
        self.garbage_bytes = 0
        self.bad_frames = 0
        self._buffer = bytearray()

    def feed(self, data: bytes) -> list[PartnerFrame]:
        """Whole frames, in the order they came."""
        self._buffer += data
        self._drop(len(self._buffer) - BACKLOG_BYTES)
        frames: list[PartnerFrame] = []
        bad_before = self.bad_frames
        while self.bad_frames - bad_before < CHECKS_A_POLL and self._hunt():
            frame = self._take()
            if frame is not None:
                frames.append(frame)
        return frames

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
            if _believable(kind, count, length):
                return len(buffer) >= HEADER.size + int(length) + CRC_BYTES
            self._drop(1)

    def _take(self) -> PartnerFrame | None:
        """The frame that the buffer begins with; without a right checksum, its first byte goes."""
        _, kind, request, count, length = HEADER.unpack_from(self._buffer)
        size = HEADER.size + length
        frame = bytes(self._buffer[:size])
        if zlib.crc32(frame) != int.from_bytes(self._buffer[size : size + CRC_BYTES], "little"):
            self.bad_frames += 1
            self._drop(1)
            return None
        del self._buffer[: size + CRC_BYTES]
        payload = frame[HEADER.size :]
        if kind == NOTE:
            return PartnerNote(request, count, int.from_bytes(payload, "little", signed=True))
        return decode_reply(request, payload) if kind == REPLY else decode_tally(request, payload)


class FramedClassicalLink:
    """drivers.protocols.ClassicalLink on the contract above.

    Frames are given as they come: late, repeated, or to requests never made. The caller decides.
    """

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self._reader = FrameReader()
        self._waiting: list[SiftReply | TallyReport] = []
        self._note: PartnerNote | None = None
        self._notes_sent = 0

    @property
    def health(self) -> Health:
        error = "checksum of a frame is wrong" if self._reader.bad_frames else ""
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

    def tell(self, kind: int, note_t_ns: int, t_ns: int) -> None:
        """As in the protocol. Raises ValueError as `encode_note` does."""
        self._notes_sent += 1
        self._transport.write(encode_note(self._notes_sent, kind, note_t_ns))

    def poll(self, t_ns: int) -> list[SiftReply | TallyReport]:
        self._hear()
        waiting, self._waiting = self._waiting, []
        return waiting

    def note(self, t_ns: int) -> PartnerNote | None:
        self._hear()
        note, self._note = self._note, None
        return note

    def _hear(self) -> None:
        """Two loops ask, each for frames of its own: what is not asked for waits."""
        for frame in self._reader.feed(self._transport.read()):
            if isinstance(frame, PartnerNote):
                self._note = frame
            else:
                self._waiting.append(frame)
