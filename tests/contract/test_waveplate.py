"""What a half-wave plate owes its user, on the ELL14 emulator in process and behind a terminal."""

import math
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pumped_pty import PumpedPty

from drivers.protocols import PlateState
from drivers.transport import SerialTransport, Transport
from drivers.waveplate_ell14 import Ell14
from sim_devices.emulator import InProcessTransport, SimClock
from sim_devices.truth_share import TruthReader
from sim_devices.waveplate_ell14 import Ell14Emulator

T0_NS = 1_860_000_000_000_000_000
STEP_NS = 10_000_000
PULSE_RAD = 2.0 * math.pi / 143_360


class Tap:
    """A transport that remembers what was written when, and may put bytes in or cut the line."""

    def __init__(self, inner: Transport, clock: SimClock) -> None:
        self._inner = inner
        self._clock = clock
        self.written: list[tuple[int, bytes]] = []
        self.insert = b""
        self.deaf = False

    def read(self) -> bytes:
        data = self._inner.read()
        inserted, self.insert = self.insert, b""
        return inserted + (b"" if self.deaf else data)

    def write(self, data: bytes) -> None:
        self.written.append((self._clock.t_ns, data))
        self._inner.write(data)

    def close(self) -> None:
        self._inner.close()

    def moves(self) -> list[tuple[int, bytes]]:
        return [entry for entry in self.written if entry[1][1:3] == b"ma"]


class Bench:
    """Driver, line and emulator, moved by hand."""

    def __init__(self, pty_link: Path | None = None) -> None:
        self.clock = SimClock(T0_NS)
        self.mount = Ell14Emulator()
        self.line = Tap(
            PumpedPty(self.mount, self.clock, pty_link)
            if pty_link
            else InProcessTransport(self.mount, self.clock),
            self.clock,
        )
        self.plate = Ell14(self.line)

    def run(self, seconds: float) -> PlateState | None:
        state = None
        for _ in range(round(seconds * 1e9 / STEP_NS)):
            self.clock.t_ns += STEP_NS
            state = self.plate.poll(self.clock.t_ns)
        return state

    def state(self, seconds: float) -> PlateState:
        state = self.run(seconds)
        assert state is not None
        return state

    def move_to(self, angle_rad: float) -> bool:
        return self.plate.move_to(angle_rad, self.clock.t_ns)


@pytest.fixture(params=["in process", "pseudo-terminal"])
def bench(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Bench]:
    bench = Bench(tmp_path / "plate" if request.param == "pseudo-terminal" else None)
    yield bench
    bench.plate.close()


def test_nothing_is_known_at_first(bench: Bench) -> None:
    assert bench.plate.poll(T0_NS) is None
    assert not bench.move_to(1.0)


def test_position_is_read_over_and_over(bench: Bench) -> None:
    first = bench.state(0.5)
    assert (first.angle_rad, first.moving) == (0.0, False)
    later = bench.state(2.0)
    # One question in 0.2 s, whose answer takes 16 bytes at 9600 baud.
    assert 9 <= later.seq - first.seq <= 11
    assert bench.clock.t_ns - later.t_ns <= 250_000_000
    assert bench.plate.health == (0, 0, 0, 0, "")


@pytest.mark.parametrize("angle_deg", [0.5, 22.5, 90.0, 359.9, -22.5, 382.5])
def test_moves_to_the_nearest_pulse(bench: Bench, angle_deg: float) -> None:
    bench.run(0.5)
    assert bench.move_to(math.radians(angle_deg))
    state = bench.state(2.0)
    away = math.remainder(state.angle_rad - math.radians(angle_deg), 2.0 * math.pi)
    assert not state.moving
    assert abs(away) <= 0.5 * PULSE_RAD * (1.0 + 1e-9)
    assert 0.0 <= state.angle_rad < 2.0 * math.pi
    assert bench.mount.angle_rad == state.angle_rad


def test_says_that_it_moves_and_takes_no_second_move(bench: Bench) -> None:
    bench.run(0.5)
    assert bench.move_to(math.pi)
    # Half a turn at 430 deg/s takes 0.42 s.
    for _ in range(4):
        assert bench.state(0.1).moving
        assert not bench.move_to(1.0)
    assert not bench.state(0.5).moving
    assert len(bench.line.moves()) == 1
    assert bench.move_to(1.0)


def test_a_move_waits_until_the_mount_has_rested(bench: Bench) -> None:
    bench.run(0.5)
    for turn in range(5):
        # Right after a position has come: the worst moment.
        seq = bench.state(STEP_NS * 1e-9).seq
        while (state := bench.state(STEP_NS * 1e-9)).seq == seq:
            pass
        assert bench.move_to(0.1 * turn)
        bench.run(1.0)
        assert bench.line.moves()[-1][0] - state.t_ns >= 100_000_000


def test_a_stuck_plate_is_a_device_error_and_can_be_tried_again(bench: Bench) -> None:
    bench.run(0.5)
    bench.mount.stuck = True
    assert bench.move_to(1.0)
    assert bench.state(2.4).moving
    state = bench.state(0.6)
    assert not state.moving
    assert state.angle_rad == 0.0
    assert bench.plate.health == (0, 0, 0, 1, "GS02: mechanical time-out")
    bench.mount.stuck = False
    assert bench.move_to(1.0)
    assert bench.state(1.0).angle_rad == pytest.approx(1.0, abs=PULSE_RAD)


