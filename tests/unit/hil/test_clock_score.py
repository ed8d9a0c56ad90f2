"""The clock's own figures against the truth of blocks made by hand."""

import math

import numpy as np
import pytest

from config.loader import load_scenario
from hil.clock_score import ClockScore
from sim_devices.light import BlockTruth
from terminal.quantum_messages import TimingCommand

SCENARIO = load_scenario("leo_haps_downlink")
DETECTORS = SCENARIO.world.detectors


def block(start_s: float, background_hz: float, click_probability: float = 0.0) -> BlockTruth:
    """0.1 s; each intensity clicks as often."""
    nothing = np.empty(0, np.int64)
    clicks = (click_probability,) * 3
    return BlockTruth(
        start_s, start_s + 0.1, nothing, nothing, clicks, 2e7, np.zeros((4, 4)), background_hz
    )


def command(status: int = 1, **changes: float) -> TimingCommand:
    return TimingCommand(status=status, timing_rms_s=2e-10)._replace(**changes)


def test_nothing_is_made_up_without_a_lock() -> None:
    score = ClockScore(SCENARIO)
    score.tick(command(0, background_hz=500.0, allan_deviation_1s=1e-11), [block(0.0, 400.0)])
    score.tick(command(3, background_hz=500.0), [block(0.1, 400.0)])
    summary = score.summary()
    assert {key for key, value in summary.items() if value is not None} == {
        "locked_s",
        "audits_failed",
        "relocks",
        "detectors_without_pulses",
        "detectors_off_pattern",
    }
    assert summary["locked_s"] == 0.0


def test_background_is_that_of_the_locked_time() -> None:
    score = ClockScore(SCENARIO)
    score.tick(command(0), [block(0.0, 9000.0)])
    score.tick(command(background_hz=400.0), [block(0.1, 300.0), block(0.2, 500.0)])
    score.tick(command(background_hz=600.0), [block(0.3, 400.0)])
    summary = score.summary()
    assert summary["background_hz"] == pytest.approx(500.0)
    once = 400.0 + 4.0 * DETECTORS.dark_rate_hz
    afterpulses = DETECTORS.afterpulse_probability * once
    assert summary["background_true_hz"] == pytest.approx(once + afterpulses)
    assert summary["locked_s"] == pytest.approx(0.3)


def test_afterpulses_of_the_signal_are_background() -> None:
    dark, bright = ClockScore(SCENARIO), ClockScore(SCENARIO)
    dark.tick(command(), [block(0.0, 0.0)])
    bright.tick(command(), [block(0.0, 0.0, 1e-4)])
    # 2e7 slots in 0.1 s, of which one in 10,000 clicks.
    added = bright.summary()["background_true_hz"] - dark.summary()["background_true_hz"]
    assert added == pytest.approx(DETECTORS.afterpulse_probability * 20_000.0)


def test_deviations_are_the_rms_while_they_are_known() -> None:
    score = ClockScore(SCENARIO)
    for value in (0.0, 3e-11, 4e-11):
        score.tick(command(allan_deviation_1s=value), [block(0.0, 0.0)])
    summary = score.summary()
    assert summary["allan_deviation_1s"] == pytest.approx(math.sqrt(12.5) * 1e-11)
    assert summary["allan_deviation_10s"] is None
    white, walk = DETECTORS.oscillator_white_fm, DETECTORS.oscillator_random_walk_fm
    assert summary["allan_deviation_10s_oscillator"] == pytest.approx(
        math.hypot(white / math.sqrt(10.0), walk * math.sqrt(10.0 / 3.0))
    )


def test_gate_is_the_mean_of_the_locked_time() -> None:
    score = ClockScore(SCENARIO)
    for status, gate_s in ((0, 0.0), (1, 3e-10), (1, 4e-10), (2, 0.0)):
        score.tick(command(status, gate_half_width_s=gate_s), [block(0.0, 0.0)])
    assert score.summary()["gate_half_width_ps"] == pytest.approx(350.0)


def test_delays_are_judged_about_their_mean() -> None:
    """What all share is a part of the phase; in the mean each counts as often as it clicks."""
    score = ClockScore(SCENARIO, (100e-12, -50e-12, 20e-12, 30e-12))
    p_x = SCENARIO.mission.source.basis_x_probability
    true = np.array(score.true_delays_ps())
    assert true @ [p_x, p_x, 1 - p_x, 1 - p_x] == pytest.approx(0.0, abs=1e-9)
    np.testing.assert_allclose(np.diff(true), [-150.0, 70.0, 10.0])
    found = TimingCommand(status=1, channel_delays_s=1e-12 * (true + np.array([7, 7, 7, 11])))
    score.tick(found, [block(0.0, 0.0)])
    # About their mean of 8 ps the errors are -1, -1, -1 and 3 ps.
    assert score.summary()["channel_delay_error_ps_rms"] == pytest.approx(math.sqrt(3.0))


def test_what_went_wrong_is_as_last_told() -> None:
    score = ClockScore(SCENARIO)
    score.tick(command(audits_failed=1, relocks=0), [])
    score.tick(command(0, audits_failed=1, relocks=2), [])
    assert (score.summary()["audits_failed"], score.summary()["relocks"]) == (1, 2)


def test_a_detector_once_found_wrong_is_named() -> None:
    score = ClockScore(SCENARIO)
    score.tick(command(detectors_without_pulses=0b1000), [])
    score.tick(command(detectors_off_pattern=0b0001), [])
    score.tick(command(detectors_off_pattern=0b0100), [])
    summary = score.summary()
    assert summary["detectors_without_pulses"] == ["A"]
    assert summary["detectors_off_pattern"] == ["H", "D"]
