"""A small made-up recording that several tests share."""

from pathlib import Path
from typing import Annotated, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from terminal.codec import TickCodec
from terminal.messages import MESSAGES, FineCommand, FineSample, Message
from terminal.quantum_messages import TimingCommand, TimingSample
from terminal.telemetry.recorder import Recorder

START_NS = 1_700_000_000_000_000_000
FINE_NS = 200_000
TIMING_NS = 50_000_000
METADATA = {"scenario": "toy", "seed": "7"}


class ToySample(NamedTuple):
    """A message that the table does not know, with the same name for two of its fields."""

    t_ns: Annotated[int, "q"]
    x_rad: Annotated[float, "d"]
    spots: Annotated[NDArray[np.float64], "<f8"]


class ToyCommand(NamedTuple):
    x_rad: Annotated[float, "d"] = 0.0


class Nothing(NamedTuple):
    """No command."""


TOY = Message("toy", ToySample, ToyCommand, 10)
EMPTY = Message("empty", ToySample, Nothing, 10)


def fine_ticks(count: int) -> list[tuple[int, FineSample, FineCommand]]:
    return [
        (
            k,
            FineSample(START_NS + k * FINE_NS, k % 100, -k % 100, 3, 4, 1, 0, 1),
            FineCommand(x_counts=k % 1000, y_counts=-(k % 1000), x_rad=0.5 * k),
        )
        for k in range(count)
    ]


def timing_ticks(count: int) -> list[tuple[int, TimingSample, TimingCommand]]:
    ticks = []
    for k in range(count):
        time_ps = np.arange(k, dtype=np.int64) * 1000
        sample = TimingSample(
            START_NS + k * TIMING_NS, 1, 0.25 * k, 0.0, 1, 0, time_ps, (time_ps % 4).astype("u1")
        )
        ticks.append((k, sample, TimingCommand(status=1, clicks_in_gate=k, slot=time_ps)))
    return ticks


def pack(message: Message, ticks: list[tuple[int, Any, Any]]) -> list[bytes]:
    codec = TickCodec(message)
    return [codec.pack(*tick) for tick in ticks]


def write_record(path: Path, seconds: float, close: bool = True) -> Recorder:
    """Fine ticks at 5 kHz, timing ticks at 20 Hz, a summary at 50 Hz; flushed twice a second."""
    recorder = Recorder(path, metadata=METADATA)
    fine = pack(MESSAGES["fine"], fine_ticks(int(seconds * 5000)))
    timing = pack(MESSAGES["timing"], timing_ticks(int(seconds * 20)))
    for k in range(int(seconds * 50)):
        t_ns = START_NS + k * 20_000_000
        recorder.write_ticks("fine", fine[k * 100 : (k + 1) * 100])
        if k % 5 == 4:
            recorder.write_ticks("timing", timing[k // 5 * 2 : k // 5 * 2 + 2])
        recorder.summary(t_ns, {"mode": k % 7, "qber": 0.01 * k, "locked": k > 3})
        if k % 25 == 24:
            recorder.flush(t_ns)
    if close:
        recorder.close()
    return recorder
