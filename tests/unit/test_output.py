"""Where an answer goes that was asked for as JSON."""

import json
import os
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from config.errors import InputError
from terminal.output import write_json

ANSWER = {"locked": True, "offset_ps": 1.5}


def test_a_file_is_replaced_whole(tmp_path: Path) -> None:
    path = tmp_path / "answer.json"
    path.write_text("a much longer text that stood here before " * 100)
    before = path.stat().st_ino
    write_json(path, ANSWER)
    assert json.loads(path.read_text()) == ANSWER
    assert path.stat().st_ino != before
    assert [entry.name for entry in tmp_path.iterdir()] == ["answer.json"]


def test_a_named_pipe_stays_one_and_its_reader_gets_all(tmp_path: Path) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    got: list[str] = []
    reader = threading.Thread(target=lambda: got.append(path.read_text()), daemon=True)
    reader.start()
    write_json(path, ANSWER)
    reader.join(timeout=10.0)
    assert [json.loads(text) for text in got] == [ANSWER]
    assert stat.S_ISFIFO(path.stat().st_mode)


def test_a_terminal_gets_the_answer(tmp_path: Path) -> None:
    master, slave = os.openpty()
    try:
        link = tmp_path / "terminal"
        link.symlink_to(os.ttyname(slave))
        write_json(Path(os.ttyname(slave)), {})
        write_json(link, {})
        got = b""
        while got.count(b"}") < 2:
            got += os.read(master, 100)
        assert got.split() == [b"{}", b"{}"]
        assert link.is_symlink()
    finally:
        os.close(master)
        os.close(slave)


def test_standard_output_by_its_name(tmp_path: Path) -> None:
    """It may be a regular file, reached by links; its name must not be taken by another one."""
    program = (
        "from pathlib import Path; from terminal.output import write_json; "
        f"write_json(Path('/dev/stdout'), {ANSWER!r})"
    )
    path = tmp_path / "out"
    with path.open("w") as out:
        subprocess.run([sys.executable, "-c", program], stdout=out, check=True)
    assert json.loads(path.read_text()) == ANSWER
    assert Path("/dev/stdout").is_symlink()


def test_a_link_leads_to_what_is_written(tmp_path: Path) -> None:
    target, link = tmp_path / "target.json", tmp_path / "link.json"
    link.symlink_to(target)
    write_json(link, ANSWER)
    write_json(link, {})
    assert link.is_symlink()
    assert json.loads(target.read_text()) == {}


@pytest.mark.parametrize("name", [".", "missing/answer.json"])
def test_what_cannot_be_written_is_one_line(tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError, match="cannot write"):
        write_json(tmp_path / name, ANSWER)
    assert not list(tmp_path.iterdir())
