"""What a variable retarder owes its user, on the LCC25 emulator; and the text on the line."""

import math
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pumped_pty import PumpedPty
from wire import ScriptedTransport

from drivers.protocols import RetarderState
from drivers.retarder_lcc25 import Lcc25, parse_answer, parse_number
from drivers.transport import Transport
from sim_devices.emulator import InProcessTransport, SimClock
from sim_devices.retarder_lcc25 import Lcc25Emulator

T0_NS = 1_860_000_000_000_000_000
STEP_NS = 10_000_000


class Tap:
    """A transport that remembers what was written, and may put bytes in."""

    def __init__(self, inner: Transport) -> None:
        self._inner = inner
        self.written = b""
        self.insert = b""

    def read(self) -> bytes:
        inserted, self.insert = self.insert, b""
        return inserted + self._inner.read()

    def write(self, data: bytes) -> None:
        self.written += data
        self._inner.write(data)

    def close(self) -> None:
        self._inner.close()


class Bench:
    """Driver, line and emulator, moved by hand."""

    def __init__(self, pty_link: Path | None = None) -> None:
        self.clock = SimClock(T0_NS)
        self.box = Lcc25Emulator()
        self.line = Tap(
            PumpedPty(self.box, self.clock, pty_link)
            if pty_link
            else InProcessTransport(self.box, self.clock)
        )
        self.retarder = Lcc25(self.line)

    def run(self, seconds: float) -> RetarderState | None:
        state = None
        for _ in range(round(seconds * 1e9 / STEP_NS)):
            self.clock.t_ns += STEP_NS
            state = self.retarder.poll(self.clock.t_ns)
        return state

    def state(self, seconds: float) -> RetarderState:
        state = self.run(seconds)
        assert state is not None
        return state

    def drive(self, drive_v: float) -> bool:
        return self.retarder.drive(drive_v, self.clock.t_ns)


@pytest.fixture(params=["in process", "pseudo-terminal"])
def bench(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Bench]:
    bench = Bench(tmp_path / "retarder" if request.param == "pseudo-terminal" else None)
    yield bench
    bench.retarder.close()


def test_nothing_is_known_or_accepted_at_first(bench: Bench) -> None:
    assert bench.retarder.poll(T0_NS) is None
    assert not bench.drive(2.0)
    assert bench.box.drive_v == 0.0


def test_the_output_is_put_under_the_drivers_control_before_it_is_read(bench: Bench) -> None:
    bench.state(0.5)
    sent = bench.line.written.decode().split("\r")
    assert sent[:6] == ["*idn?", "extern=0", "mode=1", "enable=1", "volt1?", "enable?"]


def test_it_is_read_five_times_a_second(bench: Bench) -> None:
    first = bench.state(0.5)
    later = bench.state(2.0)
    assert later.seq - first.seq == 10
    assert bench.clock.t_ns - later.t_ns < 250_000_000
    assert bench.retarder.health == (0, 0, 0, 0, "")


@pytest.mark.parametrize("drive_v", [0.0, 1.234, 9.999, 10.0])
def test_a_drive_is_put_out_and_read_back(bench: Bench, drive_v: float) -> None:
    bench.run(0.5)
    assert bench.drive(drive_v)
    state = bench.state(0.2)
    assert bench.box.drive_v == pytest.approx(drive_v, abs=5e-4)
    assert state.drive_v == bench.box.drive_v


def test_one_drive_at_a_time(bench: Bench) -> None:
    bench.run(0.5)
    assert bench.drive(3.0)
    assert not bench.drive(4.0)
    bench.run(0.2)
    assert bench.drive(4.0)
    assert bench.state(0.2).drive_v == 4.0


@pytest.mark.parametrize("drive_v", [-0.1, 10.1, 1e300, math.nan, math.inf])
def test_a_drive_out_of_range_is_refused_and_nothing_is_sent(bench: Bench, drive_v: float) -> None:
    bench.run(0.5)
    bench.line.written = b""
    assert not bench.drive(drive_v)
    bench.run(0.5)
    assert b"=" not in bench.line.written


def test_an_output_that_someone_switched_off_is_no_drive(bench: Bench) -> None:
    bench.run(0.5)
    bench.drive(5.0)
    assert bench.state(0.5).drive_v == 5.0
    bench.box.receive(b"enable=0\r", bench.clock.t_ns)
    bench.box.poll(bench.clock.t_ns)
    assert bench.state(0.5).drive_v == 0.0


