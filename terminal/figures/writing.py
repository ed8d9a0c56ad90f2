"""The files of the figures: all of one figure are made before the first is written."""

import io
from pathlib import Path

from matplotlib.figure import Figure

from config.errors import InputError
from config.whole_file import replacing
from terminal.figures.page import FigureResult, csv_text, page_text

_DPI = 130


def write(result: FigureResult, directory: Path) -> list[Path]:
    """Write NAME.csv, NAME.png and NAME.md; each is there in whole or not at all.

    Raises InputError where a file cannot be written.
    """
    contents = {
        "csv": csv_text(result).encode(),
        "png": _png(result),
        "md": page_text(result).encode(),
    }
    written = []
    for suffix, content in contents.items():
        path = directory / f"{result.name}.{suffix}"
        with replacing(path, "--out") as file:
            file.write(content)
        written.append(path)
    return written


def make_directory(directory: Path) -> None:
    """With its parents. Raises InputError where that cannot be."""
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"--out: {directory}: cannot make it: {error.strerror}") from error


def _png(result: FigureResult) -> bytes:
    figure = Figure(figsize=(10.5, 5.2), layout="constrained")
    result.draw(figure)
    buffer = io.BytesIO()
    # No date and no version within: the same figures give the same bytes.
    figure.savefig(buffer, format="png", dpi=_DPI, metadata={"Software": None})
    return buffer.getvalue()
