"""S-Fifteen a1 files: 64-bit words without a header.

Source: fpfind's published format notes and test files (timestamp7 card). Bits 63..10: time in
1/256 ns; bits 9..5 carry no meaning here [?]; bit 4: marker, no detection, whatever bits 3..0 say;
bits 3..0: detectors, several at once in a coincidence. The older card counts 125 ps in the top 49
bits, which is the same word with bits 14..10 constant. Both little-endian; files of the old
layout ("X") hold the high half of each word first.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from config.whole_file import replacing
from terminal.timetags.formats.blocks import Defect, Faults, RawBlock, TagFormatError, Times
from terminal.timetags.formats.records import Records

WORD = np.dtype("<u8")
RANGE_UNITS = 1 << 54
RANGE_PS = 125 << 49
"""The time starts again from zero after so long: 19.5 h."""
WRAP_UNITS = 3 * RANGE_UNITS // 4
"""A larger fall is a rollover. One wrong bit in a time is a fall of half the range at most."""
DISORDER_PS = 131_072_000
"""[P] Words come up to a marker's period too late in the card's own test file."""
SAMPLE_WORDS = 4096
FEW_WORDS = 16
"""Fewer do not show that a file is something else."""
FINE_BITS = np.uint64(0b11111 << 10)
"""Time below 125 ps."""
EVENT_BITS = np.uint64(0b11111)
MARKER_BIT = 1 << 4
EVENTS = range(2 * MARKER_BIT)
CLICKS = np.array([0 if n & MARKER_BIT else n.bit_count() for n in EVENTS], dtype=np.uint8)
"""By event bits: how many."""
LOWEST = np.array([(n & -n).bit_length() - 1 for n in EVENTS], dtype=np.int16)
"""By event bits: the lowest one set."""

TEXTS = {
    "bad_record": "byte {place}: {count} words have neither a detector's bit nor the marker's: "
    "left out"
}

Words = NDArray[np.uint64]


def halves_swapped(words: Words) -> Words:
    """From one layout to the other."""
    return (words << np.uint64(32)) | (words >> np.uint64(32))


def units_of(words: Words) -> Times:
    """Times in 1/256 ns, below RANGE_UNITS."""
    return (words >> np.uint64(10)).astype(np.int64)


def spread_units(words: Words) -> float:
    """Time that holds four fifths of the words: no order needed, and some may be wrong."""
    units = units_of(words)
    # About the first, so that a rollover between them does not count as their distance.
    about = np.mod(units - units[0] + RANGE_UNITS // 2, RANGE_UNITS)
    early, late = np.quantile(about.astype(np.float64), [0.1, 0.9])
    return float(late - early)


def clicks_of(words: Words) -> tuple[NDArray[np.intp], NDArray[np.int16]]:
    """(index of the word, channel) of each click: one for each detector bit, for markers none."""
    event = (words & EVENT_BITS).astype(np.uint8)
    counts = CLICKS.take(event)
    word = np.flatnonzero(counts)
    if counts.max(initial=0) <= 1:
        return word, LOWEST.take(event.take(word))
    hit = (event[word, None] >> np.arange(4, dtype=np.uint8)) & 1
    row, channel = np.nonzero(hit)
    return word[row], channel.astype(np.int16)


class A1File:
    """formats.blocks.Source of an a1 file.

    Raises:
        TagFormatError: the words are no such stream in either layout.
    """

    format = "a1"
    disorder_ps = DISORDER_PS

    def __init__(self, path: Path) -> None:
        self.path = path
        self._words = Records(path, 0, WORD)
        self.records: int | None = self._words.count
        sample = self._words.head(SAMPLE_WORDS)
        swapped = halves_swapped(sample)
        self.high_word_first = bool(sample.size) and spread_units(swapped) < spread_units(sample)
        """The wrong layout takes the lowest bits for the highest: its times lie all over."""
        self._check(swapped if self.high_word_first else sample)
        self._faults = Faults()

    def _check(self, sample: Words) -> None:
        fine = sample & FINE_BITS
        # As time they are then a constant, so only the resolution depends on this.
        is_coarse = sample.size >= FEW_WORDS and bool(np.all(fine == fine[0]))
        self.resolution_ps = 125.0 if is_coarse else 1000 / 256
        if sample.size < FEW_WORDS:
            return
        without_event = np.count_nonzero((sample & EVENT_BITS) == 0)
        if spread_units(sample) > RANGE_UNITS / 4 or without_event > sample.size / 2:
            raise TagFormatError(
                self.path,
                0,
                "the words are no a1 stream in either layout",
                "give the file the suffix of its format (.npz .ptu .qutag .a1)",
            )

    def defects(self) -> list[Defect]:
        return [*self._words.truncated(), *self._faults.defects(TEXTS)]

    def channels(self) -> Mapping[int, int]:
        return dict.fromkeys(range(4), 0)

    def read(self, most: int) -> Iterator[RawBlock]:
        self._faults = Faults()
        rollovers, before, position = 0, None, 0
        for piece in self._words.pieces(most):
            words = halves_swapped(piece) if self.high_word_first else piece
            no_event = np.flatnonzero((words & EVENT_BITS) == 0)
            if no_event.size:
                byte = (position + int(no_event[0])) * WORD.itemsize
                self._faults.add("bad_record", byte, no_event.size)
            units = units_of(words)
            step = np.diff(units, prepend=units[0] if before is None else before)
            # A word from before the rollover may still come after it: a rise as large undoes it.
            turn = (step < -WRAP_UNITS).astype(np.int64) - (step > WRAP_UNITS)
            turns = rollovers + np.cumsum(turn)
            before, rollovers = int(units[-1]), int(turns[-1])
            position += words.size
            # Nearest ps, halves up: 1000/256 = 125/32, and 2^54 * 125 < 2^63.
            time_ps = turns * np.int64(RANGE_PS) + ((units * 125 + 16) >> 5)
            word, channel = clicks_of(words)
            yield RawBlock(time_ps.take(word), channel)


def write_a1(
    path: Path,
    time_ps: Times,
    channel: NDArray[np.uint8],
    *,
    high_word_first: bool = False,
) -> None:
    """Write clicks, one word each, without markers; the file appears whole or not at all.

    time_ps: (n,), not negative, rounded to 1/256 ns; later ones than RANGE_PS roll over, which a
    reader can follow if no gap is longer than a quarter of that. channel: (n,), 0..3.

    Raises:
        ValueError: arrays that are not that.
        InputError: the file can't be written.
    """
    if time_ps.shape != channel.shape or time_ps.ndim != 1:
        raise ValueError("a1: one channel for each time")
    if np.any(time_ps < 0) or np.any(channel > 3):
        raise ValueError("a1: times must not be negative, channels must be 0..3")
    # The remainder first: time_ps * 32 may exceed 63 bits.
    units = (time_ps % RANGE_PS * 32 + 62) // 125 % RANGE_UNITS
    words = (units.astype(np.uint64) << np.uint64(10)) | (np.uint64(1) << channel.astype(np.uint64))
    with replacing(path) as file:
        file.write((halves_swapped(words) if high_word_first else words).astype(WORD).tobytes())
