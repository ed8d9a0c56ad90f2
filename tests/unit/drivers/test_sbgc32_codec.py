"""SBGC32 frames of driver and emulator, each by itself, against vectors from outside both.

Frames marked [C=V] in the protocol notes: computed, and accepted by the vendor's compiled C
(sbgc32-serial-api v2.2, lowLayer.c). No public recorded version 2 frame is known.
"""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers import gimbal_sbgc32 as driver
from sim_devices import gimbal_sbgc32 as emulator
from sim_devices.gimbal_mechanics_free import FreeGimbal

FRAMES = {
    "CONTROL angle R0 P-45@30 Y90@60": (
        "24 43 0f 52 02 02 02 00 00 00 00 f6 00 00 f8 ec 01 00 10 99 85"
    ),
    "CONTROL P+1.5 deg/s Y-2.5 deg/s": (
        "24 43 0f 52 07 81 81 00 00 00 00 dc 05 00 00 3c f6 00 00 69 47"
    ),
    "MOTORS_ON": "24 4d 00 4d 44 0a",
    "MOTORS_OFF safe stop": "24 6d 01 6e 02 b3 07",
    "GET_ANGLES": "24 49 00 49 04 08",
    "REALTIME_DATA_4": "24 19 00 19 b0 08",
    "GET_ANGLES reply": ("24 49 12 5b 00 00 00 00 00 00 01 f8 00 f8 00 00 00 10 00 10 08 00 e5 d6"),
    "REALTIME_DATA_CUSTOM request": "24 58 04 5c 18 00 06 00 32 b0",
    "DATA_STREAM_INTERVAL": (
        "24 55 15 6a 58 01 00 18 00 06 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 9f c2"
    ),
    "CONTROL_EXT": (
        "24 79 16 8f 80 31 03 00 d0 07 00 00 c7 01 00 00 03 00 30 f8 ff ff 39 fe ff ff 82 9e"
    ),
    "CONFIRM(77)": "24 43 01 44 4d 8e ed",
    "ERROR 6": "24 ff 05 04 06 00 00 00 00 01 c9",
}
vectors = pytest.mark.parametrize("frame", [bytes.fromhex(f) for f in FRAMES.values()], ids=FRAMES)


def driver_reads(*chunks: bytes) -> list[tuple[int, bytes]]:
    reader = driver.FrameReader()
    return [frame for chunk in chunks for frame in reader.feed(chunk, 0)]


def emulator_reads(*chunks: bytes) -> list[tuple[int, bytes]]:
    stream, frames = bytearray(), []
    for chunk in chunks:
        stream += chunk
        while (frame := emulator.take_frame(stream)) is not None:
            frames.append(frame)
    return frames


readers = pytest.mark.parametrize("reads", [driver_reads, emulator_reads])


@pytest.mark.parametrize("crc", [driver.crc_v2, emulator.crc16])
def test_crc_check_value(crc):
    assert crc(b"123456789") == 0xBCDD


@vectors
@pytest.mark.parametrize("encode", [driver.encode, emulator.pack_frame])
def test_encodes_the_vectors(encode, frame):
    assert encode(frame[1], frame[4:-2]) == frame


@vectors
@readers
def test_reads_the_vectors_byte_by_byte(reads, frame):
    assert reads(*(bytes((byte,)) for byte in frame)) == [(frame[1], frame[4:-2])]


@vectors
@readers
def test_half_right_crc_is_no_crc(reads, frame):
    """The vendor's own library accepts these."""
    for wrong in (-1, -2):
        spoilt = bytearray(frame)
        spoilt[wrong] ^= 0x5A
        assert reads(bytes(spoilt)) == []


def test_the_driver_sends_the_vectors():
    """Commands of the driver itself; the stream request differs in fields and interval alone."""

    class Wire:
        sent = b""

        def read(self) -> bytes:
            return b""

        def write(self, data: bytes) -> None:
            self.sent += data

        def close(self) -> None:
            pass

    wire = Wire()
    gimbal = driver.Sbgc32(wire, stream_interval_ms=1, control_timeout_ms=250)
    gimbal.motors(True, 0)
    gimbal.command_rate(math.radians(-2.5), math.radians(1.5), 0)
    gimbal.motors(False, 0)
    (_, config), (_, stream), *commands = driver_reads(wire.sent)
    assert config[:2] == (250).to_bytes(2, "little")
    assert len(config) == 2 + 5 + 3 * 7 + 1 + 2 + 1 + 9
    wanted = bytearray.fromhex(FRAMES["DATA_STREAM_INTERVAL"])[4:-2]
    wanted[3:7] = (0x0818).to_bytes(4, "little")
    assert stream == wanted
    names = ["MOTORS_ON", "CONTROL P+1.5 deg/s Y-2.5 deg/s", "MOTORS_OFF safe stop"]
    assert b"".join(driver.encode(*command) for command in commands) == b"".join(
        bytes.fromhex(FRAMES[name]) for name in names
    )


def test_control_carries_roll_first():
    """CMD_CONTROL: modes of roll, pitch, yaw, then speed and angle of each, in 0.001 deg/s.

    Order and scales by the vendor's notes [P]; no vector with a roll rate is known.
    """

    class Wire:
        sent = b""

        def read(self) -> bytes:
            return b""

        def write(self, data: bytes) -> None:
            self.sent = data

        def close(self) -> None:
            pass

    wire = Wire()
    gimbal = driver.Sbgc32(wire)
    gimbal.command_rate(math.radians(-2.5), math.radians(1.5), 0, math.radians(1.0))
    ((command, payload),) = emulator_reads(wire.sent)
    assert command == 67
    assert payload == bytes.fromhex("81 81 81 e8 03 00 00 dc 05 00 00 3c f6 00 00")
    # Thereafter 0 is a rate as well.
    gimbal.command_rate(math.radians(-2.5), math.radians(1.5), 0)
    ((_, payload),) = emulator_reads(wire.sent)
    assert payload == bytes.fromhex("81 81 81 00 00 00 00 dc 05 00 00 3c f6 00 00")


