"""What the `qsky clock` commands are given, each refused in one line if it cannot be used."""

import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from config.errors import InputError
from terminal.timetags.formats import TagBlock, TagFile, lateness_ps, open_tags, time_order
from terminal.timetags.pattern import PublicPattern

MOST_SLOTS = 1 << 26
LEAST_SLOT_PS, MOST_SLOT_PS = 50.0, 1e7
_MOST_TIME_PS = 1 << 62
"""53 days, past which differences of times would overflow."""


class TagStream:
    """The clicks of a file in the order of time, read as often as needed."""

    def __init__(self, path: Path, channels: Sequence[int] | Literal["all"] | None) -> None:
        """Raises InputError for a file of which nothing can be used, or impossible channels."""
        try:
            self.file: TagFile = open_tags(path, channels)
        except ValueError as error:
            raise InputError(f"--channels: {error}") from error
        self._window_ps = lateness_ps(self._usable())
        self.clicks = self.file.clicks
        """In the file, of all channels."""
        self.defects = [defect.text for defect in self.file.defects]
        self.defect_kinds = [defect.kind for defect in self.file.defects]
        if self.file.largest_step_back_ps > 0:
            self.defect_kinds.append("not_in_order")
            late_s = self._window_ps * 1e-12
            self.defects.append(f"clicks out of order by up to {late_s:.3g} s were put in order")

    def blocks(self) -> Iterator[TagBlock]:
        """All clicks, ascending in time."""
        if self._window_ps:
            yield from time_order(self._usable(), self._window_ps)
        else:
            yield from self._usable()

    def times(self) -> Iterator[NDArray[np.int64]]:
        """Click times alone."""
        return (block.time_ps for block in self.blocks())

    def all_times(self) -> NDArray[np.int64]:
        """All click times at once."""
        return np.concatenate([np.empty(0, np.int64), *self.times()])

    def _usable(self) -> Iterator[TagBlock]:
        for block in self.file.blocks():
            good = np.abs(block.time_ps) < _MOST_TIME_PS
            if np.all(good):
                yield block
            else:
                yield TagBlock(block.time_ps[good], block.channel[good], block.index[good])


def read_pattern(path: Path) -> PublicPattern:
    """The public pattern in an .npz, array `state`. Raises InputError."""
    try:
        with np.load(path, allow_pickle=False) as archive:
            state = archive["state"]
    except FileNotFoundError as error:
        raise InputError(f"--pattern: {path}: no such file") from error
    except KeyError as error:
        raise InputError(f"--pattern: {path}: holds no array `state`") from error
    except (OSError, ValueError, EOFError, TypeError, zipfile.BadZipFile) as error:
        raise InputError(f"--pattern: {path}: is no .npz that can be read: {error}") from error
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


def check_range(option: str, value: float, low: float, high: float) -> None:
    """Raises InputError unless low <= value <= high."""
    if not low <= value <= high:
        raise InputError(f"{option}: must be {low:g} to {high:g}, got {value:g}")
