"""The main loop of a flight in real time: the slow loops and the world, beside the fine loop."""

import math
from time import perf_counter_ns
from typing import Any

from config.scenario import Scenario
from hil.flight import Flight
from hil.records import Timed
from hil.remote_fast import RemoteFast
from sim_devices.carrier import GRID_HZ
from terminal.bus import Bus
from terminal.fine_child import STOP_S, FineChild, FineRing
from terminal.fine_memory import FineMemory, FineReport, TimesReader
from terminal.messages import ModesCommand, PointAheadCommand
from terminal.output import warn
from terminal.realtime import Pacer
from terminal.shared_ring import SharedRing


def slow_hz(scenario: Scenario) -> int:
    """The least rate at which every loop but the fine one, and the world, get their turn."""
    rates = scenario.terminal.rates
    slow = (getattr(rates, name) for name in rates.__struct_fields__ if name != "fine_hz")
    return math.lcm(GRID_HZ, *slow)


def flying_bus(memory: FineMemory) -> tuple[Bus, FineRing]:
    """A bus whose fine loop runs in another process, which sees what it has to obey; its ring."""
    bus = Bus()
    bus.fine = ring = FineRing(memory)
    bus.modes = SharedRing("modes", ModesCommand(), memory.modes)
    bus.point_ahead = SharedRing("point_ahead", PointAheadCommand(), memory.point_ahead)
    return bus, ring


class FineSeen:
    """The fine loop's process, as the others see it in flight."""

    def __init__(self, ring: FineRing, memory: FineMemory, child: FineChild) -> None:
        self.timed = Timed("fine", [], [])
        self._ring, self._child = ring, child
        self._times = TimesReader(memory.times)
        self._ticks = self._periods = 0
        self._fate: str | None = None
        self._report: FineReport | None = None

    def look(self, t_ns: int) -> None:
        """Take over its ticks, as they look at `t_ns`. That it has died is said once."""
        self._ring.look(t_ns)
        for periods, compute_ns, lateness_ns in self._times.take():
            self._ticks += 1
            self._periods += periods
            self.timed.compute_ns.append(compute_ns)
            self.timed.lateness_ns.append(lateness_ns)
        if self._fate is None:
            self._fate = self._child.fate()
            if self._fate is not None:
                warn([f"the fine loop's process {self._fate}; the flight goes on without it"])

    def finish(self, t_ns: int) -> None:
        """Its last ticks, and its own report."""
        self._report = self._child.report(STOP_S)
        self.look(t_ns)

    def told(self) -> dict[str, Any]:
        """For the summary."""
        return {
            "granted": self._report.granted if self._report else None,
            "ticks": self._ticks,
            "overruns": self._periods - self._ticks,
            "fine_process": self._fate or ("ended well" if self._report else "did not end"),
        }

    def health(self) -> dict[str, Any]:
        """Of its devices, where something went wrong."""
        return dict(self._report.health) if self._report else {}


def paced(
    flight: Flight, fine: FineSeen, fast: RemoteFast, tick_hz: int, start_ns: int
) -> dict[str, int]:
    """The flight's steps at absolute deadlines, the first at the monotonic time `start_ns`."""
    pacer = Pacer(tick_hz, first_ns=start_ns)
    ticks_per_grid = tick_hz // GRID_HZ
    period_ns = round(1e9 / tick_hz)
    total = math.floor(flight.window.duration_s * tick_hz)
    start_tai_ns, clock = flight.window.start_tai_ns, flight.world.clock
    slow = Timed("slow", [], pacer.lateness_ns)
    flight.timed += [fine.timed, slow]
    k = 0
    flight.begin_grid()
    fast.tell(start_tai_ns)
    while k < total:
        # An overrun at the very end reaches beyond the window, where there is no world.
        passed = min(pacer.wait(), total - k)
        began_ns = perf_counter_ns()
        for _ in range(passed):
            # The world goes on whether or not the loops were there.
            if k and k % ticks_per_grid == 0:
                flight.end_grid()
                flight.begin_grid()
                fast.tell(clock.t_ns)
            k += 1
        clock.t_ns = start_tai_ns + (k - 1) * period_ns
        fine.look(clock.t_ns)
        flight.terminal.tick(clock.t_ns, passed)
        slow.compute_ns.append(perf_counter_ns() - began_ns)
    fine.finish(clock.t_ns)
    flight.end_grid()
    return {"ticks": pacer.ticks, "overruns": pacer.overruns}
