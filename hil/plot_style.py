"""The look of all figures: colours by meaning, axes over time under a strip of modes, SVG.

Colours follow Okabe & Ito (2008), which people with any colour vision can tell apart; those of
lines are darkened where they would be faint on white. In the SVG each becomes a CSS variable of
the page, so that a figure follows its light and dark theme.
"""

import io
import math
import re
from collections.abc import Sequence

import matplotlib
import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, NullFormatter

from hil.plot_series import Array, Course, Span

INK = "#1f2429"
"""Text; and the truth, in every figure."""
MUTED = "#69727c"
GRID = "#e2e6ea"
OWN = "#0072b2"
"""What the terminal measures or believes."""
LIMIT = "#d55e00"
"""What theory says: bounds, limits, the analytic model. Dashed."""
GIMBAL = "#bb7d00"
AHEAD = "#b0568a"
OWN_2 = "#2b93c8"
"""A second quantity of the terminal's own."""

MODE_COLORS = {
    "STANDBY": "#a3abb3",
    "POINT": "#56b4e9",
    "ACQUIRE": "#e69f00",
    "TRACK": "#0073b3",
    "LINK": "#009e73",
    "LOST": "#d65f00",
    "SAFE": "#cc79a7",
}

THEME = {
    INK: ("ink", "#e8eaed"),
    MUTED: ("muted", "#9aa4ae"),
    GRID: ("grid", "#343b43"),
    OWN: ("own", "#5db4ea"),
    LIMIT: ("limit", "#ff9450"),
    GIMBAL: ("gimbal", "#f0b440"),
    AHEAD: ("ahead", "#e08fbb"),
    OWN_2: ("own-2", "#a9dcf8"),
    MODE_COLORS["TRACK"]: ("track", "#3f8fd0"),
}
"""Light colour: (name of its CSS variable, dark colour). Others look the same in both."""

WIDTH_IN = 5.4
FONT_PT = 8.5
THIN = 1.1
"""Line width, pt."""
_LEFT_IN, _RIGHT_IN, _BOTTOM_IN, _GAP_IN, _STRIP_IN = 0.62, 0.14, 0.44, 0.13, 0.06
_LEGEND_ROW_IN = 0.19


def panels(
    course: Course, labels: Sequence[str], heights_in: Sequence[float], legend_rows: int = 1
) -> tuple[Figure, list[Axes]]:
    """Axes over time, one above the other, under a strip coloured by mode; room for a legend."""
    top_in = 0.08 + _LEGEND_ROW_IN * legend_rows + _STRIP_IN
    height_in = top_in + sum(heights_in) + _GAP_IN * (len(heights_in) - 1) + _BOTTOM_IN
    figure = Figure(figsize=(WIDTH_IN, height_in))
    width_in = WIDTH_IN - _LEFT_IN - _RIGHT_IN
    edge_in = height_in - top_in

    def place(bottom_in: float, tall_in: float) -> Axes:
        rectangle = (_LEFT_IN, bottom_in, width_in, tall_in)
        scale = (WIDTH_IN, height_in, WIDTH_IN, height_in)
        left, bottom, width, height = (v / s for v, s in zip(rectangle, scale, strict=True))
        axes = figure.add_axes((left, bottom, width, height))
        axes.set_xlim(0.0, course.duration_s)
        return axes

    strip = place(edge_in, _STRIP_IN)
    strip.axis("off")
    strip.set_ylim(0.0, 1.0)
    mode_bars(strip, course.modes, (0.0, 1.0))
    answer = []
    for label, tall_in in zip(labels, heights_in, strict=True):
        axes = place(edge_in - tall_in, tall_in)
        plain(axes)
        axes.set_ylabel(label, fontsize=FONT_PT, color=INK)
        # One place for all labels, so that panels and figures line up.
        axes.yaxis.set_label_coords(-0.47 / width_in, 0.5)
        axes.tick_params(labelbottom=False)
        axes.xaxis.set_major_locator(MaxNLocator(7))
        answer.append(axes)
        edge_in -= tall_in + _GAP_IN
    answer[-1].tick_params(labelbottom=True)
    answer[-1].set_xlabel("time since the window opened, s", fontsize=FONT_PT, color=INK)
    return figure, answer


def plain(axes: Axes) -> None:
    """No more ink than needed."""
    axes.patch.set_visible(False)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    for side in ("left", "bottom"):
        axes.spines[side].set_color(MUTED)
        axes.spines[side].set_linewidth(0.6)
    axes.grid(True, color=GRID, linewidth=0.6)
    axes.set_axisbelow(True)
    axes.tick_params(
        which="both", labelsize=FONT_PT, labelcolor=INK, color=MUTED, width=0.6, length=3
    )


