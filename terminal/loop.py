"""The shape of every loop: read, step, write, push.

`step` is pure: state, sample and the time since the last sample in, state and command out. It
never asks a clock or a device, so a recording can drive it again.
"""

from collections.abc import Callable
from time import perf_counter_ns
from typing import Any, Generic, NamedTuple, Protocol, TypeVar

S = TypeVar("S")
M = TypeVar("M")
C = TypeVar("C")
_M = TypeVar("_M", contravariant=True)
_C = TypeVar("_C", contravariant=True)

Step = Callable[[S, M, float], tuple[S, C]]


class Sink(Protocol[_M, _C]):
    """Where a loop's ticks go: a ring of this process, or one that others read."""

    def push(self, sample: _M, command: _C) -> None: ...


class StepClock:
    """dt between samples, from their own times alone: the same in flight and in replay."""

    __slots__ = ("_last_ns", "_period_s")

    def __init__(self, rate_hz: float) -> None:
        self._last_ns = 0
        self._period_s = 1.0 / rate_hz

    def dt_s(self, t_ns: int) -> float:
        """Seconds since the last call; the nominal period at the first."""
        dt = (t_ns - self._last_ns) * 1e-9 if self._last_ns else self._period_s
        self._last_ns = t_ns
        return dt


class Loop(Generic[S, M, C]):
    """One loop bound to its devices. `tick` is the whole of its life."""

    def __init__(
        self,
        name: str,
        rate_hz: int,
        state: S,
        step: Step[S, M, C],
        read: Callable[[int], M],
        write: Callable[[C, int], None],
        ring: Sink[M, C],
    ) -> None:
        self.name = name
        self.rate_hz = rate_hz
        self.compute_ns: list[int] = []
        """Wall-clock cost of each tick; whoever records timing takes and clears it."""
        self._state = state
        self._step = step
        self._read = read
        self._write = write
        self._ring = ring
        self._clock = StepClock(rate_hz)

    def tick(self, t_ns: int) -> None:
        started = perf_counter_ns()
        sample = self._read(t_ns)
        self._state, command = self._step(self._state, sample, self._clock.dt_s(t_ns))
        self._write(command, t_ns)
        self._ring.push(sample, command)
        self.compute_ns.append(perf_counter_ns() - started)


class Blueprint(NamedTuple):
    """A loop before it is bound: what `terminal.main` lists and replay runs again."""

    name: str
    make: Callable[..., tuple[Any, Any]]
    """(mission, terminal config, start_tai_ns) -> (initial state, step)."""
    bind: Callable[..., tuple[Any, Any]]
    """(context) -> (read, write)."""
