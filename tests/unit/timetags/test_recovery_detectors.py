"""Detectors late by more than their jitter, dark, or in wrong slots, in a simulated flight."""

from typing import NamedTuple

import numpy as np
import pytest
from clock_truth import Tick, Truth, ticks
from numpy.typing import NDArray
from recovery_flight import PATTERN, SETTINGS

from terminal.codec import TickCodec
from terminal.messages import MESSAGES
from terminal.quantum_messages import TimingCommand, TimingSample
from terminal.timetags import click_results, recovery
from terminal.timetags.channel_delays import ChannelDelays
from terminal.timetags.mixture import Mixture
from terminal.timetags.recovery import LOCKED, SEARCHING, TimingState

JITTER_S = 200e-12
HALF_SLOT_S = 2.5e-9


class Flown(NamedTuple):
    ticks: list[Tick]
    commands: list[TimingCommand]

    def wrong(self) -> NDArray[np.int64]:
        """Clicks of signal in wrong slots, of each tick."""
        return np.array(
            [
                np.count_nonzero((c.slot >= 0) & (t.slot >= 0) & (c.slot != t.slot))
                for t, c in zip(self.ticks, self.commands, strict=True)
            ]
        )

    def accepted_of_signal(self, last: int) -> NDArray[np.float64]:
        """(4,), share of each channel's signal, in the last ticks."""
        channel = np.concatenate([t.sample.channel for t in self.ticks[-last:]])
        signal = np.concatenate([t.slot for t in self.ticks[-last:]]) >= 0
        taken = np.concatenate([click_results.accepted(c) for c in self.commands[-last:]])
        all_of = np.bincount(channel[signal], minlength=4)
        return np.bincount(channel[signal & taken], minlength=4) / np.maximum(all_of, 1)


def fly(flight: list[Tick]) -> Flown:
    state, commands = TimingState(), []
    for tick in flight:
        state, command = recovery.step(SETTINGS, state, tick.sample)
        commands.append(command)
    return Flown(flight, commands)


def late(*delay_s: float, duration_s: float = 8.0) -> list[Tick]:
    h, v, d, a = delay_s
    return list(ticks(Truth(PATTERN, channel_delay_s=(h, v, d, a), seed=21), duration_s))


@pytest.mark.parametrize("delay_s", [0.5e-9, 1e-9, 1.6e-9, -2e-9])
@pytest.mark.parametrize("channel", [0, 3])
def test_a_detector_many_jitters_late_costs_the_link_nothing(channel: int, delay_s: float) -> None:
    true_s = np.zeros(4)
    true_s[channel] = delay_s
    flown = fly(late(*true_s))
    command = flown.commands[-1]
    assert command.status == LOCKED
    assert not flown.wrong().any()
    error_s = command.channel_delays_s - true_s
    # Of two quarters of 10,000 clicks a second for 6 s; F = 0.72 at 80 % signal.
    sigma_s = JITTER_S / np.sqrt(0.72 * 0.25 * 10_000 * 6.0)
    assert np.ptp(error_s) < 5.0 * np.sqrt(2.0) * sigma_s
    assert command.timing_rms_s == pytest.approx(JITTER_S, rel=0.06)
    # The gate takes as much of each: of Poisson counts of 2000, to 5 sigma.
    share = flown.accepted_of_signal(last=20)
    assert np.ptp(share) < 5.0 * np.sqrt(2.0 * 0.17 * 0.83 / 2000)
    assert command.detectors_off_pattern == command.detectors_without_pulses == 0


@pytest.mark.parametrize(("channel", "delay_s"), [(0, 4.5e-9), (2, -4e-9), (3, 9e-9)])
def test_a_detector_over_half_a_slot_late_is_named_and_gets_no_slot(
    channel: int, delay_s: float
) -> None:
    """Only the pattern can tell: its clicks lie as near to slot centres as all others."""
    assert abs(delay_s) > HALF_SLOT_S
    true_s = np.zeros(4)
    true_s[channel] = delay_s
    flown = fly(late(*true_s))
    wrong = flown.wrong()
    assert wrong[:60].any()  # Before 400 public clicks of it have been seen.
    assert not wrong[80:].any()
    share = flown.accepted_of_signal(last=40)
    assert share[channel] == 0.0
    assert np.all(np.delete(share, channel) > 0.7)
    assert flown.commands[-1].detectors_off_pattern == 1 << channel
    assert flown.commands[-1].status == LOCKED
    assert flown.commands[-1].audits_failed == 0


