"""The rules of the house that a machine can check."""

import re
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
ROOMS = ("config", "drivers", "terminal", "sim_devices", "hil")
MAX_LINES = 350

# Folders that are made here and are no part of the project; hidden ones are left out by name.
_MADE = {"build", "dist", "out", "node_modules", "__pycache__"}
_SHOWN = {".ci", ".github"}

# Paths and addresses of one machine. Brackets keep this file from matching itself.
_LOCAL = re.compile(
    rb"pypi[.]org|files[.]pythonhoste[d][.]|/roo[t]/|/hom[e]/[a-z]|/tm[p]/[a-z]|/wor[k]/(?:main|shared)"
)


def _files() -> Iterator[Path]:
    for path in sorted(ROOT.rglob("*")):
        parts = path.relative_to(ROOT).parts
        hidden = any(part.startswith(".") and part not in _SHOWN for part in parts[:-1])
        made = any(part in _MADE or part.endswith(".egg-info") for part in parts)
        # A work tree's .git is a file that holds a path.
        if path.is_file() and not hidden and not made and path.name != ".git":
            yield path


@pytest.mark.parametrize("room", ROOMS)
def test_no_other_distribution_claims_our_names(room: str) -> None:
    assert set(packages_distributions().get(room, ())) <= {"qsky"}


def test_imports_run_one_way() -> None:
    tool = Path(sys.executable).parent / "lint-imports"
    done = subprocess.run([tool, "--no-cache"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_files_are_short() -> None:
    long = {}
    for room in ROOMS:
        for path in (ROOT / room).rglob("*.py"):
            lines = path.read_text().count("\n")
            if lines > MAX_LINES:
                long[str(path.relative_to(ROOT))] = lines
    assert long == {}


def test_no_file_names_this_machine() -> None:
    found = {}
    for path in _files():
        match = _LOCAL.search(path.read_bytes())
        if match:
            found[str(path.relative_to(ROOT))] = match.group().decode()
    assert found == {}
