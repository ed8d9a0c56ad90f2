"""Wave plate and time tagger of a scenario on a bench, emulated or real, under linear light."""

import math
import time
from collections.abc import Callable
from typing import Literal, NamedTuple

import numpy as np

from config.scenario import Scenario
from drivers.protocols import TimeTagger, WavePlate
from drivers.registry import build
from drivers.transport import InProcess
from hil.bench_devices import emulated
from sim_devices.calibration_light import CalibrationLight
from sim_devices.emulator import InProcessTransport, SimClock
from sim_devices.tagger_a1 import A1TaggerEmulator
from sim_devices.waveplate_ell14 import Ell14Emulator
from terminal.analyser_measurement import BenchDevices, count, measure
from terminal.analyser_scan import AnalyserScan
from terminal.geometry.time_scales import SECOND_NS, tai_ns_from_posix_ns
from terminal.window import resolve_window

ROLES = "waveplate", "tagger"
STATES_RAD = (0.0, 0.5 * math.pi)
"""H and V: orthogonal ones tell the plate's retardance from the channels' leaks."""
STEP_S = 0.02
"""How often the devices are asked."""
_SLOWEST_S = 7.0
"""That a move takes at most."""
LEAD_S = 60.0
"""An emulated bench is done so long before the window opens: a pass can be flown by it."""


class AnalyserBench(NamedTuple):
    """Two devices, the light, and the time they live in."""

    devices: BenchDevices
    set_light: Callable[[float | None], None]
    """Linear light at this angle from H; None: no light."""
    source: Literal["emulated", "real"]
    light: CalibrationLight | None
    """Of an emulated bench: it knows the truth."""

    def close(self) -> None:
        try:
            self.devices.tagger.close()
        finally:
            self.devices.plate.close()


class Plan(NamedTuple):
    """How a bench is scanned."""

    angles: int
    """Of the plate, over a turn, for each state."""
    exposure_s: float
    sent_sigma_rad: float
    """1-sigma of what the polariser's scale is off its marks."""
    dead_time_s: float

    @property
    def longest_s(self) -> float:
        """That the whole scan takes."""
        shots = len(STATES_RAD) * self.angles
        return shots * (2.0 * self.exposure_s + _SLOWEST_S)


def open_bench(
    scenario: Scenario, seed: int, plan: Plan, ask: Callable[[str], None]
) -> AnalyserBench:
    """The scenario's devices: `inproc:` ones are emulated in lock-step, others are opened and paced
    by the wall clock.

    ask: says what the operator of real devices should do with the light, and waits until it's done.

    Raises:
        InputError: one device emulated and the other real, or a driver, URL or option that does
            not exist.
        DeviceError: a port that cannot be opened.
    """
    if emulated(scenario, ROLES, "emulated light passes no real plate"):
        return _emulated(scenario, seed, plan)

    def advance() -> int:
        time.sleep(STEP_S)
        return tai_ns_from_posix_ns(time.time_ns())

    def set_light(angle_rad: float | None) -> None:
        if angle_rad is None:
            ask("take the light away, and leave everything else as it is")
        else:
            ask(f"give linear light at {math.degrees(angle_rad):.0f} deg from H toward up")

    plate, tagger = _built(scenario, {})
    settle_s = scenario.terminal.polarization.plate.settle_s
    return AnalyserBench(BenchDevices(plate, tagger, advance, settle_s), set_light, "real", None)


def scan(bench: AnalyserBench, scenario: Scenario, plan: Plan) -> AnalyserScan:
    """Background, then a turn of the plate for each state, there and back: so the encoder stays
    within one turn.

    Raises:
        PlateCalibrationError: as `measure`.
    """
    # Not at 0, where an encoder that stands a pulse short tells a whole turn.
    turn_rad = [2.0 * math.pi * (k + 0.5) / plan.angles for k in range(plan.angles)]
    background_s = plan.exposure_s * len(STATES_RAD) * plan.angles
    bench.set_light(None)
    background = count(bench.devices, background_s, lit=False)
    plate_rad, counts = [], []
    for i, sent_rad in enumerate(STATES_RAD):
        bench.set_light(sent_rad)
        found = measure(bench.devices, turn_rad[:: 1 - 2 * (i % 2)], plan.exposure_s)
        plate_rad.append(found.plate_rad)
        counts.append(found.counts)
    devices = scenario.terminal.devices
    return AnalyserScan(
        plate_rad=np.concatenate(plate_rad),
        sent_rad=np.repeat(STATES_RAD, plan.angles),
        counts=np.concatenate(counts),
        background=background,
        background_s=background_s,
        exposure_s=plan.exposure_s,
        dead_time_s=plan.dead_time_s,
        basis_x_probability=scenario.mission.source.basis_x_probability,
        sent_sigma_rad=plan.sent_sigma_rad,
        waveplate=devices["waveplate"].driver,
        tagger=devices["tagger"].driver,
        source=bench.source,
        measured_tai_ns=bench.devices.advance(),
    )


def _emulated(scenario: Scenario, seed: int, plan: Plan) -> AnalyserBench:
    lead_s = plan.longest_s + LEAD_S
    start_ns = resolve_window(scenario.mission).start_tai_ns - round(lead_s * SECOND_NS)
    clock = SimClock(start_ns)
    mount = Ell14Emulator()
    light = CalibrationLight(
        scenario, seed, plan.sent_sigma_rad, lambda: mount.turned_rad, start_ns
    )
    tagger_wire = A1TaggerEmulator(light)
    faults = scenario.world.faults

    def advance() -> int:
        """Faults count their time from the bench's start."""
        clock.t_ns += round(STEP_S * SECOND_NS)
        mount.advance(clock.t_ns)
        t_s = (clock.t_ns - start_ns) / SECOND_NS
        broken = {f.kind for f in faults if f.at_s <= t_s < f.at_s + f.duration_s}
        mount.stuck = "plate_stuck" in broken
        tagger_wire.silent = "tagger_silent" in broken
        return clock.t_ns

    def set_light(angle_rad: float | None) -> None:
        light.angle_rad = angle_rad

    plate, tagger = _built(
        scenario,
        {
            "waveplate": InProcessTransport(mount, clock),
            "tagger": InProcessTransport(tagger_wire, clock),
        },
    )
    settle_s = scenario.terminal.polarization.plate.settle_s
    return AnalyserBench(
        BenchDevices(plate, tagger, advance, settle_s), set_light, "emulated", light
    )


def _built(scenario: Scenario, in_process: InProcess) -> tuple[WavePlate, TimeTagger]:
    """Whatever is raised, what was opened before is closed."""
    devices = scenario.terminal.devices
    plate: WavePlate = build("waveplate", devices["waveplate"], in_process)
    try:
        tagger: TimeTagger = build("tagger", devices["tagger"], in_process)
    except Exception:
        plate.close()
        raise
    return plate, tagger
