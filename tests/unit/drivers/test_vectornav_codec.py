"""VectorNav messages of driver and emulator, each by itself, against vectors from outside both."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from drivers import navigation_vectornav as driver
from sim_devices import navigation_vectornav as emulator

MANUAL_EXAMPLE = bytes.fromhex("FA 01 08 00 93 50 2E 42 83 3E F1 3F 48 B5 04 BB 92 88")
"""[P] VN-100 and VN-300 manuals, binary output messages, example 1: YawPitchRoll alone.

Example 2 (FA 05 08 00 01 00 A4 15 02 42 4D DF EB 3F F6 1A 36 BE BF 2D A4 41, CRC A8 3A, in a
scanned VN-100 manual UM001 v2.22) is no vector here: this CRC gives AD D4, and AF 1A with the
temperature's mask as documented elsewhere (10 00). Misprint, scan or our error: [?].
"""
ARDUPILOT_INS = bytes.fromhex("FA 34 2E 07 06 01 12 06") + bytes(160) + bytes.fromhex("32 88")
"""Header and length (170) of ArduPilot's first VectorNav message, all fields zero [C]."""
ARDUPILOT_COMMANDS = {
    "VNWRG,75,3,8,34,072E,0106,0612": b"0A",
    "VNWRG,76,3,80,4E,0002,0010,20B8,0018": b"63",
}
CRCS = [lambda data: driver.binascii.crc_hqx(data, 0), emulator.crc16]
T_NS = 1_481_556_000 * 10**9


def measurement(q=(1.0, 0.0, 0.0, 0.0), t_ns=T_NS):
    return emulator.NavMeasurement(t_ns, 0.6, 2.0, 500.0, (1.0, -2.0, 3.0), q, 0.001, 0.5)


GOOD = emulator.pack_message(measurement())
fuzzed = st.lists(
    st.one_of(
        st.binary(max_size=40),
        st.sampled_from([b"$VN", b"$VNERR,03*72\r\n", b"\xfa\x32", GOOD[:50], b"\xfa\x12\x02\x00"]),
    ),
    max_size=8,
)


@pytest.mark.parametrize("crc", CRCS)
def test_crc_check_value(crc):
    assert crc(b"123456789") == 0x31C3


@pytest.mark.parametrize("crc", CRCS)
@pytest.mark.parametrize("frame", [MANUAL_EXAMPLE, ARDUPILOT_INS], ids=["manual", "ArduPilot"])
def test_crc_of_published_frames(crc, frame):
    assert crc(frame[1:-2]) == int.from_bytes(frame[-2:], "big")
    assert crc(frame[1:]) == 0


@pytest.mark.parametrize("body", ARDUPILOT_COMMANDS)
def test_ascii_checksum(body):
    expected = b"$" + body.encode() + b"*" + ARDUPILOT_COMMANDS[body] + b"\r\n"
    assert driver.ascii_command(body) == expected
    assert driver.ascii_is_valid(expected.rstrip())
    assert b"%02X" % emulator.xor8(body.encode()) == ARDUPILOT_COMMANDS[body]


def test_a_time_that_no_record_can_hold_is_refused():
    late = emulator.pack_message(measurement(t_ns=2**63 - 1))

    class Wire:
        def read(self) -> bytes:
            return late

        def write(self, data: bytes) -> None:
            pass

        def close(self) -> None:
            pass

    unit = driver.VectorNav(Wire())
    assert unit.poll(T_NS) is None
    assert unit.health.bad_frames == 1


def test_the_driver_asks_for_its_message():
    """Register 75, both ports, 800 Hz / 16; groups and masks as ArduPilot's for the same fields."""

    class Wire:
        sent = b""

        def read(self) -> bytes:
            return b""

        def write(self, data: bytes) -> None:
            self.sent += data

        def close(self) -> None:
            pass

    wire = Wire()
    driver.VectorNav(wire, rate_hz=50).poll(T_NS)
    body, _, check = wire.sent[1:].partition(b"*")
    assert body == b"VNWRG,75,3,16,32,0002,0106,0612"
    assert check == b"%02X\r\n" % emulator.xor8(body)


def test_field_table_gives_published_lengths():
    """ArduPilot's two messages, as far as they use these groups: its C structs, packed."""
    attitude_and_ins = 3 * 4 + 4 * 4 + 3 * 4 + 3 * 8 + 3 * 4 + 4 + 4
    assert driver.payload_bytes(0x30, bytes.fromhex("0601 1206")) == attitude_and_ins
    assert driver.payload_bytes(0x02, bytes.fromhex("0200")) == 8
    assert driver.payload_bytes(0x02, bytes.fromhex("0080")) is None
    assert driver.payload_bytes(0x01, bytes.fromhex("0800")) is None


