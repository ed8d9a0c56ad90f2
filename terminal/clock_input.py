"""What the `qsky clock` commands are given, each refused in one line if it cannot be used."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from config.errors import InputError
from terminal.npz_file import BROKEN
from terminal.timetags.formats import TagBlock, TagFile, open_tags, time_order
from terminal.timetags.formats.order import distinct
from terminal.timetags.formats.time_state import LEAST_TIME_PS, MOST_TIME_PS
from terminal.timetags.pattern import PublicPattern

MOST_SLOTS = 1 << 26
LEAST_SLOT_PS, MOST_SLOT_PS = 50.0, 1e7


class TagStream:
    """The clicks of a file in the order of time, read as often as needed."""

    def __init__(self, path: Path, channels: Sequence[int] | Literal["all"] | None) -> None:
        """Raises InputError for a file of which nothing can be used, or impossible channels."""
        try:
            self.file: TagFile = open_tags(path, channels)
        except ValueError as error:
            raise InputError(f"--channels: {error}") from error
        self.repeated = 0
        """Clicks left out in the last pass over `distinct_blocks`."""
        for _ in self.file.blocks():
            pass  # What there is.
        self._window_ps = self.file.lateness_ps
        self.clicks = self.file.clicks
        """In the file, of all channels."""
        self.defects = [defect.text for defect in self.file.defects]
        self.defect_kinds = [defect.kind for defect in self.file.defects]
        if self.file.largest_step_back_ps > 0:
            self.defect_kinds.append("not_in_order")
            late_s = self._window_ps * 1e-12
            self.defects.append(f"clicks out of order by up to {late_s:.3g} s were put in order")
        if self.file.out_of_range:
            self.defect_kinds.append("time_out_of_range")
            self.defects.append(f"{self.file.out_of_range} clicks at times beyond weeks: left out")

    @property
    def span_s(self) -> float:
        """From the earliest click to the latest one; 0 where there is none."""
        return self.file.span_ps * 1e-12

    def blocks(self) -> Iterator[TagBlock]:
        """All clicks, ascending in time."""
        if self._window_ps:
            yield from time_order(self._usable(), self._window_ps)
        else:
            yield from self._usable()

    def distinct_blocks(self) -> Iterator[TagBlock]:
        """As `blocks`, without clicks that repeat the time and channel of one before: no detector
        is so fast, and what is written twice must not count twice."""
        self.repeated = 0
        before = TagBlock(np.empty(0, np.int64), np.empty(0, np.uint8), 0)
        for block in self.blocks():
            kept = distinct(before, block)
            before = block
            self.repeated += block.time_ps.size - kept.time_ps.size
            yield kept

    def times(self) -> Iterator[NDArray[np.int64]]:
        """Times of the distinct clicks alone."""
        return (block.time_ps for block in self.distinct_blocks())

    def all_times(self) -> NDArray[np.int64]:
        """Those of `times` at once."""
        return np.concatenate([np.empty(0, np.int64), *self.times()])

    def _usable(self) -> Iterator[TagBlock]:
        if not self.file.out_of_range:
            yield from self.file.blocks()
            return
        for block in self.file.blocks():
            t = block.time_ps
            yield block.part((t > LEAST_TIME_PS) & (t < MOST_TIME_PS))


def read_pattern(path: Path) -> PublicPattern:
    """The public pattern in an .npz, array `state`. Raises InputError."""
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
            state = archive["state"]
    except FileNotFoundError as error:
        raise InputError(f"--pattern: {path}: no such file") from error
    except KeyError as error:
        raise InputError(f"--pattern: {path}: holds no array `state`") from error
    except OSError as error:
        raise InputError(f"--pattern: {path}: can't be read: {error.strerror or error}") from error
    except BROKEN as error:
        raise InputError(
            f"--pattern: {path}: is no .npz that can be read; write it with "
            "numpy.savez(file, state=...)"
        ) from error
    if state.ndim != 1 or not np.issubdtype(state.dtype, np.integer):
        raise InputError(f"--pattern: {path}: state: must be a row of integers")
    if not 0 < state.size <= MOST_SLOTS:
        raise InputError(f"--pattern: {path}: state: must have 1 to {MOST_SLOTS} slots")
    if np.any((state < 0) | (state > 255)):
        raise InputError(f"--pattern: {path}: state: must be 0..3, or 255 for not public")
    try:
        return PublicPattern(state.astype(np.uint8))
    except ValueError as error:
        raise InputError(f"--pattern: {path}: {error}") from error


def read_channels(text: str | None) -> list[int] | None:
    """Numbers of the device's channels, in the order H V D A. Raises InputError."""
    if text is None:
        return None
    try:
        return [int(word) for word in text.split(",")]
    except ValueError as error:
        raise InputError(
            f"--channels: must be numbers with commas between, like 1,2,3,4; got {text!r}"
        ) from error


def read_delays(text: str, slot_ps: float) -> tuple[float, ...]:
    """Delays of the detectors H V D A in ps, each under half a slot. Raises InputError."""
    try:
        delays = tuple(float(word) for word in text.split(","))
    except ValueError:
        delays = ()
    if len(delays) != 4 or not all(abs(delay) < 0.5 * slot_ps for delay in delays):
        raise InputError(
            f"--delays-ps: must be four numbers with commas between, each under half a slot; "
            f"got {text!r}"
        )
    return delays


def check_range(option: str, value: float, low: float, high: float) -> None:
    """Raises InputError unless low <= value <= high."""
    if not low <= value <= high:
        raise InputError(f"{option}: must be {low:g} to {high:g}, got {value:g}")