def test_silence_is_no_state_and_it_comes_back(bench: Bench) -> None:
    bench.run(0.5)
    bench.drive(5.0)
    bench.run(0.5)
    bench.box.silent = True
    assert bench.run(2.0) is None
    assert not bench.drive(3.0)
    assert bench.retarder.health.timeouts >= 1
    bench.box.silent = False
    assert bench.state(2.0).drive_v == 5.0


def test_a_controller_that_lost_its_power_is_set_up_again(bench: Bench) -> None:
    bench.run(0.5)
    bench.drive(5.0)
    bench.run(0.5)
    bench.box.silent = True
    bench.run(1.0)
    bench.box.power_down()
    bench.box.silent = False
    # It has forgotten its drive, and says so.
    assert bench.state(2.0).drive_v == 0.0
    assert bench.drive(4.0)
    assert bench.state(0.5).drive_v == 4.0
    assert bench.box.drive_v == 4.0


def test_rubbish_on_the_line_is_counted_and_overcome(bench: Bench) -> None:
    bench.run(0.5)
    for rubbish in (b"\xff\x00>", b">>>", b"volt1=9.9\r>", b"x" * 2000):
        bench.line.insert = rubbish
        bench.run(3.0)
    health = bench.retarder.health
    assert health.garbage_bytes + health.bad_frames > 0
    assert bench.drive(2.0)
    assert bench.state(1.0).drive_v == 2.0


def test_another_device_is_named_and_not_driven() -> None:
    line = ScriptedTransport()
    retarder = Lcc25(line)
    for i in range(300):
        if line.written.endswith(b"*idn?\r"):
            line.written += b" "
            line.arriving.append(b"*idn?\rTHORLABS TC200\r>")
        assert retarder.poll(T0_NS + i * STEP_NS) is None
    assert "TC200" in retarder.health.last_error
    assert retarder.health.device_errors >= 2
    assert b"enable" not in line.written


def test_options_out_of_their_range() -> None:
    for options in ({"most_v": 30.0}, {"least_v": 5.0, "most_v": 2.0}, {"poll_interval_s": 0.0}):
        with pytest.raises(ValueError, match=next(iter(options))):
            Lcc25(ScriptedTransport(), **options)


def test_the_exchanges_of_other_software() -> None:
    """Bytes in the tests of InstrumentKit's LCC25."""
    assert parse_answer("volt1?", "volt1?\r20\r") == "20"
    assert parse_answer("volt1=10.0", "volt1=10.0\r") == ""
    assert parse_number("20") == 20.0
    box = Lcc25Emulator()
    box.receive(b"volt1=20.0\rvolt1?\r", 0)
    assert box.poll(0) == b"volt1=20.0\r>volt1?\r20.000\r>"


@pytest.mark.parametrize("text", ["mode=1", "volt1 = 12.5", "5.", "007"])
def test_a_number_with_its_keyword_or_without(text: str) -> None:
    assert parse_number(text) == float(text.split("=")[-1])


@pytest.mark.parametrize("text", ["", "-1", "nan", "1e3", "12.5 V", "volt1=", "1 2"])
def test_no_number(text: str) -> None:
    assert parse_number(text) is None


@given(st.lists(st.binary(max_size=40), max_size=40))
def test_no_bytes_break_the_driver(pieces: list[bytes]) -> None:
    retarder = Lcc25(ScriptedTransport(*pieces))
    for i in range(len(pieces) + 300):
        state = retarder.poll(T0_NS + i * STEP_NS)
        assert state is None or 0.0 <= state.drive_v < 1000.0


@given(st.lists(st.binary(max_size=40), max_size=20))
def test_no_bytes_break_the_emulator(pieces: list[bytes]) -> None:
    box = Lcc25Emulator()
    for piece in pieces:
        box.receive(piece, 0)
        box.poll(0)
        assert 0.0 <= box.drive_v <= 25.0


@pytest.mark.parametrize(
    ("sent", "answer"),
    [
        (b"volt1=26", b"CMD_ARG_INVALID"),
        (b"mode=3", b"CMD_ARG_INVALID"),
        (b"enable=0.5", b"CMD_ARG_INVALID"),
        (b"volt1=nan", b"CMD_ARG_INVALID"),
        (b"speed?", b"CMD_NOT_DEFINED"),
        (b"", b"CMD_NOT_DEFINED"),
    ],
)
def test_the_emulator_refuses(sent: bytes, answer: bytes) -> None:
    box = Lcc25Emulator()
    box.receive(sent + b"\r", 0)
    assert answer in box.poll(0)
    assert box.drive_v == 0.0
