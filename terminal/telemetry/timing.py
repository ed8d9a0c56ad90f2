"""What the wall clock says of a flight: its own file, so that the recording stays reproducible."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, NamedTuple

import numpy as np
from numpy.typing import NDArray

from terminal.codec import TickCodec
from terminal.fields import I64
from terminal.messages import Message
from terminal.telemetry.recorder import Recorder

U32s = Annotated[NDArray[np.uint32], "<u4"]

_MAX_NS = 2**32 - 1


class TimingSample(NamedTuple):
    """Successive ticks of one loop."""

    t_ns: I64
    """Device time at which the block was written."""
    compute_ns: U32s
    """Wall-clock time from read to push, of each tick; 4.29 s and more count as 4.29 s."""
    lateness_ns: U32s
    """Start of the tick after its deadline; empty where nothing was paced."""


class _Nothing(NamedTuple):
    """Timing decides nothing."""


class TimingRecorder:
    """Writes one `timing.mcap`: a channel `/<loop>` of `TimingSample` for each loop."""

    def __init__(self, path: Path) -> None:
        """Raises InputError if the file cannot be created."""
        self._recorder = Recorder(path, metadata={"content": "timing"}, messages=())
        self._codecs: dict[str, TickCodec] = {}
        self._seq: dict[str, int] = {}
        self._compute_ns: dict[str, list[NDArray[np.uint32]]] = {}
        self._lateness_ns: dict[str, list[NDArray[np.uint32]]] = {}

    def write(
        self, loop: str, t_ns: int, compute_ns: Sequence[int], lateness_ns: Sequence[int] = ()
    ) -> None:
        """Ticks of one loop since the last call, ns. Raises RunError if the disk refuses."""
        if loop not in self._codecs:
            message = Message(loop, TimingSample, _Nothing, 1)
            self._recorder.add_layout(message)
            self._codecs[loop] = TickCodec(message)
            self._seq[loop] = 0
            self._compute_ns[loop] = []
            self._lateness_ns[loop] = []
        compute, lateness = _u32(compute_ns), _u32(lateness_ns)
        self._compute_ns[loop].append(compute)
        self._lateness_ns[loop].append(lateness)
        sample = TimingSample(t_ns, compute, lateness)
        tick = self._codecs[loop].pack(self._seq[loop], sample, _Nothing())
        self._recorder.write_ticks(loop, [tick])
        self._seq[loop] += 1

    def flush(self, t_ns: int) -> None:
        """Hand all to the operating system. Raises RunError if the disk refuses."""
        self._recorder.flush(t_ns)

    def close(self) -> None:
        """Write the index; a second call does nothing. Raises RunError if the disk refuses."""
        self._recorder.close()

    def compute_us(self) -> dict[str, dict[str, float]]:
        """{loop: {p50, p99}} of the computing time of all ticks so far, us."""
        return percentiles_us(self._compute_ns)

    def lateness_us(self) -> dict[str, dict[str, float]]:
        """{loop: {p50, p99}} of the lateness of all ticks so far, us."""
        return percentiles_us(self._lateness_ns)


def percentiles_us(
    blocks_ns: dict[str, list[NDArray[np.uint32]]],
) -> dict[str, dict[str, float]]:
    """{loop: {p50, p99}} in us; a loop without any tick is left out."""
    answer = {}
    for loop, blocks in blocks_ns.items():
        ns = np.concatenate([np.empty(0, np.uint32), *blocks])
        if ns.size:
            p50, p99 = np.percentile(ns, (50, 99)) * 1e-3
            answer[loop] = {"p50": float(p50), "p99": float(p99)}
    return answer


def _u32(values_ns: Sequence[int]) -> NDArray[np.uint32]:
    return np.clip(np.asarray(values_ns, dtype=np.int64), 0, _MAX_NS).astype(np.uint32)
