"""Reading back: whole, cut off anywhere, damaged, or no recording at all."""

import os
import signal
import subprocess
import sys
from contextlib import suppress
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from flight_record import (
    METADATA,
    START_NS,
    TOY,
    ToyCommand,
    ToySample,
    fine_ticks,
    pack,
    timing_ticks,
    write_record,
)
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mcap.reader import make_reader
from mcap.writer import Writer

from config.errors import InputError
from terminal.fields import NO_COUNTS
from terminal.messages import MESSAGES
from terminal.telemetry.reader import Recording
from terminal.telemetry.recorder import Recorder

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("record") / "pass.mcap"
    write_record(path, 2.0)
    return path


@pytest.fixture(scope="module")
def record(recorded: Path) -> bytes:
    return recorded.read_bytes()


@pytest.fixture(scope="module")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("scratch") / "pass.mcap"


def test_all_comes_back(record: bytes, scratch: Path) -> None:
    scratch.write_bytes(record)
    recording = Recording(scratch)
    assert recording.metadata == METADATA
    assert not recording.truncated
    assert recording.damaged_chunks == 0
    assert recording.messages() == MESSAGES
    assert list(recording.ticks("fine")) == fine_ticks(10_000)
    for found, (seq, sample, command) in zip(
        recording.ticks("timing"), timing_ticks(40), strict=True
    ):
        assert found[0] == seq
        for one, other in zip(found[1] + found[2], sample + command, strict=True):
            np.testing.assert_array_equal(one, other)
    assert len(recording.summary) == 100
    assert recording.summary[3][0] == START_NS + 60_000_000
    assert list(recording.ticks("no_such_message")) == []


def test_columns_are_the_ticks(record: bytes, scratch: Path) -> None:
    scratch.write_bytes(record)
    recording = Recording(scratch)
    fine = recording.columns("fine")
    ticks = fine_ticks(10_000)
    np.testing.assert_array_equal(fine["seq"], np.arange(10_000))
    for i, name in enumerate(MESSAGES["fine"].sample._fields):
        np.testing.assert_array_equal(fine[name], [sample[i] for _, sample, _ in ticks])
    for i, name in enumerate(MESSAGES["fine"].command._fields):
        expected = np.array([command[i] for _, _, command in ticks]).astype(fine[name].dtype)
        np.testing.assert_array_equal(fine[name], expected)
    timing = recording.columns("timing")
    np.testing.assert_array_equal(timing["clicks_in_gate"], np.arange(40))
    np.testing.assert_array_equal(timing["light_time_s"], 0.25 * np.arange(40))
    assert "time_ps" not in timing
    with pytest.raises(InputError, match=r"no message 'nonsense'; recorded: pointing, guidance"):
        recording.columns("nonsense")


def test_no_ticks_give_empty_columns(record: bytes, scratch: Path) -> None:
    scratch.write_bytes(record)
    assert len(Recording(scratch).columns("camera")["t_ns"]) == 0


def test_a_command_that_shares_a_name_gets_a_prefix(tmp_path: Path) -> None:
    path = tmp_path / "pass.mcap"
    recorder = Recorder(path, metadata=METADATA)
    recorder.add_layout(TOY)
    tick = (0, ToySample(START_NS, 1.0, NO_COUNTS), ToyCommand(2.0))
    recorder.write_ticks("toy", pack(TOY, [tick]))
    recorder.close()
    columns = Recording(path).columns("toy")
    assert {name: column.tolist() for name, column in columns.items()} == {
        "seq": [0],
        "t_ns": [START_NS],
        "x_rad": [1.0],
        "command_x_rad": [2.0],
    }


