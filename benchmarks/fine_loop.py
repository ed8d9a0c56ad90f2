"""`python -m benchmarks.fine_loop`: a tick of the fine loop beside the same arithmetic in C.

The scans of a simulated drone go through three: the terminal's loop (driver's bytes in, step,
driver's bytes out, tick packed for the record), its step alone, and fine_loop.c, compiled in this
run, whose commands must be the same. Each tick is timed on its own, in turn, so that all see the
machine alike. With --pyrtc PYTHON, an interpreter in which pyrtcao is installed, its tip-tilt loop
too: signal from shared memory, integrator, correction to shared memory.
"""

import argparse
import ctypes
import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path
from time import perf_counter_ns
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from benchmarks.cost import UNIT, unit_us
from config.errors import InputError
from config.loader import load_scenario
from config.scenario import Scenario
from config.terminal import MIRROR_DAC_COUNTS, TerminalConfig
from drivers.mirror_iio import IioMirror
from drivers.quad_iio import SCAN, IioQuad
from hil.flight import Flight, window_of
from terminal.bus import Ring
from terminal.control.fine.step import FineState, initial, step
from terminal.loop import Loop
from terminal.messages import FineCommand, FineSample

Array = NDArray[np.float64]

SCENARIO, TICKS, SETTLED_S = "leo_laps_uplink", 60_000, 5.0
MOST_COUNTS = 2
"""Between our command and that of C, in the last bits of whose sums the order shows."""
START_NS = 10**18
HERE = Path(__file__).parent
PYRTC = HERE / "fine_loop_pyrtc.py"


class Timed(NamedTuple):
    """One tick, us."""

    name: str
    p50: float
    p99: float


class Wire:
    """The bytes of one scan, and those of one command."""

    def __init__(self) -> None:
        self.waiting = b""
        self.sent = b""

    def read(self) -> bytes:
        data, self.waiting = self.waiting, b""
        return data

    def write(self, data: bytes) -> None:
        self.sent = data

    def close(self) -> None:
        pass


def plant_of(scenario: Scenario, folder: Path) -> Any:
    """The scenario's mirror, detector and disturbance, the gimbal at rest, the light as bright as
    at the reference range."""
    flight = Flight(scenario, 1, window_of(scenario, 1.0), folder, lambda progress: None)
    flight.close()
    plant = flight.world.plant
    plant.sum_counts = scenario.world.beacon.quad_sum_counts
    return plant


def compiled_c(folder: Path, config: TerminalConfig) -> Callable[[Any, Any], None]:
    """`tick` of fine_loop.c, ready for this terminal.

    Raises:
        InputError: there is no C compiler.
    """
    compiler = next((found for name in ("cc", "gcc", "clang") if (found := shutil.which(name))), "")
    if not compiler:
        raise InputError("no C compiler (cc, gcc, clang) was found: install one for this benchmark")
    library = folder / "fine_loop.so"
    options = ["-O3", "-march=native", "-shared", "-fPIC", "-o", str(library)]
    subprocess.run([compiler, *options, str(HERE / "fine_loop.c"), "-lm"], check=True)
    code = ctypes.CDLL(str(library))
    loop = initial(config).loop[0]

    def row(name: str) -> Any:
        values = loop[name].ravel().tolist()
        return (ctypes.c_double * len(values))(*values)

    code.start(
        ctypes.c_long(int(loop["delay"])),
        ctypes.c_double(config.rates.fine_hz),
        ctypes.c_double(float(loop["spot_rad"])),
        ctypes.c_double(float(loop["counts_per_rad"])),
        row("steering"),
        row("to_command"),
        row("from_command"),
    )
    tick: Callable[[Any, Any], None] = code.tick
    return tick


def trusting(config: TerminalConfig) -> FineState:
    """A loop that needs no probe before it closes, as the C code has none."""
    state = initial(config)
    state.loop["verified"], state.loop["wait_s"] = 1, 1e9
    state.loop["slow_square"] = state.loop["mean_square"]
    # Nor a gentle hand-over.
    state.loop["closed_s"], state.loop["closed"] = 1.0, 1
    state.loop["dark_s"] = 0.0
    return state


def whole_loop(config: TerminalConfig) -> tuple[Callable[[int, bytes], None], Ring[Any, Any]]:
    """(tick on a scan's bytes, its ring): as in flight, drivers included."""
    rate_hz = config.rates.fine_hz
    wire_in, wire_out = Wire(), Wire()
    quad, mirror = (
        IioQuad(wire_in, rate_hz=rate_hz),
        IioMirror(wire_out, counts_per_rad=MIRROR_DAC_COUNTS / config.optics.mirror_stroke_rad),
    )
    poll, command_mirror = quad.poll, mirror.command

    def read(t_ns: int) -> FineSample:
        scan = poll(t_ns)
        if scan is None:
            return FineSample(t_ns, 0, 0, 0, 0, 0, 0, 1)
        _, _, a, b, c, d, lost = scan
        return FineSample(t_ns, a, b, c, d, 1, lost, 1)

    ring: Ring[FineSample, FineCommand] = Ring("fine", FineCommand())
    loop: Loop[FineState, FineSample, FineCommand] = Loop(
        "fine",
        rate_hz,
        trusting(config),
        step,
        read,
        lambda command, t_ns: command_mirror(command.x_counts, command.y_counts, t_ns),
        ring,
    )

    def tick(t_ns: int, scan: bytes) -> None:
        wire_in.waiting = scan
        loop.tick(t_ns)
        loop.compute_ns.clear()

    return tick, ring


