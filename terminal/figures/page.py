"""What a figure consists of, and its page: given, assumed, fitted, and what moves the result."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from matplotlib.figure import Figure

Draw = Callable[[Figure], None]


class Assumption(NamedTuple):
    """Something that the article does not say."""

    what: str
    value: str
    why: str


class Moved(NamedTuple):
    """The result when one assumption is another."""

    change: str
    results: tuple[str, ...]


class Claim(NamedTuple):
    """What the article says, and what comes out here."""

    article: str
    here: str
    verdict: str
    """"follows", "follows by a fit", "does not follow", or the like."""


class FigureResult(NamedTuple):
    """All of one figure."""

    name: str
    """As in fig2: name of its files."""
    title: str
    given: list[str]
    assumed: list[Assumption]
    fitted: list[str]
    """Assumptions that were chosen for what comes out. Empty: none."""
    claims: list[Claim]
    result_names: tuple[str, ...]
    """What the columns of `moved` are."""
    moved: list[Moved]
    notes: list[str]
    header: tuple[str, ...]
    rows: list[tuple[float | str, ...]]
    draw: Draw


def items(text: str) -> list[str]:
    """The paragraphs of a text, each on one line."""
    return [" ".join(paragraph.split()) for paragraph in text.strip().split("\n\n")]


def csv_text(result: FigureResult) -> str:
    """The numbers, ten significant digits."""
    lines = [",".join(result.header)]
    lines += [",".join(v if isinstance(v, str) else f"{v:.10g}" for v in r) for r in result.rows]
    return "\n".join(lines) + "\n"


def page_text(result: FigureResult) -> str:
    """Markdown beside the picture."""
    parts = [f"# {result.title}", f"![{result.title}]({result.name}.png)"]
    parts += [f"Numbers: [{result.name}.csv]({result.name}.csv). Units stand in the column names."]
    parts += ["## What the article claims", _table(("article", "here", "verdict"), result.claims)]
    parts += ["## What the article gives", _list(result.given)]
    parts += ["## What was assumed", _table(("what", "value", "why"), result.assumed)]
    fitted = _list(result.fitted) if result.fitted else "Nothing was fitted."
    parts += ["## What was fitted to a claim", fitted]
    moved = [(m.change, *m.results) for m in result.moved]
    parts += ["## How the result moves", _table(("changed", *result.result_names), moved)]
    if result.notes:
        parts += ["## Notes", _list(result.notes)]
    return "\n\n".join(parts) + "\n"


def _list(items: list[str]) -> str:
    return "\n".join(f"- {item}" for item in items)


def _table(header: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    lines = [header, tuple("---" for _ in header), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)
