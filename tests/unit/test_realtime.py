"""Pacing with a clock that only moves when it is told to."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from terminal.realtime import Pacer
from terminal.rt_check import judge, parse_cyclictest

ROOT = Path(__file__).resolve().parents[2]
START_NS = 123_456_789


class Clock:
    """Monotonic time that sleeping and working move."""

    def __init__(self, late_ns: int = 0) -> None:
        self.now_ns = START_NS
        self.late_ns = late_ns

    def __call__(self) -> int:
        return self.now_ns

    def sleep(self, seconds: float) -> None:
        self.now_ns += round(seconds * 1e9) + self.late_ns


def test_ticks_keep_to_the_grid_and_their_work_does_not_shift_it() -> None:
    clock = Clock()
    pacer = Pacer(1000, clock, clock.sleep)
    for k in range(1, 50):
        assert pacer.wait() == 1
        assert clock.now_ns == START_NS + k * 1_000_000
        clock.now_ns += 700_000
    assert pacer.overruns == 0
    assert pacer.lateness_ns == [0] * 49


def test_no_drift_where_the_period_is_no_whole_number_of_ns() -> None:
    clock = Clock()
    pacer = Pacer(3, clock, clock.sleep)
    for _ in range(3 * 3600):
        pacer.wait()
    assert clock.now_ns == START_NS + 3600 * 10**9


def test_late_wake_up_is_recorded_and_the_next_deadline_stays() -> None:
    clock = Clock(late_ns=60_000)
    pacer = Pacer(1000, clock, clock.sleep)
    pacer.wait()
    pacer.wait()
    assert pacer.lateness_ns == [60_000, 60_000]
    assert clock.now_ns == START_NS + 2 * 1_000_000 + 60_000


def test_overrun_skips_what_has_passed_and_catches_nothing_up() -> None:
    clock = Clock()
    pacer = Pacer(1000, clock, clock.sleep)
    pacer.wait()
    clock.now_ns += 3_200_000
    assert pacer.wait() == 4
    assert clock.now_ns == START_NS + 5 * 1_000_000
    assert pacer.overruns == 3
    assert pacer.wait() == 1
    assert (pacer.ticks, pacer.overruns) == (3, 3)


def test_sleep_that_wakes_early_is_repeated() -> None:
    clock = Clock()

    def restless(seconds: float) -> None:
        clock.now_ns += max(1, round(seconds * 0.5e9))

    pacer = Pacer(1000, clock, restless)
    pacer.wait()
    assert clock.now_ns == START_NS + 1_000_000
    assert pacer.lateness_ns == [0]


@given(
    rate_hz=st.integers(1, 20_000),
    late_ns=st.integers(0, 2_000_000),
    work_ns=st.lists(st.integers(0, 5_000_000), max_size=50),
)
def test_every_deadline_is_met_or_counted(rate_hz: int, late_ns: int, work_ns: list[int]) -> None:
    clock = Clock(late_ns)
    pacer = Pacer(rate_hz, clock, clock.sleep)
    passed = 0
    for work in work_ns:
        passed += pacer.wait()
        deadline_ns = START_NS + round(passed * 1e9 / rate_hz)
        assert pacer.lateness_ns[-1] == clock.now_ns - deadline_ns
        assert pacer.lateness_ns[-1] >= 0
        clock.now_ns += work
    assert pacer.ticks == len(work_ns)
    assert passed == pacer.ticks + pacer.overruns


@pytest.mark.parametrize(
    ("late_ns", "overruns", "holds"),
    [(499_000, 0, True), (501_000, 0, False), (10_000, 1, True), (10_000, 2, False)],
)
def test_a_rate_holds_by_lateness_and_by_skipped_ticks(
    late_ns: int, overruns: int, holds: bool
) -> None:
    answer = judge(1000, [late_ns] * 1500, overruns)
    assert answer["holds"] is holds
    assert answer["lateness_us"]["p99"] == pytest.approx(late_ns * 1e-3)


def test_cyclictest_output() -> None:
    # A line as rt-tests prints it.
    line = "T: 0 ( 3431) P:80 I:10000 C:    100 Min:      5 Act:   10 Avg:   14 Max:      39\n"
    assert parse_cyclictest(line) == {"min_us": 5.0, "avg_us": 14.0, "max_us": 39.0}
    assert parse_cyclictest("unable to change scheduling policy") is None


def test_rt_check_answers_in_json() -> None:
    # In a process of its own: it asks for real-time priority.
    program = "from terminal.cli import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", program, "rt-check", "--duration-s", "0.2", "--json", "-"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    answer = json.loads(done.stdout)
    assert answer["holds_hz"] in (0, 500, 1000, 2000, 5000)
    assert set(answer["granted"]) == {"sched_fifo", "memory_locked", "timer_slack", "gc_frozen"}
    for row in answer["rates"]:
        assert row["ticks"] + row["overruns"] >= 0.2 / 8 * row["rate_hz"] - 1
        assert row["lateness_us"]["p50"] <= row["lateness_us"]["p99"] <= row["lateness_us"]["max"]
