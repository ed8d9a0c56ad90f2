"""What a navigation unit owes its user, on the VectorNav emulator in process and behind a pty."""

import itertools
import math
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from msgspec.structs import replace
from pumped_pty import PumpedPty
from scipy.spatial.transform import Rotation

from config.loader import load_scenario
from config.world import Fault
from drivers.navigation_vectornav import VectorNav, ascii_command
from drivers.protocols import NavigationFix
from sim_devices.carrier import Carrier
from sim_devices.emulator import InProcessTransport, SimClock
from sim_devices.navigation_vectornav import (
    NavMeasurement,
    StillNavigation,
    VectorNavEmulator,
    pack_message,
)

T0_NS = 1_800_000_000 * 10**9
MS_NS = 1_000_000
GOOD = NavMeasurement(
    T0_NS, 0.61, -2.1, 1234.5, (10.0, -20.0, 0.5), (1.0, 0.0, 0.0, 0.0), 0.001, 0.5
)


class Source:
    """Gives `measured`, at the time it is asked for; keeps those times."""

    def __init__(self) -> None:
        self.measured = GOOD
        self.clock_error_ns = 0
        self.asked_ns: list[int] = []

    def measure(self, t_ns: int) -> NavMeasurement:
        self.asked_ns.append(t_ns)
        return self.measured._replace(t_ns=t_ns + self.clock_error_ns)