def mode_bars(axes: Axes, spans: Sequence[Span], y: tuple[float, float]) -> None:
    """A bar of each stay, at y = (bottom, height)."""
    known = [s for s in spans if s.mode in MODE_COLORS]
    axes.broken_barh(
        [(s.start_s, s.end_s - s.start_s) for s in known],
        y,
        facecolors=[MODE_COLORS[s.mode] for s in known],
        linewidth=0,
    )


def legend(figure: Figure, columns: int) -> None:
    """Every labelled line of the figure, above its axes; each label once."""
    entries: dict[str, Artist] = {}
    for axes in figure.axes:
        for handle, label in zip(*axes.get_legend_handles_labels(), strict=True):
            entries.setdefault(label, handle)
    if not entries:
        return
    figure.legend(
        list(entries.values()),
        list(entries),
        loc="upper left",
        bbox_to_anchor=((_LEFT_IN - 0.05) / WIDTH_IN, 1.0),
        ncols=columns,
        frameon=False,
        fontsize=FONT_PT,
        labelcolor=INK,
        handlelength=1.5,
        columnspacing=1.2,
        borderaxespad=0.1,
        borderpad=0.1,
        labelspacing=0.3,
    )


def line(axes: Axes, t_s: Array, y: Array, color: str, label: str | None = None) -> None:
    axes.plot(t_s, y, color=color, linewidth=THIN, label=label)


def truth_below(axes: Axes, t_s: Array, y: Array, label: str | None = None) -> None:
    """The truth as a broad pale line, on which an estimate that agrees can still be seen."""
    axes.plot(t_s, y, color=INK, alpha=0.4, linewidth=2.4 * THIN, label=label)


def limit(axes: Axes, y: float | None, label: str) -> None:
    """A horizontal line of theory."""
    if y is not None and math.isfinite(y):
        axes.axhline(y, color=LIMIT, linewidth=THIN, linestyle=(0, (5, 3)), label=label)


def log_scale(axes: Axes, highest: float = math.inf) -> None:
    """Logarithmic in whole decades up to `highest` at most, if anything drawn is above zero."""
    drawn = [np.asarray(line.get_ydata(), float) for line in axes.get_lines()]
    values = np.concatenate([np.empty(0), *drawn])
    values = values[np.isfinite(values) & (values > 0)]
    if len(values):
        low = math.floor(math.log10(values.min()))
        high = math.ceil(math.log10(min(values.max(), highest)))
        axes.set_yscale("log")
        axes.set_ylim(10.0**low, 10.0 ** max(high, low + 1))
        axes.yaxis.set_minor_formatter(NullFormatter())


def from_zero(axes: Axes, highest: float) -> None:
    """Linear from zero to a little above `highest`; to 1 where that is nothing."""
    axes.set_ylim(0.0, 1.08 * highest if highest > 0 and math.isfinite(highest) else 1.0)


def around_zero(axes: Axes, values: Array, least: float) -> None:
    """Limits that hold zero and the middle 96 % of the values; a span of `least` at least."""
    finite = values[np.isfinite(values)]
    low, high = np.percentile(finite, (2, 98)) if len(finite) else (0.0, 0.0)
    low, high = min(float(low), 0.0), max(float(high), 0.0)
    margin = max(0.25 * (high - low), 0.5 * (least - (high - low)))
    axes.set_ylim(low - margin, high + margin)


def svg(figure: Figure, name: str, label: str) -> str:
    """The figure as an element of a page: the same bytes each time, ids of its own, themed.

    name: unique on the page. label: what a screen reader says; already escaped.
    """
    out = io.StringIO()
    # Without any metadata there is no RDF block, which would hold addresses and a date.
    nothing = {"Creator": None, "Date": None, "Format": None, "Type": None}
    with matplotlib.rc_context({"svg.hashsalt": name, "svg.fonttype": "none"}):
        figure.savefig(out, format="svg", transparent=True, metadata=nothing)
    text = out.getvalue()
    box = re.search(r'viewBox="[\d. ]+"', text)
    start = text.index(">", text.index("<svg")) + 1
    # Inside HTML no name spaces are declared.
    root = f'<svg {box.group() if box else ""} role="img" aria-label="{label}">'
    body = text[start:]
    body = re.sub(r' id="', f' id="{name}-', body)
    body = re.sub(r'(href="|url\()#', rf"\1#{name}-", body)
    for color, (variable, _) in THEME.items():
        body = body.replace(color, f"var(--{variable})")
    # Empty lines and indentation are a tenth of the file.
    return root + re.sub(r"\n\s*", "\n", body).strip()
