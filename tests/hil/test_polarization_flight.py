"""The polarisation frames kept together in flight, and what the terminal says of broken optics."""

import math
from pathlib import Path

import flights
import numpy as np
import pytest
from flights import Flown, flown
from msgspec import structs

from benchmarks.polarization import flown as worst_flown
from config.loader import load_scenario
from config.scenario import Scenario
from hil.flight import window_of
from sim_devices.world import World
from terminal.geometry.time_scales import utc_julian_date

LINK_S = 7.0
"""When the demo's pass comes to LINK."""


@pytest.mark.slow
@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_frames_agree_soon_from_the_worst_start(sign: float) -> None:
    """3 degrees of plate offset and half a degree of each end's attitude: half a degree rms, within
    twice the time that all counts' information needs for it."""
    result = worst_flown(load_scenario("leo_haps_downlink"), 5, sign, 22.0)
    assert result.frames_agree, result
    assert result.fisher_s is not None
    assert result.fisher_s > 0.5
    # Of the scenario and, at 1 sigma of 1.7 degrees, the plate; nothing here corrects it.
    assert result.correctable_deg_rms is not None
    assert result.correctable_deg_rms == pytest.approx(math.degrees(0.05), abs=3.0)
    assert result.phase_deg_rms is not None
    assert result.phase_deg_rms >= result.correctable_deg_rms


def _event(flight: Flown, name: str) -> tuple[float, float]:
    """(first seen, last seen), s."""
    spans = [e for e in flight.summary["polarization_events"] if name in e["names"]]
    spans = [e for e in spans if e["t_s"] > LINK_S]
    assert spans, flight.summary["polarization_events"]
    return spans[0]["t_s"], spans[-1]["until_s"]


def _frame_deg(flight: Flown, start_s: float, end_s: float) -> float:
    """True rms of the frame's error."""
    truth = flight.columns("truth")
    chosen = (truth["t_s"] >= start_s) & (truth["t_s"] < end_s)
    return float(np.degrees(np.sqrt(np.mean(truth["polarization_error_rad"][chosen] ** 2))))


@pytest.mark.slow
def test_swapped_states_are_named_and_put_right(tmp_path: Path) -> None:
    """Detectors D and A change places at 14 s, as by a cable plugged wrongly."""
    flight = flown(tmp_path, "leo_haps_downlink", 22.0, ("states_swapped", 14.0, 100.0))
    named_s, until_s = _event(flight, "STATES_SWAPPED_D_A")
    assert 14.0 < named_s < 18.0
    assert until_s > 21.5
    # The frame is not turned after the wrong sign.
    assert _frame_deg(flight, 14.0, 22.0) < 0.7
    assert flight.columns("polarization")["swapped"][-1] == 1


@pytest.mark.slow
@pytest.mark.parametrize("share", ["0.5", "0.7"])
def test_states_swapped_from_the_start_are_found_without_a_clock(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, share: str
) -> None:
    """Neither with all light shared alike nor with most on one basis does a clock lock on D and A
    exchanged. 30,000 clicks, of 6,000 a second, are given to each naming."""
    text = flights.scenario_text("leo_haps_downlink", ("states_swapped", 0.0, 100.0))
    old = "basis_x_probability: 0.7"
    assert text.count(old) == 1
    text = text.replace(old, f"basis_x_probability: {share}")
    monkeypatch.setattr(flights, "scenario_text", lambda *_: text)
    flight = flown(tmp_path, "leo_haps_downlink", 17.0)
    clock = flight.columns("timing")
    locked_s = clock["t_s"][clock["status"] == 1]
    named_s, until_s = _event(flight, "STATES_SWAPPED_D_A")
    assert 10.0 < locked_s[0] < 15.0
    assert named_s == pytest.approx(locked_s[0], abs=0.3)
    assert until_s > 16.5
    assert _frame_deg(flight, 15.5, 17.0) < 0.7


@pytest.mark.slow
def test_a_plate_that_falls_silent_is_named_and_taken_up_again(tmp_path: Path) -> None:
    flight = flown(tmp_path, "leo_haps_downlink", 22.0, ("plate_silent", 11.0, 6.0))
    named_s, _ = _event(flight, "PLATE_SILENT")
    # It tells its angle five times a second at rest, and less often while it moves.
    assert 11.0 < named_s < 16.0
    own = flight.columns("polarization")
    silent = (own["t_s"] > named_s) & (own["t_s"] < 17.0)
    assert not own["settled"][silent].any()
    assert _frame_deg(flight, 19.0, 22.0) < 0.5


@pytest.mark.slow
def test_a_plate_that_sticks_is_named_and_taken_up_again(tmp_path: Path) -> None:
    flight = flown(tmp_path, "leo_haps_downlink", 28.0, ("plate_stuck", 11.0, 9.0))
    named_s, _ = _event(flight, "PLATE_STUCK")
    assert 11.0 < named_s < 20.0
    assert _frame_deg(flight, 26.0, 28.0) < 0.5


def _world(scenario: Scenario) -> World:
    window = window_of(scenario, 1.0)
    start_ns = window.start_tai_ns
    return World(scenario, 1, start_ns, utc_julian_date(start_ns), 1.0, 5000)


def test_a_coude_path_turns_the_frame_by_both_axes() -> None:
    """Ideal mirrors: azimuth less elevation and a quarter turn, with the joints as parked."""
    ground = load_scenario("leo_ground_coude")
    plain = structs.replace(
        ground,
        world=structs.replace(
            ground.world, polarization=structs.replace(ground.world.polarization, fold_index=None)
        ),
    )
    world = _world(plain)
    world.grid_step()
    view = world.link.channel._grid[-1].view
    joints = world.joints.joints_at(0)
    before = world.link.polarization.path(view)
    turned_rad = 0.5 * math.atan2(before[2, 1], before[1, 1])
    due_rad = view.frame_rad + joints[0] - joints[1] - math.pi / 2
    assert math.remainder(turned_rad - due_rad, math.pi) == pytest.approx(0.0, abs=1e-6)
