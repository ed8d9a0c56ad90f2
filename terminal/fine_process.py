"""The fine loop in a process of its own: read the quad cell, step, write the mirror, push.

Nothing else runs here: no other loop, no recorder, no log. What the other loops decide comes
through shared memory and counts only while it is fresh; should they fall silent, the loop opens and
the mirror goes to its centre.
"""

import contextlib
import gc
import os
import signal
import sys
import time
from collections.abc import Callable
from typing import Any

import msgspec

from config.errors import InputError, RunError
from config.terminal import TerminalConfig
from drivers.protocols import DeviceError, Mirror, QuadDetector
from drivers.registry import build
from terminal.control.fine.step import initial, step
from terminal.dummy_bench import DummyBench
from terminal.fine_memory import SILENCE_NS, FineJob, FineMemory, FineReport, TimesWriter
from terminal.loop import Loop
from terminal.loops.fine import bound
from terminal.messages import (
    FineCommand,
    FineSample,
    ModesCommand,
    ModesSample,
    PointAheadCommand,
    PointAheadSample,
)
from terminal.realtime import Pacer, prepare
from terminal.shared_ring import Newest, RingWriter

READY = b"ready"
_WARM_UP_TICKS = 1000
"""More than a probe's 400 scans."""

_ASKED_TO_END: list[int] = []
"""Signals that asked this process to end."""

Advance = Callable[[int, int], None]
"""(first period, periods): what has to happen before the tick of the last of them; a simulation
moves its world here."""


class FineLoop:
    """The loop between its devices and the shared memory; `tick` is all that a period holds."""

    def __init__(
        self, config: TerminalConfig, memory: FineMemory, quad: QuadDetector, mirror: Mirror
    ) -> None:
        self._modes: Newest[ModesSample, ModesCommand] = Newest(
            "modes", ModesCommand(), memory.modes
        )
        self._ahead: Newest[PointAheadSample, PointAheadCommand] = Newest(
            "point_ahead", PointAheadCommand(), memory.point_ahead
        )
        ring: RingWriter[FineSample, FineCommand] = RingWriter("fine", memory.fine)
        read, write = bound(quad.poll, mirror.command, self._modes, self._ahead)
        self._mirror = mirror
        state = initial(config)
        self._loop = Loop("fine", config.rates.fine_hz, state, step, read, write, ring)
        self._times = TimesWriter(memory.times)

    def tick(self, t_ns: int, periods: int, lateness_ns: int) -> bool:
        """One tick, `periods` after the last. Whether the other loops are silent."""
        silent = self._orders(t_ns)
        self._loop.tick(t_ns)
        self._times.push(periods, self._loop.compute_ns.pop(), lateness_ns)
        return silent

    def centre(self, t_ns: int) -> None:
        """The mirror, at the end."""
        self._mirror.command(0, 0, t_ns)

    def _orders(self, t_ns: int) -> bool:
        modes = self._modes
        modes.look()
        self._ahead.look()
        if modes.sample is None:
            return True
        # As bad is a time in the future, which would hide a silence that follows.
        if abs(t_ns - modes.sample.t_ns) <= SILENCE_NS:
            return False
        modes.command = ModesCommand()
        return True


def run(job: FineJob, loop: FineLoop, pacer: Pacer, advance: Advance | None = None) -> None:
    """Tick until the last period, until asked to end, or until the parent is gone.

    However that ends, the mirror goes to its centre.
    """
    try:
        _ticks(job, loop, pacer, advance)
    finally:
        loop.centre(job.start_tai_ns)


def _ticks(job: FineJob, loop: FineLoop, pacer: Pacer, advance: Advance | None) -> None:
    period_ns = job.period_ns
    k = 0
    while k < job.periods and not _ASKED_TO_END:
        # An overrun at the very end reaches beyond the flight.
        passed = min(pacer.wait(), job.periods - k)
        if advance is not None:
            advance(k, passed)
        k += passed
        t_ns = job.start_tai_ns + (k - 1) * period_ns
        if loop.tick(t_ns, passed, pacer.lateness_ns.pop()) and os.getppid() != job.parent_pid:
            return


def warm_up(config: TerminalConfig) -> None:
    """Load and compile what a tick calls, on a state that is thrown away: through a probe of the
    mirror, and what is made of it, until the loop is closed."""
    state, bench = initial(config), DummyBench(config)
    period_s = 1.0 / config.rates.fine_hz
    for k in range(_WARM_UP_TICKS):
        t_ns = round((k + 1) * period_s * 1e9)
        _, _, a, b, c, d, _ = bench.poll(t_ns)
        state, command = step(state, FineSample(t_ns, a, b, c, d, 1, 0, 1), period_s)
        bench.command(command.x_counts, command.y_counts, t_ns)


def serve(
    job: FineJob, quad: QuadDetector, mirror: Mirror, advance: Advance | None = None
) -> FineReport:
    """One flight, once the devices are open; SIGTERM ends it early.

    When all is loaded, compiled and granted it says so, and hears the deadline of tick 0.
    """
    loop = FineLoop(job.config, FineMemory.attach(job.fds), quad, mirror)
    warm_up(job.config)
    granted = prepare()
    gc.disable()
    say(READY)
    start_ns = int(sys.stdin.buffer.readline() or time.monotonic_ns())
    pacer = Pacer(job.config.rates.fine_hz, first_ns=start_ns)
    run(job, loop, pacer, advance)
    health = {
        role: {name: value for name, value in device.health._asdict().items() if value}
        for role, device in (("quad", quad), ("mirror", mirror))
    }
    return FineReport(granted, pacer.ticks, pacer.overruns, {r: h for r, h in health.items() if h})


def say(line: bytes) -> None:
    """To the parent, which may be gone."""
    with contextlib.suppress(OSError):
        os.write(1, line + b"\n")


def as_child(body: Callable[[bytes], FineReport]) -> None:
    """`body` for each line that the parent sends; its report goes back.

    Errors are one line, exit code 1.
    """
    # Ctrl-C reaches all processes of a terminal; the parent decides when this one ends.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda number, frame: _ASKED_TO_END.append(number))
    try:
        while not _ASKED_TO_END and (line := sys.stdin.buffer.readline()):
            say(msgspec.json.encode(body(line)))
    except (InputError, RunError, DeviceError, ValueError) as error:
        sys.stderr.write(f"qsky: fine loop: {error}\n")
        raise SystemExit(1) from None


def _on_hardware(text: bytes) -> FineReport:
    job = msgspec.json.decode(text, type=FineJob)
    devices = job.config.devices
    nothing_in_process: dict[str, Any] = {}
    quad: QuadDetector = build("quad", devices["quad"], nothing_in_process)
    try:
        mirror: Mirror = build("mirror", devices["mirror"], nothing_in_process)
        try:
            return serve(job, quad, mirror)
        finally:
            mirror.close()
    finally:
        quad.close()


def main() -> None:
    """The process for real devices: they are opened by their URLs. So far only tests start it, on
    pseudo-terminals: `qsky run --realtime` starts that of `hil.fine_process`."""
    as_child(_on_hardware)
