"""The two recordings of a flight, fed from the rings.

What waits in the rings is taken twice a second. In lock-step a thread of its own writes it, whose
compression then runs beside the flight; in real time no thread may disturb the loops.
"""

from collections.abc import Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from config.errors import RunError
from config.scenario import Scenario
from sim_devices.truth import TRUTH, Nothing, TruthSample
from terminal.bus import Bus
from terminal.codec import TickCodec
from terminal.telemetry.recorder import Recorder
from terminal.telemetry.timing import TimingRecorder
from terminal.window import Window

TIMING_FLUSH_EVERY = 10
"""Drains between two flushes of the timing file."""


def metadata(scenario: Scenario, seed: int, window: Window) -> dict[str, str]:
    """What replay needs, and nothing of this machine."""
    # Who reads along is no part of the flight.
    terminal = msgspec.structs.replace(scenario.terminal, handover=None)
    return {
        "scenario": scenario.name,
        "seed": str(seed),
        "start_tai_ns": str(window.start_tai_ns),
        "end_tai_ns": str(window.end_tai_ns),
        "mission": msgspec.json.encode(scenario.mission).decode(),
        "terminal": msgspec.json.encode(terminal).decode(),
    }


class Timed(NamedTuple):
    """The wall clock's view of one loop's ticks since the last drain, which empties it."""

    loop: str
    compute_ns: list[int]
    lateness_ns: list[int]
    """Empty where nothing is paced."""


class _Batch(NamedTuple):
    """What came since the last one."""

    t_ns: int
    ticks: list[tuple[str, list[bytes]]]
    summaries: list[tuple[int, dict[str, Any]]]
    timing: list[Timed]


class Records:
    """pass.mcap: simulated or device time only. timing.mcap: the wall clock's part.

    What the disk refuses is raised as RunError once, by this `drain` or the next, or by `close`.
    """

    def __init__(self, out: Path, about: dict[str, str], bus: Bus, *, by_thread: bool) -> None:
        """Raises InputError if the files cannot be created."""
        self._bus = bus
        self._pass = Recorder(out / "pass.mcap", metadata=about)
        self._pass.add_layout(TRUTH)
        self._truth_codec = TickCodec(TRUTH)
        self._truths: list[bytes] = []
        self._truth_seq = 0
        self._summaries: list[tuple[int, dict[str, Any]]] = []
        self._batches = 0
        self.timing = TimingRecorder(out / "timing.mcap")
        self._thread = ThreadPoolExecutor(1, "recorder") if by_thread else None
        self._writing: Future[None] | None = None
        self._failed = False

    def truth(self, truths: list[TruthSample]) -> None:
        """What only the world knows, beside what the terminal knew."""
        for truth in truths:
            self._truths.append(self._truth_codec.pack(self._truth_seq, truth, Nothing()))
            self._truth_seq += 1

    def summary(self, t_ns: int) -> None:
        """One point of the channel that any viewer can open."""
        bus = self._bus
        pointing, fine, link = bus.pointing.command, bus.fine.command, bus.link.command
        values = {
            "mode": bus.modes.command.mode,
            "azimuth_rad": pointing.azimuth_rad,
            "elevation_rad": pointing.elevation_rad,
            "range_m": pointing.range_m,
            "camera_x_rad": bus.camera.command.x_rad,
            "camera_y_rad": bus.camera.command.y_rad,
            "fine_x_rad": fine.x_rad,
            "fine_y_rad": fine.y_rad,
            "mirror_x_rad": fine.mean_mirror_x_rad,
            "mirror_y_rad": fine.mean_mirror_y_rad,
            "clock_status": bus.timing.command.status,
            "clicks_in_gate": bus.timing.command.clicks_in_gate,
            "plate_target_rad": bus.polarization.command.plate_target_rad,
            "qber": link.qber,
            "secret_key_bits": link.secret_key_bits,
        }
        self._summaries.append((t_ns, values))

    def drain(self, t_ns: int, timed: Iterable[Timed]) -> None:
        """Take everything that waits in the rings, and begin to write it."""
        ticks = [(name, ring.take()) for name, ring in self._bus.rings().items()]
        timing = []
        for loop, compute_ns, lateness_ns in timed:
            timing.append(Timed(loop, compute_ns.copy(), lateness_ns.copy()))
            compute_ns.clear()
            lateness_ns.clear()
        batch = _Batch(t_ns, [*ticks, ("truth", self._truths)], self._summaries, timing)
        self._truths, self._summaries = [], []
        self._wait()
        if self._failed:
            return
        if self._thread is None:
            self._write(batch)
        else:
            self._writing = self._thread.submit(self._write, batch)

    def _write(self, batch: _Batch) -> None:
        try:
            self._write_all(batch)
        except RunError:
            self._failed = True
            raise

    def _write_all(self, batch: _Batch) -> None:
        for name, packed in batch.ticks:
            self._pass.write_ticks(name, packed)
        for t_ns, values in batch.summaries:
            self._pass.summary(t_ns, values)
        for loop, compute_ns, lateness_ns in batch.timing:
            self.timing.write(loop, batch.t_ns, compute_ns, lateness_ns)
        self._pass.flush(batch.t_ns)
        # What the wall clock showed may wait: it is no part of what has to survive a crash.
        self._batches += 1
        if self._batches % TIMING_FLUSH_EVERY == 0:
            self.timing.flush(batch.t_ns)

    def _wait(self) -> None:
        """For the batch before, and for what became of it."""
        writing, self._writing = self._writing, None
        if writing is not None:
            writing.result()

    def close(self) -> None:
        """Write the rest and the indexes. Raises RunError if the disk refuses, and has not yet."""
        with ExitStack() as stack:
            if self._failed and self._writing is None:
                # It has been told.
                stack.enter_context(suppress(RunError))
            stack.callback(self.timing.close)
            stack.callback(self._pass.close)
            if self._thread is not None:
                stack.callback(self._thread.shutdown)
            self._wait()
