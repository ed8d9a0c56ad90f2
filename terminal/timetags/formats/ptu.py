"""PicoQuant .ptu files in T2 and T3 mode."""

import math
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np

from terminal.timetags.formats.blocks import BAD, Defect, Faults, RawBlock, TagFormatError
from terminal.timetags.formats.ptu_header import (
    GLOBAL_RESOLUTION_S,
    RECORD_BITS,
    RECORD_TYPE,
    RECORDS,
    RESOLUTION_S,
    PtuHeader,
    read_header,
)
from terminal.timetags.formats.ptu_records import Clicks, Decoder
from terminal.timetags.formats.ptu_rules import LAYOUTS, NO_CLICK
from terminal.timetags.formats.records import Records

WORD = np.dtype("<u4")
LONGEST_S = 1e-3
"""No sync period is longer."""
TEXTS = {
    "bad_record": "byte {place}: {count} records are of no known kind: left out",
    "overflow_lost": "click {place}: the count falls by nearly a wrap, {count} times in the file: "
    "an overflow record is missing; one is put in each time",
    "time_overflow": "byte {place}: more overflows than 53 days hold: the rest is left out",
}


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
        from terminal.timetags.formats import ptu_kernels

        channels = self._layout.channels()
        counts = np.zeros((4, channels.size), dtype=np.int64)
        for words in self._words.pieces():
            ptu_kernels.count_kinds(words, self._layout.kind_shift, counts)
        pairs = zip(channels.tolist(), np.sum(counts, axis=0).tolist(), strict=True)
        return {number: n for number, n in pairs if n and number not in (NO_CLICK, BAD)}

    def read(self, most: int) -> Iterator[RawBlock]:
        self._faults = Faults()
        decoder = Decoder(self._layout, self._count_ps, self._delay_ps)
        record = click = 0
        for words in self._words.pieces(most):
            clicks = decoder.decode(words)
            self._note(clicks, record, click)
            record += clicks.used
            click += clicks.time_ps.size
            yield RawBlock(clicks.time_ps, clicks.channel)
            if clicks.used < words.size:
                self._faults.add("time_overflow", self._byte(record))
                return

    def _note(self, clicks: Clicks, record: int, click: int) -> None:
        """record, click: how many came before these."""
        first, count = clicks.bad
        if count:
            self._faults.add("bad_record", self._byte(record + first), count)
        first, count = clicks.lost
        if count:
            self._faults.add("overflow_lost", click + first, count)

    def _byte(self, record: int) -> int:
        return self._start + WORD.itemsize * record
