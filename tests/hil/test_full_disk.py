"""A disk that fills up during a flight: one line that says so, and every device still released."""

import resource
from collections.abc import Iterator
from pathlib import Path

import pytest

from config.errors import RunError
from config.loader import load_scenario
from hil.flight import Flight, window_of
from sim_devices.laser_scpi import ScpiLaserEmulator
from terminal.mode import Mode


@pytest.fixture
def little_room() -> Iterator[None]:
    """No file of this process may grow beyond 3 MB: some seven seconds of a flight."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (3_000_000, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


def _to_the_end(flight: Flight) -> None:
    try:
        flight.lock_step()
    finally:
        flight.close()


@pytest.mark.parametrize("remote", [frozenset[str](), frozenset({"none of ours"})])
def test_a_full_disk_is_told_once(
    remote: frozenset[str], little_room: None, tmp_path: Path
) -> None:
    """With and without a thread that writes (roles elsewhere mean real time)."""
    scenario = load_scenario("leo_haps_downlink")
    flight = Flight(scenario, 1, window_of(scenario, 20.0), tmp_path, lambda progress: None, remote)
    laser = flight.world.laser
    assert isinstance(laser, ScpiLaserEmulator)
    with pytest.raises(RunError, match=r"pass\.mcap: cannot write the recording: File too large"):
        _to_the_end(flight)
    assert flight.bus.modes.command.mode == Mode.LINK
    assert not laser.shutter_open
    assert not laser.beacon_on
