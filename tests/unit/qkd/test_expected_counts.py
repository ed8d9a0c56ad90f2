"""The channel model behind expected counts."""

import numpy as np
import pytest

from terminal.qkd.expected import (
    Receiver,
    detection_probability,
    error_probability,
    expected_counts,
)

MU = (0.5, 0.1, 0.0)
P = (0.7, 0.2, 0.1)
QUIET = Receiver(0.0, 0.0, 0.0)


def test_detection_rate_printed_by_lim_2014():
    """10 % receiver, 100 km of 0.2 dB/km, p_dc 6e-7, mu 0.5: 5.011e-4."""
    transmittance = 0.1 * 10 ** (-0.2 * 100 / 10)
    rate = detection_probability(transmittance, 0.5, Receiver(6e-7, 0.0, 0.0))
    assert f"{float(rate):.3e}" == "5.011e-04"


def test_extraneous_probability_of_sidhu_2022():
    """500 counts/s in a 1 ns gate: 5e-7; without light, either of two detectors may click."""
    receiver = Receiver(500 * 1e-9, 0.0, 0.005)
    assert float(detection_probability(0.0, 0.5, receiver)) == pytest.approx(1e-6, rel=1e-9)
    assert float(error_probability(0.0, 0.5, receiver)) == pytest.approx(5e-7, rel=1e-12)


def test_all_light_is_detected_without_loss_and_noise():
    assert float(detection_probability(1.0, 50.0, QUIET)) == pytest.approx(1.0)
    assert float(error_probability(1.0, 50.0, QUIET)) == 0.0


def test_half_of_what_is_not_signal_is_wrong():
    receiver = Receiver(1e-5, 1e-3, 0.01)
    clicks = float(detection_probability(1e-3, 0.5, receiver))
    signal = 1 - np.exp(-0.5e-3)
    first = 1 - (1 - 2e-5) * np.exp(-0.5e-3)
    # To the order of noise times signal, which the model leaves out of the errors.
    expected = 0.01 * signal + 0.5 * (first - signal) + 0.5 * 1e-3 * clicks
    assert float(error_probability(1e-3, 0.5, receiver)) == pytest.approx(expected, rel=1e-3)


def test_counts_add_up_over_slots():
    receiver = Receiver(1e-6, 1e-3, 0.01)
    eta = np.array([1e-4, 3e-4, 1e-3])
    parts = [expected_counts(e, 1e8, MU, P, 0.9, receiver) for e in eta]
    whole = expected_counts(eta, 1e8, MU, P, 0.9, receiver)
    for name in whole._fields:
        total = np.sum([getattr(part, name) for part in parts], axis=0)
        np.testing.assert_allclose(getattr(whole, name), total, rtol=1e-12)


def test_counts_are_pulses_times_gain_times_both_bases():
    counts = expected_counts([1e-3], 1e8, MU, P, 0.9, QUIET)
    for k in range(3):
        gain = 1 - np.exp(-1e-3 * MU[k])
        assert counts.x[k] == pytest.approx(0.81 * 1e8 * P[k] * gain, rel=1e-9)
        assert counts.z[k] == pytest.approx(0.01 * 1e8 * P[k] * gain, rel=1e-9)
    assert counts.x_errors == 0
    assert counts.z_errors == (0, 0, 0)


def test_dark_silent_channel_gives_zero_counts():
    counts = expected_counts(np.zeros(4), 1e8, MU, P, 0.9, QUIET)
    assert counts == ((0, 0, 0), (0, 0, 0), 0, (0, 0, 0))


@pytest.mark.parametrize("value", [-0.1, 1.1, np.nan])
def test_impossible_transmittance_is_refused(value):
    with pytest.raises(ValueError, match="transmittance"):
        expected_counts([0.1, value], 1e8, MU, P, 0.9, QUIET)
