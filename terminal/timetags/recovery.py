"""From clicks to slots, tick by tick: search, lock, track, coast, and lock again.

Slots are given only while the phase is known to a fraction of a slot. After an outage too long for
that, the clock is acquired again by the pattern, with the coasting clock as its guide, so that the
slot number is proved anew and never carried over by hope.

Without a predicted delay the clock is searched for in the raw times, Doppler and all. The pattern
then tells the slot modulo its length only: public slots count, but no slot is given.
"""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from terminal.fields import NO_COUNTS
from terminal.quantum_messages import TimingCommand, TimingSample
from terminal.timetags import click_results, time_gate, tracking
from terminal.timetags.channel_delays import ChannelDelays
from terminal.timetags.clock_quality import Quality, Stability
from terminal.timetags.collecting import Collected, collect
from terminal.timetags.delay import Delay
from terminal.timetags.frame import counts_by_state
from terminal.timetags.lock_search import Aim
from terminal.timetags.lock_start import (
    absolute_shift,
    repetitions_told,
    search_reach,
    start_track,
)
from terminal.timetags.mixture import Array, Mixture
from terminal.timetags.pattern import PublicPattern
from terminal.timetags.slot_checks import SlotChecks
from terminal.timetags.time_gate import GateRule
from terminal.timetags.tracking import LOW_ORBIT_JERK_WALK, ProcessNoise, Track
from terminal.timetags.usable_clicks import REACH_S, Clicks, stepped, usable, valid

SEARCHING, LOCKED, COASTING, LOCKED_MODULO = 0, 1, 2, 3

_LIKELY = 0.5
"""Public clicks count where they are more likely signal than background, as those of files do."""


class Settings(NamedTuple):
    """What stays the same during a flight."""

    pattern: PublicPattern
    slot_period_s: float
    start_tai_ns: int
    search_ppm: float
    false_lock_probability: float
    acquire_clicks: int
    gate: GateRule
    unsure_sigma_s: float
    noise: ProcessNoise

    @property
    def public_gate(self) -> GateRule:
        """For the clicks that tell the polarisation frame, and slips: many are needed there, and a
        few of background among them do no harm."""
        return self.gate._replace(least_probability=_LIKELY)


class TimingState(NamedTuple):
    """What one tick hands to the next."""

    now_s: float = math.nan
    """Of the tick."""
    delay: Delay | None = None
    track: Track | None = None
    collected: Collected = Collected()
    """In re-locking, less the phase of the coasting track."""
    raw: bool = False
    """Track and collected clicks are in raw times, without a predicted delay."""
    kept: Track | None = None
    """Meanwhile: the track by predicted delays."""
    slot_searches: int = 0
    """Of the flight: all together may lock falsely with the probability allowed."""
    false_lock_probability: float = 1.0
    public_counts: NDArray[np.float64] = NO_COUNTS
    checks: SlotChecks = SlotChecks()
    quality: Quality = Quality()
    gate_s: float = 0.0
    """Half width of the gate in force; 0 before the first lock."""
    delays: ChannelDelays = ChannelDelays()


def step(
    settings: Settings, state: TimingState, sample: TimingSample
) -> tuple[TimingState, TimingCommand]:
    """One tick. clicks_in_gate and clicks_out_of_gate of the command are those of this tick."""
    now_s = (sample.t_ns - settings.start_tai_ns) * 1e-9
    tick_s, state = now_s - state.now_s, state._replace(now_s=now_s)
    if sample.renamed:
        state = state._replace(collected=Collected())
    delay = Delay(now_s, sample.light_time_s, sample.light_time_rate)
    predicted = valid(sample, delay)
    sure = state.track is not None and state.track.phase_sigma_s <= settings.unsure_sigma_s
    gone = not predicted and (state.delay is None or now_s - state.delay.t_s > REACH_S)
    if gone and (state.raw or not sure):
        state = _on_scale(state, raw=True)
        clicks = usable(None, delay, sample) if 0.0 < tick_s <= REACH_S else None
        return _follow(settings, state, sample, clicks, tick_s)
    state = _on_scale(state, raw=False)
    clicks = None
    if predicted and state.delay is not None and 0.0 < delay.t_s - state.delay.t_s <= REACH_S:
        clicks = usable(state.delay, delay, sample)
    if predicted:
        if state.delay is not None and stepped(state.delay, delay, settings.slot_period_s):
            # All phases known so far belong to the old prediction.
            clicks = None
            kept = None if state.track is None else tracking.without_phase(state.track)
            quality = state.quality._replace(stability=Stability())
            state = state._replace(track=kept, collected=Collected(), quality=quality)
        state = state._replace(delay=delay)
    return _follow(settings, state, sample, clicks, tick_s)


