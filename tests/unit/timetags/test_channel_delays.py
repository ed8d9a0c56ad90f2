"""Detectors' delays from clicks, against those that were put in."""

import math
from typing import NamedTuple

import numpy as np
import pytest
from numpy.typing import NDArray

from terminal.timetags.channel_delays import ChannelDelays
from terminal.timetags.mixture import Mixture, information, wrap

T = 5e-9
SIGMA_S = 150e-12
SHARE = np.array([0.35, 0.35, 0.15, 0.15])
Array = NDArray[np.float64]


class Detectors:
    """Clicks by their times from the slot centres, folded into the slot."""

    def __init__(self, delay_s: list[float], fraction: float | list[float], seed: int) -> None:
        """fraction: signal share, of all channels or of each."""
        self.delay_s = np.array(delay_s)
        self.fraction = np.broadcast_to(fraction, 4)
        self.rng = np.random.default_rng(seed)

    @property
    def mixture(self) -> Mixture:
        """Of all clicks."""
        return Mixture(float(SHARE @ self.fraction), SIGMA_S)

    def block(
        self, clicks: int, removed_s: Array, phase_error_s: float = 0.0
    ) -> tuple[Array, NDArray[np.uint8]]:
        channel = self.rng.choice(4, clicks, p=SHARE).astype(np.uint8)
        offset = SIGMA_S * self.rng.standard_normal(clicks) + phase_error_s
        offset += (self.delay_s - removed_s)[channel]
        noise = self.rng.random(clicks) >= self.fraction[channel]
        offset[noise] = self.rng.uniform(-T / 2, T / 2, np.count_nonzero(noise))
        return wrap(offset, T), channel


class Found(NamedTuple):
    delays: ChannelDelays
    moved_s: float
    """By which the phase is to follow, of all blocks."""


def found(
    detectors: Detectors, blocks: int, clicks: int, phase_error_s: float = 0.0
) -> ChannelDelays:
    return followed(detectors, blocks, clicks, phase_error_s).delays


def followed(detectors: Detectors, blocks: int, clicks: int, phase_error_s: float = 0.0) -> Found:
    """As in flight, with a clock that is right, errs to either side, and follows when told."""
    delays, phase_s = ChannelDelays(), 0.0
    for k in range(blocks):
        sign = 1.0 if k % 2 else -1.0
        offset, channel = detectors.block(clicks, delays.removed_s + phase_s, sign * phase_error_s)
        delays, moved_s = delays.after(offset, channel, detectors.mixture, T)
        phase_s += moved_s
    return Found(delays, phase_s)


def about_mean(delay_s: Array, weight: Array = SHARE) -> Array:
    return np.asarray(delay_s - weight @ delay_s / np.sum(weight))


@pytest.mark.parametrize(
    ("fraction", "phase_error_s"),
    [
        (0.95, 0.0),
        (0.7, 40e-12),
        (0.3, 0.0),
        ([0.9, 0.9, 0.2, 0.2], 40e-12),
        ([0.3, 0.9, 0.9, 0.5], 0.0),
    ],
)
def test_error_is_that_of_the_cramer_rao_bound(
    fraction: float | list[float], phase_error_s: float
) -> None:
    """With I of a channel's clicks, a delay about the mean by information has the variance
    1/I - 1/(sum of I): the mean is the phase's."""
    true_s = np.array([120e-12, -80e-12, 200e-12, -150e-12])
    blocks, clicks, runs = 25, 1600, 80
    per_click = [information(Mixture(p, SIGMA_S), T) for p in np.broadcast_to(fraction, 4)]
    total = blocks * clicks * SHARE * per_click
    bound_s2 = 1.0 / total - 1.0 / np.sum(total)
    errors_s = np.array(
        [
            about_mean(
                found(
                    Detectors(list(true_s), fraction, seed), blocks, clicks, phase_error_s
                ).removed_s
                - true_s,
                total,
            )
            for seed in range(runs)
        ]
    )
    # Mean of 3 chi squares a run. Until a channel's pulses show, its clicks count by their first
    # harmonic alone, which costs a third where background abounds.
    ratio = float(np.mean(np.mean(errors_s**2, axis=0) / bound_s2))
    print(f"error squared over its bound: {ratio:.2f}")
    most = 1.05 if min(np.broadcast_to(fraction, 4)) > 0.6 else 4.0 / 3.0
    assert ratio < most * (1.0 + 4.0 * math.sqrt(2.0 / (3 * runs)))
    assert np.all(np.abs(errors_s.mean(axis=0)) < 0.5 * np.sqrt(bound_s2))


def test_what_does_not_show_is_not_removed() -> None:
    shown = sum(
        np.count_nonzero(found(Detectors([0.0] * 4, 0.8, seed), 10, 300).removed_s)
        for seed in range(100)
    )
    # 4 sigma: 6e-5 of 400.
    assert shown == 0


def test_large_delays_are_removed_within_some_hundred_clicks() -> None:
    true_s = [150e-12, -150e-12, 150e-12, -150e-12]
    delays = found(Detectors(true_s, 0.9, 1), 3, 200)
    # 90 clicks of the rarer channels, of which one in nine is background.
    error_s = about_mean(delays.removed_s - np.array(true_s))
    assert np.max(np.abs(error_s)) < 4.0 * SIGMA_S / math.sqrt(0.8 * 90)


