"""`python -m benchmarks.entanglement`: measured fidelity and CHSH sum against the analytic model.

Flies `haps_two_laps` with several seeds, by night and under the sky of a hazy day (15 W m^-2 sr^-1
um^-1), and gives how many standard deviations of counting lie between photons and model. No seed
is left out. The command fails where the squares of these sum up to what chance gives once in a
thousand.
"""

import argparse
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from time import perf_counter
from typing import NamedTuple

from msgspec import structs
from rich import box
from rich.console import Console
from rich.table import Table
from scipy.stats import chi2

from config.loader import load_scenario
from config.scenario import Scenario
from hil.flight import window_of
from hil.two_arms import fly_two_arms

SCENARIO = "haps_two_laps"
SKIES = {"night": None, "day": 15.0}
"""Radiance in W m^-2 sr^-1 um^-1; None: the scenario's, a full moon."""
LEAST_CHANCE = 1e-3


class Flown(NamedTuple):
    """One pair of flights."""

    sky: str
    seed: int
    coincidences: int
    fidelity: tuple[float, float, float]
    """Measured, sigma, model."""
    chsh: tuple[float, float, float]
    seconds: float

    def pulls(self) -> tuple[float, float]:
        """Measured less model, in standard deviations."""
        f, s = self.fidelity, self.chsh
        return (f[0] - f[2]) / f[1], (s[0] - s[2]) / s[1]


def under(scenario: Scenario, radiance: float | None) -> Scenario:
    """The scenario under another sky."""
    if radiance is None:
        return scenario
    world = scenario.world
    air = structs.replace(world.atmosphere, background_radiance_w_m2_sr_um=radiance)
    return structs.replace(scenario, world=structs.replace(world, atmosphere=air))


def flights(skies: list[str], seeds: list[int], duration_s: float | None) -> Iterator[Flown]:
    """Each sky with each seed. Raises RuntimeError where a flight has nothing to compare."""
    for sky in skies:
        scenario = under(load_scenario(SCENARIO), SKIES[sky])
        for seed in seeds:
            start = perf_counter()
            with tempfile.TemporaryDirectory() as folder:
                summary = fly_two_arms(
                    scenario, seed, window_of(scenario, duration_s), Path(folder), lambda _: None
                )
            found = summary["entanglement"]
            if found["fidelity"] is None or found["chsh_s"] is None:
                raise RuntimeError(f"{sky}, seed {seed}: no coincidences in some pair of bases")
            yield Flown(
                sky,
                seed,
                found["coincidences"],
                (found["fidelity"], found["fidelity_sigma"], found["fidelity_model"]),
                (found["chsh_s"], found["chsh_sigma"], found["chsh_s_model"]),
                perf_counter() - start,
            )


def chance(pulls: list[float]) -> float:
    """That the squares of so many standard normal numbers sum up to as much."""
    return float(chi2.sf(sum(p * p for p in pulls), len(pulls)))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=6, help="1 to so many")
    parser.add_argument("--sky", choices=[*SKIES, "both"], default="both")
    parser.add_argument("--duration-s", type=float, help="of each flight, from the window's start")
    options = parser.parse_args()
    skies = list(SKIES) if options.sky == "both" else [options.sky]
    table = Table(title=SCENARIO, box=box.SIMPLE, padding=0)
    for head in ("sky", "seed", "pairs", "F", "model", "sigmas", "S", "model", "sigmas"):
        table.add_column(head, justify="right")
    pulls: dict[str, list[tuple[float, float]]] = {sky: [] for sky in skies}
    for flown in flights(skies, list(range(1, options.seeds + 1)), options.duration_s):
        pulls[flown.sky].append(flown.pulls())
        f, s = flown.fidelity, flown.chsh
        row = (
            flown.sky,
            str(flown.seed),
            f"{flown.coincidences}",
            f"{f[0]:.4f} ± {f[1]:.4f}",
            f"{f[2]:.4f}",
            f"{flown.pulls()[0]:+.2f}",
            f"{s[0]:.3f} ± {s[1]:.3f}",
            f"{s[2]:.3f}",
            f"{flown.pulls()[1]:+.2f}",
        )
        table.add_row(*row)
        print(*row, f"{flown.seconds:.0f} s", sep="  ", file=sys.stderr, flush=True)
    Console().print(table)
    holds = True
    for sky, all_of in pulls.items():
        for name, column in zip(("F", "S"), zip(*all_of, strict=True), strict=True):
            p = chance(list(column))
            holds &= p > LEAST_CHANCE
            squares = sum(x * x for x in column)
            print(f"{sky}, {name}: sum of squares {squares:.1f} of {len(column)}, chance {p:.3f}")
    return 0 if holds else 1


if __name__ == "__main__":
    sys.exit(main())
