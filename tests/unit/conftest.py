"""The command as typed, for all unit tests."""

import sys
from collections.abc import Callable
from importlib.metadata import EntryPoint

import pytest

from terminal import cli

ENTRIES = [
    EntryPoint("plan", "terminal.plan_commands:plan", cli.GROUP),
    EntryPoint("passes", "terminal.plan_commands:passes", cli.GROUP),
    EntryPoint("clock", "terminal.clock_commands:app", cli.GROUP),
    EntryPoint("track", "terminal.track_command:track", cli.GROUP),
    EntryPoint("finite-key", "terminal.finite_key_command:finite_key", cli.GROUP),
]


@pytest.fixture
def qsky(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., tuple[int, str, str]]:
    """Runs the command as `main` does: exit code, standard output, standard error."""
    monkeypatch.setattr(cli, "entry_points", lambda group: ENTRIES)
    monkeypatch.delenv("QSKY_TRACEBACK", raising=False)

    def run(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["qsky", *arguments])
        with pytest.raises(SystemExit) as exit_info:
            cli.main()
        out, err = capsys.readouterr()
        return int(exit_info.value.code or 0), out, err

    return run
