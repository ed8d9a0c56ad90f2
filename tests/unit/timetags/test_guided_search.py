"""The search after an outage, around the clock that coasted."""

import math
from typing import Any

import numpy as np
import pytest
from clock_stream import C_M_S, Stream, StreamTruth, make_stream

from terminal.timetags import guided_search, lock_search
from terminal.timetags.blind import acquire_blind
from terminal.timetags.chirp_search import Chirp
from terminal.timetags.guided_search import Guide, acquire
from terminal.timetags.lock_search import Reach
from terminal.timetags.mixture import Mixture
from terminal.timetags.pattern import PublicPattern
from terminal.timetags.stream_tracking import StreamTracker, Stretch
from terminal.timetags.tracking import Track

SLOTS = 1 << 17
STATE = np.random.default_rng(0).integers(0, 4, SLOTS).astype(np.uint8)
PATTERN = PublicPattern(STATE)
SPEED_M_S = 7500.0


def doppler(height_m: float, t_s: float) -> tuple[float, float, float]:
    """Range rate over c of a straight fly-by, and two derivatives, t_s after the zenith."""
    v = SPEED_M_S
    d = math.hypot(height_m, v * t_s)
    rate = v * v * t_s / d
    drift = (v * height_m) ** 2 / d**3
    jerk = -3.0 * v**4 * height_m**2 * t_s / d**5
    return rate / C_M_S, drift / C_M_S, jerk / C_M_S


def guide_at(height_m: float, t_s: float) -> Guide:
    """One that knew the clock exactly."""
    rate, drift, jerk = doppler(height_m, t_s)
    track = Track(0.0, 0.0, rate, drift, jerk, np.zeros((4, 4)), Mixture(0.8, 2e-10))
    return Guide(0, track)


@pytest.mark.parametrize("height_m", [400e3, 600e3, 1200e3])
@pytest.mark.parametrize("outage_s", [-3.0, -1.6, 1.0, 3.0, 10.0, 20.0, 40.0])
def test_a_low_orbit_does_not_leave_the_reach(height_m: float, outage_s: float) -> None:
    """In the middle of the clicks that are folded, where the search has its rate and drift. Below
    zero: the clock was followed on over background, the search begins where the signal ended."""
    at_s = outage_s + 0.5 * Reach().fold_span_s
    for begin_s in np.arange(-200.0, 200.0, 2.0).tolist():
        coasted, reach = guide_at(height_m, begin_s).at(round(1e12 * outage_s))
        rate, drift, _ = doppler(height_m, begin_s + at_s)
        ahead_s = at_s - outage_s
        assert abs(rate - coasted.frequency - ahead_s * coasted.drift_per_s) < (
            reach.rate + ahead_s * reach.drift_per_s
        )
        assert abs(drift - coasted.drift_per_s) < reach.drift_per_s


def test_the_reach_is_worth_it() -> None:
    """Cells of rate and drift after 20 s of outage, against a search without a guide."""
    _, reach = guide_at(600e3, -10.0).at(20 * 10**12)
    full = Reach()
    assert reach.rate * reach.drift_per_s < 0.02 * full.rate * full.drift_per_s


@pytest.mark.parametrize("culmination_s", [0.0, 40.0])
def test_a_guided_lock_is_the_one_without_a_guide(culmination_s: float) -> None:
    """The same clicks, the same clock, although the guide's own is off within its doubt."""
    truth = StreamTruth(
        STATE, 1000.0, 2.0, speed_m_s=SPEED_M_S, culmination_s=culmination_s, ppm=7.0
    )
    stream = make_stream(truth)
    off = np.diag([1e-24, 1e-16, 1e-18, 1e-22])
    drift = stream.drift_per_s + 1e-9
    track = Track(0.0, 0.0, stream.frequency_offset - 1e-8, drift, 0.0, off, Mixture(0.8, 2e-10))
    guide = Guide(int(stream.time_ps[0]), track)
    period_s = truth.slot_period_s
    alone = acquire_blind(stream.time_ps, stream.channel, PATTERN, period_s)
    guided = acquire(guide, stream.time_ps, stream.channel, PATTERN, period_s, 100_000)
    assert guided.locked
    for lock in (alone, guided):
        slot, offset_s = lock.slots(stream.time_ps, period_s)
        within = (stream.time_ps - lock.reference_time_ps < 1e12 * lock.seconds_used) & (
            stream.is_signal
        )
        assert within.sum() > 30
        np.testing.assert_array_equal(
            (slot + lock.offset_slots)[within] % SLOTS, stream.slot[within]
        )
        assert np.sqrt(np.mean(offset_s[within] ** 2)) < 1.3 * truth.jitter_s
        assert lock.reference_time_ps == stream.time_ps[0]
    assert guided.seconds_used == pytest.approx(
        1e-12 * (stream.time_ps[guided.clicks_used - 1] - stream.time_ps[0])
    )
    sigma = guided.sigmas[1]
    assert guided.frequency_offset == pytest.approx(stream.frequency_offset, abs=5.0 * sigma)


def retuned(stream: Stream, at_ps: int, rate: float) -> Stream:
    """The same with the receiver's clock at another rate from then on."""
    later = np.maximum(stream.time_ps - at_ps, 0)
    return stream._replace(time_ps=stream.time_ps + np.rint(rate * later).astype(np.int64))


