"""Records in shared memory: against a list, against damage, and from one process to another."""

import os
import select
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from terminal.shared_records import RecordReader, RecordWriter, SharedMemory

SIZE = 12


@contextmanager
def shared(slots: int) -> Iterator[tuple[SharedMemory, SharedMemory]]:
    """The same memory, mapped twice."""
    one = SharedMemory.create(SIZE, slots)
    two = SharedMemory(os.dup(one.fd))
    try:
        yield one, two
    finally:
        two.close()
        one.close()


def record(seq: int) -> bytes:
    return seq.to_bytes(SIZE, "little")


@given(
    slots=st.integers(2, 9),
    steps=st.lists(st.tuples(st.integers(0, 25), st.booleans()), max_size=30),
)
def test_a_reader_at_its_own_pace_sees_all_or_counts_it(
    slots: int, steps: list[tuple[int, bool]]
) -> None:
    """Records pushed, then perhaps taken, over and over: against the list of all records."""
    with shared(slots) as (one, two):
        writer, slow, eager = RecordWriter(one), RecordReader(two), RecordReader(two)
        pushed = seen = lost = 0
        for count, takes in steps:
            for _ in range(count):
                writer.push(record(pushed))
                pushed += 1
                assert eager.newest() == record(pushed - 1)
            if takes:
                first = max(seen, pushed - (slots - 1))
                lost, seen = lost + first - seen, pushed
                assert slow.take() == [record(seq) for seq in range(first, pushed)]
                assert slow.lost == lost
        assert eager.newest() == (record(pushed - 1) if pushed else None)
        assert eager.newest() is eager.newest()


@given(at=st.integers(0, SIZE + 11), bit=st.integers(0, 7))
def test_no_damaged_record_is_taken(at: int, bit: int) -> None:
    """Whatever bit of the newest slot is wrong, as where a writer has not got further."""
    with shared(4) as (one, two):
        writer, reader = RecordWriter(one), RecordReader(two)
        writer.push(record(0))
        assert reader.newest() == record(0)
        writer.push(record(1))
        place = 64 + one.slot_bytes + at
        one.map[place] ^= 1 << bit
        assert reader.newest() == record(0)
        assert reader.take() == []
        one.map[place] ^= 1 << bit
        assert reader.take() == [record(0), record(1)]
        assert reader.lost == 0


@given(count=st.integers(0, 2**64 - 1))
def test_a_count_without_its_record_is_not_believed(count: int) -> None:
    with shared(4) as (one, two):
        writer, reader = RecordWriter(one), RecordReader(two)
        writer.push(record(0))
        one.count[0] = count
        assert reader.newest() in (None, record(0))
        assert reader.take() in ([], [record(0)])
        writer.push(record(1))
        assert reader.newest() == record(1)
        assert reader.take()[-1] == record(1)
        assert reader.lost == 0


def test_what_was_overwritten_in_mid_reading_is_counted() -> None:
    """The writer comes round while the reader is at the oldest record."""
    with shared(4) as (one, two):
        writer = RecordWriter(one)

        class Interrupted(RecordReader):
            def _whole(self, seq: int) -> bytes | None:
                if seq == 0:
                    for later in (3, 4, 5):
                        writer.push(record(later))
                return super()._whole(seq)

        reader = Interrupted(two)
        for seq in range(3):
            writer.push(record(seq))
        # 0 and 1 are gone, and 2 lies where the next one may be written just now.
        assert reader.take() == []
        assert reader.lost == 3
        assert reader.take() == [record(3), record(4), record(5)]
        assert reader.lost == 3


@pytest.mark.parametrize("size", [SIZE - 1, SIZE + 1])
def test_a_record_of_another_size_is_refused(size: int) -> None:
    with shared(4) as (one, two):
        with pytest.raises(IndexError):
            RecordWriter(one).push(bytes(size))
        assert RecordReader(two).newest() is None


def test_what_is_no_ring_is_refused(tmp_path: Path) -> None:
    for content in (b"", b"short", bytes(200), b"qskyring" + bytes(200)):
        path = tmp_path / "other"
        path.write_bytes(content)
        with path.open("r+b") as file, pytest.raises(ValueError, match="shared memory"):
            SharedMemory(file.fileno())


WRITER = """
import os, sys
from terminal.shared_records import RecordWriter, SharedMemory
fd, count, size = map(int, sys.argv[1:])
writer = RecordWriter(SharedMemory(fd))
for seq in range(count):
    writer.push(seq.to_bytes(size, "little"))
os.write(1, b"done")
sys.stdin.read()
"""


def _writer(memory: SharedMemory, count: int) -> "subprocess.Popen[bytes]":
    command = [sys.executable, "-c", WRITER, str(memory.fd), str(count), str(SIZE)]
    return subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, pass_fds=(memory.fd,)
    )


def test_from_one_process_to_another_nothing_torn_and_nothing_uncounted() -> None:
    """The writer goes round the ring as fast as it can while this process reads."""
    count = 100_000
    memory = SharedMemory.create(SIZE, 64)
    with _writer(memory, count) as process:
        reader, newest = RecordReader(memory), RecordReader(memory)
        taken: list[int] = []
        give_up = time.monotonic() + 60.0
        while reader.lost + len(taken) < count and time.monotonic() < give_up:
            taken += (int.from_bytes(each, "little") for each in reader.take())
            last = newest.newest()
            assert last is None or int.from_bytes(last, "little") < count
        process.communicate()
    assert taken == sorted(set(taken))
    assert taken[-1] == count - 1
    assert len(taken) + reader.lost == count
    memory.close()


def test_a_writer_that_is_killed_leaves_whole_records_and_no_name() -> None:
    memory = SharedMemory.create(SIZE, 1 << 17)
    assert "memfd:" in str(Path(f"/proc/self/fd/{memory.fd}").readlink())
    with _writer(memory, 1000) as process:
        assert process.stdout is not None
        assert select.select([process.stdout], [], [], 60.0)[0]
        process.kill()
    reader = RecordReader(memory)
    assert reader.take() == [record(seq) for seq in range(1000)]
    memory.close()