def test_emulator_layout_word_by_word():
    q = (0.5, -0.5, 0.5, 0.5)
    frame = emulator.pack_message(measurement(q))
    assert frame[:8] == bytes.fromhex("FA 32 0200 0601 1206")
    assert len(frame) == 1 + 7 + 92 + 2
    # 2016-12-12 15:20:00 TAI is 15:19:41 GPS: day 1 of GPS week 1927.
    gps_ns = (1927 * 7 + 1) * 86_400 * 10**9 + (15 * 3600 + 19 * 60 + 41) * 10**9
    assert struct.unpack_from("<Q", frame, 8) == (gps_ns,)
    assert struct.unpack_from("<4f", frame, 28) == (-0.5, 0.5, 0.5, 0.5)
    assert struct.unpack_from("<3d", frame, 56) == pytest.approx(
        (34.37746770784939, 114.59155902616465, 500.0), rel=1e-15
    )
    assert struct.unpack_from("<3f", frame, 80) == (1.0, -2.0, 3.0)


@given(st.tuples(st.floats(-179.9, 179.9), st.floats(-89.0, 89.0), st.floats(-179.9, 179.9)))
def test_yaw_pitch_roll_against_scipy(ypr_deg):
    x, y, z, w = Rotation.from_euler("ZYX", ypr_deg, degrees=True).as_quat()
    assert emulator.yaw_pitch_roll_deg((w, x, y, z)) == pytest.approx(ypr_deg, abs=1e-8)


@given(fuzzed)
def test_a_good_frame_is_found_behind_anything(chunks):
    """Behind 600 zeros no false header is still waiting for its end."""
    reader = driver.StreamReader()
    found = [m for chunk in [*chunks, bytes(600), GOOD] for m in reader.feed(chunk)]
    assert found[-1] == GOOD[1:-2]


@given(fuzzed)
def test_every_byte_is_accounted_for(chunks):
    reader = driver.StreamReader()
    framed = 0
    for chunk in chunks:
        for message in reader.feed(chunk):
            framed += len(message) + (2 if message.startswith(b"$") else 3)
    lost = reader.garbage_bytes + reader.bad_frames
    # A bad line is one bad frame of up to 256 bytes; everything else is counted byte by byte.
    given_bytes = sum(map(len, chunks))
    assert framed + lost <= given_bytes
    assert given_bytes - framed - lost <= 400 + 255 * reader.bad_frames


@given(st.integers(8, 8 * len(GOOD) - 1))
def test_every_single_bit_error_is_seen(bit):
    spoilt = bytearray(GOOD)
    spoilt[bit // 8] ^= 1 << bit % 8
    assert driver.StreamReader().feed(bytes(spoilt) + bytes(600)) == []


@given(st.binary(max_size=400))
def test_the_unit_takes_anything(data):
    unit = emulator.VectorNavEmulator(emulator.StillNavigation())
    unit.receive(data, T_NS)
    unit.poll(T_NS + 1)


@given(st.text(st.characters(max_codepoint=126, min_codepoint=32), max_size=60))
def test_the_unit_takes_any_line(text):
    unit = emulator.VectorNavEmulator(emulator.StillNavigation())
    unit.receive(driver.ascii_command("VN" + text), T_NS)
    unit.poll(T_NS + 1)


@pytest.mark.parametrize(
    ("line", "reply"),
    [
        (b"$VNWRG,75,3,8,32,0002,0106,0612*00\r\n", b"$VNERR,03*72\r\n"),
        (driver.ascii_command("VNFOO,1"), driver.ascii_command("VNERR,04")),
        (driver.ascii_command("VNWRG,75,3"), driver.ascii_command("VNERR,05")),
        (driver.ascii_command("VNWRG,75,3,0,32,0002,0106,0612"), driver.ascii_command("VNERR,07")),
        (driver.ascii_command("VNWRG,99,3"), driver.ascii_command("VNERR,08")),
    ],
)
def test_the_unit_answers_errors(line, reply):
    """VNERR,03*72 is the manual's own example [P]."""
    unit = emulator.VectorNavEmulator(emulator.StillNavigation())
    unit.receive(line, T_NS)
    assert unit.poll(T_NS) == reply
