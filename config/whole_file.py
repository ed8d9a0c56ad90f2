"""A file that appears whole or not at all."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from config.errors import InputError


@contextmanager
def replacing(path: Path, option: str = "") -> Iterator[BinaryIO]:
    """A file to write that takes the place of `path` at the end, unless an error came before.

    option: that named the path, for the message.

    Raises:
        InputError: it can't be written; said before any work is done, where that can be known.
    """
    where = f"{option}: {path}" if option else str(path)
    if path.exists() and not path.is_file():
        raise InputError(f"{where}: cannot write: it is no regular file")
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        try:
            with temporary.open("wb") as file:
                yield file
                file.flush()
                # Else a power cut could leave the new name on an empty file.
                os.fsync(file.fileno())
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as error:
        raise InputError(f"{where}: cannot write: {error.strerror or error}") from error
