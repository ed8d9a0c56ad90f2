"""Files of a flight, and the table that its command prints."""

import json
from pathlib import Path
from typing import Any

from rich.table import Table

from config.errors import InputError
from config.scenario import Scenario
from config.whole_file import replacing

SUMMARY = "summary.json"
REPORT = "report.html"


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
        for name in (SUMMARY, REPORT):
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

    clock, counts = summary["clock"], summary["counts"]
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
    row("detected in key slots", counts["detected"], "", 0)
    row("sifted", counts["sifted"], "", 0)
    row("QBER", _percent(summary["qber"]), "%", 3)
    row("QBER of the truth", _percent(summary["qber_true"]), "%", 3)
    row("secret key", summary["secret_key_bits"], "bit", 0)
    row("secret key, analytic", summary["secret_key_bits_expected"], "bit", 0)
    row("ticks lost", summary["lost_ticks"], "", 0)
    t.add_row("report", str(folder / REPORT))
    return t
