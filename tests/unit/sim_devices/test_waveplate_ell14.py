"""The ELL14 emulator by itself: known frames, the pace of the line, homing, faults."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim_devices.waveplate_ell14 import Ell14Emulator

T0_NS = 1_860_000_000_000_000_000

# Degrees of the ELL14 at 143360 pulses a turn.
MOVES = [
    (0.0, b"0ma00000000"),
    (0.5, b"0ma000000C7"),
    (22.5, b"0ma00002300"),
    (45.0, b"0ma00004600"),
    (90.0, b"0ma00008C00"),
    (180.0, b"0ma00011800"),
    (359.9, b"0ma00022FD8"),
    (337.5, b"0maFFFFDD00"),
]
PIECES = st.sampled_from([b"0", b"1", b"gp", b"in", b"ma", b"mr", b"xx", b"0000", b"\r\n", b"\xff"])
CHUNKS = st.lists(st.binary(max_size=20) | st.lists(PIECES, max_size=12).map(b"".join), max_size=20)


@pytest.mark.parametrize(("angle_deg", "frame"), MOVES)
def test_obeys_known_frames(angle_deg: float, frame: bytes) -> None:
    mount = Ell14Emulator()
    mount.receive(frame, T0_NS)
    answer = mount.poll(T0_NS + 2_000_000_000)
    assert math.degrees(mount.angle_rad) == pytest.approx(angle_deg, abs=360 / 143_360 / 2)
    # What is told lies within one turn: -22.5 deg is 337.5 deg.
    expected = b"0PO00020D00" if frame == b"0maFFFFDD00" else b"0PO" + frame[3:]
    assert answer == expected + b"\r\n"


def test_tells_its_identity_at_the_pace_of_the_line() -> None:
    mount = Ell14Emulator()
    mount.receive(b"0in", T0_NS)
    # 3 bytes in and 35 out, of 10 bits each at 9600 a second: the last has left after 39.6 ms.
    early = mount.poll(T0_NS + 39_000_000)
    assert len(early) == 34
    assert early + mount.poll(T0_NS + 39_600_000) == b"0IN0E1140050920201501016800023000\r\n"


def test_homes_and_keeps_its_offset() -> None:
    mount = Ell14Emulator()
    t_ns = T0_NS

    def ask(command: bytes) -> bytes:
        nonlocal t_ns
        mount.receive(command, t_ns)
        t_ns += 2_000_000_000
        return mount.poll(t_ns)

    assert ask(b"0so00000100") == b"0GS00\r\n"
    assert ask(b"0go") == b"0HO00000100\r\n"
    assert ask(b"0ho0") == b"0PO00000000\r\n"
    assert ask(b"0mr00000010") == b"0PO00000010\r\n"
    assert ask(b"0so00000000") == b"0GS00\r\n"
    assert ask(b"0gp") == b"0PO00000110\r\n"
    assert ask(b"0ma00FFFFFF") == b"0GS0C\r\n"
    assert ask(b"0xx") == b"0GS03\r\n"
    assert ask(b"1gp") == b""


def test_is_deaf_while_it_turns_and_remembers_a_fault() -> None:
    mount = Ell14Emulator(stuck=True)
    mount.receive(b"0ma00004600", T0_NS)
    mount.receive(b"0gp", T0_NS + 1_000_000_000)
    assert mount.poll(T0_NS + 2_000_000_000) == b"0GS09\r\n"
    assert mount.poll(T0_NS + 3_000_000_000) == b"0GS02\r\n"
    mount.receive(b"0gs0gs", T0_NS + 3_000_000_000)
    assert mount.poll(T0_NS + 4_000_000_000) == b"0GS02\r\n0GS00\r\n"


@given(CHUNKS)
def test_survives_any_bytes(chunks: list[bytes]) -> None:
    mount = Ell14Emulator()
    t_ns = T0_NS
    for chunk in chunks:
        mount.receive(chunk, t_ns)
        t_ns += 100_000_000
    mount.poll(t_ns + 2_000_000_000)
    mount.receive(b"0gp", t_ns + 2_000_000_000)
    answer = mount.poll(t_ns + 3_000_000_000)
    assert len(answer) == 13
    assert answer.startswith(b"0PO")
