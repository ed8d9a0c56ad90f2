"""Locks on a fly-by from the clicks alone, at the bound; says no wherever the right answer is no.

`python -m benchmarks.clock_lock --seeds 1000` does the same on many more streams.
"""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.clock_cases import FREE_JERK, LOW_ORBIT_JERK, NO_JERK, Case
from benchmarks.clock_lock import frequency_bound, holds, is_right, run
from benchmarks.clock_streams import Clicks, Stream, make, random_pattern
from terminal.timetags.blind import BlindLock, acquire_blind
from terminal.timetags.mixture import Mixture, information
from terminal.timetags.pattern import PublicPattern

T = 10e-9
LENGTH = 2**16
STATE = random_pattern(LENGTH, 1.0, 1)
PATTERN = PublicPattern(STATE)


def acquire(clicks: Clicks) -> BlindLock:
    return acquire_blind(clicks.time_ps, clicks.channel, PATTERN, T)


LOCKS = [
    Case("500 cps, 30 % background, 0.49 s", Stream(background=0.3), length=LENGTH),
    Case("300 public clicks", Stream(clicks=300), length=LENGTH),
    Case("5 ns", Stream(clicks=300, slot_period_s=5e-9), length=LENGTH),
    Case("half background", Stream(clicks=1000, background=0.5, rate_hz=1500), length=LENGTH),
    Case("a tenth public", Stream(clicks=3000, rate_hz=4000), 0.1, LENGTH),
    Case("zenith, 100 cps", Stream(clicks=300, rate_hz=100, start_s=0.0), length=LENGTH),
    Case("30 ppm", Stream(clicks=300, speed_m_s=0.0, frequency_offset=-2.9e-5), length=LENGTH),
    Case("1 Mcps", Stream(clicks=1000, rate_hz=1e6), length=LENGTH),
    Case(
        "both limits",
        Stream(clicks=300, speed_m_s=0.0, frequency_offset=3e-5, drift_per_s=5e-7),
        length=LENGTH,
    ),
    Case(
        "300 clicks or nothing, of a file",
        Stream(clicks=1000),
        length=LENGTH,
        file=True,
        max_clicks=300,
    ),
    Case(
        "half background at 100 cps",
        Stream(clicks=1000, rate_hz=100, background=0.5, start_s=-40.0),
        length=LENGTH,
    ),
]


@pytest.mark.parametrize("case", LOCKS, ids=lambda case: case.name)
def test_locks_within_the_clicks_allowed(case: Case) -> None:
    result = run(case, 15)
    assert (result.right, result.wrong) == (15, 0)


def test_a_long_pattern() -> None:
    result = run(Case("2^20", Stream(clicks=300), length=2**20), 2)
    assert (result.right, result.wrong) == (2, 0)


@pytest.mark.parametrize(
    ("stream", "jerk_per_s2"),
    [
        (Stream(clicks=300), LOW_ORBIT_JERK),
        (
            Stream(clicks=1000, background=0.5, rate_hz=1500.0, speed_m_s=0.0, drift_per_s=4e-7),
            NO_JERK,
        ),
        (Stream(clicks=300, rate_hz=100.0, start_s=-40.0), LOW_ORBIT_JERK),
    ],
    ids=["fly-by", "chirp, half background", "largest jerk, shown by one to two sigma"],
)
def test_frequency_error_is_at_the_cramer_rao_bound(stream: Stream, jerk_per_s2: float) -> None:
    case = Case("", stream, length=2**14, jerk_per_s2=jerk_per_s2)
    result = run(case, 60)
    assert result.over_bound < 1.3, "what was asked for"
    # Who knows that there is no jerk has 192 / (n J T^2), and nobody beats that, but for the
    # scatter of 60 streams.
    without_jerk = run(case._replace(jerk_per_s2=NO_JERK), 60)
    assert without_jerk.over_bound > 1.0 - 3.0 / math.sqrt(120)


