"""What fine-loop rate this machine holds: the loop's own process, measured on dummy devices."""

import os
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

import msgspec
import numpy as np
from rich.table import Table

from config.errors import RunError
from config.loader import load_scenario
from config.terminal import TerminalConfig
from terminal.dummy_bench import at_rate
from terminal.fine_child import FineChild, FineRing
from terminal.fine_memory import FineJob, FineMemory, FineReport, TickTimes, TimesReader
from terminal.messages import ModesCommand, ModesSample
from terminal.realtime import Pacer
from terminal.rt_machine import cyclictest_beside, machine
from terminal.shared_ring import RingWriter

RATES_HZ = (500, 1000, 2000, 5000, 10_000)
MAX_OVERRUN_SHARE = 1e-4
"""As many skipped ticks, or more: the rate is not held."""
CRITERION = (
    f"fewer than {MAX_OVERRUN_SHARE:g} of the ticks skipped, p99 of lateness and p99 of computing "
    "time together within the period, and so at every slower rate"
)

_LIKE = "leo_haps_downlink"
"""Scenario whose terminal is measured."""
_LEAD_NS = 50_000_000
_SLOW_HZ = 50
_START_TAI_NS = 1_000_000_000


def check(duration_s: float, rates_hz: Sequence[int] = RATES_HZ) -> dict[str, Any]:
    """Run the fine loop's process at each rate for an equal part of `duration_s`.

    {"holds_hz": the highest rate at which it may fly, 0 if none, "criterion", "rates": [{"rate_hz",
    "load", "lateness_us": {"p50", "p99", "max"}, "compute_us": the same, "overruns", "ticks",
    "closed", "holds"}], "granted", "kernel", "preemption", "cpus", "governors", "isolated_cpus",
    "rt_share", "cyclictest": {"min_us", "avg_us", "max_us"} or None}

    Raises RunError if the process does not start, or dies.
    """
    config = load_scenario(_LIKE).terminal
    each_s = duration_s / len(rates_hz)
    with ExitStack() as stack:
        memories = [stack.enter_context(_memory()) for _ in rates_hz]
        child = FineChild("terminal.rt_child", tuple(fd for m in memories for fd in m.fds))
        stack.callback(child.close)
        with cyclictest_beside(duration_s) as beside:
            measured = [
                _measure(child, at_rate(config, rate_hz), memory, each_s)
                for rate_hz, memory in zip(rates_hz, memories, strict=True)
            ]
    rows = [row for row, _ in measured]
    return {
        "holds_hz": highest_held(rows),
        "criterion": CRITERION,
        "rates": rows,
        "granted": measured[0][1].granted,
        **machine(),
        **beside,
    }


def highest_held(rows: Sequence[dict[str, Any]]) -> int:
    """A stall that shows at one rate is there at every faster one, seen or not; 0: none holds."""
    highest = 0
    for row in sorted(rows, key=lambda row: row["rate_hz"]):
        if not row["holds"]:
            break
        highest = row["rate_hz"]
    return highest


def judge(rate_hz: int, times: Sequence[TickTimes]) -> dict[str, Any]:
    """One measurement: its figures, and whether the rate holds by `CRITERION` (of itself alone)."""
    periods, compute_ns, lateness_ns = np.array(times, dtype=np.int64).reshape(-1, 3).T
    ticks = len(periods)
    overruns = int(periods.sum()) - ticks
    lateness_us, compute_us = _percentiles(lateness_ns), _percentiles(compute_ns)
    in_time = lateness_us["p99"] + compute_us["p99"] <= 1e6 / rate_hz
    return {
        "rate_hz": rate_hz,
        "load": "fine loop",
        "lateness_us": lateness_us,
        "compute_us": compute_us,
        "overruns": overruns,
        "ticks": ticks,
        "holds": bool(in_time and overruns < MAX_OVERRUN_SHARE * (ticks + overruns)),
    }


def table(answer: dict[str, Any]) -> Table:
    """The answer of `check` for people."""
    granted = ", ".join(name for name, given in answer["granted"].items() if given) or "nothing"
    refused = ", ".join(name for name, given in answer["granted"].items() if not given) or "nothing"
    beside = answer["cyclictest"]
    governors = ", ".join(answer["governors"] or ["not told"])
    isolated = answer["isolated_cpus"] or "none"
    caption = [
        f"granted: {granted}; refused: {refused}",
        f"{answer['cpus']} CPUs, isolated: {isolated}; frequency governors: {governors}",
        f"kernel {answer['kernel']}, preemption {answer['preemption'] or 'not told'}",
        f"cyclictest: at most {beside['max_us']:.0f} us late" if beside else "no cyclictest",
        f"holds: {answer['criterion']}",
    ]
    shown = Table(title=f"This machine holds {answer['holds_hz']} Hz", caption="\n".join(caption))
    for name in ("rate", "late, us", "p99", "max", "compute", "p99", "max", "skipped", "ticks"):
        shown.add_column(name, justify="right", no_wrap=True)
    shown.add_column("holds")
    for row in answer["rates"]:
        figures = [row[kind][p] for kind in ("lateness_us", "compute_us") for p in _SHOWN]
        shown.add_row(
            f"{row['rate_hz']} Hz",
            *(f"{us:.0f}" for us in figures),
            str(row["overruns"]),
            str(row["ticks"]),
            "yes" if row["holds"] else "no",
        )
    return shown


_SHOWN = ("p50", "p99", "max")


def _percentiles(ns: Any) -> dict[str, float]:
    return dict(zip(_SHOWN, (1e-3 * np.percentile(ns, (50, 99, 100))).tolist(), strict=True))


@contextmanager
def _memory() -> Iterator[FineMemory]:
    memory = FineMemory.create()
    try:
        yield memory
    finally:
        memory.close()


def _measure(
    child: FineChild, config: TerminalConfig, memory: FineMemory, duration_s: float
) -> tuple[dict[str, Any], FineReport]:
    """One rate, with the loop closed by orders such as the modes loop gives."""
    rate_hz = config.rates.fine_hz
    modes: RingWriter[ModesSample, ModesCommand] = RingWriter("modes", memory.modes)
    sample = ModesSample(*(0,) * len(ModesSample._fields))
    reader, ring = TimesReader(memory.times), FineRing(memory)
    times: list[TickTimes] = []
    periods = max(1, round(duration_s * rate_hz))
    job = FineJob(config, _START_TAI_NS, periods, os.getpid(), memory.fds)
    child.send(msgspec.json.encode(job))
    child.wait_ready()
    start_ns = time.monotonic_ns() + _LEAD_NS
    child.start(start_ns)
    pacer = Pacer(_SLOW_HZ)
    report = None
    while report is None:
        t_ns = _START_TAI_NS + time.monotonic_ns() - start_ns
        modes.push(sample._replace(t_ns=t_ns), ModesCommand(fine_enable=1))
        ring.look(t_ns)
        ring.take()
        times += reader.take()
        if child.fate() is not None:
            raise RunError(f"the fine loop's process {child.fate()}")
        pacer.wait()
        report = child.report(0.0)
    times += reader.take()
    ring.look(t_ns)
    return {**judge(rate_hz, times), "closed": bool(ring.command.closed)}, report
