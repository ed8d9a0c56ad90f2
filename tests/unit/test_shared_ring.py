"""Rings between processes behave as those within one."""

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from terminal.bus import Ring
from terminal.messages import (
    FineCommand,
    FineSample,
    ModesCommand,
    ModesSample,
    PointAheadCommand,
    PointAheadSample,
)
from terminal.shared_records import SharedMemory
from terminal.shared_ring import Newest, RemoteRing, RingWriter, SharedRing, ring_memory


@pytest.fixture
def memory() -> Iterator[SharedMemory]:
    memory = ring_memory("fine", 8)
    yield memory
    memory.close()


def tick(k: int) -> tuple[FineSample, FineCommand]:
    return FineSample(k, k % 100, 2, 3, 4, 1, 0, 1, 0.25, -0.5), FineCommand(x_counts=k % 1000)


@given(batches=st.lists(st.integers(0, 7), max_size=12), takes=st.lists(st.booleans(), max_size=12))
def test_what_readers_see_is_what_they_see_of_a_ring_here(
    batches: list[int], takes: list[bool]
) -> None:
    """The same ticks into both; after each refresh, all that a reader can ask for is equal."""
    memory = ring_memory("fine", 8)
    here: Ring[Any, Any] = Ring("fine", FineCommand())
    there: RemoteRing[Any, Any] = RemoteRing("fine", FineCommand(), memory)
    writer: RingWriter[Any, Any] = RingWriter("fine", memory)
    queues = here.subscribe(), there.subscribe()
    k = 0
    for batch, take in zip(batches, takes, strict=False):
        for _ in range(batch):
            here.push(*tick(k))
            writer.push(*tick(k))
            k += 1
        there.refresh()
        assert (there.sample, there.command) == (here.sample, here.command)
        assert (there.seq, there.lost) == (here.seq, here.lost)
        assert queues[0] == queues[1]
        if take:
            assert there.take() == here.take()
    memory.close()


def test_ticks_that_were_overwritten_are_counted(memory: SharedMemory) -> None:
    writer: RingWriter[Any, Any] = RingWriter("fine", memory)
    ring: RemoteRing[Any, Any] = RemoteRing("fine", FineCommand(), memory)
    for k in range(20):
        writer.push(*tick(k))
    ring.refresh()
    # Of 8 slots the oldest may be written at any time.
    assert (ring.seq, ring.lost) == (20, 13)
    assert [ring.codec.unpack_from(packed, 0)[0] for packed in ring.take()] == list(range(13, 20))
    assert ring.command == tick(19)[1]


def test_nobody_pushes_where_the_loop_does_not_run(memory: SharedMemory) -> None:
    ring: RemoteRing[Any, Any] = RemoteRing("fine", FineCommand(), memory)
    with pytest.raises(RuntimeError, match="another process"):
        ring.push(*tick(0))


def test_a_shared_ring_is_read_here_and_there() -> None:
    memory = ring_memory("point_ahead", 4)
    ring: SharedRing[PointAheadSample, PointAheadCommand] = SharedRing(
        "point_ahead", PointAheadCommand(), memory
    )
    newest: Newest[PointAheadSample, PointAheadCommand] = Newest(
        "point_ahead", PointAheadCommand(), memory
    )
    newest.look()
    assert (newest.sample, newest.command) == (None, PointAheadCommand())
    for k in range(10):
        sample = PointAheadSample(k, 1, 1e-6 * k, 0.0, 0.0)
        command = PointAheadCommand(aim_x_rad=1e-6 * k)
        ring.push(sample, command)
        newest.look()
        assert (newest.sample, newest.command) == (sample, command)
        assert (ring.sample, ring.command) == (sample, command)
    assert len(ring.take()) == 10
    memory.close()


def test_messages_whose_ticks_vary_in_size_are_refused() -> None:
    with pytest.raises(ValueError, match="camera"):
        ring_memory("camera", 8)


def test_modes_can_be_shared() -> None:
    memory = ring_memory("modes", 4)
    newest: Newest[ModesSample, ModesCommand] = Newest("modes", ModesCommand(), memory)
    sample = ModesSample(*(0,) * len(ModesSample._fields))._replace(t_ns=5)
    RingWriter[ModesSample, ModesCommand]("modes", memory).push(sample, ModesCommand(fine_enable=1))
    newest.look()
    assert newest.sample is not None
    assert (newest.sample.t_ns, newest.command.fine_enable) == (5, 1)
    memory.close()
