"""What a gimbal owes its user, on the SBGC32 emulator in process and behind a pseudo-terminal."""

import math
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from pumped_pty import PumpedPty

from drivers.gimbal_sbgc32 import Sbgc32
from drivers.protocols import GimbalState
from sim_devices.emulator import InProcessTransport, SimClock
from sim_devices.gimbal_mechanics_free import FreeGimbal
from sim_devices.gimbal_sbgc32 import Sbgc32Emulator

T0_NS = 1_800_000_000 * 10**9
MS_NS = 1_000_000
ENCODER_LSB_RAD = 2 * math.pi / 2**24


class Bench:
    """A driver, the board it talks to, and the clock of both."""

    def __init__(self, connect: Callable[["Bench"], object]):
        self.clock = SimClock(T0_NS)
        self.mechanics = FreeGimbal()
        self.board = Sbgc32Emulator(self.mechanics)
        self._connect = connect
        self.gimbal = self.new_driver()

    def receive(self, data: bytes, t_ns: int) -> None:
        """To whatever board is plugged in now."""
        self.board.receive(data, t_ns)

    def poll(self, t_ns: int) -> bytes:
        return self.board.poll(t_ns)

    def new_driver(self, **options) -> Sbgc32:
        self.gimbal = Sbgc32(self._connect(self), **options)
        return self.gimbal

    def step(self, milliseconds: int = 10) -> GimbalState | None:
        self.clock.t_ns += milliseconds * MS_NS
        return self.gimbal.poll(self.clock.t_ns)

    def run(self, milliseconds: int) -> GimbalState | None:
        state = None
        for _ in range(milliseconds // 10):
            state = self.step()
        return state

    def until(self, condition: Callable[[], bool], within_ms: int = 300) -> None:
        for _ in range(within_ms // 10):
            self.step()
            if condition():
                return
        pytest.fail(f"not reached within {within_ms} ms")

    def start(self) -> None:
        """Motors on and confirmed, angles flowing."""
        self.gimbal.motors(True, self.clock.t_ns)
        self.until(lambda: (s := self.gimbal.poll(self.clock.t_ns)) is not None and s.motors_on)

    def drive(
        self, yaw_rad_s: float, pitch_rad_s: float, milliseconds: int, roll_rad_s: float = 0.0
    ) -> GimbalState:
        for _ in range(milliseconds // 10):
            self.gimbal.command_rate(yaw_rad_s, pitch_rad_s, self.clock.t_ns, roll_rad_s)
            state = self.step()
        assert state is not None
        return state


@pytest.fixture(params=["in_process", "pty"])
def bench(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Bench]:
    if request.param == "in_process":
        yield Bench(lambda b: InProcessTransport(b, b.clock))
        return
    ports: list[PumpedPty] = []

    def connect(b: Bench) -> PumpedPty:
        while ports:
            ports.pop().close()
        ports.append(PumpedPty(b, b.clock, tmp_path / "port"))
        return ports[0]

    yield Bench(connect)
    ports[0].close()


def test_nothing_before_the_first_state(bench: Bench):
    assert bench.gimbal.poll(bench.clock.t_ns) is None


def test_states_flow_and_are_numbered(bench: Bench):
    bench.start()
    first = bench.run(100)
    last = bench.run(1000)
    assert last.seq - first.seq == 100
    assert bench.clock.t_ns - last.t_ns <= 10 * MS_NS
    assert bench.gimbal.health == (0, 0, 0, 0, "")


def test_the_same_state_again_if_nothing_new_came(bench: Bench):
    bench.start()
    state = bench.gimbal.poll(bench.clock.t_ns)
    assert bench.gimbal.poll(bench.clock.t_ns + 1) is state


@pytest.mark.parametrize("yaw_rad_s", [0.1, -0.1])
@pytest.mark.parametrize("pitch_rad_s", [0.05, -0.05])
def test_rates_move_the_joints(bench: Bench, yaw_rad_s: float, pitch_rad_s: float):
    """The joints follow a rate with a lag of 20 ms: angle = rate (t - lag) once it has settled."""
    bench.start()
    bench.drive(yaw_rad_s, pitch_rad_s, 200)
    yaw_rad, pitch_rad = bench.mechanics.yaw_rad, bench.mechanics.pitch_rad
    assert bench.mechanics.yaw_rate_rad_s == pytest.approx(yaw_rad_s, rel=1e-3)
    state = bench.drive(yaw_rad_s, pitch_rad_s, 500)
    assert bench.mechanics.yaw_rad - yaw_rad == pytest.approx(0.5 * yaw_rad_s, rel=1e-3)
    assert bench.mechanics.pitch_rad - pitch_rad == pytest.approx(0.5 * pitch_rad_s, rel=1e-3)
    # The newest state is at most two stream intervals old.
    assert state.yaw_rad == pytest.approx(bench.mechanics.yaw_rad, abs=0.02 * abs(yaw_rad_s) + 1e-6)
    assert state.pitch_rad == pytest.approx(
        bench.mechanics.pitch_rad, abs=0.02 * abs(pitch_rad_s) + 1e-6
    )


@pytest.mark.parametrize("roll_rad_s", [0.05, -0.05])
def test_roll_moves_its_own_joint_and_is_told(bench: Bench, roll_rad_s: float):
    bench.start()
    bench.drive(0.0, 0.0, 200, roll_rad_s)
    roll_rad = bench.mechanics.roll_rad
    assert bench.mechanics.roll_rate_rad_s == pytest.approx(roll_rad_s, rel=1e-3)
    state = bench.drive(0.0, 0.0, 500, roll_rad_s)
    assert bench.mechanics.roll_rad - roll_rad == pytest.approx(0.5 * roll_rad_s, rel=1e-3)
    assert state.roll_rad == pytest.approx(
        bench.mechanics.roll_rad, abs=0.02 * abs(roll_rad_s) + 1e-6
    )
    assert (bench.mechanics.yaw_rad, bench.mechanics.pitch_rad) == (0.0, 0.0)
    # From now on 0 is a rate to be held, and not the old one to be kept.
    bench.drive(0.0, 0.0, 300)
    assert abs(bench.mechanics.roll_rate_rad_s) < 1e-4
    assert bench.gimbal.health == (0, 0, 0, 0, "")


def test_three_axes_move_at_once(bench: Bench):
    bench.start()
    bench.drive(0.1, -0.05, 300, 0.02)
    rates = (
        bench.mechanics.yaw_rate_rad_s,
        bench.mechanics.pitch_rate_rad_s,
        bench.mechanics.roll_rate_rad_s,
    )
    assert rates == pytest.approx((0.1, -0.05, 0.02), rel=1e-3)


def test_roll_is_not_driven_before_it_gets_a_rate(bench: Bench):
    """A two-axis gimbal must not see a command for a motor that it does not have."""
    asked = []
    command_rate = bench.mechanics.command_rate

    def listen(yaw_rad_s: float, pitch_rad_s: float, roll_rad_s: float | None) -> None:
        asked.append(roll_rad_s)
        command_rate(yaw_rad_s, pitch_rad_s, roll_rad_s)

    bench.mechanics.command_rate = listen
    bench.start()
    bench.drive(0.1, 0.1, 100)
    bench.run(300)  # the board's time limit stops it
    bench.drive(0.1, 0.1, 100, math.nan)
    assert set(asked) == {None}
    bench.drive(0.1, 0.1, 100, -0.1)
    assert asked[-1] == pytest.approx(-0.1, abs=math.radians(0.001))
    bench.run(300)
    assert asked[-1] == 0.0
    bench.drive(0.1, 0.1, 100)
    assert asked[-1] == 0.0


@pytest.mark.parametrize(
    ("yaw_rad", "pitch_rad", "roll_rad"),
    [
        (0.0, 0.0, 0.0),
        (1.0, -0.5, 0.1),
        (-1.0, 0.5, -0.5),
        (math.pi, 0.0, 0.3),
        (-3.0, 0.3, 0.0),
        (4.0, 1.5, 0.0),
        (-6.6, 3.2, 0.0),
        (12.5, 0.1, -0.3),
    ],
)
def test_angles_are_the_true_ones(bench: Bench, yaw_rad: float, pitch_rad: float, roll_rad: float):
    """Over half a turn and a turn too: the cable does not forget where it came from."""
    bench.mechanics.yaw_rad, bench.mechanics.pitch_rad = yaw_rad, pitch_rad
    bench.mechanics.roll_rad = roll_rad
    bench.start()
    state = bench.run(50)
    assert abs(state.yaw_rad - yaw_rad) <= 0.51 * ENCODER_LSB_RAD
    assert abs(state.pitch_rad - pitch_rad) <= 0.51 * ENCODER_LSB_RAD
    assert abs(state.roll_rad - roll_rad) <= 0.51 * ENCODER_LSB_RAD
    assert bench.gimbal.health.device_errors == 0


def test_the_angle_runs_on_through_half_a_turn_and_over_at_two(bench: Bench):
    bench.mechanics.yaw_rad = math.pi - 0.01
    bench.start()
    state = bench.drive(0.1, 0.0, 300)
    assert math.pi < state.yaw_rad == pytest.approx(bench.mechanics.yaw_rad, abs=2e-3)
    bench.drive(0.0, 0.0, 300)
    bench.mechanics.yaw_rad = 4 * math.pi + 0.1
    state = bench.run(50)
    # The board's joint angle has 16 bits for four turns.
    assert state.yaw_rad == pytest.approx(-4 * math.pi + 0.1, abs=1e-3)


def test_signs_and_zeros_of_the_installation(bench: Bench):
    bench.mechanics.yaw_rad, bench.mechanics.pitch_rad = 1.0, 0.5
    bench.mechanics.roll_rad = 0.25
    bench.new_driver(yaw_sign=-1, yaw_zero_rad=0.25, pitch_zero_rad=0.125, roll_sign=-1)
    bench.start()
    state = bench.run(50)
    assert state.yaw_rad == pytest.approx(-1.25, abs=ENCODER_LSB_RAD)
    assert state.pitch_rad == pytest.approx(0.375, abs=ENCODER_LSB_RAD)
    assert state.roll_rad == pytest.approx(-0.25, abs=ENCODER_LSB_RAD)
    bench.drive(0.1, 0.1, 200, 0.1)
    assert bench.mechanics.yaw_rate_rad_s == pytest.approx(-0.1, rel=1e-3)
    assert bench.mechanics.pitch_rate_rad_s == pytest.approx(0.1, rel=1e-3)
    assert bench.mechanics.roll_rate_rad_s == pytest.approx(-0.1, rel=1e-3)
    # The zero of 0.25 rad is not the board's own: it says so, once.
    assert bench.gimbal.health.device_errors == 1
    assert "yaw_zero_rad" in bench.gimbal.health.last_error


def test_a_wrong_zero_of_a_roll_axis_matters_once_it_is_driven(bench: Bench):
    bench.new_driver(roll_zero_rad=0.25)
    bench.start()
    assert bench.run(100).roll_rad == pytest.approx(-0.25, abs=ENCODER_LSB_RAD)
    assert bench.gimbal.health.device_errors == 0
    bench.drive(0.0, 0.0, 100, 0.1)
    assert bench.gimbal.health.device_errors == 1


def test_rates_beyond_the_range_are_clamped_and_nonsense_stops(bench: Bench):
    bench.start()
    bench.drive(-100.0, 100.0, 300, 100.0)
    # The mechanics' own limit of 0.5 rad/s is under the wire's 32.767 deg/s.
    assert bench.mechanics.yaw_rate_rad_s == pytest.approx(-0.5, rel=1e-3)
    assert bench.mechanics.pitch_rate_rad_s == pytest.approx(0.5, rel=1e-3)
    assert bench.mechanics.roll_rate_rad_s == pytest.approx(0.5, rel=1e-3)
    bench.drive(math.nan, math.nan, 300, math.nan)
    assert abs(bench.mechanics.roll_rate_rad_s) < 1e-4
    assert abs(bench.mechanics.yaw_rate_rad_s) < 1e-4
    assert abs(bench.mechanics.pitch_rate_rad_s) < 1e-4


def test_the_board_stops_when_its_host_dies(bench: Bench):
    bench.start()
    bench.drive(0.2, 0.1, 300, 0.1)
    bench.run(200)
    assert bench.mechanics.yaw_rate_rad_s == pytest.approx(0.2, rel=1e-3)
    assert bench.mechanics.roll_rate_rad_s == pytest.approx(0.1, rel=1e-3)
    bench.run(300)
    assert abs(bench.mechanics.roll_rate_rad_s) < 1e-4
    assert abs(bench.mechanics.yaw_rate_rad_s) < 1e-4
    assert abs(bench.mechanics.pitch_rate_rad_s) < 1e-4


def test_closing_stops_the_axes_at_once(bench: Bench):
    """Long before the board's own time limit, which is for a host that dies."""
    bench.start()
    bench.drive(0.2, 0.1, 300, 0.1)
    bench.gimbal.close()
    for _ in range(20):
        bench.clock.t_ns += 10 * MS_NS
        bench.poll(bench.clock.t_ns)
    mechanics = bench.mechanics
    rates = mechanics.yaw_rate_rad_s, mechanics.pitch_rate_rad_s, mechanics.roll_rate_rad_s
    assert max(map(abs, rates)) < 1e-4


def test_closing_before_anything_was_said_says_nothing(bench: Bench):
    heard = []
    receive = bench.board.receive
    bench.board.receive = lambda data, t_ns: (heard.append(data), receive(data, t_ns))
    bench.gimbal.close()
    assert heard == []


def test_motors_off_means_no_motion(bench: Bench):
    bench.run(50)
    bench.drive(0.2, 0.1, 200)
    assert bench.mechanics.yaw_rad == 0.0
    bench.start()
    bench.drive(0.2, 0.1, 200)
    bench.gimbal.motors(False, bench.clock.t_ns)
    bench.until(lambda: not bench.gimbal.poll(bench.clock.t_ns).motors_on)
    yaw_rad = bench.mechanics.yaw_rad
    roll_rad = bench.mechanics.roll_rad
    bench.drive(0.2, 0.1, 200, 0.1)
    assert bench.mechanics.yaw_rad == yaw_rad > 0.0
    assert bench.mechanics.roll_rad == roll_rad


def test_switching_on_what_is_on_does_not_disturb_the_motion(bench: Bench):
    bench.start()
    bench.drive(0.2, 0.1, 300)
    bench.gimbal.motors(True, bench.clock.t_ns)
    bench.run(50)
    assert bench.mechanics.yaw_rate_rad_s == pytest.approx(0.2, rel=1e-3)


@pytest.mark.parametrize("extra", [0, 1, 2])
def test_confirmations_of_any_length(bench: Bench, extra: int):
    bench.board.faults.confirm_extra_bytes = extra
    bench.start()
    bench.run(1000)
    assert bench.gimbal.health == (0, 0, 0, 0, "")


def test_without_confirmation_it_asks_again_and_says_so(bench: Bench):
    bench.board.faults.confirms = False
    for _ in range(100):
        bench.gimbal.motors(True, bench.clock.t_ns)
        bench.step()
    assert not bench.run(50).motors_on
    assert bench.gimbal.health.timeouts >= 2
    assert "not confirmed" in bench.gimbal.health.last_error
    bench.board.faults.confirms = True
    bench.until(lambda: bench.gimbal.poll(bench.clock.t_ns).motors_on, within_ms=700)


def test_silence_is_counted_and_the_board_configured_anew(bench: Bench):
    bench.start()
    before = bench.run(50)
    bench.board.faults.silent = True
    silent = bench.run(2100)
    assert silent.t_ns <= before.t_ns + 20 * MS_NS
    assert bench.gimbal.health.timeouts >= 3
    assert not silent.motors_on
    # A board that lost its power knows nothing of stream, limit or motors.
    bench.board = Sbgc32Emulator(bench.mechanics)
    bench.until(
        lambda: bench.gimbal.poll(bench.clock.t_ns).t_ns > silent.t_ns + 100 * MS_NS, within_ms=700
    )
    bench.start()
    bench.drive(0.2, 0.0, 200)
    bench.run(500)
    assert abs(bench.mechanics.yaw_rate_rad_s) < 1e-4


def test_spoilt_frames_are_counted_and_never_believed(bench: Bench):
    bench.start()
    first = bench.run(100)
    bench.board.faults.half_right_crc_frames = 5
    bench.board.faults.bad_header_frames = 2
    last = bench.run(500)
    assert abs(last.seq - first.seq - 50) <= 1
    # Two of the five have a bad header as well, and are not even taken for frames.
    assert bench.gimbal.health.bad_frames == 3
    assert bench.gimbal.health.garbage_bytes > 0
    assert abs(last.yaw_rad) <= ENCODER_LSB_RAD


def test_garbage_between_frames(bench: Bench):
    bench.start()
    first = bench.run(100)
    bench.board.faults.garbage_before_frame = b"\x24\x00\xff\x24boot v2.73\r\n"
    last = bench.run(500)
    assert abs(last.seq - first.seq - 50) <= 1
    assert bench.gimbal.health.garbage_bytes >= 48 * 15
    assert bench.gimbal.health.bad_frames == 0


def test_the_board_clock_runs_over(bench: Bench):
    """u16 milliseconds: 65.536 s. A minute and more of lost samples would not be seen."""
    to_seam_ms = 65_536 - bench.clock.t_ns // MS_NS % 65_536
    bench.clock.t_ns += (to_seam_ms - 300) * MS_NS
    bench.start()
    first = bench.run(50)
    last = bench.run(1000)
    assert abs(last.seq - first.seq - 100) <= 1


def test_lost_samples_leave_a_gap_in_the_numbers(bench: Bench):
    bench.start()
    first = bench.run(100)
    bench.board.faults.silent = True
    bench.run(200)
    bench.board.faults.silent = False
    last = bench.run(100)
    assert abs(last.seq - first.seq - 30) <= 1


@pytest.mark.parametrize(
    "options",
    [
        {"stream_interval_ms": 0},
        {"stream_interval_ms": 1000},
        {"control_timeout_ms": 0},
        {"control_timeout_ms": 70_000},
        {"yaw_sign": 0},
        {"roll_sign": 2},
    ],
)
def test_wrong_options_are_refused(options: dict[str, int]):
    board = Sbgc32Emulator(FreeGimbal())
    with pytest.raises(ValueError, match=r"stream_interval_ms|control_timeout_ms|yaw_sign"):
        Sbgc32(InProcessTransport(board, SimClock(T0_NS)), **options)
