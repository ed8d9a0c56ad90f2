"""qutools quTAG binary files (10 bytes an event).

Sources: the manual of quTAU/quPSI, V4.0 ("Binary File 10 Bytes per Event": 8 bytes time stamp, 2
bytes channel); ETA (github.com/timetag/ETA), which skips 40 bytes of header, takes the time for ps,
and knows the format by 87 b3 91 fa [2nd]. Little-endian [2nd]. Channels from 100 are the device's
markers and its millisecond tick [?]. What the header means is not published: it is not read.
A quTAU counts 81 ps instead: its files can't be told apart, and their times come out too short.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from terminal.timetags.formats.blocks import Defect, Faults, RawBlock, TagFormatError
from terminal.timetags.formats.records import Records

MAGIC = b"\x87\xb3\x91\xfa"
HEADER_BYTES = 40
RECORD = np.dtype([("time_ps", "<u8"), ("channel", "<u2")])
MARKERS_FROM = 100
LATEST_PS = 1 << 62
"""53 days; a later time is no time."""

TEXTS = {"bad_record": "byte {place}: {count} times are beyond 53 days: left out"}

Rows = NDArray[np.void]


class QutagFile:
    """formats.blocks.Source of a quTAG binary file.

    Raises:
        TagFormatError: the file ends within the header.
    """

    format = "qutag"
    resolution_ps = 1.0
    disorder_ps = 0

    def __init__(self, path: Path) -> None:
        self.path = path
        size = path.stat().st_size
        if size < HEADER_BYTES:
            raise TagFormatError(
                path, size, f"ends within the header of {HEADER_BYTES} bytes", "record it again"
            )
        self._rows = Records(path, HEADER_BYTES, RECORD)
        self.records: int | None = self._rows.count
        self._faults = Faults()

    def defects(self) -> list[Defect]:
        return [*self._rows.truncated(), *self._faults.defects(TEXTS)]

    def channels(self) -> Mapping[int, int]:
        found: Counter[int] = Counter()
        for rows in self._rows.pieces():
            clicks = rows["channel"][(rows["channel"] < MARKERS_FROM) & self._has_time(rows)]
            counts = np.bincount(clicks, minlength=MARKERS_FROM)
            found.update({int(n): int(counts[n]) for n in np.flatnonzero(counts)})
        return found

    def read(self, most: int) -> Iterator[RawBlock]:
        self._faults = Faults()
        position = HEADER_BYTES
        for rows in self._rows.pieces(most):
            has_time = self._has_time(rows)
            bad = np.flatnonzero(~has_time)
            if bad.size:
                byte = position + int(bad[0]) * RECORD.itemsize
                self._faults.add("bad_record", byte, bad.size)
            position += rows.size * RECORD.itemsize
            clicks = rows[has_time & (rows["channel"] < MARKERS_FROM)]
            yield RawBlock(clicks["time_ps"].astype(np.int64), clicks["channel"].astype(np.int16))

    @staticmethod
    def _has_time(rows: Rows) -> NDArray[np.bool_]:
        has_time: NDArray[np.bool_] = rows["time_ps"] <= LATEST_PS
        return has_time
