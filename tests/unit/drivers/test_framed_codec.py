"""Our own wire contracts, camera and public channel: frames made by hand, and rubbish."""

import zlib
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers import camera_mono8 as camera
from drivers import classical_link as classical
from sim_devices import camera_mono8 as far_camera
from sim_devices import classical_link as far_classical

PIXELS = np.array([[1, 2, 3], [4, 5, 255]], np.uint8)


def with_crc(head: str, payload: bytes = b"", crc_is_last: bool = True) -> bytes:
    """A frame of these hex digits; the checksum (of all) before its payload, or at its end."""
    body = bytes.fromhex(head)
    crc = zlib.crc32(body + payload).to_bytes(4, "little")
    return body + payload + crc if crc_is_last else body + crc + payload


FRAME = with_crc(
    "51463031 04030201 8877665544332211 e8030000 0a00 1400 0300 0200 06000000",
    PIXELS.tobytes(),
    crc_is_last=False,
)
"""seq 0x01020304, t_ns 0x1122334455667788, 1000 us, left 10, top 20, 3 columns, 2 rows."""
WINDOW = with_crc("51433031 0a00 1400 0300 0200")
EXPOSURE = with_crc("51453031 d0070000 00000000")
"""2000 us."""
ANNOUNCEMENT = with_crc(
    "514c3031 01 07000000 02000000 12000000 0500000000000000 feffffffffffffff 02 01"
)
"""Request 7: slot 5, basis 0, asked for; slot -2, basis 1, not asked for."""
REPLY = with_crc("514c3031 02 07000000 04000000 04000000 00 1f 0c 13")
"""Request 7: X signal kept; Z, no such intensity, bit 1; X vacuum bit 0; Z decoy, bit kept."""
TALLY_NUMBERS = [1000, 600, 50, 1, 70, 6, 0, 2, 1, 0, 30, 3, *range(101, 117)]
TALLY = with_crc(
    "514c3031 03 07000000 1c000000 e8000000 8877665544332211"
    + "".join(n.to_bytes(8, "little").hex() for n in TALLY_NUMBERS)
)
"""Number 7, counted up to 0x1122334455667788 ns."""


def camera_frames(*arriving: bytes) -> tuple[list[int], camera.FrameReader]:
    reader = camera.FrameReader(columns=16, rows=24)
    return [f.seq for part in arriving if (f := reader.feed(part)) is not None], reader


def replies(*arriving: bytes) -> tuple[list[int], classical.FrameReader]:
    """The first number of every frame: request of a reply, sequence of a tally."""
    reader = classical.FrameReader()
    return [r[0] for part in arriving for r in reader.feed(part)], reader


def parts_of(data: bytes, cuts: list[int]) -> list[bytes]:
    return [data[a:b] for a, b in pairwise([0, *sorted(cuts), len(data)])]


def test_driver_reads_a_frame_made_by_hand():
    frame = camera.FrameReader(16, 24).feed(FRAME)
    assert frame[:5] == (0x1122334455667788, 0x01020304, 1000, 10, 20)
    assert np.array_equal(frame.pixels, PIXELS)


def test_emulator_sends_a_frame_made_by_hand():
    sent = far_camera.pack_frame(0x01020304, 0x1122334455667788, 1000, 10, 20, PIXELS)
    assert sent == FRAME


def test_driver_sends_a_window_made_by_hand():
    assert camera.encode_window(10, 20, 3, 2) == WINDOW


def test_driver_sends_an_exposure_made_by_hand():
    assert camera.encode_exposure(2000) == EXPOSURE


def test_driver_announces_as_made_by_hand():
    sent = classical.encode_announcement(
        7, np.array([5, -2]), np.array([0, 1], np.uint8), np.array([1, 0], np.uint8)
    )
    assert sent == ANNOUNCEMENT


def test_driver_reads_a_reply_made_by_hand():
    (reply,) = classical.FrameReader().feed(REPLY)
    assert reply.request == 7
    assert reply.basis.tolist() == [0, 1, 0, 1]
    assert reply.intensity.tolist() == [0, 3, 2, 1]
    assert reply.bit.tolist() == [255, 1, 0, 255]


