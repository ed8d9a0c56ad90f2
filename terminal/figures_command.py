"""The command `qsky figures`. Nothing heavy is imported before it runs."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from terminal.commands import JsonOut
from terminal.output import emit

if TYPE_CHECKING:
    from rich.table import Table


def figures(
    out: Annotated[
        Path, typer.Option("--out", metavar="DIR", help="Where to put them; made if need be.")
    ],
    json_out: JsonOut = None,
) -> None:
    """The article's Figs 2, 3 and 4 from this project's own models.

    Of each figure: csv, png, and a page (md) with what the article gives, what was assumed, what
    was fitted, how the result moves when an assumption does, and which claims follow. Fig 2
    optimises the protocol at every point: some seconds.

    Examples:

      qsky figures --out out/figures

      qsky figures --out out/figures --json -
    """
    from terminal.figures.fig2 import fig2
    from terminal.figures.fig3 import fig3
    from terminal.figures.fig4 import fig4
    from terminal.figures.progress import shown
    from terminal.figures.writing import make_directory, write

    # First, so that a folder that cannot be is told before the work.
    make_directory(out)
    with shown("figures") as progress:
        results = [make(progress) for make in (fig3, fig4, fig2)]
    results.sort(key=lambda result: result.name)
    answer: dict[str, Any] = {
        "figures": [
            {
                "name": result.name,
                "title": result.title,
                "claims": [claim._asdict() for claim in result.claims],
                "assumed": [assumption._asdict() for assumption in result.assumed],
                "fitted": result.fitted,
                "moved": [
                    {"change": moved.change}
                    | dict(zip(result.result_names, moved.results, strict=True))
                    for moved in result.moved
                ],
                "files": [str(path) for path in write(result, out)],
            }
            for result in results
        ]
    }
    emit(answer, json_out, lambda: _table(answer))


def _table(answer: dict[str, Any]) -> "Table":
    from rich.table import Table

    shown = Table("", "the article", "here", "verdict", caption="assumptions: in the pages, *.md")
    for figure in answer["figures"]:
        for claim in figure["claims"]:
            verdict = claim["verdict"].replace("**", "")
            shown.add_row(figure["name"], claim["article"], claim["here"], verdict)
        shown.add_section()
    return shown
