"""The page around the figures: HTML and style, no script, nothing from elsewhere."""

from collections.abc import Sequence
from html import escape
from typing import NamedTuple

from hil.plot_style import MODE_COLORS, THEME

_LIGHT = "".join(f"--{name}:{color};" for color, (name, _) in THEME.items())
_DARK = "".join(f"--{name}:{color};" for name, color in THEME.values())

STYLE = f"""
:root{{color-scheme:light dark;--page:#f5f6f8;--card:#fff;{_LIGHT}}}
@media (prefers-color-scheme:dark){{:root{{--page:#13161a;--card:#1c2025;{_DARK}}}}}
@media print{{:root{{--page:#fff}}.card,.tile{{break-inside:avoid}}}}
*{{box-sizing:border-box}}
body{{margin:0;background:var(--page);color:var(--ink);
  font:15px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif}}
main{{max-width:1240px;margin:0 auto;padding:28px 20px 48px}}
header p{{margin:2px 0 0;color:var(--muted)}}
h1{{margin:0;font-size:1.7rem;line-height:1.2;font-weight:650;overflow-wrap:anywhere}}
h2{{margin:36px 0 12px;font-size:1.15rem;font-weight:650}}
h3{{margin:0 0 8px;font-size:.95rem;font-weight:650}}
.modes{{display:flex;height:10px;margin:18px 0 6px;border-radius:3px;overflow:hidden;
  background:var(--grid)}}
.modes i,.key i{{display:block}}
.key{{display:flex;flex-wrap:wrap;gap:2px 14px;padding:0;margin:0;list-style:none;
  font-size:.78rem;color:var(--muted)}}
.key li{{display:flex;align-items:center;gap:5px}}
.key i{{width:14px;height:6px;border-radius:1px}}
.tiles{{display:grid;grid-template-columns:repeat(4,1fr);gap:12px;margin:20px 0 0}}
.tile,.card{{background:var(--card);border:1px solid var(--grid);border-radius:8px}}
.tile{{padding:12px 14px}}
.tile dt{{font-size:.8rem;color:var(--muted)}}
.tile dd{{margin:0;font-variant-numeric:tabular-nums}}
.tile .value{{font-size:1.45rem;line-height:1.35;font-weight:600}}
.tile .value small{{font-size:.85rem;font-weight:400;color:var(--muted)}}
.tile .beside{{font-size:.8rem;color:var(--muted)}}
.cards{{display:grid;grid-template-columns:1fr 1fr;gap:16px}}
.card{{margin:0;padding:14px 16px;min-width:0}}
.card svg{{display:block;width:100%;height:auto}}
.card svg text{{font-family:system-ui,-apple-system,"Segoe UI",Roboto,Arial,sans-serif!important}}
.card figcaption{{margin-top:8px;font-size:.84rem;line-height:1.45;color:var(--muted)}}
.note{{margin:16px 0 0;padding:8px 14px;border-left:3px solid var(--limit);background:var(--card);
  overflow-wrap:anywhere}}
.table{{overflow-x:auto}}
table{{border-collapse:collapse;font-size:.85rem;font-variant-numeric:tabular-nums;width:100%}}
th,td{{padding:4px 12px 4px 0;text-align:right;border-bottom:1px solid var(--grid);
  vertical-align:top}}
th{{font-weight:500;color:var(--muted)}}
th:first-child,td:first-child,.whole td{{text-align:left}}
td:first-child{{white-space:nowrap}}
.whole td{{white-space:normal}}
.whole td:last-child{{overflow-wrap:anywhere;
  font-family:ui-monospace,SFMono-Regular,Consolas,monospace;font-size:.8rem}}
summary{{cursor:pointer;font-weight:650}}
details.card{{margin-top:36px}}
details[open] summary{{margin-bottom:8px}}
footer{{margin-top:28px;font-size:.8rem;color:var(--muted)}}
@media (max-width:860px){{.cards{{grid-template-columns:1fr}}
  .tiles{{grid-template-columns:1fr 1fr}}main{{padding:18px 12px 36px}}
  .card{{padding:12px 10px}}h2{{margin-top:28px}}}}
"""


DASH = "–"


class Tile(NamedTuple):
    """A key figure: plain text, not yet escaped."""

    label: str
    value: str
    unit: str
    beside: str
    """What to hold the value against."""


class Card(NamedTuple):
    """A figure or table: title and caption as plain text, the content as it is."""

    title: str
    content: str
    caption: str


def page(title: str, body: Sequence[str]) -> str:
    """The whole document; title is plain text."""
    return "\n".join(
        (
            '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f"<title>{escape(title)}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<main>",
            *body,
            "</main>\n</body>\n</html>\n",
        )
    )


def header(title: str, lines: Sequence[str], notes: Sequence[str]) -> str:
    """Plain text in; notes are what a reader has to know before believing the page."""
    said = "".join(f"<p>{escape(line)}</p>" for line in lines)
    warned = "".join(f'<p class="note">{escape(note)}</p>' for note in notes)
    return f"<header>\n<h1>{escape(title)}</h1>\n{said}{warned}\n</header>"


def mode_bar(shares: Sequence[tuple[str, float]]) -> str:
    """The flight as one bar, (mode, share of the time) in order, and the key of its colours."""
    known = [(mode, share) for mode, share in shares if mode in MODE_COLORS]
    bar = "".join(
        f'<i style="width:{100 * share:.3f}%;background:{_color(mode)}" title="{mode}"></i>'
        for mode, share in known
    )
    key = "".join(
        f'<li><i style="background:{_color(mode)}"></i>{mode}</li>' for mode in MODE_COLORS
    )
    return f'<div class="modes" aria-hidden="true">{bar}</div>\n<ul class="key">{key}</ul>'


def _color(mode: str) -> str:
    color = MODE_COLORS[mode]
    return f"var(--{THEME[color][0]})" if color in THEME else color


def tiles(items: Sequence[Tile]) -> str:
    """Each with its unit, which a dash has not."""
    inner = ""
    for t in items:
        unit = f" <small>{escape(t.unit)}</small>" if t.value != DASH else ""
        inner += (
            f'<div class="tile"><dt>{escape(t.label)}</dt>'
            f'<dd class="value">{escape(t.value)}{unit}</dd>'
            f'<dd class="beside">{escape(t.beside)}</dd></div>\n'
        )
    return f'<dl class="tiles">\n{inner}</dl>'


def section(title: str, cards: Sequence[Card]) -> str:
    inner = "\n".join(
        f'<figure class="card"><h3>{escape(c.title)}</h3>\n{c.content}\n'
        f"<figcaption>{escape(c.caption)}</figcaption></figure>"
        for c in cards
    )
    return f'<section>\n<h2>{escape(title)}</h2>\n<div class="cards">\n{inner}\n</div>\n</section>'


def table(head: Sequence[str], rows: Sequence[Sequence[str]], kind: str = "") -> str:
    """Plain text in; no row at all gives a dash."""
    th = "".join(f"<th>{escape(h)}</th>" for h in head)
    body = "".join(
        "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>\n"
        for row in rows or [[DASH] * len(head)]
    )
    return (
        f'<div class="table"><table class="{kind}"><thead><tr>{th}</tr></thead>\n'
        f"<tbody>{body}</tbody></table></div>"
    )


def folded(title: str, inner: str) -> str:
    """Ready HTML behind a line to click on."""
    return (
        f'<section>\n<details class="card"><summary>{escape(title)}</summary>{inner}'
        "</details>\n</section>"
    )
