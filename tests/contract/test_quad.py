"""What a quad detector owes its user, on the IIO emulator in process and behind TCP."""

from collections.abc import Iterator

import pytest
from wire import LoopbackTransport

from drivers.protocols import QuadScan
from drivers.quad_iio import IioQuad
from sim_devices.emulator import InProcessTransport, SimClock
from sim_devices.quad_iio import IioQuadEmulator

T0_NS = 1_800_000_000 * 10**9
PERIOD_NS = 200_000


class Bench:
    """A driver, the ADC it reads, and the clock of both."""

    def __init__(self, transport_class: type) -> None:
        self.clock = SimClock(T0_NS)
        self.adc = IioQuadEmulator(buffer_scans=64)
        self.before_next_poll = b""
        """Rubbish on the line."""
        self.swallowed = 0
        """Bytes that the line is about to lose."""
        self.transport = transport_class(self, self.clock)
        self.quad = IioQuad(self.transport, rate_hz=5000)

    def receive(self, data: bytes, t_ns: int) -> None:
        self.adc.receive(data, t_ns)

    def poll(self, t_ns: int) -> bytes:
        sent = self.before_next_poll + self.adc.poll(t_ns)
        self.before_next_poll = b""
        sent, self.swallowed = sent[self.swallowed :], max(0, self.swallowed - len(sent))
        return sent

    def convert(self, *counts: int) -> None:
        self.clock.t_ns += PERIOD_NS
        self.adc.push(self.clock.t_ns, *(counts or (1, 2, 3, 4)))

    def step(self, *counts: int) -> QuadScan | None:
        self.convert(*counts)
        return self.quad.poll(self.clock.t_ns)

    def start(self) -> QuadScan:
        """Scans until the first that is given."""
        assert self.step() is None
        scan = self.step()
        assert scan is not None
        return scan


@pytest.fixture(params=[InProcessTransport, LoopbackTransport], ids=["in_process", "tcp"])
def bench(request: pytest.FixtureRequest) -> Iterator[Bench]:
    bench = Bench(request.param)
    yield bench
    bench.quad.close()


def test_nothing_before_the_first_scan(bench: Bench):
    assert bench.quad.poll(bench.clock.t_ns) is None


def test_every_scan_once_with_its_own_time_and_number(bench: Bench):
    first = bench.start()
    for k in range(1, 50):
        scan = bench.step(k, -k, 32767, -32768)
        assert scan == (bench.clock.t_ns, first.seq + k, k, -k, 32767, -32768, 0)
        assert bench.quad.poll(bench.clock.t_ns) is None
    assert bench.quad.health == (0, 0, 0, 0, "")


def test_the_newest_scan_and_how_many_were_missed(bench: Bench):
    first = bench.start()
    for _ in range(4):
        bench.convert()
    scan = bench.step(9, 9, 9, 9)
    assert scan == (bench.clock.t_ns, first.seq + 5, 9, 9, 9, 9, 4)
    assert bench.step().lost == 0


@pytest.mark.parametrize("missed", [1, 2, 1000])
def test_scans_that_the_adc_lost_are_counted(bench: Bench, missed: int):
    first = bench.start()
    bench.clock.t_ns += missed * PERIOD_NS
    scan = bench.step()
    assert (scan.lost, scan.seq) == (missed, first.seq + missed + 1)
    assert bench.quad.health.bad_frames == 0


def test_a_full_buffer_loses_scans_and_shows_it(bench: Bench):
    bench.start()
    for _ in range(100):
        bench.convert()
    assert bench.quad.poll(bench.clock.t_ns).lost == 63
    assert bench.step().lost == 100 - 64


def test_late_and_early_stamps_are_no_loss(bench: Bench):
    """The stamp is taken in an interrupt handler: it comes late, and the next one seems early."""
    bench.start()
    for late_ns in (30_000, 0, 90_000, 0, 90_000, 0):
        bench.clock.t_ns += PERIOD_NS
        bench.adc.push(bench.clock.t_ns + late_ns, 1, 2, 3, 4)
        assert bench.quad.poll(bench.clock.t_ns).lost == 0
    assert bench.quad.health == (0, 0, 0, 0, "")


@pytest.mark.parametrize("size", range(1, 33))
def test_bytes_too_many_are_found_and_dropped(bench: Bench, size: int):
    last = bench.start()
    bench.before_next_poll = b"\x5a" * size
    given = [scan for _ in range(6) if (scan := bench.step())]
    assert len(given) >= 3
    assert all(scan[2:6] == (1, 2, 3, 4) for scan in given)
    # A missed scan is either given or counted.
    assert sum(1 + scan.lost for scan in given) == (given[-1].t_ns - last.t_ns) // PERIOD_NS
    assert bench.quad.health.garbage_bytes == size
    assert bench.quad.health.bad_frames == 1


@pytest.mark.parametrize("size", range(1, 33))
def test_bytes_too_few_are_found(bench: Bench, size: int):
    last = bench.start()
    bench.swallowed = size
    given = [scan for _ in range(8) if (scan := bench.step())]
    assert len(given) >= 3
    assert all(scan[2:6] == (1, 2, 3, 4) for scan in given)
    assert all((scan.t_ns - T0_NS) % PERIOD_NS == 0 for scan in given)
    assert sum(1 + scan.lost for scan in given) == (given[-1].t_ns - last.t_ns) // PERIOD_NS


def test_a_clock_that_is_set_back_is_followed(bench: Bench):
    bench.start()
    bench.clock.t_ns -= 3_600_000_000_000
    given = [scan for _ in range(4) if (scan := bench.step())]
    assert given[-1].t_ns == bench.clock.t_ns
    assert given[0].lost == 0
    assert bench.quad.health.bad_frames == 1


@pytest.mark.parametrize("rate_hz", [0, -1, float("nan")])
def test_bad_options(rate_hz: float):
    with pytest.raises(ValueError, match="rate_hz"):
        IioQuad(None, rate_hz=rate_hz)
