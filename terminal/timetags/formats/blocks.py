"""What the readers of all formats share: blocks of clicks, defects, the error."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from config.errors import InputError

Times = NDArray[np.int64]

SYNC: Final = -1
"""Number of PicoQuant's sync input, which T2 files may hold beside the numbered ones."""
BAD: Final = -3
"""Channel of a record of no known kind."""
NOT_TAKEN: Final = 255
"""Channel of a click that is left out."""


class TagFormatError(InputError):
    """Nothing in the file can be used."""

    def __init__(self, path: Path, byte: int, problem: str, remedy: str) -> None:
        super().__init__(f"{path}: byte {byte}: {problem}; {remedy}")


class Defect(NamedTuple):
    """Something wrong with a file of which the rest can be used."""

    kind: str
    """truncated, bad_record, overflow_lost, time_back, dead_channel ... (docs/timetags.md)."""
    place: int
    """Where it first shows: the number of the click, or the byte; the text says which."""
    text: str


class Faults:
    """Faults of single records while a file is read: of each kind the first place and how many."""

    def __init__(self) -> None:
        self._found: dict[str, tuple[int, int]] = {}

    def add(self, kind: str, place: int, count: int = 1) -> None:
        first, before = self._found.get(kind, (place, 0))
        self._found[kind] = (first, before + count)

    def defects(self, texts: Mapping[str, str]) -> list[Defect]:
        """texts: by kind, with {place} and {count} to be filled in."""
        return [
            Defect(kind, place, texts[kind].format(place=place, count=count))
            for kind, (place, count) in self._found.items()
        ]


@dataclass(frozen=True, slots=True)
class TagBlock:
    """Clicks in a row, one an element of each array."""

    time_ps: Times
    """On the tagger's clock."""
    channel: NDArray[np.uint8]
    """0..3 = H V D A."""
    place: Times | int
    """Of each click among all of the file, in its order, those of other channels too. Clicks that
    follow each other in the file: of the first one."""

    @property
    def index(self) -> Times:
        """`place` of each click, (n,)."""
        if isinstance(self.place, int):
            return np.arange(self.place, self.place + self.time_ps.size)
        return self.place

    @property
    def rows(self) -> Times | slice:
        """`index`, to pick from a row over all clicks of the file."""
        if isinstance(self.place, int):
            return slice(self.place, self.place + self.time_ps.size)
        return self.place

    def part(self, chosen: slice | NDArray[np.intp] | NDArray[np.bool_]) -> "TagBlock":
        """The chosen clicks."""
        place = self.place
        if isinstance(place, int) and isinstance(chosen, slice):
            place += chosen.indices(self.time_ps.size)[0]
        else:
            place = self.index[chosen]
        return TagBlock(self.time_ps[chosen], self.channel[chosen], place)


class RawBlock(NamedTuple):
    """Clicks in a row as the device numbers its channels."""

    time_ps: Times
    channel: NDArray[np.int16]


class Source(Protocol):
    """A file of one format. Rollovers are unwrapped; what is no click is left out."""

    @property
    def path(self) -> Path: ...

    @property
    def format(self) -> str: ...

    @property
    def resolution_ps(self) -> float: ...

    @property
    def records(self) -> int | None:
        """Clicks, markers, overflows and all; None if that is not known beforehand."""

    @property
    def disorder_ps(self) -> int:
        """Words of a sound device may come so much too late."""

    def defects(self) -> Sequence[Defect]:
        """Those of the file as a whole, and of the records read last."""

    def channels(self) -> Mapping[int, int]:
        """Clicks of each channel that the file has; the whole file is read for it.

        Formats whose channels 0..3 are H V D A anyway say so unread, with counts of zero.
        """

    def read(self, most: int) -> Iterator[RawBlock]:
        """All clicks from the beginning; a block comes from at most so many records."""
