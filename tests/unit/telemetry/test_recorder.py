"""What stands in the file, read by the MCAP library alone."""

import json
from pathlib import Path

import pytest
from flight_record import (
    EMPTY,
    METADATA,
    START_NS,
    TOY,
    Nothing,
    ToyCommand,
    ToySample,
    fine_ticks,
    pack,
    write_record,
)
from mcap.reader import make_reader

from config.errors import InputError, RunError
from terminal.fields import NO_COUNTS
from terminal.messages import MESSAGES
from terminal.telemetry.reader import Recording
from terminal.telemetry.recorder import Recorder


def test_the_same_ticks_give_the_same_bytes_anywhere(tmp_path: Path) -> None:
    (tmp_path / "other_folder").mkdir()
    one, other = tmp_path / "one.mcap", tmp_path / "other_folder" / "pass.mcap"
    write_record(one, 2.0)
    write_record(other, 2.0)
    assert one.read_bytes() == other.read_bytes()
    assert str(tmp_path).encode() not in one.read_bytes()


def test_header_and_metadata(tmp_path: Path) -> None:
    path = tmp_path / "pass.mcap"
    write_record(path, 0.1)
    with path.open("rb") as file:
        reader = make_reader(file, validate_crcs=True)
        header = reader.get_header()
        assert (header.profile, header.library) == ("qsky", "qsky")
        assert [(m.name, m.metadata) for m in reader.iter_metadata()] == [("qsky", METADATA)]


def test_ticks_lie_in_blocks_with_device_time(tmp_path: Path) -> None:
    path = tmp_path / "pass.mcap"
    recorder = Recorder(path, metadata=METADATA)
    packed = pack(MESSAGES["fine"], fine_ticks(250))
    recorder.write_ticks("fine", packed[:30])
    recorder.write_ticks("fine", packed[30:])
    recorder.close()
    with path.open("rb") as file:
        found = list(make_reader(file).iter_messages("/fine"))
    assert b"".join(message.data for *_, message in found) == b"".join(packed)
    assert [len(message.data) // len(packed[0]) for *_, message in found] == [100, 100, 50]
    assert [message.log_time for *_, message in found] == [
        START_NS + k * 200_000 for k in (0, 100, 200)
    ]
    assert all(message.publish_time == message.log_time for *_, message in found)
    assert [message.sequence for *_, message in found] == [0, 1, 2]


def test_the_layout_tells_every_field(tmp_path: Path) -> None:
    path = tmp_path / "pass.mcap"
    Recorder(path, metadata=METADATA).close()
    with path.open("rb") as file:
        summary = make_reader(file).get_summary()
    assert summary is not None
    assert {channel.topic for channel in summary.channels.values()} == {f"/{m}" for m in MESSAGES}
    schema = next(s for s in summary.schemas.values() if s.name == "qsky.point_ahead")
    assert schema.encoding == "qsky.layout"
    assert json.loads(schema.data) == [
        {"name": "t_ns", "code": "q", "part": "sample"},
        {"name": "valid", "code": "B", "part": "sample"},
        {"name": "point_ahead_x_rad", "code": "d", "part": "sample"},
        {"name": "point_ahead_y_rad", "code": "d", "part": "sample"},
        {"name": "signal_offset_rad", "code": "d", "part": "sample"},
        {"name": "x_counts", "code": "h", "part": "command"},
        {"name": "y_counts", "code": "h", "part": "command"},
        {"name": "aim_x_rad", "code": "d", "part": "command"},
        {"name": "aim_y_rad", "code": "d", "part": "command"},
        {"name": "limited", "code": "B", "part": "command"},
    ]


def test_summary_is_json_that_its_schema_describes(tmp_path: Path) -> None:
    path = tmp_path / "pass.mcap"
    recorder = Recorder(path, metadata=METADATA)
    values = {
        "mode": 3,
        "qber": 0.02,
        "locked": True,
        "note": "a",
        "axes": [0.5, 1.0],
        "fine": {"x_rad": 1e-6},
        "unknown": None,
    }
    recorder.summary(START_NS, values)
    recorder.close()
    with path.open("rb") as file:
        ((schema, channel, message),) = make_reader(file).iter_messages("/summary")
    assert channel.message_encoding == "json"
    assert schema is not None
    assert schema.encoding == "jsonschema"
    assert json.loads(message.data) == values
    assert json.loads(schema.data) == {
        "type": "object",
        "properties": {
            "mode": {"type": "number"},
            "qber": {"type": "number"},
            "locked": {"type": "boolean"},
            "note": {"type": "string"},
            "axes": {"type": "array", "items": {"type": "number"}},
            "fine": {"type": "object", "properties": {"x_rad": {"type": "number"}}},
            "unknown": {},
        },
    }


def test_messages_beside_the_table(tmp_path: Path) -> None:
    path = tmp_path / "pass.mcap"
    recorder = Recorder(path, metadata=METADATA)
    recorder.add_layout(TOY)
    recorder.add_layout(EMPTY)
    sample = ToySample(START_NS, 1.0, NO_COUNTS)
    recorder.write_ticks("toy", pack(TOY, [(0, sample, ToyCommand(2.0))]))
    recorder.write_ticks("empty", pack(EMPTY, [(0, sample, Nothing())]))
    recorder.close()
    recording = Recording(path)
    ((seq, toy, command),) = recording.ticks("toy")
    assert (seq, toy.x_rad, toy.spots.tolist(), command.x_rad) == (0, 1.0, [0.0] * 16, 2.0)
    ((_, _, nothing),) = recording.ticks("empty")
    assert nothing == ()


def test_flush_leaves_nothing_old_behind(tmp_path: Path) -> None:
    path = tmp_path / "pass.mcap"
    recorder = Recorder(path, metadata=METADATA)
    recorder.write_ticks("fine", pack(MESSAGES["fine"], fine_ticks(30)))
    recorder.flush(START_NS + 400_000_000)
    assert list(Recording(path).ticks("fine")) == []
    recorder.flush(START_NS + 900_000_000)
    assert len(list(Recording(path).ticks("fine"))) == 30
    recorder.close()


def test_a_folder_that_is_not_there_is_bad_input(tmp_path: Path) -> None:
    path = tmp_path / "missing" / "pass.mcap"
    with pytest.raises(InputError, match=r"pass\.mcap: cannot create the recording: No such file"):
        Recorder(path, metadata=METADATA)


def test_only_its_owner_reads_a_recording(tmp_path: Path) -> None:
    path = tmp_path / "pass.mcap"
    path.touch(0o644)
    Recorder(path, metadata=METADATA).close()
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_full_disk_is_a_failed_run() -> None:
    full = Path("/dev/full")
    if not full.exists():
        pytest.skip("this system has no /dev/full")
    with pytest.raises(RunError, match="/dev/full: cannot write the recording: No space left"):
        Recorder(full, metadata=METADATA)


def test_close_after_the_disk_filled_up_says_nothing_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recorder = Recorder(tmp_path / "pass.mcap", metadata=METADATA)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(recorder._writer, "flush", full)
    with pytest.raises(RunError, match="No space left on device"):
        recorder.flush(START_NS)
    recorder.close()
