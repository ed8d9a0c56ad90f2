"""Things that break in mid-flight: what the terminal says then, and how it comes back."""

from typing import Any

import numpy as np
import pytest
from flights import Flown, flown, key_clicks, worst_error_rate
from msgspec import structs
from numpy.typing import NDArray

from config.loader import load_scenario
from config.world import Fault
from hil.flight import fly as run
from hil.flight import window_of
from terminal.mode import Mode
from terminal.telemetry.reader import Recording

LOCKED = 1


@pytest.fixture(scope="module")
def fly(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The pass with one fault; LINK is reached at 7 s."""

    def fault(kind: str, at_s: float, lasts_s: float, duration_s: float) -> Flown:
        folder = tmp_path_factory.mktemp(kind)
        return flown(folder, "leo_haps_downlink", duration_s, (kind, at_s, lasts_s))

    return fault


def _between(columns: dict[str, NDArray[Any]], start_s: float, end_s: float) -> NDArray[np.bool_]:
    return (columns["t_s"] >= start_s) & (columns["t_s"] < end_s)


def _assert_tally_never_falls(flight: Flown) -> None:
    link = flight.columns("link")
    for name in ("detected", "sifted", "disclosed"):
        assert np.all(np.diff(link[name]) >= 0), name
    assert flight.summary["counts"]["detected"] == link["detected"][-1]


def _assert_slots_are_right(flight: Flown) -> None:
    assert flight.summary["clock"]["slips"] == 0
    assert worst_error_rate(key_clicks(flight), bin_s=1.0, least_clicks=300) < 0.06


def _made_key_from(flight: Flown, start_s: float) -> bool:
    link = flight.columns("link")
    after = link["t_s"] > start_s
    return bool(link["sifted"][-1] > link["sifted"][after][0] + 1000)


class TestBeaconOff:
    """For 5 s, from 15 s on."""

    @pytest.fixture(scope="class")
    @classmethod
    def flight(cls, fly: Any) -> Flown:
        flight: Flown = fly("beacon_off", 15.0, 5.0, 28.0)
        return flight

    def test_link_is_lost_and_comes_back(self, flight: Flown) -> None:
        assert flight.modes[:5] == ["STANDBY", "POINT", "ACQUIRE", "TRACK", "LINK"]
        assert "LOST" in flight.modes
        assert flight.modes[-1] == "LINK"
        assert flight.summary["modes"][-1]["start_s"] < 25.0
        # A beacon is no hazard.
        assert flight.summary["safety_events"] == []

    def test_shutter_is_closed_without_beacon(self, flight: Flown) -> None:
        truth = flight.columns("truth")
        assert not truth["shutter_open"][_between(truth, 15.5, 20.0)].any()
        assert truth["shutter_open"][_between(truth, 10.0, 15.0)].all()
        assert truth["shutter_open"][-1]

    def test_keys_before_and_after_are_kept(self, flight: Flown) -> None:
        link = flight.columns("link")
        before = link["sifted"][_between(link, 0.0, 15.0)][-1]
        assert before > 10_000
        # Answers that were under way still came in; then nothing until the link resumed.
        dark = link["sifted"][_between(link, 16.0, 20.0)]
        assert before <= dark[0] == dark[-1]
        assert _made_key_from(flight, 20.0)
        _assert_tally_never_falls(flight)

    def test_no_slot_slips(self, flight: Flown) -> None:
        _assert_slots_are_right(flight)


class TestNavigationSilent:
    """For 3 s, from 12 s on."""

    @pytest.fixture(scope="class")
    @classmethod
    def flight(cls, fly: Any) -> Flown:
        flight: Flown = fly("navigation_silent", 12.0, 3.0, 23.0)
        return flight

    def test_goes_safe_and_says_why(self, flight: Flown) -> None:
        (event,) = flight.summary["safety_events"]
        assert event["unsafe"] == ["NAVIGATION_SILENT"]
        # The limit is half a second, the fixes are 20 ms apart.
        assert 12.4 < event["t_s"] < 12.6
        safe = next(s for s in flight.summary["modes"] if s["mode"] == "SAFE")
        assert safe["start_s"] == pytest.approx(event["t_s"], abs=0.03)

    def test_shutter_and_beacon_are_off_meanwhile(self, flight: Flown) -> None:
        safe = next(s for s in flight.summary["modes"] if s["mode"] == "SAFE")
        truth = flight.columns("truth")
        meanwhile = _between(truth, safe["start_s"] + 0.05, safe["end_s"])
        assert meanwhile.sum() > 100
        assert not truth["shutter_open"][meanwhile].any()
        assert not truth["uplink_fraction"][meanwhile].any()

    def test_recording_and_summary_tell_the_same_modes(self, flight: Flown) -> None:
        modes = flight.columns("modes")["mode"]
        changes = np.flatnonzero(np.diff(modes)) + 1
        assert [flight.modes[0], *(Mode(m).name for m in modes[changes])] == flight.modes

    def test_comes_back(self, flight: Flown) -> None:
        after = flight.modes[flight.modes.index("SAFE") :]
        assert after == ["SAFE", "POINT", "ACQUIRE", "TRACK", "LINK"]
        assert _made_key_from(flight, 15.0)
        _assert_tally_never_falls(flight)
        _assert_slots_are_right(flight)


class TestTaggerSilent:
    """For 3 s, from 10 s on: the beam is held, only the clicks are missing."""

    @pytest.fixture(scope="class")
    @classmethod
    def flight(cls, fly: Any) -> Flown:
        flight: Flown = fly("tagger_silent", 10.0, 3.0, 16.0)
        return flight

    def test_clock_is_not_called_locked_without_clicks(self, flight: Flown) -> None:
        timing = flight.columns("timing")
        silent = _between(timing, 10.3, 13.0)
        assert silent.sum() > 20
        assert not (timing["status"][silent] == LOCKED).any()
        assert not timing["clicks_in_gate"][silent].any()
        assert np.all(np.diff(timing["phase_sigma_s"][silent]) > 0)

    def test_goes_on_with_the_right_slots(self, flight: Flown) -> None:
        assert flight.modes[-1] == "LINK"
        assert flight.columns("timing")["status"][-1] == LOCKED
        assert _made_key_from(flight, 13.0)
        _assert_tally_never_falls(flight)
        _assert_slots_are_right(flight)


class TestPlateStuck:
    """From the start on: the plate never leaves its zero, which stands along H here, so that it is
    off by all of the frame's angle."""

    @pytest.fixture(scope="class")
    @classmethod
    def flight(cls, tmp_path_factory: pytest.TempPathFactory) -> Flown:
        folder = tmp_path_factory.mktemp("plate_stuck")
        scenario = load_scenario("leo_haps_downlink")
        world = structs.replace(
            scenario.world,
            polarization=structs.replace(scenario.world.polarization, plate_offset_rad=0.0),
            faults=(Fault("plate_stuck", 0.0, 100.0),),
        )
        scenario = structs.replace(scenario, world=world)
        summary = run(scenario, 1, window_of(scenario, 16.0), folder, lambda _: None)
        return Flown(folder, summary, Recording(folder / "pass.mcap"))

    def test_plate_is_reported_where_it_stands(self, flight: Flown) -> None:
        plate = flight.columns("polarization")
        assert np.ptp(plate["plate_angle_rad"]) < 1e-4
        assert np.abs(flight.columns("truth")["plate_rad"]).max() < 1e-4

    def test_error_rate_is_told_as_bad_as_it_is(self, flight: Flown) -> None:
        summary, truth = flight.summary, flight.columns("truth")
        assert summary["polarization_converged_s"] is None
        off_rad = truth["frame_angle_rad"][truth["t_s"] > summary["modes"][-1]["start_s"]]
        # Malus, and half a percent of the optics; dark counts and sky light add to that.
        least = 0.005 + 0.99 * float(np.mean(np.sin(off_rad) ** 2))
        # Else the fault would hide among the other errors.
        assert least > 0.03
        assert least < summary["qber_true"] < least + 0.015
        last = [command for _, _, command in flight.recording.ticks("link")][-1]
        sample = last.disclosed_counts.reshape(4, 4)[:2, :2].sum()
        error = (summary["qber_true"] * (1 - summary["qber_true"]) / sample) ** 0.5
        assert abs(summary["qber"] - summary["qber_true"]) <= 0.001 + 3 * error
        assert summary["secret_key_bits"] == 0.0

    def test_clock_does_not_need_the_polarisation(self, flight: Flown) -> None:
        assert flight.summary["clock"]["slips"] == 0


class TestGimbalStuck:
    """For 3 s, from 12 s on: the partner wanders 40 mrad away, the mirror reaches 1 mrad."""

    @pytest.fixture(scope="class")
    @classmethod
    def flight(cls, fly: Any) -> Flown:
        flight: Flown = fly("gimbal_stuck", 12.0, 3.0, 25.0)
        return flight

    def test_shutter_is_closed_while_the_beam_is_out_of_reach(self, flight: Flown) -> None:
        truth = flight.columns("truth")
        off = np.hypot(truth["fine_error_x_rms_rad"], truth["fine_error_y_rms_rad"])
        far = (off > 1e-3) & _between(truth, 12.5, 25.0)
        assert far.sum() > 50
        assert not truth["shutter_open"][far].any()

    def test_no_key_is_made_of_a_beam_that_is_not_seen(self, flight: Flown) -> None:
        timing = flight.columns("timing")
        assert not timing["clicks_in_gate"][_between(timing, 13.0, 15.0)].any()

    def test_link_is_lost(self, flight: Flown) -> None:
        assert "LOST" in flight.modes

    def test_link_comes_back(self, flight: Flown) -> None:
        assert flight.modes[-1] == "LINK"
        _assert_tally_never_falls(flight)
        _assert_slots_are_right(flight)