@pytest.mark.parametrize("delay_s", [0.3e-9, 0.7e-9, 1e-9, -1.6e-9, 2.2e-9])
@pytest.mark.parametrize("late", [0, 3])
def test_a_detector_many_jitters_late_is_found(delay_s: float, late: int) -> None:
    """Also where the likelihood has no slope at the old centre."""
    true_s = np.zeros(4)
    true_s[late] = delay_s
    delays = found(Detectors(list(true_s), 0.8, 4), 40, 500)
    # J = 0.7 of pure signal; of the clicks that take part, those of the rarest channel.
    sigma_s = SIGMA_S / math.sqrt(0.7 * SHARE.min() * 20_000)
    error_s = about_mean(delays.removed_s - true_s)
    np.testing.assert_allclose(error_s, 0.0, atol=5.0 * sigma_s)


def test_the_phase_is_told_how_far_the_mean_moves() -> None:
    """A quarter of the clicks comes 1 ns late: taken off, all lie at the moved phase."""
    detectors = Detectors([1e-9, 0.0, 0.0, 0.0], 0.9, 9)
    delays, moved_s = followed(detectors, 40, 500)
    np.testing.assert_allclose(
        delays.removed_s + moved_s, detectors.delay_s, atol=5.0 * SIGMA_S / math.sqrt(0.15 * 2000)
    )


def test_a_change_of_cables_in_flight_is_found() -> None:
    detectors, delays, phase_s = Detectors([0.0] * 4, 0.8, 5), ChannelDelays(), 0.0
    for k in range(120):
        if k == 60:
            detectors.delay_s[1] = 1.2e-9
        offset, channel = detectors.block(500, delays.removed_s + phase_s)
        delays, moved_s = delays.after(offset, channel, detectors.mixture, T)
        phase_s += moved_s
    np.testing.assert_allclose(np.diff(delays.removed_s), [1.2e-9, -1.2e-9, 0.0], atol=30e-12)


def test_a_detector_without_pulses_is_told() -> None:
    detectors = Detectors([0.0] * 4, [0.8, 0.8, 0.0, 0.8], 6)
    delays = found(detectors, 40, 500)
    assert delays.without_pulses(detectors.mixture).tolist() == [False, False, True, False]
    assert delays.removed_s[2] == 0.0
    well = Detectors([1e-9, 0.0, 0.0, 0.0], [0.8, 0.8, 0.3, 0.8], 7)
    assert not found(well, 40, 500).without_pulses(well.mixture).any()


def test_signal_share_is_each_channels_own() -> None:
    share = np.array([0.9, 0.7, 0.3, 0.5])
    detectors = Detectors([0.0, 1e-9, 0.0, -2e-9], share.tolist(), 8)
    delays, clicks = found(detectors, 40, 500), 4000 * np.minimum(1.0, SHARE * 20_000 / 4000)
    # Mean of cosines: variance (1 + p2)/2 - p^2 < 1/2 a click, a fading memory doubles it.
    error = np.abs(delays.shares(detectors.mixture, T) - share)
    assert np.all(error < 4.0 / np.sqrt(clicks) + 50.0 / clicks)


def test_a_delay_that_changes_is_followed() -> None:
    """Warming up by 30 ps; the memory is of 200,000 signal clicks."""
    detectors = Detectors([100e-12, -100e-12, 0.0, 0.0], 0.9, 2)
    delays, mixture = ChannelDelays(), Mixture(0.9, SIGMA_S)
    for k in range(600):
        if k == 200:
            detectors.delay_s[2] += 30e-12
        delays, _ = delays.after(*detectors.block(2000, delays.removed_s), mixture, T)
    # 400 blocks of 2000: e^-3.6 of the step is left.
    expected = about_mean(detectors.delay_s - [0.0, 0.0, 30e-12 * math.exp(-3.6), 0.0])
    sigma_s = SIGMA_S / math.sqrt(2 * 200_000 * SHARE.min())
    np.testing.assert_allclose(about_mean(delays.estimate_s), expected, atol=5 * sigma_s)


def test_a_channel_without_clicks_has_no_delay() -> None:
    rng = np.random.default_rng(3)
    channel = rng.integers(0, 3, 5000).astype(np.uint8)
    offset = SIGMA_S * rng.standard_normal(5000) + np.array([2e-10, 0.0, 0.0, 0.0])[channel]
    delays, _ = ChannelDelays().after(offset, channel, Mixture(0.95, SIGMA_S), T)
    assert delays.removed_s[0] > 0.0
    assert delays.removed_s[3] == 0.0
    assert np.all(np.isfinite(delays.estimate_s))


def test_background_alone_moves_nothing() -> None:
    offset = np.full(10, 0.5 * T)
    delays, _ = ChannelDelays().after(offset, np.zeros(10, np.uint8), Mixture(0.5, SIGMA_S), T)
    assert not np.any(delays.removed_s)
    assert np.all(np.isfinite(delays.estimate_s))
