"""The pages say what is there: links, tables and commands are held against the code."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import get_args, get_type_hints

import pytest

from config.loader import load_scenario, scenario_names
from config.world import Fault
from terminal.codec import TickCodec, layout
from terminal.messages import MESSAGES

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted(
    [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")], key=lambda page: page.as_posix()
)
SHELL_LIMIT_S = 120
READING = {"poll", "note"}
"""What is asked of a device without commanding it."""

_LINK = re.compile(r"\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#+ (.*)$", re.MULTILINE)
_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_DEVICE_CALL = re.compile(r"devices\.(\w+)\.(\w+)")


def _anchor(heading: str) -> str:
    """As GitHub makes it."""
    return re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")


def _links(page: Path) -> Iterator[str]:
    text = _BLOCK.sub("", page.read_text())
    for target in _LINK.findall(text):
        if "://" not in target:
            yield target


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_lead_somewhere(page: Path) -> None:
    broken = []
    for target in _links(page):
        name, _, anchor = target.partition("#")
        found = (page.parent / name).resolve() if name else page
        there = found.exists()
        if there and anchor:
            there = anchor in map(_anchor, _HEADING.findall(found.read_text()))
        if not there:
            broken.append(target)
    assert broken == []


def test_every_page_can_be_reached_from_the_readme() -> None:
    reached = {ROOT / "README.md"}
    ahead = list(reached)
    while ahead:
        page = ahead.pop()
        targets = {(page.parent / link.partition("#")[0]).resolve() for link in _links(page)}
        fresh = {target for target in targets if target.suffix == ".md"} - reached
        reached |= fresh
        ahead += fresh
    assert set(PAGES) <= reached


def test_every_scenario_has_its_row() -> None:
    page = (ROOT / "docs/scenario.md").read_text()
    rows = re.findall(r"^\| `(\w+)` \|", page, re.MULTILINE)
    assert sorted(rows) == scenario_names()


def test_every_kind_of_fault_is_named() -> None:
    page = (ROOT / "docs/scenario.md").read_text()
    (listed,) = re.findall(r"^Kinds: ([^.]+)\.", page, re.MULTILINE)
    kinds = get_args(get_type_hints(Fault)["kind"])
    assert re.findall(r"`(\w+)`", listed) == list(kinds)


def _devices(loop: str) -> tuple[str, str]:
    """(read, commanded) roles in the loop's file."""
    source = (ROOT / "terminal/loops" / f"{loop}.py").read_text()
    calls = sorted(set(_DEVICE_CALL.findall(source)))
    read = sorted({role for role, method in calls if method in READING})
    commanded = sorted({role for role, method in calls if method not in READING})
    return ", ".join(read), ", ".join(commanded)


def message_table() -> str:
    """The table of messages in docs/architecture.md."""
    rates = load_scenario("leo_haps_downlink").terminal.rates
    lines = [
        "| message | Hz | reads | commands | sample + command fields | bytes a tick | block |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, message in MESSAGES.items():
        read, commanded = _devices(name)
        fields = f"{len(layout(message.sample))} + {len(layout(message.command))}"
        codec = TickCodec(message)
        size = str(codec.size) if codec.size else f"{codec.struct.size} and arrays"
        rate_hz = getattr(rates, f"{name}_hz")
        cells = (f"`{name}`", rate_hz, read, commanded, fields, size, message.block)
        lines.append("| " + " | ".join(map(str, cells)) + " |")
    return "\n".join(lines) + "\n"


def test_message_table_is_that_of_the_code() -> None:
    page = (ROOT / "docs/architecture.md").read_text()
    table = message_table()
    assert table in page, f"docs/architecture.md: the table of messages is now\n{table}"


def _in_order(fragments: list[str], text: str) -> str | None:
    """The first fragment that is missing behind the ones before it."""
    at = 0
    for fragment in fragments:
        at = text.find(fragment, at)
        if at < 0:
            return fragment
        at += len(fragment)
    return None


def _fragments(expected: str) -> list[str]:
    """Pieces of the shown lines between `...` and runs of blanks."""
    return [piece for piece in re.split(r"\.\.\.|\s{2,}|\n", expected) if piece.strip()]


def _run(command: list[str], folder: Path) -> str:
    """Output and errors together. Fails the test if the command does."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        command,
        cwd=folder,
        env={**os.environ, "PATH": path, "COLUMNS": "100"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=SHELL_LIMIT_S,
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}"
    return done.stdout


@pytest.mark.slow
def test_first_steps_do_what_the_page_says(tmp_path: Path) -> None:
    blocks = _BLOCK.findall((ROOT / "docs/first-steps.md").read_text())
    output = ""
    for kind, body in blocks:
        if kind == "sh":
            output = _run(["bash", "-e", "-c", body], tmp_path)
        elif kind == "text":
            pieces = [piece.strip() for piece in _fragments(body)]
            missing = _in_order(pieces, output)
            assert missing is None, f"not in the output: {missing!r}\n{output}"
    # The page on the recording's format reads the first flight's.
    pages = _BLOCK.findall((ROOT / "docs/architecture.md").read_text())
    (reader,) = [body for kind, body in pages if kind == "python"]
    assert "50000 fine ticks" in _run([sys.executable, "-c", reader], tmp_path)
