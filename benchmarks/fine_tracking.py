"""`python -m benchmarks.fine_tracking`: what the fine loop leaves of every disturbance of the
catalogue, over the bound and over the best integrator in hindsight.

All of it through `terminal.track`, as `qsky track` does: 5 kHz, learned over the first 5 s, scored
over the rest, no constant set for a case. The bound is the Kalman prediction of the true model; of
the drone it does not count what a change of the rotor's speed costs, the residual does. --keck
FOLDER: the real recording, against the loop that was recorded.
"""

import argparse
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track as progress
from rich.table import Table

from sim_devices.disturbance import spectrum_bound_rad
from sim_devices.disturbance_sources import gaps, jitter_source
from sim_devices.spectra import DISTURBANCES
from terminal.track import best_integrator, close_loop, rms

Array = NDArray[np.float64]

RATE_HZ, TRAIN_S, SCORED_S = 5000.0, 5.0, 20.0
ESA_NOISE_URAD2_PER_HZ = 1e-3
DRONE_NOISE_RAD = 0.2e-6
FIRST = round(TRAIN_S * RATE_HZ)
TICKS = round((TRAIN_S + SCORED_S) * RATE_HZ)


class Case(NamedTuple):
    """One disturbance under one noise."""

    name: str
    noise_rad: float


ESA_NOISE_RAD = 1e-6 * float(np.sqrt(ESA_NOISE_URAD2_PER_HZ * RATE_HZ / 2.0))
CASES = tuple(
    Case(name, ESA_NOISE_RAD if name.startswith("esa") else DRONE_NOISE_RAD)
    for name in DISTURBANCES
)


class Result(NamedTuple):
    """Ratios, all axes and seeds."""

    over_bound: float
    worst_over_bound: float
    over_integrator: float
    worst_over_integrator: float


def run(case: Case, delay: int, seeds: int) -> Result:
    """Rms over all, and the worst of one axis of one seed."""
    bound = spectrum_bound_rad(case.name, RATE_HZ, delay, case.noise_rad)
    left, plain = [], []
    for seed in range(seeds):
        sources = [jitter_source(case.name, RATE_HZ, seed, axis) for axis in (0, 1)]
        angle = np.stack([source.take(TICKS) for source in sources], 1)
        noise = case.noise_rad * np.random.default_rng([seed, 1]).normal(size=angle.shape)
        noise[gaps(case.name, RATE_HZ, seed, TICKS)] = np.nan
        residual = close_loop(angle, noise, RATE_HZ, delay).residual_rad
        for axis in (0, 1):
            left.append(rms(residual[FIRST:, axis]))
            plain.append(best_integrator(angle[:, axis], noise[:, axis], delay, FIRST)[0])
    ours, theirs = np.array(left), np.array(plain)
    return Result(
        rms(ours) / bound,
        float(ours.max()) / bound,
        rms(ours) / rms(theirs),
        float((ours / theirs).max()),
    )


def keck(folder: Path) -> tuple[Array, Array]:
    """Rms (x, y) over that of the recorded loop: (ours, best integrator's)."""
    angle = np.load(folder / "OpenLoop_n0088.npy").astype(float)
    recorded = angle - np.load(folder / "Commands_n0088.npy").astype(float)
    noise = np.zeros_like(angle)
    left = close_loop(angle, noise, 1000.0, 1).residual_rad[5000:]
    theirs = np.sqrt(np.mean(recorded[5000:] ** 2, axis=0))
    plain = [best_integrator(angle[:, i], noise[:, i], 1, 5000)[0] for i in (0, 1)]
    return np.sqrt(np.mean(left**2, axis=0)) / theirs, np.array(plain) / theirs


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.fine_tracking", description=__doc__)
    parser.add_argument("--seeds", type=int, default=4)
    parser.add_argument("--case", default="", help="only those whose name begins so")
    parser.add_argument("--keck", type=Path, metavar="FOLDER")
    options = parser.parse_args()
    shown = Table(title=f"residual rms, {options.seeds} seeds, {SCORED_S:g} s each, both axes")
    for column in ("disturbance", "noise, urad", "delay", "over bound", "worst", "over integrator"):
        shown.add_column(column)
    shown.add_column("worst")
    cases = [(c, d) for c in CASES if c.name.startswith(options.case) for d in (1, 2, 5)]
    for case, delay in progress(cases, description="tracking"):
        got = run(case, delay, options.seeds)
        # Events are no part of the model whose bound it is.
        bounded = not DISTURBANCES[case.name].events
        shown.add_row(
            case.name,
            f"{1e6 * case.noise_rad:.2f}",
            str(delay),
            f"{got.over_bound:.3f}" if bounded else "-",
            f"{got.worst_over_bound:.3f}" if bounded else "-",
            f"{got.over_integrator:.3f}",
            f"{got.worst_over_integrator:.3f}",
        )
    console = Console(width=110)
    console.print(shown)
    if options.keck:
        ours, plain = keck(options.keck)
        console.print(
            f"Keck, rows 5000 on: {ours[0]:.4f} {ours[1]:.4f} of the recorded loop's rms, "
            f"the best integrator {plain[0]:.4f} {plain[1]:.4f}"
        )


if __name__ == "__main__":
    main()
