"""What beacon laser and shutter owe their user, on the SCPI emulator; and the text on the line."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pumped_pty import PumpedPty

from drivers.laser_scpi import Answer, ScpiLaser, parse_answer
from drivers.protocols import DeviceError, LaserState
from drivers.transport import Transport
from sim_devices.emulator import InProcessTransport, SimClock
from sim_devices.laser_scpi import ScpiLaserEmulator

T0_NS = 1_860_000_000_000_000_000
STEP_NS = 10_000_000


class Tap:
    """A transport that remembers what was written, and may put bytes in or cut the line."""

    def __init__(self, inner: Transport) -> None:
        self._inner = inner
        self.written = b""
        self.insert = b""
        self.deaf = False
        self.mute = False
        self.gone = False

    def read(self) -> bytes:
        data = self._inner.read()
        inserted, self.insert = self.insert, b""
        return inserted + (b"" if self.deaf else data)

    def write(self, data: bytes) -> None:
        if self.gone:
            raise DeviceError("tcp://box: write failed")
        self.written += data
        if not self.mute:
            self._inner.write(data)

    def close(self) -> None:
        self._inner.close()

    def take_orders(self) -> list[str]:
        """Lines written since the last call, without the questions."""
        lines, self.written = self.written.decode().splitlines(), b""
        return [line for line in lines if "?" not in line]


class Bench:
    """Driver, line and emulator, moved by hand."""

    def __init__(self, pty_link: Path | None = None) -> None:
        self.clock = SimClock(T0_NS)
        self.box = ScpiLaserEmulator()
        self.line = Tap(
            PumpedPty(self.box, self.clock, pty_link)
            if pty_link
            else InProcessTransport(self.box, self.clock)
        )
        self.laser = ScpiLaser(self.line)

    def run(self, seconds: float, beacon: bool | None = None) -> LaserState | None:
        state = None
        for _ in range(round(seconds * 1e9 / STEP_NS)):
            self.clock.t_ns += STEP_NS
            state = self.laser.poll(self.clock.t_ns)
            if beacon is not None:
                self.laser.beacon(beacon, self.clock.t_ns)
        return state

    def state(self, seconds: float, beacon: bool | None = None) -> LaserState:
        state = self.run(seconds, beacon)
        assert state is not None
        return state


@pytest.fixture(params=["in process", "pseudo-terminal"])
def bench(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Bench]:
    bench = Bench(tmp_path / "laser" if request.param == "pseudo-terminal" else None)
    yield bench
    bench.laser.close()


def test_nothing_is_known_at_first(bench: Bench) -> None:
    assert bench.laser.poll(T0_NS) is None


def test_all_is_off_and_is_read_five_times_a_second(bench: Bench) -> None:
    first = bench.state(0.5)
    assert first[2:] == (False, False, True)
    later = bench.state(2.0)
    assert later.seq - first.seq == 10
    assert bench.clock.t_ns - later.t_ns < 200_000_000
    assert bench.laser.health == (0, 0, 0, 0, "")


def test_beacon_and_shutter_follow_at_once_and_are_read_back(bench: Bench) -> None:
    bench.run(0.5)
    for on in (True, False, True):
        bench.laser.beacon(on, bench.clock.t_ns)
        assert bench.box.beacon_on == on
        assert bench.state(0.5).beacon_on == on
    for is_open in (True, False):
        bench.laser.shutter(is_open, bench.clock.t_ns)
        assert bench.box.shutter_open == is_open
        assert bench.state(0.5).shutter_open == is_open
    assert bench.box.beacon_on


def test_orders_are_written_once_and_in_the_safe_sequence(bench: Bench) -> None:
    bench.run(0.5, beacon=False)
    assert bench.line.take_orders() == [
        "SOURce1:CURRent:LEVel:AMPLitude 0",
        "OUTPut1:STATe OFF",
    ]
    bench.run(2.0, beacon=True)
    assert bench.line.take_orders() == [
        "OUTPut2:STATe ON",
        "SOURce1:FUNCtion:MODE CURRent",
        "SOURce1:CURRent:LEVel:AMPLitude 0",
        "OUTPut1:STATe ON",
        "SOURce1:CURRent:LEVel:AMPLitude 0.1",
    ]


def test_open_interlock_is_seen_and_the_laser_goes_off(bench: Bench) -> None:
    bench.state(0.5, beacon=True)
    bench.box.interlock_open = True
    assert not bench.box.beacon_on
    state = bench.state(0.5)
    assert not state.interlock_ok
    assert not state.beacon_on
    # Closing it again brings no light by itself: neither the box nor the driver does.
    bench.box.interlock_open = False
    assert bench.state(1.0)[2:] == (False, False, True)
    assert not bench.box.beacon_on


def test_a_refused_laser_is_a_device_error_and_is_tried_while_asked_for(bench: Bench) -> None:
    bench.run(0.5)
    bench.box.interlock_open = True
    assert not bench.state(1.0, beacon=True).beacon_on
    health = bench.laser.health
    # At each read-back that disagrees, no oftener.
    assert 4 <= health.device_errors <= 5
    assert health.last_error == "-221, Settings conflict"
    bench.box.interlock_open = False
    assert bench.state(0.5, beacon=True).beacon_on


def test_an_order_that_got_lost_is_given_again(bench: Bench) -> None:
    bench.run(0.5, beacon=True)
    bench.line.mute = True
    bench.laser.beacon(False, bench.clock.t_ns)
    assert bench.box.beacon_on
    bench.line.mute = False
    assert not bench.state(0.5, beacon=False).beacon_on


def test_silence_is_counted_and_the_state_grows_old(bench: Bench) -> None:
    bench.run(0.5)
    bench.line.deaf = True
    state = bench.state(3.0)
    assert bench.clock.t_ns - state.t_ns > 2_500_000_000
    assert bench.laser.health.timeouts >= 2
    bench.line.deaf = False
    assert bench.clock.t_ns - bench.state(1.5).t_ns < 250_000_000


def test_a_late_answer_is_not_taken_for_news(bench: Bench) -> None:
    bench.run(0.5)
    bench.line.deaf = True
    before = bench.state(0.8)
    assert bench.laser.health.timeouts == 1
    bench.line.insert = b'1;1;0;0,"No error"\n'
    after = bench.state(0.1)
    assert after == before
    assert bench.laser.health.garbage_bytes == 19


@pytest.mark.parametrize(
    "line", [b"", b"1;0;0", b'2;0;0;0,"No error"', b'0;0;x;0,"No error"', b"\xff"]
)
def test_an_answer_that_makes_no_sense_is_counted(bench: Bench, line: bytes) -> None:
    before = bench.state(0.5)
    bench.line.deaf = True
    bench.run(0.25)  # The next question stands open now.
    bench.line.insert = line + b"\n"
    bench.run(0.05)
    assert bench.laser.health.bad_frames == 1
    bench.line.deaf = False
    after = bench.state(1.5)
    assert after.seq > before.seq
    assert after[2:] == (False, False, True)


def test_a_line_that_does_not_end_spoils_no_answer(bench: Bench) -> None:
    bench.run(0.5)
    bench.line.insert = b"x" * 600
    before = bench.state(0.01)
    assert bench.state(0.5).seq > before.seq
    # Cut off in an answer: forgotten when its time is over.
    bench.line.deaf = True
    bench.run(0.25)
    bench.line.insert = b"1;1"
    bench.run(0.5)
    bench.line.deaf = False
    assert bench.state(1.0)[2:] == (False, False, True)
    assert bench.laser.health[:4] == (603, 0, 1, 0)


def test_closing_switches_all_off(tmp_path: Path) -> None:
    bench = Bench(tmp_path / "laser")
    bench.run(0.5, beacon=True)
    bench.laser.shutter(True, bench.clock.t_ns)
    bench.laser.close()
    assert not bench.box.beacon_on
    assert not bench.box.shutter_open


def test_closing_a_device_that_is_gone_raises_nothing() -> None:
    bench = Bench()
    bench.line.gone = True
    bench.laser.close()


@pytest.mark.parametrize(
    "options",
    [{"beacon_current_a": -0.1}, {"beacon_current_a": float("nan")}, {"poll_interval_s": 0.0}],
)
def test_bad_options_are_refused(options: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=next(iter(options))):
        ScpiLaser(InProcessTransport(ScpiLaserEmulator(), SimClock(0)), **options)


@pytest.mark.parametrize(
    ("line", "answer"),
    [
        ('1;0;4;0,"No error"', Answer(True, False, 4, 0, "No error")),
        (
            '0;1;+0;-113,"Undefined header;FOO"\r',
            Answer(False, True, 0, -113, "Undefined header;FOO"),
        ),
    ],
)
def test_answers_are_understood(line: str, answer: Answer) -> None:
    assert parse_answer(line) == answer


def ask(box: ScpiLaserEmulator, line: str) -> str:
    box.receive(line.encode() + b"\n", T0_NS)
    return box.poll(T0_NS).decode()


def test_emulator_speaks_as_the_manual_says() -> None:
    box = ScpiLaserEmulator()
    assert ask(box, "*IDN?").startswith("THORLABS,ITC4020,")
    assert ask(box, "SYSTem:ERRor?") == '0,"No error"\n'
    # Full and short spelling, upper and lower case, colon or none (SCPI-1999).
    for header in ("OUTPut1:STATe", "outp1:stat", ":OUTPUT1:STAT", "OUTP1:STATE"):
        assert ask(box, f"{header}?") == "0\n"
    assert ask(box, "OUTPU1:STAT?") == ""
    assert ask(box, "SYST:ERR?") == '-113,"Undefined header"\n'
    assert ask(box, "OUTP2:STAT ON;:OUTP1:STAT 1;:OUTP1:STAT?;:OUTP2:STAT?") == "1;1\n"
    assert ask(box, "OUTP1:STAT MAYBE") + ask(box, "SYST:ERR?") == '-104,"Data type error"\n'
    assert (
        ask(box, "SOUR1:CURR:LEV:AMPL 99") + ask(box, "SYST:ERR?") == '-222,"Data out of range"\n'
    )


def test_emulator_lets_no_light_out_without_tec_key_and_interlock() -> None:
    box = ScpiLaserEmulator()

    def switch_on() -> bool:
        ask(box, "SOUR1:CURR:LEV:AMPL 0.1;:OUTP1:STAT ON")
        return box.beacon_on

    assert not switch_on()
    assert ask(box, "SYST:ERR?") == '-221,"Settings conflict"\n'
    ask(box, "OUTP2:STAT ON")
    assert switch_on()
    box.interlock_open = True
    assert not box.beacon_on
    assert not switch_on()
    assert ask(box, "STAT:MEAS:COND?") == "4\n"
    box.interlock_open = False
    assert (ask(box, "STAT:MEAS:COND?"), ask(box, "STAT:MEAS:EVEN?")) == ("0\n", "4\n")
    assert switch_on()
    box.key_off = True
    assert not box.beacon_on
    assert ask(box, "STAT:MEAS:COND?") == "1\n"
    box.key_off = False
    assert switch_on()
    ask(box, "OUTP2:STAT OFF")
    assert not box.beacon_on


def test_emulator_keeps_its_error_queue_short() -> None:
    box = ScpiLaserEmulator()
    for _ in range(100):
        ask(box, "NONSENSE")
    errors = [ask(box, "SYST:ERR?") for _ in range(21)]
    assert errors[0] == '-113,"Undefined header"\n'
    assert errors[-2:] == ['-350,"Queue overflow"\n', '0,"No error"\n']


PIECES = st.sampled_from([b"1", b";", b"0", b",", b'"', b"\n", b"-", b"OUTP1:STAT", b"?", b" ON"])
CHUNKS = st.lists(st.binary(max_size=20) | st.lists(PIECES, max_size=12).map(b"".join), max_size=20)


@given(CHUNKS)
def test_driver_survives_any_bytes(chunks: list[bytes]) -> None:
    bench = Bench()
    for chunk in chunks:
        bench.line.insert = chunk
        bench.run(0.05, beacon=True)
    assert bench.laser.health.last_error.isprintable()
    state = bench.state(3.0, beacon=True)
    assert state[2:] == (True, False, True)
    assert bench.clock.t_ns - state.t_ns < 250_000_000
    assert bench.box.beacon_on


@given(CHUNKS)
def test_emulator_survives_any_bytes(chunks: list[bytes]) -> None:
    box = ScpiLaserEmulator()
    for chunk in chunks:
        box.receive(chunk, T0_NS)
    ask(box, "")
    assert ask(box, "*IDN?").startswith("THORLABS")
