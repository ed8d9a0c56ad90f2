"""Faults of the fine loop's devices, against a world that is the same but whole."""

import struct

import numpy as np
import pytest
from msgspec import structs
from numpy.typing import NDArray

from config.loader import load_scenario
from config.world import Fault
from sim_devices.carrier import GRID_HZ
from sim_devices.world import World
from terminal.geometry.time_scales import utc_julian_date
from terminal.window import resolve_window

FINE_HZ = 5000
TICKS = FINE_HZ // GRID_HZ
PERIOD_NS = 10**9 // FINE_HZ
SCENARIO = load_scenario("haps_laps_downlink")
START_NS = resolve_window(SCENARIO.mission).start_tai_ns
BROKEN = slice(2 * TICKS, 5 * TICKS)
"""Ticks of a fault from 20 to 50 ms."""


def world(*faults: Fault, delay_samples: int = 2) -> World:
    mirror = structs.replace(SCENARIO.world.mirror, delay_samples=delay_samples)
    truth = structs.replace(SCENARIO.world, faults=faults, mirror=mirror)
    scenario = structs.replace(SCENARIO, world=truth)
    made = World(scenario, 1, START_NS, utc_julian_date(START_NS), 1.0, FINE_HZ)
    # A gimbal that looks at the partner: only the jitter is left.
    made._gimbal_error = lambda index, joints: (0.0, 0.0)  # type: ignore[method-assign]
    made._errors = made._last_error = (0.0, 0.0)
    return made


def fault(kind: str, at_s: float = 0.02, duration_s: float = 0.03) -> Fault:
    return Fault(kind=kind, at_s=at_s, duration_s=duration_s)  # type: ignore[arg-type]


def fly(made: World, steps: int = 7) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """(times, counts) of every scan that the sensor sent; (n,) ns from the start and (n, 4)."""
    sent = b""
    for _ in range(steps):
        made.grid_step()
        for _ in range(TICKS):
            made.fine_tick()
            sent += made.quad.poll(made.clock.t_ns)
            made.clock.t_ns += PERIOD_NS
        made.end_grid_step()
    scans = np.array(list(struct.iter_unpack("<hhhhq", sent)), np.int64)
    return scans[:, 4] - START_NS, scans[:, :4]


WHOLE_T, WHOLE = fly(world())


def xy(counts: NDArray[np.int64]) -> NDArray[np.int64]:
    """Differences as the terminal forms them, (n, 2)."""
    a, b, c, d = counts.T
    return np.column_stack([a + d - b - c, a + b - c - d])


def test_a_whole_sensor_sends_every_scan_with_its_time() -> None:
    assert WHOLE_T.tolist() == [k * PERIOD_NS for k in range(7 * TICKS)]
    assert len(np.unique(WHOLE, axis=0)) > 300


@pytest.mark.parametrize(
    "kind", ["quad_stuck", "quad_saturated", "quad_axes_swapped", "quad_sign_flipped"]
)
def test_a_broken_sensor_goes_on_sending_and_recovers(kind: str) -> None:
    t, counts = fly(world(fault(kind)))
    assert t.tolist() == WHOLE_T.tolist()
    healthy = np.ones(len(t), bool)
    healthy[BROKEN] = False
    assert np.array_equal(counts[healthy], WHOLE[healthy])
    assert not np.array_equal(counts[~healthy], WHOLE[~healthy])


def test_stuck() -> None:
    _, counts = fly(world(fault("quad_stuck")))
    shown = counts[BROKEN]
    assert np.array_equal(shown, np.broadcast_to(WHOLE[BROKEN][0], shown.shape))


def test_a_sensor_stays_stuck_while_another_fault_comes_and_goes() -> None:
    more = (fault("beacon_off", 0.03, 0.01), fault("gimbal_stuck", 0.04, 0.005))
    _, counts = fly(world(fault("quad_stuck"), *more))
    assert len(np.unique(counts[BROKEN], axis=0)) == 1


def test_saturated() -> None:
    _, counts = fly(world(fault("quad_saturated")))
    assert (counts[BROKEN] == 32767).all()


def test_axes_swapped() -> None:
    _, counts = fly(world(fault("quad_axes_swapped")))
    assert np.array_equal(xy(counts)[BROKEN], xy(WHOLE)[BROKEN][:, ::-1])


def test_sign_flipped() -> None:
    _, counts = fly(world(fault("quad_sign_flipped")))
    assert np.array_equal(xy(counts)[BROKEN], -xy(WHOLE)[BROKEN])


def test_two_faults_at_once() -> None:
    _, counts = fly(world(fault("quad_sign_flipped"), fault("quad_axes_swapped")))
    assert np.array_equal(xy(counts)[BROKEN], -xy(WHOLE)[BROKEN][:, ::-1])


def test_silent() -> None:
    t, counts = fly(world(fault("quad_silent")))
    sent = np.ones(len(WHOLE_T), bool)
    sent[BROKEN] = False
    assert t.tolist() == WHOLE_T[sent].tolist()
    assert np.array_equal(counts, WHOLE[sent])


def mirror_path(made: World) -> NDArray[np.float64]:
    """Where the mirror stands after each tick, told more and more; (n, 2) rad."""
    path = []
    for step in range(7):
        made.grid_step()
        for tick in range(TICKS):
            counts = 10 * (step * TICKS + tick)
            made.mirror.receive(struct.pack("<hh", counts, -counts), made.clock.t_ns)
            made.fine_tick()
            path.append(made.plant.mirror_rad)
            made.clock.t_ns += PERIOD_NS
        made.end_grid_step()
    return np.array(path)


def test_a_stuck_mirror_does_not_move() -> None:
    whole, stuck = mirror_path(world()), mirror_path(world(fault("mirror_stuck")))
    assert (np.diff(whole[10:], axis=0)[:, 0] > 0).all()
    before = stuck[BROKEN.start - 1]
    assert np.array_equal(stuck[: BROKEN.start], whole[: BROKEN.start])
    assert (stuck[BROKEN] == before).all()
    assert stuck[-1] == pytest.approx(whole[-1], rel=1e-9)


@pytest.mark.parametrize("delay", [1, 2, 4])
def test_delay_in_the_loop_is_two_scans_more(delay: int) -> None:
    whole = mirror_path(world(delay_samples=delay))
    late = mirror_path(world(fault("loop_delay"), delay_samples=delay))
    settled = slice(BROKEN.start + 20, BROKEN.stop)
    # On a ramp the mirror is where it was two scans ago.
    shifted = slice(settled.start - 2, settled.stop - 2)
    assert late[settled] == pytest.approx(whole[shifted], rel=1e-9)
    assert late[-1] == pytest.approx(whole[-1], rel=1e-9)