SAMPLE = bytes.fromhex("e803 0004 0010 00f0 000000000000 000010 000040 0000c0")
"""By hand: 1000 ms; joints roll 22.5, pitch 90, yaw -90 degrees; gyro still; the raw encoders."""


def test_the_driver_reads_roll_pitch_yaw():
    class Wire:
        def read(self) -> bytes:
            return emulator.pack_frame(88, SAMPLE)

        def write(self, data: bytes) -> None:
            pass

        def close(self) -> None:
            pass

    gimbal = driver.Sbgc32(Wire())
    gimbal.command_rate(0.0, 0.0, 0, 0.1)
    state = gimbal.poll(0)
    degrees = [math.degrees(a) for a in (state.roll_rad, state.pitch_rad, state.yaw_rad)]
    assert degrees == pytest.approx([22.5, 90.0, -90.0], abs=1e-12)
    assert gimbal.health == (0, 0, 0, 0, "")


def test_the_emulator_tells_roll_pitch_yaw():
    joints = FreeGimbal()
    joints.roll_rad, joints.pitch_rad = math.radians(22.5), math.radians(90.0)
    joints.yaw_rad = math.radians(-90.0)
    board = emulator.Sbgc32Emulator(joints)
    board.receive(driver.encode(88, (0x0818).to_bytes(4, "little")), 1_000_000_000)
    assert driver_reads(board.poll(1_000_000_000)) == [(88, SAMPLE)]


@readers
@given(bit=st.integers(0, 8 * 21 - 1))
def test_every_single_bit_error_is_seen(reads, bit):
    spoilt = bytearray.fromhex(FRAMES["CONTROL P+1.5 deg/s Y-2.5 deg/s"])
    spoilt[bit // 8] ^= 1 << bit % 8
    assert reads(bytes(spoilt)) == []


@readers
@given(garbage=st.lists(st.binary(max_size=40), max_size=6))
def test_a_good_frame_is_found_behind_anything(reads, garbage):
    """Behind 300 zeros no false header is still waiting for its end."""
    good = bytes.fromhex(FRAMES["CONFIRM(77)"])
    assert reads(*garbage, bytes(300), good)[-1] == (67, b"M")


@given(st.lists(st.tuples(st.binary(max_size=60), st.integers(0, 60_000_000)), max_size=20))
def test_every_byte_is_accounted_for(chunks):
    reader, t_ns, given_bytes, framed = driver.FrameReader(), 0, 0, 0
    for data, pause_ns in chunks:
        t_ns += pause_ns
        given_bytes += len(data)
        framed += sum(6 + len(payload) for _, payload in reader.feed(data, t_ns))
    lost = reader.garbage_bytes + reader.bad_frames
    assert 0 <= given_bytes - framed - lost <= 260


def test_a_frame_cut_off_does_not_hold_up_the_next():
    """A header that announces 255 bytes, then silence, then a good frame."""
    reader = driver.FrameReader()
    cut_off = bytes((0x24, 88, 255, (88 + 255) & 0xFF, 1, 2, 3))
    good = bytes.fromhex(FRAMES["CONFIRM(77)"])
    assert reader.feed(cut_off, 0) == []
    assert reader.feed(b"", driver.BYTE_GAP_NS + 1) == []
    assert reader.feed(good, driver.BYTE_GAP_NS + 2) == [(67, b"M")]


@pytest.mark.parametrize(
    ("rate_rad_s", "counts"),
    [
        (math.radians(1.5), 1500),
        (math.radians(-2.5), -2500),
        (100.0, 32767),
        (-100.0, -32767),
        (math.inf, 32767),
        (math.nan, 0),
    ],
)
def test_rate_counts(rate_rad_s, counts):
    assert driver.rate_counts(rate_rad_s) == counts


@given(st.floats(-1e6, 1e6))
def test_wrap(angle_rad):
    wrapped = driver.wrap_rad(angle_rad)
    assert -math.pi < wrapped <= math.pi
    assert math.cos(wrapped) == pytest.approx(math.cos(angle_rad), abs=1e-9)
    assert math.sin(wrapped) == pytest.approx(math.sin(angle_rad), abs=1e-9)


def test_wrap_at_the_seam():
    assert driver.wrap_rad(-math.pi) == math.pi
    assert driver.wrap_rad(math.pi) == math.pi


@given(data=st.binary(max_size=400), cut=st.integers(0, 400))
def test_the_board_takes_anything(data, cut):
    board = emulator.Sbgc32Emulator(FreeGimbal())
    board.receive(data[:cut], 10**18)
    board.receive(data[cut:], 10**18 + 1)
    board.poll(10**18 + 2)


@given(command=st.integers(1, 255), payload=st.binary(max_size=45))
def test_the_board_takes_any_command(command, payload):
    board = emulator.Sbgc32Emulator(FreeGimbal())
    board.receive(emulator.pack_frame(command, payload), 10**18)
    for _, answer in driver_reads(board.poll(10**18 + 10**9)):
        assert answer
