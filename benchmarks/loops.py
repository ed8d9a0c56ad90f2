"""The slower loops: prediction, clock recovery, and what a lock costs."""

from pathlib import Path

from benchmarks.clicks import START_TAI_NS, timing_samples
from benchmarks.cost import Cost, cost
from config.pattern import public_pattern
from config.scenario import Scenario
from terminal.loops import pointing, timing
from terminal.pointing_messages import PointingSample
from terminal.telemetry.reader import Recording
from terminal.timetags.lock_search import Aim, Search, attempt
from terminal.timetags.lock_start import search_reach
from terminal.timetags.pattern import PublicPattern
from terminal.timetags.recovery import LOCKED

CLICKS = (500, 5000)
TICKS_TO_LOCK, TICKS = 30, 20


def pointing_step(scenario: Scenario, recording: Path) -> Cost:
    """Direction, rates, light time and point-ahead from a fix: two solutions of the light path."""
    recorded = Recording(recording)
    samples: list[PointingSample] = [sample for _, sample, _ in recorded.ticks("pointing")]
    samples = [sample for sample in samples if sample.fix_t_ns][:200]
    start_tai_ns = int(recorded.metadata["start_tai_ns"])
    first, step = pointing.make(scenario.mission, scenario.terminal, start_tai_ns)

    def work() -> int:
        state = first
        for sample in samples:
            state, _ = step(state, sample, 0.02)
        return len(samples)

    return cost(work)


def timing_step(scenario: Scenario, clicks: int) -> Cost:
    """One tick of the locked clock with so many clicks. Raises RuntimeError if it does not lock."""
    state, step = timing.make(scenario.mission, scenario.terminal, START_TAI_NS)
    rate_hz = scenario.terminal.rates.timing_hz
    samples = timing_samples(scenario.mission.source, clicks, TICKS_TO_LOCK + TICKS, rate_hz)
    for sample in samples[:TICKS_TO_LOCK]:
        state, command = step(state, sample, 1.0 / rate_hz)
    if command.status != LOCKED:
        raise RuntimeError(f"the clock did not lock on {clicks} clicks a tick")
    locked = state

    def work() -> int:
        state = locked
        for sample in samples[TICKS_TO_LOCK:]:
            state, _ = step(state, sample, 1.0 / rate_hz)
        return TICKS

    return cost(work)


def acquisition(scenario: Scenario) -> Cost:
    """One lock from nothing, with the most clicks that an attempt uses, over one second.

    Raises RuntimeError if it does not lock.
    """
    source, config = scenario.mission.source, scenario.terminal.timing
    (sample,) = timing_samples(source, config.acquire_clicks, 1, 1)
    time_s = sample.time_ps * 1e-12
    until_end_s = (sample.t_ns - START_TAI_NS) * 1e-9 - time_s
    u_s = time_s - (sample.light_time_s - sample.light_time_rate * until_end_s)
    pattern = PublicPattern(
        public_pattern(source.pattern_length, source.public_share, source.pattern_seed)
    )
    reach = search_reach(1e-6 * config.search_ppm, None, predicted=True)
    aim = Aim(pattern, 1.0 / source.pulse_rate_hz, reach, config.false_lock_probability)

    def work() -> int:
        if attempt(aim, Search(), u_s, sample.channel).shift is None:
            raise RuntimeError("the acquisition did not lock")
        return 1

    return cost(work, rounds=5)
