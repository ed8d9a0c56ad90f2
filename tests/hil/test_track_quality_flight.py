"""What sifting took from a flight whose beacon goes out for a while, against the world's truth."""

from pathlib import Path

import numpy as np
import pytest
from flights import Flown, flown

from config.loader import load_scenario
from sim_devices.sender import Sender

MISSION = load_scenario("leo_haps_downlink").mission
SOURCE = MISSION.source
BASES, INTENSITIES = ("x", "z"), ("signal", "decoy", "vacuum")


@pytest.fixture(scope="module")
def flight(tmp_path_factory: pytest.TempPathFactory) -> Flown:
    folder: Path = tmp_path_factory.mktemp("quality")
    return flown(folder, "leo_haps_downlink", 30.0, ("beacon_off", 12.0, 2.0))


def _gains(flight: Flown, name: str) -> np.ndarray:
    told = flight.summary["gains"]
    return np.array([[told[b][i][name] for i in INTENSITIES] for b in BASES], np.float64)


def test_no_photon_of_a_shut_shutter_is_announced(flight: Flown) -> None:
    """By the true shutter, 50 times a second, and the true light time."""
    truth = flight.columns("truth")
    slot = np.concatenate([s.slot for _, s, _ in flight.recording.ticks("link")])
    assert len(slot) > 10_000
    light_s = np.interp(slot / SOURCE.pulse_rate_hz, truth["t_s"], truth["light_time_s"])
    arrival_s = slot / SOURCE.pulse_rate_hz + light_s
    shut_s = truth["t_s"][truth["shutter_open"] == 0]
    # A record shows the shutter as it was in the middle of its 20 ms at the latest.
    after = np.searchsorted(shut_s, arrival_s)
    nearest = np.minimum(
        np.abs(arrival_s - shut_s[np.minimum(after, len(shut_s) - 1)]),
        np.abs(arrival_s - shut_s[np.maximum(after - 1, 0)]),
    )
    assert shut_s[-1] > 12.0
    assert nearest.min() > 0.02


def test_slots_are_all_of_the_window_by_quality(flight: Flown) -> None:
    """The clock's and the shutter's time are off; what counts is the judge's gated time."""
    told = flight.summary["counts_by_quality"]
    slots = sum(told[q]["key_slots"] for q in ("off", "poor", "good"))
    share = 1.0 - SOURCE.public_share
    link_s = flight.summary["simulated_s"] * flight.summary["link_fraction"]
    # The last announcements are still under way.
    assert slots == pytest.approx(30.0 * SOURCE.pulse_rate_hz * share, rel=0.02)
    used_s = (told["poor"]["key_slots"] + told["good"]["key_slots"]) / share / SOURCE.pulse_rate_hz
    assert link_s - 2.0 < used_s < link_s


def test_counts_of_the_qualities_are_those_of_the_link(flight: Flown) -> None:
    counts, told = flight.summary["counts"], flight.summary["counts_by_quality"]
    used = [told["poor"], told["good"]]
    assert counts["detected"] == sum(q["detected"] for q in used)
    assert counts["sifted"] == sum(q["sifted"] for q in used)
    assert counts["disclosed"] == sum(q["disclosed"] for q in used)
    assert told["off"]["sifted"] == 0 < told["off"]["detected"]


def test_gains_are_in_the_ratio_of_what_was_sent(flight: Flown) -> None:
    """Weak pulses: signal to decoy as their photon numbers, X to Z as the beam splitter shares,
    once the vacuum's clicks are taken off."""
    gain, sigma = _gains(flight, "gain"), _gains(flight, "gain_sigma")
    mu = np.array(SOURCE.intensities)
    light = gain - np.nan_to_num(gain[:, 2:])
    relative = sigma / gain
    for b in range(2):
        error = np.hypot(relative[b, 0], relative[b, 1] * 1.1)
        assert light[b, 0] / light[b, 1] == pytest.approx(mu[0] / mu[1], rel=4.0 * error)
    p_x = SOURCE.basis_x_probability
    error = np.hypot(relative[0, 0], relative[1, 0])
    assert light[0, 0] / light[1, 0] == pytest.approx(p_x / (1.0 - p_x), rel=4.0 * error + 0.005)


def test_error_rates_are_those_of_the_senders_own_record(flight: Flown) -> None:
    """The sender's generator, which the terminal never sees, against what was handed over."""
    sender = Sender(SOURCE, flight.summary["seed"])
    ticks = [c for _, _, c in flight.recording.ticks("link")]
    slot = np.concatenate([c.sifted_slot for c in ticks])
    state = np.concatenate([c.sifted_state for c in ticks])
    bit = np.concatenate([c.sifted_sent_bit for c in ticks])
    sent = sender.slots(slot)
    assert np.all(sent.state // 2 == state // 2)
    np.testing.assert_array_equal(
        np.concatenate([c.sifted_intensity for c in ticks]), sent.intensity
    )
    told = bit != 255
    np.testing.assert_array_equal(bit[told], sent.state[told] % 2)
    wrong = sent.state[told] != state[told]
    rate = _gains(flight, "error_rate")
    for b in range(2):
        of = state[told] // 2 == b
        signal = of & (sent.intensity[told] == 0)
        # The last estimate is up to half a second old.
        assert rate[b, 0] == pytest.approx(wrong[signal].mean(), abs=2e-3)
    # The kept bits are the key; the share of wrong ones is what the sample said it would be.
    key = ~told
    qber = np.mean(sent.state[key] != state[key])
    sample = flight.summary["counts"]["disclosed_key"]
    assert flight.summary["qber"] == pytest.approx(qber, abs=4.0 * np.sqrt(qber / sample))
