"""The wall clock's own file."""

from pathlib import Path

import numpy as np
import pytest

from terminal.telemetry.reader import Recording
from terminal.telemetry.timing import TimingRecorder, percentiles_us


def test_blocks_come_back(tmp_path: Path) -> None:
    path = tmp_path / "timing.mcap"
    recorder = TimingRecorder(path)
    recorder.write("fine", 1_000, [10, 20, 30])
    recorder.write("coarse", 1_000, [70], [5])
    recorder.write("fine", 2_000, [40, 2**40], [-3, 8])
    recorder.flush(2_000)
    recorder.close()
    recording = Recording(path)
    assert set(recording.messages()) == {"fine", "coarse"}
    first, second = recording.ticks("fine")
    assert first[1].compute_ns.tolist() == [10, 20, 30]
    assert first[1].lateness_ns.tolist() == []
    assert (second[0], second[1].t_ns) == (1, 2_000)
    assert second[1].compute_ns.tolist() == [40, 2**32 - 1]
    assert second[1].lateness_ns.tolist() == [0, 8]


def test_percentiles(tmp_path: Path) -> None:
    recorder = TimingRecorder(tmp_path / "timing.mcap")
    recorder.write("fine", 0, range(0, 50_500, 1000))
    recorder.write("fine", 0, range(51_000, 101_000, 1000))
    recorder.close()
    assert recorder.compute_us() == {"fine": {"p50": pytest.approx(50), "p99": pytest.approx(99)}}
    assert recorder.lateness_us() == {}


def test_percentiles_of_nothing() -> None:
    assert percentiles_us({"fine": [], "coarse": [np.empty(0, np.uint32)]}) == {}
