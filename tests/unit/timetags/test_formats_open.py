"""Which format a file is, which channels are H V D A, and what its clicks tell of its soundness."""

import sys
import types
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from config.errors import InputError
from terminal.timetags.formats import TagFormatError, open_tags, write_a1, write_npz

RECORD = np.dtype([("time", "<u8"), ("channel", "<u2")])


def qutag(path: Path, times: NDArray[np.int64], channels: NDArray[np.int64]) -> Path:
    rows = np.zeros(times.size, RECORD)
    rows["time"], rows["channel"] = times, channels
    path.write_bytes(b"\x87\xb3\x91\xfa".ljust(40, b"\0") + rows.tobytes())
    return path


def test_format_by_content_then_by_suffix(tmp_path: Path) -> None:
    time_ps = np.arange(100) * 10**7
    write_npz(tmp_path / "tags.a1", time_ps, np.zeros(100, np.uint8))
    write_a1(tmp_path / "tags.dat", time_ps, np.zeros(100, np.uint8))
    qutag(tmp_path / "tags.bin", time_ps, np.zeros(100, int))
    formats = {path.suffix: open_tags(path).format for path in tmp_path.iterdir()}
    assert formats == {".a1": "npz", ".dat": "a1", ".bin": "qutag"}


@pytest.mark.parametrize("name", ["tags.txt", "tags", "missing.npz", "folder.a1"])
def test_what_can_not_be_opened_is_one_line(tmp_path: Path, name: str) -> None:
    (tmp_path / "tags.txt").write_bytes(b"1 2 3")
    (tmp_path / "tags").write_bytes(b"1 2 3")
    (tmp_path / "folder.a1").mkdir()
    with pytest.raises(InputError) as error:
        open_tags(tmp_path / name)
    assert isinstance(error.value, TagFormatError)
    assert name in str(error.value)
    assert "\n" not in str(error.value)


def test_channels_in_ascending_order_are_hvda(tmp_path: Path) -> None:
    file = open_tags(qutag(tmp_path / "a.qutag", np.arange(5), np.array([9, 2, 5, 7, 104])))
    (block,) = file.blocks()
    assert (file.found, file.channels) == ((2, 5, 7, 9), (2, 5, 7, 9))
    assert block.channel.tolist() == [3, 0, 1, 2]
    assert block.index.tolist() == [0, 1, 2, 3]
    assert file.records == 5


def test_channels_as_told(tmp_path: Path) -> None:
    path = qutag(tmp_path / "a.qutag", np.arange(5), np.array([1, 2, 3, 4, 5]))
    with pytest.raises(TagFormatError, match="has channels 1, 2, 3, 4, 5"):
        open_tags(path)
    (block,) = open_tags(path, channels=[5, 4, 2, 1]).blocks()
    assert block.channel.tolist() == [3, 2, 1, 0]
    assert block.index.tolist() == [0, 1, 3, 4]
    (block,) = open_tags(path, channels="all").blocks()
    assert block.channel.tolist() == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("channels", [[], [1, 1], [1, 2, 3, 4, 5], [1 << 20]])
def test_channels_that_are_none(tmp_path: Path, channels: list[int]) -> None:
    path = qutag(tmp_path / "a.qutag", np.arange(5), np.arange(5))
    with pytest.raises(ValueError, match="channels"):
        open_tags(path, channels)


def test_single_wrong_bits_in_channels_do_not_cost_the_file(tmp_path: Path) -> None:
    number = np.arange(1000) % 4
    number[[100, 200]] = [32, 17]
    file = open_tags(qutag(tmp_path / "a.qutag", np.arange(1000), number))
    (block,) = file.blocks()
    assert file.channels == (0, 1, 2, 3)
    assert block.channel.size == 998
    assert [(defect.kind, defect.place) for defect in file.defects] == [("stray_channel", 100)]


def test_fewer_channels_than_four_are_told(tmp_path: Path) -> None:
    file = open_tags(qutag(tmp_path / "a.qutag", np.arange(6), np.array([0, 1, 3] * 2)))
    assert file.defects[0].kind == "few_channels"


def test_qutag_cut_anywhere(tmp_path: Path) -> None:
    path = qutag(tmp_path / "a.qutag", np.arange(10) * 1000, np.arange(10) % 4)
    data = path.read_bytes()
    for size in range(len(data)):
        path.write_bytes(data[:size])
        if size < 40:
            with pytest.raises(TagFormatError, match=f"byte {size}"):
                open_tags(path)
            continue
        file = open_tags(path)
        assert sum(block.time_ps.size for block in file.blocks(3)) == (size - 40) // 10
        assert ("truncated" in [defect.kind for defect in file.defects]) == bool(size % 10)


