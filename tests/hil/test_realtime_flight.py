"""A flight against the wall clock: the fine loop in a process of its own, and three devices in
theirs, behind pseudo-terminals.

What is judged is what was spoken, counted and cleaned up, never how fast this machine is.
"""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from flights import QSKY, Flown

from terminal.telemetry.reader import Recording
from terminal.telemetry.replay import verify

pytestmark = pytest.mark.slow

WAIT_S = 60.0
DEVICES = ("gimbal_sbgc32", "waveplate_ell14", "navigation_vectornav")


class Running:
    """A flight in real time in a process of its own, its temporary files in `temporary`."""

    def __init__(self, folder: Path, duration_s: float) -> None:
        self.out, self.temporary = folder / "out", folder / "tmp"
        self.temporary.mkdir()
        self._said = folder / "stderr"
        with self._said.open("w") as stderr:
            self.process = subprocess.Popen(
                [
                    *(*QSKY, "run", "leo_haps_downlink", "--realtime"),
                    *("--out", str(self.out), "--duration-s", str(duration_s)),
                ],
                stdout=subprocess.DEVNULL,
                stderr=stderr,
                env={**os.environ, "TMPDIR": str(self.temporary)},
            )

    def emulators(self) -> dict[str, int]:
        """Process number of every emulator that runs, known by its link in our folder."""
        found = {}
        for path in Path("/proc").glob("[0-9]*/cmdline"):
            try:
                arguments = path.read_bytes().decode().split("\0")
            except OSError:  # it has ended meanwhile
                continue
            if any(a.startswith(str(self.temporary)) for a in arguments):
                found.update({d: int(path.parent.name) for d in DEVICES if d in arguments})
        return found

    def fine_process(self) -> int:
        """Process number of the fine loop's process; 0: there is none."""
        for path in Path("/proc").glob("[0-9]*"):
            try:
                words = (path / "cmdline").read_bytes().decode().split("\0")
                parent = int((path / "stat").read_text().rpartition(")")[2].split()[1])
            except OSError:  # it has ended meanwhile
                continue
            if parent == self.process.pid and any("hil.fine_process" in word for word in words):
                return int(path.name)
        return 0

    def told(self) -> list[str]:
        """Lines on standard error so far."""
        return self._said.read_text().splitlines()

    def wait_until(self, condition: Callable[[], bool]) -> None:
        """While the flight goes on."""
        give_up = time.monotonic() + WAIT_S
        while not condition():
            assert self.process.poll() is None, self.told()
            assert time.monotonic() < give_up, self.told()
            time.sleep(0.05)

    def wait_for(self, condition: Callable[[], bool]) -> None:
        """Whether or not the flight goes on."""
        give_up = time.monotonic() + WAIT_S
        while not condition():
            assert time.monotonic() < give_up, self.told()
            time.sleep(0.05)

    def end(self) -> int:
        """Exit code of the command."""
        return self.process.wait(WAIT_S)

    def close(self) -> None:
        """Break off what still flies, so that it cleans up."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            self.process.wait(WAIT_S)


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A flight of 12 s that has ended well."""
    flight = Running(tmp_path_factory.mktemp("realtime"), 12.0)
    flight.wait_until(lambda: len(flight.emulators()) == len(DEVICES))
    assert flight.end() == 0, flight.told()
    yield flight
    flight.close()


@pytest.fixture(scope="module")
def flown(running: Running) -> Flown:
    return Flown.read(running.out)


def test_every_period_is_a_tick_or_an_overrun(flown: Flown) -> None:
    told = flown.summary["realtime"]
    assert told["ticks"] + told["overruns"] == round(12.0 * told["fine_hz"])
    assert told["ticks"] == flown.summary["ticks"]["fine"]
    assert told["fine_process"] == "ended well"
    slow = told["slow"]
    assert slow["ticks"] + slow["overruns"] == round(12.0 * slow["hz"])
    assert flown.summary["simulated_s"] == pytest.approx(12.0)
    assert set(told["granted"]) == {"sched_fifo", "memory_locked", "timer_slack", "gc_frozen"}


def test_three_devices_were_spoken_to(flown: Flown) -> None:
    navigation = np.unique(flown.columns("pointing")["fix_t_ns"])
    assert len(navigation[navigation > 0]) > 100
    coarse = flown.columns("coarse")
    assert len(np.unique(coarse["gimbal_t_ns"])) > 100
    # The gimbal was told to go to the partner, and went.
    assert np.ptp(coarse["yaw_rad"][coarse["gimbal_t_ns"] > 0]) > 0.1
    plate = flown.columns("polarization")["plate_angle_rad"]
    assert len(np.unique(plate)) > 1


def test_recording_replays_bit_for_bit(flown: Flown, running: Running) -> None:
    result = verify(running.out / "pass.mcap")
    assert (result.mismatches, result.lost, result.truncated) == (0, 0, False)
    assert result.ticks == sum(flown.summary["ticks"].values())


