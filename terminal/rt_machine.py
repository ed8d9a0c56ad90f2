"""What a machine says of itself that bears on its latencies, and what cyclictest says of it."""

import os
import platform
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from terminal.realtime import PRIORITY

_CPU = Path("/sys/devices/system/cpu")


def machine() -> dict[str, Any]:
    """{"kernel", "preemption", "cpus", "governors", "isolated_cpus", "rt_share"}; None where the
    system does not tell.

    preemption: the kernel's model. governors: of the frequency of the CPUs. isolated_cpus: kept
    free of other processes. rt_share: of the time that real-time processes may take.
    """
    return {
        "kernel": f"{platform.release()} {platform.version()}",
        "preemption": preemption(platform.version(), _text(Path("/sys/kernel/realtime"))),
        "cpus": len(os.sched_getaffinity(0)),
        "governors": sorted(_governors()) or None,
        "isolated_cpus": _text(_CPU / "isolated"),
        "rt_share": _rt_share(),
    }


def preemption(version: str, realtime: str | None) -> str | None:
    """The kernel's preemption model from its version line; `realtime`: /sys/kernel/realtime."""
    if realtime == "1":
        return "PREEMPT_RT"
    found = re.search(r"\b(PREEMPT\w*)\b", version)
    return found.group(1) if found else None


def _text(path: Path) -> str | None:
    try:
        return path.read_text().strip()
    except OSError:
        return None


def _governors() -> set[str]:
    read = (_text(path) for path in _CPU.glob("cpu[0-9]*/cpufreq/scaling_governor"))
    return {governor for governor in read if governor}


def _rt_share() -> float | None:
    kernel = Path("/proc/sys/kernel")
    texts = _text(kernel / "sched_rt_runtime_us"), _text(kernel / "sched_rt_period_us")
    try:
        runtime_us, period_us = (int(text or "") for text in texts)
    except ValueError:
        return None
    return 1.0 if runtime_us < 0 else runtime_us / period_us


def parse_cyclictest(text: str) -> dict[str, float] | None:
    """Minimum, mean and maximum of the first thread in the output of `cyclictest --quiet`."""
    found = re.search(r"Min:\s*(\d+).*?Avg:\s*(\d+).*?Max:\s*(\d+)", text)
    if found is None:
        return None
    return dict(zip(("min_us", "avg_us", "max_us"), map(float, found.groups()), strict=True))


@contextmanager
def cyclictest_beside(duration_s: float) -> Iterator[dict[str, dict[str, float] | None]]:
    """Runs the usual tool beside what is done in the context, 1 kHz at the fine loop's priority.

    Gives a dictionary that holds its answer as "cyclictest" afterwards: None where it is not
    installed, or fails.
    """
    answer: dict[str, dict[str, float] | None] = {"cyclictest": None}
    tool = shutil.which("cyclictest")
    if tool is None:
        yield answer
        return
    seconds = max(1, round(duration_s))
    command = [tool, "--quiet", "--interval=1000", f"--priority={PRIORITY}"]
    process = subprocess.Popen(
        [*command, f"--duration={seconds}"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    try:
        yield answer
        out, _ = process.communicate(timeout=seconds + 10)
        answer["cyclictest"] = parse_cyclictest(out.decode(errors="replace"))
    except subprocess.TimeoutExpired:
        pass
    finally:
        process.kill()
        process.wait()