@pytest.mark.parametrize("jerk_per_s2", [NO_JERK, LOW_ORBIT_JERK, FREE_JERK])
def test_the_bound_is_the_inverse_of_fishers_information(jerk_per_s2: float) -> None:
    """By the sum over clicks spread evenly over a span in which the jerk shows with one sigma."""
    stream, n, span_s = Stream(), 4000, 0.7
    t = np.linspace(-0.5 * span_s, 0.5 * span_s, n)
    rows = np.array([np.ones(n), t, t**2 / 2.0, t**3 / 6.0])
    jitter = Mixture(1.0 - stream.background, stream.jitter_s)
    fisher = information(jitter, stream.slot_period_s) * (rows @ rows.T)
    if jerk_per_s2 == NO_JERK:
        fisher = fisher[:3, :3]
    else:
        fisher[3, 3] += jerk_per_s2**-2
    end = np.array([0.0, 1.0, t[-1], t[-1] ** 2 / 2.0])[: len(fisher)]
    variance = end @ np.linalg.solve(fisher, end)
    bound = frequency_bound(Case("", stream, jerk_per_s2=jerk_per_s2), n, span_s)
    assert bound == pytest.approx(math.sqrt(variance), rel=2e-3)


def test_stated_errors_are_the_true_ones() -> None:
    """Deviations over stated sigmas: rms 1 within three standard errors; jerk's doubt, which is
    for any low orbit, makes them a little smaller."""
    trials = 50
    pulls = []
    for seed in range(trials):
        clicks = make(Stream(clicks=300), STATE, np.random.default_rng(seed))
        lock = acquire(clicks)
        _, frequency_sigma, drift_sigma, _ = lock.sigmas
        pulls.append(
            [
                (lock.frequency_offset - clicks.frequency_offset) / frequency_sigma,
                (lock.drift_per_s - clicks.drift_per_s) / drift_sigma,
            ]
        )
    rms = np.sqrt(np.mean(np.square(pulls), axis=0))
    assert np.all(np.abs(rms - 1.0) < 3.0 / math.sqrt(2 * trials))


NO_LOCKS = [
    Case("noise", Stream(clicks=600, background=1.0), length=LENGTH, lock=False),
    Case("wrong pattern", Stream(clicks=300), length=LENGTH, lock=False, other_pattern=True),
    Case("too few", Stream(clicks=70), length=LENGTH, lock=False),
    Case(
        "too much background",
        Stream(clicks=1000, rate_hz=4000, background=0.9),
        length=LENGTH,
        lock=False,
    ),
    Case("errors", Stream(clicks=300, error_rate=0.35), length=LENGTH, lock=False),
]


@pytest.mark.parametrize("case", NO_LOCKS, ids=lambda case: case.name)
def test_never_locks_wrongly(case: Case) -> None:
    assert holds(case, run(case, 20))


@pytest.mark.parametrize(("burst_s", "gap_s", "rate_hz"), [(0.03, 0.8, 2000), (0.1, 0.5, 400)])
def test_slots_are_not_carried_over_a_gap_by_hope(
    burst_s: float, gap_s: float, rate_hz: float
) -> None:
    """Bursts with too few clicks for a lock: which slots lie between them nobody can know."""
    for seed in range(8):
        stream = Stream(clicks=1500, rate_hz=rate_hz)
        clicks = make(stream, STATE, np.random.default_rng(seed))
        since_s = (clicks.time_ps - clicks.time_ps[0]) * 1e-12
        kept = since_s % (burst_s + gap_s) < burst_s
        clicks = Clicks(*(x[kept] if isinstance(x, np.ndarray) else x for x in clicks))
        lock = acquire(clicks)
        assert not lock.locked or is_right(lock, clicks, T, LENGTH)


@pytest.mark.parametrize("swap", [(0, 1, 2, 3), (1, 0, 2, 3), (1, 0, 3, 2), (2, 3, 0, 1)])
def test_swapped_channels_never_lead_to_a_wrong_slot(swap: tuple[int, ...]) -> None:
    for seed in range(4):
        clicks = make(Stream(clicks=600), STATE, np.random.default_rng(seed))
        wired = np.array(swap, dtype=np.uint8)[clicks.channel]
        lock = acquire(clicks._replace(channel=wired))
        assert not lock.locked or is_right(lock, clicks, T, LENGTH)


