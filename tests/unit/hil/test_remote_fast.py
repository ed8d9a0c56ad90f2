"""The world's fast side told through shared memory, against the same one told directly."""

from collections.abc import Iterator
from pathlib import Path

import msgspec
import numpy as np
import pytest

from config.loader import load_scenario
from hil.fine_process import SimulatedJob
from hil.realtime import at_rate
from hil.remote_fast import FastHere, FastMemory, RemoteFast
from sim_devices.fast_side import FAST_FAULTS, FastSide
from terminal.fine_memory import FineJob

FINE_HZ, TICKS = 500, 5
PERIOD_NS = 2_000_000
START_NS = 10**18
SCENARIO = at_rate(load_scenario("leo_haps_downlink"), FINE_HZ, Path("links"))


@pytest.fixture
def memory() -> Iterator[FastMemory]:
    memory = FastMemory.create()
    yield memory
    memory.close()


def side() -> FastSide:
    return FastSide(SCENARIO, 3, (1e-6, -2e-6), FINE_HZ)


def path(step: int) -> tuple[float, float]:
    """Where the gimbal's error stands at a grid point, rad."""
    return 1e-5 * step * step, -2e-5 * step


def test_told_in_time_it_does_what_it_does_in_lock_step(memory: FastMemory) -> None:
    direct, remote = side(), side()
    far, here = RemoteFast(memory), FastHere(remote, memory, PERIOD_NS)
    for step in range(30):
        broken = {"mirror_stuck"} if 10 <= step < 15 else {"quad_silent"} if step == 20 else set()
        for fast in (direct, far):
            fast.apply_faults(broken)
            fast.plant.segment(path(step), path(step + 1), TICKS)
            fast.plant.sum_counts = 9000.0 + step
        far.tell(START_NS + step * TICKS * PERIOD_NS)
        for tick in range(TICKS):
            t_ns = START_NS + (step * TICKS + tick) * PERIOD_NS
            for each in (direct, remote):
                each.mirror.receive(np.array([20 * step, -7 * tick], "<i2").tobytes(), t_ns)
            direct.tick(t_ns)
            here.tick(t_ns)
            assert remote.quad.poll(t_ns) == direct.quad.poll(t_ns)
        x, y = direct.plant.take_residual()
        far_x, far_y = far.take_residual()
        # The segments' ends are reached by adding up, here from where the last one ended.
        assert far_x == pytest.approx(x, abs=1e-15)
        assert far_y == pytest.approx(y, abs=1e-15)
        assert far.seen_rad == pytest.approx(direct.plant.seen_rad, abs=1e-15)


@pytest.mark.parametrize("late", [1, 3, 4])
def test_told_late_it_neither_jumps_nor_stays_behind(memory: FastMemory, late: int) -> None:
    """News of a step come `late` ticks after it has begun. A steady motion is followed exactly; how
    far it is off in another is by the change of the way from step to step, 2e-5 rad in x."""
    remote = side()
    far, here = RemoteFast(memory), FastHere(remote, memory, PERIOD_NS)
    places, wanted = [], []
    for k in range(60 * TICKS):
        step, tick = divmod(k, TICKS)
        if tick == (late if step else 0):
            far.segment(path(step), path(step + 1), TICKS)
            far.tell(START_NS + step * TICKS * PERIOD_NS)
        here.tick(START_NS + k * PERIOD_NS)
        places.append(remote.plant.gimbal_rad)
        share = (tick + 1) / TICKS
        ends = zip(path(step), path(step + 1), strict=True)
        wanted.append(tuple((1.0 - share) * a + share * b for a, b in ends))
    off = np.abs(np.array(places) - np.array(wanted))
    assert off[:, 1].max() < 1e-15
    assert 0.0 < off[:, 0].max() < 2e-5
    jumps = np.abs(np.diff(np.array(places)[:, 0], 2))
    assert jumps.max() < 2 * 2e-5 / TICKS


def test_told_nothing_the_gimbal_is_not_carried_on_for_ever(memory: FastMemory) -> None:
    remote = side()
    far, here = RemoteFast(memory), FastHere(remote, memory, PERIOD_NS)
    far.segment((0.0, 0.0), (1e-5, 0.0), TICKS)
    far.tell(START_NS)
    for k in range(100):
        here.tick(START_NS + k * PERIOD_NS)
    assert 1e-5 <= remote.plant.gimbal_rad[0] < 2.5e-5


def test_where_the_process_is_dead_the_mirror_stands_and_the_gimbal_goes_on(
    memory: FastMemory,
) -> None:
    remote = side()
    far, here = RemoteFast(memory), FastHere(remote, memory, PERIOD_NS)
    far.segment((0.0, 0.0), (3e-5, 1e-5), TICKS)
    far.tell(START_NS)
    remote.mirror.receive(np.array([300, -200], "<i2").tobytes(), START_NS)
    for k in range(50):
        here.tick(START_NS + k * PERIOD_NS)
    far.take_residual()
    mirror = remote.plant.mirror_rad
    assert abs(mirror[0]) > 1e-6
    far.segment((3e-5, 1e-5), (7e-5, -4e-5), TICKS)
    x, y = far.take_residual()
    assert (x[-1], y[-1]) == pytest.approx((7e-5 - mirror[0], -4e-5 - mirror[1]))
    assert far.seen_rad == (7e-5, -4e-5)


@pytest.mark.parametrize("kind", FAST_FAULTS)
def test_every_fault_of_the_fast_side_gets_there(memory: FastMemory, kind: str) -> None:
    told: list[set[str]] = []
    remote = side()
    remote.apply_faults = lambda broken: told.append(set(broken))  # type: ignore[method-assign]
    far, here = RemoteFast(memory), FastHere(remote, memory, PERIOD_NS)
    far.apply_faults({kind, "gimbal_stuck"})
    far.tell(START_NS)
    here.tick(START_NS)
    assert told == [{kind}]


@pytest.mark.parametrize("name", ["leo_haps_downlink", "leo_ground_uplink", "haps_laps_search"])
def test_what_the_process_is_told_survives_the_way(name: str) -> None:
    scenario = at_rate(load_scenario(name), FINE_HZ, Path("links"))
    fine = FineJob(scenario.terminal, START_NS, 2, 3, (4, 5, 6, 7))
    job = SimulatedJob(fine, scenario, 8, (9, 10))
    text = msgspec.json.encode(job)
    assert b"\n" not in text
    assert msgspec.json.decode(text, type=SimulatedJob) == job
