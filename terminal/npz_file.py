"""A .npz from outside, which may be cut off, damaged or hostile."""

import struct
import zlib
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from config.errors import InputError

BROKEN = (
    *(ValueError, TypeError, AttributeError, KeyError, EOFError, OverflowError, MemoryError),
    *(RuntimeError, BadZipFile, zlib.error, struct.error),
)
"""What numpy.load raises for damaged or foreign archives; RuntimeError: encrypted, or packed in an
unknown way."""


def read_arrays(path: Path, names: str) -> dict[str, NDArray[Any]]:
    """All arrays of an .npz by name; nothing that is pickled.

    names: of what should be in it, for the error.

    Raises:
        InputError: no such file, or none that can be read.
    """
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
            return {name: archive[name] for name in archive.files}
    except OSError as error:
        raise InputError(f"{path}: cannot read: {error.strerror or error}") from error
    except BROKEN as error:
        raise InputError(
            f"{path}: is cut off, or no .npz: write it with numpy.savez(FILE, {names})"
        ) from error
