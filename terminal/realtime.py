"""Real time: absolute deadlines for the loops, and what the system grants to keep them."""

import ctypes
import gc
import os
import resource
import signal
import time
from collections.abc import Callable

_NS = 1_000_000_000

PRIORITY = 50
"""SCHED_FIFO priority of the fine loop: above all ordinary processes, below the kernel's own
threads (99)."""

SLOW_PRIORITY = 40
"""Of the process with the other loops."""

_PR_SET_PDEATHSIG = 1


class Pacer:
    """Absolute deadlines at a fixed rate: start, start + period, ... without drift.

    A deadline that has passed before the loop came back is skipped and counted, never caught up:
    the loop goes on at the next one that is still ahead.
    """

    def __init__(
        self,
        rate_hz: float,
        now_ns: Callable[[], int] = time.monotonic_ns,
        sleep: Callable[[float], None] = time.sleep,
        first_ns: int | None = None,
    ) -> None:
        """first_ns: the first deadline, by the same clock as `now_ns`; None: one period from now.

        Where it has passed already, the deadlines since are skipped and counted as others are.
        """
        self.lateness_ns: list[int] = []
        """Start of each tick after its deadline; whoever records timing takes and clears it."""
        self.overruns = 0
        """Deadlines skipped so far."""
        self.ticks = 0
        """Deadlines met so far, late or not."""
        self._period_ns = _NS / rate_hz
        self._now_ns = now_ns
        self._sleep = sleep
        self._start_ns = now_ns() if first_ns is None else first_ns - round(self._period_ns)
        self._index = 0

    def wait(self) -> int:
        """Sleep until the next deadline that is still ahead.

        Returns the periods since the deadline before: 1, or more after an overrun.
        """
        now = self._now_ns()
        due = max(self._index + 1, int((now - self._start_ns) // self._period_ns) + 1)
        deadline = self._start_ns + round(due * self._period_ns)
        while now < deadline:
            self._sleep((deadline - now) / _NS)
            now = self._now_ns()
        passed = due - self._index
        self._index = due
        self.overruns += passed - 1
        self.ticks += 1
        self.lateness_ns.append(now - deadline)
        return passed


def prepare(priority: int = PRIORITY) -> dict[str, bool]:
    """Ask the system for what a real-time process wants; tells what was granted, never fails.

    sched_fifo: fixed priority over ordinary processes. memory_locked: no page is swapped out.
    timer_slack: timers fire without the default 50 us of grouping. gc_frozen: what is alive now is
    never looked at again by the collector.
    """
    gc.collect()
    gc.freeze()
    return {
        "sched_fifo": _sched_fifo(priority),
        "memory_locked": _lock_memory(),
        "timer_slack": _timer_slack(),
        "gc_frozen": True,
    }


def _sched_fifo(priority: int) -> bool:
    # What this process starts later, threads too, is ordinary again.
    policy = os.SCHED_FIFO | os.SCHED_RESET_ON_FORK
    try:
        os.sched_setscheduler(0, policy, os.sched_param(priority))
    except OSError:
        return False
    return True


def _lock_memory() -> bool:
    """mlockall(2) of all pages, now and later."""
    current_and_future = 1 | 2
    # Under a limit, locking of later pages would make later allocations fail: then better not.
    if os.geteuid() and resource.getrlimit(resource.RLIMIT_MEMLOCK)[0] != resource.RLIM_INFINITY:
        return False
    return _libc_call("mlockall", current_and_future)


def _timer_slack() -> bool:
    """prctl(2) PR_SET_TIMERSLACK of 1 ns."""
    pr_set_timerslack = 29
    return _libc_call("prctl", pr_set_timerslack, 1, 0, 0, 0)


def end_with_parent() -> None:
    """For a child process, between fork and exec: SIGTERM reaches it when its parent dies."""
    _libc_call("prctl", _PR_SET_PDEATHSIG, signal.SIGTERM)


def _libc_call(name: str, *arguments: int) -> bool:
    try:
        function = getattr(ctypes.CDLL(None), name)
    except (OSError, AttributeError):
        return False
    return bool(function(*(ctypes.c_ulong(argument) for argument in arguments)) == 0)