def test_compute_and_lateness_are_recorded_per_tick(flown: Flown, running: Running) -> None:
    recording = Recording(running.out / "timing.mcap")
    for loop, ticks in (
        ("fine", flown.summary["realtime"]["ticks"]),
        ("slow", flown.summary["realtime"]["slow"]["ticks"]),
    ):
        samples = [sample for _, sample, _ in recording.ticks(loop)]
        assert sum(len(sample.compute_ns) for sample in samples) == ticks
        assert sum(len(sample.lateness_ns) for sample in samples) == ticks
        assert all((sample.compute_ns > 0).all() for sample in samples)


def test_nothing_is_left_behind(running: Running, flown: Flown) -> None:
    assert running.emulators() == {}
    assert list(running.temporary.iterdir()) == []
    assert {path.name for path in running.out.iterdir()} == {
        "pass.mcap",
        "timing.mcap",
        "summary.json",
        "report.html",
    }


def _hit_in_mid_flight(
    folder: Path, victim: Callable[[Running], int], blow: signal.Signals
) -> Running:
    """A flight of 13 s of whose processes one gets a signal at 10.5 s; ended."""
    flight = Running(folder, 13.0)
    try:
        flight.wait_until(lambda: any("10.5 / 13 s" in line for line in flight.told()))
        fine_process = flight.fine_process()
        assert fine_process
        os.kill(victim(flight), blow)
        flight.end()
    finally:
        flight.close()
    # Whatever has happened, nothing is left running and no link is left behind.
    flight.wait_for(lambda: flight.emulators() == {})
    assert _ended(fine_process)
    if victim is not _itself or blow is not signal.SIGKILL:
        assert list(flight.temporary.iterdir()) == []
    return flight


def _itself(flight: Running) -> int:
    return flight.process.pid


def _emulator(device: str) -> Callable[[Running], int]:
    return lambda flight: flight.emulators()[device]


def _ended(process: int) -> bool:
    """Whether it does, before patience ends."""
    give_up = time.monotonic() + WAIT_S
    while time.monotonic() < give_up:
        try:
            state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            return True
        if state == "Z":
            return True
        time.sleep(0.05)
    return False


def test_an_emulator_that_hangs_is_ridden_out_in_safe(tmp_path: Path) -> None:
    """Stopped, it holds its port open and says nothing; it also ignores being asked to end."""
    flight = _hit_in_mid_flight(tmp_path, _emulator("gimbal_sbgc32"), signal.SIGSTOP)
    assert flight.process.returncode == 0, flight.told()
    summary = Flown.read(flight.out).summary
    assert ["GIMBAL_SILENT"] in [event["unsafe"] for event in summary["safety_events"]]
    assert summary["modes"][-1]["mode"] == "SAFE"


def test_an_emulator_that_dies_is_ridden_out_in_safe(tmp_path: Path) -> None:
    """Its port is gone for good: said once, and then it is silent like one that hangs."""
    flight = _hit_in_mid_flight(tmp_path, _emulator("navigation_vectornav"), signal.SIGKILL)
    assert flight.process.returncode == 0, flight.told()
    lines = [line for line in flight.told() if "device is gone" in line]
    assert len(lines) == 1
    assert "navigation" in lines[0]
    summary = Flown.read(flight.out).summary
    assert ["NAVIGATION_SILENT"] in [event["unsafe"] for event in summary["safety_events"]]
    assert summary["modes"][-1]["mode"] == "SAFE"
    result = verify(flight.out / "pass.mcap")
    assert (result.mismatches, result.lost, result.truncated) == (0, 0, False)


def test_a_fine_loop_that_dies_is_ridden_out_in_safe(tmp_path: Path) -> None:
    """No scan is fresh any more: shutter closed, beacon off, and the summary says why."""
    flight = _hit_in_mid_flight(tmp_path, Running.fine_process, signal.SIGKILL)
    assert flight.process.returncode == 0, flight.told()
    assert len([line for line in flight.told() if "ended by signal 9" in line]) == 1
    flown = Flown.read(flight.out)
    assert flown.summary["realtime"]["fine_process"] == "ended by signal 9"
    assert ["QUAD_SILENT"] in [event["unsafe"] for event in flown.summary["safety_events"]]
    assert flown.modes[-1] == "SAFE"
    modes = flown.columns("modes")
    dead_s = float(flown.columns("fine")["t_s"][-1])
    after = modes["t_s"] > dead_s + 0.2
    assert not modes["shutter_open"][after].any()
    assert not modes["beacon_on"][after].any()
    result = verify(flight.out / "pass.mcap")
    assert (result.mismatches, result.lost, result.truncated) == (0, 0, False)


def test_broken_off_it_cleans_up(tmp_path: Path) -> None:
    flight = _hit_in_mid_flight(tmp_path, _itself, signal.SIGINT)
    assert flight.process.returncode == 130, flight.told()
    assert not [line for line in flight.told() if "leaked" in line or "Traceback" in line]
    assert not verify(flight.out / "pass.mcap").truncated


def test_a_flight_that_is_killed_takes_its_processes_along(tmp_path: Path) -> None:
    flight = _hit_in_mid_flight(tmp_path, _itself, signal.SIGKILL)
    assert not [line for line in flight.told() if "leaked" in line or "Traceback" in line]
    assert verify(flight.out / "pass.mcap").ticks > 0