def test_a_clock_that_changed_meanwhile_is_found_all_the_same() -> None:
    truth = StreamTruth(STATE, 1000.0, 26.0, silent_s=(3.0, 9.0))
    stream = retuned(make_stream(truth), truth.start_ps + 6 * 10**12, 15e-6)
    tracker = StreamTracker(PATTERN, truth.slot_period_s)
    tracker.feed(stream.time_ps, stream.channel)
    tracker.finish()
    before, after = tracker.stretches
    begin_s = (after.lock.reference_time_ps - truth.start_ps) * 1e-12 + after.knots[0].begin_s
    assert before.lock.frequency_offset == pytest.approx(0.0, abs=1e-7)
    assert after.lock.frequency_offset == pytest.approx(15e-6, abs=1e-7)
    # However late it was found, it is followed back to where the signal began.
    assert begin_s == pytest.approx(9.0, abs=0.5)
    slot, _ = after.lock.slots(stream.time_ps, truth.slot_period_s)
    near = np.abs(stream.time_ps - after.lock.reference_time_ps) < 5e10
    pulse = near & stream.is_signal
    assert pulse.sum() > 30
    np.testing.assert_array_equal(
        (slot + after.lock.offset_slots)[pulse] % SLOTS, stream.slot[pulse]
    )


def test_after_a_leap_by_half_a_slot_the_first_search_finds_the_clock() -> None:
    """It begins seconds before the time to which the clock lost has coasted."""
    truth = StreamTruth(STATE, 500.0, 6.0, speed_m_s=SPEED_M_S, culmination_s=3.0)
    stream = make_stream(truth)
    leap_ps = truth.start_ps + 3 * 10**12
    later = stream.time_ps > leap_ps
    time_ps = stream.time_ps + np.where(later, round(0.5e12 * truth.slot_period_s), 0)
    tracker = StreamTracker(PATTERN, truth.slot_period_s)
    tracker.feed(time_ps, stream.channel)
    tracker.finish()
    _, after = tracker.stretches
    assert tracker.last_attempt is None
    begin_ps = after.lock.reference_time_ps + 1e12 * after.knots[0].begin_s
    assert abs(begin_ps - leap_ps) < 1e11


@pytest.mark.parametrize("flash_s", [3.0, 3.25, 3.5, 3.75])
def test_a_flash_after_an_outage_is_not_passed_over(flash_s: float) -> None:
    """A third of a second, among so many clicks that the guide's searches take half a second."""
    dark = StreamTruth(STATE, 1e5, 6.0, 0.3, silent_s=(1.0, 6.0))
    parts = []
    for truth, inside in ((dark, False), (dark._replace(silent_s=(0.0, 0.0), seed=2), True)):
        stream = make_stream(truth)
        t_s = (stream.time_ps - truth.start_ps) * 1e-12
        kept = ((t_s >= flash_s) & (t_s < flash_s + 0.33)) == inside
        parts.append((stream.time_ps[kept], stream.channel[kept]))
    time_ps, channel = (np.concatenate(part) for part in zip(*parts, strict=True))
    order = np.argsort(time_ps, kind="stable")
    tracker = StreamTracker(PATTERN, dark.slot_period_s)
    tracker.feed(time_ps[order], channel[order])
    tracker.finish()
    _, after = tracker.stretches
    reference_s = (after.lock.reference_time_ps - dark.start_ps) * 1e-12
    assert reference_s + after.knots[0].begin_s == pytest.approx(flash_s, abs=0.05)
    assert reference_s + after.knots[-1].end_s == pytest.approx(flash_s + 0.33, abs=0.05)


def test_the_guide_saves_cells_in_a_stream(monkeypatch: pytest.MonkeyPatch) -> None:
    """Trials over five seconds of outage, beside those of searches without a guide."""
    truth = StreamTruth(
        STATE, 1000.0, 12.0, speed_m_s=SPEED_M_S, culmination_s=6.0, silent_s=(4.0, 9.0)
    )
    stream = make_stream(truth)
    trials: list[int] = []
    search_chirp = lock_search.search_chirp

    def counted(*arguments: Any) -> Chirp:
        chirp = search_chirp(*arguments)
        trials.append(chirp.trials)
        return chirp

    def tracked() -> list[Stretch]:
        tracker = StreamTracker(PATTERN, truth.slot_period_s)
        tracker.feed(stream.time_ps, stream.channel)
        tracker.finish()
        return tracker.stretches

    monkeypatch.setattr(lock_search, "search_chirp", counted)
    guided = tracked()
    with_guide = sum(trials)
    trials.clear()
    monkeypatch.setattr(guided_search, "_TRIES", 1)
    alone = tracked()
    assert with_guide < 0.1 * sum(trials)
    assert len(guided) == len(alone) == 2
    for _, after in (guided, alone):
        slot, _ = after.lock.slots(stream.time_ps, truth.slot_period_s)
        near = stream.is_signal & (np.abs(stream.time_ps - after.lock.reference_time_ps) < 10**11)
        np.testing.assert_array_equal(
            (slot + after.lock.offset_slots)[near] % SLOTS, stream.slot[near]
        )
