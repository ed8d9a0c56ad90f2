"""summary.json: convergence, first modes, and the fields of a flight that reached nothing."""

import json
import math
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from config.loader import load_scenario
from hil.score import ModeSpan, Scorer
from hil.summary import _acquisition_s, _polarization, summarise
from sim_devices.detectors import NO_DELAY
from terminal.bus import Bus
from terminal.mode import Mode

SCENARIO = load_scenario("leo_haps_downlink")


def _polarised(t_s: Any, error_deg: Any, in_link: Any = None) -> Any:
    linked = np.ones(len(t_s), bool) if in_link is None else in_link
    rows = zip(t_s, np.radians(error_deg), linked, strict=True)
    return SimpleNamespace(polarization=[(float(t), float(e), bool(n)) for t, e, n in rows])


class TestConvergence:
    T_S = np.arange(0.0, 60.0, 0.02)

    def test_small_from_the_start(self) -> None:
        rms_deg, after_s = _polarization(_polarised(self.T_S + 7.0, np.full(3000, 0.2)))
        assert rms_deg == pytest.approx(0.2)
        assert after_s == 0.0

    def test_a_step_is_converged_when_the_whole_span_ahead_is_small(self) -> None:
        """A sliver of the large error may still be in the 5 s: 1 = 25 (s / 5), so s = 0.2 s."""
        error_deg = np.where(self.T_S < 10.0, 5.0, 0.0)
        rms_deg, after_s = _polarization(_polarised(self.T_S, error_deg))
        assert after_s == pytest.approx(9.8, abs=0.05)
        assert rms_deg == pytest.approx(5.0 * math.sqrt(0.2 / 50.2), rel=0.1)

    def test_sign_does_not_matter(self) -> None:
        error_deg = np.where(self.T_S < 10.0, -5.0, 0.1)
        assert _polarization(_polarised(self.T_S, error_deg))[1] == pytest.approx(9.8, abs=0.05)

    def test_what_comes_after_is_in_the_rms_however_large(self) -> None:
        error_deg = np.where(self.T_S < 30.0, 0.0, 10.0)
        rms_deg, after_s = _polarization(_polarised(self.T_S, error_deg))
        assert after_s == 0.0
        assert rms_deg == pytest.approx(10.0 / math.sqrt(2.0), rel=0.01)

    def test_never(self) -> None:
        assert _polarization(_polarised(self.T_S, np.full(3000, 1.5))) == (None, None)

    def test_a_link_that_is_too_short_to_tell(self) -> None:
        assert _polarization(_polarised(self.T_S[:200], np.zeros(200))) == (None, None)

    def test_no_link(self) -> None:
        none = np.zeros(3000, bool)
        assert _polarization(_polarised(self.T_S, np.zeros(3000), none)) == (None, None)

    def test_only_link_counts_and_time_runs_from_its_start(self) -> None:
        in_link = self.T_S >= 20.0
        error_deg = np.where(in_link, 0.3, 40.0)
        rms_deg, after_s = _polarization(_polarised(self.T_S, error_deg, in_link))
        assert (rms_deg, after_s) == (pytest.approx(0.3), 0.0)


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
