"""A flight: a world, a terminal, and the two clocks that can drive them.

`lock_step` is the main loop of a simulated flight: the world's clock moves only when every loop has
answered. `hil.realtime` drives the same flight against the wall clock.
"""

import gc
import math
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from config.errors import InputError
from config.scenario import Scenario
from drivers.protocols import Health
from hil.outputs import prepare_folder
from hil.records import Records, Timed, metadata
from hil.score import Scorer
from hil.summary import planned_guidance, summarise
from sim_devices.carrier import GRID_HZ
from sim_devices.emulator import InProcessTransport
from sim_devices.world import World
from terminal.bus import Bus
from terminal.context import Context
from terminal.devices import open_devices
from terminal.geometry.time_scales import SECOND_NS, utc_julian_date
from terminal.main import Terminal
from terminal.mission_ephemeris import orientation_warnings
from terminal.window import Window, resolve_window

if TYPE_CHECKING:
    from terminal.handover.handover import KeyHandover

SUMMARY_EVERY = GRID_HZ // 50
"""Grid steps between two points of the summary channel, which is for a person's eyes."""
DRAIN_EVERY = GRID_HZ // 2
"""Grid steps between two flushes of the recording: twice a second."""
GRID_NS = SECOND_NS // GRID_HZ


class Progress(NamedTuple):
    """What the person at the screen sees while it flies."""

    elapsed_s: float
    duration_s: float
    mode: int
    elevation_rad: float
    qber: float | None
    """None before any bit is disclosed."""
    secret_key_bits: float


def window_of(scenario: Scenario, duration_s: float | None) -> Window:
    """The window to fly, cut to `duration_s` (positive) if given. Raises InputError."""
    window = resolve_window(scenario.mission)
    if window.end_tai_ns - window.start_tai_ns < GRID_NS:
        raise InputError(f"mission.window: must last {GRID_NS / SECOND_NS:g} s or more")
    if scenario.terminal.rates.fine_hz % GRID_HZ:
        raise InputError(f"terminal.rates.fine_hz: must be a multiple of {GRID_HZ}")
    if duration_s is None:
        return window
    cut_ns = round(min(duration_s, window.duration_s) * SECOND_NS)
    return window._replace(end_tai_ns=window.start_tai_ns + cut_ns)


def check_realtime(scenario: Scenario) -> None:
    """Raises InputError if the scenario cannot be flown at its real-time rate."""
    if scenario.mission.source.pairs:
        raise InputError(
            "mission.source.pairs: two terminals are flown one after the other, not against the "
            "wall clock: leave out --realtime"
        )
    fine_hz, rates = scenario.realtime.fine_hz, scenario.terminal.rates
    slower_hz = {GRID_HZ, *(getattr(rates, n) for n in rates.__struct_fields__ if n != "fine_hz")}
    needed = math.lcm(*slower_hz)
    if fine_hz % needed:
        raise InputError(
            f"realtime.fine_hz: {fine_hz} must be a multiple of {needed}, "
            f"which the world's {GRID_HZ} Hz and every rate in terminal.rates divide"
        )


