"""The LD4i driver against known frames: those of two public drivers' tests."""

import pytest

from drivers.expander_ld4i import Ld4i, crc16_arc, framed

SECOND_NS = 1_000_000_000
MCA = bytes.fromhex("4d43410007d00258b86b0d0a")
"""Status 0, 2000 and 600 counts: 5 and -2 dioptres of a lens of type A."""


@pytest.mark.parametrize(
    ("data", "crc"),
    [(b"123456789", 0xBB3D), (b"Start", 0xA5EA), (b"\x00\x41", 0x30C0), (b"", 0x0000)],
)
def test_check_sums(data: bytes, crc: int) -> None:
    assert crc16_arc(data) == crc


@pytest.mark.parametrize(
    ("command", "frame"),
    [
        (b"H", "480036"),
        (b"X", "5801fa"),
        (b"V\0", "56003fa0"),
        (b"MMA", "4d4d416577"),
        (b"MwDA", "4d7744415446"),
        (b"MwCA", "4d7743415676"),
        (b"PwDA\x06\x40\0\0", "5077444106400000302c"),
    ],
)
def test_frames(command: bytes, frame: str) -> None:
    assert framed(command).hex() == frame


class Scripted:
    """A transport to a device that answers each command with what stands in a table."""

    def __init__(self, answers: dict[bytes, bytes]) -> None:
        self.written: list[bytes] = []
        self._answers = answers
        self._out = b""

    def read(self) -> bytes:
        out, self._out = self._out, b""
        return out

    def write(self, data: bytes) -> None:
        self.written.append(data)
        self._out += self._answers.get(data, b"")

    def close(self) -> None:
        pass


def polled(lens: Ld4i, seconds: float) -> None:
    for t_ns in range(0, round(seconds * SECOND_NS), 10_000_000):
        lens.poll(t_ns)


START = {b"Start": b"Ready\r\n"}
TYPE_A = {framed(b"H"): framed(b"HA") + b"\r\n"}
LENS = {**START, **TYPE_A, framed(b"MwCA"): MCA}


def test_a_power_is_the_known_frame() -> None:
    """3 dioptres of a lens of type A."""
    line = Scripted({**LENS, framed(b"PrDA\0\0\0\0"): framed(b"PDA\x03\xe8\0\0") + b"\r\n"})
    lens = Ld4i(line)
    polled(lens, 1.0)
    state = lens.poll(SECOND_NS)
    assert state is not None
    assert (state.position, state.moving) == (0.0, False)
    assert lens.move_to(3.0, SECOND_NS)
    lens.poll(2 * SECOND_NS)
    assert bytes.fromhex("5077444106400000302c") in line.written


def test_limits_are_those_of_the_known_reply() -> None:
    line = Scripted(LENS)
    lens = Ld4i(line)
    polled(lens, 0.2)
    assert not lens.move_to(5.01, 0)
    assert not lens.move_to(-2.01, 0)
    assert lens.move_to(-2.0, 0)


def test_a_reply_may_hold_the_end_of_a_line() -> None:
    """0x0d0a counts are 3338: a power that would end a line."""
    answer = framed(b"PDA\x0d\x0a\0\0") + b"\r\n"
    line = Scripted({**LENS, framed(b"PrDA\0\0\0\0"): answer})
    lens = Ld4i(line)
    polled(lens, 1.0)
    state = lens.poll(SECOND_NS)
    assert state is not None
    assert state.position == 3338 / 200 - 5
    assert lens.health.garbage_bytes == 0


def test_a_lens_that_refuses_its_mode_is_an_error_and_is_asked_again() -> None:
    refused = framed(b"MCA\x01\x07\xd0\x02\x58") + b"\r\n"
    line = Scripted({**LENS, framed(b"MwCA"): refused})
    lens = Ld4i(line)
    polled(lens, 3.5)
    assert not lens.move_to(1.0, 0)
    assert 3 <= lens.health.device_errors <= 4
    assert lens.health.last_error == "MwCA: status 1, powers 600 to 2000"
    assert line.written.count(b"Start") >= 3


@pytest.mark.parametrize("interval", [0.0, -1.0, 61.0])
def test_options_are_held_to_their_range(interval: float) -> None:
    with pytest.raises(ValueError, match="poll_interval_s"):
        Ld4i(Scripted({}), poll_interval_s=interval)
