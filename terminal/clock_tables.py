"""Answers of `qsky clock` as tables for people: names as in the JSON, values with units."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Group

_MOST_LINES = 20


def _scaled(scale: float, form: str, unit: str) -> Callable[[Any], str]:
    return lambda value: f"{scale * value:{form}} {unit}".rstrip()


def _channels(unit: str) -> Callable[[Any], str]:
    return lambda values: "\n".join(
        f"{name} {value:.1f} {unit}" for name, value in zip("HVDA", values, strict=True)
    )


def _stretch(value: dict[str, Any]) -> str:
    span = f"{value['begin_s']:.3f} to {value['end_s']:.3f} s"
    return f"{span}, false with {value['false_lock_probability']:.1g}"


def _allan(value: dict[str, Any]) -> str:
    return f"{value['tau_s']:.3g} s: {value['deviation']:.2e}, floor {value['floor']:.2e}"


def _lines(form: Callable[[Any], str]) -> Callable[[Any], str]:
    def text(values: list[Any]) -> str:
        rows = [form(value) for value in values[:_MOST_LINES]]
        if len(values) > _MOST_LINES:
            rows.append(f"and {len(values) - _MOST_LINES} more")
        return "\n".join(rows) or "-"

    return text


_FORMS: dict[str, Callable[[Any], str]] = {
    "frequency_offset": _scaled(1e6, "+.6f", "ppm"),
    "frequency_uncertainty": _scaled(1e6, ".1e", "ppm"),
    "drift_per_s": _scaled(1e6, "+.6f", "ppm/s"),
    "false_lock_probability": _scaled(1.0, ".1e", ""),
    "seconds_used": _scaled(1.0, ".3f", "s"),
    "timing_rms_ps": _scaled(1.0, ".1f", "ps"),
    "reference_time_ps": _scaled(1, ",", "ps"),
    "signal_fraction": _scaled(100.0, ".1f", "%"),
    "background_hz": _scaled(1.0, ",.1f", "Hz"),
    "channel_background_hz": _channels("Hz"),
    "channel_delays_ps": _channels("ps"),
    "stretches": _lines(_stretch),
    "allan_deviation": _lines(_allan),
    "frequency_hz": _scaled(1.0, ",.6f", "Hz"),
    "uncertainty_hz": _scaled(1.0, ".1e", "Hz"),
    "modulation": _scaled(100.0, ".1f", "%"),
    "offset_ps": _scaled(1.0, ",.1f", "ps"),
    "offset_uncertainty_ps": _scaled(1.0, ".1f", "ps"),
    "accidentals": _scaled(1.0, ",.1f", ""),
    "jitter_ps": _scaled(1.0, ".1f", "ps"),
    "flags": _lines(str),
}


def table(answer: dict[str, Any]) -> "Group":
    """One row a field; the notes below."""
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    shown = Table(show_header=False)
    shown.add_column()
    shown.add_column(justify="right")
    for name, value in answer.items():
        if name != "notes":
            shown.add_row(name, Text(_text(name, value)))
    return Group(shown, *(Text(note) for note in answer["notes"]))


def _text(name: str, value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if name in _FORMS:
        return _FORMS[name](value)
    return f"{value:,}"
