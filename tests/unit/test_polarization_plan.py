"""The plate's course through a planned pass."""

import numpy as np
import pytest
from msgspec.structs import replace

from config.errors import InputError
from config.loader import load_scenario
from hil.flight import window_of
from terminal.control.plate_target import QUARTER
from terminal.polarization_plan import planned_course

SCENARIO = load_scenario("leo_haps_downlink")
START_NS = window_of(SCENARIO, None).start_tai_ns


def with_travel(least_rad: float | None, most_rad: float | None):
    polarization = SCENARIO.terminal.polarization
    plate = replace(polarization.plate, least_rad=least_rad, most_rad=most_rad)
    return replace(SCENARIO.terminal, polarization=replace(polarization, plate=plate))


def test_a_plate_without_ends_needs_no_course() -> None:
    assert planned_course(SCENARIO.mission, with_travel(None, None), START_NS).at(10.0) is None


def test_the_whole_pass_lies_in_the_travel_without_a_leap() -> None:
    """The demo's frame turns by some 150 degrees, the plate by half of that."""
    course = planned_course(SCENARIO.mission, with_travel(-1.0, 1.5), START_NS)
    angles = np.array(course.encoder_rad)
    assert len(angles) > 200
    assert angles.min() >= -1.0
    assert angles.max() <= 1.5
    assert float(np.abs(np.diff(angles)).max()) < 0.05
    assert 1.0 < np.ptp(angles) < QUARTER


def test_a_travel_too_short_is_refused_by_name() -> None:
    with pytest.raises(InputError, match=r"terminal\.polarization\.plate"):
        planned_course(SCENARIO.mission, with_travel(0.0, 1.0), START_NS)
