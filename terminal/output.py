"""How every command answers: JSON where it was asked for, a table for people otherwise."""

import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from config.errors import InputError
from config.whole_file import replacing

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from rich.console import RenderableType

Answer = dict[str, Any] | list[dict[str, Any]]


def emit(data: Answer, json_out: Path | None, table: "Callable[[], RenderableType]") -> None:
    """Write `data` as JSON to `json_out` (`-`: standard output), or print `table()` if it is None.

    Raises:
        InputError: the file cannot be written.
    """
    if json_out is None:
        from rich.console import Console

        Console().print(table())
    elif json_out == Path("-"):
        sys.stdout.write(_encode(data))
    else:
        write_json(json_out, data)


def warn(warnings: Iterable[str]) -> None:
    """Say on standard error what a user should know, a line each."""
    for warning in warnings:
        sys.stderr.write(f"qsky: warning: {warning}\n")


def write_json(path: Path, data: Answer) -> None:
    """Write a JSON file that is there in whole or not at all. NaN and infinity become null.

    A device, a pipe or a link (such as /dev/stdout) is no file that another could stand in for: it
    is written to.

    Raises:
        InputError: the file cannot be written.
    """
    text = _encode(data)
    if not path.is_symlink() and (path.is_file() or not path.exists()):
        with replacing(path) as file:
            file.write(text.encode())
        return
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise InputError(f"{path}: cannot write: {error.strerror}") from error


def save_plot(figure: "Figure", file: Path) -> None:
    """Write what `--plot FILE` asked for; its ending says the kind of picture.

    Raises:
        InputError: the file cannot be written, or is of a kind that is not known.
    """
    try:
        figure.savefig(file, dpi=120)
    except OSError as error:
        raise InputError(f"--plot: {file}: cannot write: {error.strerror}") from error
    except ValueError as error:
        raise InputError(f"--plot: {file}: {error}") from error


def _encode(data: Answer) -> str:
    import msgspec

    return msgspec.json.format(msgspec.json.encode(data), indent=2).decode() + "\n"