def test_emulator_replies_as_made_by_hand():
    basis = np.array([0, 0], np.uint8)
    intensity, bit = np.array([0, 2], np.uint8), np.array([255, 0], np.uint8)
    expected = with_crc("514c3031 02 07000000 02000000 02000000 00 0c")
    assert far_classical.pack_reply(7, basis, intensity, bit) == expected


def test_driver_reads_a_tally_made_by_hand():
    (tally,) = classical.FrameReader().feed(TALLY)
    assert (tally.seq, tally.t_ns) == (7, 0x1122334455667788)
    assert tally.counts.dtype == np.int64
    assert tally.counts.tolist() == TALLY_NUMBERS


def test_emulator_tells_a_tally_as_made_by_hand():
    assert far_classical.pack_tally(7, 0x1122334455667788, np.array(TALLY_NUMBERS)) == TALLY


class Partner:
    """Keeps what it was asked."""

    def __init__(self) -> None:
        self.asked: list[list[list[int]]] = []

    def answer(self, slot, basis, disclose):
        self.asked.append([slot.tolist(), basis.tolist(), disclose.tolist()])
        return basis, basis, np.full(len(basis), 255, np.uint8)


@given(st.binary(max_size=40), st.lists(st.integers(0, len(ANNOUNCEMENT)), max_size=5))
def test_emulator_hears_an_announcement_in_parts_and_after_rubbish(rubbish: bytes, cuts: list[int]):
    partner = Partner()
    far_end = far_classical.ClassicalLinkEmulator(partner, latency_ns=0)
    for part in [rubbish, *parts_of(ANNOUNCEMENT, cuts)]:
        far_end.receive(part, 0)
    assert partner.asked == [[[5, -2], [0, 1], [1, 0]]]


class Scene:
    def expose(self, t_ns, exposure_us, left, top, columns, rows):
        return np.zeros((rows, columns), np.uint8)


@given(st.binary(max_size=40), st.lists(st.integers(0, len(WINDOW)), max_size=5))
def test_emulator_hears_a_window_in_parts_and_after_rubbish(rubbish: bytes, cuts: list[int]):
    device = far_camera.Mono8CameraEmulator(Scene(), rate_hz=100, columns=16, rows=24)
    # So much at the end that no part of a command is left waiting.
    for part in [rubbish, *parts_of(WINDOW, cuts), b"\x00" * 16]:
        device.receive(part, 0)
    device.poll(0)
    frame = camera.FrameReader(16, 24).feed(device.poll(20_000_000))
    assert (frame.left, frame.top, frame.pixels.shape) == (10, 20, (2, 3))


@given(st.binary(max_size=40), st.lists(st.integers(0, len(EXPOSURE)), max_size=5))
def test_emulator_hears_an_exposure_in_parts_and_after_rubbish(rubbish: bytes, cuts: list[int]):
    device = far_camera.Mono8CameraEmulator(Scene(), rate_hz=100, columns=16, rows=24)
    for part in [rubbish, *parts_of(EXPOSURE, cuts), b"\x00" * 16]:
        device.receive(part, 0)
    device.poll(0)
    assert camera.FrameReader(16, 24).feed(device.poll(20_000_000)).exposure_us == 2000


@pytest.mark.parametrize("position", range(len(EXPOSURE)))
def test_an_exposure_with_a_wrong_byte_is_none(position: int):
    wrong = bytearray(EXPOSURE)
    wrong[position] ^= 0x40
    device = far_camera.Mono8CameraEmulator(Scene(), rate_hz=100, columns=16, rows=24)
    device.receive(bytes(wrong) + b"\x00" * 16, 0)
    device.poll(0)
    assert camera.FrameReader(16, 24).feed(device.poll(20_000_000)).exposure_us == 1000


@given(st.lists(st.integers(0, 3 * len(FRAME)), max_size=8))
def test_camera_frames_cut_anywhere(cuts: list[int]):
    frames = [far_camera.pack_frame(seq, 10**18 + seq, 1000, 10, 20, PIXELS) for seq in range(3)]
    seqs, reader = camera_frames(*parts_of(b"".join(frames), cuts))
    assert seqs == sorted(set(seqs))
    assert seqs[-1] == 2
    assert (reader.garbage_bytes, reader.bad_frames) == (0, 0)


