"""Recovery from a whole stream, against streams whose truth is known."""

import math
from collections.abc import Iterator

import numpy as np
import pytest
from clock_stream import Stream, StreamTruth, make_stream
from numpy.typing import NDArray

from terminal.timetags.file_recovery import Blocks, recover
from terminal.timetags.formats import TagBlock
from terminal.timetags.pattern import PublicPattern
from terminal.timetags.recovered import Recovery

SLOTS = 1 << 17
STATE = np.random.default_rng(0).integers(0, 4, SLOTS).astype(np.uint8)
PATTERN = PublicPattern(STATE)
LEO = {"speed_m_s": 7500.0}


def blocks_of(stream: Stream, size: int = 50_000) -> Blocks:
    def blocks() -> Iterator[TagBlock]:
        for k in range(0, stream.time_ps.size, size):
            end = min(k + size, stream.time_ps.size)
            yield TagBlock(stream.time_ps[k:end], stream.channel[k:end], np.arange(k, end))

    return blocks


def recovered(stream: Stream, truth: StreamTruth, size: int = 50_000) -> Recovery:
    return recover(blocks_of(stream, size), PATTERN, truth.slot_period_s)


def slots_of(recovery: Recovery, stream: Stream) -> NDArray[np.int64]:
    return recovery.assign(stream.time_ps, stream.channel).slot


def wrong_slots(slot: NDArray[np.int64], stream: Stream) -> int:
    """Of signal clicks; one in the wings of the jitter may lie nearer to the next slot."""
    given = stream.is_signal & (slot >= 0)
    return int(np.count_nonzero(slot[given] != stream.slot[given]))


def track_error_s(recovery: Recovery, stream: Stream, truth: StreamTruth) -> NDArray[np.float64]:
    """Recovered minus true slot centre at each signal click that has a slot."""
    clicks = recovery.assign(stream.time_ps, stream.channel)
    good = stream.is_signal & (clicks.slot >= 0)
    centre = (stream.time_ps - truth.start_ps) * 1e-12 - clicks.residual_s
    return np.asarray((centre - stream.centre_s)[good])


@pytest.mark.parametrize(
    "changes",
    [
        {"ppm": 20.0, "drift_per_s": 4e-7},
        {"ppm": -28.0, "signal_fraction": 0.5},
        {**LEO, "culmination_s": 30.0, "slot_period_s": 5e-9},
        {**LEO, "culmination_s": 1.0, "rate_hz": 500.0},
        {**LEO, "culmination_s": 1.0, "rate_hz": 200_000.0, "duration_s": 1.0},
    ],
)
def test_every_click_gets_its_slot(changes: dict[str, float]) -> None:
    truth = StreamTruth(pattern=STATE)._replace(**changes)
    stream = make_stream(truth)
    recovery = recovered(stream, truth)
    slot = slots_of(recovery, stream)
    assert len(recovery.stretches) == 1
    assert np.all(slot >= 0)
    assert wrong_slots(slot, stream) == 0
    assert recovery.at_first_click()[2] == stream.slot[0]


@pytest.mark.parametrize(
    ("rate_hz", "duration_s"), [(100.0, 40.0), (1000.0, 20.0), (10_000.0, 8.0)]
)
def test_track_is_within_the_filter_bound(rate_hz: float, duration_s: float) -> None:
    """Three-state bound 2 R^(5/6) q^(1/6) of a filter that only looks back (q: drift random walk
    that stands for a jerk of 2.6e-9 /s^2 over 0.2 s); all clicks together must beat it."""
    truth = StreamTruth(
        STATE, rate_hz, duration_s, **LEO, culmination_s=0.5 * duration_s, slot_period_s=10e-9
    )
    stream = make_stream(truth)
    recovery = recovered(stream, truth)
    per_click = truth.jitter_s**2 / 0.72  # F of 20 % background
    bound = math.sqrt(2.0 * (per_click / rate_hz) ** (5 / 6) * (2.6e-9**2 * 0.2) ** (1 / 6))
    error = track_error_s(recovery, stream, truth)
    assert np.sqrt(np.mean(error**2)) < 1.15 * bound
    # And the path knows how sure it is. Less than stated, since this clock wanders by nothing.
    t = recovery.stretches[0].path.seconds(stream.time_ps[stream.is_signal])
    stated = recovery.stretches[0].path.phase_sigma_s(t)
    assert np.sqrt(np.mean(error**2)) < 1.15 * np.sqrt(np.mean(stated**2))


def test_frequency_at_the_first_click_is_at_the_cramer_rao_bound() -> None:
    """With drift free var(y) at an end is 192 / (n J T^2)."""
    errors, bounds = [], []
    for seed in range(24):
        truth = StreamTruth(
            STATE, rate_hz=1500.0, duration_s=0.8, ppm=11.0, drift_per_s=3e-7, seed=seed
        )
        stream = make_stream(truth)
        recovery = recovered(stream, truth)
        information = stream.time_ps.size * 0.72 / truth.jitter_s**2
        bounds.append(math.sqrt(192.0 / information) / truth.duration_s)
        errors.append(recovery.at_first_click()[0] - stream.frequency_offset)
    ratio = np.sqrt(np.mean(np.square(np.array(errors) / np.array(bounds))))
    # 24 seeds tell the rms to 14 %.
    assert ratio < 1.3 * (1.0 + 2.0 * 0.14)