def compare(
    config: TerminalConfig, plant: Any, folder: Path
) -> tuple[list[Timed], NDArray[np.int16]]:
    """Each of the three on each scan, in turn; and the scans, (n, 4).

    The step moves the plant's mirror; the others see what it sees.

    Raises:
        InputError: no C compiler, or commands that differ by more than rounding.
    """
    c_tick = compiled_c(folder, config)
    whole, ring = whole_loop(config)
    state = trusting(config)
    period_ns = round(1e9 / config.rates.fine_hz)
    c_in, c_out = (ctypes.c_short * 4)(), (ctypes.c_short * 2)()
    spent, scans = np.empty((TICKS, 3)), np.empty((TICKS, 4), np.int16)
    moved = (0, 0)
    worst = 0
    for k in range(TICKS):
        t_ns = START_NS + k * period_ns
        a, b, c, d = scans[k] = plant.tick(*moved)
        raw = SCAN.pack(a, b, c, d, t_ns)
        c_in[0], c_in[1], c_in[2], c_in[3] = a, b, c, d
        sample = FineSample(t_ns, a, b, c, d, 1, 0, 1)
        t0 = perf_counter_ns()
        whole(t_ns, raw)
        t1 = perf_counter_ns()
        state, command = step(state, sample, period_ns * 1e-9)
        t2 = perf_counter_ns()
        c_tick(c_in, c_out)
        t3 = perf_counter_ns()
        spent[k] = t1 - t0, t2 - t1, t3 - t2
        moved = command.x_counts, command.y_counts
        worst = max(worst, abs(moved[0] - c_out[0]), abs(moved[1] - c_out[1]))
        if k % 1000 == 0:
            ring.take()
            plant.take_residual()
    if worst > MOST_COUNTS:
        raise InputError(f"fine_loop.c commands differ by up to {worst} counts")
    settled = spent[round(SETTLED_S * config.rates.fine_hz) :] * 1e-3
    names = ("whole tick: read, step, write, record", "step", "the same step in C, by ctypes")
    timed = [
        Timed(name, *(float(v) for v in np.percentile(settled[:, i], (50, 99))))
        for i, name in enumerate(names)
    ]
    return timed, scans


def c_alone(folder: Path, scans: NDArray[np.int16]) -> Timed:
    """The C step called from C: a thousand ticks a call."""
    code = ctypes.CDLL(str(folder / "fine_loop.so"))
    rows = np.ascontiguousarray(scans)
    sent = np.zeros((len(rows), 2), np.int16)
    each = []
    for begin in range(0, len(rows) - 1000, 1000):
        t0 = perf_counter_ns()
        code.run(
            ctypes.c_void_p(rows[begin:].ctypes.data),
            ctypes.c_void_p(sent.ctypes.data),
            ctypes.c_long(1000),
        )
        each.append((perf_counter_ns() - t0) * 1e-6)
    return Timed("the same step in C, called from C", *np.percentile(each, (50, 99)).tolist())


def pyrtc(python: Path) -> Timed:
    """pyRTC's standard integrator on two slopes and two modes, in its own interpreter."""
    done = subprocess.run(
        [str(python), str(PYRTC)],
        check=True,
        capture_output=True,
        text=True,
        cwd=HERE.parent.parent,
    )
    return Timed("pyRTC's tip-tilt loop", *json.loads(done.stdout.splitlines()[-1]))


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.fine_loop", description=__doc__)
    parser.add_argument("--pyrtc", metavar="PYTHON", type=Path, help="where pyrtcao is installed")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="qsky-bench-") as name:
        folder = Path(name)
        scenario = load_scenario(SCENARIO)
        rows, scans = compare(scenario.terminal, plant_of(scenario, folder / "flight"), folder)
        rows.append(c_alone(folder, scans))
    if options.pyrtc:
        rows.append(pyrtc(options.pyrtc))
    unit = unit_us()
    base = rows[2].p50
    shown = Table(title=f"{len(scans)} ticks, {os.cpu_count()} CPUs, {UNIT} {unit:.1f} us")
    for column in ("one tick", "p50, us", "p99, us", "p50 x C by ctypes", f"p50 x {UNIT}"):
        shown.add_column(column)
    for row in rows:
        shown.add_row(
            row.name,
            f"{row.p50:.2f}",
            f"{row.p99:.2f}",
            f"{row.p50 / base:.2f}",
            f"{row.p50 / unit:.2f}",
        )
    Console(width=110).print(shown)


if __name__ == "__main__":
    main()
