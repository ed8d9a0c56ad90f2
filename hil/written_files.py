"""Files that a command is told to write: looked at before anything is measured."""

from pathlib import Path

from config.errors import InputError

PICTURES = ".png", ".svg", ".pdf"
_STDOUT = Path("-")


def check_written(source: str, files: dict[str, Path | None]) -> None:
    """None takes the place of what the command reads, or of another; --plot is a picture.

    source: a file, or a name that is none. files: by option; None where it is not given.

    Raises:
        InputError: names the option.
    """
    taken = {Path(source).resolve(): "it is an input of this command"}
    for option, file in files.items():
        if file is None or (option == "--json" and file == _STDOUT):
            continue
        if not file.parent.is_dir():
            raise InputError(f"{option}: no folder {file.parent} to write {file.name} into")
        if file.is_dir():
            raise InputError(f"{option}: {file}: is a folder, not a file to write")
        at = file.resolve()
        if at in taken:
            raise InputError(f"{option}: {file}: cannot write: {taken[at]}")
        taken[at] = f"{option} writes it too"
        if option == "--plot" and file.suffix not in PICTURES:
            raise InputError(f"--plot: {file}: must end in one of {' '.join(PICTURES)}")
