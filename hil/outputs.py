"""Files of a flight, and the table that its command prints."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from rich.table import Table

from config.errors import InputError
from config.scenario import Scenario
from config.whole_file import replacing

SUMMARY = "summary.json"
REPORT = "report.html"
TAGS = "tags.npz"
"""Of a source of pairs: all clicks of an arm."""


def prepare_folder(out: Path) -> Path:
    """The folder, made if need be, without the results of an earlier flight.

    Raises InputError if nothing can be written there.
    """
    try:
        out.mkdir(parents=True, exist_ok=True)
        probe = out / ".qsky-probe"
        probe.write_bytes(b"")
        probe.unlink()
        # A flight that is broken off must not stand beside what another one has reached.
        for name in (SUMMARY, REPORT, TAGS):
            (out / name).unlink(missing_ok=True)
    except OSError as error:
        raise InputError(f"--out: cannot write to {out}: {error.strerror or error}") from error
    return out


def write_whole(path: Path, text: str) -> None:
    """All of the text or nothing, also if this process dies on the way."""
    with replacing(path) as file:
        file.write(text.encode())


def write_results(folder: Path, scenario: Scenario, summary: dict[str, Any]) -> None:
    """summary.json and report.html beside the recording."""
    from hil.report import report_html

    write_whole(folder / SUMMARY, json.dumps(summary, indent=2) + "\n")
    write_whole(folder / REPORT, report_html(folder / "pass.mcap", summary))


def _percent(share: float | None) -> float | None:
    return None if share is None else 100 * share


def table(summary: dict[str, Any], folder: Path) -> Table:
    """The figures that people ask for first."""
    t = Table(title=f"{summary['scenario']}, seed {summary['seed']}", show_header=False)
    t.add_column()
    # A long path goes on in the next line instead of being cut off.
    t.add_column(overflow="fold")

    def row(name: str, value: Any, unit: str = "", digits: int = 2) -> None:
        if value is None:
            t.add_row(name, "-")
            return
        values = value if isinstance(value, list) else [value]
        text = ", ".join(f"{v:,.{digits}f}" for v in values)
        t.add_row(name, f"{text} {unit}".strip())

    clock = summary["clock"]
    row("simulated", summary["simulated_s"], "s", 1)
    row("wall clock", summary["wall_s"], "s", 1)
    row("acquisition", summary["acquisition_s"], "s")
    row("LINK share of the window", 100 * summary["link_fraction"], "%", 1)
    row("coarse error rms x, y", summary["coarse_urad_rms"], "urad")
    row("fine error rms x, y", summary["fine_urad_rms"], "urad")
    row("fine bound rms x, y", summary["fine_bound_urad_rms"], "urad")
    row("point-ahead error rms", summary["point_ahead_error_urad_rms"], "urad")
    row("polarisation error rms", summary["polarization_error_deg_rms"], "deg")
    row("clock locked", clock["locked_s"], "s", 1)
    row("clock slips", clock["slips"], "", 0)
    row("timing rms", clock["timing_rms_ps"], "ps", 0)
    shared = summary.get("entanglement")
    if shared:
        _of_pairs(t, shared)
    else:
        _of_key(row, summary)
    row("ticks lost", summary["lost_ticks"], "", 0)
    t.add_row("report", str(folder / REPORT))
    return t


def _of_key(row: Callable[..., None], summary: dict[str, Any]) -> None:
    counts = summary["counts"]
    row("detected in key slots", counts["detected"], "", 0)
    row("sifted", counts["sifted"], "", 0)
    row("QBER", _percent(summary["qber"]), "%", 3)
    row("QBER of the truth", _percent(summary["qber_true"]), "%", 3)
    row("secret key", summary["secret_key_bits"], "bit", 0)
    row("secret key, analytic", summary["secret_key_bits_expected"], "bit", 0)


def _of_pairs(t: Table, shared: dict[str, Any]) -> None:
    """What two ends share, each beside what the model expects."""

    def row(name: str, value: str, sigma: str, scale: float, digits: int, unit: str) -> None:
        known, model = shared[value], shared[f"{value}_model"]
        if known is None or model is None:
            t.add_row(name, "-")
            return
        spread = "" if shared[sigma] is None else f" ± {scale * shared[sigma]:,.{digits}f}"
        text = f"{scale * known:,.{digits}f}{spread}{unit}, model {scale * model:,.{digits}f}{unit}"
        t.add_row(name, text)

    t.add_row("coincidences", f"{shared['coincidences']:,}")
    row("of these by chance", "accidentals", "accidentals_sigma", 1.0, 0, "")
    row("fidelity of the pairs", "fidelity", "fidelity_sigma", 100.0, 2, " %")
    row("CHSH sum, over 2: not local", "chsh_s", "chsh_sigma", 1.0, 3, "")
    if shared["model_leaves_out"]:
        t.add_row("left out of the model", "\n".join(shared["model_leaves_out"]))
