"""What the terminal did not believe, and where it was not to look: the report's table of spans."""

from typing import Any

from hil.report_figures import Summary, lookup, real
from hil.report_page import DASH, Card, table

KINDS = (
    ("navigation_events", "names", "navigation"),
    ("keep_out", "zones", "keep-out"),
    ("fine_events", "names", "mirror loop"),
    ("polarization_events", "names", "polarisation"),
)
MOST = 40
"""Rows; the summary holds them all."""


def _rows(summary: Summary) -> list[tuple[float, float, str, str]]:
    """(t_s, until_s, kind, flags in words), by time; what is no span is left out."""
    rows = []
    for field, key, kind in KINDS:
        spans = summary.get(field)
        for span in spans if isinstance(spans, list) else []:
            start_s, end_s = real(lookup(span, "t_s")), real(lookup(span, "until_s"))
            names = lookup(span, key)
            if start_s is None or end_s is None or not isinstance(names, list):
                continue
            rows.append((start_s, end_s, kind, ", ".join(_words(name) for name in names)))
    return sorted(rows)


def _words(name: Any) -> str:
    return str(name).lower().replace("_", " ")


def events_card(summary: Summary) -> Card:
    """Spans of all kinds in one table, and how the pass was planned to be steered."""
    rows = _rows(summary)
    shown = [(f"{t:.2f}", f"{end:.2f}", kind, words) for t, end, kind, words in rows[:MOST]]
    left_out = f" {len(rows) - MOST} more are in the summary." if len(rows) > MOST else ""
    strategy, loss_s = (
        lookup(summary, "guidance", "strategy"),
        real(lookup(summary, "guidance", "planned_loss_s")),
    )
    loss = DASH if loss_s is None else f"{loss_s:.1f}"
    return Card(
        "Navigation, keep-out, mirror loop, polarisation",
        table(("from, s", "until, s", "of", "what"), shown),
        "Spans in which fixes of the navigation unit were refused, replaced or in doubt, and in "
        "which the boresight stood or was sent where the shutter stays shut; what the mirror loop "
        "found wrong with detector or mirror, and when it asked (probing); what the polarisation "
        "loop found wrong with counts, plate or detectors, and when it moved the retarder to learn "
        "(dithering)."
        f"{left_out} Guidance as planned: {_words(strategy) if strategy else DASH}, "
        f"{loss} s of link lost by it.",
    )
