"""The file of `qsky clock recover --slots`: written apart, in place only when it is whole."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from config.errors import InputError
from config.whole_file import replacing

NO_SLOT = -1
_PIECE = 1 << 20


@contextmanager
def slots_file(
    path: Path | None, clicks: int, inputs: list[Path]
) -> Iterator[NDArray[np.int64] | None]:
    """A row of slots to fill, (clicks,), -1 at first; it takes the place of `path` at the end,
    unless an error came before. No path: None.

    inputs: files that it must not replace.

    Raises:
        InputError: it cannot be written. Said before any work is done, where that can be known.
    """
    if path is None:
        yield None
        return
    if path.exists() and any(path.samefile(taken) for taken in inputs):
        raise InputError(f"--slots: {path}: cannot write: it is an input of this command")
    with replacing(path, "--slots") as file:
        _fill(file, clicks)
        # An empty array cannot be mapped.
        slots = np.load(file.name, mmap_mode="r+" if clicks else None)
        yield slots
        if isinstance(slots, np.memmap):
            slots.flush()


def _fill(file: BinaryIO, clicks: int) -> None:
    """Written, not only mapped: a full disk is an error here, and would kill the process there."""
    header = {"descr": "<i8", "fortran_order": False, "shape": (clicks,)}
    piece = np.full(min(clicks, _PIECE), NO_SLOT, dtype="<i8")
    np.lib.format.write_array_header_1_0(file, header)
    for begin in range(0, clicks, _PIECE):
        file.write(piece[: clicks - begin].tobytes())
    file.flush()
    os.fsync(file.fileno())
