"""Detectors' delays from clicks, against those that were put in."""

import math

import numpy as np
import pytest
from numpy.typing import NDArray

from terminal.timetags.channel_delays import ChannelDelays
from terminal.timetags.mixture import Mixture, information

T = 5e-9
SIGMA_S = 150e-12
SHARE = np.array([0.35, 0.35, 0.15, 0.15])
Array = NDArray[np.float64]


class Detectors:
    """Clicks by their times from the slot centres."""

    def __init__(self, delay_s: list[float], fraction: float, seed: int) -> None:
        self.delay_s = np.array(delay_s)
        self.fraction = fraction
        self.rng = np.random.default_rng(seed)

    def block(
        self, clicks: int, removed_s: Array, phase_error_s: float = 0.0
    ) -> tuple[Array, NDArray[np.uint8]]:
        channel = self.rng.choice(4, clicks, p=SHARE).astype(np.uint8)
        offset = SIGMA_S * self.rng.standard_normal(clicks) + phase_error_s
        offset += (self.delay_s - removed_s)[channel]
        noise = self.rng.random(clicks) >= self.fraction
        offset[noise] = self.rng.uniform(-T / 2, T / 2, np.count_nonzero(noise))
        return offset, channel


def found(
    detectors: Detectors, blocks: int, clicks: int, phase_error_s: float = 0.0
) -> ChannelDelays:
    delays, mixture = ChannelDelays(), Mixture(detectors.fraction, SIGMA_S)
    for k in range(blocks):
        sign = 1.0 if k % 2 else -1.0
        seen = detectors.block(clicks, delays.removed_s, sign * phase_error_s)
        delays = delays.after(*seen, mixture, T)
    return delays


def about_mean(delay_s: Array) -> Array:
    return np.asarray(delay_s - SHARE @ delay_s)


@pytest.mark.parametrize("fraction", [0.95, 0.7, 0.3])
@pytest.mark.parametrize("phase_error_s", [0.0, 40e-12])
def test_error_is_that_of_the_cramer_rao_bound(fraction: float, phase_error_s: float) -> None:
    """A delay about the mean of all has the variance (1/s - 1) / (n J), s the channel's share."""
    true = [120e-12, -80e-12, 200e-12, -150e-12]
    blocks, clicks, runs = 40, 500, 30
    bound_s2 = (1.0 / SHARE - 1.0) / (blocks * clicks * information(Mixture(fraction, SIGMA_S), T))
    square = np.zeros(4)
    for seed in range(runs):
        delays = found(Detectors(true, fraction, seed), blocks, clicks, phase_error_s)
        square += about_mean(delays.estimate_s - np.array(true)) ** 2
    # Mean over 4 channels and all runs of a chi square of one degree of freedom; a tenth for the
    # first blocks, of which a single step does not make the most.
    ratio = float(np.mean(square / runs / bound_s2))
    assert ratio < 1.1 + 4.0 * math.sqrt(2.0 / (3 * runs))


def test_what_does_not_show_is_not_removed() -> None:
    shown = sum(
        np.count_nonzero(found(Detectors([0.0] * 4, 0.8, seed), 10, 300).removed_s)
        for seed in range(100)
    )
    # 4 sigma: 6e-5 of 400.
    assert shown == 0


def test_large_delays_are_removed_within_some_hundred_clicks() -> None:
    delays = found(Detectors([150e-12, -150e-12, 150e-12, -150e-12], 0.9, 1), 3, 200)
    assert np.all(delays.removed_s != 0.0)


def test_a_delay_that_changes_is_followed() -> None:
    """Warming up by 30 ps; the memory is of 200,000 signal clicks."""
    detectors = Detectors([100e-12, -100e-12, 0.0, 0.0], 0.9, 2)
    delays, mixture = ChannelDelays(), Mixture(0.9, SIGMA_S)
    for k in range(600):
        if k == 200:
            detectors.delay_s[2] += 30e-12
        delays = delays.after(*detectors.block(2000, delays.removed_s), mixture, T)
    # 400 blocks of 2000: e^-3.6 of the step is left.
    expected = about_mean(detectors.delay_s - [0.0, 0.0, 30e-12 * math.exp(-3.6), 0.0])
    sigma_s = SIGMA_S / math.sqrt(2 * 200_000 * SHARE.min())
    np.testing.assert_allclose(about_mean(delays.estimate_s), expected, atol=5 * sigma_s)


def test_a_channel_without_clicks_has_no_delay() -> None:
    rng = np.random.default_rng(3)
    channel = rng.integers(0, 3, 5000).astype(np.uint8)
    offset = SIGMA_S * rng.standard_normal(5000) + np.array([2e-10, 0.0, 0.0, 0.0])[channel]
    delays = ChannelDelays().after(offset, channel, Mixture(0.95, SIGMA_S), T)
    assert delays.removed_s[0] > 0.0
    assert delays.removed_s[3] == 0.0
    assert np.all(np.isfinite(delays.estimate_s))


def test_background_alone_moves_nothing() -> None:
    offset = np.full(10, 0.5 * T)
    delays = ChannelDelays().after(offset, np.zeros(10, np.uint8), Mixture(0.5, SIGMA_S), T)
    assert not np.any(delays.removed_s)
    assert np.all(np.isfinite(delays.estimate_s))
