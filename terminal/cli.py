"""The `qsky` command. Its subcommands are entry points, so that flight code imports no simulator.

A command is a plain function, or a group of commands a typer.Typer, registered under
`qsky.commands` in the project's metadata. Its module imports nothing heavy: what a command needs,
it imports when it runs.
"""

import os
import sys
import traceback
from collections.abc import Iterable
from importlib.metadata import EntryPoint, entry_points, version
from typing import Annotated, Any, NoReturn

import typer

from config.errors import InputError, RunError

GROUP = "qsky.commands"


def _version(asked: bool) -> None:
    if asked:
        typer.echo(f"qsky {version('qsky')}")
        raise typer.Exit


def _qsky(
    _: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Control software for quantum free-space-optical terminals.

    Commands that answer take --json FILE (- for standard output) and print a table otherwise.
    """


def build(commands: Iterable[EntryPoint]) -> typer.Typer:
    """The command with its subcommands; one that cannot be imported is warned of and left out."""
    app = typer.Typer(
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        # Help drawn by rich takes 0.1 s more.
        rich_markup_mode=None,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(_qsky)
    for entry in sorted(commands, key=lambda entry: entry.name):
        try:
            function = entry.load()
        except Exception as error:
            reason = f"{type(error).__name__}: {error}"
            sys.stderr.write(f"qsky: warning: no command {entry.name!r}: {reason}\n")
            continue
        if isinstance(function, typer.Typer):
            app.add_typer(function, name=entry.name)
        else:
            app.command(entry.name)(function)
    return app


def fail(error: Exception) -> NoReturn:
    """One line on standard error, and the exit code that fits. Raises SystemExit."""
    if os.environ.get("QSKY_TRACEBACK"):
        traceback.print_exception(error)
    # Imported only now: it brings numpy.
    from drivers.protocols import DeviceError

    text = " ".join(str(error).split())
    if isinstance(error, InputError):
        code = 2
    elif isinstance(error, RunError | DeviceError):
        code = 1
    else:
        text = (
            f"internal error: {type(error).__name__}: {text}"
            " (set QSKY_TRACEBACK=1 for the traceback)"
        )
        code = 1
    sys.stderr.write(f"qsky: {text}\n")
    raise SystemExit(code)


# What typer raises for a wrong call, under the one name of it that is public.
_UsageError: type[Exception] = typer.BadParameter.__mro__[1]


def _usage(error: Any) -> NoReturn:
    """A wrong call in one line; a command called with nothing gets its help. Raises SystemExit."""
    text = error.format_message()
    if "\n" in text.strip():
        sys.stderr.write(text + "\n")
    else:
        command = error.ctx.command_path if error.ctx else "qsky"
        sys.stderr.write(f"qsky: {text.rstrip(chr(46))}; see `{command} -h`\n")
    raise SystemExit(2)


def main() -> None:
    """Entry point of the command. Exit codes: 0, 1 failed run, 2 bad input, 130 interrupted."""
    app = build(entry_points(group=GROUP))
    try:
        code = app(prog_name="qsky", standalone_mode=False)
    except _UsageError as error:
        _usage(error)
    except (typer.Abort, KeyboardInterrupt):
        raise SystemExit(130) from None
    except Exception as error:
        fail(error)
    raise SystemExit(code if isinstance(code, int) else 0)
