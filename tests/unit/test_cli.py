"""The command itself: what it lists, how it fails."""

import json
import subprocess
import sys
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from config.errors import InputError
from terminal import cli
from terminal.output import emit

ROOT = Path(__file__).resolve().parents[2]

COMMANDS = '''
from config.errors import InputError, RunError
from drivers.protocols import DeviceError

def good():
    """Says hello."""
    print("hello")

def bad_input():
    raise InputError("file.yaml: rates.fine_hz: must be\\n positive")

def bad_run():
    raise RunError("the run failed")

def bad_device():
    raise DeviceError("devices.gimbal.url: no such port")

def bug():
    {}["missing"]

def interrupted():
    raise KeyboardInterrupt
'''

NAMES = ["good", "bad_input", "bad_run", "bad_device", "bug", "interrupted"]


@pytest.fixture
def commands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Replaces the installed commands by those above, and one that cannot be imported."""
    (tmp_path / "toy_commands.py").write_text(COMMANDS)
    monkeypatch.syspath_prepend(tmp_path)
    entries = [EntryPoint(name, f"toy_commands:{name}", cli.GROUP) for name in NAMES]
    entries.append(EntryPoint("gone", "no_such_module:gone", cli.GROUP))
    monkeypatch.setattr(cli, "entry_points", lambda group: entries)
    monkeypatch.delenv("QSKY_TRACEBACK", raising=False)


def _run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr(sys, "argv", ["qsky", *arguments])
    with pytest.raises(SystemExit) as exit_info:
        cli.main()
    code = exit_info.value.code
    return code if isinstance(code, int) else 0


@pytest.mark.usefixtures("commands")
def test_help_lists_every_command_that_can_be_imported(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _run(monkeypatch, "--help") == 0
    out, err = capsys.readouterr()
    for name in NAMES:
        assert name in out
    assert "Says hello." in out
    assert "gone" not in out
    assert err == (
        "qsky: warning: no command 'gone': ModuleNotFoundError: No module named 'no_such_module'\n"
    )


@pytest.mark.usefixtures("commands")
@pytest.mark.parametrize(
    ("command", "code", "line"),
    [
        ("bad_input", 2, "qsky: file.yaml: rates.fine_hz: must be positive"),
        ("bad_run", 1, "qsky: the run failed"),
        ("bad_device", 1, "qsky: devices.gimbal.url: no such port"),
        (
            "bug",
            1,
            "qsky: internal error: KeyError: 'missing' (set QSKY_TRACEBACK=1 for the traceback)",
        ),
    ],
)
def test_an_error_is_one_line_and_an_exit_code(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    command: str,
    code: int,
    line: str,
) -> None:
    assert _run(monkeypatch, command) == code
    out, err = capsys.readouterr()
    assert out == ""
    assert err.splitlines()[1:] == [line]


@pytest.mark.usefixtures("commands")
def test_a_traceback_comes_only_on_demand(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("QSKY_TRACEBACK", "1")
    assert _run(monkeypatch, "bad_input") == 2
    assert "Traceback" in capsys.readouterr().err


@pytest.mark.usefixtures("commands")
def test_success_interrupt_and_usage(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _run(monkeypatch, "good") == 0
    assert capsys.readouterr().out == "hello\n"
    assert _run(monkeypatch, "interrupted") == 130
    assert _run(monkeypatch, "good", "--no-such-option") == 2
    assert _run(monkeypatch, "no-such-command") == 2
    assert _run(monkeypatch, "--version") == 0


def _qsky(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", "from terminal.cli import main; main()", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )


def test_the_installed_commands() -> None:
    done = _qsky("--help")
    assert done.returncode == 0
    for name in ("emulate", "replay", "rt-check", "run"):
        assert name in done.stdout
    assert done.stderr == ""


def test_help_imports_nothing_heavy() -> None:
    program = """
import sys
from terminal import cli
cli.build(cli.entry_points(group=cli.GROUP))
heavy = {"numpy", "scipy", "numba", "matplotlib", "mcap", "cv2", "rich", "sgp4"}
print(sorted(heavy & set(sys.modules)))
"""
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "[]\n"


def test_replay_of_no_recording_is_one_line(tmp_path: Path) -> None:
    done = _qsky("replay", str(tmp_path / "missing.mcap"), "--verify")
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "missing.mcap: cannot read the recording: No such file or directory" in done.stderr


def test_json_goes_to_a_file_whole_or_not_at_all(tmp_path: Path) -> None:
    out = tmp_path / "answer.json"
    emit({"value": 1.5, "missing": float("nan")}, out, str)
    assert json.loads(out.read_text()) == {"value": 1.5, "missing": None}
    with pytest.raises(InputError, match="cannot write"):
        emit({}, tmp_path / "no" / "folder.json", str)
    assert list(tmp_path.iterdir()) == [out]


def test_json_to_standard_output_or_a_table(capsys: pytest.CaptureFixture[str]) -> None:
    emit({"value": 1}, Path("-"), lambda: "a table")
    assert json.loads(capsys.readouterr().out) == {"value": 1}
    emit({"value": 1}, None, lambda: "a table")
    assert capsys.readouterr().out == "a table\n"
