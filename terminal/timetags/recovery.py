"""From clicks to slots, tick by tick: search, lock, track, coast, and lock again.

Slots are given only while the phase is known to a fraction of a slot. After an outage too long for
that, the clock is acquired again by the pattern, with the coasting clock as its guide, so that the
slot number is proved anew and never carried over by hope.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from terminal.fields import NO_COUNTS
from terminal.quantum_messages import TimingCommand, TimingSample
from terminal.timetags import tracking
from terminal.timetags.acquisition import acquire
from terminal.timetags.delay import Delay, interpolate, mismatch_s
from terminal.timetags.frame import agreement, counts_by_state
from terminal.timetags.mixture import Array
from terminal.timetags.pattern import PublicPattern
from terminal.timetags.tracking import ProcessNoise, Track

SEARCHING, LOCKED, COASTING = 0, 1, 2

_REACH_S = 1.0
"""Predictions further apart are not joined, clicks further from them are not used."""
_FIRST_ATTEMPT_CLICKS = 250
_ATTEMPT_GROWTH = 1.25
_ACQUIRE_SPAN_S = 4.0
"""Unmodelled drift must not bend the phase over the span of an attempt."""
_TICK_SHARE = 4
"""Of the most clicks of an attempt, a tick gives at most one in so many: span helps too."""
_STEP_SHARE = 0.1
"""Of a slot: what a prediction may jump without a doubt about the slot."""
_RELOCK_SIGMA = 6.0
_RELOCK_MARGIN_PPM = 0.01
_AUDIT_CLICKS = 1000.0
"""Public clicks after which the slots of a track are checked against the pattern."""
_AUDIT_AGREEMENT = 12.0
"""Wrong slots get there once in 160,000 audits; right ones are far above."""


class Settings(NamedTuple):
    """What stays the same during a flight."""

    pattern: PublicPattern
    slot_period_s: float
    start_tai_ns: int
    search_ppm: float
    false_lock_probability: float
    acquire_clicks: int
    gate_half_width_s: float
    unsure_sigma_s: float
    noise: ProcessNoise


class Collected(NamedTuple):
    """Clicks kept for locking: times (minus predicted delay, minus phase of a coasting track)."""

    u_s: Array = np.empty(0)
    channel: NDArray[np.uint8] = np.empty(0, dtype=np.uint8)
    attempt_at: int = _FIRST_ATTEMPT_CLICKS


class TimingState(NamedTuple):
    """What one tick hands to the next."""

    delay: Delay | None = None
    track: Track | None = None
    collected: Collected = Collected()
    false_lock_probability: float = 1.0
    public_counts: NDArray[np.float64] = NO_COUNTS
    audit_counts: NDArray[np.float64] = NO_COUNTS


class Clicks(NamedTuple):
    """The clicks of a tick that may be used, and where they stand in the sample."""

    u_s: Array
    channel: NDArray[np.uint8]
    position: NDArray[np.int64]


def step(
    settings: Settings, state: TimingState, sample: TimingSample
) -> tuple[TimingState, TimingCommand]:
    """One tick. clicks_in_gate and clicks_out_of_gate of the command are those of this tick."""
    now_s = (sample.t_ns - settings.start_tai_ns) * 1e-9
    delay = Delay(now_s, sample.light_time_s, sample.light_time_rate)
    clicks = _usable(state.delay, delay, sample)
    if _valid(sample, delay):
        if state.delay is not None and _stepped(settings, state.delay, delay):
            # All phases known so far belong to the old prediction.
            clicks = None
            kept = None if state.track is None else tracking.without_phase(state.track)
            state = state._replace(track=kept, collected=Collected())
        state = state._replace(delay=delay)
    if state.track is None:
        if clicks is not None:
            state = _search(settings, state, clicks, None)
        return state, _command(settings, state, sample, SEARCHING)

    track = state.track
    if clicks is not None:
        time_s = float(np.mean(clicks.u_s))
    else:
        time_s = now_s - (state.delay.delay_s if state.delay else 0.0)
    if time_s > track.t_s:
        track = tracking.predict(track, time_s, settings.noise)
    else:
        clicks = None  # Older than the clicks before: nothing to learn from them.
    state = state._replace(track=track)
    sure = track.phase_sigma_s <= settings.unsure_sigma_s
    if clicks is None:
        return state, _command(settings, state, sample, COASTING)
    if not sure:
        state = _search(settings, state, clicks, track)
        return state, _command(settings, state, sample, COASTING)
    track, seen = tracking.update(track, clicks.u_s, settings.slot_period_s)
    state = state._replace(track=track, collected=Collected())
    if not seen:
        return state, _command(settings, state, sample, COASTING)
    return _give_slots(settings, state, sample, track, clicks)


def _valid(sample: TimingSample, delay: Delay) -> bool:
    finite = abs(delay.delay_s) < _REACH_S and abs(delay.rate) < 1e-3  # False for NaN as well.
    return bool(sample.pointing_valid) and finite


def _stepped(settings: Settings, before: Delay, after: Delay) -> bool:
    """The prediction itself jumped, as after a navigation fix that was far off."""
    gap_s = after.t_s - before.t_s
    if not 0.0 < gap_s <= _REACH_S:
        return False
    return abs(mismatch_s(before, after)) > _STEP_SHARE * settings.slot_period_s * max(1.0, gap_s)


def _usable(before: Delay | None, delay: Delay, sample: TimingSample) -> Clicks | None:
    """None where nothing of this tick can be trusted."""
    if before is None or not _valid(sample, delay) or not 0.0 < delay.t_s - before.t_s <= _REACH_S:
        return None
    if not sample.gate_open or sample.stream_defect or sample.time_ps.size == 0:
        return None
    x = sample.time_ps.astype(np.float64) * 1e-12
    index = np.flatnonzero((np.abs(x - delay.t_s) <= _REACH_S) & (sample.channel < 4))
    if index.size == 0:
        return None
    x = x[index]
    return Clicks(x - interpolate(before, delay, x), sample.channel[index], index)


def _search(
    settings: Settings, state: TimingState, clicks: Clicks, reference: Track | None
) -> TimingState:
    """Collect, and try to lock once there are enough."""
    most = settings.acquire_clicks
    stride = -(-_TICK_SHARE * clicks.u_s.size // most)
    u = clicks.u_s[::stride]
    search_ppm = settings.search_ppm
    if reference is not None:
        u = u - tracking.phase_at(reference, u)
        guess_ppm = _RELOCK_SIGMA * 1e6 * reference.frequency_sigma + _RELOCK_MARGIN_PPM
        search_ppm = min(search_ppm, guess_ppm)
    u = np.concatenate([state.collected.u_s, u])[-most:]
    channel = np.concatenate([state.collected.channel, clicks.channel[::stride]])[-most:]
    recent = u > np.max(u) - _ACQUIRE_SPAN_S
    u, channel = u[recent], channel[recent]
    attempt_at = state.collected.attempt_at
    if u.size < min(attempt_at, most):
        return state._replace(collected=Collected(u, channel, attempt_at))
    lock = acquire(
        u,
        channel,
        settings.pattern,
        settings.slot_period_s,
        search_ppm,
        settings.false_lock_probability,
    )
    if lock.locked:
        return state._replace(
            track=tracking.start(lock, reference),
            collected=Collected(),
            false_lock_probability=lock.false_lock_probability,
            audit_counts=NO_COUNTS,
        )
    if u.size >= most:
        half = most // 2
        return state._replace(collected=Collected(u[-half:], channel[-half:], most))
    grown = Collected(u, channel, int(u.size * _ATTEMPT_GROWTH) + 1)
    return state._replace(collected=grown)


def _give_slots(
    settings: Settings, state: TimingState, sample: TimingSample, track: Track, clicks: Clicks
) -> tuple[TimingState, TimingCommand]:
    slot, residual = tracking.slots(track, clicks.u_s, settings.slot_period_s)
    slot[np.abs(residual) > settings.gate_half_width_s] = -1
    counts = counts_by_state(slot, clicks.channel, settings.pattern)
    audit = state.audit_counts + counts
    state = state._replace(public_counts=state.public_counts + counts, audit_counts=audit)
    if np.sum(audit) >= _AUDIT_CLICKS:
        if agreement(audit) < _AUDIT_AGREEMENT:
            # The slots do not fit the pattern: whatever went wrong, start from nothing.
            state = state._replace(track=None, audit_counts=NO_COUNTS, false_lock_probability=1.0)
            return state, _command(settings, state, sample, SEARCHING)
        state = state._replace(audit_counts=NO_COUNTS)
    all_slots = np.full(sample.time_ps.size, -1, dtype=np.int64)
    all_slots[clicks.position] = slot
    all_residuals = np.zeros(sample.time_ps.size, dtype=np.int64)
    all_residuals[clicks.position] = np.rint(residual * 1e12)
    in_gate = int(np.count_nonzero(slot >= 0))
    command = _command(settings, state, sample, LOCKED)._replace(
        clicks_in_gate=in_gate,
        clicks_out_of_gate=sample.time_ps.size - in_gate,
        slot=all_slots,
        residual_ps=all_residuals,
    )
    return state, command


def _command(
    settings: Settings, state: TimingState, sample: TimingSample, status: int
) -> TimingCommand:
    """The clock as it is known; no slots."""
    n = sample.time_ps.size
    command = TimingCommand(
        status=status,
        false_lock_probability=state.false_lock_probability,
        clicks_out_of_gate=n,
        slot=np.full(n, -1, dtype=np.int64),
        residual_ps=np.zeros(n, dtype=np.int64),
        public_counts=state.public_counts,
    )
    if state.track is None:
        return command
    return command._replace(
        frequency_offset=state.track.frequency,
        drift_per_s=state.track.drift_per_s,
        phase_sigma_s=state.track.phase_sigma_s,
        timing_rms_s=state.track.mixture.sigma_s,
        signal_fraction=state.track.mixture.fraction,
    )
