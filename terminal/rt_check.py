"""What fine-loop rate this machine holds: the loop's own process, measured on dummy devices."""

import os
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from math import ceil, log, log1p
from typing import Any

import msgspec
import numpy as np
from rich.box import SIMPLE_HEAD
from rich.table import Table
from scipy.special import betaincinv

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
CONFIDENCE = 0.95
CRITERION = (
    f"fewer than {MAX_OVERRUN_SHARE:g} of the ticks skipped ({CONFIDENCE:.0%} sure), p99 of "
    "lateness and p99 of computing time together within the period, and so at every slower rate"
)

_LIKE = "leo_haps_downlink"
"""Scenario whose terminal is measured."""
_LEAD_NS = 50_000_000
_SLOW_HZ = 50
_START_TAI_NS = 1_000_000_000


def check(duration_s: float, rates_hz: Sequence[int] = RATES_HZ) -> dict[str, Any]:
    """Run the fine loop's process at each rate, for as many ticks at each and `duration_s` in all.

    {"holds_hz": the highest rate at which it may fly, 0 if none is shown, "criterion", "rates":
    [{"rate_hz", "load", "lateness_us": {"p50", "p99", "max"}, "compute_us": the same, "overruns",
    "ticks", "overrun_share_limit", "closed", "holds": see `judge`}], "granted", "kernel",
    "preemption", "cpus", "governors", "isolated_cpus", "rt_share", "cyclictest": {"min_us",
    "avg_us", "max_us"} or None}

    Raises RunError if the process does not start, or dies.
    """
    config = load_scenario(_LIKE).terminal
    # A stall of one period is as likely to be seen at any rate; a longer one at slower rates too.
    ticks = duration_s / sum(1.0 / rate_hz for rate_hz in rates_hz)
    with ExitStack() as stack:
        memories = [stack.enter_context(_memory()) for _ in rates_hz]
        child = FineChild("terminal.rt_child", tuple(fd for m in memories for fd in m.fds))
        stack.callback(child.close)
        with cyclictest_beside(duration_s) as beside:
            measured = [
                _measure(child, at_rate(config, rate_hz), memory, ticks / rate_hz)
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
    """A stall that shows at one rate is there at every faster one, seen or not; 0: none is shown
    to hold."""
    highest = 0
    for row in sorted(rows, key=lambda row: row["rate_hz"]):
        if not row["holds"]:
            break
        highest = row["rate_hz"]
    return highest


def judge(rate_hz: int, times: Sequence[TickTimes]) -> dict[str, Any]:
    """One measurement: its figures, and whether the rate holds by `CRITERION` (of itself alone).

    holds: True, False, or None where the ticks are too few to tell.
    """
    periods, compute_ns, lateness_ns = np.array(times, dtype=np.int64).reshape(-1, 3).T
    ticks = len(periods)
    overruns = int(periods.sum()) - ticks
    lateness_us, compute_us = _percentiles(lateness_ns), _percentiles(compute_ns)
    in_time = lateness_us["p99"] + compute_us["p99"] <= 1e6 / rate_hz
    limit = share_limit(overruns, ticks + overruns)
    holds: bool | None = True
    if not in_time or overruns >= MAX_OVERRUN_SHARE * (ticks + overruns):
        holds = False
    elif limit >= MAX_OVERRUN_SHARE:
        holds = None
    return {
        "rate_hz": rate_hz,
        "load": "fine loop",
        "lateness_us": lateness_us,
        "compute_us": compute_us,
        "overruns": overruns,
        "ticks": ticks,
        "overrun_share_limit": limit,
        "holds": holds,
    }


def share_limit(skipped: int, ticks: int) -> float:
    """Upper limit, `CONFIDENCE` sure, of the share of ticks that are skipped, where so many of
    `ticks` were: Clopper and Pearson, Biometrika 26, 1934, 404. Skips count as independent.

    skipped: fewer than all.
    """
    return float(betaincinv(skipped + 1, ticks - skipped, CONFIDENCE))


def least_s(rates_hz: Sequence[int]) -> float:
    """How long `check` has to take to show that rates hold at which no tick is skipped."""
    ticks = log(1.0 - CONFIDENCE) / log1p(-MAX_OVERRUN_SHARE)
    return ticks * sum(1.0 / rate_hz for rate_hz in rates_hz)


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
    if any(row["holds"] is None for row in answer["rates"]):
        need_s = least_s([row["rate_hz"] for row in answer["rates"]])
        caption.append(
            "unknown: too few ticks to show it; where none is skipped, --duration-s "
            f"{ceil(need_s)} does"
        )
    held = f"{answer['holds_hz']} Hz" if answer["holds_hz"] else "none of these rates"
    # A console of 80 columns shows all of it.
    shown = Table(
        title=f"This machine is shown to hold {held}",
        caption="\n".join(caption),
        box=SIMPLE_HEAD,
        collapse_padding=True,
    )
    late, compute = ("late, us\np50", "p99", "max"), ("compute\np50", "p99", "max")
    for name in ("Hz", *late, *compute, "skipped\nof ticks", "share"):
        shown.add_column(name, justify="right", no_wrap=True)
    shown.add_column("holds")
    for row in answer["rates"]:
        figures = [row[kind][p] for kind in ("lateness_us", "compute_us") for p in _SHOWN]
        shown.add_row(
            str(row["rate_hz"]),
            *(f"{us:.0f}" for us in figures),
            f"{row['overruns']} of {row['ticks'] + row['overruns']}",
            f"< {row['overrun_share_limit']:.0e}",
            _HOLDS[row["holds"]],
        )
    return shown


_SHOWN = ("p50", "p99", "max")
_HOLDS = {True: "yes", False: "no", None: "unknown"}


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
