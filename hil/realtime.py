"""A flight against the wall clock: here the slow loops and the world, elsewhere what must not wait.

The fine loop runs in a process of its own, beside the world's fast side (`hil.fine_process`).
Gimbal, wave plate and navigation emulators answer behind pseudo-terminals (`qsky emulate`) with the
scenario's physics, and tell their true state through shared memory, since the rest of the world
needs it. Overruns are skipped and counted, in both of the loops' processes.
"""

import math
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import msgspec

from config.errors import RunError
from config.scenario import Scenario
from hil.fine_process import SimulatedJob
from hil.flight import Flight, Progress
from hil.realtime_loop import FineSeen, flying_bus, paced, slow_hz
from hil.remote_fast import FastMemory, RemoteFast
from sim_devices.carrier import GRID_HZ
from sim_devices.remote import JointReading, RemoteGimbal, RemotePlate
from sim_devices.truth_share import TruthReader
from terminal.fine_child import STOP_S, FineChild
from terminal.fine_memory import FineJob, FineMemory
from terminal.main import SLOW, Terminal
from terminal.realtime import SLOW_PRIORITY, end_with_parent, prepare
from terminal.response_file import with_calibrated_response
from terminal.window import Window

REMOTE = {
    "gimbal": "gimbal_sbgc32",
    "waveplate": "waveplate_ell14",
    "navigation": "navigation_vectornav",
}
"""Role -> emulator that runs as a process of its own."""

TELLS_TRUTH = ("gimbal", "waveplate")
LEAD_S = 10.0
"""From starting the processes to the start of the window; they have to be ready by then."""


def _joints(truth: TruthReader, start_tai_ns: int) -> Callable[[], JointReading]:
    def read() -> JointReading:
        latest = truth.read()
        if latest is None:
            return JointReading(start_tai_ns, *6 * (0.0,))
        return JointReading(latest.t_ns, *latest.values)

    return read


def _plate(truth: TruthReader) -> Callable[[], float | None]:
    def read() -> float | None:
        latest = truth.read()
        return latest.values[0] if latest else None

    return read


def at_rate(scenario: Scenario, fine_hz: int, links: Path) -> Scenario:
    """The scenario with its fine loop at `fine_hz`, and its remote devices behind `links`."""
    replace = msgspec.structs.replace
    terminal = scenario.terminal
    devices = dict(terminal.devices)
    for role in REMOTE:
        devices[role] = replace(devices[role], url=f"pty:{links / role}")
    devices["quad"] = replace(
        devices["quad"], options={**devices["quad"].options, "rate_hz": fine_hz}
    )
    rates = replace(terminal.rates, fine_hz=fine_hz)
    return replace(scenario, terminal=replace(terminal, devices=devices, rates=rates))


def _stop(process: subprocess.Popen[bytes]) -> None:
    """Ask the process to end; one that hangs is killed."""
    process.terminate()
    try:
        process.wait(STOP_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


@contextmanager
def _emulators(
    scenario: str, seed: int, start_ns: int, start_tai_ns: int, links: Path
) -> Iterator[None]:
    """The processes, ready; their window starts at the monotonic time `start_ns`."""
    processes: list[subprocess.Popen[bytes]] = []
    with ExitStack() as stack:
        for role, device in REMOTE.items():
            command = [
                sys.executable,
                "-c",
                "from terminal.cli import main; main()",
                "emulate",
                device,
            ]
            command += ["--pty", str(links / role), "--scenario", scenario, "--seed", str(seed)]
            command += ["--start-monotonic-ns", str(start_ns), "--start-tai-ns", str(start_tai_ns)]
            if role in TELLS_TRUTH:
                command += ["--truth", str(links / f"{role}.truth")]
            process = subprocess.Popen(
                command, stdout=subprocess.DEVNULL, preexec_fn=end_with_parent
            )
            processes.append(process)
            stack.callback(_stop, process)
        expected = [links / role for role in REMOTE]
        expected += [links / f"{role}.truth" for role in TELLS_TRUTH]
        while not all(path.exists() for path in expected):
            dead = [p for p in processes if p.poll() is not None]
            if dead or time.monotonic_ns() > start_ns:
                raise RunError(f"the emulator processes were not ready within {LEAD_S:g} s")
            time.sleep(0.05)
        yield


def _fine_child(
    scenario: Scenario, seed: int, window: Window, fine: FineMemory, fast: FastMemory
) -> FineChild:
    """The fine loop's process, just started."""
    config = with_calibrated_response(scenario.terminal, window.start_tai_ns)
    periods = math.floor(window.duration_s * config.rates.fine_hz)
    job = FineJob(config, window.start_tai_ns, periods, os.getpid(), fine.fds)
    text = msgspec.json.encode(SimulatedJob(job, scenario, seed, fast.fds))
    child = FineChild("hil.fine_process", (*fine.fds, *fast.fds))
    child.send(text)
    return child


def fly_realtime(
    scenario: Scenario,
    source: str,
    seed: int,
    window: Window,
    fine_hz: int,
    out: Path,
    progress: Callable[[Progress], None],
) -> dict[str, Any]:
    """Fly against the wall clock; returns the summary with overruns and lateness.

    source: the scenario's name or file, for the processes.
    """
    # SIGTERM ends a run as Ctrl-C does: recordings closed, processes stopped, links removed.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with tempfile.TemporaryDirectory(prefix="qsky-") as folder, ExitStack() as stack:
        links = Path(folder)
        flown = at_rate(scenario, fine_hz, links)
        tick_hz = slow_hz(flown)
        memory, fast_memory = FineMemory.create(), FastMemory.create()
        stack.callback(memory.close)
        stack.callback(fast_memory.close)
        child = _fine_child(flown, seed, window, memory, fast_memory)
        stack.callback(child.close)
        child.wait_ready()
        start_ns = time.monotonic_ns() + round(LEAD_S * 1e9)
        stack.enter_context(_emulators(source, seed, start_ns, window.start_tai_ns, links))
        bus, ring = flying_bus(memory)
        flight = Flight(
            flown,
            seed,
            window,
            out,
            progress,
            frozenset(REMOTE),
            bus,
            lambda context: Terminal(context, SLOW, tick_hz),
        )
        world = flight.world
        truths = {role: TruthReader(links / f"{role}.truth") for role in TELLS_TRUTH}
        for truth in truths.values():
            stack.callback(truth.close)
        world.joints = RemoteGimbal(
            _joints(truths["gimbal"], window.start_tai_ns), 1 / GRID_HZ, window.start_tai_ns
        )
        world.plate = RemotePlate(_plate(truths["waveplate"]))
        world.fast = fast = RemoteFast(fast_memory)
        fine = FineSeen(ring, memory, child)
        try:
            child.start(start_ns)
            granted = prepare(SLOW_PRIORITY)
            slow = paced(flight, fine, fast, tick_hz, start_ns)
        finally:
            flight.close()
        summary = flight.summary()
    summary["realtime"] = {
        "fine_hz": fine_hz,
        **fine.told(),
        "lateness_us": flight.lateness_us(),
        "slow": {"hz": tick_hz, "granted": granted, **slow},
    }
    summary["device_health"].update(fine.health())
    return summary
