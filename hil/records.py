"""The two recordings of a flight, fed from the rings."""

from pathlib import Path

import msgspec

from config.scenario import Scenario
from sim_devices.truth import TRUTH, Nothing, TruthSample
from terminal.bus import Bus
from terminal.codec import TickCodec
from terminal.main import Terminal
from terminal.telemetry.recorder import Recorder
from terminal.telemetry.timing import TimingRecorder
from terminal.window import Window

TIMING_FLUSH_EVERY = 10
"""Drains between two flushes of the timing file."""


def metadata(scenario: Scenario, seed: int, window: Window) -> dict[str, str]:
    """What replay needs, and nothing of this machine."""
    return {
        "scenario": scenario.name,
        "seed": str(seed),
        "start_tai_ns": str(window.start_tai_ns),
        "end_tai_ns": str(window.end_tai_ns),
        "mission": msgspec.json.encode(scenario.mission).decode(),
        "terminal": msgspec.json.encode(scenario.terminal).decode(),
    }


class Records:
    """pass.mcap: simulated or device time only. timing.mcap: the wall clock's part."""

    def __init__(self, out: Path, about: dict[str, str], bus: Bus) -> None:
        """Raises InputError if the files cannot be created."""
        self._bus = bus
        self._pass = Recorder(out / "pass.mcap", metadata=about)
        self._pass.add_layout(TRUTH)
        self._truth_codec = TickCodec(TRUTH)
        self._truth_seq = 0
        self._drains = 0
        self.timing = TimingRecorder(out / "timing.mcap")

    def truth(self, truths: list[TruthSample]) -> None:
        """What only the world knows, beside what the terminal knew."""
        packed = []
        for truth in truths:
            packed.append(self._truth_codec.pack(self._truth_seq, truth, Nothing()))
            self._truth_seq += 1
        self._pass.write_ticks("truth", packed)

    def summary(self, t_ns: int) -> None:
        """One point of the channel that any viewer can open."""
        bus = self._bus
        pointing, fine, link = bus.pointing.command, bus.fine.command, bus.link.command
        self._pass.summary(
            t_ns,
            {
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
            },
        )

    def drain(self, t_ns: int, terminal: Terminal, fine_lateness_ns: list[int]) -> None:
        """Everything that waits in the rings, to disk."""
        for name, ring in self._bus.rings().items():
            self._pass.write_ticks(name, ring.take())
        for loop in terminal.loops:
            lateness = fine_lateness_ns if loop.name == "fine" else []
            self.timing.write(loop.name, t_ns, loop.compute_ns, lateness)
            loop.compute_ns.clear()
        fine_lateness_ns.clear()
        self._pass.flush(t_ns)
        # What the wall clock showed may wait: it is no part of what has to survive a crash.
        self._drains += 1
        if self._drains % TIMING_FLUSH_EVERY == 0:
            self.timing.flush(t_ns)

    def close(self) -> None:
        self._pass.close()
        self.timing.close()
