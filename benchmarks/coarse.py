"""`python -m benchmarks.coarse --seeds N`: what the gimbal leaves before the mirror takes over.

The first seconds of a platform's and of a drone's pass, by the truth: `coarse_urad_rms`.
"""

import argparse
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from config.loader import load_scenario
from hil.flight import fly, window_of

FLOWN_S = 12.0
"""Long enough to be in LINK."""


class Case(NamedTuple):
    scenario: str
    most_urad: float
    """Asked for, per axis."""


CASES = (Case("leo_haps_downlink", 50.0), Case("leo_laps_downlink", 200.0))


def flown(case: Case, seeds: int) -> NDArray[np.float64]:
    """(seeds, 2) rms of x and y, urad; NaN for a flight that never came to TRACK."""
    scenario = load_scenario(case.scenario)
    rows = []
    for seed in range(1, seeds + 1):
        with tempfile.TemporaryDirectory() as folder:
            window = window_of(scenario, FLOWN_S)
            summary = fly(scenario, seed, window, Path(folder), lambda progress: None)
        rows.append(summary["coarse_urad_rms"] or (np.nan, np.nan))
    return np.array(rows, dtype=np.float64)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.coarse", description=__doc__)
    parser.add_argument("--seeds", type=int, default=8)
    seeds = parser.parse_args().seeds
    good = True
    for case in CASES:
        urad = flown(case, seeds)
        largest = urad.max(axis=0)
        holds = bool(np.all(largest <= case.most_urad))
        good &= holds
        mean, most = (", ".join(f"{v:.0f}" for v in row) for row in (urad.mean(axis=0), largest))
        print(
            f"{case.scenario}: mean {mean} urad, largest {most}, of {seeds} flights;"
            f" at most {case.most_urad:g}: {'holds' if holds else 'FAILS'}",
            flush=True,
        )
    sys.exit(not good)


if __name__ == "__main__":
    main()
