"""report.html of a flight: what was reached, in figures that explain themselves, in one file."""

import json
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from hil.report_data import FlightData
from hil.report_entanglement import entanglement_section, entanglement_tiles
from hil.report_events import events_card
from hil.report_figures import (
    Summary,
    course_of,
    lookup,
    pair,
    real,
    safety_events,
    sections,
)
from hil.report_page import DASH, Card, Tile, folded, header, mode_bar, page, section, table, tiles
from terminal.geometry.time_scales import utc_text

OF_KEY = ("Error rate of the key basis", "Secret key")
"""Tiles that a link of entangled pairs has no use for."""


def report_html(recording: Path, summary: dict[str, Any]) -> str:
    """The page of one flight: self-contained, and the same bytes for the same input.

    recording: pass.mcap; what is missing or damaged in it is said on the page, never raised.
    summary: as in summary.json; unknown values show as a dash.
    """
    data = FlightData(recording)
    course = course_of(summary, data)
    title = _text(summary.get("scenario"))
    # What cannot be computed becomes NaN, and shows as a gap.
    with np.errstate(all="ignore"):
        figures = sections(summary, data, course, _compute(summary))
    shared, told = summary.get("entanglement"), _tiles(summary)
    if "arm" in summary:
        told = [tile for tile in told if tile.label not in OF_KEY]
    shares = [(s.mode, (s.end_s - s.start_s) / course.duration_s) for s in course.modes]
    body = [
        header(title, _lines(summary, data), data.problems),
        mode_bar(shares),
        tiles([*(entanglement_tiles(shared) if isinstance(shared, dict) else []), *told]),
        *([entanglement_section(shared)] if isinstance(shared, dict) else []),
        *figures,
        section("What stood in the way", [events_card(summary)]),
        folded("The whole summary", table(("field", "value"), _flat(summary), "whole")),
        "<footer>Everything on this page comes from pass.mcap and summary.json beside it.</footer>",
    ]
    return page(f"{title}: flight report", body)


def number(value: Any, digits: int = 0, scale: float = 1.0) -> str:
    """A number with separators of thousands, or a dash."""
    known = real(value)
    return DASH if known is None else f"{known * scale:,.{digits}f}"


def _both(value: Any, digits: int) -> str:
    """x / y of a pair, or a dash."""
    known = pair(value)
    return DASH if known is None else " / ".join(f"{v:,.{digits}f}" for v in known)


def _text(value: Any) -> str:
    return DASH if value is None or value == "" else str(value)


def _lines(summary: Summary, data: FlightData) -> list[str]:
    """Seed, time and length; what went wrong."""
    parts = ["Flight report", f"seed {_text(summary.get('seed'))}"]
    if data.start_tai_ns:
        with suppress(ValueError):
            parts.append(utc_text(data.start_tai_ns).replace("T", " ")[:19] + " UTC")
    parts.append(f"{number(summary.get('simulated_s'), 1)} s simulated")
    events, lost = safety_events(summary), real(summary.get("lost_ticks"))
    health = [_counted(len(events), "safety event")]
    if lost is not None:
        health.append(_counted(round(lost), "lost tick"))
    devices = summary.get("device_health")
    if isinstance(devices, dict) and devices:
        health.append(f"trouble on the wire: {', '.join(map(str, devices))}")
    return [" · ".join(parts), " · ".join(health)]


def _counted(n: int, what: str) -> str:
    return f"{n:,} {what}{'' if n == 1 else 's'}" if n else f"no {what}"


def _tiles(summary: Summary) -> list[Tile]:
    """The figures that people ask for first, each beside what it is to be held against."""
    key, expected = real(summary.get("secret_key_bits")), summary.get("secret_key_bits_expected")
    known = real(expected)
    ratio = f" ({100 * (key / known - 1):+.1f} %)" if key is not None and known else ""
    converged = real(summary.get("polarization_converged_s"))
    return [
        Tile(
            "Share of the window in LINK",
            number(summary.get("link_fraction"), 1, 100),
            "%",
            f"of {number(summary.get('simulated_s'), 1)} s",
        ),
        Tile(
            "Acquisition",
            number(summary.get("acquisition_s"), 1),
            "s",
            "first ACQUIRE to first TRACK",
        ),
        Tile(
            "Fine pointing error, rms x / y",
            _both(summary.get("fine_urad_rms"), 2),
            "µrad",
            f"bound of any controller {_both(summary.get('fine_bound_urad_rms'), 2)}",
        ),
        Tile(
            "Point-ahead error, rms",
            number(summary.get("point_ahead_error_urad_rms"), 2),
            "µrad",
            f"gimbal alone, x / y {_both(summary.get('coarse_urad_rms'), 0)}",
        ),
        Tile(
            "Error rate of the key basis",
            number(summary.get("qber"), 2, 100),
            "%",
            f"from the truth {number(summary.get('qber_true'), 2, 100)} %",
        ),
        Tile(
            "Secret key",
            number(key, 1, 1e-3),
            "kbit",
            f"analytic {number(expected, 1, 1e-3)}{ratio}",
        ),
        Tile(
            "Clock slips",
            number(lookup(summary, "clock", "slips")),
            "",
            f"locked {number(lookup(summary, 'clock', 'locked_s'), 1)} s, clicks to "
            f"{number(lookup(summary, 'clock', 'timing_rms_ps'))} ps rms",
        ),
        Tile(
            "Polarisation frame error, rms",
            number(summary.get("polarization_error_deg_rms"), 2),
            "°",
            "not converged"
            if converged is None
            else f"converged after {converged:.1f} s of LINK, information of all counts for it "
            f"after {number(summary.get('polarization_fisher_s'), 1)} s; phase left "
            f"{number(summary.get('phase_error_deg_rms'), 1)}°, along a retarder's axis "
            f"{number(summary.get('phase_correctable_deg_rms'), 1)}°",
        ),
    ]


def _compute(summary: Summary) -> Card:
    """Loops, fastest first: how much of its period a tick takes."""
    ticks, compute = summary.get("ticks"), summary.get("compute_us")
    ticks = ticks if isinstance(ticks, dict) else {}
    compute = compute if isinstance(compute, dict) else {}
    simulated_s = real(summary.get("simulated_s"))
    rows = []
    for loop in sorted({*ticks, *compute}, key=lambda name: (-(real(ticks.get(name)) or 0), name)):
        count, p50, p99 = (
            real(ticks.get(loop)),
            real(lookup(compute, loop, "p50")),
            real(lookup(compute, loop, "p99")),
        )
        rate_hz = count / simulated_s if count is not None and simulated_s else None
        share = rate_hz * p99 * 1e-4 if rate_hz is not None and p99 is not None else None
        rows.append(
            (
                str(loop).replace("_", " "),
                number(rate_hz),
                number(count),
                number(p50, 1),
                number(p99, 1),
                number(share, 2),
            )
        )
    head = ("loop", "rate, Hz", "ticks", "p50, µs", "p99, µs", "p99 of period, %")
    return Card(
        "Computing time",
        table(head, rows),
        "Wall-clock time of a tick from read to push on the machine that flew this pass, and what "
        "share of the loop's period its 99th percentile takes: 100 % would leave no time at all.",
    )


def _flat(value: Any, prefix: str = "") -> list[tuple[str, str]]:
    """(dotted name, JSON) of every value."""
    if isinstance(value, dict):
        inner = [_flat(v, f"{prefix}.{k}" if prefix else str(k)) for k, v in value.items()]
        return [row for rows in inner for row in rows]
    shown = DASH if value is None else json.dumps(value, default=str, ensure_ascii=False)
    return [(prefix, shown)]
