"""The project's .npz: round trips, numpy as referee, cut and broken archives."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from terminal.timetags.formats import TagFile, TagFormatError, open_tags, write_npz

unhurried = settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60
)


def all_of(file: TagFile, most: int = 1_000_000) -> tuple[NDArray[np.int64], NDArray[np.uint8]]:
    blocks = list(file.blocks(most))
    times = [np.empty(0, np.int64), *(block.time_ps for block in blocks)]
    channels = [np.empty(0, np.uint8), *(block.channel for block in blocks)]
    return np.concatenate(times), np.concatenate(channels)


def clicks(n: int) -> tuple[NDArray[np.int64], NDArray[np.uint8]]:
    rng = np.random.default_rng(1)
    return np.cumsum(rng.integers(0, 10**9, n)), rng.integers(0, 4, n).astype(np.uint8)


@unhurried
@given(
    rows=st.lists(
        st.tuples(st.integers(-(1 << 63), (1 << 63) - 1), st.integers(0, 3)), max_size=50
    ),
    most=st.integers(1, 60),
)
def test_round_trip(rows: list[tuple[int, int]], most: int, tmp_path: Path) -> None:
    time_ps = np.array([time for time, _ in rows], dtype=np.int64)
    channel = np.array([number for _, number in rows], dtype=np.uint8)
    path = tmp_path / "a.npz"
    write_npz(path, time_ps, channel)
    got = all_of(open_tags(path), most)
    np.testing.assert_array_equal(got[0], time_ps)
    np.testing.assert_array_equal(got[1], channel)
    with np.load(path) as file:
        np.testing.assert_array_equal(file["time_ps"], time_ps)


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
@pytest.mark.parametrize("dtype", ["<i8", ">i8", "<u8"])
def test_files_of_numpy(tmp_path: Path, save: Callable[..., None], dtype: str) -> None:
    time_ps, channel = clicks(3000)
    path = tmp_path / "a.npz"
    save(path, time_ps=time_ps.astype(dtype), channel=channel.astype(np.int64), other=[1.0])
    for most in (7, 1000, 10_000):
        got = all_of(open_tags(path), most)
        np.testing.assert_array_equal(got[0], time_ps)
        np.testing.assert_array_equal(got[1], channel)


@pytest.mark.parametrize("save", ["own", "compressed"])
def test_cut_anywhere_what_is_before_is_read(tmp_path: Path, save: str) -> None:
    time_ps, channel = clicks(60)
    path = tmp_path / "a.npz"
    if save == "own":
        write_npz(path, time_ps, channel)
    else:
        np.savez_compressed(path, channel=channel, time_ps=time_ps)
    data = path.read_bytes()
    read = 0
    for size in range(len(data)):
        path.write_bytes(data[:size])
        try:
            file = open_tags(path)
        except TagFormatError:
            assert read == 0, size
            continue
        got = all_of(file)
        assert "truncated" in [defect.kind for defect in file.defects]
        assert got[0].size >= read
        read = got[0].size
        np.testing.assert_array_equal(got[0], time_ps[:read])
        np.testing.assert_array_equal(got[1], channel[:read])
    assert read == 60


@pytest.mark.parametrize("compressed", [False, True])
@unhurried
@given(data=st.data())
def test_a_flipped_bit_is_no_exception(
    compressed: bool, data: st.DataObject, tmp_path: Path
) -> None:
    time_ps, channel = clicks(60)
    path = tmp_path / "a.npz"
    (np.savez_compressed if compressed else np.savez)(path, channel=channel, time_ps=time_ps)
    content = bytearray(path.read_bytes())
    bit = data.draw(st.integers(0, 8 * len(content) - 1))
    content[bit // 8] ^= 1 << bit % 8
    path.write_bytes(content)
    try:
        file = open_tags(path)
    except TagFormatError:
        return
    got = all_of(file)
    assert got[0].size <= 60
    whole = np.array_equal(got[0], time_ps) and np.array_equal(got[1], channel)
    assert whole or file.defects
    assert all(defect.text for defect in file.defects)


@unhurried
@given(content=st.binary(max_size=300))
def test_any_bytes_are_refused(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    for begin in (b"", b"PK\x03\x04"):
        path.write_bytes(begin + content)
        with pytest.raises(TagFormatError, match=r"a\.npz: byte \d"):
            open_tags(path)


@pytest.mark.parametrize(
    "arrays",
    [
        {"time_ps": np.arange(3)},
        {"channel": np.arange(3)},
        {"time_ps": np.arange(3.0), "channel": np.arange(3)},
        {"time_ps": np.arange(4).reshape(2, 2), "channel": np.arange(4)},
    ],
)
def test_what_is_no_row_of_clicks_is_refused(
    tmp_path: Path, arrays: dict[str, NDArray[np.int64]]
) -> None:
    np.savez(tmp_path / "a.npz", allow_pickle=False, **arrays)
    with pytest.raises(TagFormatError, match=r"time_ps|channel"):
        open_tags(tmp_path / "a.npz")


def test_rows_of_different_length_are_read_as_far_as_both_go(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", time_ps=np.arange(5), channel=np.zeros(3, np.uint8))
    file = open_tags(tmp_path / "a.npz")
    assert all_of(file)[0].size == 3
    assert "truncated" in [defect.kind for defect in file.defects]


def test_clicks_of_other_channels_are_left_out_but_counted(tmp_path: Path) -> None:
    channel = np.array([0, 9, 1, 255, 3])
    np.savez(tmp_path / "a.npz", time_ps=np.arange(5), channel=channel)
    file = open_tags(tmp_path / "a.npz")
    (block,) = file.blocks()
    assert block.index.tolist() == [0, 2, 4]
    assert file.clicks == 5
    stray = next(defect for defect in file.defects if defect.kind == "stray_channel")
    assert (stray.place, "2 clicks" in stray.text) == (1, True)


def test_a_failed_write_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    write_npz(path, np.arange(3), np.zeros(3, np.uint8))
    before = path.read_bytes()
    with pytest.raises(ValueError, match="one channel"):
        write_npz(path, np.arange(3), np.zeros(2, np.uint8))
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]
