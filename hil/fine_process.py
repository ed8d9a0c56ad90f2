"""The fine loop's process of a simulated flight: beside the loop runs the world's fast side.

The loop is the flight's own (`terminal.fine_process`) and talks to its devices by their bytes. The
plant moves before each tick, through those periods too that an overrun has skipped.
"""

import msgspec

from config.scenario import Scenario
from drivers.protocols import Mirror, QuadDetector
from drivers.registry import build
from drivers.transport import InProcess
from hil.remote_fast import FastHere, FastMemory
from sim_devices.carrier import Carrier
from sim_devices.emulator import InProcessTransport, SimClock
from sim_devices.fast_side import FastSide
from terminal.fine_memory import FineJob, FineReport
from terminal.fine_process import as_child, serve


class SimulatedJob(msgspec.Struct, frozen=True):
    """One flight of the fine loop and the fast side of its world."""

    fine: FineJob
    scenario: Scenario
    seed: int
    fds: tuple[int, int]
    """Of the FastMemory."""


def _simulated(text: bytes) -> FineReport:
    job = msgspec.json.decode(text, type=SimulatedJob)
    fine, scenario = job.fine, job.scenario
    boresight_rad = Carrier(scenario, job.seed).draws.boresight_rad
    side = FastSide(scenario, job.seed, boresight_rad, fine.config.rates.fine_hz)
    period_ns = fine.period_ns
    fast = FastHere(side, FastMemory.attach(job.fds), period_ns)
    clock = SimClock(fine.start_tai_ns)
    wires: InProcess = {
        "quad": InProcessTransport(side.quad, clock),
        "mirror": InProcessTransport(side.mirror, clock),
    }
    quad: QuadDetector = build("quad", fine.config.devices["quad"], wires)
    mirror: Mirror = build("mirror", fine.config.devices["mirror"], wires)

    def advance(first: int, periods: int) -> None:
        for k in range(first, first + periods):
            clock.t_ns = fine.start_tai_ns + k * period_ns
            fast.tick(clock.t_ns)

    return serve(fine, quad, mirror, advance)


def main() -> None:
    """The process."""
    as_child(_simulated)
