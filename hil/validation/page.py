"""The page of all checks, as Markdown: what is not reproduced first."""

import math
from collections.abc import Iterable, Sequence
from decimal import Decimal

from hil.validation.check import (
    KINDS,
    MEANING,
    STATUSES,
    Check,
    Judged,
    Kind,
    Printed,
    Status,
    half_digit,
)
from hil.validation.micius_assumed import assumptions
from hil.validation.micius_pass import Outcome, flown
from hil.validation.themes import Theme

_MOST_DIGITS = 9
"""So many are the same on any machine."""
_FAR_BELOW = 100.0
"""Ours that is so much less than a limit is rounding error, of which no digit is shown."""

_INTRO = """\
# Published values, and ours

Written by `qsky validation --out docs/validation.md`, every number and every status; a test writes
it again and compares. Each row has a value, where it is printed, ours, how far ours may lie from
it, and what licenses that. A closed form is no publication: its value is the formula, computed
apart from the code that is checked. The status follows from these by rule
([check.py](../hil/validation/check.py)). In parentheses: ours over the range of what is not
printed."""

_ASSUMED = """\
## What is assumed of the Micius link

One loss is fitted, to the sifted bits. Of each value that is not printed: what is taken, the range
that the printed figures allow, and the pass with either end of it and all else as taken, nothing
fitted anew. The key is that of both bases, each the other's check."""

_BESIDE = """\
## What stands elsewhere

- Flights, drawn photon by photon, with their figures: [measured](measured.md);
  `qsky run micius_xinglong --out DIR` flies that pass.
- 27 cases of the published key code, to 1e-9 and to 0.9999 of its optimum: a file that is no part
  of this project. `python -m benchmarks.finite_key --vectors FILE` reads it, and the tests do where
  it is at hand. This page has the case that one transmittance describes.
- The recorded tip and tilt of Keck: `python -m benchmarks.fine_tracking --keck FOLDER`.
- The article's figures as pictures, with their assumptions: [figures](figures.md)."""


def page_text(themes: list[Theme]) -> str:
    """The whole page."""
    parts = [_INTRO, _statuses(themes), _overview(themes), _apart(themes)]
    for theme in themes:
        parts += [f"## {theme.title}", theme.about, _theme(theme)]
    parts += [_ASSUMED, _assumed(), _BESIDE]
    return "\n\n".join(parts) + "\n"


def _statuses(themes: list[Theme]) -> str:
    rows = [
        (status, *(str(_total(themes, status, kind)) for kind in KINDS), MEANING[status])
        for status in STATUSES
    ]
    return table(("status", *KINDS, "meaning"), rows)


def _total(themes: list[Theme], status: Status, kind: Kind) -> int:
    return sum(theme.number_of(status, kind) for theme in themes)


def _overview(themes: list[Theme]) -> str:
    """Of published values alone."""
    rows = [
        (theme.title, *(str(theme.number_of(status, "published") or "") for status in STATUSES))
        for theme in themes
    ]
    return table(("published values of", *STATUSES), [row for row in rows if any(row[1:])])


def _apart(themes: list[Theme]) -> str:
    """What a reader should see first."""
    found = [row for theme in themes for row in theme.judged]
    rows = [
        (
            row.check.claim,
            _printed(row.check),
            ours_text(row) or "none",
            row.check.printed_in,
            row.status,
            row.check.note,
        )
        for status in ("not reproduced", "gap")
        for row in found
        if row.status == status
    ]
    heading = "## Not reproduced, and gaps"
    if not rows:
        return f"{heading}\n\nNone."
    return f"{heading}\n\n" + table(("claim", "printed", "ours", "where", "status", "why"), rows)


def _theme(theme: Theme) -> str:
    rows = []
    kinds = {row.check.kind for row in theme.judged}
    for row in theme.judged:
        check = row.check
        licence = check.tolerance.licence if check.printed else ""
        rows.append(
            (
                check.claim,
                check.printed_in,
                "" if len(kinds) == 1 else check.kind,
                _printed(check),
                ours_text(row),
                licence,
                check.not_printed,
                row.status,
                check.note,
            )
        )
    closed = kinds == {"closed form"}
    where = "where" if kinds == {"published"} else "where, or formula"
    header = (
        "value" if closed else "claim",
        "formula" if closed else where,
        "kind",
        "by it" if closed else "printed",
        "ours",
        "tolerance",
        "not printed",
        "status",
        "note",
    )
    return table(*_without_empty(header, rows))


def _without_empty(
    header: tuple[str, ...], rows: Sequence[tuple[str, ...]]
) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    kept = [k for k in range(len(header)) if any(row[k] for row in rows)]
    return tuple(header[k] for k in kept), [tuple(row[k] for k in kept) for row in rows]


def _printed(check: Check) -> str:
    return f"{check.printed} {check.unit}".strip() if check.printed else "no number"


def ours_text(row: Judged) -> str:
    """With one digit more than is printed; empty where there is nothing."""
    if row.ours is None or row.check.printed is None:
        return ""
    printed = row.check.printed
    limit = float(printed.text)
    if printed.relation == "<" and 0.0 <= row.ours < limit / _FAR_BELOW:
        return f"< {limit / _FAR_BELOW:g} {row.check.unit}".strip()
    text = number(row.ours, printed)
    if row.span:
        text += f" ({number(row.span[0], printed)} to {number(row.span[1], printed)})"
    return f"{text} {row.check.unit}".strip()


def number(value: float, printed: Printed) -> str:
    """To a tenth of the last printed digit, but of whole numbers over a thousand to the whole."""
    if not math.isfinite(value):
        return str(value)
    if printed.relation in "<>":
        return f"{value:.4g}"
    exponent = half_digit(printed.text).as_tuple().exponent
    assert isinstance(exponent, int)
    if exponent == -1 and abs(value) >= 1000.0:
        exponent = 0
    digits = math.floor(math.log10(abs(value))) - exponent + 1 if value else 1
    digits = max(1, min(digits, _MOST_DIGITS))
    rounded = Decimal(f"{value:.{digits - 1}e}")
    return f"{rounded:.{digits - 1}e}" if "e" in printed.text else f"{rounded:f}"


def _assumed() -> str:
    taken = flown()
    rows = [("**all as taken**", "", "", "", *_outcome(taken))]
    for a in assumptions():
        rows.append((a.what, a.taken, a.least, a.allowed_by, *_outcome(flown(a.at_least))))
        rows.append(("", "", a.greatest, "", *_outcome(flown(a.at_greatest))))
    header = ("what", "taken", "range", "allowed by", "sifted bits", "kbit/s at 645, 1200 km",
              "errors", "key, bits")  # fmt: skip
    return table(header, rows)


def _outcome(outcome: Outcome) -> tuple[str, str, str, str]:
    return (
        f"{outcome.sifted:,.0f}",
        f"{outcome.rate_near_hz / 1e3:.1f}, {outcome.rate_far_hz / 1e3:.2f}",
        f"{100 * outcome.error_rate:.2f} %",
        f"{outcome.key_bits:,.0f}",
    )


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """In Markdown."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(
        "| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines
    )