def _on_scale(state: TimingState, *, raw: bool) -> TimingState:
    """The state for clicks on this scale of time."""
    if raw == state.raw:
        return state
    return state._replace(
        raw=raw,
        track=None if raw else state.kept,
        kept=state.track if raw else None,
        collected=Collected(),
        checks=SlotChecks(),
    )


def _follow(
    settings: Settings,
    state: TimingState,
    sample: TimingSample,
    clicks: Clicks | None,
    tick_s: float,
) -> tuple[TimingState, TimingCommand]:
    if clicks is not None:
        clicks = clicks._replace(u_s=clicks.u_s - state.delays.removed_s[clicks.channel])
    if state.track is None:
        if clicks is not None:
            state = _search(settings, state, clicks, None)
        return state, _command(state, sample, SEARCHING)

    track = state.track
    if clicks is not None:
        time_s = float(np.mean(clicks.u_s))
    else:
        time_s = state.now_s - (state.delay.delay_s if state.delay and not state.raw else 0.0)
    if time_s > track.t_s:
        track = tracking.predict(track, time_s, _noise(settings, state))
    else:
        clicks = None  # Older than the clicks before: nothing to learn from them.
    state = state._replace(track=track)
    sure = track.phase_sigma_s <= settings.unsure_sigma_s
    if clicks is None:
        return state, _command(state, sample, COASTING)
    if not sure:
        state = _search(settings, state, clicks, track)
        return state, _command(state, sample, COASTING)
    track, seen = tracking.update(track, clicks.u_s, settings.slot_period_s)
    state = state._replace(track=track, collected=Collected())
    if not seen:
        return state, _command(state, sample, COASTING)
    return _give_slots(settings, state, sample, track, clicks, tick_s)


def _noise(settings: Settings, state: TimingState) -> ProcessNoise:
    if state.raw:
        return settings.noise._replace(jerk=LOW_ORBIT_JERK_WALK)
    return settings.noise


def _search(
    settings: Settings, state: TimingState, clicks: Clicks, reference: Track | None
) -> TimingState:
    """Collect, and try to lock once there are enough."""
    u, pattern, period = clicks.u_s, settings.pattern, settings.slot_period_s
    if not state.raw and not repetitions_told(state.now_s, pattern.length * period):
        return state
    if reference is not None:
        u = u - tracking.phase_at(reference, u)
    reach = search_reach(1e-6 * settings.search_ppm, reference, predicted=not state.raw)
    search = state.collected.search._replace(slot_searches=state.slot_searches)
    collected = collect(
        state.collected._replace(search=search),
        Aim(pattern, period, reach, settings.false_lock_probability),
        u,
        clicks.channel,
        settings.acquire_clicks,
    )
    search = collected.search
    state = state._replace(collected=collected, slot_searches=search.slot_searches)
    if search.shift is None:
        return state
    shift = search.shift
    if not state.raw:
        shift = absolute_shift(collected, shift, pattern.length, period)
    quality = state.quality._replace(locks=state.quality.locks + 1)
    return state._replace(
        track=start_track(collected, shift * period, _noise(settings, state), reference),
        collected=Collected(),
        false_lock_probability=search.probability,
        checks=SlotChecks(),
        quality=quality,
    )


class _Given(NamedTuple):
    """What a tick's clicks are given; arrays (n,)."""

    clicks: Clicks
    slot: NDArray[np.int64]
    residual_s: Array
    residual_ps: NDArray[np.int64]
    """As recorded: decisions are by these, so that whoever reads the record comes to the same."""
    gate_s: float


def _given(settings: Settings, state: TimingState, track: Track, clicks: Clicks) -> _Given:
    period_s = settings.slot_period_s
    slot, residual_s = tracking.slots(track, clicks.u_s, period_s)
    gate_s = time_gate.following(state.gate_s, track.mixture, period_s, settings.gate)
    return _Given(clicks, slot, residual_s, np.rint(residual_s * 1e12).astype(np.int64), gate_s)


