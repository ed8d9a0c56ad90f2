"""`python -m benchmarks.finite_key`: what the finite key costs, and how near it is to its vectors.

In processor time of one thread, beside two units timed in turn with the work: `sum(range(1000))`,
and the 1.2 million exponentials that 1000 evaluations of a 400-slot pass can't do without. With
--vectors, a file of `qsky finite-key` whose cases tell what to expect is computed and compared.
"""

import argparse
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

# One thread, whatever the machine: set before numpy loads.
os.environ.update(
    dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
)

import numpy as np
from rich.console import Console
from rich.table import Table

from benchmarks.cost import UNIT, Cost, cost, unit_us
from terminal.finite_key_answers import answer
from terminal.finite_key_cases import read_cases
from terminal.qkd.decoy_bounds import KeyRules, bound_key
from terminal.qkd.expected import Link, Receiver, counts_over
from terminal.qkd.finite_key import KeyParameters, SiftedCounts, key_length
from terminal.qkd.optimise import optimise
from terminal.qkd.protocol_domain import Domain, protocol_at

DOMAIN = Domain(((0.3, 1.0), (0.001, 0.5), (0.0, 0.0)), ((0.6, 0.9999), (0.0, 0.4)), (0.3, 1.0))
RULES = KeyRules(1e-9, 1e-15, 1.16)
SLOTS, SETS = 400, 1000
LEAST_RATIO, MOST_ERROR = 0.9999, 1e-9
MOST_FIXED_MS, MOST_OPTIMISATION_MS = 100.0, 50.0


def zenith(pulse_rate_hz: float, best: float = 2e-3) -> Link:
    """A pass as of 500 km overhead at 7.6 km/s, a second a slot; light falls with distance."""
    along_m = np.linspace(-0.5, 0.5, SLOTS) * SLOTS * 7600.0
    transmittance = best / (1.0 + (along_m / 500e3) ** 2)
    return Link(
        np.array(transmittance, dtype=np.float64),
        np.full(SLOTS, pulse_rate_hz),
        Receiver(5e-7, 1e-3, 0.005),
    )


def fixed() -> Cost:
    """One of 1000 evaluations of a 400-slot pass."""
    link = zenith(1e8)
    protocol = protocol_at(np.random.default_rng(1).random((SETS, 5)), DOMAIN)

    def work() -> int:
        bound_key(counts_over(link, *protocol), *protocol[:2], RULES)
        return SETS

    return cost(work)


def exponentials() -> Cost:
    """Those of one evaluation, in arrays that a cache holds."""
    exponents = -np.random.default_rng(1).random((3 * SETS, SLOTS)) * 1e-3
    out = np.empty((60, SLOTS))

    def work() -> int:
        for k in range(0, 3 * SETS, 60):
            np.expm1(exponents[k : k + 60], out=out)
        return SETS

    return cost(work)


def one_optimisation(pulse_rate_hz: float) -> Cost:
    link = zenith(pulse_rate_hz)

    def work() -> int:
        optimise(link, DOMAIN, RULES)
        return 1

    return cost(work)


def live() -> Cost:
    """One estimate from counts, as a flight makes it."""
    counts = SiftedCounts((8e5, 6e4, 3e3), (9e4, 7e3, 350.0), 8e3, (900.0, 80.0, 20.0))
    params = KeyParameters((0.6, 0.15, 0.0), (0.7, 0.2, 0.1), *RULES)

    def work() -> int:
        for _ in range(20):
            key_length(counts, params)
        return 20

    return cost(work)


def accuracy(path: Path) -> dict[str, float]:
    """(worst relative error of fixed cases, least share of the given optimum of the others)."""
    told = {case["id"]: case["expect"] for case in json.loads(path.read_text())["cases"]}
    cases, _ = read_cases(path)
    error, share = 0.0, float("inf")
    for case in cases:
        found = answer(case)
        for name, value in told[case.id].items():
            if found["optimised"]:
                share = min(share, found[name] / value)
            elif abs(found[name] - value) > MOST_ERROR:
                error = max(error, abs(found[name] / value - 1.0) if value else float("inf"))
    return {"worst_relative_error": error, "least_share_of_optimum": share, "cases": len(cases)}


def _rows() -> dict[str, Callable[[], Cost]]:
    return {
        f"{SETS} fixed evaluations of {SLOTS} slots, each": fixed,
        "  its exponentials alone": exponentials,
        "optimisation, long key": lambda: one_optimisation(1e8),
        "optimisation, key nearly gone": lambda: one_optimisation(1.2e6),
        "optimisation, no key": lambda: one_optimisation(1e4),
        "estimate from counts": live,
    }


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.finite_key", description=__doc__)
    parser.add_argument("--json", metavar="FILE", type=Path, help="write the figures here too")
    parser.add_argument("--vectors", metavar="FILE", type=Path, help="compare with these cases")
    options = parser.parse_args()
    figures = {name: measure() for name, measure in _rows().items()}
    table = Table("what")
    for column in ("us", f"x {UNIT}", "x its exponentials"):
        table.add_column(column, justify="right")
    alone = figures["  its exponentials alone"]
    for name, each in figures.items():
        table.add_row(
            name, f"{each.us:.1f}", f"{each.units:.2f}", f"{each.units / alone.units:.2f}"
        )
    Console(width=110).print(table)
    Console().print(f"{UNIT}: {unit_us():.1f} us")
    answered: dict[str, Any] = {name.strip(): each._asdict() for name, each in figures.items()}
    if options.vectors:
        answered["vectors"] = accuracy(options.vectors)
        Console().print(answered["vectors"])
    if options.json:
        options.json.write_text(json.dumps(answered, indent=2) + "\n")


if __name__ == "__main__":
    main()
