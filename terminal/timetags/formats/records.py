"""Records of one length behind a header, read in pieces."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from terminal.timetags.formats.blocks import Defect

PIECE_RECORDS = 1 << 17
"""Few enough for the processor's cache; with half of them, what is done once a piece shows."""


class Records:
    """The records of a file from byte `start` to its end."""

    def __init__(self, path: Path, start: int, dtype: "np.dtype[Any]") -> None:
        self._path = path
        self._start = start
        self._dtype = dtype
        size = max(0, path.stat().st_size - start)
        self.count, self.left_over = divmod(size, dtype.itemsize)

    def pieces(self, most: int = PIECE_RECORDS) -> Iterator[NDArray[Any]]:
        """At most so many and PIECE_RECORDS at a time; raises ValueError if that is none."""
        if most < 1:
            raise ValueError("a block must hold at least one record")
        left = self.count
        with self._path.open("rb") as file:
            file.seek(self._start)
            while left:
                piece = np.fromfile(file, self._dtype, min(most, left, PIECE_RECORDS))
                if not piece.size:
                    return  # The file was cut while it was read.
                left -= piece.size
                yield piece

    def head(self, most: int) -> NDArray[Any]:
        """The first records, at most so many."""
        return next(self.pieces(most), np.empty(0, self._dtype))

    def truncated(self) -> list[Defect]:
        """The defect that bytes are left over after the last whole record, if so."""
        if not self.left_over:
            return []
        end = self._start + self.count * self._dtype.itemsize
        text = f"byte {end}: {self.left_over} bytes are no whole record: the file was cut off"
        return [Defect("truncated", end, text)]