class Flight:
    """Everything of one flight, wired up; close it."""

    def __init__(
        self,
        scenario: Scenario,
        seed: int,
        window: Window,
        out: Path,
        progress: Callable[[Progress], None],
        remote_roles: frozenset[str] = frozenset(),
        bus: Bus | None = None,
        make_terminal: Callable[[Context], Terminal] = Terminal,
    ) -> None:
        """Devices of `remote_roles` are reached by the URLs in the scenario.

        bus: None: one whose loops all run here.

        Raises InputError or DeviceError where something cannot be built.
        """
        self._started = time.perf_counter()
        self.scenario, self.window = scenario, window
        self._seed = seed
        self.fine_hz = scenario.terminal.rates.fine_hz
        self._progress = progress
        self._step = 0
        self.world = World(
            scenario,
            seed,
            window.start_tai_ns,
            utc_julian_date(window.start_tai_ns),
            window.duration_s,
            self.fine_hz,
        )
        emulators = self.world.emulators()
        self._devices = open_devices(
            scenario.terminal,
            {
                role: InProcessTransport(emulator, self.world.clock)
                for role, emulator in emulators.items()
                if role not in remote_roles
            },
        )
        self.bus = Bus() if bus is None else bus
        self.terminal = make_terminal(
            Context(self._devices, self.bus, scenario.mission, scenario.terminal, window)
        )
        self._scorer = Scorer(scenario, self.world, self.bus, window.start_tai_ns)
        with ExitStack() as built:
            self._handover = self._open_handover()
            if self._handover is not None:
                built.callback(self._handover.close)
            # Last of all, so that a scenario that cannot be flown leaves nothing behind.
            self._records = Records(
                prepare_folder(out),
                metadata(scenario, seed, window),
                self.bus,
                by_thread=not remote_roles,
            )
            built.pop_all()
        self.timed = [Timed(loop.name, loop.compute_ns, []) for loop in self.terminal.loops]
        """Of every loop here; whoever runs others adds them."""

    def _open_handover(self) -> "KeyHandover | None":
        settings = self.scenario.terminal.handover
        if settings is None:
            return None
        from terminal.handover.handover import KeyHandover

        return KeyHandover(settings, self.scenario.mission, self.bus, self.window)

    def begin_grid(self) -> None:
        """The slow physics of the next grid step."""
        self.world.clock.t_ns = self.window.start_tai_ns + self._step * GRID_NS
        self.world.grid_step()

    def end_grid(self) -> None:
        """Score and record the grid step that is over."""
        t_ns = self.window.start_tai_ns + self._step * GRID_NS
        truths = self.world.end_grid_step()
        self._scorer.grid_step(t_ns, truths)
        self._records.truth(truths)
        if self._step % SUMMARY_EVERY == 0:
            self._records.summary(t_ns)
        self._step += 1
        if self._step % DRAIN_EVERY == 0:
            self._records.drain(t_ns, self.timed)
            if self._handover is not None:
                self._handover.drain(t_ns)
            link = self.bus.link.command
            self._progress(
                Progress(
                    self._step / GRID_HZ,
                    self.window.duration_s,
                    self.bus.modes.command.mode,
                    self.bus.pointing.command.elevation_rad,
                    link.qber if link.disclosed_key else None,
                    link.secret_key_bits,
                )
            )

    def lock_step(self) -> None:
        """Fly the whole window; simulated time moves as fast as the machine can."""
        steps = (self.window.end_tai_ns - self.window.start_tai_ns) // GRID_NS
        for _ in range(steps):
            self.begin_grid()
            self.fine_ticks()
            self.end_grid()

    def fine_ticks(self) -> None:
        """World and terminal through the grid step that has begun."""
        clock, fine_tick, tick = self.world.clock, self.world.fine_tick, self.terminal.tick
        period_ns = SECOND_NS // self.fine_hz
        for _ in range(self.fine_hz // GRID_HZ):
            fine_tick()
            tick(clock.t_ns)
            clock.t_ns += period_ns

    def close(self) -> None:
        """Finish the recordings and release the devices."""
        with ExitStack() as stack:
            stack.callback(self._devices.close)
            if self._handover is not None:
                stack.callback(self._handover.close)
            stack.callback(self._records.close)
            self._records.drain(self.world.clock.t_ns, self.timed)

    def lateness_us(self) -> dict[str, dict[str, float]]:
        """{loop: {p50, p99}} of what was paced."""
        return self._records.timing.lateness_us()

    def summary(self) -> dict[str, Any]:
        """What was flown, against the truth."""
        summary = summarise(
            self.scenario,
            self.world,
            self._scorer,
            self.bus,
            self._seed,
            self._step / GRID_HZ,
            self.fine_hz,
            {
                role: health
                for role, device in self._devices._asdict().items()
                if device is not None and (health := _trouble(device.health))
            },
        )
        summary["warnings"] = orientation_warnings(self.scenario.mission, *self.window)
        summary["guidance"] = planned_guidance(self.scenario, self.window.start_tai_ns)
        if self._handover is not None:
            summary["handover"] = self._handover.told()
        summary["compute_us"] = self._records.timing.compute_us()
        summary["wall_s"] = time.perf_counter() - self._started
        return summary


def _trouble(health: Health) -> dict[str, Any]:
    """What is not zero."""
    return {name: value for name, value in health._asdict().items() if value}


def fly(
    scenario: Scenario,
    seed: int,
    window: Window,
    out: Path,
    progress: Callable[[Progress], None],
) -> dict[str, Any]:
    """Fly in lock-step and record; returns the summary."""
    return flown(Flight(scenario, seed, window, out, progress))


def flown(flight: Flight) -> dict[str, Any]:
    """Fly it in lock-step to the end and close it; returns the summary."""
    # What was built stays; ticks make no cycles, and looking for some costs a tenth of the flight.
    gc.collect()
    gc.freeze()
    gc.disable()
    try:
        flight.lock_step()
    finally:
        gc.enable()
        gc.unfreeze()
        flight.close()
    return flight.summary()
