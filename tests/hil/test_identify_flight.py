"""A mirror unlike its data sheet: measured on the bench, then flown by; and flown without."""

from pathlib import Path

import pytest
from flights import Flown, qsky

from terminal.control.fine.events import FineEvent

pytestmark = pytest.mark.slow

TURNED = """\
based_on: leo_haps_downlink
name: turned
description: the detector sits turned by half a radian, and an amplifier is late
world:
  mirror: {rotation_rad: 0.5, resonance_hz: 900.0, damping: 0.4, delay_samples: 4}
"""
DURATION_S = 12.0
"""LINK begins at 7 s."""


def _flown(folder: Path, scenario: Path) -> Flown:
    done = qsky("run", str(scenario), "--out", str(folder), "--duration-s", str(DURATION_S))
    assert done.returncode == 0, done.stderr
    return Flown.read(folder)


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The scenario's file, and beside it mirror.yaml."""
    path = tmp_path_factory.mktemp("bench") / "turned.yaml"
    path.write_text(TURNED)
    done = qsky("identify", str(path), "--out", str(path.with_name("mirror.yaml")), "--seed", "5")
    assert done.returncode == 0, done.stderr
    return path


def test_a_measured_mirror_is_flown_near_the_bound(bench: Path, tmp_path: Path) -> None:
    known = tmp_path / "known.yaml"
    named = f"terminal: {{fine: {{calibration: {bench.with_name('mirror.yaml')}}}}}\n"
    known.write_text(bench.read_text() + named)
    flight = _flown(tmp_path / "known", known)
    assert flight.modes[-1] == "LINK"
    events = flight.columns("fine")["events"]
    assert not (events & ~FineEvent.PROBING).any()
    bound = flight.summary["fine_bound_urad_rms"]
    for axis in range(2):
        assert flight.summary["fine_urad_rms"][axis] < 1.2 * bound[axis]
    # Its replay reads the same file.
    done = qsky("replay", str(tmp_path / "known" / "pass.mcap"), "--verify")
    assert done.returncode == 0, done.stderr


def test_without_it_the_loop_falls_back_on_the_integrator(bench: Path, tmp_path: Path) -> None:
    flight = _flown(tmp_path / "unknown", bench)
    events = flight.columns("fine")["events"]
    assert (events & FineEvent.DELAY_WRONG).any()


def test_a_file_of_another_time_stops_the_flight(bench: Path, tmp_path: Path) -> None:
    old = tmp_path / "old.yaml"
    text = bench.with_name("mirror.yaml").read_text()
    text = text.replace('measured_utc: "2016', 'measured_utc: "2015')
    old.write_text(text.replace('valid_until_utc: "2017', 'valid_until_utc: "2016'))
    named = f"terminal: {{fine: {{calibration: {old}}}}}\n"
    (tmp_path / "late.yaml").write_text(bench.read_text() + named)
    done = qsky("run", str(tmp_path / "late.yaml"), "--out", str(tmp_path / "out"))
    assert done.returncode == 2
    assert "old.yaml" in done.stderr
    assert "valid_until_utc: is over" in done.stderr
    assert done.stderr.count("\n") == 1
    assert not (tmp_path / "out" / "pass.mcap").exists()
