"""What a mirror owes its user, on the IIO emulator in process and behind TCP."""

from collections.abc import Iterator

import pytest
from wire import LoopbackTransport, ScriptedTransport

from drivers.mirror_iio import IioMirror
from sim_devices.emulator import InProcessTransport, SimClock
from sim_devices.mirror_iio import IioMirrorEmulator

T0_NS = 1_800_000_000 * 10**9


class Bench:
    """A driver, and the DAC that it writes."""

    def __init__(self, transport_class: type) -> None:
        self.dac = IioMirrorEmulator()
        self.transport = transport_class(self.dac, SimClock(T0_NS))
        self.new_driver()

    def new_driver(self, **options: int) -> None:
        self.mirror = IioMirror(self.transport, counts_per_rad=1e7, **options)

    def commanded(self, x: int, y: int) -> tuple[int, int]:
        self.mirror.command(x, y, T0_NS)
        return self.dac.x_counts, self.dac.y_counts


@pytest.fixture(params=[InProcessTransport, LoopbackTransport], ids=["in_process", "tcp"])
def bench(request: pytest.FixtureRequest) -> Iterator[Bench]:
    bench = Bench(request.param)
    yield bench
    bench.mirror.close()


def test_centred_before_the_first_command(bench: Bench):
    assert (bench.dac.x_counts, bench.dac.y_counts) == (0, 0)


def test_commands_arrive(bench: Bench):
    for command in [(1, 2), (-1, 300), (32767, -32767), (0, 0)]:
        assert bench.commanded(*command) == command
    assert bench.mirror.health == (0, 0, 0, 0, "")


@pytest.mark.parametrize("limit", [1, 1000, 32767])
def test_commands_are_clamped(bench: Bench, limit: int):
    bench.new_driver(max_counts=limit)
    assert bench.commanded(limit + 1, 0) == (limit, 0)
    assert bench.commanded(0, -limit - 1) == (0, -limit)
    assert bench.commanded(-(10**9), 10**9) == (-limit, limit)
    assert bench.commanded(limit, -limit) == (limit, -limit)


def test_one_write_of_one_scan_a_command():
    """Little-endian, x first."""
    transport = ScriptedTransport()
    IioMirror(transport, counts_per_rad=1e7).command(0x0102, -2, T0_NS)
    assert transport.written == bytes.fromhex("02 01 fe ff")


def test_scans_cut_anywhere():
    """Two scans, x = 258, y = -2 and x = 3, y = 4, whatever parts they come in."""
    scans = bytes.fromhex("02 01 fe ff 03 00 04 00")
    for first in range(9):
        for second in range(first, 9):
            dac = IioMirrorEmulator()
            for part in (scans[:first], scans[first:second], scans[second:]):
                dac.receive(part, T0_NS)
            assert (dac.x_counts, dac.y_counts) == (3, 4)
    dac = IioMirrorEmulator()
    dac.receive(scans[:7], T0_NS)
    assert (dac.x_counts, dac.y_counts) == (258, -2)


@pytest.mark.parametrize(
    ("options", "name"),
    [
        ({"counts_per_rad": 0.0}, "counts_per_rad"),
        ({"counts_per_rad": 1e7, "max_counts": 0}, "max_counts"),
        ({"counts_per_rad": 1e7, "max_counts": 32768}, "max_counts"),
    ],
)
def test_bad_options(options: dict[str, float], name: str):
    with pytest.raises(ValueError, match=name):
        IioMirror(None, **options)
