"""The ELL14 driver against known frames (ELLx manual's examples, replies logged by public code)."""

import math

import pytest

from drivers.elliptec import encode, signed32
from drivers.protocols import PlateState
from drivers.waveplate_ell14 import Ell14

IDENTITY = b"0IN0E1140064920211501016800023000\r\n"
ELL17 = b"0IN111140050920201501001C00000400\r\n"
"""A linear stage with 1024 pulses a millimetre."""


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


def poll_for_half_a_second(plate: Ell14) -> PlateState | None:
    return [plate.poll(t_ns) for t_ns in range(0, 500_000_000, 10_000_000)][-1]


def test_numbers_of_the_manual() -> None:
    assert encode("0", "mr", -123456789) == b"0mrF8A432EB"
    assert signed32("F8A432EB") == -123456789
    assert encode("A", "ma", 0x2000) == b"Ama00002000"


# Degrees of the ELL14 at 143360 pulses a turn.
@pytest.mark.parametrize(
    ("angle_deg", "frame"),
    [
        (0.0, b"0ma00000000"),
        (0.5, b"0ma000000C7"),
        (22.5, b"0ma00002300"),
        (45.0, b"0ma00004600"),
        (90.0, b"0ma00008C00"),
        (180.0, b"0ma00011800"),
        (359.9, b"0ma00022FD8"),
    ],
)
def test_moves_are_known_frames(angle_deg: float, frame: bytes) -> None:
    line = Scripted({b"0in": IDENTITY, b"0gp": b"0PO00000000\r\n"})
    plate = Ell14(line)
    poll_for_half_a_second(plate)
    line.written.clear()
    assert plate.move_to(math.radians(angle_deg), 500_000_000)
    plate.poll(600_000_000)
    assert line.written == [frame]


def test_identity_gives_the_pulses_of_a_turn() -> None:
    line = Scripted({b"2in": b"2" + IDENTITY[1:], b"2gp": b"2PO00004600\r\n"})
    state = poll_for_half_a_second(Ell14(line, address="2"))
    assert state is not None
    assert state.angle_rad == pytest.approx(math.radians(45.0), rel=1e-15)


@pytest.mark.parametrize("digits", ["FFFFFFFE", "00022FFE"])
def test_a_position_a_little_below_zero(digits: str) -> None:
    line = Scripted({b"0in": IDENTITY, b"0gp": f"0PO{digits}\r\n".encode()})
    state = poll_for_half_a_second(Ell14(line))
    assert state is not None
    assert state.angle_rad == pytest.approx(math.tau * 143_358 / 143_360, rel=1e-15)


def test_another_type_of_device_is_refused() -> None:
    line = Scripted({b"0in": ELL17})
    plate = Ell14(line)
    assert poll_for_half_a_second(plate) is None
    assert not plate.move_to(1.0, 500_000_000)
    assert plate.health.device_errors == 1
    assert "type 17" in plate.health.last_error
    assert set(line.written) == {b"0in"}


# Names of the manual's table.
@pytest.mark.parametrize(("code", "name"), [("0B", "motor error"), ("0D", "over-current")])
def test_status_codes_have_their_names(code: str, name: str) -> None:
    line = Scripted({b"0in": IDENTITY, b"0gp": f"0GS{code}\r\n".encode()})
    plate = Ell14(line)
    assert poll_for_half_a_second(plate) is None
    assert plate.health.last_error == f"GS{code}: {name}"


@pytest.mark.parametrize("options", [{"address": "g"}, {"address": "00"}, {"poll_interval_s": 0.0}])
def test_bad_options_are_refused(options: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=next(iter(options))):
        Ell14(Scripted({}), **options)  # type: ignore[arg-type]
