"""`qsky clock recover` on files far longer than a block: memory does not grow with them."""

import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from clock_case import Run, answer

from terminal.timetags.formats import write_npz

SLOTS = 1 << 16


def write_stream(folder: Path, clicks: int) -> list[str]:
    """A million clicks a second, all of them signal; 200 ps jitter."""
    rng = np.random.default_rng(2)
    state = rng.integers(0, 4, SLOTS).astype(np.uint8)
    slot = np.cumsum(rng.integers(1, 200, clicks))
    time_ps = np.rint(slot * 10_000.05 + 200.0 * rng.standard_normal(clicks)).astype(np.int64)
    sent, basis = state[slot % SLOTS], rng.integers(0, 2, clicks)
    bit = np.where(basis == sent // 2, sent % 2, rng.integers(0, 2, clicks))
    write_npz(folder / "tags.npz", time_ps, (2 * basis + bit).astype(np.uint8))
    np.save(folder / "true.npy", slot % SLOTS)
    np.savez(folder / "pattern.npz", state=state)
    words = ["clock", "recover", str(folder / "tags.npz"), "--slot-ps", "10000"]
    return [*words, "--pattern", str(folder / "pattern.npz"), "--slots", str(folder / "slots.npy")]


@pytest.mark.slow
def test_memory_is_bounded_by_the_block(qsky: Run, tmp_path: Path) -> None:
    peaks = []
    for clicks in (2_000_000, 8_000_000):
        words = write_stream(tmp_path, clicks)
        tracemalloc.start()
        try:
            got = answer(qsky, *words)
            peaks.append(tracemalloc.get_traced_memory()[1])
        finally:
            tracemalloc.stop()
        assert got["locked"] is True
        slots, true = np.load(tmp_path / "slots.npy"), np.load(tmp_path / "true.npy")
        np.testing.assert_array_equal(slots, true)
    assert peaks[1] < 1.2 * peaks[0]
