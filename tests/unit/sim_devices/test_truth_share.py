"""The mapped file by which an emulator tells its true state."""

import math
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.errors import InputError
from sim_devices.truth_share import TruthReader, TruthWriter

T0_NS = 1_860_000_000_000_000_001
NAMES = ("yaw_rad", "pitch_rad")


def test_tells_names_time_and_values(tmp_path: Path) -> None:
    writer = TruthWriter(tmp_path / "truth", NAMES)
    reader = TruthReader(tmp_path / "truth")
    assert reader.names == NAMES
    assert reader.read() is None
    writer.write(T0_NS, (0.1, -0.2))
    assert reader.read() == (1, T0_NS, (0.1, -0.2))
    assert reader.read() == (1, T0_NS, (0.1, -0.2))
    writer.write(T0_NS + 1, (0.3, 0.4))
    assert reader.read() == (2, T0_NS + 1, (0.3, 0.4))
    writer.close()
    assert TruthReader(tmp_path / "truth").read() == (2, T0_NS + 1, (0.3, 0.4))


@given(st.integers(-(2**63), 2**63 - 1), st.lists(st.floats(), min_size=1, max_size=20))
def test_carries_every_number(
    tmp_path_factory: pytest.TempPathFactory, t_ns: int, values: list[float]
) -> None:
    path = tmp_path_factory.getbasetemp() / "any"
    TruthWriter(path, [f"value_{i}" for i in range(len(values))]).write(t_ns, values)
    told = TruthReader(path).read()
    assert told is not None
    assert told.t_ns == t_ns
    for got, sent in zip(told.values, values, strict=True):
        assert got == sent or (math.isnan(got) and math.isnan(sent))


WRITE_MANY = """
import sys
from pathlib import Path
from sim_devices.truth_share import TruthWriter
writer = TruthWriter(Path(sys.argv[1]), [f"value_{i}" for i in range(64)])
print(flush=True)
for k in range(1, 30_001):
    writer.write(k, [float(k)] * 64)
"""


def test_never_shows_half_of_a_write(tmp_path: Path) -> None:
    root = Path(__file__).resolve().parents[3]
    command = [sys.executable, "-c", WRITE_MANY, str(tmp_path / "truth")]
    with subprocess.Popen(command, cwd=root, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        reader = TruthReader(tmp_path / "truth")
        last = 0
        while last < 30_000:
            ended = process.poll() is not None
            told = reader.read()
            if told is not None:
                assert told.sequence >= last
                assert told.t_ns == told.sequence
                assert set(told.values) == {float(told.sequence)}
                last = told.sequence
            assert last == 30_000 or not ended
        assert process.wait() == 0


def test_a_writer_that_died_while_writing_leaves_the_record_before(tmp_path: Path) -> None:
    path = tmp_path / "truth"
    writer = TruthWriter(path, NAMES)
    writer.write(T0_NS, (1.0, 2.0))
    reader = TruthReader(path)
    whole = reader.read()
    with path.open("r+b") as file:
        file.seek(-12, 2)
        file.write(b"\x55\x55\x55\x55")
    assert reader.read() == whole
    assert TruthReader(path).read() is None


def test_the_number_of_values_is_held(tmp_path: Path) -> None:
    writer = TruthWriter(tmp_path / "truth", NAMES)
    with pytest.raises(Exception, match="expected 4"):
        writer.write(T0_NS, (1.0,))


def test_a_new_writer_takes_the_place_of_an_old_file(tmp_path: Path) -> None:
    TruthWriter(tmp_path / "truth", NAMES).write(T0_NS, (1.0, 2.0))
    TruthWriter(tmp_path / "truth", ("angle_rad",))
    assert TruthReader(tmp_path / "truth").names == ("angle_rad",)
    assert [path.name for path in tmp_path.iterdir()] == ["truth"]


@given(st.binary(max_size=200))
def test_a_file_of_another_kind_is_refused(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    path = tmp_path_factory.getbasetemp() / "other"
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"other: (not a|cannot read the) truth file"):
        TruthReader(path)


@given(st.integers(0, 200))
def test_a_file_cut_short_or_damaged_in_its_head_is_refused(
    tmp_path_factory: pytest.TempPathFactory, position: int
) -> None:
    path = tmp_path_factory.getbasetemp() / "cut"
    TruthWriter(path, NAMES).close()
    content = path.read_bytes()
    path.write_bytes(content[: min(position, len(content) - 1)])
    with pytest.raises(InputError):
        TruthReader(path)
    damaged = bytearray(content)
    damaged[position % 16] ^= 0x80
    path.write_bytes(damaged)
    with pytest.raises(InputError):
        TruthReader(path)


def test_paths_that_cannot_be(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot read"):
        TruthReader(tmp_path / "none")
    with pytest.raises(InputError, match="cannot write"):
        TruthWriter(tmp_path / "no" / "folder", NAMES)
    (tmp_path / "folder").mkdir()
    with pytest.raises(InputError, match="cannot write"):
        TruthWriter(tmp_path / "folder", NAMES)
    assert [path.name for path in tmp_path.iterdir()] == ["folder"]