@pytest.mark.parametrize("frames", [REPLY * 3, TALLY * 3, REPLY + TALLY + REPLY])
@given(st.data())
def test_replies_and_tallies_cut_anywhere(frames: bytes, data: st.DataObject):
    cuts = data.draw(st.lists(st.integers(0, len(frames)), max_size=8))
    requests, reader = replies(*parts_of(frames, cuts))
    assert requests == [7, 7, 7]
    assert (reader.garbage_bytes, reader.bad_frames) == (0, 0)


camera_rubbish = st.one_of(
    st.binary(max_size=60), st.sampled_from([b"QF01", FRAME[:-1], FRAME[:36], FRAME[1:]])
)
classical_rubbish = st.one_of(
    st.binary(max_size=60),
    st.sampled_from([b"QL01", REPLY[:-1], REPLY[:17], REPLY[1:], TALLY[:-1], TALLY[:17]]),
)


@given(st.lists(camera_rubbish, max_size=8))
def test_a_camera_frame_after_any_rubbish(rubbish: list[bytes]):
    """Enough frames that whatever length a false header asked for is filled."""
    seqs, reader = camera_frames(*rubbish, FRAME, *[b"\x00" * 500] * 12)
    assert 0x01020304 in seqs
    assert reader.garbage_bytes <= sum(map(len, rubbish)) + 6000


@given(st.lists(classical_rubbish, max_size=8))
def test_a_reply_after_any_rubbish(rubbish: list[bytes]):
    requests, _ = replies(*rubbish, REPLY, *[b"\x00" * 100] * 12)
    assert 7 in requests


@given(st.integers(0, 8 * len(TALLY) - 1))
def test_a_tally_with_a_wrong_bit_is_no_tally(position: int):
    wrong = bytearray(TALLY)
    wrong[position // 8] ^= 1 << position % 8
    assert replies(bytes(wrong), b"\x00" * 1000)[0] == []


@pytest.mark.parametrize("position", range(len(FRAME)))
def test_a_camera_frame_with_a_wrong_byte_is_no_frame(position: int):
    wrong = bytearray(FRAME)
    wrong[position] ^= 0x40
    assert camera_frames(bytes(wrong), b"\x00" * 1000)[0] == []


@pytest.mark.parametrize(
    "fields",
    [
        "0000 0000 1100 0100 11000000",  # wider than the sensor
        "0000 0000 0100 1900 19000000",  # higher
        "0f00 0000 0200 0100 02000000",  # over its right edge
        "0000 0000 0000 0000 00000000",  # empty
        "0000 0000 0300 0200 ffffffff",  # a length that is not its window's
    ],
)
def test_impossible_camera_headers_are_refused_at_once(fields: str):
    header = bytes.fromhex("51463031 00000000 0000000000000000 e8030000" + fields + "00000000")
    assert camera_frames(header + FRAME)[0] == [0x01020304]


@pytest.mark.parametrize(
    "fields",
    [
        "01 07000000 04000000 04000000",  # an announcement
        "02 07000000 41420f00 41420f00",  # 1,000,001 clicks
        "02 07000000 ffffffff ffffffff",
        "02 07000000 04000000 05000000",  # a length that is not its count
        "03 07000000 1c000000 e0000000",  # a tally without its time
        "03 07000000 1b000000 e0000000",  # a number too few
        "04 07000000 1c000000 e8000000",  # no type there is
    ],
)
def test_impossible_replies_are_refused_at_once(fields: str):
    header = bytes.fromhex("514c3031" + fields)
    assert replies(header + REPLY)[0] == [7]


@pytest.mark.parametrize("reader", [camera.FrameReader(640, 512), classical.FrameReader()])
def test_false_headers_without_end_cost_bounded_memory_and_time(reader):
    """Each promises the longest payload there is, and has no right checksum."""
    reply = bytes.fromhex("514c3031 02 07000000 40420f00 40420f00")
    frame = bytes.fromhex(
        "51463031 00000000 0000000000000000 00000000 0000 0000 8002 0002 00000500 00000000"
    )
    for _ in range(12):
        reader.feed((reply + frame) * ((1 << 20) // 53))
    assert reader.bad_frames <= 12 * 8
    assert reader.garbage_bytes > 0
