"""PicoQuant .ptu files in T2 and T3 mode."""

import math
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np

from terminal.timetags.formats.blocks import Defect, Faults, RawBlock, TagFormatError, Times
from terminal.timetags.formats.ptu_header import (
    GLOBAL_RESOLUTION_S,
    RECORD_BITS,
    RECORD_TYPE,
    RECORDS,
    RESOLUTION_S,
    PtuHeader,
    read_header,
)
from terminal.timetags.formats.ptu_records import BAD, LAYOUTS, NO_CLICK, Clicks, Decoder
from terminal.timetags.formats.records import Records

WORD = np.dtype("<u4")
LONGEST_S = 1e-3
"""No sync period is longer."""
LATEST_PS = 1 << 62
"""53 days."""
TEXTS = {
    "bad_record": "byte {place}: {count} records are of no known kind: left out",
    "overflow_lost": "click {place}: the count falls by nearly a wrap, {count} times in the file: "
    "an overflow record is missing; one is put in each time",
    "time_overflow": "byte {place}: more overflows than 53 days hold: the rest is left out",
}
WHOLE_PS = 1e-6
"""A resolution so near to whole ps is whole: headers hold it in seconds, as a rounded float."""


def scaled(counts: Times, unit: float) -> Times:
    """counts * unit, rounded, exact where a float64 product of large counts would not be."""
    whole = round(unit)
    product: Times = counts * np.int64(whole)
    if abs(unit - whole) > WHOLE_PS:
        product += np.rint(counts * (unit - whole)).astype(np.int64)
    return product


class PtuFile:
    """formats.blocks.Source of a .ptu file. T3: time = sync count x sync period + delay.

    The header's number of records is not relied on: what follows the header is read to its end.

    Raises:
        TagFormatError: no PTU file, a broken header, or a kind of record that is not known.
    """

    format = "ptu"
    disorder_ps = 0

    def __init__(self, path: Path) -> None:
        self.path = path
        header = read_header(path)
        kind = int(header.numbers.get(RECORD_TYPE, 0))
        if kind not in LAYOUTS or header.numbers.get(RECORD_BITS, 32) not in (0, 32):
            raise TagFormatError(
                path,
                header.end,
                f"records of type {kind:#010x} are not known",
                "convert the file to .npz",
            )
        self._layout = LAYOUTS[kind]
        unit_ps = self._resolution_ps(header, GLOBAL_RESOLUTION_S)
        self._count_ps = unit_ps
        self._delay_ps = 0.0
        self.resolution_ps = unit_ps
        if self._layout.is_t3:
            self._delay_ps = self.resolution_ps = self._resolution_ps(header, RESOLUTION_S)
        self._words = Records(path, header.end, WORD)
        self.records: int | None = self._words.count
        self._start = header.end
        self._told = int(header.numbers.get(RECORDS, 0))
        self._faults = Faults()

    def _resolution_ps(self, header: PtuHeader, name: str) -> float:
        resolution_s = header.numbers.get(name, math.nan)
        if not 1e-13 <= resolution_s <= LONGEST_S:  # Not a number is neither.
            raise TagFormatError(
                self.path,
                header.end,
                f"the header's {name} is {resolution_s}, not a time in seconds",
                "convert the file to .npz with the right one",
            )
        return float(resolution_s) * 1e12

    def defects(self) -> list[Defect]:
        found = self._words.truncated()
        if self._told not in (0, self._words.count):
            kind = "truncated" if self._told > self._words.count else "record_count"
            text = (
                f"byte {self._start}: {self._words.count} records follow, the header says "
                f"{self._told}"
            )
            found.append(Defect(kind, self._start, text))
        return [*found, *self._faults.defects(TEXTS)]

    def channels(self) -> Mapping[int, int]:
        found: Counter[int] = Counter()
        channels = self._layout.channels()
        for words in self._words.pieces():
            kinds = (words >> self._layout.kind_shift).astype(np.uint8)
            counts = np.bincount(kinds, minlength=channels.size)
            for number, count in zip(channels.tolist(), counts.tolist(), strict=True):
                if count and number not in (NO_CLICK, BAD):
                    found[number] += count
        return found

    def read(self, most: int) -> Iterator[RawBlock]:
        self._faults = Faults()
        decoder = Decoder(self._layout)
        most_wraps = int(LATEST_PS / (self._layout.wrap * self._count_ps))
        record = click = 0
        for piece in self._words.pieces(most):
            words = piece[: decoder.fitting(piece, most_wraps)]
            clicks = decoder.decode(words)
            self._note(clicks, record, click)
            record += words.size
            click += clicks.counts.size
            time_ps = scaled(clicks.counts, self._count_ps)
            if clicks.delay is not None:
                time_ps += scaled(clicks.delay.astype(np.int64), self._delay_ps)
            yield RawBlock(time_ps, clicks.channel.astype(np.int16))
            if words.size < piece.size:
                self._faults.add("time_overflow", self._byte(record))
                return

    def _note(self, clicks: Clicks, record: int, click: int) -> None:
        """record, click: how many came before these."""
        if clicks.bad.size:
            byte = self._byte(record + int(clicks.bad[0]))
            self._faults.add("bad_record", byte, clicks.bad.size)
        if clicks.lost.size:
            self._faults.add("overflow_lost", click + int(clicks.lost[0]), clicks.lost.size)

    def _byte(self, record: int) -> int:
        return self._start + WORD.itemsize * record
