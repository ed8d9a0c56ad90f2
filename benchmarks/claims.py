"""`python -m benchmarks.claims DIR`: a flight's summary.json beside what it has to show."""

import argparse
import json
import math
import sys
from pathlib import Path
from typing import Any, NamedTuple

FINE_URAD = 3.3
QBER_MARGIN = 1e-3
KEY_MARGIN = 0.1
REALTIME_FACTOR = 5.0


class Claim(NamedTuple):
    """One row."""

    what: str
    figure: str
    bound: str
    holds: bool


def claims(summary: dict[str, Any]) -> list[Claim]:
    """All that can be judged from a summary of a whole pass; what was not measured fails."""
    ended_in_link = summary["modes"][-1]["mode"] == "LINK"
    fine = max(summary["fine_urad_rms"] or [math.inf])
    slips = summary["clock"]["slips"]
    qber, true = (math.nan if summary[k] is None else summary[k] for k in ("qber", "qber_true"))
    allowed = QBER_MARGIN + 3.0 * _standard_error(summary)
    key, expected = summary["secret_key_bits"], summary["secret_key_bits_expected"]
    ratio = key / expected if expected else 0.0
    factor = summary["simulated_s"] / summary["wall_s"]
    return [
        Claim(
            "LINK held to the end",
            f"{100 * summary['link_fraction']:.1f} % of the window",
            "last mode is LINK",
            ended_in_link,
        ),
        Claim("fine error rms, worse axis", f"{fine:.2f} urad", f"< {FINE_URAD}", fine < FINE_URAD),
        Claim("clock slips", str(slips), "0", slips == 0),
        Claim(
            "error rate against truth",
            f"{100 * qber:.3f} % against {100 * true:.3f} %",
            f"within {100 * allowed:.3f} points",
            abs(qber - true) < allowed,
        ),
        Claim(
            "secret key over expected",
            f"{key:.0f} / {expected:.0f} bit = {ratio:.3f}",
            f"1 +- {KEY_MARGIN}",
            abs(ratio - 1.0) < KEY_MARGIN,
        ),
        Claim(
            "speed", f"{factor:.1f} x real time", f">= {REALTIME_FACTOR}", factor >= REALTIME_FACTOR
        ),
        Claim("lost ticks", str(summary["lost_ticks"]), "0", summary["lost_ticks"] == 0),
    ]


def _standard_error(summary: dict[str, Any]) -> float:
    """Of the error rate: binomial, over the disclosed key-basis bits."""
    disclosed, true = summary["counts"]["disclosed_key"], summary["qber_true"]
    return math.sqrt(true * (1.0 - true) / disclosed) if disclosed and true is not None else 0.0


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.claims", description=__doc__)
    parser.add_argument("folder", metavar="DIR", type=Path, help="the --out of a flight")
    path: Path = parser.parse_args().folder / "summary.json"
    if not path.is_file():
        parser.error(f"{path}: no such file")
    summary = json.loads(path.read_text())
    rows = claims(summary)
    for row in rows:
        holds = "holds" if row.holds else "FAILS"
        print(f"{row.what:28} {row.figure:36} {row.bound:24} {holds}")
    sys.exit(not all(row.holds for row in rows))


if __name__ == "__main__":
    main()