@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60
)
@given(content=st.binary(max_size=200))
def test_any_qutag_records_are_read_or_refused(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "a.qutag"
    path.write_bytes(bytes(40) + content)
    try:
        file = open_tags(path)
    except TagFormatError:
        file = open_tags(path, channels="all")
    for block in file.blocks(3):
        assert np.all(block.time_ps >= 0)
    assert all(defect.text for defect in file.defects)


def write_with_counts(path: Path, counts: tuple[int, int, int, int]) -> Path:
    channel = np.random.default_rng(1).permutation(np.repeat(np.arange(4), counts))
    write_npz(path, np.arange(channel.size) * 1000, channel.astype(np.uint8))
    return path


@pytest.mark.parametrize(
    ("counts", "kinds"),
    [
        ((500, 500, 500, 500), []),
        ((900, 900, 100, 100), []),
        ((550, 450, 480, 520), []),
        ((500, 500, 500, 3), ["dead_channel"]),
        ((0, 500, 500, 500), ["dead_channel"]),
        ((500, 500, 0, 0), ["dead_channel", "dead_channel"]),
        ((500, 500, 5000, 500), ["hot_channel"]),
        ((3, 0, 5, 2), []),
    ],
)
def test_dead_and_hot_channels(
    tmp_path: Path, counts: tuple[int, int, int, int], kinds: list[str]
) -> None:
    file = open_tags(write_with_counts(tmp_path / "a.npz", counts))
    list(file.blocks(100))
    assert [defect.kind for defect in file.defects] == kinds
    assert file.counts == counts


def test_defects_are_of_one_pass(tmp_path: Path) -> None:
    time_ps = np.array([5, 6, 2, 7, 8, 1, 9])
    write_npz(tmp_path / "a.npz", time_ps, np.zeros(7, np.uint8))
    file = open_tags(tmp_path / "a.npz")
    for most in (1, 3, 7):
        blocks = list(file.blocks(most))
        assert max(block.time_ps.size for block in blocks) == most
        np.testing.assert_array_equal(np.concatenate([b.index for b in blocks]), np.arange(7))
        (back,) = file.defects
        assert (back.kind, back.place) == ("time_back", 2)
        assert "2 times" in back.text
        assert file.largest_step_back_ps == 7


def test_no_block_of_no_size(tmp_path: Path) -> None:
    write_npz(tmp_path / "a.npz", np.arange(3), np.zeros(3, np.uint8))
    with pytest.raises(ValueError, match="at least one"):
        list(open_tags(tmp_path / "a.npz").blocks(0))


def test_swabian_needs_its_library(tmp_path: Path) -> None:
    (tmp_path / "a.ttbin").write_bytes(b"SITT")
    with pytest.raises(TagFormatError, match="pip install Swabian-TimeTagger"):
        open_tags(tmp_path / "a.ttbin")


class FakeEvents:
    """As TimeTagStreamBuffer is documented; two clicks and a notice of missed events."""

    def getEventTypes(self) -> NDArray[np.uint8]:  # noqa: N802
        return np.array([0, 4, 0], np.uint8)

    def getTimestamps(self) -> NDArray[np.int64]:  # noqa: N802
        return np.array([10, 11, 12])

    def getChannels(self) -> NDArray[np.int32]:  # noqa: N802
        return np.array([-2, 3, 3], np.int32)


class FakeReader:
    def __init__(self, name: str) -> None:
        self.left = 2

    def hasData(self) -> bool:  # noqa: N802
        return self.left > 0

    def getData(self, most: int) -> FakeEvents:  # noqa: N802
        self.left -= 1
        return FakeEvents()


def test_swabian_through_a_library_as_documented(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    library = types.ModuleType("TimeTagger")
    library.FileReader = FakeReader  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "TimeTagger", library)
    (tmp_path / "a.ttbin").write_bytes(b"SITT")
    file = open_tags(tmp_path / "a.ttbin")
    first, _ = file.blocks()
    assert file.channels == (-2, 3)
    assert (first.time_ps.tolist(), first.channel.tolist()) == ([10, 12], [0, 1])
    lost = next(defect for defect in file.defects if defect.kind == "overflow_lost")
    assert lost.place == 1
