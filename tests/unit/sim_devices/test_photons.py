"""Photons: the Bernoulli process, detection rates, channels and background, by their statistics."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chisquare, kstest

from config.mission import Source
from sim_devices.detectors import NO_SLOT
from sim_devices.photons import PhotonStream, _bernoulli_positions
from sim_devices.sender import Sender

SOURCE = Source(
    wavelength_m=810e-9,
    pulse_rate_hz=200e6,
    intensities=(0.7, 0.15, 0.0),
    intensity_probabilities=(0.7, 0.2, 0.1),
    basis_x_probability=0.7,
    public_share=0.1,
    pattern_length=2**20,
    pattern_seed=20161219,
)
P_LEAST = 1e-4
MATRIX = np.array(
    [
        [0.65, 0.05, 0.20, 0.10],
        [0.05, 0.65, 0.10, 0.20],
        [0.35, 0.35, 0.29, 0.01],
        [0.30, 0.40, 0.02, 0.28],
    ]
)


def stream(seed: int = 1) -> PhotonStream:
    return PhotonStream(
        Sender(SOURCE, 1),
        SOURCE.intensities,
        np.random.default_rng(seed),
    )


@pytest.mark.parametrize("p", [1e-4, 0.01, 0.3, 0.9])
def test_positions_are_independent_trials(p: float) -> None:
    n = round(40_000 / p)
    positions = _bernoulli_positions(n, p, np.random.default_rng(3))
    assert np.all(np.diff(positions) > 0)
    assert positions[0] >= 0
    assert positions[-1] < n
    assert len(positions) == pytest.approx(n * p, abs=4 * math.sqrt(n * p * (1 - p)))
    # Gaps are geometric; the last cell takes the tail.
    gap = np.diff(positions)
    edge = max(2, round(1 / p))
    seen = [np.sum(gap <= edge // 2), np.sum((gap > edge // 2) & (gap <= edge)), np.sum(gap > edge)]
    below = [1 - (1 - p) ** k for k in (edge // 2, edge)]
    due = np.array([below[0], below[1] - below[0], 1 - below[1]]) * len(gap)
    assert chisquare(seen, due).pvalue > P_LEAST


def test_every_position_has_the_same_chance() -> None:
    rng = np.random.default_rng(5)
    n, p, runs = 8, 0.3, 20_000
    hits = np.bincount(
        np.concatenate([_bernoulli_positions(n, p, rng) for _ in range(runs)]), minlength=n
    )
    z = (hits - runs * p) / math.sqrt(runs * p * (1 - p))
    assert np.abs(z).max() < 4.5


@settings(deadline=None)
@given(st.integers(0, 10**10), st.floats(0.0, 1.0) | st.sampled_from([1e-300, 1e-30, 1e-18, 1.0]))
def test_positions_stay_in_their_range(n: int, p: float) -> None:
    n = min(n, int(1e5 / max(p, 1e-5)))
    positions = _bernoulli_positions(n, p, np.random.default_rng(1))
    assert np.all(np.diff(positions) > 0)
    assert np.all((positions >= 0) & (positions < n))
    if p == 1.0:
        assert len(positions) == n


@pytest.mark.parametrize("transmittance", [1e-4, 0.003, 0.1])
def test_detection_probability_is_that_of_a_poisson_pulse(transmittance: float) -> None:
    n = min(30_000_000, round(60_000 / transmittance))
    slot, _ = stream().signal(0, np.full(10, transmittance), n / 10, MATRIX)
    all_slots = Sender(SOURCE, 1).slots(np.arange(min(n, 4_000_000)))
    sent = Sender(SOURCE, 1).slots(slot)
    assert not np.any(sent.intensity == 2)
    for intensity in (0, 1):
        share = float(np.mean(all_slots.intensity == intensity))
        p = share * -math.expm1(-transmittance * SOURCE.intensities[intensity])
        got = int(np.sum(sent.intensity == intensity))
        # The share is counted over 4 million slots: 0.1 % for the decoys.
        assert got == pytest.approx(n * p, abs=4.5 * math.sqrt(n * p) + 0.001 * n * p)
    assert np.all(np.diff(slot) > 0)


def test_photons_follow_the_transmittance_step_by_step() -> None:
    levels = np.array([0.0, 0.01, 0.03, 0.0, 0.02])
    per_step, first = 400_000, 7_000_000
    slot, _ = stream().signal(first, levels, per_step, MATRIX)
    counts = np.bincount((slot - first) // per_step, minlength=5)
    sent = Sender(SOURCE, 1).slots(np.arange(first, first + 5 * per_step))
    mu = np.array(SOURCE.intensities)[sent.intensity].reshape(5, per_step)
    due = -np.expm1(-levels[:, None] * mu).sum(axis=1)
    assert counts == pytest.approx(due, abs=4.5 * math.sqrt(due.max()))
    assert counts[0] == counts[3] == 0


def test_channels_follow_the_matrix() -> None:
    slot, channel = stream().signal(0, np.array([0.1]), 4_000_000, MATRIX)
    state = Sender(SOURCE, 1).slots(slot).state
    for sent in range(4):
        seen = np.bincount(channel[state == sent], minlength=4)
        assert chisquare(seen, MATRIX[sent] * seen.sum()).pvalue > P_LEAST


def test_darkness_and_empty_blocks_give_nothing() -> None:
    assert len(stream().signal(0, np.zeros(5), 1000.0, MATRIX)[0]) == 0
    assert len(stream().signal(0, np.full(5, 0.1), 0.0, MATRIX)[0]) == 0
    assert len(stream().background(1.0, 2.0, np.zeros(4), 0.0).time_s) == 0


@pytest.mark.parametrize("kept", [0.9, 0.2])
def test_what_a_row_lacks_to_one_makes_no_click(kept: float) -> None:
    """Detectors of unequal efficiency: fewer clicks, in the proportions of the row."""
    efficiency = np.array([kept, 1.0, kept, 0.5])
    n, source = 4_000_000, stream(3)
    slot, channel = source.signal(0, np.array([0.1]), n, MATRIX * efficiency)
    state = Sender(SOURCE, 1).slots(slot).state
    all_of, _ = stream(4).signal(0, np.array([0.1]), n, MATRIX)
    for sent in range(4):
        due = float(np.mean(Sender(SOURCE, 1).slots(all_of).state == sent)) * len(all_of)
        due *= float(MATRIX[sent] @ efficiency)
        got = int(np.sum(state == sent))
        # The other stream's number has an error of its own.
        assert got == pytest.approx(due, abs=4.5 * math.sqrt(2 * due))
        shares = MATRIX[sent] * efficiency
        seen = np.bincount(channel[state == sent], minlength=4)
        assert chisquare(seen, shares / shares.sum() * seen.sum()).pvalue > P_LEAST


def test_background_is_poisson_and_split_as_told() -> None:
    start, end, dark_hz = 10.0, 12.0, 500.0
    sky_hz = 20_000.0 * np.array([0.35, 0.35, 0.15, 0.15])
    noise = stream().background(start, end, sky_hz, dark_hz)
    due = (sky_hz + dark_hz) * (end - start)
    counts = np.bincount(noise.channel, minlength=4)
    assert np.abs((counts - due) / np.sqrt(due)).max() < 4
    assert kstest((noise.time_s - start) / (end - start), "uniform").pvalue > P_LEAST
    assert np.all(noise.slot == NO_SLOT)
    # Poisson, not a fixed number: the variance over blocks is the mean.
    source = stream(9)
    blocks = np.array(
        [len(source.background(0.0, 1.0, np.full(4, 25.0), 0.0).time_s) for _ in range(4000)]
    )
    assert np.var(blocks) / np.mean(blocks) == pytest.approx(1.0, abs=5 * math.sqrt(2 / 4000))
