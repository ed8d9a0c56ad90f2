"""The fine loop's process: in this one by a simulated clock, and as a process that ends or dies."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator

import msgspec
import pytest
from msgspec.structs import replace

from config.errors import RunError
from config.loader import load_scenario
from config.terminal import TerminalConfig
from terminal import fine_process
from terminal.dummy_bench import DummyBench, at_rate
from terminal.fine_child import FineChild, FineRing
from terminal.fine_memory import SILENCE_NS, FineJob, FineMemory, TimesReader
from terminal.fine_process import FineLoop, run
from terminal.messages import ModesCommand, ModesSample, PointAheadCommand, PointAheadSample
from terminal.realtime import Pacer
from terminal.shared_ring import RingWriter

FINE_HZ = 1000
PERIOD_NS = 1_000_000
START_NS = 10**18
CONFIG = at_rate(load_scenario("leo_haps_downlink").terminal, FINE_HZ)
MODES = ModesSample(*(0,) * len(ModesSample._fields))
PATIENCE_S = 60.0
"""For a process on a busy machine; nothing is judged by it."""


@pytest.fixture
def memory() -> Iterator[FineMemory]:
    memory = FineMemory.create()
    yield memory
    memory.close()


class Clock:
    """Monotonic time that sleeping moves."""

    now_ns = 0

    def __call__(self) -> int:
        return self.now_ns

    def sleep(self, seconds: float) -> None:
        self.now_ns += round(seconds * 1e9)


class Side:
    """The other loops, and the fine loop on the dummy bench, moved by hand."""

    def __init__(self, memory: FineMemory) -> None:
        self.memory = memory
        self.bench = DummyBench(CONFIG)
        self.loop = FineLoop(CONFIG, memory, self.bench, self.bench)
        self.ring, self.times = FineRing(memory), TimesReader(memory.times)
        self.modes: RingWriter[ModesSample, ModesCommand] = RingWriter("modes", memory.modes)
        self.clock = Clock()
        self.stopped_at = 10**9
        self.hinder: dict[int, int] = {}
        """Period -> ns that its tick takes."""

    def order(self, t_ns: int, enable: int = 1) -> None:
        self.modes.push(MODES._replace(t_ns=t_ns), ModesCommand(fine_enable=enable))

    def advance(self, first: int, periods: int) -> None:
        """At 50 Hz as the modes loop does, until it stops."""
        for k in range(first, first + periods):
            if k % 20 == 0 and k < self.stopped_at:
                self.order(START_NS + k * PERIOD_NS)
            self.clock.now_ns += self.hinder.get(k, 0)

    def run(self, periods: int) -> None:
        job = FineJob(CONFIG, START_NS, periods, os.getppid(), self.memory.fds)
        pacer = Pacer(FINE_HZ, self.clock, self.clock.sleep, first_ns=PERIOD_NS)
        run(job, self.loop, pacer, self.advance)

    def ticks(self) -> list[tuple[int, int, int]]:
        """(period, enable, closed) of each."""
        self.ring.look(START_NS)
        unpack = self.ring.codec.unpack_from
        told = [unpack(packed, 0)[1:3] for packed in self.ring.take()]
        return [((s.t_ns - START_NS) // PERIOD_NS, s.enable, c.closed) for s, c in told]


def test_every_period_is_a_tick_or_an_overrun(memory: FineMemory) -> None:
    side = Side(memory)
    side.hinder = {100: 7 * PERIOD_NS, 250: 3 * PERIOD_NS // 2, 399: 50 * PERIOD_NS}
    side.run(400)
    times = side.times.take()
    periods = [t.periods for t in times]
    assert sum(periods) == 400
    # What begins within its own period is late and no overrun; what begins after it is skipped.
    skipped = {*range(101, 108), 251}
    assert [k for k, _, _ in side.ticks()] == [k for k in range(400) if k not in skipped]
    assert max(periods) == 8


def test_enable_and_aim_come_from_the_other_loops(memory: FineMemory) -> None:
    side = Side(memory)
    ahead: RingWriter[PointAheadSample, PointAheadCommand] = RingWriter(
        "point_ahead", memory.point_ahead
    )
    for enable, aim_rad in ((0, 0.0), (1, 1e-6), (0, -2e-6)):
        side.order(START_NS, enable)
        command = PointAheadCommand(aim_x_rad=aim_rad, aim_y_rad=-aim_rad)
        ahead.push(PointAheadSample(START_NS, 1, 0.0, 0.0, 0.0), command)
        side.loop.tick(START_NS, 1, 0)
        side.ring.look(START_NS)
        assert side.ring.sample is not None
        sample = side.ring.sample
        assert (sample.enable, sample.aim_x_rad, sample.aim_y_rad) == (enable, aim_rad, -aim_rad)


@pytest.mark.parametrize(
    ("age_ns", "enable"),
    [(0, 1), (SILENCE_NS, 1), (SILENCE_NS + 1, 0), (-SILENCE_NS, 1), (-SILENCE_NS - 1, 0)],
)
def test_orders_count_while_they_are_fresh(memory: FineMemory, age_ns: int, enable: int) -> None:
    side = Side(memory)
    side.order(START_NS - age_ns)
    assert side.loop.tick(START_NS, 1, 0) is not bool(enable)
    assert side.ticks()[0][1] == enable
    # Fresh ones count again.
    side.order(START_NS)
    assert side.loop.tick(START_NS, 1, 0) is False
    assert side.ticks()[0][1] == 1


def test_before_any_order_the_loop_is_open(memory: FineMemory) -> None:
    side = Side(memory)
    assert side.loop.tick(START_NS, 1, 0) is True
    assert side.ticks()[0][1] == 0


def test_when_the_other_loops_fall_silent_the_mirror_goes_to_its_centre(
    memory: FineMemory,
) -> None:
    """Their process hangs at 2 s, while the mirror follows a sway of 20 urad, and stays there."""
    side = Side(memory)
    side.stopped_at = 2000
    places: list[int] = []
    advance = side.advance

    def watched(first: int, periods: int) -> None:
        places.append(side.bench.x_counts)
        advance(first, periods)

    side.advance = watched  # type: ignore[method-assign]
    side.run(4000)
    ticks = side.ticks()
    last_order, silence = 1980, SILENCE_NS // PERIOD_NS
    assert all(closed for k, _, closed in ticks if 1500 <= k <= last_order + silence)
    assert not any(enable or closed for k, enable, closed in ticks if k > last_order + silence)
    sway_counts = 20e-6 * side.bench.counts_per_rad
    assert max(map(abs, places[1500:2400])) == pytest.approx(sway_counts, rel=0.1)
    # Twenty time constants of the loop that lets go.
    assert places[last_order + silence + 1000] == 0


def test_at_its_end_the_mirror_stands_at_its_centre(memory: FineMemory) -> None:
    side = Side(memory)
    side.run(1250)
    assert side.ticks()[-1][2] == 1
    assert (side.bench.x_counts, side.bench.y_counts) == (0, 0)


def test_asked_to_end_it_ends_after_the_tick(
    memory: FineMemory, monkeypatch: pytest.MonkeyPatch
) -> None:
    side = Side(memory)
    asked: list[int] = []
    monkeypatch.setattr(fine_process, "_ASKED_TO_END", asked)
    job = FineJob(CONFIG, START_NS, 10**9, os.getppid(), memory.fds)
    pacer = Pacer(FINE_HZ, side.clock, side.clock.sleep)
    run(job, side.loop, pacer, lambda first, _: asked.append(15) if first == 7 else None)
    assert len(side.ticks()) == 8


def test_without_orders_and_parent_it_ends(memory: FineMemory) -> None:
    side = Side(memory)
    job = FineJob(CONFIG, START_NS, 10**9, os.getppid() + 1, memory.fds)
    run(job, side.loop, Pacer(FINE_HZ, side.clock, side.clock.sleep), None)
    assert len(side.ticks()) == 1


def test_what_the_loop_last_said_ages(memory: FineMemory) -> None:
    side = Side(memory)
    side.run(1250)
    last_ns = START_NS + 1249 * PERIOD_NS
    ages_s = []
    for age_ns in (0, 20_000_000, SILENCE_NS, SILENCE_NS + 1):
        side.ring.look(last_ns + age_ns)
        command = side.ring.command
        ages_s.append(command.scan_age_s)
        assert (command.closed, command.beacon) == ((1, 1) if age_ns <= SILENCE_NS else (0, 0))
    assert ages_s == pytest.approx([0.0, 0.02, 0.5, 0.5 + 1e-9])


class Wires:
    """A quad cell that is silent and a mirror that is written to, behind sockets."""

    def __init__(self) -> None:
        self._servers = [socket.create_server(("127.0.0.1", 0)) for _ in range(2)]
        for server in self._servers:
            server.settimeout(PATIENCE_S)
        self.config = self._behind(CONFIG)
        self.mirror: socket.socket

    def _behind(self, config: TerminalConfig) -> TerminalConfig:
        devices = dict(config.devices)
        for role, server in zip(("quad", "mirror"), self._servers, strict=True):
            url = f"tcp://127.0.0.1:{server.getsockname()[1]}"
            devices[role] = replace(devices[role], url=url)
        return replace(config, devices=devices)

    def connect(self) -> None:
        self._quad, self.mirror = (server.accept()[0] for server in self._servers)
        self.mirror.settimeout(PATIENCE_S)

    def written(self) -> bytes:
        """All that the mirror is told until the process lets go of it."""
        parts = []
        while part := self.mirror.recv(1 << 16):
            parts.append(part)
        return b"".join(parts)

    def close(self) -> None:
        for each in (*self._servers, self._quad, self.mirror):
            each.close()


def _job(config: TerminalConfig, memory: FineMemory, periods: int, parent_pid: int) -> bytes:
    return msgspec.json.encode(FineJob(config, START_NS, periods, parent_pid, memory.fds))


def _child(wires: Wires, memory: FineMemory, periods: int) -> FineChild:
    child = FineChild("terminal.fine_process", memory.fds)
    child.send(_job(wires.config, memory, periods, os.getpid()))
    wires.connect()
    child.wait_ready()
    child.start(time.monotonic_ns())
    return child


@pytest.fixture
def wires() -> Iterator[Wires]:
    wires = Wires()
    yield wires
    wires.close()


def test_on_real_wires_it_flies_and_reports(wires: Wires, memory: FineMemory) -> None:
    child = _child(wires, memory, 20)
    report = child.report(PATIENCE_S)
    times = TimesReader(memory.times).take()
    child.close()
    assert report is not None
    assert set(report.granted) == {"sched_fifo", "memory_locked", "timer_slack", "gc_frozen"}
    assert report.ticks == len(times)
    assert sum(t.periods for t in times) == 20
    # A scan of 4 bytes a tick, and the centre at the end.
    assert wires.written() == bytes(4 * (report.ticks + 1))
    assert child.fate() is None


def test_that_it_was_killed_is_seen(wires: Wires, memory: FineMemory) -> None:
    child = _child(wires, memory, 10**9)
    assert child.fate() is None
    os.kill(child.pid, signal.SIGKILL)
    wires.written()
    assert child.report(PATIENCE_S) is None
    child.close()
    assert child.fate() == "ended by signal 9"


def test_closed_in_mid_flight_it_ends_well(wires: Wires, memory: FineMemory) -> None:
    child = _child(wires, memory, 10**9)
    child.close()
    assert child.fate() is None
    written = wires.written()
    assert len(written) % 4 == 0
    assert written[-4:] == bytes(4)


PARENT = """
import json, os, sys
from terminal.fine_child import FineChild
order = json.loads(sys.stdin.buffer.readline())
order["parent_pid"] = os.getpid()
child = FineChild("terminal.fine_process", tuple(map(int, sys.argv[1:])))
child.send(json.dumps(order).encode())
child.wait_ready()
child.start(0)
os.write(1, b"ready")
sys.stdin.read()
"""


def test_when_the_parent_is_killed_it_centres_the_mirror_and_ends(
    wires: Wires, memory: FineMemory
) -> None:
    fds = memory.fds
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT, *map(str, fds)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        pass_fds=fds,
    )
    assert parent.stdin is not None
    assert parent.stdout is not None
    parent.stdin.write(_job(wires.config, memory, 10**9, 0) + b"\n")
    parent.stdin.flush()
    wires.connect()
    assert parent.stdout.read(5) == b"ready"
    parent.kill()
    # The process lets go of its devices: it is gone.
    assert wires.written()[-4:] == bytes(4)
    parent.communicate()


def test_one_that_cannot_open_its_device_says_so(memory: FineMemory) -> None:
    """The default devices are inproc: there is nothing of that kind in a process of its own."""
    child = FineChild("terminal.fine_process", memory.fds)
    child.send(_job(CONFIG, memory, 10, os.getpid()))
    with pytest.raises(RunError, match="ended with exit code 1"):
        child.wait_ready()
    child.close()
