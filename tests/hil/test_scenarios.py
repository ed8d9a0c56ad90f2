"""The scenarios that come with the package: each reaches LINK, and its clock holds."""

import numpy as np
import pytest
from flights import Flown, flown, key_clicks, worst_error_rate

from config.loader import load_scenario

LOCKED = 1
FLIGHTS = {
    "haps_laps_downlink": 10.0,
    "leo_laps_downlink": 15.0,
    "leo_ground_downlink": 18.0,
    "micius_xinglong": 18.0,
}
"""Seconds to fly; a platform at 25 km gives a million clicks a second."""


@pytest.fixture(scope="module", params=FLIGHTS)
def flight(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Flown:
    name: str = request.param
    return flown(tmp_path_factory.mktemp(name), name, FLIGHTS[name])


def test_reaches_link_and_holds_it(flight: Flown) -> None:
    assert flight.modes == ["STANDBY", "POINT", "ACQUIRE", "TRACK", "LINK"]
    assert flight.summary["safety_events"] == []


def test_held_inside_the_field_stop(flight: Flown) -> None:
    """Three standard deviations an axis; no controller beats the bound, but a short sample may by
    what it happens to hold: some 10,000 independent errors, 0.7 % of their rms."""
    optics = load_scenario(flight.summary["scenario"]).terminal.optics
    most = 1.15 if "laps" in flight.summary["scenario"] else 1.10
    for error, bound in zip(
        flight.summary["fine_urad_rms"], flight.summary["fine_bound_urad_rms"], strict=True
    ):
        assert 0.97 * bound < error < most * bound
        assert error < 1e6 * optics.field_of_view_rad / 2 / 3


def test_clock_locks_and_never_slips(flight: Flown) -> None:
    clock, link = flight.summary["clock"], flight.summary["modes"][-1]
    assert clock["slips"] == 0
    # A drone's small aperture gives 500 clicks a second at 20 degrees of elevation.
    assert link["end_s"] - link["start_s"] - clock["locked_s"] < 5.0
    status = flight.columns("timing")["status"]
    assert not np.any(np.diff(status == LOCKED) & (status[1:] != LOCKED))


def test_keys_show_no_slipped_slots(flight: Flown) -> None:
    """Slipped slots would show half of the bits wrong.

    Before the wave plate is trimmed, some degrees of the frame make some percent.
    """
    clicks = key_clicks(flight)
    assert clicks.same_basis.sum() > 1000
    assert worst_error_rate(clicks, bin_s=2.0, least_clicks=100) < 0.15


def test_a_tracking_point_aims_ahead(tmp_path_factory: pytest.TempPathFactory) -> None:
    """The beam leaves 30 to 50 urad beside the beacon, which is held off the cell's centre by as
    much; the air bends the two unlike, by 5 urad at this elevation."""
    flight = flown(tmp_path_factory.mktemp("ground_uplink"), "leo_ground_uplink", 16.0)
    assert flight.modes == ["STANDBY", "POINT", "ACQUIRE", "TRACK", "LINK"]
    ahead = flight.columns("point_ahead")
    assert not ahead["x_counts"].any()
    assert not ahead["y_counts"].any()
    assert 1e6 * np.hypot(ahead["aim_x_rad"], ahead["aim_y_rad"])[-50:].min() > 30.0
    # Without the mirror all of the error is the fine loop's. A tenth of the beam's half angle.
    assert flight.summary["point_ahead_error_urad_rms"] == 0.0
    assert max(flight.summary["fine_urad_rms"]) < 1.5
    assert flight.summary["counts"]["sifted"] > 1000
