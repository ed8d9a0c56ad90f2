"""The fine loop's process, seen from the one with the other loops: start it, watch it, end it."""

import contextlib
import os
import select
import subprocess
import sys
import time

import msgspec

from config.errors import RunError
from terminal.fine_memory import SILENCE_NS, FineMemory, FineReport
from terminal.fine_process import READY
from terminal.messages import FineCommand, FineSample
from terminal.realtime import end_with_parent
from terminal.shared_ring import RemoteRing

READY_S = 180.0
"""How long it may take to load, and at its first start on a machine to compile."""

STOP_S = 2.0
"""How long the process may take to end when it is asked to."""


class FineRing(RemoteRing[FineSample, FineCommand]):
    """The fine loop's ring. What it has said ages: a process that died leaves no fresh scan."""

    def __init__(self, memory: FineMemory) -> None:
        super().__init__("fine", FineCommand(), memory.fine)
        self._told = self.command

    def look(self, t_ns: int) -> None:
        """Take over what is new, as it looks at `t_ns`."""
        self.command = self._told
        self.refresh()
        self._told = told = self.command
        if self.sample is None:
            return
        age_ns = max(0, t_ns - self.sample.t_ns)
        told = told._replace(scan_age_s=told.scan_age_s + age_ns * 1e-9)
        if age_ns > SILENCE_NS:
            told = told._replace(closed=0, beacon=0)
        self.command = told


class FineChild:
    """One process; close it, whatever has become of it. Both sides talk in lines."""

    def __init__(self, module: str, fds: tuple[int, ...]) -> None:
        """
        module: whose `main` it runs; it reads its orders from its standard input.
        fds: of shared memory, that it gets under the same numbers.
        """
        self._process = subprocess.Popen(
            [sys.executable, "-c", f"from {module} import main; main()"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            pass_fds=fds,
            preexec_fn=end_with_parent,
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._stdin, self._stdout = self._process.stdin, self._process.stdout
        self._said = b""
        self._reported = False

    @property
    def pid(self) -> int:
        return self._process.pid

    def start(self, monotonic_ns: int) -> None:
        """Say when tick 0 is due to one that is ready."""
        self.send(str(monotonic_ns).encode())

    def send(self, line: bytes) -> None:
        """An order, without newlines. One to a process that has died is passed over."""
        try:
            self._stdin.write(line + b"\n")
            self._stdin.flush()
        except BrokenPipeError:
            return

    def hear(self, within_s: float) -> bytes | None:
        """The next line that it says; None at its end, and if it says none for so long."""
        until_ns = time.monotonic_ns() + round(within_s * 1e9)
        while b"\n" not in self._said:
            left_s = max(0.0, (until_ns - time.monotonic_ns()) * 1e-9)
            if not select.select([self._stdout], [], [], left_s)[0]:
                return None
            said = os.read(self._stdout.fileno(), 65536)
            if not said:
                return None
            self._said += said
        line, self._said = self._said.split(b"\n", 1)
        return line

    def wait_ready(self) -> None:
        """Until it has loaded and compiled all. Raises RunError if it dies on the way, or hangs."""
        if self.hear(READY_S) != READY:
            # One that has just died may not be known to be dead yet.
            self._wait(0.1)
            fate = self.fate() or f"takes more than {READY_S:g} s"
            raise RunError(f"the fine loop's process was not ready: it {fate}")

    def fate(self) -> str | None:
        """How it has failed; None while it runs, and where it has ended well."""
        code = self._process.poll()
        if not code:
            return None
        return f"ended by signal {-code}" if code < 0 else f"ended with exit code {code}"

    def report(self, within_s: float) -> FineReport | None:
        """What it says at the end of a flight; None if it says nothing, or something else."""
        try:
            report = msgspec.json.decode(self.hear(within_s) or b"", type=FineReport)
        except msgspec.MsgspecError:
            return None
        self._reported = True
        return report

    def close(self) -> None:
        """Let it end, asked to if need be; one that hangs is killed."""
        with contextlib.suppress(BrokenPipeError):
            self._stdin.close()
        if self._reported:
            # It ends by itself now; a signal on the way out would look like a death.
            self._wait(STOP_S)
        if self._process.poll() is None:
            self._process.terminate()
            if self._wait(STOP_S) is None:
                self._process.kill()
                self._process.wait()
        self._stdout.close()

    def _wait(self, seconds: float) -> int | None:
        """Its exit code; None if it does not end within so long."""
        try:
            return self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            return None
