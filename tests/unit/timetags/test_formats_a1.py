"""a1 files: words of the S-Fifteen card's own test file, and both layouts."""

import struct
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from terminal.timetags.formats import TagFormatError, open_tags, write_a1
from terminal.timetags.formats.a1 import RANGE_PS

PUBLISHED = """
4ce88f21 edae1bd7 4f143308 edae1bd7 e65ceb38 edae1be0 1ded6721 edae1be3 20191f08 edae1be3
3895db01 edae1be3 3ac2e328 edae1be3 e65cc338 edae1bf0 f0179b01 edae1bf1 f2448f28 edae1bf1
a21f4f01 edae1bf2 a44c4b28 edae1bf2 b261bf21 edae1bf2 b48e9b28 edae1bf2 c325a721 edae1bf2
c5519708 edae1bf2 e65cd738 edae1c00 e65cd738 edae1c08 78370b01 edae1c09 7a640b28 edae1c09
"""
"""fpfind, tests/data/timestamp7_c14_rollover.Aa0f.ts: low and high half of its first words. Its
README: channel 4 is a delayed copy of channel 1, and some events are dummies."""

unhurried = settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60
)


def read(path: Path, most: int = 1_000_000) -> tuple[NDArray[np.int64], NDArray[np.uint8]]:
    blocks = list(open_tags(path).blocks(most))
    times = [np.empty(0, np.int64), *(block.time_ps for block in blocks)]
    channels = [np.empty(0, np.uint8), *(block.channel for block in blocks)]
    return np.concatenate(times), np.concatenate(channels)


@pytest.mark.parametrize("high_word_first", [False, True])
def test_published_words(tmp_path: Path, high_word_first: bool) -> None:
    halves = [int(text, 16) for text in PUBLISHED.split()]
    if high_word_first:
        halves = [half for i in range(0, len(halves), 2) for half in (halves[i + 1], halves[i])]
    path = tmp_path / "card.ts"
    path.write_bytes(struct.pack(f"<{len(halves)}I", *halves))
    time_ps, channel = read(path)
    assert channel.tolist() == [0, 3] * 8
    delay_ps = time_ps[1::2] - time_ps[::2]
    assert np.ptp(delay_ps) < 1_000
    assert 138_000 < delay_ps[0] < 140_000
    first_ps = Fraction(((0xEDAE1BD7 << 22) + (0x4CE88F21 >> 10)) * 1000, 256)
    assert abs(int(time_ps[0]) - first_ps) <= Fraction(1, 2)


@pytest.mark.parametrize("high_word_first", [False, True])
@unhurried
@given(
    start_ps=st.integers(0, 1 << 55),
    steps=st.lists(st.tuples(st.integers(4, 10**9), st.integers(0, 3)), min_size=20, max_size=60),
    most=st.integers(1, 70),
)
def test_round_trip_in_both_layouts(
    high_word_first: bool,
    start_ps: int,
    steps: list[tuple[int, int]],
    most: int,
    tmp_path: Path,
) -> None:
    """To half a unit of 3.9 ps, in pieces of any size."""
    time_ps = (
        start_ps + np.cumsum([step_ps for step_ps, _ in steps]) + 20_000_000 * np.arange(len(steps))
    )
    channel = np.array([number for _, number in steps], dtype=np.uint8)
    path = tmp_path / "a.a1"
    write_a1(path, time_ps, channel, high_word_first=high_word_first)
    got_ps, got_channel = read(path, most)
    assert np.max(np.abs(got_ps - time_ps)) <= 2
    np.testing.assert_array_equal(got_channel, channel)


@pytest.mark.parametrize("high_word_first", [False, True])
def test_layout_shows_in_shuffled_files_too(tmp_path: Path, high_word_first: bool) -> None:
    rng = np.random.default_rng(1)
    time_ps = rng.integers(10**14, 2 * 10**14, 1000)
    channel = rng.integers(0, 4, 1000).astype(np.uint8)
    path = tmp_path / "a.a1"
    write_a1(path, time_ps, channel, high_word_first=high_word_first)
    file = open_tags(path)
    (block,) = file.blocks()
    assert np.max(np.abs(block.time_ps - time_ps)) <= 2
    np.testing.assert_array_equal(block.index, np.arange(1000))
    assert "time_back" in [defect.kind for defect in file.defects]


