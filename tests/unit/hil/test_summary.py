"""summary.json: first modes, and the fields of a flight that reached nothing."""

import json
from types import SimpleNamespace
from typing import Any

import pytest

from config.loader import load_scenario
from hil.score import ModeSpan, Scorer
from hil.summary import _acquisition_s, summarise
from sim_devices.detectors import NO_DELAY
from terminal.bus import Bus
from terminal.mode import Mode

SCENARIO = load_scenario("leo_haps_downlink")


class TestAcquisition:
    def _scorer(self, *modes: Mode) -> Any:
        return SimpleNamespace(
            modes=[ModeSpan(m, 2.0 * i, 2.0 * i + 2) for i, m in enumerate(modes)]
        )

    def test_from_the_first_acquire_to_the_first_track(self) -> None:
        modes = (
            Mode.POINT,
            Mode.ACQUIRE,
            Mode.POINT,
            Mode.ACQUIRE,
            Mode.TRACK,
            Mode.LOST,
            Mode.TRACK,
        )
        assert _acquisition_s(self._scorer(*modes)) == 6.0

    def test_none_without_either(self) -> None:
        assert _acquisition_s(self._scorer(Mode.POINT)) is None
        assert _acquisition_s(self._scorer(Mode.POINT, Mode.ACQUIRE)) is None


def _world() -> Any:
    """What a scorer and a summary read of a world in which nothing happens."""
    channel = SimpleNamespace(channel_delay_s=NO_DELAY)
    return SimpleNamespace(fine_bound_rad=lambda fine_hz, spans_s: 1e-6, channel=channel)


def test_a_flight_that_reached_nothing_is_summed_up_without_a_number_made_up() -> None:
    world = _world()
    bus = Bus()
    scorer = Scorer(SCENARIO, world, bus, 0)
    summary = summarise(SCENARIO, world, scorer, bus, 5, 3.0, 5000, {})
    assert json.loads(json.dumps(summary, allow_nan=False)) == summary
    for name in ("acquisition_s", "coarse_urad_rms", "fine_urad_rms", "point_ahead_error_urad_rms"):
        assert summary[name] is None, name
    assert summary["clock"] == {
        "locked_s": 0.0,
        "timing_rms_ps": None,
        "gate_half_width_ps": None,
        "channel_delays_ps": None,
        "channel_delays_true_ps": None,
        "channel_delay_error_ps_rms": None,
        "background_hz": None,
        "background_true_hz": None,
        "allan_deviation_1s": None,
        "allan_deviation_1s_oscillator": None,
        "allan_deviation_10s": None,
        "allan_deviation_10s_oscillator": None,
        "audits_failed": 0,
        "relocks": 0,
        "detectors_without_pulses": [],
        "detectors_off_pattern": [],
        "slips": 0,
    }
    assert set(summary["counts"].values()) == {0}
    assert summary["qber"] is summary["qber_true"] is None
    assert summary["secret_key_bits"] == summary["secret_key_bits_expected"] == 0.0
    assert summary["link_fraction"] == 0.0
    assert summary["point_ahead_limited_ticks"] == 0
    assert (summary["scenario"], summary["seed"]) == ("leo_haps_downlink", 5)


def test_link_fraction_is_the_share_of_all_stays_in_link() -> None:
    world = _world()
    bus = Bus()
    scorer = Scorer(SCENARIO, world, bus, 0)
    scorer.modes = [
        ModeSpan(Mode.LINK, 1.0, 3.0),
        ModeSpan(Mode.LOST, 3.0, 4.0),
        ModeSpan(Mode.LINK, 4.0, 5.0),
    ]
    summary = summarise(SCENARIO, world, scorer, bus, 5, 10.0, 5000, {})
    assert summary["link_fraction"] == pytest.approx(0.3)
    assert [span["mode"] for span in summary["modes"]] == ["LINK", "LOST", "LINK"]