class Bench:
    """A driver, the unit it talks to, and the clock of both."""

    def __init__(self, connect: Callable[["Bench"], object]):
        self.clock = SimClock(T0_NS)
        self.source = Source()
        self.unit = VectorNavEmulator(self.source)
        self.before_next_poll = b""
        """Rubbish on the line."""
        self._connect = connect
        self.new_driver()

    def receive(self, data: bytes, t_ns: int) -> None:
        self.unit.receive(data, t_ns)

    def poll(self, t_ns: int) -> bytes:
        sent = self.before_next_poll + self.unit.poll(t_ns)
        self.before_next_poll = b""
        return sent

    def new_driver(self, **options) -> None:
        self.navigation = VectorNav(self._connect(self), **options)

    def step(self, milliseconds: int = 10) -> NavigationFix | None:
        self.clock.t_ns += milliseconds * MS_NS
        return self.navigation.poll(self.clock.t_ns)

    def run(self, milliseconds: int) -> NavigationFix | None:
        fix = None
        for _ in range(milliseconds // 10):
            fix = self.step()
        return fix


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


def forward_ned(yaw_deg: float, pitch_deg: float) -> tuple[float, float, float]:
    """Where the nose points, by definition of yaw (from north to east) and pitch (up)."""
    yaw, pitch = math.radians(yaw_deg), math.radians(pitch_deg)
    return math.cos(pitch) * math.cos(yaw), math.cos(pitch) * math.sin(yaw), -math.sin(pitch)


def test_nothing_before_the_first_fix(bench: Bench):
    assert bench.navigation.poll(bench.clock.t_ns) is None


def test_a_fix_says_what_was_measured(bench: Bench):
    fix = bench.run(200)
    assert fix.latitude_rad == pytest.approx(GOOD.latitude_rad, abs=1e-15)
    assert fix.longitude_rad == pytest.approx(GOOD.longitude_rad, abs=1e-15)
    assert fix.altitude_m == GOOD.altitude_m
    assert (fix.velocity_north_m_s, fix.velocity_east_m_s, fix.velocity_down_m_s) == (10, -20, 0.5)
    assert fix.attitude_sigma_rad == pytest.approx(GOOD.attitude_sigma_rad, rel=1e-6)
    assert fix.position_sigma_m == GOOD.position_sigma_m
    assert bench.navigation.health == (0, 0, 0, 0, "")


def test_fifty_a_second_each_with_its_own_time(bench: Bench):
    first = bench.run(200)
    last = bench.run(1000)
    assert first.t_ns in bench.source.asked_ns
    assert last.t_ns in bench.source.asked_ns
    assert last.t_ns - first.t_ns == (last.seq - first.seq) * 20 * MS_NS
    assert abs(last.seq - first.seq - 50) <= 1


@pytest.mark.parametrize("rate_hz", [1, 10, 100, 400])
def test_other_rates(bench: Bench, rate_hz: int):
    bench.new_driver(rate_hz=rate_hz)
    bench.run(2500)
    times = bench.source.asked_ns[-2:]
    assert times[1] - times[0] == 10**9 // rate_hz


@pytest.mark.parametrize("yaw_deg", [0.0, 30.0, 90.0, -135.0, 179.9])
@pytest.mark.parametrize(("pitch_deg", "roll_deg"), [(0.0, 0.0), (20.0, -40.0), (-75.0, 170.0)])
def test_attitude_turns_body_into_ned(
    bench: Bench, yaw_deg: float, pitch_deg: float, roll_deg: float
):
    """It takes the nose to where yaw and pitch say, and the right wing to where roll says."""
    truth = Rotation.from_euler("ZYX", [yaw_deg, pitch_deg, roll_deg], degrees=True)
    x, y, z, w = truth.as_quat()
    bench.source.measured = GOOD._replace(q_ned_from_body=(w, x, y, z))
    w, x, y, z = bench.run(200).q_ned_from_body
    ned_from_body = Rotation.from_quat([x, y, z, w])
    nose, wing = ned_from_body.apply([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])
    # Single precision on the wire: components within 6e-8.
    np.testing.assert_allclose(nose, forward_ned(yaw_deg, pitch_deg), atol=3e-7)
    wing_down = math.sin(math.radians(roll_deg)) * math.cos(math.radians(pitch_deg))
    assert wing[2] == pytest.approx(wing_down, abs=3e-7)
    assert (ned_from_body * truth.inv()).magnitude() < 3e-7
    assert math.hypot(w, x, y, z) == pytest.approx(1.0, abs=1e-15)


def test_an_attitude_the_other_way_round_is_refused(bench: Bench):
    """A unit that gave body-from-NED would contradict its own yaw, pitch and roll."""
    x, y, z, w = Rotation.from_euler("ZYX", [30.0, 10.0, 5.0], degrees=True).as_quat()
    ypr_and_position = pack_message(GOOD._replace(q_ned_from_body=(w, x, y, z)))
    inverse = pack_message(GOOD._replace(q_ned_from_body=(w, -x, -y, -z)))
    mixed = ypr_and_position[:28] + inverse[28:44] + ypr_and_position[44:-2]
    bench.before_next_poll = mixed + crc_bytes(mixed[1:])
    bench.step()
    bench.run(50)
    assert bench.navigation.health.bad_frames == 1
    assert "contradict" in bench.navigation.health.last_error


def crc_bytes(data: bytes) -> bytes:
    """CRC-16/XMODEM bit by bit."""
    crc = 0
    for bit in (byte >> 7 - i & 1 for byte in data for i in range(8)):
        crc = (crc << 1 & 0xFFFF) ^ (0x1021 if crc >> 15 ^ bit else 0)
    return crc.to_bytes(2, "big")


@pytest.mark.parametrize(
    "absurd",
    [
        {"latitude_rad": 1.6},
        {"longitude_rad": 3.2},
        {"altitude_m": math.nan},
        {"altitude_m": 1e6},
        {"velocity_ned_m_s": (math.inf, 0.0, 0.0)},
        {"velocity_ned_m_s": (0.0, 0.0, 5000.0)},
        {"q_ned_from_body": (0.0, 0.0, 0.0, 0.0)},
        {"q_ned_from_body": (1.01, 0.0, 0.0, 0.0)},
        {"attitude_sigma_rad": -1.0},
        {"position_sigma_m": math.nan},
    ],
    ids=str,
)
def test_absurd_values_are_counted_and_not_given(bench: Bench, absurd: dict[str, object]):
    good = bench.run(200)
    bench.source.measured = GOOD._replace(**absurd)
    kept = bench.run(200)
    bad = bench.navigation.health.bad_frames
    assert abs(bad - 10) <= 1
    assert kept.t_ns <= good.t_ns + 20 * MS_NS
    bench.source.measured = GOOD
    assert bench.run(200).seq - kept.seq >= 18


def test_time_that_goes_back_costs_one_frame(bench: Bench):
    before = bench.run(200)
    bench.source.clock_error_ns = -5 * 10**9
    after = bench.run(200)
    assert bench.navigation.health.bad_frames == 1
    assert bench.navigation.health.last_error == "time of the unit does not go forward"
    assert after.t_ns < before.t_ns
    assert after.seq > before.seq


def test_a_unit_without_time_gives_nothing(bench: Bench):
    bench.source.clock_error_ns = -2_000_000_000 * 10**9
    assert bench.run(200) is None
    assert bench.navigation.health.bad_frames >= 8


@pytest.mark.parametrize("unsure", [{"attitude_sigma_rad": 0.1}, {"position_sigma_m": 200.0}])
def test_a_unit_that_is_unsure_is_not_believed(bench: Bench, unsure: dict[str, float]):
    bench.source.measured = GOOD._replace(**unsure)
    assert bench.run(200) is None
    assert bench.navigation.health.device_errors >= 8
    assert bench.navigation.health.bad_frames == 0
    assert "unsure" in bench.navigation.health.last_error


def test_latency(bench: Bench):
    bench.unit = VectorNavEmulator(bench.source, latency_ns=55 * MS_NS)
    fix = bench.run(500)
    # Sampled every 20 ms, on its way for 55 ms, seen at the next poll.
    assert 55 * MS_NS <= bench.clock.t_ns - fix.t_ns <= (55 + 20 + 20) * MS_NS


def test_silence_is_counted_and_the_unit_configured_anew(bench: Bench):
    before = bench.run(200)
    bench.unit.silent = True
    assert bench.run(2500).t_ns <= before.t_ns + 20 * MS_NS
    assert bench.navigation.health.timeouts == 2
    bench.unit.silent = False
    again = bench.run(200)
    assert again.seq - before.seq == (again.t_ns - before.t_ns) // (20 * MS_NS)
    # A unit that lost its power has forgotten what to send.
    bench.unit = VectorNavEmulator(bench.source)
    assert bench.run(1500).t_ns > again.t_ns + 1000 * MS_NS


def test_ascii_and_garbage_between_frames(bench: Bench):
    first = bench.run(200)
    for _ in range(50):
        bench.before_next_poll = (
            b"$VNYMR,+010.071,+000.278,-002.026*5E\xfa\x32$\xfa$VN" + ascii_command("VNASY,1")
        )
        last = bench.step()
    assert abs(last.seq - first.seq - 25) <= 1
    assert bench.navigation.health.garbage_bytes > 0
    assert bench.navigation.health.device_errors == 0


def test_errors_of_the_unit_are_counted_with_their_code(bench: Bench):
    bench.run(100)
    bench.before_next_poll = b"$VNERR,03*72\r\n"
    bench.run(50)
    assert bench.navigation.health.device_errors == 1
    assert bench.navigation.health.last_error == "VNERR,03"


def test_a_frame_with_a_wrong_bit_is_counted(bench: Bench):
    first = bench.run(200)
    spoilt = bytearray(pack_message(GOOD))
    spoilt[60] ^= 4
    bench.before_next_poll = bytes(spoilt)
    last = bench.run(200)
    assert bench.navigation.health.bad_frames == 1
    assert abs(last.seq - first.seq - 10) <= 1


@pytest.mark.parametrize(
    "options", [{"rate_hz": 0}, {"rate_hz": 300}, {"max_position_sigma_m": 0.0}]
)
def test_wrong_options_are_refused(options: dict[str, float]):
    unit = VectorNavEmulator(StillNavigation())
    with pytest.raises(ValueError, match=r"rate_hz|must be positive"):
        VectorNav(InProcessTransport(unit, SimClock(T0_NS)), **options)


def test_a_unit_configured_before_sends_at_once():
    clock = SimClock(T0_NS)
    unit = VectorNavEmulator(StillNavigation(0.7, 0.2, 100.0), rate_hz=50)
    navigation = VectorNav(InProcessTransport(unit, clock))
    fix = navigation.poll(clock.t_ns)
    assert fix.t_ns == T0_NS
    assert fix.q_ned_from_body == (1.0, 0.0, 0.0, 0.0)


def flown(kind: str, seconds: float) -> tuple[list[NavigationFix], VectorNav]:
    """A unit on its carrier with a fault from 1 to 2 s; the newest fix of each 20 ms."""
    scenario = load_scenario("leo_haps_downlink")
    fault = Fault(kind=kind, at_s=1.0, duration_s=1.0)  # type: ignore[arg-type]
    scenario = replace(scenario, world=replace(scenario.world, faults=(fault,)))
    clock = SimClock(T0_NS)
    source = Carrier(scenario, 1).navigation_source(T0_NS)
    unit = VectorNavEmulator(source, rate_hz=50)
    navigation = VectorNav(InProcessTransport(unit, clock))
    fixes = []
    for _ in range(round(seconds * 50)):
        fix = navigation.poll(clock.t_ns)
        assert fix is not None
        fixes.append(fix)
        clock.t_ns += 20 * MS_NS
    return fixes, navigation


def test_a_jump_of_the_unit_comes_through():
    fixes, _ = flown("navigation_jump", 3.0)
    before, there, after = fixes[49], fixes[50], fixes[100]
    assert (there.latitude_rad - before.latitude_rad) * 6_371e3 == pytest.approx(5000.0, abs=5.0)
    assert abs(after.latitude_rad - before.latitude_rad) * 6_371e3 < 50.0
    turned = [
        Rotation.from_quat(f.q_ned_from_body, scalar_first=True) for f in (before, there, after)
    ]
    # 0.2 rad about each axis.
    assert (turned[0].inv() * turned[1]).magnitude() == pytest.approx(0.2 * math.sqrt(3), abs=5e-3)
    assert (turned[0].inv() * turned[2]).magnitude() < 0.02


def test_a_frozen_unit_goes_on_counting_time():
    fixes, navigation = flown("navigation_freeze", 3.0)
    values = {fix[2:] for fix in fixes[49:100]}
    assert len(values) == 1
    assert [b.t_ns - a.t_ns for a, b in itertools.pairwise(fixes)] == [20 * MS_NS] * 149
    assert len({fix[2:] for fix in fixes}) == 100
    assert navigation.health.bad_frames == 0


def test_a_clock_that_is_set_back_is_told_by_the_stamps():
    fixes, navigation = flown("navigation_time_back", 3.0)
    # The first frame after the step is refused, as its time does not go forward.
    assert fixes[50] == fixes[49]
    assert fixes[51].t_ns == fixes[49].t_ns + 40 * MS_NS - 2 * 10**9
    assert fixes[100].t_ns == T0_NS + 100 * 20 * MS_NS
    assert navigation.health.bad_frames == 1


def test_an_overconfident_unit_claims_little_and_scatters_much():
    fixes, _ = flown("navigation_overconfident", 3.0)
    honest, boastful = fixes[:50], fixes[50:100]
    assert boastful[0].attitude_sigma_rad == pytest.approx(honest[0].attitude_sigma_rad / 100)
    assert boastful[0].position_sigma_m == pytest.approx(honest[0].position_sigma_m / 100)
    scatter = [np.std(np.diff([fix.altitude_m for fix in fixes])) for fixes in (honest, boastful)]
    # 50 values each: 15 % of scatter in their ratio.
    assert scatter[1] / scatter[0] == pytest.approx(10.0, rel=0.5)
