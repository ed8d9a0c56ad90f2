"""PTU files from a writer made after PicoQuant's published format, with ptufile as the referee."""

import struct
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import numpy as np
import ptufile
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from terminal.timetags.formats import TagFormatError, open_tags

HYDRA1_T2, HYDRA2_T2, MULTI_T2, PICO_T2 = 0x00010204, 0x01010204, 0x00010207, 0x00010203
HYDRA1_T3, HYDRA2_T3, MULTI_T3, PICO_T3 = 0x00010304, 0x01010304, 0x00010307, 0x00010303
INT, FLOAT, TEXT, EMPTY = 0x10000008, 0x20000008, 0x4001FFFF, 0xFFFF0008
WRAP = {HYDRA1_T2: 33552000, PICO_T2: 210698240, PICO_T3: 1 << 16}
"""HydraHarp 2 and MultiHarp: 2^25 in T2, all HydraHarps 2^10 in T3."""


def one_folder(examples: int) -> settings:
    """All examples of a test write into the same folder."""
    return settings(
        max_examples=examples,
        deadline=None,
        suppress_health_check=[HealthCheck.function_scoped_fixture],
    )


def tag(name: str, kind: int, value: float | str | None = None) -> bytes:
    after = b""
    if isinstance(value, str):
        after = value.encode().ljust(-(-len(value) // 8) * 8, b"\0")
        packed = struct.pack("<q", len(after))
    elif kind == FLOAT:
        packed = struct.pack("<d", value)
    else:
        packed = struct.pack("<q", int(value or 0))
    return struct.pack("<32siI", name.encode(), -1, kind) + packed + after


def header(kind: int, count: int, global_s: float, resolution_s: float = 1e-12) -> bytes:
    return (
        b"PQTTTR\0\x001.0.00\0\0"
        + tag("File_GUID", TEXT, "{E1D5A2AE-67C6-4C3E-9B8C-0F0B3C6A6E11}")
        + tag("Measurement_Mode", INT, 3 if kind & 0x300 == 0x300 else 2)
        + tag("MeasDesc_GlobalResolution", FLOAT, global_s)
        + tag("MeasDesc_Resolution", FLOAT, resolution_s)
        + tag("TTResultFormat_TTTRRecType", INT, kind)
        + tag("TTResultFormat_BitsPerRecord", INT, 32)
        + tag("TTResult_NumberOfRecords", INT, count)
        + tag("Header_End", EMPTY)
    )


def wrap_of(kind: int) -> int:
    return WRAP.get(kind, 1 << 10 if kind & 0x300 == 0x300 else 1 << 25)


def overflow(kind: int, times: int) -> list[int]:
    if kind in (PICO_T2, PICO_T3):
        return [0xF0000000] * times
    if kind in (HYDRA1_T2, HYDRA1_T3):
        return [0xFE000000] * times
    return [0xFE000000 | times] if times else []


def click(kind: int, count: int, channel: int, delay: int) -> int:
    if kind == PICO_T3:
        return (channel + 1) << 28 | delay << 16 | count
    if kind == PICO_T2:
        return channel << 28 | count
    return channel << 25 | (delay << 10 if kind & 0x300 == 0x300 else 0) | count


def marker(kind: int, count: int) -> int:
    if kind == PICO_T2:
        return 0xF0000000 | (count & ~0xF) | 0x2
    if kind == PICO_T3:
        return 0xF0000000 | 0x2 << 16 | count
    return 0x80000000 | 2 << 25 | count


def records(
    kind: int,
    counts: Sequence[int],
    channels: Sequence[int],
    delays: Sequence[int] | None = None,
    marked: frozenset[int] = frozenset(),
) -> NDArray[np.uint32]:
    """Clicks in the order of their counts; a marker before each click in `marked`."""
    words: list[int] = []
    wraps, wrap = 0, wrap_of(kind)
    for i, (count, channel) in enumerate(zip(counts, channels, strict=True)):
        words += overflow(kind, count // wrap - wraps)
        wraps = count // wrap
        if i in marked:
            words.append(marker(kind, count % wrap))
        words.append(click(kind, count % wrap, channel, delays[i] if delays is not None else 0))
    return np.array(words, dtype="<u4")


def write(path: Path, kind: int, words: NDArray[np.uint32], *resolution_s: float) -> Path:
    path.write_bytes(header(kind, words.size, *(resolution_s or (1e-12,))) + words.tobytes())
    return path


def read(path: Path, most: int = 1_000_000) -> tuple[NDArray[np.int64], NDArray[np.uint8]]:
    blocks = list(open_tags(path, channels=(0, 1, 2, 3)).blocks(most))
    times = [np.empty(0, np.int64), *(block.time_ps for block in blocks)]
    channels = [np.empty(0, np.uint8), *(block.channel for block in blocks)]
    return np.concatenate(times), np.concatenate(channels)


STEPS = st.lists(
    st.tuples(
        st.one_of(st.integers(0, 2000), st.integers(0, 1 << 30)),
        st.integers(0, 3),
        st.integers(0, (1 << 12) - 1),
        st.booleans(),
    ),
    min_size=1,
    max_size=40,
)


@pytest.mark.parametrize(
    "kind",
    [HYDRA1_T2, HYDRA2_T2, MULTI_T2, PICO_T2, HYDRA1_T3, HYDRA2_T3, MULTI_T3, PICO_T3],
)
@one_folder(25)
@given(steps=STEPS, most=st.integers(1, 60))
def test_clicks_are_those_written_and_those_of_ptufile(
    kind: int,
    steps: list[tuple[int, int, int, bool]],
    most: int,
    tmp_path: Path,
) -> None:
    is_t3 = kind & 0x300 == 0x300
    # Records without a number of overflows: no step of more than a few hundred.
    counts = np.cumsum([step % (300 * wrap_of(kind)) for step, *_ in steps])
    channels = np.array([channel for _, channel, _, _ in steps])
    delays = np.array([delay for _, _, delay, _ in steps]) if is_t3 else np.zeros(len(steps), int)
    marked = frozenset(i for i, (*_, is_marked) in enumerate(steps) if is_marked)
    words = records(kind, counts.tolist(), channels.tolist(), delays.tolist(), marked)
    path = tmp_path / "a.ptu"
    write(path, kind, words, *((12.5e-9, 4e-12) if is_t3 else (4e-12,)))
    time_ps, channel = read(path, most)
    np.testing.assert_array_equal(time_ps, counts * (12_500 if is_t3 else 4) + 4 * delays)
    np.testing.assert_array_equal(channel, channels)
    with ptufile.PtuFile(path) as file:
        referee = file.decode_records()
    photons = referee[referee["channel"] >= 0]
    np.testing.assert_array_equal(photons["channel"], channel)
    own_ps = photons["time"].astype(np.int64) * (12_500 if is_t3 else 4)
    if is_t3:
        own_ps += 4 * photons["dtime"].astype(np.int64)
    np.testing.assert_array_equal(own_ps, time_ps)


def test_sync_of_t2_is_a_channel_of_its_own_before_all_others(tmp_path: Path) -> None:
    words = np.array([click(HYDRA2_T2, 5, 0, 0), 0x80000000 | 7, click(HYDRA2_T2, 9, 1, 0)], "<u4")
    file = open_tags(write(tmp_path / "a.ptu", HYDRA2_T2, words))
    (block,) = file.blocks()
    assert file.found == (-1, 0, 1)
    assert block.channel.tolist() == [1, 0, 2]


def test_sync_beside_four_channels_is_no_click(tmp_path: Path) -> None:
    words = [click(HYDRA2_T2, n, n, 0) for n in range(4)] + [0x80000000 | 7]
    file = open_tags(write(tmp_path / "a.ptu", HYDRA2_T2, np.array(words, "<u4")))
    (block,) = file.blocks()
    assert block.channel.tolist() == [0, 1, 2, 3]
    assert "sync_ignored" in [defect.kind for defect in file.defects]


@pytest.mark.parametrize("period_s", [12.4987e-9, 1 / 76e6, 1.0000003e-8])
def test_times_of_long_t3_files_are_exact(tmp_path: Path, period_s: float) -> None:
    """Against rational arithmetic, after 10^12 periods, where float64 has lost the picosecond."""
    words = np.array([0xFE000000 | 1023] * 3000 + [click(HYDRA2_T3, 77, 1, 1000)], "<u4")
    words = np.concatenate([words, words, words])
    path = write(tmp_path / "a.ptu", HYDRA2_T3, words, period_s, 16e-12)
    counts = [1023 * 1024 * 3000 * n + 77 for n in (1, 2, 3)]
    expected = [round(n * Fraction(period_s * 1e12)) + 16_000 for n in counts]
    time_ps, _ = read(path)
    assert np.max(np.abs(time_ps - np.array(expected))) <= 1


def test_a_lost_overflow_is_put_in_and_told(tmp_path: Path) -> None:
    counts = np.arange(100) * 5_000_000
    words = records(HYDRA2_T2, counts.tolist(), [0] * 100)
    lost = np.flatnonzero(words >= 0xFE000000)[4]
    file = open_tags(write(tmp_path / "a.ptu", HYDRA2_T2, np.delete(words, lost)), channels=[0])
    (block,) = file.blocks()
    np.testing.assert_array_equal(block.time_ps, counts)
    assert file.defects[-1].kind == "overflow_lost"
    first_after = int(np.searchsorted(counts, 5 * (1 << 25)))
    assert file.defects[-1].place == first_after


def small_file() -> tuple[bytes, int, NDArray[np.int64]]:
    """(bytes, where the records begin, times)."""
    counts = np.arange(1, 30) * 7_000_001
    words = records(HYDRA2_T2, counts.tolist(), [n % 4 for n in range(29)])
    begin = header(HYDRA2_T2, words.size, 1e-12)
    return begin + words.tobytes(), len(begin), counts


def test_cut_anywhere_all_clicks_before_are_read(tmp_path: Path) -> None:
    data, start, _ = small_file()
    words = np.frombuffer(data[start:], "<u4")
    whole = read(write(tmp_path / "whole.ptu", HYDRA2_T2, words))[0]
    path = tmp_path / "cut.ptu"
    for size in range(start, len(data)):
        path.write_bytes(data[:size])
        file = open_tags(path, channels=(0, 1, 2, 3))
        times = np.concatenate([np.empty(0, int), *(block.time_ps for block in file.blocks())])
        clicks = np.count_nonzero(words[: (size - start) // 4] < 0x80000000)
        np.testing.assert_array_equal(times, whole[:clicks])
        assert "truncated" in [defect.kind for defect in file.defects]


def test_cut_within_the_header_the_byte_is_named(tmp_path: Path) -> None:
    data, start, _ = small_file()
    path = tmp_path / "cut.ptu"
    for size in range(8, start):
        path.write_bytes(data[:size])
        with pytest.raises(TagFormatError, match=r"cut\.ptu: byte \d+: ") as error:
            open_tags(path)
        place = int(str(error.value).split("byte ")[1].split(":")[0])
        assert place <= size


@one_folder(200)
@given(data=st.data())
def test_a_flipped_bit_costs_a_click_at_most_or_is_refused(
    data: st.DataObject, tmp_path: Path
) -> None:
    content, start, counts = small_file()
    bit = data.draw(st.integers(0, 8 * len(content) - 1))
    damaged = bytearray(content)
    damaged[bit // 8] ^= 1 << bit % 8
    path = tmp_path / "a.ptu"
    path.write_bytes(damaged)
    try:
        time_ps, _ = read(path)
    except TagFormatError:
        assert bit // 8 < start
        return
    if bit // 8 < start:
        return
    assert abs(time_ps.size - counts.size) <= 1
    word = (bit // 8 - start) // 4
    before = np.count_nonzero(np.frombuffer(content[start:], "<u4")[:word] < 0x80000000)
    np.testing.assert_array_equal(time_ps[:before], counts[:before])
    if np.frombuffer(content[start:], "<u4")[word] < 0x80000000 and bit % 32 < 25:
        np.testing.assert_array_equal(time_ps[before + 1 :], counts[before + 1 :])


@one_folder(50)
@given(
    kind=st.sampled_from([HYDRA2_T2, HYDRA2_T3, PICO_T2, PICO_T3]), content=st.binary(max_size=400)
)
def test_any_records_are_read(kind: int, content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "a.ptu"
    path.write_bytes(header(kind, 0, 1e-9) + content)
    file = open_tags(path, channels="all")
    for block in file.blocks(7):
        assert block.time_ps.size == block.channel.size == block.index.size
    assert all(defect.text for defect in file.defects)


def test_hostile_overflows_end_the_file_not_the_program(tmp_path: Path) -> None:
    words = np.array([5, *[0xFFFFFFFF] * 9000, 6], "<u4")
    file = open_tags(write(tmp_path / "a.ptu", HYDRA2_T2, words), channels=[0])
    (block,) = file.blocks()
    assert block.time_ps.tolist() == [5]
    assert file.defects[-1].kind == "time_overflow"


@pytest.mark.parametrize(
    ("numbers", "problem"),
    [
        ((0x00099999, 1e-12, 1e-12), "not known"),
        ((HYDRA2_T2, 0.0, 1e-12), "GlobalResolution"),
        ((HYDRA2_T2, float("nan"), 1e-12), "GlobalResolution"),
        ((HYDRA2_T3, 1e-8, -1.0), "MeasDesc_Resolution"),
    ],
)
def test_what_gives_no_times_is_refused(
    tmp_path: Path, numbers: tuple[int, float, float], problem: str
) -> None:
    kind, global_s, resolution_s = numbers
    path = tmp_path / "a.ptu"
    path.write_bytes(header(kind, 1, global_s, resolution_s) + bytes(4))
    with pytest.raises(TagFormatError, match=problem):
        open_tags(path)