def _give_slots(
    settings: Settings,
    state: TimingState,
    sample: TimingSample,
    track: Track,
    clicks: Clicks,
    tick_s: float,
) -> tuple[TimingState, TimingCommand]:
    given = _given(settings, state, track, clicks)
    removed_s = state.delays.removed_s
    state = _checked(settings, state, track.mixture, given)
    if state.track is None:
        return state, _command(state, sample, SEARCHING)
    state = _learnt(settings, state, track, given, tick_s)
    n = sample.time_ps.size
    slot = np.full(n, -1, dtype=np.int64)
    if not state.raw:
        slot[clicks.position] = np.where(state.checks.off_pattern[clicks.channel], -1, given.slot)
    residual_ps = np.zeros(n, dtype=np.int64)
    residual_ps[clicks.position] = given.residual_ps
    command = _command(state, sample, LOCKED_MODULO if state.raw else LOCKED)._replace(
        gate_half_width_s=given.gate_s,
        channel_delays_s=removed_s,
        slot=slot,
        residual_ps=residual_ps,
    )
    accepted = int(np.count_nonzero(click_results.accepted(command)))
    return state, command._replace(clicks_in_gate=accepted, clicks_out_of_gate=n - accepted)


def _learnt(
    settings: Settings, state: TimingState, track: Track, given: _Given, tick_s: float
) -> TimingState:
    """With what the clicks tell of background, stability and the detectors."""
    period_s, quality, channel = settings.slot_period_s, state.quality, given.clicks.channel
    background = quality.background.after(given.residual_s, period_s, tick_s)
    stability = quality.stability if state.raw else quality.stability.after(track)
    delays, moved_s = state.delays.after(given.residual_s, channel, track.mixture, period_s)
    quality = quality._replace(background=background, stability=stability.moved(moved_s))
    track = track._replace(phase_s=track.phase_s + moved_s)
    return state._replace(track=track, quality=quality, gate_s=given.gate_s, delays=delays)


def _checked(
    settings: Settings, state: TimingState, mixture: Mixture, given: _Given
) -> TimingState:
    """With public clicks counted; without a track where the slots do not fit the pattern."""
    period_s = settings.slot_period_s
    likely_s = time_gate.wanted_s(mixture, period_s, settings.public_gate)
    likely = click_results.in_gate(given.residual_ps, likely_s)
    counts = counts_by_state(given.slot[likely], given.clicks.channel[likely], settings.pattern)
    state = state._replace(public_counts=state.public_counts + counts)
    share = [
        time_gate.signal_share(Mixture(p, mixture.sigma_s), period_s, likely_s)
        for p in state.delays.shares(mixture, period_s).tolist()
    ]
    checks, fit = state.checks.after(counts, np.array(share))
    if fit:
        return state._replace(checks=checks)
    # Whatever went wrong, start from nothing.
    quality = state.quality
    failed = quality.audits_failed + 1
    return state._replace(
        track=None,
        checks=checks,
        false_lock_probability=1.0,
        quality=quality._replace(audits_failed=failed, stability=Stability()),
        delays=ChannelDelays(),
    )


def _command(state: TimingState, sample: TimingSample, status: int) -> TimingCommand:
    """The clock as it is known; no slots."""
    n, quality = sample.time_ps.size, state.quality
    one_second, ten_seconds = quality.stability.deviations
    command = TimingCommand(
        status=status,
        false_lock_probability=state.false_lock_probability,
        clicks_out_of_gate=n,
        background_hz=quality.background.rate_hz,
        allan_deviation_1s=one_second,
        allan_deviation_10s=ten_seconds,
        audits_failed=quality.audits_failed,
        relocks=max(quality.locks - 1, 0),
        detectors_off_pattern=_bits(state.checks.off_pattern),
        channel_delays_s=state.delays.removed_s,
        slot=np.full(n, -1, dtype=np.int64),
        residual_ps=np.zeros(n, dtype=np.int64),
        public_counts=state.public_counts,
    )
    if state.track is None:
        return command
    without_pulses = state.delays.without_pulses(state.track.mixture)
    return command._replace(
        detectors_without_pulses=_bits(without_pulses),
        frequency_offset=state.track.frequency,
        drift_per_s=state.track.drift_per_s,
        phase_sigma_s=state.track.phase_sigma_s,
        timing_rms_s=state.track.mixture.sigma_s,
        signal_fraction=state.track.mixture.fraction,
    )


def _bits(flags: NDArray[np.bool_]) -> int:
    """Bit k of flag k."""
    return int(np.packbits(flags, bitorder="little")[0])
