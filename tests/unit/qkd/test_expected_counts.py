"""The channel model behind expected counts."""

import math

import numpy as np
import pytest

from terminal.qkd.expected import (
    Link,
    Receiver,
    counts_over,
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


@pytest.mark.parametrize("shared_errors", [True, False])
def test_counts_written_out_slot_by_slot(shared_errors):
    """The published model in plain Python: D, e, and a slot's errors shared or not."""
    receivers = {"x": Receiver(2e-6, 0.01, 0.02), "z": Receiver(7e-6, 0.003, 0.04)}
    eta, sent, p_x = [0.0, 2e-5, 3e-4, 0.9], 1e8, 0.8
    mu = (0.5, 0.1, 0.02)
    counts = {"x": [0.0] * 3, "z": [0.0] * 3}
    errors = {"x": [0.0] * 3, "z": [0.0] * 3}
    for basis, both in (("x", p_x**2), ("z", (1 - p_x) ** 2)):
        dark, after, flip = receivers[basis]
        for t in eta:
            click = [(1 + after) * (1 - (1 - 2 * dark) * math.exp(-m * t)) for m in mu]
            wrong = [
                dark + after * d / 2 + flip * (1 - math.exp(-m * t))
                for d, m in zip(click, mu, strict=True)
            ]
            rate = sum(p * e for p, e in zip(P, wrong, strict=True))
            rate /= sum(p * d for p, d in zip(P, click, strict=True))
            for k in range(3):
                n = both * sent * P[k] * click[k]
                counts[basis][k] += n
                errors[basis][k] += n * rate if shared_errors else both * sent * P[k] * wrong[k]
    found = expected_counts(
        eta, sent, mu, P, p_x, receivers["x"], receivers["z"], shared_errors=shared_errors
    )
    assert found.x == pytest.approx(counts["x"], rel=1e-10)
    assert found.z == pytest.approx(counts["z"], rel=1e-10)
    assert found.x_errors == pytest.approx(sum(errors["x"]), rel=1e-10)
    assert found.z_errors == pytest.approx(errors["z"], rel=1e-10)


@pytest.mark.parametrize("slots", [1, 30, 20_000])
def test_many_sets_at_once_are_each_alone(slots):
    """Few or many to a block of the cache."""
    rng = np.random.default_rng(3)
    link = Link(rng.random(slots) * 1e-3, 1e8 * rng.random(slots), Receiver(1e-6, 0.01, 0.02))
    mu = np.sort(rng.random((4, 5, 3)))[..., ::-1]
    p = rng.dirichlet(np.ones(3), (4, 5))
    p_x = rng.random((4, 5))
    many = counts_over(link, mu, p, p_x)
    for i in np.ndindex(4, 5):
        one = counts_over(link, mu[i], p[i], p_x[i])
        for name in many._fields:
            np.testing.assert_allclose(getattr(many, name)[i], getattr(one, name), rtol=1e-12)
