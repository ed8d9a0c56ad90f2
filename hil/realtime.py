"""A flight against the wall clock, three of its devices being processes of their own.

Gimbal, wave plate and navigation emulators answer behind pseudo-terminals (`qsky emulate`) with
the scenario's physics, and tell their true state through shared memory, since the rest of the
world needs it. The fast devices stay in this process. Overruns are skipped and counted.
"""

import math
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from config.errors import RunError
from config.scenario import Scenario
from hil.flight import Flight, Progress
from sim_devices.carrier import GRID_HZ
from sim_devices.remote import JointReading, RemoteGimbal, RemotePlate
from sim_devices.truth_share import TruthReader
from terminal.realtime import Pacer, end_with_parent, prepare
from terminal.window import Window

REMOTE = {
    "gimbal": "gimbal_sbgc32",
    "waveplate": "waveplate_ell14",
    "navigation": "navigation_vectornav",
}
"""Role -> emulator that runs as a process of its own."""

TELLS_TRUTH = ("gimbal", "waveplate")
LEAD_S = 8.0
"""From starting the processes to the start of the window; they have to be ready by then."""

STOP_S = 2.0
"""How long an emulator process may take to end."""


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
    import msgspec

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
    scenario: str, seed: int, start_tai_ns: int, links: Path, lead_s: float
) -> Iterator[int]:
    """The processes, ready; gives the monotonic time at which their window starts."""
    start_ns = time.monotonic_ns() + round(lead_s * 1e9)
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
                raise RunError(f"the emulator processes were not ready within {lead_s:g} s")
            time.sleep(0.05)
        yield start_ns


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
        start_ns = stack.enter_context(_emulators(source, seed, window.start_tai_ns, links, LEAD_S))
        flight = Flight(
            at_rate(scenario, fine_hz, links), seed, window, out, progress, frozenset(REMOTE)
        )
        world = flight.world
        truths = {role: TruthReader(links / f"{role}.truth") for role in TELLS_TRUTH}
        world.joints = RemoteGimbal(
            _joints(truths["gimbal"], window.start_tai_ns), 1 / GRID_HZ, window.start_tai_ns
        )
        world.plate = RemotePlate(_plate(truths["waveplate"]))
        granted = prepare()
        while time.monotonic_ns() < start_ns:
            time.sleep(0.001)
        try:
            overruns = _paced(flight, fine_hz)
        finally:
            flight.close()
        summary = flight.summary()
        for truth in truths.values():
            truth.close()
    summary["realtime"] = {"fine_hz": fine_hz, "granted": granted, **overruns}
    return summary


def _paced(flight: Flight, fine_hz: int) -> dict[str, int]:
    """The main loop in real time: the flight's steps at absolute deadlines."""
    pacer = Pacer(fine_hz)
    ticks_per_grid = fine_hz // GRID_HZ
    period_ns = round(1e9 / fine_hz)
    total = math.floor(flight.window.duration_s * fine_hz)
    start_tai_ns, clock = flight.window.start_tai_ns, flight.world.clock
    flight.lateness_ns = pacer.lateness_ns
    k = 0
    flight.begin_grid()
    while k < total:
        # An overrun at the very end reaches beyond the window, where there is no world.
        passed = min(pacer.wait(), total - k)
        # The plant goes on whether or not the loop was there; only the newest scan is read.
        for _ in range(passed):
            if k and k % ticks_per_grid == 0:
                flight.end_grid()
                flight.begin_grid()
            clock.t_ns = start_tai_ns + k * period_ns
            flight.world.fine_tick()
            k += 1
        flight.terminal.tick(clock.t_ns, passed)
    flight.end_grid()
    return {"ticks": pacer.ticks, "overruns": pacer.overruns}
