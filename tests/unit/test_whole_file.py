"""Files that appear whole or not at all: the writer, and that every answer goes through it."""

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from config.errors import InputError
from config.whole_file import replacing
from hil.outputs import write_whole
from sim_devices.disturbance_file import RecordedDisturbance
from sim_devices.disturbance_file import write as write_disturbance
from terminal.clock_slots import slots_file
from terminal.output import write_json
from terminal.timetags.formats.npz import write_npz

OLD, NEW = b"old", b"new"


def test_the_new_takes_the_place_of_the_old(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(OLD)
    with replacing(path) as file:
        file.write(NEW)
        file.flush()
        assert path.read_bytes() == OLD
    assert path.read_bytes() == NEW
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("error", [RuntimeError(), KeyboardInterrupt()], ids=repr)
def test_an_error_on_the_way_leaves_the_old(tmp_path: Path, error: BaseException) -> None:
    path = tmp_path / "file"
    path.write_bytes(OLD)

    def broken_off() -> None:
        with replacing(path) as file:
            file.write(NEW)
            raise error

    with pytest.raises(type(error)):
        broken_off()
    assert path.read_bytes() == OLD
    assert list(tmp_path.iterdir()) == [path]


def test_a_full_disk_leaves_the_old(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    path = tmp_path / "file"
    path.write_bytes(OLD)
    monkeypatch.setattr(os, "fsync", full)
    says = r"^--out: .*file: cannot write: No space left on device$"
    with pytest.raises(InputError, match=says), replacing(path, "--out") as file:
        file.write(NEW)
    assert path.read_bytes() == OLD
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("name", [".", "..", "no/such/folder", "/dev/null"])
def test_what_cannot_be_replaced_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match="cannot write: "), replacing(Path(name)) as file:
        file.write(NEW)
    assert list(tmp_path.iterdir()) == []


def _slots(path: Path) -> None:
    with slots_file(path, 3, []) as row:
        assert row is not None
        row[:] = 7


def _disturbance(path: Path) -> None:
    none = np.zeros((2, 2))
    write_disturbance(path, RecordedDisturbance(none, none, 1.0, 1, none[0]))


@pytest.mark.parametrize(
    "write",
    [
        _slots,
        _disturbance,
        lambda path: write_json(path, {}),
        lambda path: write_whole(path, "text"),
        lambda path: write_npz(path, np.array([1, 2]), np.array([0, 1], np.uint8)),
    ],
    ids=["slots", "disturbance", "json", "summary", "clicks"],
)
def test_every_writer_syncs_the_content_before_the_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, write: Callable[[Path], None]
) -> None:
    path, synced = tmp_path / "file", []
    path.write_bytes(OLD)
    fsync = os.fsync

    def watched(descriptor: int) -> None:
        synced.append((path.read_bytes(), os.fstat(descriptor).st_ino))
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", watched)
    write(path)
    assert synced[-1] == (OLD, path.stat().st_ino)
