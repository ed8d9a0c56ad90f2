"""The commands `qsky handover ...`. Nothing heavy is imported before they run."""

import re
from pathlib import Path
from typing import Annotated

import typer

from config.errors import InputError
from terminal.commands import JsonOut

app = typer.Typer(
    no_args_is_help=True,
    help="Hand sifted clicks over to a key-distillation stack: keys for those who may read.",
)

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")


@app.callback()
def handover() -> None:
    """Hand sifted clicks over to a key-distillation stack: keys for those who may read."""


@app.command()
def keys(
    names: Annotated[
        list[str],
        typer.Argument(metavar="NAME...", help="Of each key pair: server, distiller, ..."),
    ],
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="Folder for the key files.")],
    json_out: JsonOut = None,
) -> None:
    """Make CURVE key pairs: NAME.key for the other end, NAME.key_secret for its owner alone.

    Files that are there already are kept. Format: as of zmq.auth and CZMQ.

    Example:

      qsky handover keys server distiller --out keys
    """
    from rich.table import Table

    from terminal.handover.keys import write_pair
    from terminal.output import emit

    for name in names:
        if not _NAME.fullmatch(name):
            raise InputError(f"NAME: {name!r}: letters, digits, - and _ only, 64 at most")
    if len(set(names)) < len(names):
        raise InputError("NAME: one of them stands twice")
    pairs = {name: write_pair(out, name) for name in names}
    answer = [
        {"name": name, "public": str(files.public), "secret": str(files.secret)}
        for name, files in pairs.items()
    ]

    def table() -> Table:
        t = Table("key pair")
        for column in ("for the other end", "for its owner alone"):
            t.add_column(column, overflow="fold")
        for name, files in pairs.items():
            t.add_row(name, str(files.public), str(files.secret))
        return t

    emit(answer, json_out, table)
