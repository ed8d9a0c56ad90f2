"""Sightings out of a recording: which ticks count, and at which time things are taken."""

from math import pi
from pathlib import Path

import numpy as np
import pytest
from mounting_record import START_NS, TRACKED_FROM_S, write_pass

from config.errors import InputError
from terminal.control.mounting.model import LEVEL_UP, MountingModel, MountingParameters
from terminal.geometry.vector import norm
from terminal.messages import MESSAGES
from terminal.telemetry.reader import Recording
from terminal.telemetry.recorder import Recorder
from terminal.telemetry.sightings import MAX_SIGHTINGS, find_sightings

CROOKED = MountingParameters(3e-3, -2e-3, 4e-3, 1e-3, 2e-4, -3e-4, 5e-4, 1e-3, 2e-4)


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Recording:
    path = tmp_path_factory.mktemp("pass") / "pass.mcap"
    write_pass(path, CROOKED, duration_s=60.0)
    return Recording(path)


def test_the_true_mounting_explains_every_sighting(recording: Recording) -> None:
    model = MountingModel(CROOKED)
    for s in find_sightings(recording).sightings:
        # The path bends by up to 1e-4 rad/s^2: between samples 20 ms apart that is 5e-9 rad.
        assert model.image(s.joints, s.los_base, s.up_base) == pytest.approx(
            (s.x_rad, s.y_rad), abs=1e-7
        )
        assert s.up_base == pytest.approx(LEVEL_UP, abs=1e-9)
        assert norm(s.los_base) == pytest.approx(1.0, abs=1e-12)


def test_only_while_the_beacon_was_held_and_half_a_second_apart(recording: Recording) -> None:
    found = find_sightings(recording)
    times_s = np.array([s.t_s for s in found.sightings])
    assert np.diff(times_s).min() >= 0.5
    assert len(times_s) == pytest.approx((60.0 - TRACKED_FROM_S) / 0.5, abs=5)
    last_s = (found.last_tai_ns - START_NS) * 1e-9
    assert last_s - times_s[-1] >= TRACKED_FROM_S - 0.012
    assert found.attitude_sigma_rad == 2e-3
    assert found.along_sigma_s == 0.02
    # The false spot of the search stands 2 mrad off.
    assert max(abs(s.x_rad) for s in found.sightings) < 1e-3


def test_long_passes_are_thinned(recording: Recording, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("terminal.telemetry.sightings.MAX_SIGHTINGS", 20)
    assert 15 <= len(find_sightings(recording).sightings) <= 20 < MAX_SIGHTINGS


def test_a_recording_without_these_messages(tmp_path: Path) -> None:
    Recorder(tmp_path / "a.mcap", metadata={}, messages=[MESSAGES["coarse"]]).close()
    with pytest.raises(InputError, match="no message 'camera'"):
        find_sightings(Recording(tmp_path / "a.mcap"))


def test_a_recording_in_which_nothing_was_held(tmp_path: Path) -> None:
    write_pass(tmp_path / "a.mcap", CROOKED, duration_s=TRACKED_FROM_S - 1.0)
    with pytest.raises(InputError, match="never held"):
        find_sightings(Recording(tmp_path / "a.mcap"))


def test_a_survey_that_looks_elsewhere(tmp_path: Path) -> None:
    write_pass(tmp_path / "a.mcap", CROOKED, attitude_rad=(0.0, 0.0, pi / 2), duration_s=30.0)
    with pytest.raises(InputError, match="never held"):
        find_sightings(Recording(tmp_path / "a.mcap"))