def test_rollover_is_unwrapped_and_disorder_around_it_kept(tmp_path: Path) -> None:
    before_ps = RANGE_PS - 1_000_000
    time_ps = before_ps + np.arange(40) * 50_000
    time_ps[[19, 22]] = time_ps[[22, 19]]
    path = tmp_path / "a.a1"
    write_a1(path, time_ps, np.zeros(40, np.uint8))
    for most in (1, 7, 100):
        assert np.max(np.abs(read(path, most)[0] - time_ps)) <= 2
    file = open_tags(path)
    list(file.blocks())
    assert "time_back" not in [defect.kind for defect in file.defects]
    assert file.largest_step_back_ps > 0


def test_several_bits_are_one_click_each_and_markers_none(tmp_path: Path) -> None:
    words = [(10**12 + 7_777_777 * n) << 10 | (0b1111 if n % 2 else 0b11111) for n in range(20)]
    path = tmp_path / "a.a1"
    path.write_bytes(struct.pack("<20Q", *words))
    _, channel = read(path)
    assert channel.tolist() == [0, 1, 2, 3] * 10


def test_card_of_125_ps_is_recognised(tmp_path: Path) -> None:
    units = np.cumsum(np.random.default_rng(2).integers(1, 1 << 20, 200)).astype(np.uint64)
    path = tmp_path / "old.dat"
    path.write_bytes((units << np.uint64(15) | np.uint64(4)).tobytes())
    file = open_tags(path)
    (block,) = file.blocks()
    assert file.resolution_ps == 125
    np.testing.assert_array_equal(block.time_ps, units.astype(np.int64) * 125)


def test_cut_anywhere_all_whole_words_are_read(tmp_path: Path) -> None:
    time_ps = 10**12 + np.arange(40) * 10**8
    path = tmp_path / "a.a1"
    write_a1(path, time_ps, np.zeros(40, np.uint8))
    data, whole = path.read_bytes(), read(path)[0]
    for size in range(20 * 8, 40 * 8):
        path.write_bytes(data[:size])
        file = open_tags(path)
        (block,) = file.blocks()
        np.testing.assert_array_equal(block.time_ps, whole[: size // 8])
        cut = [defect for defect in file.defects if defect.kind == "truncated"]
        assert [defect.place for defect in cut] == ([size // 8 * 8] if size % 8 else [])


@unhurried
@given(bit=st.integers(0, 64 * 40 - 1), high_word_first=st.booleans())
def test_a_flipped_bit_costs_its_own_word_only(
    bit: int, high_word_first: bool, tmp_path: Path
) -> None:
    time_ps = 10**12 + np.arange(40) * 10**8
    path = tmp_path / "a.a1"
    write_a1(path, time_ps, (np.arange(40) % 4).astype(np.uint8), high_word_first=high_word_first)
    whole = read(path)
    data = bytearray(path.read_bytes())
    data[bit // 8] ^= 1 << bit % 8
    path.write_bytes(data)
    got = read(path)
    word = bit // 64
    for got_row, whole_row in zip(got, whole, strict=True):
        np.testing.assert_array_equal(got_row[:word], whole_row[:word])
        rest = 39 - word
        np.testing.assert_array_equal(got_row[got_row.size - rest :], whole_row[word + 1 :])


@unhurried
@given(st.binary(max_size=300))
def test_any_bytes_are_read_or_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.a1"
    path.write_bytes(content)
    try:
        file = open_tags(path)
    except TagFormatError:
        return
    list(file.blocks(5))
    assert all(defect.text for defect in file.defects)


@pytest.mark.parametrize("content", [np.random.default_rng(3).bytes(4000), b"no tags here " * 300])
def test_other_content_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.a1"
    path.write_bytes(content)
    with pytest.raises(TagFormatError, match=r"a\.a1: byte 0: .*no a1 stream"):
        open_tags(path)


def test_no_clicks_are_told(tmp_path: Path) -> None:
    path = tmp_path / "a.a1"
    path.write_bytes(b"")
    file = open_tags(path)
    assert list(file.blocks()) == []
    assert [defect.kind for defect in file.defects] == ["no_clicks"]


@pytest.mark.parametrize(("time_ps", "channel"), [([-1], [0]), ([1], [4]), ([1, 2], [0])])
def test_what_can_not_be_written_is_refused(
    tmp_path: Path, time_ps: list[int], channel: list[int]
) -> None:
    path = tmp_path / "a.a1"
    with pytest.raises(ValueError, match="a1"):
        write_a1(path, np.array(time_ps), np.array(channel, np.uint8))
    assert not path.exists()
