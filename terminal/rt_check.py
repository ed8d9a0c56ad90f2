"""What loop rate this machine holds: measured lateness of paced loops."""

import os
import platform
import re
import shutil
import subprocess
from collections.abc import Callable
from typing import Any

import numpy as np
from rich.table import Table

from terminal.bus import Ring
from terminal.messages import FineCommand, FineSample
from terminal.realtime import PRIORITY, Pacer, prepare

RATES_HZ = (500, 1000, 2000, 5000)
MAX_OVERRUN_SHARE = 1e-3
"""More skipped ticks than this: the rate is not held."""


def check(duration_s: float) -> dict[str, Any]:
    """Measure every rate with an empty tick and with the record of a fine-loop tick.

    The process stays at real-time priority afterwards, if that was granted.

    {"holds_hz": the highest rate held with both loads, 0 if none, "rates": [{"rate_hz", "load",
    "lateness_us": {"p50", "p99", "max"}, "overruns", "ticks", "holds"}], "granted", "kernel",
    "cpus", "cyclictest": {"min_us", "avg_us", "max_us"} or None}
    """
    granted = prepare()
    each_s = duration_s / (2 * len(RATES_HZ))
    rates = [
        {"rate_hz": rate_hz, "load": load, **_measure(rate_hz, each_s, tick)}
        for rate_hz in RATES_HZ
        for load, tick in (("empty", _nothing), ("record", _recorder()))
    ]
    failed = {row["rate_hz"] for row in rates if not row["holds"]}
    return {
        "holds_hz": max((rate for rate in RATES_HZ if rate not in failed), default=0),
        "rates": rates,
        "granted": granted,
        "kernel": f"{platform.release()} {platform.version()}",
        "cpus": len(os.sched_getaffinity(0)),
        "cyclictest": _cyclictest(each_s),
    }


def table(answer: dict[str, Any]) -> Table:
    """The answer of `check` for people."""
    granted = ", ".join(name for name, given in answer["granted"].items() if given) or "nothing"
    refused = ", ".join(name for name, given in answer["granted"].items() if not given) or "nothing"
    shown = Table(
        title=f"This machine holds {answer['holds_hz']} Hz",
        caption=f"granted: {granted}; refused: {refused}\n"
        f"{answer['cpus']} CPUs, kernel {answer['kernel']}",
    )
    shown.add_column("rate")
    shown.add_column("load")
    for column in ("p50 us", "p99 us", "max us", "skipped", "ticks"):
        shown.add_column(column, justify="right")
    shown.add_column("holds")
    for row in answer["rates"]:
        late = row["lateness_us"]
        shown.add_row(
            f"{row['rate_hz']} Hz",
            row["load"],
            *(f"{late[key]:.0f}" for key in ("p50", "p99", "max")),
            str(row["overruns"]),
            str(row["ticks"]),
            "yes" if row["holds"] else "no",
        )
    return shown


def judge(rate_hz: float, lateness_ns: list[int], overruns: int) -> dict[str, Any]:
    """One measurement: a rate holds if 99 % of its ticks start within half a period and fewer than
    one in a thousand is skipped."""
    ticks = len(lateness_ns)
    p50, p99, most = np.percentile(np.array(lateness_ns), (50, 99, 100)) * 1e-3
    half_period_us = 0.5e6 / rate_hz
    return {
        "lateness_us": {"p50": float(p50), "p99": float(p99), "max": float(most)},
        "overruns": overruns,
        "ticks": ticks,
        "holds": bool(p99 < half_period_us and overruns < MAX_OVERRUN_SHARE * (ticks + overruns)),
    }


def parse_cyclictest(text: str) -> dict[str, float] | None:
    """Minimum, mean and maximum of the first thread in the output of `cyclictest --quiet`."""
    found = re.search(r"Min:\s*(\d+).*?Avg:\s*(\d+).*?Max:\s*(\d+)", text)
    if found is None:
        return None
    return dict(zip(("min_us", "avg_us", "max_us"), map(float, found.groups()), strict=True))


def _measure(rate_hz: int, duration_s: float, tick: Callable[[], None]) -> dict[str, Any]:
    pacer = Pacer(rate_hz)
    due = max(1, round(duration_s * rate_hz))
    passed = 0
    while passed < due:
        passed += pacer.wait()
        tick()
    return judge(rate_hz, pacer.lateness_ns, pacer.overruns)


def _nothing() -> None:
    pass


def _recorder() -> Callable[[], None]:
    """A tick that records as the fine loop does."""
    ring: Ring[FineSample, FineCommand] = Ring("fine", FineCommand())
    sample = FineSample(0, 100, 100, 100, 100, 1, 0, 1)
    command = FineCommand()

    def tick() -> None:
        ring.push(sample, command)
        if ring.seq % 1000 == 0:
            ring.take()

    return tick


def _cyclictest(duration_s: float) -> dict[str, float] | None:
    """What the usual tool says, if it is installed: 1 kHz at our own priority."""
    tool = shutil.which("cyclictest")
    if tool is None:
        return None
    seconds = max(1, round(duration_s))
    pace = ["--interval=1000", f"--priority={PRIORITY}", f"--duration={seconds}"]
    command = [tool, "--quiet", *pace]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=seconds + 10)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return parse_cyclictest(done.stdout)