def test_one_dead_detector_is_borne() -> None:
    clicks = make(Stream(clicks=600, rate_hz=800), STATE, np.random.default_rng(1))
    alive = clicks.channel != 2
    clicks = Clicks(*(x[alive] if isinstance(x, np.ndarray) else x for x in clicks))
    lock = acquire(clicks)
    assert lock.locked
    assert is_right(lock, clicks, T, LENGTH)


def test_other_channels_are_skipped() -> None:
    clicks = make(Stream(clicks=400), STATE, np.random.default_rng(2))
    marker = np.linspace(clicks.time_ps[0] - 10**9, clicks.time_ps[-1], 300).astype(np.int64)
    time_ps = np.concatenate([clicks.time_ps, marker])
    channel = np.concatenate([clicks.channel, np.full(300, 7, dtype=np.uint8)])
    order = np.argsort(time_ps, kind="stable")
    lock, alone = acquire_blind(time_ps[order], channel[order], PATTERN, T), acquire(clicks)
    assert lock.locked
    assert lock[:5] == alone[:5]


def test_no_more_clicks_than_allowed_are_used() -> None:
    clicks = make(Stream(clicks=1000), STATE, np.random.default_rng(3))
    lock = acquire_blind(clicks.time_ps, clicks.channel, PATTERN, T, 60)
    assert (lock.locked, lock.clicks_used) == (False, 60)
    assert lock.seconds_used == (clicks.time_ps[59] - clicks.time_ps[0]) * 1e-12


@pytest.mark.parametrize("times", [[], [5], [7] * 200, list(range(100))])
def test_too_little_is_no_lock(times: list[int]) -> None:
    time_ps = np.array(times, dtype=np.int64)
    lock = acquire_blind(time_ps, np.zeros(time_ps.size, dtype=np.uint8), PATTERN, T)
    assert (lock.locked, lock.false_lock_probability) == (False, 1.0)


def test_times_that_go_back_and_uneven_arrays_are_refused() -> None:
    with pytest.raises(ValueError, match="ascend"):
        acquire_blind(np.array([2, 1]), np.zeros(2, dtype=np.uint8), PATTERN, T)
    with pytest.raises(ValueError, match="one channel"):
        acquire_blind(np.array([1, 2]), np.zeros(3, dtype=np.uint8), PATTERN, T)


@settings(max_examples=25, deadline=None)
@given(
    times=st.lists(st.integers(0, 10**12), min_size=0, max_size=300),
    channels=st.integers(0, 2**32 - 1),
)
def test_whatever_the_times_there_is_an_answer(times: list[int], channels: int) -> None:
    time_ps = np.sort(np.array(times, dtype=np.int64))
    channel = np.random.default_rng(channels).integers(0, 6, time_ps.size).astype(np.uint8)
    assert not acquire_blind(time_ps, channel, PATTERN, T).locked


@given(frequency=st.floats(-3e-5, 3e-5), drift=st.floats(-5e-7, 5e-7), jerk=st.floats(-5e-9, 5e-9))
def test_the_slots_of_a_lock_follow_its_frequency(
    frequency: float, drift: float, jerk: float
) -> None:
    """Slot m is centred where the integral of dt / (T (1 + f + D t + J t^2 / 2)) is m."""
    lock = BlindLock(True, 0.0, 1, 1.0, 0, frequency, drift, jerk)
    t = np.linspace(0.0, 1.0, 2001)
    # Times of whole picoseconds and the trapezoid's error leave well below a picosecond in a slot.
    per_s = 1.0 / (T * (1.0 + frequency + drift * t + 0.5 * jerk * t**2))
    true = np.concatenate([[0.0], np.cumsum(0.5 * (per_s[1:] + per_s[:-1]) * np.diff(t))])
    slot, residual_s = lock.slots(np.rint(t * 1e12).astype(np.int64), T)
    np.testing.assert_allclose((slot + residual_s / T) - true, 0.0, atol=1e-3)
