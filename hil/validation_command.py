"""The command `qsky validation`. Nothing heavy is imported before it runs."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from terminal.commands import JsonOut
from terminal.output import emit

if TYPE_CHECKING:
    from rich.table import Table

    from hil.validation.themes import Theme


def validation(
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE.md", help="Write the page here.")
    ] = None,
    json_out: JsonOut = None,
) -> None:
    """Published values beside this project's own, with the status that follows by rule.

    Of each value: where it is printed, ours, how far ours may lie from it and what licenses that.
    reproduced: inside, from what is printed alone; compatible: inside, with assumed or fitted
    values; not reproduced; gap: nothing here computes it. Takes some ten seconds.

    Examples:

      qsky validation

      qsky validation --out docs/validation.md

      qsky validation --json -
    """
    from config.errors import InputError
    from config.whole_file import replacing
    from hil.validation.page import page_text
    from hil.validation.themes import judge_all
    from terminal.figures.progress import shown

    # First, so that a folder that is not there is told before the work.
    for option, path in (("--out", out), ("--json", json_out)):
        if path is not None and not path.parent.is_dir():
            raise InputError(f"{option}: {path.parent}: no such folder: make it first")
    with shown("validation") as progress:
        themes = judge_all(progress)
    if out is not None:
        with replacing(out, "--out") as file:
            file.write(page_text(themes).encode())
    emit(_rows(themes), json_out, lambda: _table(themes))


def _rows(themes: "list[Theme]") -> list[dict[str, Any]]:
    return [
        {
            "theme": theme.title,
            "kind": row.check.kind,
            "claim": row.check.claim,
            "printed_in": row.check.printed_in,
            "printed": None if row.check.printed is None else str(row.check.printed),
            "unit": row.check.unit,
            "ours": row.ours,
            "ours_span": row.span,
            "agrees_from": row.low,
            "agrees_to": row.high,
            "tolerance": row.check.tolerance.licence,
            "not_printed": row.check.not_printed,
            "status": row.status,
            "note": row.check.note,
        }
        for theme in themes
        for row in theme.judged
    ]


def _table(themes: "list[Theme]") -> "Table":
    from rich.table import Table

    from hil.validation.check import KINDS, STATUSES
    from hil.validation.page import ours_text

    counted = ", ".join(
        f"{sum(t.number_of(s, k) for t in themes for k in KINDS)} {s}" for s in STATUSES
    )
    shown = Table("claim", "printed", "ours", "status", title=counted)
    for theme in themes:
        for row in theme.judged:
            if row.status != "reproduced":
                printed = f"{row.check.printed or 'no number'} {row.check.unit}".strip()
                shown.add_row(row.check.claim, printed, ours_text(row), row.status)
        shown.add_section()
    shown.caption = "what is reproduced is left out here; --out FILE.md has all"
    return shown