def test_a_dark_detector_is_named() -> None:
    rng = np.random.default_rng(5)
    flight = []
    for tick in late(0.0, 0.0, 0.0, 0.0, duration_s=10.0):
        # Light of D does not come through; its clicks fall anywhere.
        time_ps = tick.sample.time_ps.copy()
        dark = tick.sample.channel == 2
        time_ps[dark] += rng.integers(-2500, 2500, np.count_nonzero(dark))
        sample = tick.sample._replace(time_ps=time_ps)
        flight.append(tick._replace(sample=sample, slot=np.where(dark, -1, tick.slot)))
    flown = fly(flight)
    assert flown.commands[-1].status == LOCKED
    assert flown.commands[-1].detectors_without_pulses == 0b0100
    assert flown.commands[-1].detectors_off_pattern == 0
    assert not flown.wrong().any()


def test_how_often_a_delay_of_zero_shows_at_any_tick_of_a_flight() -> None:
    """Four sigma show. B(n)/sqrt(n) of a Brownian B passes a = 4 at a rate of a phi(a) / 2 for each
    e-fold of n, on either side: in 5.5 e-folds of 4 channels 1.2 % of flights, looked at all the
    time."""
    shown, largest_sigma = 0, 0.0
    mixture = Mixture(0.8, JITTER_S)
    for seed in range(12):
        rng, delays = np.random.default_rng(seed), ChannelDelays()
        ever = False
        for _ in range(250):
            channel = rng.integers(0, 4, 400).astype(np.uint8)
            offset_s = JITTER_S * rng.standard_normal(400)
            noise = rng.random(400) < 0.2
            offset_s[noise] = rng.uniform(-HALF_SLOT_S, HALF_SLOT_S, np.count_nonzero(noise))
            offset_s -= delays.removed_s[channel]
            delays, _ = delays.after(offset_s, channel, mixture, 2.0 * HALF_SLOT_S)
            sigma = np.abs(delays.removed_s) * np.sqrt(delays.information)
            largest_sigma = max(largest_sigma, float(sigma.max()))
            ever = ever or bool(np.any(delays.removed_s))
        shown += ever
    print(f"{shown} of 12 flights show a delay, the largest of {largest_sigma:.1f} sigma")
    assert shown <= 1  # Two: with 1 %.
    assert largest_sigma < 5.5


def test_the_gate_does_not_look_at_the_states_with_delays_held() -> None:
    """The same times from the slot centres in other channels: the same gates and clicks that count,
    if delays are taken off in full. What is left of them is all that tells of the state."""
    delay_s = (150e-12, -120e-12, 60e-12, -90e-12)  # About their mean.
    known_s = np.array(delay_s)
    held = ChannelDelays(known_s, information=np.full(4, 1e30), removed_s=known_s)
    right, wrong = (
        list(ticks(Truth(PATTERN, channel_delay_s=delay_s, error_rate=e, seed=15), 8.0))
        for e in (0.0, 0.15)
    )
    locked = TimingState(delays=held)
    for tick in right[:60]:
        locked, command = recovery.step(SETTINGS, locked, tick.sample)
        locked = locked._replace(delays=held)
    assert command.status == LOCKED
    gates_s, taken, counts = [], [], []
    for rest in (right[60:], wrong[60:]):
        state = locked
        for tick in rest:
            state, command = recovery.step(SETTINGS, state, tick.sample)
            state = state._replace(delays=held)
            gates_s.append(command.gate_half_width_s)
            taken.append(command.clicks_in_gate)
        counts.append(command.public_counts)
    half = len(gates_s) // 2
    np.testing.assert_allclose(gates_s[:half], gates_s[half:], rtol=1e-3)
    # Of 34,000: the mean of the delays is by the clicks so far, and takes the edge along by 0.1 ps.
    assert abs(sum(taken[:half]) - sum(taken[half:])) <= 5
    assert not np.array_equal(*counts)


def slipping() -> list[TimingSample]:
    """With delays; after 4 s all clicks come one slot later, as after an overflow lost."""
    flight = late(150e-12, -120e-12, 60e-12, -200e-12, duration_s=10.0)
    return [
        tick.sample._replace(time_ps=tick.sample.time_ps + (5000 if k >= 80 else 0))
        for k, tick in enumerate(flight)
    ]


def test_delays_are_forgotten_at_a_failed_check_and_a_replay_says_the_same() -> None:
    codec, state, packed = TickCodec(MESSAGES["timing"]), TimingState(), []
    commands = []
    for seq, sample in enumerate(slipping()):
        state, command = recovery.step(SETTINGS, state, sample)
        packed.append(codec.pack(seq, sample, command))
        commands.append(command)
    failed = next(k for k, c in enumerate(commands) if c.audits_failed)
    assert 80 < failed < 140
    assert np.all(commands[failed - 1].channel_delays_s != 0.0)
    assert commands[failed].status == SEARCHING
    assert not np.any(commands[failed].channel_delays_s)
    assert commands[-1].status == LOCKED
    assert np.all(commands[-1].channel_delays_s != 0.0)
    state = TimingState()
    for tick in packed:
        seq, sample, _, _ = codec.unpack_from(tick, 0)
        state, command = recovery.step(SETTINGS, state, sample)
        assert codec.pack(seq, sample, command) == tick
