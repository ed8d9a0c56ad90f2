"""What two terminals share of a pair source, as tiles, a curve and tables of the report."""

import math
from collections.abc import Iterable
from html import escape
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from hil.plot_style import FONT_PT, INK, LIMIT, OWN, THIN, WIDTH_IN, legend, plain, svg
from hil.report_page import DASH, Card, Tile, section, table

Entry = dict[str, Any]

HEIGHT_IN = 3.1


def _real(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return float(value)


def _shown(value: Any, digits: int, scale: float = 1.0) -> str:
    known = _real(value)
    return DASH if known is None else f"{known * scale:,.{digits}f}"


def _with_sigma(found: Entry, name: str, sigma: str, digits: int, scale: float = 1.0) -> str:
    value = _shown(found.get(name), digits, scale)
    return value if value == DASH else f"{value} ± {_shown(found.get(sigma), digits, scale)}"


def _entries(value: Any) -> Iterable[Entry]:
    return (v for v in value if isinstance(v, dict)) if isinstance(value, list) else ()


def entanglement_tiles(found: Entry) -> list[Tile]:
    """Fidelity and CHSH, in place of what only a key has."""
    return [
        Tile(
            "Fidelity of the pairs",
            _with_sigma(found, "fidelity", "fidelity_sigma", 2, 100),
            "%",
            f"model {_shown(found.get('fidelity_model'), 2, 100)} %",
        ),
        Tile(
            "CHSH sum S",
            _with_sigma(found, "chsh_s", "chsh_sigma", 3),
            "",
            f"model {_shown(found.get('chsh_s_model'), 3)}; local realism: up to 2",
        ),
    ]


def entanglement_section(found: Entry) -> str:
    """Curve and tables as HTML."""
    rows = list(_entries(found.get("correlations")))
    return section(
        "Entanglement",
        [
            Card(
                "Correlation by analyser angle",
                svg(_curve(rows), "correlation", escape("Correlation by analyser angle")),
                "Mean product of both ends' outcomes over the angle of the first analyser against "
                "the second, with 1σ of counting; nothing is subtracted. Bars: the analytic "
                "model of both arms. Grey: what perfect pairs would show, cos 2θ.",
            ),
            Card("Coincidences", _counts(rows), _caption(found)),
        ],
    )


def _curve(rows: list[Entry]) -> Figure:
    figure = Figure(figsize=(WIDTH_IN, HEIGHT_IN))
    axes = figure.add_axes((0.12, 0.15, 0.85, 0.74))
    plain(axes)
    angle = np.radians(np.linspace(-60.0, 80.0, 281))
    axes.plot(
        np.degrees(angle),
        np.cos(2 * angle),
        color=INK,
        alpha=0.3,
        linewidth=2.4 * THIN,
        label="perfect pairs",
    )
    points = np.array(
        [[v if (v := _real(row.get(k))) is not None else math.nan for k in COLUMNS] for row in rows]
    ).reshape(-1, len(COLUMNS))
    angle_deg, value, sigma, model = np.degrees(points[:, 0]), *points[:, 1:].T
    axes.plot(
        angle_deg,
        model,
        linestyle="",
        marker="_",
        markersize=11,
        markeredgewidth=1.4,
        color=LIMIT,
        label="model",
    )
    axes.errorbar(
        angle_deg, value, sigma, fmt="o", color=OWN, markersize=3, elinewidth=0.9, label="measured"
    )
    axes.set_xlabel("angle between the analysers, degrees", fontsize=FONT_PT, color=INK)
    axes.set_ylabel("correlation E", fontsize=FONT_PT, color=INK)
    axes.set_ylim(-1.08, 1.08)
    axes.set_xlim(-60.0, 80.0)
    legend(figure, 3)
    return figure


COLUMNS = ("angle_rad", "value", "sigma", "model")


def _counts(rows: list[Entry]) -> str:
    head = ("turn", "bases", "angle", "counted", "model", "E", "E, model")
    return table(
        head,
        [
            (
                f"{_shown(row.get('turn_rad'), 1, 180 / math.pi)}°",
                f"{row.get('first', DASH)}, {row.get('second', DASH)}",
                f"{_shown(row.get('angle_rad'), 1, 180 / math.pi)}°",
                _shown(row.get("coincidences"), 0),
                _shown(row.get("coincidences_model"), 0),
                _with_sigma(row, "value", "sigma", 4),
                _shown(row.get("model"), 4),
            )
            for row in rows
        ],
    )


def _caption(found: Entry) -> str:
    tags = found.get("time_tags")
    tags = tags if isinstance(tags, dict) else {}
    visibility, model = found.get("visibility"), found.get("visibility_model")
    told = ""
    if isinstance(visibility, dict) and isinstance(model, dict):
        told = (
            f"Visibility H/V {_shown(visibility.get('h_v'), 2, 100)} % (model "
            f"{_shown(model.get('h_v'), 2, 100)}), D/A {_shown(visibility.get('d_a'), 2, 100)} % "
            f"({_shown(model.get('d_a'), 2, 100)}); the fidelity is at least "
            f"{_with_sigma(found, 'fidelity_at_least', 'fidelity_at_least_sigma', 2, 100)} % "
            "without any assumption about the circular basis. "
        )
    arms = found.get("arms")
    if isinstance(arms, dict):
        told += (
            "As they arrive, before the receivers' own errors, the model's pairs have "
            f"{_shown(arms.get('fidelity'), 2, 100)} %; of a source that gave a pair when asked, "
            f"{_shown(arms.get('fidelity_when_asked'), 2, 100)} %. "
        )
    other = (
        f"By time tags alone, over {_shown(tags.get('seconds'), 0)} s of all clicks: "
        f"{_shown(tags.get('both'), 0)} of {_shown(tags.get('by_slot'), 0)} coincidences again."
        if tags.get("locked")
        else "By time tags alone no coincidences were found."
    )
    lacking = found.get("model_leaves_out")
    if isinstance(lacking, list) and lacking:
        other += f" The model leaves out what is here: {', '.join(map(str, lacking))}."
    return (
        f"{told}X is H/V, Z is D/A. {_shown(found.get('coincidences'), 0)} coincidences, of which "
        f"chance makes {_with_sigma(found, 'accidentals', 'accidentals_sigma', 0)} (counted at "
        f"other slots; model {_shown(found.get('accidentals_model'), 0)}). {other}"
    )