def test_silence_is_counted_and_gone_through(bench: Bench) -> None:
    bench.run(0.5)
    bench.line.deaf = True
    before = bench.state(3.0)
    assert bench.clock.t_ns - before.t_ns > 2_500_000_000
    assert bench.plate.health.timeouts == 2
    bench.line.deaf = False
    assert bench.clock.t_ns - bench.state(1.5).t_ns < 250_000_000


def test_a_move_without_an_answer_ends(bench: Bench) -> None:
    bench.run(0.5)
    assert bench.move_to(1.0)
    bench.run(0.2)
    bench.line.deaf = True
    assert bench.state(3.5).moving
    assert not bench.state(0.5).moving
    bench.line.deaf = False
    assert bench.state(1.5).angle_rad == pytest.approx(1.0, abs=PULSE_RAD)


def test_a_late_position_is_not_the_end_of_a_move(bench: Bench) -> None:
    bench.run(0.5)
    assert bench.move_to(math.pi)
    bench.run(0.2)
    bench.line.insert = b"0PO00000000\r\n"
    assert bench.state(0.1).moving
    assert bench.state(0.5).angle_rad == pytest.approx(math.pi, abs=PULSE_RAD)


def test_busy_buttons_and_other_addresses_are_no_trouble(bench: Bench) -> None:
    bench.run(0.5)
    for insert in (
        b"0GS09\r\n",
        b"0BS09\r\n",
        b"0BO00000123\r\n",
        b"1PO00001234\r\n",
        b"1GS02\r\n",
    ):
        bench.line.insert = insert
        assert bench.state(0.3).angle_rad == 0.0
    assert bench.plate.health == (0, 0, 0, 0, "")


@pytest.mark.parametrize(
    ("insert", "garbage_bytes", "bad_frames"),
    [
        (b"noise", 5, 0),
        (b"0PO0000", 7, 0),
        (b"0PO00001000", 11, 0),
        (b"0PO0000\r\n", 0, 1),
        (b"\xff\x00\r\n\r\n", 0, 2),
        (b"x" * 100, 100, 0),
    ],
)
def test_damage_is_counted_and_the_next_reply_is_found(
    bench: Bench, insert: bytes, garbage_bytes: int, bad_frames: int
) -> None:
    before = bench.state(0.5)
    bench.line.insert = insert
    after = bench.state(0.5)
    assert after.angle_rad == 0.0
    assert after.seq > before.seq
    assert bench.plate.health[:4] == (garbage_bytes, bad_frames, 0, 0)


@pytest.mark.parametrize("angle_rad", [math.nan, math.inf, -math.inf])
def test_an_angle_that_is_none_is_not_sent(bench: Bench, angle_rad: float) -> None:
    bench.run(0.5)
    assert not bench.move_to(angle_rad)
    assert not bench.state(0.5).moving


PIECES = st.sampled_from(
    [b"0", b"IN", b"PO", b"GS", b"in", b"gp", b"ma", b"0000", b"\r\n", b"\xff"]
)
CHUNKS = st.lists(st.binary(max_size=20) | st.lists(PIECES, max_size=12).map(b"".join), max_size=20)


@given(CHUNKS)
def test_driver_survives_any_bytes(chunks: list[bytes]) -> None:
    bench = Bench()
    before = bench.plate.health
    for chunk in chunks:
        bench.line.insert = chunk
        bench.run(0.05)
        bench.move_to(1.0)
        after = bench.plate.health
        assert all(new >= old for new, old in zip(after[:4], before[:4], strict=True))
        before = after
    bench.run(10.0)
    bench.move_to(2.0)
    state = bench.state(6.0)
    assert state.angle_rad == bench.mount.angle_rad
    assert not state.moving


QSKY = Path(sys.executable).with_name("qsky")
CLI = Path(__file__).resolve().parents[2] / "terminal" / "cli.py"
DEADLINE_S = 30.0


@pytest.mark.skipif(not CLI.exists(), reason="the command line is not there yet")
def test_the_emulator_as_a_process_of_its_own(tmp_path: Path) -> None:
    link, truth = tmp_path / "plate", tmp_path / "truth"
    command = [QSKY, "emulate", "waveplate_ell14", "--pty", link, "--truth", truth]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            assert str(link) in process.stdout.readline()
            plate = Ell14(SerialTransport(str(link), 9600))
            deadline_ns = time.monotonic_ns() + round(DEADLINE_S * 1e9)
            while not plate.move_to(1.0, time.monotonic_ns()):
                assert time.monotonic_ns() < deadline_ns
                plate.poll(time.monotonic_ns())
            while (state := plate.poll(time.monotonic_ns())) is None or state.moving:
                assert time.monotonic_ns() < deadline_ns
            plate.close()
            told = TruthReader(truth).read()
            assert state.angle_rad == pytest.approx(1.0, abs=PULSE_RAD)
            assert told is not None
            assert told.values == (state.angle_rad,)
            process.send_signal(signal.SIGTERM)
            assert process.wait(DEADLINE_S) == 0
            assert not link.is_symlink()
        finally:
            process.kill()