def test_blocks_make_no_difference() -> None:
    truth = StreamTruth(STATE, **LEO, culmination_s=1.0)
    stream = make_stream(truth)
    whole = slots_of(recovered(stream, truth, 1_000_000), stream)
    pieces = slots_of(recovered(stream, truth, 777), stream)
    np.testing.assert_array_equal(whole, pieces)


def test_short_outage_is_ridden_through() -> None:
    truth = StreamTruth(STATE, 5000.0, 6.0, **LEO, culmination_s=3.0, dark_s=(2.0, 2.7))
    stream = make_stream(truth)
    recovery = recovered(stream, truth)
    slot = slots_of(recovery, stream)
    assert len(recovery.stretches) == 1
    assert wrong_slots(slot, stream) == 0
    assert np.all(slot >= 0)


@pytest.mark.parametrize("gap", [{"dark_s": (3.0, 9.0)}, {"silent_s": (3.0, 9.0)}])
def test_after_a_long_outage_the_pattern_tells_the_slot_again(
    gap: dict[str, tuple[float, float]],
) -> None:
    truth = StreamTruth(STATE, 5000.0, 12.0, **LEO, culmination_s=6.0)._replace(**gap)
    stream = make_stream(truth)
    recovery = recovered(stream, truth)
    slot = slots_of(recovery, stream)
    t = (stream.time_ps - truth.start_ps) * 1e-12
    assert len(recovery.stretches) == 2
    assert wrong_slots(slot, stream) == 0
    outside = stream.is_signal & ((t < 2.9) | (t > 9.1))
    assert np.mean(slot[outside] >= 0) == 1.0
    # In the middle of it nobody can know.
    assert np.all(slot[(t > 5.5) & (t < 6.5)] == -1)


def test_clicks_before_the_signal_have_no_slot_and_the_signal_is_found() -> None:
    truth = StreamTruth(STATE, 5000.0, 8.0, **LEO, culmination_s=4.0, silent_s=(0.0, 5.0))
    stream = make_stream(truth)
    recovery = recovered(stream, truth)
    slot = slots_of(recovery, stream)
    t = (stream.time_ps - truth.start_ps) * 1e-12
    assert wrong_slots(slot, stream) == 0
    assert np.all(slot[stream.is_signal & (t > 5.1)] >= 0)
    assert np.all(slot[t < 1.0] == -1)
    assert recovery.at_first_click()[2] is None


def test_detector_delays_are_found_and_taken_off() -> None:
    delay = np.array([2e-10, -3e-10, 1e-10, 0.0])
    truth = StreamTruth(STATE, 20_000.0, 2.0, detector_delay_s=tuple(delay))
    stream = make_stream(truth)
    recovery = recovered(stream, truth)
    phases = recovery.stretches[0].phases
    clicks = np.bincount(stream.channel, minlength=4)
    standard_error = truth.jitter_s / math.sqrt(0.72 * clicks.min())
    np.testing.assert_allclose(
        phases.delay_s - phases.delay_s.mean(), delay - delay.mean(), atol=5.0 * standard_error
    )
    # Jitter as it is without the delays: 2 n degrees of freedom.
    assert phases.sigma_s == pytest.approx(truth.jitter_s, rel=0.03)


@pytest.mark.parametrize("seed", range(4))
def test_noise_is_no_lock(seed: int) -> None:
    truth = StreamTruth(STATE, 2000.0, 4.0, signal_fraction=0.0, seed=seed)
    recovery = recovered(make_stream(truth), truth)
    assert not recovery.stretches
    with pytest.raises(ValueError, match="no lock"):
        recovery.at_first_click()


@pytest.mark.parametrize("seed", range(4))
def test_wrong_pattern_is_no_lock(seed: int) -> None:
    other = np.random.default_rng(100 + seed).integers(0, 4, SLOTS).astype(np.uint8)
    truth = StreamTruth(other, 2000.0, 4.0, seed=seed)
    assert not recovered(make_stream(truth), truth).stretches


def test_empty_stream() -> None:
    recovery = recover(lambda: [], PATTERN, 10e-9)
    assert recovery.clicks == 0
    assert not recovery.stretches


def test_first_clicks_or_nothing() -> None:
    truth = StreamTruth(STATE)
    stream = make_stream(truth)
    few = recover(blocks_of(stream), PATTERN, truth.slot_period_s, first_clicks=40)
    enough = recover(blocks_of(stream), PATTERN, truth.slot_period_s, first_clicks=400)
    assert not few.stretches
    assert enough.stretches[0].lock.clicks_used <= 400
    assert np.all(slots_of(enough, stream) >= 0)
