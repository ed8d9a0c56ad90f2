"""Swabian Instruments .ttbin files, read by the maker's own library where it is installed.

Source: the maker's documentation of TimeTagger.FileReader and TimeTagStreamBuffer. The format
itself is not published. Nothing here was tried on a real file [?]. Falling edges have negative
channels.
"""

import importlib
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from terminal.timetags.formats.blocks import Defect, Faults, RawBlock, TagFormatError

MODULES = ("Swabian.TimeTagger", "TimeTagger")
"""Of the package Swabian-TimeTagger, and of the maker's installer. What PyPI calls TimeTagger is
another project: it has no FileReader."""
TIME_TAG = 0
"""Type of an event that is a click; the others tell of errors, overflows and missed events."""
PIECE = 1_000_000
TEXTS = {
    "overflow_lost": "click {place}: the tagger reports lost or disturbed clicks, {count} times"
}


class SwabianFile:
    """formats.blocks.Source of a .ttbin file.

    Raises:
        TagFormatError: the library is missing, or can't read the file.
    """

    format = "ttbin"
    resolution_ps = 1.0
    disorder_ps = 0
    records: int | None = None

    def __init__(self, path: Path) -> None:
        self.path = path
        self._library = self._load()
        self._faults = Faults()

    def _load(self) -> Any:
        for name in MODULES:
            try:
                library = importlib.import_module(name)
            except ImportError:
                continue
            if hasattr(library, "FileReader"):
                return library
        raise TagFormatError(
            self.path,
            0,
            ".ttbin needs Swabian's own library, which is not installed",
            "pip install Swabian-TimeTagger, or convert the file to .npz",
        )

    def defects(self) -> list[Defect]:
        return self._faults.defects(TEXTS)

    def channels(self) -> Mapping[int, int]:
        found: Counter[int] = Counter()
        for block in self.read(PIECE):
            numbers, counts = np.unique(block.channel, return_counts=True)
            found.update(dict(zip(numbers.tolist(), counts.tolist(), strict=True)))
        return found

    def read(self, most: int) -> Iterator[RawBlock]:
        if most < 1:
            raise ValueError("a block must hold at least one record")
        self._faults = Faults()
        click = 0
        try:
            reader = self._library.FileReader(str(self.path))
            while reader.hasData():
                events = reader.getData(most)
                is_click = np.asarray(events.getEventTypes()) == TIME_TAG
                others = np.flatnonzero(~is_click)
                if others.size:
                    first = click + int(np.count_nonzero(is_click[: others[0]]))
                    self._faults.add("overflow_lost", first, others.size)
                click += int(np.count_nonzero(is_click))
                yield RawBlock(
                    np.asarray(events.getTimestamps())[is_click].astype(np.int64),
                    np.asarray(events.getChannels())[is_click].astype(np.int16),
                )
        except RuntimeError as error:
            problem = f"Swabian's library can't read on after click {click} ({error})"
            raise TagFormatError(self.path, 0, problem, "convert the file to .npz") from error
