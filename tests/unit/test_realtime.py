"""Pacing with a clock that only moves when it is told to."""

import inspect
import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console
from scipy.stats import binom

from terminal.commands import rt_check
from terminal.fine_memory import TickTimes
from terminal.realtime import Pacer
from terminal.rt_check import (
    CRITERION,
    RATES_HZ,
    highest_held,
    judge,
    least_s,
    share_limit,
    table,
)
from terminal.rt_machine import cyclictest_beside, parse_cyclictest, preemption

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


@given(ahead_ns=st.integers(-10_000_000, 10_000_000), late_ns=st.integers(0, 100_000))
def test_a_first_deadline_that_is_given_starts_the_grid(ahead_ns: int, late_ns: int) -> None:
    """Also one that has passed: what lies between it and now is skipped and counted."""
    clock = Clock(late_ns)
    first_ns = START_NS + ahead_ns
    pacer = Pacer(1000, clock, clock.sleep, first_ns)
    passed = pacer.wait()
    deadline_ns = first_ns + (passed - 1) * 1_000_000
    assert 0 < deadline_ns - START_NS <= max(1_000_000, ahead_ns) or deadline_ns == START_NS
    assert pacer.lateness_ns == [clock.now_ns - deadline_ns]
    assert pacer.overruns == passed - 1 == (0 if ahead_ns > 0 else -ahead_ns // 1_000_000 + 1)


# 100,000 ticks of which 995 are slow: the 99th percentile is that of the others.
def times(late_ns: int, compute_ns: int, overruns: int) -> list[TickTimes]:
    rest = [TickTimes(1, compute_ns, late_ns)] * 99_004
    slow = [TickTimes(1, 10 * compute_ns, 0)] * 500 + [TickTimes(1, 0, 10 * late_ns)] * 495
    return [*rest, *slow, TickTimes(1 + overruns, compute_ns, late_ns)]


@pytest.mark.parametrize(
    ("late_ns", "compute_ns", "overruns", "holds"),
    [
        (500_000, 500_000, 0, True),
        (500_000, 500_100, 0, False),
        (500_100, 500_000, 0, False),
        # Poisson's 95 % limit is 9.15 for 4 events and 10.5 for 5; 10 are allowed.
        (10_000, 10_000, 4, True),
        (10_000, 10_000, 5, None),
        (10_000, 10_000, 10, None),
        (10_000, 10_000, 11, False),
    ],
)
def test_a_rate_holds_by_time_and_by_skipped_ticks(
    late_ns: int, compute_ns: int, overruns: int, holds: bool | None
) -> None:
    answer = judge(1000, times(late_ns, compute_ns, overruns))
    assert answer["holds"] is holds
    assert (answer["ticks"], answer["overruns"]) == (100_000, overruns)
    for kind, ns in (("lateness_us", late_ns), ("compute_us", compute_ns)):
        us = ns * 1e-3
        assert answer[kind] == pytest.approx({"p50": us, "p99": us, "max": 10 * us})


@pytest.mark.parametrize(("ticks", "holds"), [(10, None), (29_955, None), (29_957, True)])
def test_few_ticks_show_nothing(ticks: int, holds: bool | None) -> None:
    """That none of n is skipped has a chance of 0.9999^n where the rate just does not hold: 5 % at
    29,956."""
    answer = judge(1000, [TickTimes(1, 1000, 1000)] * ticks)
    assert answer["holds"] is holds
    assert answer["overrun_share_limit"] == pytest.approx(1.0 - 0.05 ** (1.0 / ticks))


@pytest.mark.parametrize(("skipped", "ticks"), [(0, 10), (1, 2000), (3, 31_578), (50, 100_000)])
def test_so_few_skips_are_unlikely_at_the_limit(skipped: int, ticks: int) -> None:
    limit = share_limit(skipped, ticks)
    assert binom(ticks, limit).cdf(skipped) == pytest.approx(0.05)


def test_the_default_time_is_enough() -> None:
    default = inspect.signature(rt_check).parameters["duration_s"].default
    ticks = int(default / sum(1.0 / rate_hz for rate_hz in RATES_HZ))
    assert judge(500, [TickTimes(1, 1000, 1000)] * ticks)["holds"] is True
    assert least_s(RATES_HZ) < default


def test_people_are_told_what_is_unknown_and_how_long_it_takes() -> None:
    rows = [{**judge(rate, [TickTimes(1, 1000, 1000)] * 10), "closed": True} for rate in RATES_HZ]
    about = {"granted": {}, "cyclictest": None, "governors": [], "isolated_cpus": "", "cpus": 1}
    about |= {"kernel": "", "preemption": "", "criterion": CRITERION}
    console = Console(width=80, file=io.StringIO())
    console.print(table({"holds_hz": highest_held(rows), "rates": rows, **about}))
    text = console.file.getvalue()  # type: ignore[attr-defined]
    assert "…" not in text
    assert "shown to hold none of these rates" in text
    assert text.count("unknown") == len(RATES_HZ) + 1
    assert "--duration-s 114" in text


def test_a_rate_is_believed_only_if_every_slower_one_holds() -> None:
    def highest(**holds: bool | None) -> int:
        return highest_held([{"rate_hz": int(k[1:]), "holds": v} for k, v in holds.items()])

    assert highest(r1000=True, r500=True, r2000=False) == 1000
    assert highest(r500=True, r1000=False, r2000=True) == 500
    assert highest(r500=False, r1000=True) == 0
    assert highest(r500=True, r1000=None, r2000=True) == 500


def test_cyclictest_output() -> None:
    # A line as rt-tests prints it.
    line = "T: 0 ( 3431) P:80 I:10000 C:    100 Min:      5 Act:   10 Avg:   14 Max:      39\n"
    assert parse_cyclictest(line) == {"min_us": 5.0, "avg_us": 14.0, "max_us": 39.0}
    assert parse_cyclictest("unable to change scheduling policy") is None


@pytest.mark.parametrize(
    ("script", "answer"),
    [
        ("echo 'T: 0 ( 1) P:50 I:1000 C: 9 Min: 2 Act: 3 Avg: 4 Max: 17'", 17.0),
        ("echo 'no rights' >&2; exit 1", None),
        ("exit 0", None),
    ],
)
def test_cyclictest_runs_beside_where_it_is_installed(
    script: str, answer: float | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tool = tmp_path / "cyclictest"
    tool.write_text(f"#!/bin/sh\n{script}\n")
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    with cyclictest_beside(1.0) as beside:
        assert beside == {"cyclictest": None}
    found = beside["cyclictest"]
    assert (found and found["max_us"]) == answer


def test_without_cyclictest_nothing_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with cyclictest_beside(1.0) as beside:
        pass
    assert beside == {"cyclictest": None}


@pytest.mark.parametrize(
    ("version", "realtime", "model"),
    [
        ("#1 SMP PREEMPT_DYNAMIC Debian 6.1", None, "PREEMPT_DYNAMIC"),
        ("#12 SMP PREEMPT_RT Debian 6.1", None, "PREEMPT_RT"),
        ("#12 SMP PREEMPT RT", "1", "PREEMPT_RT"),
        ("#1 SMP Tue", None, None),
        ("#1 SMP Tue", "0", None),
    ],
)
def test_the_kernel_tells_its_preemption(
    version: str, realtime: str | None, model: str | None
) -> None:
    assert preemption(version, realtime) == model


def test_rt_check_answers_in_json() -> None:
    # In a process of its own: the command as a user runs it.
    program = "from terminal.cli import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", program, "rt-check", "--duration-s", "4.5", "--json", "-"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    answer = json.loads(done.stdout)
    rates_hz = [row["rate_hz"] for row in answer["rates"]]
    assert answer["holds_hz"] in (0, *rates_hz)
    assert set(answer["granted"]) == {"sched_fifo", "memory_locked", "timer_slack", "gc_frozen"}
    assert {"kernel", "preemption", "cpus", "governors", "isolated_cpus", "rt_share"} <= set(answer)
    assert "criterion" in answer
    assert "cyclictest" in answer
    for row in answer["rates"]:
        assert row["ticks"] + row["overruns"] == round(4.5 / sum(1 / hz for hz in rates_hz))
        # 1184 ticks show nothing.
        assert not row["holds"]
        assert row["overrun_share_limit"] > 1e-4
        for kind in ("lateness_us", "compute_us"):
            assert 0.0 < row[kind]["p50"] <= row[kind]["p99"] <= row[kind]["max"]
    # The loop closes once it has probed the mirror over 400 scans.
    assert all(row["closed"] for row in answer["rates"] if row["ticks"] > 1000)
