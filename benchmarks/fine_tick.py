"""The fine loop's tick and its parts: the only work that is done five thousand times a second."""

from collections.abc import Callable
from pathlib import Path
from time import process_time_ns
from typing import Any

from benchmarks.cost import Cost, cost, unit_us
from config.scenario import Scenario
from hil.flight import GRID_NS, Flight, window_of
from sim_devices.carrier import GRID_HZ
from terminal.bus import Ring
from terminal.loop import Loop
from terminal.loops import fine
from terminal.messages import MESSAGES, FineCommand, FineSample
from terminal.telemetry.reader import Recording
from terminal.telemetry.recorder import Recorder

FLIGHT_S, MEASURED_S = 9.0, 1.0
"""A flight this long ends in LINK; its last second is timed."""
TICKS = 5000

Recorded = list[tuple[FineSample, FineCommand]]


def recorded_ticks(recording: Path) -> Recorded:
    """The last ticks of the fine loop in a recording."""
    ticks = [(sample, command) for _, sample, command in Recording(recording).ticks("fine")]
    return ticks[-TICKS:]


def empty_tick(ticks: Recorded) -> Cost:
    """A loop that reads, decides and writes nothing, and records it: the frame around a step."""
    sample, command = ticks[-1]
    ring: Ring[FineSample, FineCommand] = Ring("fine", FineCommand())
    loop: Loop[None, FineSample, FineCommand] = Loop(
        "fine",
        5000,
        None,
        lambda state, sample, dt_s: (state, command),
        lambda t_ns: sample,
        lambda command, t_ns: None,
        ring,
    )

    def work() -> int:
        for t_ns in range(0, TICKS * 200_000, 200_000):
            loop.tick(t_ns)
        ring.take()
        loop.compute_ns.clear()
        return TICKS

    return cost(work)


def step(scenario: Scenario, ticks: Recorded) -> Cost:
    """The controller alone, on what it saw in flight."""
    first, bound = fine.make(scenario.mission, scenario.terminal, 0)
    samples = [sample for sample, _ in ticks]

    def work() -> int:
        state = first
        for sample in samples:
            state, _ = bound(state, sample, 2e-4)
        return len(samples)

    return cost(work)


def push(ticks: Recorded) -> Cost:
    """Packing a tick into its ring."""
    ring: Ring[FineSample, FineCommand] = Ring("fine", FineCommand())

    def work() -> int:
        for sample, command in ticks:
            ring.push(sample, command)
        ring.take()
        return len(ticks)

    return cost(work)


def recording(ticks: Recorded, folder: Path) -> Cost:
    """From the ring to the file, outside of the tick: blocks of 100, flushed twice a second."""
    ring: Ring[FineSample, FineCommand] = Ring("fine", FineCommand())
    for sample, command in ticks:
        ring.push(sample, command)
    packed = ring.take()
    recorder = Recorder(folder / "bench.mcap", metadata={}, messages=[MESSAGES["fine"]])
    half = len(packed) // 2

    def work() -> int:
        for part in (packed[:half], packed[half:]):
            recorder.write_ticks("fine", part)
            recorder.flush(0)
        return len(packed)

    try:
        return cost(work)
    finally:
        recorder.close()


def in_flight(scenario: Scenario, folder: Path) -> tuple[Cost, Cost]:
    """(whole tick with plant, emulators and drivers; plant alone) in a flight that is in LINK."""
    window = window_of(scenario, FLIGHT_S)
    flight = Flight(scenario, 1, window, folder, lambda progress: None)
    us, units = [], []
    try:
        for index in range(round(FLIGHT_S * GRID_HZ)):
            flight.begin_grid()
            before = unit_us()
            each = _grid(flight)
            # Other loops are due at the start of every second grid step at most.
            if index % 2 and index >= (FLIGHT_S - MEASURED_S) * GRID_HZ:
                us.append(each)
                units.append(each / before)
            flight.end_grid()
        plant = cost(_plant(flight.world.plant))
    finally:
        flight.close()
    middle = len(us) // 2
    return Cost(sorted(us)[middle], sorted(units)[middle]), plant


def _grid(flight: Flight) -> float:
    """The ticks of one grid step, us each: the inner loop of `Flight.lock_step`."""
    clock, fine_tick, tick = flight.world.clock, flight.world.fine_tick, flight.terminal.tick
    count = flight.fine_hz // GRID_HZ
    period_ns = GRID_NS // count
    start = process_time_ns()
    for _ in range(count):
        fine_tick()
        tick(clock.t_ns)
        clock.t_ns += period_ns
    return (process_time_ns() - start) * 1e-3 / count


def _plant(plant: Any) -> Callable[[], int]:
    def work() -> int:
        for _ in range(TICKS):
            plant.tick(0, 0)
        plant.take_residual()
        return TICKS

    return work
