"""a1 words in driver and emulator, each by itself, against published words and exact arithmetic."""

from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers import tagger_a1 as driver
from drivers.protocols import TagBlock
from sim_devices import tagger_a1 as emulator

T0_NS = 1_800_000_000 * 10**9
PUBLISHED = [
    "edae1bd74ce88f21",
    "edae1bd74f143308",
    "edae1be0e65ceb38",
    "edae1be31ded6721",
    "edae1be320191f08",
]
"""[P] First words of timestamp7_c14_rollover as fpfind's docs/user/parser.md prints them. Channel 4
is a copy of channel 1, 139 ns later; the third is a marker; the first is at 65333.011796794 s."""
DISORDER = [
    "edae1e36407fdb01",
    "edae1e3642accb28",
    "edae1e39396f9f01",
    "edae1e393b9c7f08",
    "edae1e35a88f6f21",
    "edae1e35aabb5f08",
    "edae1e378133c301",
    "edae1e378360bb28",
]
"""[P] From the same file (tests/data, Aa2f): words 3 and 4 came 58 us before their turn."""


class Wire:
    """Gives one item a read, then nothing."""

    def __init__(self, *arriving: bytes) -> None:
        self.arriving = list(arriving)

    def read(self) -> bytes:
        return self.arriving.pop(0) if self.arriving else b""


def wire_bytes(words) -> bytes:
    """Low half first."""
    return b"".join(bytes.fromhex(word)[::-1] for word in words)


def word(units: int, low_bits: int) -> bytes:
    """By hand from the bit layout."""
    return (units * 1024 + low_bits).to_bytes(8, "little")


def polls(*arriving: bytes) -> list[TagBlock]:
    tagger = driver.A1Tagger(Wire(*arriving))
    return [tagger.poll(T0_NS + k * 20_000_000) for k in range(len(arriving))]


def test_published_words():
    (block,) = polls(wire_bytes(PUBLISHED))
    assert block.channel.tolist() == [0, 3, 0, 3]
    # Printed to the nanosecond.
    assert abs(int(block.time_ps[0]) - 65_333_011_796_794_000) <= 500
    assert block.time_ps[1] - block.time_ps[0] == pytest.approx(139_000, abs=500)
    assert block.time_ps[3] - block.time_ps[2] == pytest.approx(139_000, abs=500)


def test_published_disorder_is_sorted_and_no_defect():
    (block,) = polls(wire_bytes(DISORDER))
    assert np.all(np.diff(block.time_ps) > 0)
    assert block.channel.tolist() == [0, 3] * 4
    assert not block.step_back


def test_words_by_hand():
    """1 s = 256e9 units; one ns later; all detectors at once; a marker with a detector bit."""
    second = 256 * 10**9
    (block,) = polls(
        word(second, 0b0001)
        + word(second + 256, 0b0100)
        + word(second + 512, 0b1111)
        + word(second + 768, 0b11000)
        + word(second + 1024, 0b1000)
    )
    ps = 10**12
    assert block.time_ps.tolist() == [ps, ps + 1000, *[ps + 2000] * 4, ps + 4000]
    assert block.channel.tolist() == [0, 2, 0, 1, 2, 3, 3]
    assert not block.step_back


def test_bits_without_meaning_are_ignored():
    (block,) = polls(b"".join(word(k, 0b11_1110_0010) for k in range(5)))
    assert block.channel.tolist() == [1] * 5
    assert block.time_ps.tolist() == [0, 4, 8, 12, 16]


@given(st.lists(st.integers(0, 2**54 - 1), min_size=1, max_size=20))
def test_picoseconds_are_the_nearest(units: list[int]):
    got = driver.picoseconds(np.array(units)).tolist()
    for u, ps in zip(units, got, strict=True):
        assert abs(Fraction(u * 1000, 256) - ps) <= Fraction(1, 2)


@given(st.lists(st.tuples(st.integers(-(10**6), 7 * 10**16), st.integers(0, 3)), max_size=20))
def test_emulator_sends_the_nearest_unit(clicks: list[tuple[int, int]]):
    time_ps = np.array([t for t, _ in clicks], np.int64)
    channel = np.array([c for _, c in clicks], np.uint8)
    for (t, c), sent in zip(clicks, emulator.encode(time_ps, channel).tolist(), strict=True):
        assert abs(Fraction(max(t, 0) * 256, 1000) - (sent >> 10)) <= Fraction(1, 2)
        assert sent & 0x3FF == 1 << c


def test_emulator_counter_wraps():
    full = np.array([2**54 * 125 // 32 + 1000])
    assert emulator.encode(full, np.zeros(1, np.uint8)).tolist() == [256 << 10 | 1]


@given(st.data())
def test_cut_anywhere(data: st.DataObject):
    """Parts of a stream, whatever they are, add up to the same clicks."""
    stream = wire_bytes([*PUBLISHED, "edae1be33895db01", "edae1be33ac2e328"])
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=6)))
    edges = [0, *cuts, len(stream)]
    blocks = polls(*[stream[a:b] for a, b in pairwise(edges)])
    assert np.concatenate([b.channel for b in blocks]).tolist() == [0, 3, 0, 3, 0, 3]
    assert not any(b.step_back for b in blocks)


@given(st.lists(st.binary(max_size=200), max_size=5), st.binary(max_size=7))
def test_arbitrary_bytes_then_good_words(rubbish: list[bytes], part: bytes):
    """Never an exception, and the words that follow are found, at whatever alignment they come."""
    second = 256 * 10**9
    clicks = [word(second + 2560 * k, 1 << k % 4) for k in range(200)]
    blocks = polls(*rubbish, part + b"".join(clicks), *[b""] * 10)
    time_ps = np.concatenate([b.time_ps for b in blocks])
    true_ps = 10**12 + 10_000 * np.arange(200)
    # At worst the words that the rubbish took for its own are lost.
    assert np.isin(true_ps[16:], time_ps).all()
    assert [b.seq for b in blocks] == list(range(len(blocks)))


def test_a_stream_without_sense_costs_bounded_memory_and_time():
    rng = np.random.default_rng(3)
    tagger = driver.A1Tagger(Wire(*[rng.bytes(1 << 20) for _ in range(12)]))
    for k in range(12):
        tagger.poll(T0_NS + k)
    assert tagger.health.garbage_bytes > 0
