"""A file of time tags, whatever its format."""

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from terminal.timetags.formats import ptu_header, qutag, zip_members
from terminal.timetags.formats.a1 import A1File
from terminal.timetags.formats.blocks import (
    NOT_TAKEN,
    Defect,
    RawBlock,
    Source,
    TagBlock,
    TagFormatError,
)
from terminal.timetags.formats.npz import NpzFile
from terminal.timetags.formats.ptu import PtuFile
from terminal.timetags.formats.qutag import QutagFile
from terminal.timetags.formats.swabian import SwabianFile
from terminal.timetags.formats.watch import Watch
from terminal.timetags.formats.wiring import DETECTORS, Channels, wire

BY_CONTENT: tuple[tuple[bytes, Callable[[Path], Source]], ...] = (
    (zip_members.MAGIC, NpzFile),
    (ptu_header.MAGIC, PtuFile),
    (qutag.MAGIC, QutagFile),
)
BY_SUFFIX: dict[str, Callable[[Path], Source]] = {
    ".npz": NpzFile,
    ".ptu": PtuFile,
    ".qutag": QutagFile,
    ".bin": QutagFile,
    ".a1": A1File,
    ".ts": A1File,
    ".dat": A1File,
    ".ttbin": SwabianFile,
}


def open_tags(path: Path, channels: Channels = None) -> "TagFile":
    """Open a file of time tags; its format shows in its first bytes or its suffix.

    channels: the device's numbers of the channels that are H V D A, in this order. None: detector
    bits 0..3 of a1 and values 0..3 of .npz, the channels found in the other formats in ascending
    order. "all": every channel that was found in ascending order, as 0, 1, 2, ...

    Raises:
        TagFormatError: nothing in the file can be used, or more than four channels without a word
            which are H V D A.
        ValueError: channels are not one to four different numbers.
    """
    return TagFile(_source(Path(path)), channels)


def _source(path: Path) -> Source:
    try:
        with path.open("rb") as file:
            begin = file.read(max(len(magic) for magic, _ in BY_CONTENT))
        for magic, read in BY_CONTENT:
            if begin.startswith(magic):
                return read(path)
        suffix = path.suffix.lower()
        if suffix not in BY_SUFFIX:
            raise TagFormatError(
                path,
                0,
                "is of no known format",
                f"give it the suffix of one ({' '.join(BY_SUFFIX)})",
            )
        return BY_SUFFIX[suffix](path)
    except OSError as error:
        problem = f"can't be read ({error.strerror or error})"
        raise TagFormatError(path, 0, problem, "check the name and its rights") from error


class TagFile:
    """Time tags of a file, read in blocks; memory is bounded by the block.

    What is wrong with a file and can be lived with is in `defects`, complete after a pass; what
    the clicks tell is of the first whole pass, the later ones only read.
    """

    def __init__(self, source: Source, channels: Channels) -> None:
        self._source = source
        found = source.channels()
        self.found: tuple[int, ...] = tuple(sorted(found))
        """Channels that the file has, by the device's numbers."""
        wiring = wire(found, channels, source.path)
        self.channels = wiring.numbers
        """The device's numbers of channels 0, 1, 2, 3 = H V D A."""
        self._wiring_defects = wiring.defects
        self._detectors = 0 if channels == "all" or len(self.channels) < DETECTORS else DETECTORS
        self._table = np.full(1 << 16, NOT_TAKEN, dtype=np.uint8)
        """Channel by the device's number, negative ones from the end."""
        self._table[list(self.channels)] = np.arange(len(self.channels))
        self._watch = Watch(len(self.channels), source.disorder_ps)

    @property
    def path(self) -> Path:
        return self._source.path

    @property
    def format(self) -> str:
        """npz, a1, ptu, qutag or ttbin."""
        return self._source.format

    @property
    def resolution_ps(self) -> float:
        return self._source.resolution_ps

    @property
    def records(self) -> int | None:
        """Clicks and whatever else the file holds; None where its length does not tell."""
        return self._source.records

    @property
    def clicks(self) -> int:
        """Read so far, of all channels: what `TagBlock.index` counts."""
        return self._watch.clicks

    @property
    def counts(self) -> tuple[int, ...]:
        """Clicks of each channel read so far."""
        return tuple(self._watch.counts)

    @property
    def largest_step_back_ps(self) -> int:
        """From one click to the next; 0: in time order."""
        return self._watch.largest_step_back_ps

    @property
    def lateness_ps(self) -> int:
        """As `order.lateness_ps`, of the channels that are taken, at times in range."""
        return self._watch.lateness_ps

    @property
    def span_ps(self) -> int:
        """From the earliest of these clicks to the latest one; 0 where there is none."""
        return self._watch.span_ps

    @property
    def out_of_range(self) -> int:
        """Clicks at times that no clock shows, see `time_state`."""
        return self._watch.out_of_range

    @property
    def defects(self) -> list[Defect]:
        return [
            *self._wiring_defects,
            *self._source.defects(),
            *self._watch.defects(self._detectors),
        ]

    def blocks(self, most: int = 1_000_000) -> Iterator[TagBlock]:
        """All clicks from the beginning, in the file's order, at most so many in a block.

        Raises:
            TagFormatError: the file can't be read any more.
            ValueError: most is not positive.
        """
        watch = None
        if not self._watch.ended:
            watch = self._watch = Watch(len(self.channels), self._source.disorder_ps)
        first = 0
        try:
            for raw in self._source.read(most):
                for start in range(0, raw.time_ps.size, most):
                    part = slice(start, start + most)
                    clicks = RawBlock(raw.time_ps[part], raw.channel[part])
                    block = self._taken(clicks, first, watch)
                    first += clicks.time_ps.size
                    if block.time_ps.size:
                        yield block
        except OSError as error:
            problem = f"can't be read any more ({error.strerror or error})"
            raise TagFormatError(self.path, 0, problem, "read it again") from error
        if watch is not None:
            watch.ended = True

    def _taken(self, clicks: RawBlock, first: int, watch: Watch | None) -> TagBlock:
        """The clicks of the channels that are taken; first: place of the first one."""
        from terminal.timetags.formats import click_kernels

        channel = np.empty(clicks.channel.size, dtype=np.uint8)
        if watch is None:
            left_out = click_kernels.rename(clicks.channel, self._table, channel)
        else:
            left_out = watch.see(*clicks, self._table, channel)
        block = TagBlock(clicks.time_ps, channel, first)
        return block.part(channel != NOT_TAKEN) if left_out else block
