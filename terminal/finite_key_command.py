"""The command `qsky finite-key`. Nothing heavy is imported before it runs."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from terminal.commands import JsonOut
from terminal.output import emit, warn

if TYPE_CHECKING:
    from rich.console import RenderableType

    from terminal.finite_key_cases import Case

_MANY = 50


def finite_key(
    file: Annotated[
        Path, typer.Argument(metavar="CASES.json", help="Passes, and what is asked of them.")
    ],
    json_out: JsonOut = None,
) -> None:
    """How many secret bits passes are worth, and the protocol that makes the most of them.

    Decoy-state BB84 with three intensities, finite key (Lim 2014, Sidhu 2022). A case is a table of
    transmittance with fixed parameters, the same with ranges to choose the best from, or counts.
    docs/finite-key.md describes the file. Every case is checked before the first is computed.

    Examples:

      qsky finite-key cases.json

      qsky finite-key cases.json --json - | jq '.[] | {id, secret_key_bits}'
    """
    from terminal.finite_key_cases import read_cases

    cases, warnings = read_cases(file)
    warn(warnings)
    answers = list(_answers(cases))
    emit(answers, json_out, lambda: _tables(answers))


def _answers(cases: "list[Case]") -> Iterator[dict[str, Any]]:
    """With a bar on standard error where somebody watches and it takes long."""
    from rich.console import Console
    from rich.progress import track

    from terminal.finite_key_answers import answer

    quick = len(cases) < _MANY or not sys.stderr.isatty()
    console = Console(stderr=True)
    for case in track(cases, "cases", console=console, disable=quick, transient=True):
        yield answer(case)


def _tables(answers: list[dict[str, Any]]) -> "RenderableType":
    from rich.box import SIMPLE_HEAD
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    worth = Table("case", box=SIMPLE_HEAD, caption="key per pass; counts of all passes")
    for heading in ("key\nbit", "QBER\n%", "phase\n%", "sifted X", "sifted Z", "leaked\nbit"):
        worth.add_column(heading, justify="right")
    chosen = Table("best protocol of", "mu", "p", "p_X", box=SIMPLE_HEAD)
    notes = Text()
    for a in answers:
        worth.add_row(
            a["id"],
            f"{a['secret_key_bits']:,.0f}",
            f"{100 * a['qber_x']:.2f}",
            f"{100 * a['phase_error_x']:.2f}",
            *(f"{a[name]:,.0f}" for name in ("sifted_x", "sifted_z", "leakage_ec_bits")),
        )
        if a["optimised"]:
            found = a["parameters"]
            chosen.add_row(
                a["id"],
                "  ".join(f"{v:.4g}" for v in found["intensities"]),
                "  ".join(f"{v:.4g}" for v in found["intensity_probabilities"]),
                f"{found['basis_x_probability']:.4g}",
            )
        for flag in a["flags"]:
            notes.append(f"{a['id']}: {flag}\n")
        if a["longer_pass"] is not None and a["longer_pass"] > 1.0:
            notes.append(f"{a['id']}: {a['longer_pass']:.3g} times the pass would have a key\n")
    return Group(worth, chosen, notes) if chosen.row_count else Group(worth, notes)