def test_cut_off_anywhere_gives_what_is_whole(record: bytes, scratch: Path) -> None:
    whole = fine_ticks(10_000)
    counts = []
    for cut in [*range(0, 300, 7), *range(300, len(record), len(record) // 60), len(record) - 1]:
        scratch.write_bytes(record[:cut])
        try:
            recording = Recording(scratch)
        except InputError:
            # Nothing to be had before the metadata, which are on disk before the first tick.
            assert cut < 200
            continue
        assert recording.truncated
        assert recording.metadata == METADATA
        found = list(recording.ticks("fine"))
        assert found == whole[: len(found)]
        counts.append(len(found))
    assert counts == sorted(counts)
    assert counts[-1] == len(whole)
    # Four flushes, so no cut loses more than half a second.
    assert set(counts) - {0} == {2500, 5000, 7500, 10_000}


def test_a_killed_flight_is_readable_to_its_last_flush(tmp_path: Path) -> None:
    path = tmp_path / "pass.mcap"
    program = (
        "import os, signal, sys; from pathlib import Path; from flight_record import write_record\n"
        "write_record(Path(sys.argv[1]), 1.8, close=False)\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    paths = os.pathsep.join([str(ROOT), str(Path(__file__).parent)])
    done = subprocess.run(
        [sys.executable, "-c", program, str(path)], env={**os.environ, "PYTHONPATH": paths}
    )
    assert done.returncode == -signal.SIGKILL
    recording = Recording(path)
    assert recording.truncated
    assert list(recording.ticks("fine")) == fine_ticks(7500)


def test_a_damaged_chunk_is_left_out_and_counted(record: bytes, scratch: Path) -> None:
    summary = make_reader(BytesIO(record)).get_summary()
    assert summary is not None
    third = summary.chunk_indexes[2]
    damaged = bytearray(record)
    damaged[third.chunk_start_offset + third.chunk_length // 2] ^= 0x10
    scratch.write_bytes(damaged)
    recording = Recording(scratch)
    assert recording.damaged_chunks == 1
    assert not recording.truncated
    assert len(list(recording.ticks("fine"))) == 7500


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=150)
@given(data=st.data())
def test_any_damage_is_an_input_error_or_fewer_ticks(
    recorded: Path, scratch: Path, data: st.DataObject
) -> None:
    # hypothesis shows the arguments of an example that fails: not all the bytes of a recording.
    damaged = bytearray(recorded.read_bytes())
    # The first and last bytes hold the lengths and counts; the middle is compressed.
    places = st.integers(0, 1500) | st.integers(-1500, -1) | st.integers(0, len(damaged) - 1)
    for _ in range(data.draw(st.integers(1, 5))):
        damaged[data.draw(places)] = data.draw(st.integers(0, 255))
    scratch.write_bytes(damaged)
    with suppress(InputError):
        recording = Recording(scratch)
        for name in recording.messages():
            list(recording.ticks(name))
            recording.columns(name)


@given(data=st.binary(max_size=300))
def test_no_recording(scratch: Path, data: bytes) -> None:
    scratch.write_bytes(data)
    with pytest.raises(InputError, match="not a recording of qsky"):
        Recording(scratch)


def test_a_foreign_mcap_file_is_no_recording(tmp_path: Path) -> None:
    path = tmp_path / "foreign.mcap"
    writer = Writer(str(path))
    writer.start()
    writer.finish()
    with pytest.raises(InputError, match="not a recording of qsky"):
        Recording(path)


def test_a_folder_is_no_recording(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot read the recording: Is a directory"):
        Recording(tmp_path)


@pytest.mark.parametrize(
    ("layout", "complaint"),
    [
        (b"no json", "malformed"),
        (b'[{"name":"t_ns","code":"P","part":"sample"}]', "unknown code 'P'"),
        (b'[{"name":"t ns","code":"q","part":"sample"}]', "t ns"),
        (b'[{"name":"t_ns","code":"q","part":"other"}]', "other"),
        (
            b'[{"name":"a","code":"q","part":"command"},{"name":"b","code":"q","part":"sample"}]',
            "stands behind",
        ),
    ],
)
def test_a_layout_that_no_tick_can_have(tmp_path: Path, layout: bytes, complaint: str) -> None:
    path = tmp_path / "pass.mcap"
    writer = Writer(str(path))
    writer.start()
    writer.add_metadata("qsky", METADATA)
    schema = writer.register_schema("qsky.odd", "qsky.layout", layout)
    writer.register_channel("/odd", "qsky.ticks", schema)
    channel = writer.register_channel("/other", "json", 0)
    writer.add_message(channel, 0, b"{}", 0)
    writer.finish()
    with pytest.raises(InputError, match=complaint):
        Recording(path)


def test_a_block_that_ends_inside_a_tick(tmp_path: Path) -> None:
    path = tmp_path / "pass.mcap"
    recorder = Recorder(path, metadata=METADATA)
    (tick,) = pack(MESSAGES["fine"], fine_ticks(1))
    recorder.write_ticks("fine", [tick, tick[:-1]])
    recorder.close()
    recording = Recording(path)
    with pytest.raises(InputError, match="damaged: message fine: cut off"):
        list(recording.ticks("fine"))
    with pytest.raises(InputError, match="damaged"):
        recording.columns("fine")
